/*
 * trace.h -- what became of a message: a short memory of each worker, for administrators.
 *
 * Each worker keeps its last TRACE_ROOM events in a ring: which message (a hash of its id), what
 * happened, at which address, when.  There are no texts of messages.  A message without an id is known
 * by its place in archives only.
 *
 * Runs on: the worker where it happens.
 */
#ifndef HOME_TRACE_H
#define HOME_TRACE_H

#include "home/home.h"

#define TRACE_ROOM 65536
/* Bytes of an address that are kept. */
#define TRACE_WHERE 55

/* In the order in which they happen to one message, as far as there is one. */
enum trace_event {
	TRACE_ACCEPTED, /* a session of ours sent it; a room lets it be said */
	TRACE_STORED, /* it is on disk in an archive there, and goes on */
	TRACE_PASSED, /* it goes on there, and is in no archive */
	TRACE_REPEATED, /* it came before, and is neither archived nor delivered again */
	TRACE_SPREAD, /* a room sent it to all who are in it */
	TRACE_ARRIVED, /* it reached the home of its recipient */
	TRACE_HELD, /* it waits behind older ones */
	TRACE_KEPT, /* nobody was there: it waits for a login */
	TRACE_DELIVERED, /* written to a session */
	TRACE_QUEUED, /* given to a session that waits to be resumed */
	TRACE_AGAIN, /* written again to a session that was resumed */
	TRACE_ACKED, /* the client acknowledged it */
	TRACE_LEFT, /* all sessions that had it ended without acknowledging it */
	TRACE_REFUSED, /* it came back to its sender with an error */
	TRACE_DROPPED, /* nobody was there for it, and it is of a type that is not kept */
	TRACE_EVENTS
};

struct trace {
	int64_t at; /* mono, microseconds: orders what happened on several workers */
	uint64_t id, origin; /* trace_key of the stanza's id and origin-id; 0: none */
	int64_t place, number; /* in an archive; 0: in none */
	uint8_t what, length;
	char where[TRACE_WHERE]; /* cut if it is longer */
};

/* Never 0. */
uint64_t trace_key(const char *id);
/* s is a message; where it happened.  place: its id in the archive of h, or 0; h may be NULL then. */
void trace(struct worker *w, enum trace_event what, const struct stanza *s, struct jid where,
	const struct home *h, int64_t place);
/* What the ring of this worker has, from the oldest on. */
void trace_each(struct worker *w, void (*fn)(const struct trace *t, void *ctx), void *ctx);
/* «accepted», «stored in the archive», ... */
const char *trace_name(enum trace_event what);
/* Main: after workers_init; after workers_stop. */
void trace_init(void);
void trace_fini(void);

#endif
