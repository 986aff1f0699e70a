/*
 * Errors: texts, their context, and texts that are too long.
 *
 * Runs on: the test process
 */
#include "base/err.h"

#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

START_TEST(all_three_return_false_and_accept_null)
{
	ck_assert(!err_set(NULL, "x"));
	ck_assert(!err_errno(NULL, "x"));
	ck_assert(!err_wrap(NULL, "x"));
}

END_TEST

START_TEST(context_goes_before_the_reason)
{
	struct err e;

	errno = ENOENT;
	ck_assert(!err_errno(&e, "open %s", "a.yml"));
	ck_assert_str_eq(e.text, "open a.yml: No such file or directory");
	ck_assert(!err_wrap(&e, "load %d", 1));
	ck_assert_str_eq(e.text, "load 1: open a.yml: No such file or directory");
	ck_assert(!err_set(&e, "again (%s)", e.text));
	ck_assert_str_eq(e.text, "again (load 1: open a.yml: No such file or directory)");
}

END_TEST

START_TEST(long_texts_are_cut)
{
	struct err e;

	ck_assert(!err_set(&e, "%600d", 1));
	ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
	ck_assert(!err_wrap(&e, "context"));
	ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
	ck_assert_int_eq(strncmp(e.text, "context:  ", 10), 0);
	ck_assert(!err_wrap(&e, "%511s", "long"));
	ck_assert_str_eq(e.text + 507, "long");
	ck_assert(!err_wrap(&e, "%510s", "long"));
	ck_assert_str_eq(e.text + 506, "long:");
}

END_TEST

SUITE_OF(err, all_three_return_false_and_accept_null, context_goes_before_the_reason,
	long_texts_are_cut)
