/*
 * UTF-8: each border of RFC 3629 and of XML's characters, at each place of a word.
 *
 * Runs on: the test process
 */
#include "base/utf8.h"

#include "base/attr.h"
#include "tests/unit/suite.h"

#include <string.h>

static const struct {
	struct str text;
	bool ok;
} rows[] = {
	{ { "", 0 }, true },
	{ { "a", 1 }, true },
	{ { "\t", 1 }, true },
	{ { "\n", 1 }, true },
	{ { "\r", 1 }, true },
	{ { " ", 1 }, true },
	{ { "\x7f", 1 }, true },
	{ { "\0", 1 }, false },
	{ { "\x01", 1 }, false },
	{ { "\x08", 1 }, false },
	{ { "\x0b", 1 }, false },
	{ { "\x0c", 1 }, false },
	{ { "\x1f", 1 }, false },
	{ { "\x80", 1 }, false },
	{ { "\xbf", 1 }, false },
	{ { "\xc0\x80", 2 }, false }, /* overlong */
	{ { "\xc1\xbf", 2 }, false },
	{ { "\xc2\x80", 2 }, true },
	{ { "\xc2", 1 }, false },
	{ { "\xc2 ", 2 }, false },
	{ { "\xdf\xbf", 2 }, true },
	{ { "\xe0\x9f\xbf", 3 }, false },
	{ { "\xe0\xa0\x80", 3 }, true },
	{ { "\xe2\x82", 2 }, false },
	{ { "\xe2\x28\xa1", 3 }, false },
	{ { "\xe2\x82\x28", 3 }, false },
	{ { "\xed\x9f\xbf", 3 }, true },
	{ { "\xed\xa0\x80", 3 }, false }, /* surrogates */
	{ { "\xed\xbf\xbf", 3 }, false },
	{ { "\xee\x80\x80", 3 }, true },
	{ { "\xef\xbf\xbd", 3 }, true },
	{ { "\xef\xbf\xbe", 3 }, false }, /* U+FFFE, U+FFFF */
	{ { "\xef\xbf\xbf", 3 }, false },
	{ { "\xf0\x8f\xbf\xbf", 4 }, false },
	{ { "\xf0\x90\x80\x80", 4 }, true },
	{ { "\xf0\x9f\x94\xa5", 4 }, true },
	{ { "\xf0\x9f\x94", 3 }, false },
	{ { "\xf4\x8f\xbf\xbf", 4 }, true },
	{ { "\xf4\x90\x80\x80", 4 }, false },
	{ { "\xf5\x80\x80\x80", 4 }, false },
	{ { "\xff", 1 }, false },
};

START_TEST(borders_hold_at_every_offset)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t before = 0; before < 10; before++) {
			char text[40];
			size_t n = rows[i].text.n;

			memset(text, 'x', sizeof(text));
			memcpy(text + before, rows[i].text.p, n);
			for (size_t after = 0; after < 18; after += 3)
				ck_assert_msg(utf8_is_xml((struct str){
						      text, before + n + after }) == rows[i].ok,
					"row %zu after %zu before %zu", i, before, after);
		}
	}
}

END_TEST

START_TEST(count_is_of_characters)
{
	char text[300];
	size_t n = 0, characters = 0;

	ck_assert_uint_eq(utf8_count(STR_NONE), 0);
	ck_assert_uint_eq(utf8_count(STR("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x94\xa5")), 9);
	for (size_t i = 0; n < sizeof(text) - 4; i++, characters++) {
		static const char *const letters[] = { "a", "\xc3\xa9", "\xe2\x82\xac",
			"\xf0\x9f\x94\xa5" };
		const char *letter = letters[i * 7 % 11 % 4];

		memcpy(text + n, letter, strlen(letter));
		n += strlen(letter);
		ck_assert_uint_eq(utf8_count((struct str){ text, n }), characters + 1);
	}
}

END_TEST

START_TEST(cut_never_splits_a_character)
{
	struct str s = STR("a\xe2\x82\xac\xf0\x9f\x94\xa5z");
	static const size_t lengths[] = { 0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9 };

	for (size_t max = 0; max < COUNT(lengths); max++)
		ck_assert_uint_eq(utf8_cut(s, max).n, lengths[max]);
}

END_TEST

SUITE_OF(utf8, borders_hold_at_every_offset, count_is_of_characters, cut_never_splits_a_character)
