/*
 * report.h -- how a test program in C says what it found, in the form that tests/run reads.
 *
 * Runs on: the test process
 */
#ifndef TESTS_REPORT_H
#define TESTS_REPORT_H

#include "base/attr.h"

#include <stdbool.h>

/* Seconds until a check gives up; machines may be slow. */
#define PATIENCE 30

/* Prints what was checked and counts it; holds, for whoever wants to go on only then. */
bool check(bool holds, const char *fmt, ...) PRINTF(2, 3);
/* The closing line; the exit status of main. */
int report(void);

#endif
