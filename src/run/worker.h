/*
 * worker.h -- one thread, one libevent loop, one mailbox.
 *
 * A turn of the loop: wait for sockets and timers, run their callbacks; open all mail (its own
 * first in, first out); run what was put off with worker_later (connections write what gathered);
 * hand the mail for other workers over, one lock and at most one wake-up for each of them.  Mail
 * from one worker to another keeps its order; a worker's mail to itself is never opened inside the
 * call that posts it, so nothing is re-entered.
 *
 * Runs on: main thread (workers_*), the worker (the rest), any thread (worker_post with from ==
 * NULL).
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

struct event_base; /* libevent's */
struct worker;

/* Embed in what is sent; whoever opens it owns the whole. */
struct mail {
	struct mail *next;
	void (*open)(struct worker *w, struct mail *m);
};

/* Something to do at the end of the turn; embed, zero first. */
struct later {
	struct later *next, **link; /* link: what points here; NULL: does not wait */
	void (*run)(struct worker *w, struct later *l);
};

/* ---- All workers; main thread --------------------------------------------- */

#define WORKERS_MAX 256
/* Makes count workers (threads not running yet). */
MUST_CHECK bool workers_init(unsigned count, struct err *e);
/* Starts the threads. */
void workers_start(void);
/* Each worker opens the mail it has, then its loop ends; joins the threads.  Their structs live
 * until workers_fini. */
void workers_stop(void);
void workers_fini(void);
unsigned workers_count(void);
/* index < workers_count() */
struct worker *worker_at(unsigned index);

/* ---- One worker ------------------------------------------------------------ */

unsigned worker_index(const struct worker *w);
/* For net/, http/ and run/timer.c only. */
struct event_base *worker_base(struct worker *w);
/* `from` is the worker that posts, or NULL on another thread (storage, main).  Takes m. */
void worker_post(struct worker *from, struct worker *to, struct mail *m);
/* Runs l->run(w, l) at the end of this turn; once, however often it is asked for. */
void worker_later(struct worker *w, struct later *l);
/* Takes l back if it waits. */
void worker_not_later(struct worker *w, struct later *l);
/* Calling thread is w's: for assertions at the doors.  While no worker runs, main stands in for all
 * of them. */
bool worker_is_here(const struct worker *w);
/* Time at the start of this turn. */
msec_t worker_now(const struct worker *w); /* mono */

/* What higher layers keep for each worker (homes, parsers, listeners): one slot a layer, set before
 * workers_start or on the worker. */
enum worker_slot {
	WORKER_NET,
	WORKER_STREAM,
	WORKER_HOMES,
	WORKER_JOBS,
	WORKER_CONFIG,
	WORKER_HTTP,
	WORKER_SLOTS
};

void *worker_get(const struct worker *w, enum worker_slot slot);
void worker_set(struct worker *w, enum worker_slot slot, void *p);

/* Calls fn(w, arg) on each worker's thread, in no order, and waits until all have (main thread,
 * workers running). */
void workers_each(void (*fn)(struct worker *w, void *arg), void *arg);

#endif
