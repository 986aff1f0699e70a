/*
 * sasl_guard.h -- failed attempts to log in, by address and by account: each makes the next answer
 * slower.
 *
 * Bounded: the oldest entry goes when there are GUARD_MAX.
 *
 * Runs on: the worker that owns it.
 */
#ifndef STREAM_SASL_GUARD_H
#define STREAM_SASL_GUARD_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"

#define GUARD_MAX 10000

struct sasl_guard {
	struct hash entries;
	struct list oldest;
};

void sasl_guard_init(struct sasl_guard *g);
void sasl_guard_fini(struct sasl_guard *g);
/* One more failure of key (an address, an account); returns how long its answer waits (ms): half
 * a second for each failure of the last minutes, at most five seconds. */
msec_t sasl_guard_failed(struct sasl_guard *g, struct str key, msec_t now);
/* It succeeded: forgotten. */
void sasl_guard_forget(struct sasl_guard *g, struct str key);

#endif
