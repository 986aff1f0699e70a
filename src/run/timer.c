/*
 * timer.c -- a timer on a worker, embedded in what it belongs to.
 *
 * A binary heap of pointers; each timer knows its index, so that stopping one needs no search.
 * libevent has one timer for each worker, set only when the loop is about to wait and the earliest
 * timer is not the one it was set for.  A timer is due at least one millisecond later than it was
 * set, so that firing always ends.
 *
 * Runs on: the worker.
 */
#include "run/timer.h"

#include "base/mem.h"
#include "run/worker_own.h"

#include <assert.h>
#include <event2/event.h>

static void
put(struct timers *h, unsigned at, struct timer *t)
{
	h->heap[at] = t;
	t->place = at;
}

static void
rise(struct timers *h, unsigned at, struct timer *t)
{
	while (at > 1 && h->heap[at / 2]->due > t->due) {
		put(h, at, h->heap[at / 2]);
		at /= 2;
	}
	put(h, at, t);
}

static void
sink(struct timers *h, unsigned at, struct timer *t)
{
	while (2 * at <= h->count) {
		unsigned child = 2 * at;

		if (child < h->count && h->heap[child + 1]->due < h->heap[child]->due)
			child++;
		if (h->heap[child]->due >= t->due)
			break;
		put(h, at, h->heap[child]);
		at = child;
	}
	put(h, at, t);
}

static void
settle(struct timers *h, unsigned at, struct timer *t)
{
	if (at > 1 && h->heap[at / 2]->due > t->due)
		rise(h, at, t);
	else
		sink(h, at, t);
}

void
timer_set(struct worker *w, struct timer *t, msec_t after,
	void (*fire)(struct worker *w, struct timer *t))
{
	struct timers *h = &w->timers;

	assert(worker_is_here(w));
	assert(after >= 0);
	t->due = worker_now(w) + (after > 0 ? after : 1);
	t->fire = fire;
	if (t->place != 0) {
		settle(h, t->place, t);
		return;
	}
	if (h->count + 1 >= h->room) {
		h->room = h->room > 0 ? 2 * h->room : 64;
		h->heap = mem_resize(h->heap, h->room * sizeof(struct timer *));
	}
	h->count++;
	rise(h, h->count, t);
}

void
timer_clear(struct worker *w, struct timer *t)
{
	struct timers *h = &w->timers;
	unsigned at = t->place;
	struct timer *last;

	if (at == 0)
		return;
	assert(worker_is_here(w));
	assert(h->heap[at] == t);
	last = h->heap[h->count--];
	t->place = 0;
	if (last != t)
		settle(h, at, last);
}

void
timers_run(struct worker *w)
{
	struct timers *h = &w->timers;

	while (h->count > 0 && h->heap[1]->due <= worker_now(w)) {
		struct timer *t = h->heap[1];

		timer_clear(w, t);
		t->fire(w, t);
	}
}

void
timers_arm(struct worker *w)
{
	struct timers *h = &w->timers;
	struct timeval tv;
	msec_t due, wait;

	if (h->count == 0)
		return;
	due = h->heap[1]->due;
	if (h->armed != 0 && h->armed <= due)
		return;
	wait = due - clock_mono();
	if (wait < 0)
		wait = 0;
	tv.tv_sec = (time_t)(wait / 1000);
	tv.tv_usec = (suseconds_t)(wait % 1000 * 1000);
	event_add(&h->event, &tv);
	h->armed = due;
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->timers.armed = 0; /* timers_run looks for what is due */
}

void
timers_init(struct worker *w)
{
	event_assign(&w->timers.event, w->base, -1, 0, on_event, w);
}

void
timers_fini(struct worker *w)
{
	event_del(&w->timers.event);
	mem_free(&w->timers.heap);
}
