/*
 * xep_test.h -- elements from text, and back, for tests of codecs.
 *
 * Runs on: the test process
 */
#ifndef UNIT_XEP_TEST_H
#define UNIT_XEP_TEST_H

#include "module/kept.h"

#include <check.h>

/* The element, in a; aborts the test if it is not well formed. */
static inline const struct xml *
xml_of(struct arena *a, const char *text)
{
	const struct xml *x = kept_read(a, str_of(text));

	ck_assert_msg(x != NULL, "not an element: %s", text);
	return x;
}

/* Its bytes, in a. */
static inline const char *
text_of(struct arena *a, const struct xml *x)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	kept_write(&b, x);
	return arena_str(a, buf_str(&b));
}

#endif
