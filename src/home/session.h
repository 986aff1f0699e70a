/*
 * session.h -- a bound resource.
 *
 * It lives at the account's home and is apart from its connection, which it knows only as an
 * outlet.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_SESSION_H
#define HOME_SESSION_H

#include "base/hash.h"
#include "home/account.h"
#include "home/outlet.h"
#include "home/stream_info.h"

/* Stanzas of one session under way (without receipt) or jobs not finished, beyond which its
 * client is not read. */
#define SESSION_UNDER_WAY_MAX 256
#define SESSION_JOBS_MAX 32

struct session {
	struct list link; /* account->sessions */
	struct account *account;
	struct worker *worker;
	struct jid jid; /* full */
	struct outlet *outlet; /* NULL once it is detached */
	const struct stream_info *stream;
	uint32_t slot, generation; /* for receipts */
	uint32_t sequence; /* of the last stanza received */
	unsigned under_way, jobs_count;
	bool paused;
	bool ending; /* its outlet is gone: gets nothing more, and ends with this turn */
	struct later later;
	bool available;
	bool ready; /* session_ready has run since it became available */
	bool wants_roster; /* asked for its roster: gets pushes */
	int8_t priority;
	const struct stanza *presence; /* last broadcast presence while available */
	msec_t presence_at; /* wall */
	msec_t bound_at; /* wall */
	struct list jobs; /* struct session_tie of job_own.h; counted in jobs_count */
	struct hash directed; /* full or bare JIDs that got directed presence */
	uint64_t marks; /* modules' bits: session_mark_add */
};

/* ---- For streams --------------------------------------------------------------- */

enum bind_result {
	BIND_OK,
	BIND_NO_ACCOUNT, /* deleted meanwhile, or disabled */
	BIND_CONSTRAINT, /* too many sessions */
	BIND_AWAY, /* the store is */
};

struct bind_request {
	struct home_wait wait;
	struct worker *worker;
	struct jid bare; /* borrowed until done */
	struct str resource; /* prepared; p NULL: the server chooses */
	struct outlet *outlet;
	const struct stream_info *stream; /* lives as long as the outlet */
	/* session is NULL unless BIND_OK.  An older session with the resource was closed with
	 * `conflict`. */
	void (*done)(struct bind_request *r, enum bind_result result, struct session *session);
};

/* On the home's worker. */
void session_bind(struct bind_request *r);
/* A stanza from the client, `from` stamped with the full JID; takes it. */
void session_receive(struct session *s, const struct stanza *stanza);
/* The stream is over (any reason): the outlet is not used again, and calls this exactly once, at
 * any time (also inside its own operations).  Unavailable presence goes where it is due and the
 * session is gone at the end of the turn, or was already when a newer one took its resource. */
void session_end(struct session *s);

/* ---- For the core and modules ---------------------------------------------------- */

/* Writes to the client. */
void session_send(struct session *s, const struct stanza *stanza);
/* Closes the stream with an error. */
void session_close(struct session *s, enum stream_cond c, const char *text);
/* One more / one less under way; pauses the client while under_way or jobs_count are over their
 * limits, and resumes it. */
void session_begin(struct session *s);
void session_settle(struct session *s);
/* By slot and generation, on its worker; NULL if it is gone. */
struct session *session_find(struct worker *w, uint32_t slot, uint32_t generation);
/* A receipt for the stanza that it just sent; counts it as under way. */
struct receipt session_receipt(struct session *s);
/* A bit of session->marks for a module; before workers start. */
uint64_t session_mark_add(void);
size_t sessions_count(const struct worker *w);
void sessions_each(struct worker *w, void (*fn)(struct session *s, void *ctx), void *ctx);

#endif
