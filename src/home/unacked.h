/*
 * unacked.h -- what was sent to a session and not acknowledged yet (XEP-0198).
 *
 * The queue holds references.  A message that was given to several sessions of an account is known
 * to all of their queues as one `handed`, so that it is somebody's as long as one of them may still
 * get it, and is kept or given to others only when none got it.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_UNACKED_H
#define HOME_UNACKED_H

#include "xmpp/stanza.h"

struct handed {
	unsigned refs;
	bool got; /* a session acknowledged it, or cannot acknowledge */
	int64_t place; /* home_next_id when it reached the account */
	const struct stanza *message;
};

/* With one reference. */
struct handed *handed_new(const struct stanza *message, int64_t place);
/* Drops the reference, sets *h to NULL, accepts NULL. */
void handed_unref(struct handed **h);

struct unacked_item {
	const struct stanza *stanza; /* as it was written */
	struct handed *handed; /* the message behind it, or NULL: nothing is lost with it */
	size_t size; /* estimate of its bytes */
};

/* All zero: empty. */
struct unacked {
	struct unacked_item *items; /* a ring */
	size_t room, first, count;
	size_t bytes; /* of all */
	uint32_t acked; /* number of the last one acknowledged, modulo 2^32 */
};

/* Takes references. h may be NULL. */
void unacked_put(struct unacked *q, const struct stanza *s, struct handed *h);
/* The i-th oldest, i < q->count. */
struct unacked_item *unacked_at(const struct unacked *q, size_t i);

static inline uint32_t
unacked_sent(const struct unacked *q)
{
	return q->acked + (uint32_t)q->count;
}

/* True if h says more than was sent (the queue stays as it is then). */
bool unacked_too_high(const struct unacked *q, uint32_t h);
/* All up to number h were got; less than was said before changes nothing.  h must not be too
 * high. */
void unacked_ack(struct unacked *q, uint32_t h);
/* The oldest leaves the queue; its references are the caller's. */
struct unacked_item unacked_take(struct unacked *q);
/* Drops all that is left. */
void unacked_fini(struct unacked *q);

#endif
