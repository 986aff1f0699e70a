/*
 * Headers of the PROXY protocol and ranges of addresses.  What whole headers mean is in
 * tests/system/test_proxy_protocol.py.
 *
 * Runs on: the test process
 */
#include "net/proxy.h"

#include "config/range.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(a_header_ends_where_it_ends)
{
	static const char text[] = "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\nPROXY";
	struct proxy_header h;
	char peer[ADDR_TEXT];

	for (size_t n = 0; n + 5 < strlen(text); n++)
		ck_assert_int_eq(proxy_parse((struct str){ text, n }, &h), PROXY_MORE);
	ck_assert_int_eq(proxy_parse(str_of(text), &h), PROXY_DONE);
	ck_assert_uint_eq(h.size, strlen(text) - 5);
	addr_text(&h.peer, peer);
	ck_assert(h.known && !h.tls);
	ck_assert_str_eq(peer, "192.0.2.7");
	ck_assert_uint_eq(h.peer.port, 56324);
}

END_TEST

static const struct {
	const char *range, *ip;
	bool in;
} rows[] = {
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.128/25", "192.0.2.129", true },
	{ "0.0.0.0/0", "203.0.113.1", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "::/0", "203.0.113.1", true },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "::1", "::1", true },
};

START_TEST(ranges_have_what_they_have)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct range r, one;

		ck_assert_msg(range_parse(rows[i].range, &r), "row %zu", i);
		ck_assert_msg(range_parse(rows[i].ip, &one), "row %zu", i);
		ck_assert_msg(ranges_have(&r, 1, one.ip) == rows[i].in, "row %zu", i);
	}
}

END_TEST

START_TEST(what_is_no_range_is_refused)
{
	static const char *const bad[] = { "", "a", "192.0.2.1/", "192.0.2.1/33", "192.0.2.1/24",
		"::1/129", "::1/0", "/24", "192.0.2.0/24/24", "192.0.2.0/-1", "192.0.2",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct range r;

		ck_assert_msg(!range_parse(bad[i], &r), "row %zu", i);
	}
}

END_TEST

SUITE_OF(
	proxy, a_header_ends_where_it_ends, ranges_have_what_they_have, what_is_no_range_is_refused)
