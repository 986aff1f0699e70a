/*
 * sasl_guard.h -- attempts to log in: how many of them failed, by address and by account.
 *
 * An attempt begins before anything is checked and is counted until it is over, so that many at the
 * same time get no further than one after the other. Each failure makes the next answer slower, and
 * too many are refused unchecked for a while; a failure is forgotten every ten seconds. Guesses from
 * many places lock an account's owner out only where he never logged in: addresses from which an
 * account logged in lately have a count of their own. Loopback addresses have no bound (there may be
 * a proxy behind them), as they have none for connections.
 *
 * Runs on: any worker.
 */
#ifndef STREAM_SASL_GUARD_H
#define STREAM_SASL_GUARD_H

#include "base/clock.h"
#include "base/str.h"
#include "net/addr.h"

/* Who tries what. */
struct attempt {
	const struct addr *peer;
	struct str account; /* bare JID; STR_NONE: not known, failures are the address's alone */
	msec_t now;
	bool known; /* set by sasl_guard_begin: the account logged in from there before */
};

/* Failures after which more is refused; 0: no bound. */
struct guard_bounds {
	int64_t address, account;
};

/* False: refused.  True: one of the three that follow must be called, with the same attempt. */
MUST_CHECK bool sasl_guard_begin(struct attempt *a, struct guard_bounds max);
/* Returns how long the answer waits (ms): half a second for each failure that is remembered, at most
 * five seconds.  Without begin when the account is not known. */
MUST_CHECK msec_t sasl_guard_failed(const struct attempt *a);
void sasl_guard_succeeded(const struct attempt *a);
/* It ended without an answer. */
void sasl_guard_left(const struct attempt *a);
/* Forgets everything; when no worker runs. */
void sasl_guard_fini(void);

#endif
