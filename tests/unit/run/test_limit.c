/*
 * Token buckets: a burst passes, then the rate holds; a large taking is paid by waiting.
 *
 * Runs on: its own process
 */
#include "run/limit.h"

#include <check.h>
#include <stddef.h>

/* rate 100/s, burst 50, starting full at time 1000. */
static const struct {
	msec_t at;
	double n;
	msec_t wait;
} rows[] = {
	{ 1000, 50, 0 },
	{ 1000, 1, 10 },
	{ 1010, 0, 0 },
	{ 1010, 10, 100 },
	{ 1060, 0, 50 },
	{ 1110, 0, 0 },
	{ 9000, 50, 0 },
	{ 9000, 200, 2000 },
	{ 8000, 0, 2000 }, /* a clock that went back gives nothing */
	{ 10000, 0, 1000 },
	{ 11000, 0, 0 },
};

START_TEST(a_bucket_holds_its_rate)
{
	struct limit l;

	limit_init(&l, 50, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		msec_t wait = limit_take(&l, rows[i].n, 100, 50, rows[i].at);

		ck_assert_msg(wait == rows[i].wait, "row %zu: waits %lld", i, (long long)wait);
	}
}

END_TEST

START_TEST(rate_zero_is_no_limit)
{
	struct limit l;

	limit_init(&l, 0, 0);
	ck_assert_int_eq(limit_take(&l, 1e9, 0, 0, 1), 0);
}

END_TEST

/* One after the other, each as soon as it may: how many had to wait in two seconds, and how many passed. */
START_TEST(who_waits_in_a_queue_waits_for_a_handful)
{
	static const struct {
		double rate, burst;
		int passed, waits;
	} cases[] = {
		{ 500, 5000, 6000, 20 },
		{ 500, 20, 1000, 50 }, /* the bucket is full after 40 ms */
		{ 500, 1, 1001, 1000 },
		{ 5, 5000, 5010, 10 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct limit l;
		msec_t now = 0;
		int passed = 0, waits = 0;

		limit_init(&l, cases[i].burst, now);
		while (now < 2000) {
			msec_t wait = limit_take_queued(&l, 1, cases[i].rate, cases[i].burst, now);

			passed++;
			waits += wait > 0;
			now += wait;
		}
		ck_assert_msg(passed >= cases[i].passed * 0.99 && passed <= cases[i].passed * 1.01,
			"case %zu: %d passed", i, passed);
		ck_assert_msg(waits <= cases[i].waits + 1, "case %zu: %d waits", i, waits);
	}
}

END_TEST

Suite *suite_limit(void);

Suite *
suite_limit(void)
{
	Suite *s = suite_create("limit");
	TCase *t = tcase_create("limit");

	tcase_add_test(t, a_bucket_holds_its_rate);
	tcase_add_test(t, rate_zero_is_no_limit);
	tcase_add_test(t, who_waits_in_a_queue_waits_for_a_handful);
	suite_add_tcase(s, t);
	return s;
}
