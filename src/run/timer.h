/*
 * timer.h -- a timer on a worker, embedded in what it belongs to.
 *
 * Runs on: the worker.
 */
#ifndef RUN_TIMER_H
#define RUN_TIMER_H

#include "run/worker.h"

/* Zero it first.  Small (a heap entry in the worker's own timer heap, not a libevent event). */
struct timer {
	msec_t due; /* mono */
	unsigned place; /* in the heap, from 1; 0: not set */
	void (*fire)(struct worker *w, struct timer *t);
};

/* (Re)starts: fire runs once, `after` ms from now. */
void timer_set(struct worker *w, struct timer *t, msec_t after,
	void (*fire)(struct worker *w, struct timer *t));
/* Stops it; may be stopped already. */
void timer_clear(struct worker *w, struct timer *t);

static inline bool
timer_is_set(const struct timer *t)
{
	return t->place != 0;
}

#endif
