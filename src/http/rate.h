/*
 * rate.h -- how many requests each address makes, over all workers.
 *
 * Runs on: any worker.
 */
#ifndef HTTP_RATE_H
#define HTTP_RATE_H

#include "base/clock.h"
#include "net/addr.h"

struct rate {
	double each_second; /* 0: no limit */
	double burst; /* at once, after a pause */
};

/* One request of an address (IPv6: of its /64).  0: it may be answered; else how long (ms) it should
 * wait.  Loopback addresses have no limit: there may be a proxy behind them. */
MUST_CHECK msec_t rate_take(const struct addr *who, const struct rate *r, msec_t now);
/* Forgets everything; when no worker runs. */
void rate_fini(void);

#endif
