/*
 * metric.h -- counters: one cell per thread, summed when read.
 *
 * Runs on: any thread.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

enum metric {

#define METRIC(symbol, name, help) METRIC_##symbol,
#include "base/metrics.def"
#undef METRIC
	METRIC_COUNT
};

void metric_add(enum metric m, uint64_t n);
uint64_t metric_read(enum metric m);
const char *metric_name(enum metric m);
const char *metric_help(enum metric m);

#endif
