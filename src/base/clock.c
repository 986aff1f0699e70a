/*
 * clock.c -- time.
 *
 * Tests may move both clocks; the two shifts are relaxed atomics, which cost nothing to read.
 *
 * Runs on: any thread.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic msec_t mono_shift, wall_shift;

static int64_t
read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC) +
	       atomic_load_explicit(&mono_shift, memory_order_relaxed) * 1000;
}

msec_t
clock_mono(void)
{
	return clock_mono_us() / 1000;
}

msec_t
clock_wall(void)
{
	return read_us(CLOCK_REALTIME) / 1000 +
	       atomic_load_explicit(&wall_shift, memory_order_relaxed);
}

void
clock_shift(msec_t mono, msec_t wall)
{
	atomic_store_explicit(&mono_shift, mono, memory_order_relaxed);
	atomic_store_explicit(&wall_shift, wall, memory_order_relaxed);
}
