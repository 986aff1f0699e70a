/*
 * Field tables: every type's values and refusals, defaults, near names, comparison and reference.
 *
 * Runs on: the test process
 */
#include "base/field.h"

#include "tests/unit/suite.h"

#include <signal.h>
#include <string.h>

struct conf {
	bool open;
	int64_t port, depth, size, mode;
	msec_t wait;
	const char *name, *password;
	const char *const *tags, *const *some;
};

static const struct field fields[] = {
	BOOL_FIELD(struct conf, open, .doc = "Whether it is open"),
	INT_FIELD(struct conf, port, .min = 1, .max = 65535, .dflt = "5222",
		.doc = "Where it listens", .flags = FIELD_RELOAD),
	INT_FIELD(struct conf, depth, .min = -5, .max = 0, .doc = "How low"),
	SIZE_FIELD(struct conf, size, .min = 10000, .dflt = "1M", .doc = "How much"),
	ENUM_FIELD(struct conf, mode, .choices = CHOICES("required", "optional", "off"),
		.dflt = "optional", .doc = "A | B"),
	DURATION_FIELD(struct conf, wait, .max = HOURS(1), .dflt = "30s", .doc = "How long"),
	TEXT_FIELD(
		struct conf, name, .min = 1, .max = 8, .flags = FIELD_REQUIRED, .doc = "Its name"),
	TEXT_FIELD(struct conf, password, .flags = FIELD_SECRET, .doc = "For the database"),
	LIST_FIELD(struct conf, tags, .dflt = "a, b", .doc = "Words"),
	LIST_FIELD(struct conf, some, .choices = CHOICES("x", "y"), .max = 2, .doc = "Some"),
	END_FIELDS,
};

static struct arena *arena;
static struct conf conf;
static char expected[200];

static const struct field *
field(const char *name)
{
	const struct field *f = fields_find(fields, str_of(name));

	ck_assert_msg(f != NULL, "no field %s", name);
	return f;
}

static bool
set(const char *name, const char *text)
{
	return field_set(field(name), &conf, arena, str_of(text), expected, sizeof(expected));
}

static const char *
shown(const char *name)
{
	struct buf out = BUF_INIT;
	char *text;

	field_write(field(name), &conf, &out);
	text = arena_text(arena, buf_text(&out));
	buf_fini(&out);
	return text;
}

static void
begin(void)
{
	arena = arena_new(0);
	memset(&conf, 0xff, sizeof(conf));
	fields_default(fields, &conf, arena);
}

START_TEST(defaults_fill_every_member)
{
	begin();
	ck_assert(!conf.open);
	ck_assert_int_eq(conf.port, 5222);
	ck_assert_int_eq(conf.depth, 0);
	ck_assert_int_eq(conf.size, 1 << 20);
	ck_assert_int_eq(conf.mode, 1);
	ck_assert_int_eq(conf.wait, 30000);
	ck_assert_ptr_null(conf.name);
	ck_assert_str_eq(conf.tags[0], "a");
	ck_assert_str_eq(conf.tags[1], "b");
	ck_assert_ptr_null(conf.tags[2]);
	ck_assert_ptr_null(conf.some);
	arena_free(&arena);
}

END_TEST

static const struct {
	const char *name, *text, *shown; /* shown NULL: refused */
} rows[] = {
	{ "open", "true", "true" },
	{ "open", "Yes", "true" },
	{ "open", "on", "true" },
	{ "open", "off", "false" },
	{ "open", "no", "false" },
	{ "open", "1", NULL },
	{ "open", "", NULL },
	{ "port", "1", "1" },
	{ "port", "65535", "65535" },
	{ "port", "0", NULL },
	{ "port", "65536", NULL },
	{ "port", "5k", NULL },
	{ "port", "5222 ", NULL },
	{ "port", "99999999999999999999", NULL },
	{ "depth", "-5", "-5" },
	{ "depth", "-6", NULL },
	{ "depth", "1", NULL },
	{ "size", "10000", "10000" },
	{ "size", "64k", "64k" },
	{ "size", "65536", "64k" },
	{ "size", "3G", "3G" },
	{ "size", "9k", NULL },
	{ "size", "64K", NULL },
	{ "size", "64kb", NULL },
	{ "size", "k", NULL },
	{ "size", "9999999999999G", NULL },
	{ "mode", "required", "required" },
	{ "mode", "off", "off" },
	{ "mode", "Required", NULL },
	{ "mode", "0", NULL },
	{ "wait", "250ms", "250ms" },
	{ "wait", "90s", "90s" },
	{ "wait", "60s", "1m" },
	{ "wait", "1h", "1h" },
	{ "wait", "0", "0" },
	{ "wait", "2h", NULL },
	{ "wait", "1d", NULL },
	{ "wait", "30", NULL },
	{ "wait", "-1s", NULL },
	{ "wait", "9223372036854775807w", NULL },
	{ "name", "bongsu", "bongsu" },
	{ "name", "", NULL },
	{ "name", "123456789", NULL },
	{ "name", "a\x01", NULL },
	{ "name", "\xff", NULL },
	{ "password", "hunter2", "(secret)" },
	{ "tags", "", "" },
	{ "tags", "one", "one" },
	{ "tags", " one ,two", "one, two" },
	{ "tags", "one,,two", NULL },
	{ "tags", "one,", NULL },
	{ "some", "x,y", "x, y" },
	{ "some", "x,z", NULL },
	{ "some", "x,y,x", NULL },
};

START_TEST(values_are_taken_or_refused_and_refusal_changes_nothing)
{
	begin();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf was = conf;
		bool ok = set(rows[i].name, rows[i].text);

		ck_assert_msg(ok == (rows[i].shown != NULL), "row %zu: %s", i, rows[i].text);
		if (ok)
			ck_assert_str_eq(shown(rows[i].name), rows[i].shown);
		else
			ck_assert_msg(memcmp(&was, &conf, sizeof(conf)) == 0, "row %zu", i);
	}
	ck_assert_str_eq(conf.password, "hunter2");
	arena_free(&arena);
}

END_TEST

START_TEST(a_refusal_says_what_was_expected)
{
	static const struct {
		const char *name, *text, *expected;
	} wrong[] = {
		{ "open", "maybe", "true or false" },
		{ "port", "x", "a whole number from 1 to 65535" },
		{ "depth", "x", "a whole number from -5 to 0" },
		{ "size", "x", "a size such as 300, 64k or 10M, at least 10000" },
		{ "mode", "x", "required, optional or off" },
		{ "wait", "x", "a duration such as 30s, 5m or 1d, at most 1h" },
		{ "name", "", "text, from 1 to 8 bytes" },
		{ "some", "z", "a list of at most 2 of: x or y" },
		{ "tags", ",", "a list of texts" },
	};

	begin();
	for (size_t i = 0; i < COUNT(wrong); i++) {
		ck_assert(!set(wrong[i].name, wrong[i].text));
		ck_assert_str_eq(expected, wrong[i].expected);
	}
	ck_assert(!field_set(field("port"), &conf, arena, STR("x"), expected, 8));
	ck_assert_str_eq(expected, "a whole");
	arena_free(&arena);
}

END_TEST

START_TEST(lists_come_apart_or_together)
{
	const struct str texts[] = { STR("x"), STR("y"), STR("a,b") };

	begin();
	ck_assert(
		field_set_list(field("tags"), &conf, arena, texts, 3, expected, sizeof(expected)));
	ck_assert_str_eq(conf.tags[2], "a,b");
	ck_assert_ptr_null(conf.tags[3]);
	ck_assert(
		field_set_list(field("some"), &conf, arena, texts, 2, expected, sizeof(expected)));
	ck_assert(
		!field_set_list(field("some"), &conf, arena, texts, 3, expected, sizeof(expected)));
	ck_assert(
		!field_set_list(field("name"), &conf, arena, texts, 1, expected, sizeof(expected)));
	ck_assert_str_eq(expected, "text, from 1 to 8 bytes");
	ck_assert(field_set_list(field("tags"), &conf, arena, NULL, 0, expected, sizeof(expected)));
	ck_assert_ptr_null(conf.tags[0]);
	arena_free(&arena);
}

END_TEST

START_TEST(near_names_are_found_and_far_ones_are_not)
{
	static const char *const names[] = { "required", "optional", NULL };

	ck_assert_ptr_eq(fields_nearest(fields, STR("prot")), field("port"));
	ck_assert_ptr_eq(fields_nearest(fields, STR("pasword")), field("password"));
	ck_assert_ptr_eq(fields_nearest(fields, STR("passwort")), field("password"));
	ck_assert_ptr_null(fields_nearest(fields, STR("xy")));
	ck_assert_ptr_null(fields_nearest(fields, STR("certificate")));
	ck_assert_ptr_null(fields_nearest(fields, STR("")));
	ck_assert_ptr_null(fields_find(fields, STR("por")));
	ck_assert_str_eq(names_nearest(names, STR("requierd")), "required");
	ck_assert_ptr_null(names_nearest(names, STR("off")));
}

END_TEST

START_TEST(sameness_is_by_value)
{
	static const char *const changes[][2] = { { "open", "on" }, { "port", "1" },
		{ "name", "other" }, { "tags", "a" }, { "tags", "a,c" }, { "tags", "a,b,c" },
		{ "some", "x" }, { "wait", "1s" } };
	struct conf other;

	begin();
	ck_assert(set("name", "same"));
	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct field *f = field(changes[i][0]);

		other = conf;
		ck_assert(field_same(f, &conf, &other));
		ck_assert(field_set(
			f, &other, arena, str_of(changes[i][1]), expected, sizeof(expected)));
		ck_assert_msg(!field_same(f, &conf, &other), "row %zu", i);
		/* The same value again: equal, though texts lie elsewhere. */
		ck_assert(set(changes[i][0], changes[i][1]));
		ck_assert_msg(field_same(f, &conf, &other), "row %zu", i);
	}
	arena_free(&arena);
}

END_TEST

START_TEST(the_reference_says_what_the_table_says)
{
	struct buf out = BUF_INIT;

	fields_doc(fields, "c2s.", &out);
	ck_assert_ptr_nonnull(strstr(buf_text(&out),
		"| `c2s.open` | true or false | `false` | Whether it is open |\n"
		"| `c2s.port` | a whole number from 1 to 65535 | `5222` | "
		"Where it listens (applies on reload) |\n"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out),
		"| `c2s.mode` | required, optional or off | `optional` | A \\| B |\n"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "| required | Its name |\n"));
	buf_clear(&out);
	fields_usage(fields, &out);
	ck_assert_str_eq(buf_text(&out),
		"[open] [port] [depth] [size] [mode] [wait] <name> [password] [tags] [some]");
	buf_fini(&out);
}

END_TEST

START_TEST(a_default_that_its_row_refuses_aborts)
{
	static const struct field broken[] = {
		INT_FIELD(struct conf, port, .max = 10, .dflt = "11", .doc = "Wrong"),
		END_FIELDS,
	};

	arena = arena_new(0);
	fields_default(broken, &conf, arena);
}

END_TEST

Suite *
suite_field(void)
{
	Suite *suite = suite_make(
		"field", (const TTest *const[]){ defaults_fill_every_member,
				 values_are_taken_or_refused_and_refusal_changes_nothing,
				 a_refusal_says_what_was_expected, lists_come_apart_or_together,
				 near_names_are_found_and_far_ones_are_not, sameness_is_by_value,
				 the_reference_says_what_the_table_says, NULL });
	TCase *aborts = tcase_create("aborts");

	tcase_add_test_raise_signal(aborts, a_default_that_its_row_refuses_aborts, SIGABRT);
	suite_add_tcase(suite, aborts);
	return suite;
}
