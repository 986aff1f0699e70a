/*
 * Texts with a length: comparing, cutting, numbers and the distance between words.
 *
 * Runs on: the test process
 */
#include "base/str.h"

#include "base/attr.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(texts_compare_by_length_and_bytes)
{
	ck_assert(str_eq(STR("ab"), STR("ab")));
	ck_assert(!str_eq(STR("ab"), STR("abc")));
	ck_assert(!str_eq(STR("a\0b"), STR("a\0c")));
	ck_assert(str_eq(STR_NONE, STR("")));
	ck_assert(str_is(STR("ab"), "ab"));
	ck_assert(!str_is(STR("ab"), "aB"));
	ck_assert(str_is_nocase(STR("aB-1"), "Ab-1"));
	ck_assert(!str_is_nocase(STR("a@"), "a`")); /* differ in the case bit only */
	ck_assert(str_of(NULL).p == NULL);
	ck_assert(text_eq(NULL, NULL) && !text_eq(NULL, "") && text_eq("a", "a"));
}

END_TEST

START_TEST(prefixes_and_suffixes_include_all_and_nothing)
{
	ck_assert(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR("abc")));
	ck_assert(str_starts(STR("abc"), STR_NONE) && !str_starts(STR("ab"), STR("abc")));
	ck_assert(str_ends(STR("abc"), STR("bc")) && str_ends(STR_NONE, STR("")));
	ck_assert(!str_ends(STR("bc"), STR("abc")));
}

END_TEST

START_TEST(trim_takes_xml_white_space_only)
{
	ck_assert(str_is(str_trim(STR(" \t\r\n a b \n")), "a b"));
	ck_assert_uint_eq(str_trim(STR(" \n ")).n, 0);
	ck_assert(str_is(str_trim(STR("\fa\v")), "\fa\v"));
}

END_TEST

START_TEST(cut_walks_a_list_with_empty_parts)
{
	static const char *const parts[] = { "a", "", "bc", "" };
	struct str rest = STR("a,,bc,");
	size_t i = 0;

	while (rest.p) {
		ck_assert_uint_lt(i, COUNT(parts));
		ck_assert(str_is(str_cut(&rest, ','), parts[i++]));
	}
	ck_assert_uint_eq(i, COUNT(parts));
}

END_TEST

START_TEST(unsigned_numbers_are_whole_and_bounded)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t value;
	} rows[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "7", 5, false, 0 },
		{ "5", 5, true, 5 },
		{ "007", 10, true, 7 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999", UINT64_MAX, false, 0 },
		{ "65535", 65535, true, 65535 },
		{ "65536", 65535, false, 0 },
		{ "", 9, false, 0 },
		{ "+1", 9, false, 0 },
		{ "-1", 9, false, 0 },
		{ " 1", 9, false, 0 },
		{ "1 ", 9, false, 0 },
		{ "1x", 9, false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 42;
		bool ok = str_uint(str_of(rows[i].text), rows[i].max, &value);

		ck_assert_msg(ok == rows[i].ok, "row %zu", i);
		ck_assert_msg(value == (ok ? rows[i].value : 42), "row %zu", i);
	}
}

END_TEST

START_TEST(signed_numbers_reach_both_ends)
{
	static const struct {
		const char *text;
		int64_t min, max;
		bool ok;
		int64_t value;
	} rows[] = {
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
		{ "-0", -1, 1, true, 0 },
		{ "-128", -128, 127, true, -128 },
		{ "-129", -128, 127, false, 0 },
		{ "128", -128, 127, false, 0 },
		{ "4", 5, 10, false, 0 },
		{ "-", -5, 5, false, 0 },
		{ "--1", -5, 5, false, 0 },
		{ "", -5, 5, false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t value = 42;
		bool ok = str_int(str_of(rows[i].text), rows[i].min, rows[i].max, &value);

		ck_assert_msg(ok == rows[i].ok, "row %zu", i);
		ck_assert_msg(value == (ok ? rows[i].value : 42), "row %zu", i);
	}
}

END_TEST

START_TEST(distance_counts_edits_and_swaps)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "listen", "listen", 0 },
		{ "lisetn", "listen", 1 },
		{ "listn", "listen", 1 },
		{ "listten", "listen", 1 },
		{ "lisxen", "listen", 1 },
		{ "kitten", "sitting", 3 },
		{ "ca", "abc", 3 }, /* restricted: a swapped pair is not edited again */
		{ "ab", "ba", 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str a = str_of(rows[i].a), b = str_of(rows[i].b);

		ck_assert_msg(str_distance(a, b) == rows[i].distance, "row %zu", i);
		ck_assert_msg(str_distance(b, a) == rows[i].distance, "row %zu turned round", i);
	}
}

END_TEST

START_TEST(long_texts_are_far_apart)
{
	char text[65];
	struct str s = { text, sizeof(text) };

	memset(text, 'a', sizeof(text));
	ck_assert_uint_eq(str_distance(s, s), 64);
	s.n = 64;
	ck_assert_uint_eq(str_distance(s, s), 0);
	ck_assert_uint_eq(str_distance(s, STR("")), 64);
}

END_TEST

SUITE_OF(str, texts_compare_by_length_and_bytes, prefixes_and_suffixes_include_all_and_nothing,
	trim_takes_xml_white_space_only, cut_walks_a_list_with_empty_parts,
	unsigned_numbers_are_whole_and_bounded, signed_numbers_reach_both_ends,
	distance_counts_edits_and_swaps, long_texts_are_far_apart)
