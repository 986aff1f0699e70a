/*
 * field_doc.c -- what field tables say to people: reference pages and help.
 *
 * Runs on: any thread.
 */
#include "base/field.h"

/* Text inside a Markdown table: a bar would end the cell. */
static void
put_cell(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '|')
			buf_put_char(out, '\\');
		buf_put_char(out, *text == '\n' ? ' ' : *text);
	}
}

static void
put_phrase(struct buf *out, const struct field *f)
{
	struct buf phrase = BUF_INIT;

	field_expect(f, &phrase);
	put_cell(out, buf_text(&phrase));
	buf_fini(&phrase);
}

/* A row without a default has what zeroed memory means. */
static const char *
default_of(const struct field *f)
{
	if (f->dflt)
		return f->dflt;
	switch (f->type) {
	case FIELD_BOOL:
		return "false";
	case FIELD_INT:
	case FIELD_SIZE:
	case FIELD_DURATION:
		return "0";
	case FIELD_ENUM:
		return f->choices[0];
	case FIELD_TEXT:
	case FIELD_LIST:
	case FIELD_TYPES:
		break;
	}
	return NULL;
}

static void
put_default(struct buf *out, const struct field *f)
{
	const char *text = default_of(f);

	if (f->flags & FIELD_REQUIRED) {
		buf_put_lit(out, "required");
	} else if (text) {
		buf_put_char(out, '`');
		put_cell(out, text);
		buf_put_char(out, '`');
	} else {
		buf_put_lit(out, "none");
	}
}

static void
put_row(struct buf *out, const struct field *f, const char *prefix)
{
	buf_printf(out, "| `%s%s` | ", prefix, f->name);
	put_phrase(out, f);
	buf_put_lit(out, " | ");
	put_default(out, f);
	buf_put_lit(out, " | ");
	put_cell(out, f->doc);
	if (f->flags & FIELD_RELOAD)
		buf_put_lit(out, " (applies on reload)");
	buf_put_lit(out, " |\n");
}

void
fields_doc(const struct field *table, const char *prefix, struct buf *out)
{
	buf_put_lit(out, "| Name | Value | Default | Meaning |\n|---|---|---|---|\n");
	for (const struct field *f = table; f->name; f++)
		put_row(out, f, prefix);
}

void
fields_usage(const struct field *table, struct buf *out)
{
	for (const struct field *f = table; f->name; f++)
		buf_printf(out, f->flags & FIELD_REQUIRED ? "%s<%s>" : "%s[%s]",
			f == table ? "" : " ", f->name);
}

void
fields_help(const struct field *table, struct buf *out)
{
	for (const struct field *f = table; f->name; f++) {
		buf_printf(out, "  %-20s %s (", f->name, f->doc ? f->doc : "");
		field_expect(f, out);
		if (f->dflt)
			buf_printf(out, "; default %s", f->dflt);
		buf_put_lit(out, ")\n");
	}
}
