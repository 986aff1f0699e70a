/*
 * err.c -- what went wrong in the world, in words for the operator.
 *
 * A text that is too long is cut; it is for a person, who needs its beginning.
 *
 * Runs on: any thread.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
append(struct err *e, const char *text)
{
	size_t used = strlen(e->text), left = sizeof(e->text) - 1 - used, n = strnlen(text, left);

	memcpy(e->text + used, text, n);
	e->text[used + n] = '\0';
}

bool
err_set(struct err *e, const char *fmt, ...)
{
	struct err made; /* the arguments may lie in *e */
	va_list args;

	if (!e)
		return false;
	va_start(args, fmt);
	vsnprintf(made.text, sizeof(made.text), fmt, args);
	va_end(args);
	*e = made;
	return false;
}

bool
err_errno(struct err *e, const char *fmt, ...)
{
	int number = errno;
	struct err made;
	char reason[128];
	va_list args;

	if (!e)
		return false;
	va_start(args, fmt);
	vsnprintf(made.text, sizeof(made.text), fmt, args);
	va_end(args);
	append(&made, ": ");
	append(&made, strerror_r(number, reason, sizeof(reason)));
	*e = made;
	return false;
}

bool
err_wrap(struct err *e, const char *fmt, ...)
{
	struct err made;
	va_list args;

	if (!e)
		return false;
	va_start(args, fmt);
	vsnprintf(made.text, sizeof(made.text), fmt, args);
	va_end(args);
	append(&made, ": ");
	append(&made, e->text);
	*e = made;
	return false;
}
