/*
 * The counter of settled stanzas: gaps, order, wrap.
 *
 * Runs on: its own process
 */
#include "home/window.h"

#include "tests/unit/suite.h"

#include <stdlib.h>
#include <string.h>

START_TEST(it_counts_only_without_a_gap)
{
	struct window w = { 0 };

	for (uint32_t i = 1; i <= 4; i++)
		ck_assert_uint_eq(window_begin(&w), i);
	ck_assert(!window_settle(&w, 2));
	ck_assert(!window_settle(&w, 4));
	ck_assert_uint_eq(w.settled, 0);
	ck_assert(window_settle(&w, 1));
	ck_assert_uint_eq(w.settled, 2);
	ck_assert(window_settle(&w, 3));
	ck_assert_uint_eq(w.settled, 4);
	ck_assert_uint_eq(window_open(&w), 0);
}

END_TEST

START_TEST(what_is_settled_or_never_came_changes_nothing)
{
	struct window w = { 0 };

	ck_assert(!window_settle(&w, 0));
	ck_assert(!window_settle(&w, 1));
	(void)window_begin(&w);
	(void)window_begin(&w);
	ck_assert(!window_settle(&w, 2));
	ck_assert(!window_settle(&w, 2));
	ck_assert(!window_settle(&w, 3));
	ck_assert(window_settle(&w, 1));
	ck_assert(!window_settle(&w, 1));
	ck_assert_uint_eq(w.settled, 2);
}

END_TEST

/* Against a plain list of what is settled, over the end of 32 bits. */
START_TEST(it_agrees_with_a_list_in_any_order)
{
	enum { COUNT = 5000 };

	static bool settled[COUNT];
	struct window w = { .begun = UINT32_MAX - 2000, .settled = UINT32_MAX - 2000 };
	uint32_t base = w.begun, begun = 0, first = 0;

	srand((unsigned)_i);
	memset(settled, 0, sizeof(settled));
	while (first < COUNT) {
		uint32_t pick;

		if (begun < COUNT && window_open(&w) < WINDOW_MAX && rand() % 3) {
			ck_assert_uint_eq(window_begin(&w), base + ++begun);
			continue;
		}
		if (begun == first)
			continue;
		pick = first + (uint32_t)rand() % (begun - first);
		settled[pick] = true;
		(void)window_settle(&w, base + pick + 1);
		while (first < begun && settled[first])
			first++;
		ck_assert_uint_eq(w.settled - base, first);
	}
}

END_TEST

Suite *
suite_window(void)
{
	Suite *suite = suite_create("window");
	TCase *tcase = tcase_create("window");

	tcase_add_test(tcase, it_counts_only_without_a_gap);
	tcase_add_test(tcase, what_is_settled_or_never_came_changes_nothing);
	tcase_add_loop_test(tcase, it_agrees_with_a_list_in_any_order, 1, 6);
	suite_add_tcase(suite, tcase);
	return suite;
}
