/*
 * Files of contacts: the forms in which texts come, and the line that is named when something is wrong.
 *
 * Runs on: its own process
 */
#include "admin/template.h"
#include "tests/unit/suite.h"

#include <string.h>

#define MOST 3

static const struct {
	const char *text;
	size_t count;
	const char *first; /* user, host, group and nick with | between them; or NULL */
} good[] = {
	{ "[]", 0, NULL },
	{ " [ ] . \n", 0, NULL },
	{ "[{\"a\",\"b\",\"c\",\"d\"}].", 1, "a|b|c|d" },
	{ "% first\n[ {\"a\" , \"b.c\",\n\"\", \"\"} ,{\"x\",\"y\",\"\",\"\"}]", 2, "a|b.c||" },
	{ "[{<<\"a\">>,<<\"b\"/utf8>>,<<\"\xc3\xa9\"/utf8>>,\"\xc3\xa9\"}].", 1,
		"a|b|\xc3\xa9|\xc3\xa9" },
	{ "[{\"a\",\"b\",\"\\\"q\\\"\",\"\\\\\"}].", 1, "a|b|\"q\"|\\" },
	{ "[{\"%\",\"]\",\"}\",\",\"}].%", 1, "%|]|}|," },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "line 1: [ was expected" },
	{ "user@host", "line 1: [ was expected" },
	{ "[{\"a\",\"b\",\"c\"}].", "line 1: a contact has four texts: user, host, group, nick" },
	{ "[\n{\"a\",\"b\",\"c\",\"d\",\"e\"}].",
		"line 2: a contact has four texts: user, host, group, nick" },
	{ "[{\"a\",\"b\",\"c\",\"d\"},\n\n].", "line 3: { was expected" },
	{ "[{\"a\",\"b\",\"c\",\"d\"}{", "line 1: , or ] was expected" },
	{ "[{\"a\",\"b\",\"c\",\"d\"}", "line 1: , or ] was expected" },
	{ "[{\"a\",b,\"c\",\"d\"}].", "line 1: a text in quotes was expected" },
	{ "[{\"a\",\"b", "line 1: a text has no end" },
	{ "[{\"a\\n\",\"b\",\"c\",\"d\"}].", "line 1: only \\\" and \\\\ may follow a backslash" },
	{ "[{\"a\\", "line 1: only \\\" and \\\\ may follow a backslash" },
	{ "[{\"a\nb\",\"b\",\"c\",\"d\"}].",
		"line 2: a text is not UTF-8, or has control characters" },
	{ "[{\"\xff\",\"b\",\"c\",\"d\"}].",
		"line 1: a text is not UTF-8, or has control characters" },
	{ "[{<<\"a\",\"b\",\"c\",\"d\"}].", "line 1: >> was expected" },
	{ "[{<<\"a\"/latin1>>,\"b\",\"c\",\"d\"}].", "line 1: >> was expected" },
	{ "[].\n[].", "line 2: nothing was expected behind the list" },
	{ "[{\"a\",\"a\",\"\",\"\"},\n{\"a\",\"a\",\"\",\"\"},\n{\"a\",\"a\",\"\",\"\"},\n"
	  "{\"a\",\"a\",\"\",\"\"}].",
		"line 4: more than 3 contacts" },
};

START_TEST(what_is_there_is_read)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct arena *a = arena_new(0);
		struct template_contact *list;
		struct err why = { "" };
		size_t count;

		ck_assert_msg(template_parse(a, str_of(good[i].text), MOST, &list, &count, &why),
			"row %zu: %s", i, why.text);
		ck_assert_msg(count == good[i].count, "row %zu: %zu", i, count);
		if (good[i].first) {
			const char *got = arena_printf(a, "%s|%s|%s|%s", list[0].user, list[0].host,
				list[0].group, list[0].nick);

			ck_assert_msg(strcmp(got, good[i].first) == 0, "row %zu: %s", i, got);
		}
		arena_free(&a);
	}
}

END_TEST

START_TEST(what_is_wrong_is_told_with_its_line)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct arena *a = arena_new(0);
		struct template_contact *list;
		struct err why = { "" };
		size_t count;

		ck_assert_msg(!template_parse(a, str_of(bad[i].text), MOST, &list, &count, &why),
			"row %zu", i);
		ck_assert_msg(strcmp(why.text, bad[i].why) == 0, "row %zu: %s", i, why.text);
		arena_free(&a);
	}
}

END_TEST

SUITE_OF(template, what_is_there_is_read, what_is_wrong_is_told_with_its_line)
