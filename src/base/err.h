/*
 * err.h -- what went wrong in the world, in words for the operator.
 *
 * Functions that can fail take a struct err * last and return false; context is added on the way up
 * and the text is logged or printed once, where it is handled.
 *
 * Runs on: any thread.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

struct err {
	char text[512];
};

/* All three return false, so that `return err_set(e, ...)` reads well.  e may be NULL. */
bool err_set(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* «what: strerror(errno)» */
bool err_errno(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* Puts «context: » before the text. */
bool err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

#endif
