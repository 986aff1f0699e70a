/*
 * Clocks: they go on, and tests can move them.
 *
 * Runs on: the test process
 */
#include "base/clock.h"

#include "tests/unit/suite.h"

START_TEST(the_steady_clock_never_goes_back)
{
	int64_t was = clock_mono_us();

	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_mono_us();

		ck_assert_int_ge(now, was);
		was = now;
	}
	ck_assert_int_ge(clock_mono(), was / 1000);
	ck_assert_int_gt(clock_wall(), INT64_C(1700000000000)); /* milliseconds, after 2023 */
}

END_TEST

START_TEST(shifts_are_from_the_true_time_and_do_not_add_up)
{
	msec_t mono = clock_mono(), wall = clock_wall();

	clock_shift(HOURS(1), -DAYS(1));
	ck_assert_int_ge(clock_mono() - mono, HOURS(1));
	ck_assert_int_lt(clock_mono() - mono, HOURS(1) + MINUTES(1));
	ck_assert_int_le(clock_wall() - wall, MINUTES(1) - DAYS(1));
	clock_shift(HOURS(1), 0);
	ck_assert_int_lt(clock_mono() - mono, HOURS(1) + MINUTES(1));
	clock_shift(0, 0);
	ck_assert_int_lt(clock_mono() - mono, MINUTES(1));
}

END_TEST

SUITE_OF(clock, the_steady_clock_never_goes_back, shifts_are_from_the_true_time_and_do_not_add_up)
