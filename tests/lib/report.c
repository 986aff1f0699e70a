/*
 * report.c -- counts and the closing line.
 *
 * Runs on: the test process
 */
#include "tests/lib/report.h"

#include <stdarg.h>
#include <stdio.h>

static unsigned passed, failed;

bool
check(bool holds, const char *fmt, ...)
{
	va_list args;

	*(holds ? &passed : &failed) += 1;
	(void)printf("%s ", holds ? "ok  " : "FAIL");
	va_start(args, fmt);
	(void)vprintf(fmt, args);
	va_end(args);
	(void)printf("\n");
	(void)fflush(stdout);
	return holds;
}

int
report(void)
{
	(void)printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed > 0;
}
