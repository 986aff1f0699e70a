/*
 * sm.h -- stream management (XEP-0198) as far as it is the session's: counters, queue, time.
 *
 * The stream speaks the protocol (src/stream/sm.c); the session counts and remembers.  A session
 * whose connection is lost waits without an outlet until its client resumes it, on whatever
 * connection, or until its time is over.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_SM_H
#define HOME_SM_H

#include "base/rand.h"
#include "home/session.h"
#include "home/unacked.h"

/* An <r/> of the client is answered after this time at the latest, with what is settled by then
 * (XEP-0198 4: «as soon as possible»). */
#define SM_ANSWER_WITHIN SECONDS(1)
/* The client is asked after so many stanzas, or when nothing was sent for a while. */
#define SM_ASK_EVERY 20
#define SM_ASK_AFTER 500
/* Sessions of one account whose end is remembered for <failed h=''/>. */
#define SM_EXPIRED_MAX 8

struct resume_request;

/* What belongs to a session with stream management. */
struct sm {
	struct session *session;
	char id[RAND_ID_SIZE]; /* "": it cannot be resumed */
	msec_t max; /* how long it may be without a connection */
	uint32_t base; /* number in session->window at which counting began */
	struct unacked queue;
	/* <r/> that the client sent */
	bool asked;
	uint32_t due, last; /* numbers before the first and the last that are not answered */
	struct timer answer;
	/* <r/> that the client was sent */
	bool awaiting; /* one without an answer */
	unsigned unasked; /* stanzas since then */
	struct timer ask;
	/* without a connection */
	struct timer expiry;
	struct stream_info stream; /* of the lost one */
	struct resume_request *resuming; /* waits until nothing is under way, or NULL */
	bool kept; /* written down for the restart */
};

/* ---- For streams ------------------------------------------------------------------ */

/* Counting begins with the next stanza in both directions.  max: the longest time that a client
 * asked for, 0: the server's; resume false: only acks.  What was granted is in s->sm.  The session
 * must not have it yet. */
void sm_enable(struct session *s, bool resume, msec_t max);
/* <r/> and <a/> of the client.  False: it says that it got more than was sent. */
void sm_asked(struct session *s);
MUST_CHECK bool sm_acked(struct session *s, uint32_t h);
/* What the client may be told: its stanzas that are settled. */
uint32_t sm_settled(const struct session *s);

enum resume_result {
	RESUME_OK,
	RESUME_UNKNOWN, /* no session of this account has that id */
	RESUME_EXPIRED, /* it had: request->settled */
	RESUME_TOO_HIGH, /* the client got more than was sent: request->sent */
	RESUME_AWAY, /* the store is */
};

struct resume_request {
	struct home_wait wait;
	struct worker *worker;
	struct jid bare; /* of the account that the client proved to own; borrowed until done */
	struct str id;
	uint32_t h; /* stanzas that the client got */
	struct outlet *outlet;
	const struct stream_info *stream; /* lives as long as the outlet */
	uint32_t settled, sent;
	/* session is NULL unless RESUME_OK; what it did not get is written when this returns. */
	void (*done)(struct resume_request *r, enum resume_result result, struct session *session);
};

/* On the home's worker.  A connection that the session still has is closed with `conflict`, and
 * nothing more is taken from it. */
void sm_resume(struct resume_request *r);

/* ---- For session.c ------------------------------------------------------------------- */

/* To be written, or to wait: it counts. */
void sm_sent(struct session *s, const struct stanza *stanza, struct handed *h);
/* The window's counter moved. */
void sm_moved(struct session *s);
/* The outlet is gone; the session waits for its client.  False: it may not. */
MUST_CHECK bool sm_hibernate(struct session *s);
/* The session is ending: what was not acknowledged goes elsewhere, before anything that comes later
 * does. */
void sm_give_up(struct session *s, struct account *a);
/* The session is over: what was not acknowledged goes elsewhere.  It has left the account. */
void sm_end(struct session *s, struct account *a);
/* Makes a new session one that was written down and waits for its client; takes the queue. */
void sm_revive(
	struct session *s, struct str id, msec_t max, uint32_t settled, struct unacked *queue);
/* Gives back what the account remembers. */
void sm_forget(struct account *a);

#endif
