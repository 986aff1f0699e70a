/*
 * form.c -- data forms: read and written.
 *
 * A form is read once into arrays with its limits, and then asked by name.  It is written as a tree,
 * field by field.
 *
 * Runs on: any thread.
 */
#include "xep/form.h"

#include "xep/codec.h"

#include <string.h>

#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"
#define NS_MEDIA "urn:xmpp:media-element"

static const char *const kinds[] = {
	[FORM_FORM] = "form",
	[FORM_SUBMIT] = "submit",
	[FORM_CANCEL] = "cancel",
	[FORM_RESULT] = "result",
};

static const char *const types[FORM_TYPES] = {
	[FORM_BOOLEAN] = "boolean",
	[FORM_FIXED] = "fixed",
	[FORM_HIDDEN] = "hidden",
	[FORM_JID_MULTI] = "jid-multi",
	[FORM_JID_SINGLE] = "jid-single",
	[FORM_LIST_MULTI] = "list-multi",
	[FORM_LIST_SINGLE] = "list-single",
	[FORM_TEXT_MULTI] = "text-multi",
	[FORM_TEXT_PRIVATE] = "text-private",
	[FORM_TEXT_SINGLE] = "text-single",
};

/* ---- Read ---------------------------------------------------------------- */

static bool
read_kind(const char *text, enum form_kind *out)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (text_eq(text, kinds[i])) {
			*out = (enum form_kind)i;
			return true;
		}
	}
	return false;
}

/* What is unknown is a text (XEP-0004 3.3). */
static enum form_type
read_type(const char *text)
{
	for (size_t i = 1; text && i < FORM_TYPES; i++) {
		if (strcmp(text, types[i]) == 0)
			return (enum form_type)i;
	}
	return text ? FORM_TEXT_SINGLE : FORM_UNTYPED;
}

static size_t
count_values(const struct xml *field)
{
	size_t n = 0;

	for (const struct xml *v = xml_child(field, NS_DATA_FORM, "value"); v;
		v = xml_next(v, NS_DATA_FORM, "value"))
		n++;
	return n;
}

static void
read_field(struct arena *a, const struct xml *x, size_t count, struct form_field *out)
{
	const char **values = ARENA_ARRAY(a, const char *, count + 1);
	size_t n = 0;

	for (const struct xml *v = xml_child(x, NS_DATA_FORM, "value"); v;
		v = xml_next(v, NS_DATA_FORM, "value"))
		values[n++] = arena_str(a, xml_text_of(a, v));
	*out = (struct form_field){ xml_get(x, "var"), read_type(xml_get(x, "type")), values, n };
}

static bool
add_field(struct form *f, struct form_field field, struct problem *why)
{
	if (!field.var && field.type != FORM_FIXED)
		return problem(why, COND_BAD_REQUEST, "a form's field has no name");
	if (field.var && form_find(f, field.var))
		return problem(why, COND_BAD_REQUEST, "a form has two fields of one name");
	if (!text_eq(field.var, "FORM_TYPE"))
		f->fields[f->count++] = field;
	else if (f->form_type)
		return problem(why, COND_BAD_REQUEST, "a form has two types");
	else
		f->form_type = field.values[0] ? field.values[0] : "";
	return true;
}

bool
form_read(struct arena *a, const struct xml *x, struct form *out, struct problem *why)
{
	struct form_field field;
	size_t left = FORM_VALUES_MAX, count;

	*out = (struct form){ FORM_FORM, NULL, NULL, 0 };
	if (!xml_is(x, NS_DATA_FORM, "x") || !read_kind(xml_get(x, "type"), &out->kind))
		return problem(why, COND_BAD_REQUEST, "a data form is of no known type");
	count = xml_count(x);
	out->fields = ARENA_ARRAY(
		a, struct form_field, count < FORM_FIELDS_MAX ? count : FORM_FIELDS_MAX);
	for (x = xml_child(x, NS_DATA_FORM, "field"); x; x = xml_next(x, NS_DATA_FORM, "field")) {
		count = count_values(x);
		if (count > left || out->count == FORM_FIELDS_MAX)
			return problem(why, COND_BAD_REQUEST, "a data form is too large");
		left -= count;
		read_field(a, x, count, &field);
		if (!add_field(out, field, why))
			return false;
	}
	return true;
}

bool
form_submitted(struct arena *a, const struct xml *parent, struct form *out, struct problem *why)
{
	const struct xml *x = parent ? xml_child(parent, NS_DATA_FORM, "x") : NULL;

	if (!x)
		return problem(why, COND_BAD_REQUEST, "there is no data form");
	if (!form_read(a, x, out, why))
		return false;
	if (out->kind != FORM_SUBMIT && out->kind != FORM_CANCEL)
		return problem(why, COND_BAD_REQUEST, "the data form was not submitted");
	return true;
}

bool
form_is(const struct form *f, const char *form_type)
{
	return text_eq(f->form_type, form_type);
}

const struct form_field *
form_find(const struct form *f, const char *var)
{
	for (size_t i = 0; i < f->count; i++) {
		if (text_eq(f->fields[i].var, var))
			return &f->fields[i];
	}
	return NULL;
}

const char *
form_value(const struct form *f, const char *var)
{
	const struct form_field *field = form_find(f, var);

	return field ? field->values[0] : NULL;
}

bool
form_bool(const char *text, bool *out)
{
	bool yes = text_eq(text, "1") || text_eq(text, "true");

	if (!yes && !text_eq(text, "0") && !text_eq(text, "false"))
		return false;
	*out = yes;
	return true;
}

/* ---- Write --------------------------------------------------------------- */

struct xml *
form_new(struct arena *a, enum form_kind kind, const char *form_type)
{
	struct xml *x = xml_new(a, NS_DATA_FORM, "x");

	xml_attr(a, x, "type", kinds[kind]);
	if (form_type && kind != FORM_CANCEL)
		form_add(a, x, FORM_HIDDEN, "FORM_TYPE", form_type);
	return x;
}

void
form_head(struct arena *a, struct xml *x, const char *title, const char *instructions)
{
	if (title)
		xml_add_text(a, x, NS_DATA_FORM, "title", title);
	if (instructions)
		xml_add_text(a, x, NS_DATA_FORM, "instructions", instructions);
}

struct xml *
form_add(struct arena *a, struct xml *x, enum form_type type, const char *var, const char *value)
{
	struct xml *field = xml_add(a, x, NS_DATA_FORM, "field");

	xml_attr(a, field, "var", var);
	xml_attr(a, field, "type", types[type]);
	if (value)
		form_add_value(a, field, value);
	return field;
}

void
form_add_value(struct arena *a, struct xml *field, const char *value)
{
	xml_add_text(a, field, NS_DATA_FORM, "value", value);
}

void
form_add_option(struct arena *a, struct xml *field, const char *label, const char *value)
{
	struct xml *option = xml_add(a, field, NS_DATA_FORM, "option");

	xml_attr(a, option, "label", label);
	xml_add_text(a, option, NS_DATA_FORM, "value", value);
}

void
form_label(struct arena *a, struct xml *field, const char *label)
{
	xml_attr(a, field, "label", label);
}

void
form_require(struct arena *a, struct xml *field)
{
	xml_add(a, field, NS_DATA_FORM, "required");
}

void
form_validate(
	struct arena *a, struct xml *field, const char *datatype, const char *min, const char *max)
{
	struct xml *validate = xml_add(a, field, NS_VALIDATE, "validate"), *how;

	xml_attr(a, validate, "datatype", datatype);
	how = xml_add(a, validate, NS_VALIDATE, min || max ? "range" : "basic");
	xml_attr(a, how, "min", min);
	xml_attr(a, how, "max", max);
}

void
form_open(struct arena *a, struct xml *field, const char *datatype)
{
	struct xml *validate = xml_add(a, field, NS_VALIDATE, "validate");

	xml_attr(a, validate, "datatype", datatype);
	xml_add(a, validate, NS_VALIDATE, "open");
}

void
form_media(struct arena *a, struct xml *field, const char *type, const char *uri)
{
	struct xml *media = xml_add(a, field, NS_MEDIA, "media");

	xml_attr(a, xml_add_text(a, media, NS_MEDIA, "uri", uri), "type", type);
}

struct xml *
form_row(struct arena *a, struct xml *x, const char *name)
{
	return xml_add(a, x, NS_DATA_FORM, name);
}

/* ---- Read and written again ---------------------------------------------- */

struct xml *
form_again(struct arena *a, const struct xml *x)
{
	struct problem why;
	struct form f;
	struct xml *again;

	if (!form_read(a, x, &f, &why))
		return NULL;
	again = form_new(a, f.kind, f.form_type);
	for (size_t i = 0; i < f.count; i++) {
		const struct form_field *field = &f.fields[i];
		struct xml *one = form_add(a, again, field->type, field->var, NULL);

		for (size_t v = 0; v < field->count; v++)
			form_add_value(a, one, field->values[v]);
	}
	return again;
}
