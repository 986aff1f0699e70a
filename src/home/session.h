/*
 * session.h -- a bound resource.
 *
 * It lives at the account's home and is apart from its connection, which it knows only as an
 * outlet.  With stream management (sm.h) it outlives the connection.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_SESSION_H
#define HOME_SESSION_H

#include "base/hash.h"
#include "home/account.h"
#include "home/outlet.h"
#include "home/stream_info.h"
#include "home/unacked.h"
#include "home/window.h"

struct copies;
struct sm;

/* Stanzas of one session under way (from the oldest without receipt on) or jobs not finished, at
 * which its client is not read. */
#define SESSION_UNDER_WAY_MAX WINDOW_MAX
#define SESSION_JOBS_MAX 32

struct session {
	struct list link; /* account->sessions */
	struct account *account;
	struct worker *worker;
	struct jid jid; /* full */
	struct outlet *outlet; /* NULL: it has none, and waits to be resumed or ends */
	const struct stream_info *stream; /* never NULL */
	uint32_t slot, generation; /* for receipts */
	struct window window; /* of the stanzas received */
	unsigned jobs_count;
	bool paused;
	bool ending; /* gets nothing more, and ends soon */
	bool leaving; /* its end has begun */
	unsigned filters; /* modules that want to see what is sent to it (session_out) */
	struct sm *sm; /* stream management; NULL: off */
	struct later later;
	bool available;
	bool ready; /* session_ready has run since its priority is 0 or more */
	bool wants_roster; /* asked for its roster: gets pushes */
	/* Its account's archive was read after the one id and up to the other: that needs nobody to
	 * repeat it; history_to 0: not. */
	int64_t history_from, history_to;
	struct copies *copies; /* copies.h; NULL: none */
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
/* A stanza from the client that could not be read: it counts as settled.  error (borrowed, may be
 * NULL) is its answer. */
void session_refuse(struct session *s, const struct stanza *error);
/* The stream is over: the outlet is not used again, and calls one of these exactly once, at any
 * time (also inside its own operations).  end: the client said so, or must not come back.
 * Unavailable presence goes where it is due and the session is gone at the end of the turn, or
 * was already when a newer one took its resource.  lost: the connection is gone; a session that
 * can be resumed waits, any other ends. */
void session_end(struct session *s);
void session_lost(struct session *s);

/* ---- For the core and modules ---------------------------------------------------- */

/* Writes to the client, or to the queue of one that may come back. */
void session_send(struct session *s, const struct stanza *stanza);
/* The same for a message that must not be lost with the session: h (borrowed) stands for it. */
void session_hand(struct session *s, const struct stanza *stanza, struct handed *h);
/* Bytes that wait until its client reads them: who has much to send waits until they are few. */
size_t session_unsent(const struct session *s);
/* Whether many stanzas more may be sent to it at once: its client acknowledged most of what it got.
 * True without stream management. */
bool session_has_room(const struct session *s);
/* The oldest message given to it that nobody has acknowledged, or NULL. */
const struct stanza *session_oldest_unacked(const struct session *s);
/* Closes the stream with an error; a session that has none ends. */
void session_close(struct session *s, enum stream_cond c, const char *text);
/* Settles the stanza of that number; pauses the client while too much is under way, and resumes
 * it. */
void session_settle(struct session *s, uint32_t number);
/* jobs_count changed: the same. */
void session_check(struct session *s);
/* By slot and generation, on its worker; NULL if it is gone. */
struct session *session_find(struct worker *w, uint32_t slot, uint32_t generation);
/* A receipt for one more stanza of the client, which is under way from now on. */
struct receipt session_receipt(struct session *s);
/* A bit of session->marks for a module; before workers start.  name (kept) stands for it when a
 * session is written down for a restart. */
uint64_t session_mark_add(const char *name);
/* How far it read the history, and the names of its marks, each with a line end; and back, where names that nobody knows (any more)
 * mean nothing. */
void session_marks_write(const struct session *s, struct buf *out);
void session_marks_read(struct session *s, struct str names);
/* Before the worker changes over to that configuration: ends the sessions of hosts that are no longer in
 * it, connected or not.  What they did not acknowledge is kept as always. */
void sessions_leave(struct worker *w, const struct config *next);
size_t sessions_count(const struct worker *w);
void sessions_each(struct worker *w, void (*fn)(struct session *s, void *ctx), void *ctx);

#endif
