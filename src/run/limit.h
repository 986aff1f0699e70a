/*
 * limit.h -- token buckets.
 *
 * Runs on: wherever the bucket's owner does.
 */
#ifndef RUN_LIMIT_H
#define RUN_LIMIT_H

#include "base/clock.h"

#define LIMIT_HANDFUL 100 /* milliseconds */

struct limit {
	double tokens;
	msec_t last;
};

/* Full bucket at `burst`. */
void limit_init(struct limit *l, double burst, msec_t now);
/* Takes n tokens, also below zero; returns how long to wait (ms) until the bucket is above zero
 * again, 0: go on. rate: tokens a second; 0: no limit. */
msec_t limit_take(struct limit *l, double n, double rate, double burst, msec_t now);
/* The same for who waits in a queue: as long as a handful needs (LIMIT_HANDFUL), so that what is over
 * the rate is served in batches and does not cost a wake-up, and a commit, each.  A bucket that is
 * full sooner ends it, so that the rate is the same. */
msec_t limit_take_queued(struct limit *l, double n, double rate, double burst, msec_t now);

#endif
