/*
 * limit.h -- token buckets.
 *
 * Runs on: wherever the bucket's owner does.
 */
#ifndef RUN_LIMIT_H
#define RUN_LIMIT_H

#include "base/clock.h"

struct limit {
	double tokens;
	msec_t last;
};

/* Full bucket at `burst`. */
void limit_init(struct limit *l, double burst, msec_t now);
/* Takes n tokens, also below zero; returns how long to wait (ms) until the bucket is above zero
 * again, 0: go on. rate: tokens a second; 0: no limit. */
msec_t limit_take(struct limit *l, double n, double rate, double burst, msec_t now);

#endif
