/*
 * worker_own.h -- the struct behind a worker; for files of run only.
 *
 * Runs on: the worker.
 */
#ifndef RUN_WORKER_OWN_H
#define RUN_WORKER_OWN_H

#include <event2/event_struct.h>

#include "run/mailbox.h"
#include "run/worker.h"

struct timer;

/* Binary heap, earliest first, from index 1. */
struct timers {
	struct timer **heap;
	unsigned count, room;
	msec_t armed; /* for which the libevent timer is set; 0: none */
	struct event event;
};

struct worker {
	unsigned index;
	pthread_t thread;
	struct event_base *base;
	msec_t now; /* 0: the clock was not read in this turn */
	struct mailbox box; /* from other threads */
	struct event box_event;
	struct mails mail; /* to be opened here */
	struct mails *out; /* for other workers, by their index */
	unsigned *out_to, out_count; /* which of out have some */
	struct later *later, **later_last;
	struct timers timers;
	void *slots[WORKER_SLOTS];
};

void timers_init(struct worker *w);
void timers_fini(struct worker *w);
/* Fires what is due at worker_now. */
void timers_run(struct worker *w);
/* Before the loop waits: sees to it that it wakes for the earliest. */
void timers_arm(struct worker *w);

#endif
