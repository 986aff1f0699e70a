/*
 * source.h -- how many connections each address has, over all workers.
 *
 * Runs on: any worker.
 */
#ifndef NET_SOURCE_H
#define NET_SOURCE_H

#include "net/addr.h"

/* One more; false, and not counted, if there are max already (0: no limit). */
MUST_CHECK bool source_add(const struct addr *a, int64_t max);
/* One less. */
void source_remove(const struct addr *a);
/* For tests. */
unsigned source_count(const struct addr *a);

#endif
