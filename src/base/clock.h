/*
 * clock.h -- time.
 *
 * Runs on: any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

typedef int64_t msec_t;

#define SECONDS(n) ((msec_t)(n)*1000)
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n) MINUTES((n)*60)
#define DAYS(n) HOURS((msec_t)(n)*24)

/* Never goes back; its zero means nothing. */
msec_t clock_mono(void);
int64_t clock_mono_us(void);
/* Since 1970-01-01 UTC. */
msec_t clock_wall(void);
/* Tests: from now on both clocks stand `mono`/`wall` milliseconds from the true ones. */
void clock_shift(msec_t mono, msec_t wall);

#endif
