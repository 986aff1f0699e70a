/*
 * chore.h -- costly pure work (key derivation) on threads of its own.
 *
 * Bounded: when the queue is full chore_post refuses, and the caller says «try later».
 *
 * Runs on: main (start, stop), any worker (post), a chore thread (work).
 */
#ifndef RUN_CHORE_H
#define RUN_CHORE_H

#include "run/worker.h"

/* Embed.  work runs on a chore thread and touches only the chore; done is then opened on the
 * worker. */
struct chore {
	struct mail mail; /* mail.open: what happens afterwards, on the worker */
	struct worker *worker;
	void (*work)(struct chore *c);
};

MUST_CHECK bool chores_start(unsigned threads, unsigned queue_max, struct err *e);
/* Finishes what is queued. */
void chores_stop(void);
/* False, and nothing happens, when the queue is full. */
MUST_CHECK bool chore_post(struct chore *c);

#endif
