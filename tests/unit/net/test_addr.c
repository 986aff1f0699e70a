/*
 * Addresses: text, what limits count, which are local; and the counts themselves.
 *
 * Runs on: the test process
 */
#include "net/addr.h"

#include "net/source.h"
#include "tests/unit/suite.h"

#include <string.h>

static struct addr
address(const char *text)
{
	struct sockaddr_storage sa;
	socklen_t len;
	struct err e;

	ck_assert_msg(addr_parse(text, 5222, &sa, &len, &e), "%s", e.text);
	return addr_of((struct sockaddr *)&sa);
}

static const struct {
	const char *in, *out;
	bool local;
	size_t key;
} rows[] = {
	{ "192.0.2.1", "192.0.2.1", false, 16 },
	{ "127.0.0.1", "127.0.0.1", true, 16 },
	{ "127.9.9.9", "127.9.9.9", true, 16 },
	{ "::ffff:192.0.2.1", "192.0.2.1", false, 16 },
	{ "2001:DB8::0:1", "2001:db8::1", false, 8 },
	{ "::1", "::1", true, 8 },
	{ "0.0.0.0", "0.0.0.0", false, 16 },
};

START_TEST(addresses_have_one_text)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = address(rows[i].in);
		char text[ADDR_TEXT];
		uint8_t key[16];

		addr_text(&a, text);
		ck_assert_msg(strcmp(text, rows[i].out) == 0, "row %zu: %s", i, text);
		ck_assert_msg(addr_is_local(&a) == rows[i].local, "row %zu", i);
		ck_assert_msg(addr_limit_key(&a, key) == rows[i].key, "row %zu", i);
		ck_assert_uint_eq(a.port, 5222);
	}
}

END_TEST

START_TEST(unix_sockets_are_local)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	struct addr a = addr_of(&sa);
	char text[ADDR_TEXT];

	addr_text(&a, text);
	ck_assert_str_eq(text, "local");
	ck_assert(addr_is_local(&a));
}

END_TEST

START_TEST(names_are_not_addresses)
{
	static const char *const bad[] = { "", "localhost", "1.2.3", "1.2.3.4:5", "[::1]" };
	struct sockaddr_storage sa;
	socklen_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!addr_parse(bad[i], 1, &sa, &len, NULL), "row %zu", i);
}

END_TEST

START_TEST(sources_are_counted_by_address_and_network)
{
	struct addr a = address("192.0.2.1"), b = address("192.0.2.2");
	struct addr n1 = address("2001:db8::1"), n2 = address("2001:db8::2:1");
	struct addr other = address("2001:db8:0:1::1");

	ck_assert(source_add(&a, 2));
	ck_assert(source_add(&a, 2));
	ck_assert(!source_add(&a, 2));
	ck_assert(source_add(&b, 2));
	ck_assert(source_add(&a, 0)); /* no limit */
	source_remove(&a);
	source_remove(&a);
	ck_assert_uint_eq(source_count(&a), 1);
	ck_assert(source_add(&a, 2));
	ck_assert(source_add(&n1, 2));
	ck_assert(source_add(&n2, 2)); /* the same /64 */
	ck_assert(!source_add(&n1, 2));
	ck_assert(source_add(&other, 2));
	source_remove(&other);
	source_remove(&other); /* unknown: nothing happens */
	ck_assert_uint_eq(source_count(&other), 0);
}

END_TEST

SUITE_OF(addr, addresses_have_one_text, unix_sockets_are_local, names_are_not_addresses,
	sources_are_counted_by_address_and_network)
