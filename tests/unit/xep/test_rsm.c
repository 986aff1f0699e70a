/*
 * Result set management: what is asked for, what is answered, what is refused.
 *
 * Runs on: its own process
 */
#include "xep/rsm.h"

#include "tests/unit/suite.h"
#include "tests/unit/xep/xep_test.h"

#include <string.h>

#define SET(inside) "<q xmlns='x'><set xmlns='http://jabber.org/protocol/rsm'>" inside "</set></q>"

static const struct {
	const char *text;
	bool ok, has_max;
	uint32_t max;
	const char *after, *before;
} rows[] = {
	{ "<q xmlns='x'/>", true, false, 0, NULL, NULL },
	{ SET(""), true, false, 0, NULL, NULL },
	{ SET("<max>10</max>"), true, true, 10, NULL, NULL },
	{ SET("<max>0</max>"), true, true, 0, NULL, NULL },
	{ SET("<max>5</max><before/>"), true, true, 5, NULL, "" },
	{ SET("<before>b</before><after>a&amp;c</after>"), true, false, 0, "a&c", "b" },
	{ SET("<max>-1</max>"), false, false, 0, NULL, NULL },
	{ SET("<max>x</max>"), false, false, 0, NULL, NULL },
	{ SET("<max/>"), false, false, 0, NULL, NULL },
	{ SET("<max>4294967296</max>"), false, false, 0, NULL, NULL },
	{ SET("<max>1</max><index>0</index>"), false, false, 0, NULL, NULL },
};

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

START_TEST(questions)
{
	struct arena *a = arena_new(0);
	struct problem why = { COND_NONE, NULL };
	struct rsm r;
	bool ok = rsm_read(a, xml_of(a, rows[_i].text), &r, &why);

	ck_assert_msg(ok == rows[_i].ok, "%s", rows[_i].text);
	if (ok) {
		ck_assert_int_eq(r.has_max, rows[_i].has_max);
		ck_assert_uint_eq(r.max, rows[_i].max);
		ck_assert_msg(same(r.after, rows[_i].after), "%s", r.after);
		ck_assert_msg(same(r.before, rows[_i].before), "%s", r.before);
	} else {
		ck_assert_int_ne(why.cond, COND_NONE);
	}
	arena_free(&a);
}

END_TEST

START_TEST(answers)
{
	struct arena *a = arena_new(0);

	ck_assert_str_eq(text_of(a, rsm_write(a, "1", "2", 3)),
		"<set xmlns='http://jabber.org/protocol/rsm'><first>1</first><last>2</last>"
		"<count>3</count></set>");
	ck_assert_str_eq(text_of(a, rsm_write(a, NULL, NULL, -1)),
		"<set xmlns='http://jabber.org/protocol/rsm'/>");
	arena_free(&a);
}

END_TEST

Suite *
suite_rsm(void)
{
	Suite *suite = suite_create("rsm");
	TCase *tcase = tcase_create("rsm");

	tcase_add_loop_test(tcase, questions, 0, COUNT(rows));
	tcase_add_test(tcase, answers);
	suite_add_tcase(suite, tcase);
	return suite;
}
