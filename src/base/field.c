/*
 * field.c -- field tables: how text becomes the members of a struct.
 *
 * Each type is one row of `types`: how to read it, how to say what it accepts, and how to show it.
 * Nothing else here knows a type.  A value is read completely before the target is touched.
 *
 * Runs on: any thread.
 */
#include "base/field.h"

#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct type {
	bool (*set)(const struct field *f, void *member, struct arena *a, struct str text);
	void (*expect)(const struct field *f, struct buf *out);
	void (*write)(const struct field *f, const void *member, struct buf *out);
};

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first, so that showing finds the largest that divides the value. */
static const struct unit sizes[] = {
	{ "G", 1024 * 1024 * 1024 },
	{ "M", 1024 * 1024 },
	{ "k", 1024 },
	{ "", 1 },
	{ NULL, 0 },
};
static const struct unit durations[] = {
	{ "w", DAYS(7) },
	{ "d", DAYS(1) },
	{ "h", HOURS(1) },
	{ "m", MINUTES(1) },
	{ "s", SECONDS(1) },
	{ "ms", 1 },
	{ NULL, 0 },
};
static const struct unit plain[] = {
	{ "", 1 },
	{ NULL, 0 },
};

static const struct unit *
units_of(const struct field *f)
{
	return f->type == FIELD_SIZE ? sizes : f->type == FIELD_DURATION ? durations : plain;
}

static bool
has_max(const struct field *f)
{
	return f->max != 0 || f->min < 0;
}

static bool
in_bounds(const struct field *f, int64_t value)
{
	return value >= f->min && (!has_max(f) || value <= f->max);
}

/* ----- numbers: plain, sizes and durations ----- */

static const struct unit *
unit_find(const struct unit *units, struct str name)
{
	for (; units->name; units++) {
		if (str_is(name, units->name))
			return units;
	}
	return NULL;
}

static bool
set_number(const struct field *f, void *member, struct arena *a, struct str text)
{
	struct str digits = text, name;
	const struct unit *unit;
	int64_t value;

	(void)a;
	while (digits.n > 0 && (digits.p[digits.n - 1] < '0' || digits.p[digits.n - 1] > '9'))
		digits.n--;
	name = (struct str){ text.p + digits.n, text.n - digits.n };
	if (!str_int(digits, INT64_MIN, INT64_MAX, &value))
		return false;
	/* A zero needs no unit. */
	unit = value == 0 && name.n == 0 ? &plain[0] : unit_find(units_of(f), name);
	if (!unit || __builtin_mul_overflow(value, unit->factor, &value) || !in_bounds(f, value))
		return false;
	memcpy(member, &value, sizeof(value));
	return true;
}

static void
put_number(const struct field *f, int64_t value, struct buf *out)
{
	const struct unit *unit = units_of(f);

	if (value == 0) {
		buf_put_char(out, '0');
		return;
	}
	while (value % unit->factor != 0)
		unit++;
	buf_printf(out, "%" PRId64 "%s", value / unit->factor, unit->name);
}

static void
write_number(const struct field *f, const void *member, struct buf *out)
{
	int64_t value;

	memcpy(&value, member, sizeof(value));
	put_number(f, value, out);
}

/* «, from 1 to 10», «, at least 1», «, at most 10» or nothing. */
static void
expect_bounds(const struct field *f, const char *comma, struct buf *out)
{
	if (f->min != 0 && has_max(f)) {
		buf_printf(out, "%s from ", comma);
		put_number(f, f->min, out);
		buf_put_lit(out, " to ");
		put_number(f, f->max, out);
	} else if (has_max(f)) {
		buf_printf(out, "%s at most ", comma);
		put_number(f, f->max, out);
	} else if (f->min != 0) {
		buf_printf(out, "%s at least ", comma);
		put_number(f, f->min, out);
	}
}

static void
expect_number(const struct field *f, struct buf *out)
{
	static const char *const phrases[FIELD_TYPES] = {
		[FIELD_INT] = "a whole number",
		[FIELD_SIZE] = "a size such as 300, 64k or 10M",
		[FIELD_DURATION] = "a duration such as 30s, 5m or 1d",
	};

	buf_put_text(out, phrases[f->type]);
	expect_bounds(f, f->type == FIELD_INT ? "" : ",", out);
}

/* ----- yes or no ----- */

static bool
set_bool(const struct field *f, void *member, struct arena *a, struct str text)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	(void)f;
	(void)a;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_is_nocase(text, words[i])) {
			*(bool *)member = i % 2 == 1;
			return true;
		}
	}
	return false;
}

static void
expect_bool(const struct field *f, struct buf *out)
{
	(void)f;
	buf_put_lit(out, "true or false");
}

static void
write_bool(const struct field *f, const void *member, struct buf *out)
{
	(void)f;
	buf_put_text(out, *(const bool *)member ? "true" : "false");
}

/* ----- one of several ----- */

/* The index of text in choices, or -1. */
static int64_t
choice_of(const char *const *choices, struct str text)
{
	for (int64_t i = 0; choices[i]; i++) {
		if (str_is(text, choices[i]))
			return i;
	}
	return -1;
}

static bool
set_enum(const struct field *f, void *member, struct arena *a, struct str text)
{
	int64_t value = choice_of(f->choices, text);

	(void)a;
	if (value < 0)
		return false;
	memcpy(member, &value, sizeof(value));
	return true;
}

static void
expect_enum(const struct field *f, struct buf *out)
{
	for (size_t i = 0; f->choices[i]; i++) {
		if (i > 0)
			buf_put_text(out, f->choices[i + 1] ? ", " : " or ");
		buf_put_text(out, f->choices[i]);
	}
}

static void
write_enum(const struct field *f, const void *member, struct buf *out)
{
	int64_t value;

	memcpy(&value, member, sizeof(value));
	buf_put_text(out, f->choices[value]);
}

/* ----- text ----- */

static bool
is_text(struct str text)
{
	return utf8_is_xml(text) && !str_find(text, '\x7f');
}

static bool
set_text(const struct field *f, void *member, struct arena *a, struct str text)
{
	if (!text.p)
		text = STR("");
	if (!is_text(text) || !in_bounds(f, (int64_t)text.n))
		return false;
	*(const char **)member =
		f->flags & FIELD_SECRET ? arena_secret(a, text) : arena_str(a, text);
	return true;
}

static void
expect_text(const struct field *f, struct buf *out)
{
	buf_put_lit(out, "text");
	if (f->min == 1 && !has_max(f)) {
		buf_put_lit(out, " that is not empty");
	} else if (f->min != 0 || has_max(f)) {
		buf_put_lit(out, ",");
		expect_bounds(f, "", out);
		buf_put_lit(out, " bytes");
	}
}

static void
write_text(const struct field *f, const void *member, struct buf *out)
{
	(void)f;
	buf_put_text(out, *(const char *const *)member);
}

/* ----- lists ----- */

static bool
set_texts(
	const struct field *f, void *member, struct arena *a, const struct str *texts, size_t count)
{
	const char **copies;

	if (!in_bounds(f, (int64_t)count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (texts[i].n == 0 || !is_text(texts[i]) ||
			(f->choices && choice_of(f->choices, texts[i]) < 0))
			return false;
	}
	copies = ARENA_ARRAY(a, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		copies[i] = arena_str(a, texts[i]);
	*(const char *const **)member = copies;
	return true;
}

static bool
set_list(const struct field *f, void *member, struct arena *a, struct str text)
{
	struct str rest = str_trim(text), *texts;
	size_t count = 1, n = 0;

	if (rest.n == 0)
		return set_texts(f, member, a, NULL, 0);
	for (size_t i = 0; i < rest.n; i++)
		count += rest.p[i] == ',';
	texts = ARENA_ARRAY(a, struct str, count);
	while (rest.p)
		texts[n++] = str_trim(str_cut(&rest, ','));
	return set_texts(f, member, a, texts, n);
}

static void
expect_list(const struct field *f, struct buf *out)
{
	buf_put_lit(out, "a list");
	if (f->min != 0 || has_max(f)) {
		buf_put_lit(out, " of");
		expect_bounds(f, "", out);
	}
	if (f->choices) {
		buf_put_lit(out, " of: ");
		expect_enum(f, out);
	} else {
		buf_put_text(out, f->min != 0 || has_max(f) ? " texts" : " of texts");
	}
}

static void
write_list(const struct field *f, const void *member, struct buf *out)
{
	const char *const *texts = *(const char *const *const *)member;

	(void)f;
	for (size_t i = 0; texts && texts[i]; i++) {
		if (i > 0)
			buf_put_lit(out, ", ");
		buf_put_text(out, texts[i]);
	}
}

/* ----- tables ----- */

static const struct type types[FIELD_TYPES] = {
	[FIELD_BOOL] = { set_bool, expect_bool, write_bool },
	[FIELD_INT] = { set_number, expect_number, write_number },
	[FIELD_SIZE] = { set_number, expect_number, write_number },
	[FIELD_DURATION] = { set_number, expect_number, write_number },
	[FIELD_TEXT] = { set_text, expect_text, write_text },
	[FIELD_ENUM] = { set_enum, expect_enum, write_enum },
	[FIELD_LIST] = { set_list, expect_list, write_list },
};

static const size_t member_sizes[FIELD_TYPES] = {
	[FIELD_BOOL] = sizeof(bool),
	[FIELD_INT] = sizeof(int64_t),
	[FIELD_SIZE] = sizeof(int64_t),
	[FIELD_DURATION] = sizeof(msec_t),
	[FIELD_TEXT] = sizeof(const char *),
	[FIELD_ENUM] = sizeof(int64_t),
	[FIELD_LIST] = sizeof(const char *const *),
};

/* Fills expected and returns false. */
static bool
refuse(const struct field *f, char *expected, size_t n)
{
	struct buf phrase = BUF_INIT;

	field_expect(f, &phrase);
	if (n > 0)
		snprintf(expected, n, "%s", buf_text(&phrase));
	buf_fini(&phrase);
	return false;
}

bool
field_set(const struct field *f, void *target, struct arena *a, struct str text, char *expected,
	size_t n)
{
	return types[f->type].set(f, (char *)target + f->offset, a, text) || refuse(f, expected, n);
}

bool
field_set_list(const struct field *f, void *target, struct arena *a, const struct str *texts,
	size_t count, char *expected, size_t n)
{
	if (f->type == FIELD_LIST && set_texts(f, (char *)target + f->offset, a, texts, count))
		return true;
	return refuse(f, expected, n);
}

void
fields_default(const struct field *table, void *target, struct arena *a)
{
	char expected[256];

	for (const struct field *f = table; f->name; f++) {
		memset((char *)target + f->offset, 0, member_sizes[f->type]);
		if (!f->dflt ||
			field_set(f, target, a, str_of(f->dflt), expected, sizeof(expected)))
			continue;
		fprintf(stderr, "field %s: the default \"%s\" is not %s\n", f->name, f->dflt,
			expected);
		abort();
	}
}

const struct field *
fields_find(const struct field *table, struct str name)
{
	for (const struct field *f = table; f->name; f++) {
		if (str_is(name, f->name))
			return f;
	}
	return NULL;
}

/* A third of the letters may be wrong, and one in a short name. */
static unsigned
near_enough(struct str name)
{
	return name.n < 6 ? 1 : (unsigned)(name.n < 64 ? name.n : 64) / 3;
}

const struct field *
fields_nearest(const struct field *table, struct str name)
{
	const struct field *best = NULL;
	unsigned limit = near_enough(name) + 1;

	for (const struct field *f = table; f->name; f++) {
		unsigned distance = str_distance(name, str_of(f->name));

		if (distance < limit) {
			limit = distance;
			best = f;
		}
	}
	return best;
}

const char *
names_nearest(const char *const *names, struct str name)
{
	const char *best = NULL;
	unsigned limit = near_enough(name) + 1;

	for (; *names; names++) {
		unsigned distance = str_distance(name, str_of(*names));

		if (distance < limit) {
			limit = distance;
			best = *names;
		}
	}
	return best;
}

void
field_expect(const struct field *f, struct buf *out)
{
	types[f->type].expect(f, out);
}

void
field_write(const struct field *f, const void *target, struct buf *out)
{
	if (f->flags & FIELD_SECRET)
		buf_put_lit(out, "(secret)");
	else
		types[f->type].write(f, (const char *)target + f->offset, out);
}

static bool
lists_same(const char *const *one, const char *const *other)
{
	if (!one || !other)
		return one == other;
	for (; *one && *other; one++, other++) {
		if (strcmp(*one, *other) != 0)
			return false;
	}
	return *one == *other;
}

bool
field_same(const struct field *f, const void *one, const void *other)
{
	const char *a = (const char *)one + f->offset, *b = (const char *)other + f->offset;

	if (f->type == FIELD_TEXT)
		return text_eq(*(const char *const *)(const void *)a,
			*(const char *const *)(const void *)b);
	if (f->type == FIELD_LIST)
		return lists_same(*(const char *const *const *)(const void *)a,
			*(const char *const *const *)(const void *)b);
	return memcmp(a, b, member_sizes[f->type]) == 0;
}
