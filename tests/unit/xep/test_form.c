/*
 * Data forms: limits of what is submitted, and field tables to forms and back.
 *
 * Runs on: its own process
 */
#include "tests/unit/suite.h"
#include "tests/unit/xep/xep_test.h"
#include "xep/form.h"

#include <string.h>

#define X(type, inside) "<x xmlns='jabber:x:data' type='" type "'>" inside "</x>"

struct room {
	const char *name, *secret, *about;
	bool open;
	int64_t max, who;
	const char *const *admins;
	const char *const *seen;
	int64_t inner;
};

static const struct field fields[] = {
	TEXT_FIELD(struct room, name, .max = 20, .doc = "Name"),
	TEXT_FIELD(struct room, secret, .flags = FIELD_SECRET, .doc = "Password"),
	TEXT_FIELD(struct room, about, .dflt = "one", .doc = "Description"),
	BOOL_FIELD(struct room, open, .dflt = "true", .doc = "Everybody may enter"),
	INT_FIELD(struct room, max, .dflt = "100", .min = 1, .max = 1000, .doc = "People"),
	ENUM_FIELD(struct room, who, .choices = CHOICES("anyone", "moderators"), .dflt = "anyone",
		.doc = "Who sees addresses"),
	LIST_FIELD(struct room, admins, .max = 3, .doc = "Admins"),
	LIST_FIELD(struct room, seen, .choices = CHOICES("a", "b", "c"), .doc = "Seen"),
	INT_FIELD(struct room, inner, .dflt = "7", .doc = "In no form"),
	END_FIELDS,
};

static const struct form_name names[] = {
	{ "who", "test#who_is_it", FORM_UNTYPED },
	{ "admins", NULL, FORM_JID_MULTI },
	{ "about", NULL, FORM_TEXT_MULTI },
	{ "inner", "", FORM_UNTYPED },
	{ NULL, NULL, FORM_UNTYPED },
};

static const struct form_table table = { "urn:test", "test#", fields, names };

/* ---- Read ---------------------------------------------------------------- */

START_TEST(a_submission_is_read_by_name)
{
	struct arena *a = arena_new(0);
	struct problem why = { COND_NONE, NULL };
	struct form f;

	ck_assert(form_read(a,
		xml_of(a,
			X("submit",
				"<title>t</title><field var='FORM_TYPE'><value>urn:test</value></field>"
				"<field var='a'><value>1</value><value>2</value></field>"
				"<field var='b' type='odd'/><field var='c'><value/></field>")),
		&f, &why));
	ck_assert(form_is(&f, "urn:test") && !form_is(&f, "urn:other"));
	ck_assert_int_eq(f.kind, FORM_SUBMIT);
	ck_assert_uint_eq(f.count, 3);
	ck_assert_str_eq(form_value(&f, "a"), "1");
	ck_assert_str_eq(form_find(&f, "a")->values[1], "2");
	ck_assert_ptr_null(form_find(&f, "a")->values[2]);
	ck_assert_ptr_null(form_value(&f, "b"));
	ck_assert_int_eq(form_find(&f, "b")->type, FORM_TEXT_SINGLE);
	ck_assert_str_eq(form_value(&f, "c"), "");
	ck_assert_ptr_null(form_find(&f, "FORM_TYPE"));
	ck_assert_ptr_null(form_find(&f, "d"));
	arena_free(&a);
}

END_TEST

static const char *const refused[] = {
	"<x xmlns='jabber:x:data'/>",
	X("list", ""),
	"<x xmlns='jabber:x:other' type='submit'/>",
	X("submit", "<field><value>1</value></field>"),
	X("submit", "<field var='a'/><field var='a'/>"),
	X("submit", "<field var='FORM_TYPE'><value>a</value></field><field var='FORM_TYPE'/>"),
};

START_TEST(what_is_no_form_is_refused)
{
	struct arena *a = arena_new(0);
	struct problem why = { COND_NONE, NULL };
	struct form f;

	ck_assert(!form_read(a, xml_of(a, refused[_i]), &f, &why));
	ck_assert_int_eq(why.cond, COND_BAD_REQUEST);
	ck_assert_ptr_nonnull(why.text);
	arena_free(&a);
}

END_TEST

static bool
reads_with(size_t count, size_t values)
{
	struct arena *a = arena_new(0);
	struct problem why;
	struct form f;
	struct xml *x = form_new(a, FORM_SUBMIT, NULL);
	bool ok;

	for (size_t i = 0; i < count; i++) {
		struct xml *field = form_add(a, x, FORM_UNTYPED, arena_printf(a, "f%zu", i), NULL);

		for (size_t v = 0; i == 0 && v < values; v++)
			form_add_value(a, field, "v");
	}
	ok = form_read(a, x, &f, &why);
	arena_free(&a);
	return ok;
}

START_TEST(a_form_is_bounded)
{
	ck_assert(reads_with(FORM_FIELDS_MAX, 1));
	ck_assert(!reads_with(FORM_FIELDS_MAX + 1, 1));
	ck_assert(reads_with(1, FORM_VALUES_MAX));
	ck_assert(!reads_with(1, FORM_VALUES_MAX + 1));
}

END_TEST

START_TEST(a_submission_must_be_one)
{
	struct arena *a = arena_new(0);
	struct problem why;
	struct form f;

	ck_assert(!form_submitted(a, xml_of(a, "<q xmlns='a'/>"), &f, &why));
	ck_assert(!form_submitted(a, NULL, &f, &why));
	ck_assert(!form_submitted(a, xml_of(a, "<q xmlns='a'>" X("form", "") "</q>"), &f, &why));
	ck_assert(form_submitted(a, xml_of(a, "<q xmlns='a'>" X("submit", "") "</q>"), &f, &why));
	ck_assert(form_submitted(a, xml_of(a, "<q xmlns='a'>" X("cancel", "") "</q>"), &f, &why));
	ck_assert_int_eq(f.kind, FORM_CANCEL);
	arena_free(&a);
}

END_TEST

START_TEST(booleans_have_four_texts)
{
	bool yes = false;

	ck_assert(form_bool("1", &yes) && yes && form_bool("true", &yes) && yes);
	ck_assert(form_bool("0", &yes) && !yes && form_bool("false", &yes) && !yes);
	ck_assert(!form_bool("yes", &yes) && !form_bool("", &yes) && !form_bool(NULL, &yes));
}

END_TEST

/* ---- Tables -------------------------------------------------------------- */

START_TEST(a_table_makes_a_form)
{
	struct arena *a = arena_new(0);
	struct room r;

	fields_default(fields, &r, a);
	r.about = "one\ntwo";
	r.admins = CHOICES("a@b", "c@d");
	ck_assert_str_eq(text_of(a, form_of(a, &table, FORM_FORM, &r)),
		X("form",
			"<field var='FORM_TYPE' type='hidden'><value>urn:test</value></field>"
			"<field var='test#name' type='text-single' label='Name'/>"
			"<field var='test#secret' type='text-private' label='Password'/>"
			"<field var='test#about' type='text-multi' label='Description'>"
			"<value>one</value><value>two</value></field>"
			"<field var='test#open' type='boolean' label='Everybody may enter'>"
			"<value>true</value></field>"
			"<field var='test#max' type='text-single' label='People'>"
			"<validate xmlns='http://jabber.org/protocol/xdata-validate' "
			"datatype='xs:integer'><range min='1' max='1000'/></validate>"
			"<value>100</value></field>"
			"<field var='test#who_is_it' type='list-single' label='Who sees addresses'>"
			"<option><value>anyone</value></option>"
			"<option><value>moderators</value></option><value>anyone</value></field>"
			"<field var='test#admins' type='jid-multi' label='Admins'>"
			"<value>a@b</value><value>c@d</value></field>"
			"<field var='test#seen' type='list-multi' label='Seen'>"
			"<option><value>a</value></option><option><value>b</value></option>"
			"<option><value>c</value></option></field>"));
	arena_free(&a);
}

END_TEST

static bool
apply(struct arena *a, const char *inside, struct room *r, uint64_t *given, struct problem *why)
{
	struct form f;
	const char *text = arena_printf(a, X("submit", "%s"), inside);

	ck_assert(form_read(a, xml_of(a, text), &f, why));
	return form_apply(&table, &f, r, a, given, why);
}

START_TEST(a_submission_sets_what_it_names)
{
	struct arena *a = arena_new(0);
	struct problem why = { COND_NONE, NULL };
	struct room r;
	uint64_t given;

	fields_default(fields, &r, a);
	ck_assert(apply(a,
		"<field var='test#open'><value>0</value></field>"
		"<field var='test#about'><value>x</value><value>y</value></field>"
		"<field var='test#who_is_it'><value>moderators</value></field>"
		"<field var='test#seen'><value>c</value><value>a</value></field>"
		"<field var='test#max'/><field var='test#name'/>"
		"<field var='test#inner'><value>8</value></field>"
		"<field var='test#who'><value>nobody</value></field>"
		"<field var='other'><value>1</value></field>",
		&r, &given, &why));
	ck_assert(!r.open);
	ck_assert_str_eq(r.about, "x\ny");
	ck_assert_int_eq(r.who, 1);
	ck_assert_str_eq(r.seen[0], "c");
	ck_assert_str_eq(r.seen[1], "a");
	ck_assert_int_eq(r.max, 100);
	ck_assert_str_eq(r.name, "");
	ck_assert_int_eq(r.inner, 7);
	ck_assert_uint_eq(given, 1 << 3 | 1 << 2 | 1 << 5 | 1 << 7 | 1 << 4 | 1 << 0);
	arena_free(&a);
}

END_TEST

static const char *const wrong[] = {
	"<field var='test#open'><value>yes</value></field>",
	"<field var='test#open'><value/></field>",
	"<field var='test#max'><value>0</value></field>",
	"<field var='test#max'><value>1</value><value>2</value></field>",
	"<field var='test#who_is_it'><value>nobody</value></field>",
	"<field var='test#name'><value>123456789012345678901</value></field>",
	"<field var='test#seen'><value>d</value></field>",
	("<field var='test#admins'><value>1</value><value>2</value><value>3</value>"
	 "<value>4</value></field>"),
};

START_TEST(a_wrong_value_is_refused)
{
	struct arena *a = arena_new(0);
	struct problem why = { COND_NONE, NULL };
	struct room r;

	fields_default(fields, &r, a);
	ck_assert(!apply(a, wrong[_i], &r, NULL, &why));
	ck_assert_int_eq(why.cond, COND_NOT_ACCEPTABLE);
	ck_assert(strncmp(why.text, "the field test#", 15) == 0);
	arena_free(&a);
}

END_TEST

START_TEST(what_a_form_says_is_set_again)
{
	struct arena *a = arena_new(0);
	struct problem why;
	struct room r, again;
	struct form f;

	fields_default(fields, &r, a);
	fields_default(fields, &again, a);
	r.name = "N";
	r.secret = "s";
	r.open = false;
	r.max = 5;
	r.who = 1;
	r.seen = CHOICES("b");
	r.admins = CHOICES("x@y");
	ck_assert(form_read(a, form_of(a, &table, FORM_SUBMIT, &r), &f, &why));
	ck_assert(form_apply(&table, &f, &again, a, NULL, &why));
	for (const struct field *row = fields; row->name; row++)
		ck_assert_msg(field_same(row, &r, &again), "%s", row->name);
	arena_free(&a);
}

END_TEST

START_TEST(a_field_has_bounds_and_pictures)
{
	struct arena *a = arena_new(0);
	struct xml *x = form_new(a, FORM_FORM, NULL);
	struct xml *f = form_add(a, x, FORM_LIST_SINGLE, "v", NULL);

	form_head(a, x, "T", "I");
	form_open(a, f, "xs:string");
	form_add_option(a, f, "Label", "o");
	form_require(a, f);
	form_media(a, f, "image/png", "cid:1");
	form_add(a, form_row(a, x, "item"), FORM_UNTYPED, "c", "1");
	ck_assert_str_eq(text_of(a, x),
		X("form", "<field var='v' type='list-single'>"
			  "<validate xmlns='http://jabber.org/protocol/xdata-validate' "
			  "datatype='xs:string'><open/></validate>"
			  "<option label='Label'><value>o</value></option><required/>"
			  "<media xmlns='urn:xmpp:media-element'>"
			  "<uri type='image/png'>cid:1</uri></media></field>"
			  "<title>T</title><instructions>I</instructions>"
			  "<item><field var='c'><value>1</value></field></item>"));
	arena_free(&a);
}

END_TEST

Suite *
suite_form(void)
{
	Suite *suite = suite_create("form");
	TCase *tcase = tcase_create("form");

	tcase_add_test(tcase, a_submission_is_read_by_name);
	tcase_add_loop_test(tcase, what_is_no_form_is_refused, 0, COUNT(refused));
	tcase_add_test(tcase, a_form_is_bounded);
	tcase_add_test(tcase, a_submission_must_be_one);
	tcase_add_test(tcase, booleans_have_four_texts);
	tcase_add_test(tcase, a_table_makes_a_form);
	tcase_add_test(tcase, a_submission_sets_what_it_names);
	tcase_add_loop_test(tcase, a_wrong_value_is_refused, 0, COUNT(wrong));
	tcase_add_test(tcase, what_a_form_says_is_set_again);
	tcase_add_test(tcase, a_field_has_bounds_and_pictures);
	suite_add_tcase(suite, tcase);
	return suite;
}
