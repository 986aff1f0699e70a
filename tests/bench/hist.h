/*
 * hist.h -- latencies, and the clock they are taken with.
 */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

enum { HIST_SUB = 64, HIST_ROWS = 40 };

/* Counts of nanoseconds, exact to 1/64 of the value; zeroed is empty. */
struct hist {
	uint64_t count, max;
	double sum;
	uint64_t cell[HIST_ROWS][HIST_SUB];
};

/* Monotonic time in nanoseconds. */
uint64_t clock_ns(void);

/* Add one value in nanoseconds. */
void hist_add(struct hist *h, uint64_t ns);

/* The value in microseconds below which the share part (0..1) of the values lie; 0 when empty. */
double hist_us(const struct hist *h, double part);

/* Mean in microseconds; 0 when empty. */
double hist_mean_us(const struct hist *h);

#endif
