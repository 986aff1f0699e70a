/*
 * kept_queue.h -- the queue of a session (unacked.h) as bytes in the store, and back.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_KEPT_QUEUE_H
#define HOME_KEPT_QUEUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "home/unacked.h"

void kept_queue_write(struct buf *out, const struct unacked *q);

/* The queues of one account, while they are read. */
struct kept_queues {
	struct arena *arena;
	struct hash shared; /* messages by place */
};

void kept_queues_init(struct kept_queues *k);
void kept_queues_fini(struct kept_queues *k);
/* Appends what kept_queue_write wrote to q.  False if damaged: q has what came before. */
MUST_CHECK bool kept_queue_read(struct kept_queues *k, struct unacked *q, struct str bytes);

#endif
