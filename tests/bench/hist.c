/*
 * hist.c -- latencies, and the clock they are taken with.
 *
 * Each power of two is cut into 64 cells, so a percentile is off by at most
 * 1.6 % however large it is, and adding a value costs a few nanoseconds.
 *
 * Runs on: the one thread of the load generator.
 */
#include "hist.h"

#include <stddef.h>
#include <time.h>

uint64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
hist_add(struct hist *h, uint64_t ns)
{
	unsigned row;
	uint64_t v;

	h->count++;
	h->sum += (double)ns;
	if (ns > h->max)
		h->max = ns;
	v = ns;
	row = 0;
	while (v >= 2 * HIST_SUB) {
		v >>= 1;
		row++;
	}
	if (v >= HIST_SUB)
		h->cell[row + 1][v - HIST_SUB]++;
	else
		h->cell[0][v]++;
}

/* Upper edge of a cell in nanoseconds. */
static double
cell_top(size_t row, size_t i)
{
	if (row == 0)
		return (double)(i + 1);
	return (double)(i + 1 + HIST_SUB) * (double)(1ull << (row - 1));
}

double
hist_us(const struct hist *h, double part)
{
	double want, seen;

	want = part * (double)h->count;
	seen = 0;
	for (size_t row = 0; row < HIST_ROWS && h->count; row++) {
		for (size_t i = 0; i < HIST_SUB; i++) {
			seen += (double)h->cell[row][i];
			if (seen >= want && h->cell[row][i])
				return cell_top(row, i) / 1000;
		}
	}
	return 0;
}

double
hist_mean_us(const struct hist *h)
{
	return h->count ? h->sum / (double)h->count / 1000 : 0;
}
