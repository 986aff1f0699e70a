/*
 * limit.c -- token buckets.
 *
 * Tokens may go below zero: what has arrived is processed whole, and its price is paid by waiting.
 *
 * Runs on: wherever the bucket's owner does.
 */
#include "run/limit.h"

#include <math.h>

void
limit_init(struct limit *l, double burst, msec_t now)
{
	l->tokens = burst;
	l->last = now;
}

msec_t
limit_take(struct limit *l, double n, double rate, double burst, msec_t now)
{
	if (rate <= 0)
		return 0;
	if (now > l->last) {
		l->tokens += (double)(now - l->last) * rate / 1000;
		l->last = now;
	}
	if (l->tokens > burst)
		l->tokens = burst;
	l->tokens -= n;
	return l->tokens < 0 ? (msec_t)ceil(-l->tokens * 1000 / rate) : 0;
}

msec_t
limit_take_queued(struct limit *l, double n, double rate, double burst, msec_t now)
{
	msec_t wait = limit_take(l, n, rate, burst, now);
	double fills = wait > 0 ? burst * 1000 / rate : 0;
	msec_t least = fills < LIMIT_HANDFUL ? (msec_t)fills : LIMIT_HANDFUL;

	return wait > 0 && wait < least ? least : wait;
}
