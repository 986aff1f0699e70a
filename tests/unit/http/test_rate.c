/*
 * test_rate.c -- requests of an address are bounded, others are not touched.
 *
 * Runs on: the test process.
 */
#include "http/rate.h"

#include <stdio.h>
#include <sys/socket.h>

#include "tests/unit/suite.h"

static struct addr
address(const char *text)
{
	struct sockaddr_storage sa;
	socklen_t len;
	struct err e;

	ck_assert(addr_parse(text, 0, &sa, &len, &e));
	return addr_of((struct sockaddr *)&sa);
}

static const struct rate slow = { 2, 3 };

START_TEST(a_burst_and_then_the_rate)
{
	struct addr a = address("192.0.2.1"), b = address("192.0.2.2");

	rate_fini();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(rate_take(&a, &slow, 1000), 0);
	ck_assert_int_eq(rate_take(&a, &slow, 1000), 500);
	ck_assert_int_eq(rate_take(&b, &slow, 1000), 0);
	/* Being refused costs nothing. */
	for (int i = 0; i < 100; i++)
		ck_assert_int_gt(rate_take(&a, &slow, 1001), 0);
	ck_assert_int_eq(rate_take(&a, &slow, 1500), 0);
	ck_assert_int_gt(rate_take(&a, &slow, 1500), 0);
	rate_fini();
}

END_TEST

START_TEST(a_network_of_ipv6_is_one_address)
{
	struct addr a = address("2001:db8::1"), b = address("2001:db8::2"),
		    c = address("2001:db8:0:1::1");

	rate_fini();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(rate_take(&a, &slow, 1000), 0);
	ck_assert_int_gt(rate_take(&b, &slow, 1000), 0);
	ck_assert_int_eq(rate_take(&c, &slow, 1000), 0);
	rate_fini();
}

END_TEST

START_TEST(loopback_has_no_limit_and_0_is_none)
{
	const struct rate none = { 0, 3 };
	struct addr a = address("127.0.0.1"), b = address("192.0.2.1");

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(rate_take(&a, &slow, 1000), 0);
		ck_assert_int_eq(rate_take(&b, &none, 1000), 0);
	}
	rate_fini();
}

END_TEST

START_TEST(many_addresses_are_bounded)
{
	char text[32];

	rate_fini();
	for (int i = 0; i < 200000; i++) {
		struct addr a;

		(void)snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		a = address(text);
		ck_assert_int_eq(rate_take(&a, &slow, 1000), 0);
	}
	rate_fini();
}

END_TEST

SUITE_OF(http_rate, a_burst_and_then_the_rate, a_network_of_ipv6_is_one_address,
	loopback_has_no_limit_and_0_is_none, many_addresses_are_bounded)
