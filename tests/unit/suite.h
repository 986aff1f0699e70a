/*
 * suite.h -- what each file of unit tests needs: Check, the prototypes of the suites, and a short
 *way to make a suite.
 *
 *	START_TEST(bare_drops_the_resource)
 *	{
 *		...
 *	}
 *	END_TEST
 *
 *	SUITE_OF(jid, bare_drops_the_resource)
 *
 * Runs on: the test process
 */
#ifndef UNIT_SUITE_H
#define UNIT_SUITE_H

#include <check.h>
#include <stddef.h>

#define SUITE(name) Suite *suite_##name(void);
#include "tests/unit/suites.def"
#undef SUITE

static inline Suite *
suite_make(const char *name, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* Defines suite_NAME() of the tests that follow. */
#define SUITE_OF(name, ...)                                                                        \
	Suite *suite_##name(void)                                                                  \
	{                                                                                          \
		return suite_make(#name, (const TTest *const[]){ __VA_ARGS__, NULL });             \
	}

#endif
