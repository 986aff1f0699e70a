/*
 * form_table.c -- data forms from field tables, and back.
 *
 * A row of base/field.h becomes a field of the form: its type, options and bounds follow from the
 * row.  Values go through the row's own reader, so a form takes what the configuration file takes.
 *
 * Runs on: any thread.
 */
#include "xep/form.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const struct form_name *
exception(const struct form_table *t, const struct field *f)
{
	for (const struct form_name *n = t->names; n && n->member; n++) {
		if (strcmp(n->member, f->name) == 0)
			return n;
	}
	return NULL;
}

const char *
form_var(struct arena *a, const struct form_table *t, const struct field *f)
{
	const struct form_name *n = exception(t, f);

	if (n && n->var)
		return n->var[0] ? n->var : NULL;
	return arena_printf(a, "%s%s", t->prefix, f->name);
}

/* As form_var, without making the name. */
static bool
is_named(const struct form_table *t, const struct field *f, const char *var)
{
	const struct form_name *n = exception(t, f);
	size_t prefix = strlen(t->prefix);

	if (n && n->var)
		return n->var[0] && strcmp(n->var, var) == 0;
	return strncmp(var, t->prefix, prefix) == 0 && strcmp(var + prefix, f->name) == 0;
}

const struct field *
form_table_find(const struct form_table *t, const char *var)
{
	for (const struct field *f = t->fields; f->name; f++) {
		if (is_named(t, f, var))
			return f;
	}
	return NULL;
}

static enum form_type
type_of(const struct form_table *t, const struct field *f)
{
	static const enum form_type usual[FIELD_TYPES] = {
		[FIELD_BOOL] = FORM_BOOLEAN,
		[FIELD_INT] = FORM_TEXT_SINGLE,
		[FIELD_SIZE] = FORM_TEXT_SINGLE,
		[FIELD_DURATION] = FORM_TEXT_SINGLE,
		[FIELD_TEXT] = FORM_TEXT_SINGLE,
		[FIELD_ENUM] = FORM_LIST_SINGLE,
		[FIELD_LIST] = FORM_TEXT_MULTI,
	};
	const struct form_name *n = exception(t, f);

	if (n && n->type != FORM_UNTYPED)
		return n->type;
	if (f->type == FIELD_LIST && f->choices)
		return FORM_LIST_MULTI;
	if (f->type == FIELD_TEXT && f->flags & FIELD_SECRET)
		return FORM_TEXT_PRIVATE;
	return usual[f->type];
}

/* ---- Write --------------------------------------------------------------- */

static void
add_text(struct arena *a, struct xml *field, enum form_type type, const char *text)
{
	struct str rest = str_of(text);

	if (type != FORM_TEXT_MULTI) {
		if (text)
			form_add_value(a, field, text);
		return;
	}
	while (rest.p) /* a value a line */
		form_add_value(a, field, arena_str(a, str_cut(&rest, '\n')));
}

static void
add_plain(struct arena *a, struct xml *field, const struct field *f, const void *target)
{
	struct buf text = BUF_INIT;

	field_write(f, target, &text);
	form_add_value(a, field, buf_text(&text));
	buf_fini(&text);
}

static void
add_values(struct arena *a, struct xml *field, enum form_type type, const struct field *f,
	const void *target)
{
	const void *member = (const char *)target + f->offset;
	const char *const *texts;

	if (f->type == FIELD_TEXT) {
		add_text(a, field, type, *(const char *const *)member);
	} else if (f->type == FIELD_LIST) {
		texts = *(const char *const *const *)member;
		for (; texts && *texts; texts++)
			form_add_value(a, field, *texts);
	} else {
		add_plain(a, field, f, target);
	}
}

static const char *
bound(struct arena *a, int64_t n)
{
	return arena_printf(a, "%" PRId64, n);
}

/* What a person who fills it in should know. */
static void
add_help(struct arena *a, struct xml *field, const struct field *f)
{
	bool has_max = f->max != 0 || f->min < 0;

	form_label(a, field, f->doc);
	for (const char *const *c = f->choices; c && *c; c++)
		form_add_option(a, field, NULL, *c);
	if (f->type == FIELD_INT)
		form_validate(a, field, "xs:integer", bound(a, f->min),
			has_max ? bound(a, f->max) : NULL);
	if (f->flags & FIELD_REQUIRED)
		form_require(a, field);
}

struct xml *
form_of(struct arena *a, const struct form_table *t, enum form_kind kind, const void *target)
{
	struct xml *x = form_new(a, kind, t->form_type);

	for (const struct field *f = t->fields; f->name; f++) {
		const char *var = form_var(a, t, f);
		enum form_type type = type_of(t, f);
		struct xml *field;

		if (!var)
			continue;
		field = form_add(a, x, kind == FORM_SUBMIT ? FORM_UNTYPED : type, var, NULL);
		if (kind == FORM_FORM)
			add_help(a, field, f);
		add_values(a, field, type, f, target);
	}
	return x;
}

/* ---- Read ---------------------------------------------------------------- */

static struct str
join_lines(struct arena *a, const struct form_field *in)
{
	struct buf lines = BUF_INIT;
	struct str joined;

	for (size_t i = 0; i < in->count; i++) {
		if (i > 0)
			buf_put_char(&lines, '\n');
		buf_put_text(&lines, in->values[i]);
	}
	joined.n = buf_len(&lines);
	joined.p = arena_str(a, buf_str(&lines));
	buf_fini(&lines);
	return joined;
}

static bool
set_one(const struct field *f, const struct form_field *in, void *target, struct arena *a,
	char *expected, size_t n)
{
	struct str text = str_of(in->values[0]);
	bool yes;

	if (f->type == FIELD_BOOL) /* not the words that the configuration file knows */
		text = form_bool(in->values[0], &yes) ? str_of(yes ? "true" : "false") : STR("");
	else if (in->count > 1)
		text = join_lines(a, in);
	return field_set(f, target, a, text, expected, n);
}

static bool
set_list(const struct field *f, const struct form_field *in, void *target, struct arena *a,
	char *expected, size_t n)
{
	struct str *texts = ARENA_ARRAY(a, struct str, in->count + 1);
	size_t count = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (in->values[i][0])
			texts[count++] = str_of(in->values[i]);
	}
	return field_set_list(f, target, a, texts, count, expected, n);
}

static bool
set_field(const struct field *f, const struct form_field *in, void *target, struct arena *a,
	struct problem *why)
{
	char expected[256];
	bool ok;

	if (in->count == 0 && f->type != FIELD_TEXT && f->type != FIELD_LIST)
		return true;
	if (f->type == FIELD_LIST)
		ok = set_list(f, in, target, a, expected, sizeof(expected));
	else
		ok = set_one(f, in, target, a, expected, sizeof(expected));
	if (ok)
		return true;
	return problem(why, COND_NOT_ACCEPTABLE,
		arena_printf(a, "the field %s wants %s", in->var, expected));
}

bool
form_apply(const struct form_table *t, const struct form *form, void *target, struct arena *a,
	uint64_t *given, struct problem *why)
{
	if (given)
		*given = 0;
	for (size_t i = 0; i < form->count; i++) {
		const struct form_field *in = &form->fields[i];
		const struct field *f = in->var ? form_table_find(t, in->var) : NULL;

		if (!f)
			continue;
		if (!set_field(f, in, target, a, why))
			return false;
		assert(f - t->fields < 64);
		if (given)
			*given |= UINT64_C(1) << (f - t->fields);
	}
	return true;
}
