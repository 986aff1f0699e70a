/*
 * The guard of logins: failures make answers slow, too many are refused, and who logged in from an
 * address before is not locked out there by others.
 *
 * Runs on: the test process; each test in one of its own.
 */
#include "tests/unit/suite.h"

#include "stream/sasl_guard.h"

#include <stdio.h>

static const struct guard_bounds bounds = { .address = 6, .account = 3 };
static msec_t now = 1000000;

static struct addr
address(const char *ip)
{
	struct sockaddr_storage sa;
	socklen_t n;
	struct err e;

	ck_assert(addr_parse(ip, 1, &sa, &n, &e));
	return addr_of((struct sockaddr *)&sa);
}

enum outcome { FAILS, SUCCEEDS, LEAVES };

/* How long a failure waits; 0: success or left; -1: refused. */
static msec_t
attempt(const char *ip, const char *account, enum outcome outcome)
{
	struct addr peer = address(ip);
	struct attempt a = { &peer, str_of(account), now, false };

	if (!sasl_guard_begin(&a, bounds))
		return -1;
	if (outcome == FAILS)
		return sasl_guard_failed(&a);
	if (outcome == SUCCEEDS)
		sasl_guard_succeeded(&a);
	else
		sasl_guard_left(&a);
	return 0;
}

static const struct {
	msec_t later; /* than the row before */
	const char *ip, *account;
	enum outcome outcome;
	msec_t wait;
} rows[] = {
	{ 0, "192.0.2.1", "a@h", FAILS, 500 },
	{ 0, "192.0.2.1", "a@h", SUCCEEDS, 0 }, /* it forgets no failure */
	{ 0, "192.0.2.2", "a@h", FAILS, 1000 }, /* the account's second */
	{ 0, "192.0.2.3", "a@h", LEAVES, 0 },
	{ 0, "192.0.2.3", "a@h", FAILS, 1500 },
	{ 0, "192.0.2.4", "a@h", SUCCEEDS, -1 }, /* too many, whatever it would have been */
	{ 0, "192.0.2.1", "a@h", SUCCEEDS, 0 }, /* but it logged in from there before */
	{ 0, "192.0.2.1", "a@h", FAILS, 1000 }, /* with a count of its own; the address has two */
	{ 9999, "192.0.2.4", "a@h", SUCCEEDS, -1 },
	{ 1, "192.0.2.4", "a@h", SUCCEEDS, 0 }, /* one was forgiven */
	{ 0, "192.0.2.5", "a@h", FAILS, 1500 },
	{ 0, "192.0.2.6", "b@h", FAILS, 500 }, /* other accounts go on */
	{ 0, "192.0.2.6", "c@h", FAILS, 1000 }, /* the address's second */
	{ 0, "192.0.2.6", "d@h", FAILS, 1500 },
	{ 0, "192.0.2.6", "e@h", FAILS, 2000 },
	{ 0, "192.0.2.6", "f@h", FAILS, 2500 },
	{ 0, "192.0.2.6", "g@h", FAILS, 3000 },
	{ 0, "192.0.2.6", "h@h", SUCCEEDS, -1 },
	{ 0, "2001:db8::1", "h@h", FAILS, 500 },
	{ 0, "2001:db8::2", "i@h", FAILS, 1000 }, /* the same /64 */
	{ 60000, "192.0.2.6", "h@h", SUCCEEDS, 0 },
	{ 0, "192.0.2.6", "h@h", FAILS, 500 },
};

START_TEST(failures_are_slow_and_bounded)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		msec_t wait;

		now += rows[i].later;
		wait = attempt(rows[i].ip, rows[i].account, rows[i].outcome);
		ck_assert_msg(wait == rows[i].wait, "row %zu: %lld", i, (long long)wait);
	}
}

END_TEST

START_TEST(the_wait_has_a_bound)
{
	for (int i = 1; i <= 30; i++) {
		char account[16];

		snprintf(account, sizeof(account), "u%d@h", i);
		ck_assert_int_eq(attempt("127.0.0.1", account, FAILS), i < 10 ? i * 500 : 5000);
	}
}

END_TEST

START_TEST(attempts_at_the_same_time_count)
{
	struct addr peer = address("192.0.2.1");
	struct attempt a[4];

	for (int i = 0; i < 4; i++) {
		a[i] = (struct attempt){ &peer, STR("a@h"), now, false };
		ck_assert(sasl_guard_begin(&a[i], bounds) == (i < 3));
	}
	sasl_guard_left(&a[0]);
	ck_assert(sasl_guard_begin(&a[3], bounds));
	ck_assert_int_eq(sasl_guard_failed(&a[1]), 500);
	ck_assert_int_eq(sasl_guard_failed(&a[2]), 1000);
	/* It began before the address was known, and ends as it began. */
	a[0] = (struct attempt){ &peer, STR("b@h"), now, false };
	a[1] = a[0];
	ck_assert(sasl_guard_begin(&a[0], bounds) && sasl_guard_begin(&a[1], bounds));
	sasl_guard_succeeded(&a[0]);
	sasl_guard_left(&a[1]);
	sasl_guard_left(&a[3]);
	now += 20000;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(attempt("192.0.2.2", "b@h", FAILS), 500 * (i + 1));
}

END_TEST

START_TEST(an_unknown_account_is_the_addresses_failure)
{
	struct addr peer = address("192.0.2.1");
	struct attempt a = { .peer = &peer, .now = now };

	ck_assert_int_eq(sasl_guard_failed(&a), 500);
	ck_assert_int_eq(attempt("192.0.2.1", "a@h", FAILS), 1000);
}

END_TEST

/* Whoever fails with ever new names pushes out only the oldest. */
START_TEST(memory_is_bounded)
{
	ck_assert_int_eq(attempt("192.0.2.1", "first@h", FAILS), 500);
	for (int i = 0; i < 60000; i++) {
		char ip[20], account[20];

		snprintf(ip, sizeof(ip), "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
		snprintf(account, sizeof(account), "u%d@h", i);
		ck_assert_int_eq(attempt(ip, account, FAILS), 500);
	}
	ck_assert_int_eq(attempt("192.0.2.9", "first@h", FAILS), 500);
	ck_assert_int_eq(attempt("192.0.2.9", "u59999@h", FAILS), 1000);
}

END_TEST

SUITE_OF(sasl_guard, failures_are_slow_and_bounded, the_wait_has_a_bound,
	attempts_at_the_same_time_count, an_unknown_account_is_the_addresses_failure,
	memory_is_bounded)
