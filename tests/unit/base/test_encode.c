/*
 * Base64 and hex: RFC 4648's vectors, strictness, and the way back.
 *
 * Runs on: the test process
 */
#include "base/encode.h"

#include "base/attr.h"
#include "base/rand.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(vectors_of_rfc_4648)
{
	static const struct {
		const char *plain, *base64, *hex;
	} rows[] = {
		{ "", "", "" },
		{ "f", "Zg==", "66" },
		{ "fo", "Zm8=", "666f" },
		{ "foo", "Zm9v", "666f6f" },
		{ "foob", "Zm9vYg==", "666f6f62" },
		{ "fooba", "Zm9vYmE=", "666f6f6261" },
		{ "foobar", "Zm9vYmFy", "666f6f626172" },
		{ "\xfb\xff\xbf", "+/+/", "fbffbf" },
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str back = STR_NONE;
		size_t n = strlen(rows[i].plain);

		ck_assert_str_eq(base64_encode(a, rows[i].plain, n), rows[i].base64);
		ck_assert_str_eq(hex_encode(a, rows[i].plain, n), rows[i].hex);
		ck_assert_msg(base64_decode(a, str_of(rows[i].base64), &back), "row %zu", i);
		ck_assert(str_is(back, rows[i].plain));
		ck_assert_int_eq(back.p[back.n], '\0');
	}
	arena_free(&a);
}

END_TEST

START_TEST(what_is_not_strict_base64_is_refused)
{
	static const char *const rows[] = {
		"Z",
		"Zg",
		"Zg=",
		"Zg===",
		"Zm9vY",
		"=",
		"====",
		"Z===",
		"Zg=v",
		"Zg==Zg==",
		"Zm9v\n",
		"Zm 9v",
		"Zm9v Zg==",
		"Zm9-",
		"Zm9_",
		"Zh==",
		"Zm9=",
		"Zm9v====",
		"\xc3\xa9Zm",
		"Zm=v",
		"=m9v",
		"Zm9v=m9v",
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str out = STR("untouched");

		ck_assert_msg(!base64_decode(a, str_of(rows[i]), &out), "row %zu", i);
		ck_assert(str_is(out, "untouched"));
	}
	ck_assert(!base64_decode(a, STR("Zg\0="), &(struct str){ 0 }));
	arena_free(&a);
}

END_TEST

START_TEST(any_bytes_come_back)
{
	struct arena *a = arena_new(0);
	unsigned char bytes[100];

	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct str back;

		rand_bytes(bytes, n);
		ck_assert(base64_decode(a, str_of(base64_encode(a, bytes, n)), &back));
		ck_assert_uint_eq(back.n, n);
		ck_assert(memcmp(back.p, bytes, n) == 0);
	}
	arena_free(&a);
}

END_TEST

SUITE_OF(encode, vectors_of_rfc_4648, what_is_not_strict_base64_is_refused, any_bytes_come_back)
