/*
 * print.c -- the reference of all commands, written from their table.
 *
 * Runs on: main.
 */
#include "admin/command_own.h"

#include <string.h>

static void
put_args(const struct command *c, struct buf *out)
{
	struct buf phrase = BUF_INIT;

	buf_put_lit(out, "| Argument | Value | Meaning |\n|---|---|---|\n");
	for (const struct field *f = c->args; f->name; f++) {
		buf_clear(&phrase);
		field_expect(f, &phrase);
		buf_printf(out, "| `%s` | %s%s%s | %s |\n", f->name, buf_text(&phrase),
			f->flags & FIELD_REQUIRED ? "" : "; may be left out",
			f->flags & FIELD_SECRET ? "; `-` reads it from standard input" : "",
			f->doc);
	}
	buf_put_char(out, '\n');
	buf_fini(&phrase);
}

static void
put_columns(const struct command *c, struct buf *out)
{
	static const char *const kinds[] = {
		[CELL_TEXT] = "", [CELL_INT] = " (number)", [CELL_LIST] = " (list)"
	};
	enum cell_kind kind;
	struct str name;

	buf_printf(out, "Prints %s of", c->flags & COMMAND_ONE_ROW ? "one line" : "lines");
	for (size_t i = 0; command_column(c, i, &name, &kind); i++)
		buf_printf(out, "%s `%.*s`%s", i > 0 ? "," : "", STR_ARG(name), kinds[kind]);
	buf_put_lit(out, ".\n\n");
}

static void
put_command(const struct command *c, struct buf *out)
{
	buf_printf(out, "### %s\n\n`%s", c->name, c->name);
	for (const struct field *f = c->args; f && f->name; f++)
		buf_printf(out, f->flags & FIELD_REQUIRED ? " %s" : " [%s]", f->name);
	buf_printf(out, "`: %s.\n\n", c->doc);
	if (c->args)
		put_args(c, out);
	if (c->columns)
		put_columns(c, out);
	if (c->example)
		buf_printf(out, "Example: `bongsuctl %s`\n\n", c->example);
}

void
commands_print(struct buf *out)
{
	size_t count;
	const struct command *const *all = commands_all(&count);
	const char *tag = "";

	buf_put_lit(out,
		"# Commands\n\n`bongsuctl COMMAND ARGUMENT...` runs them. Arguments have their place; "
		"those that may be left out can be named instead, as in `limit=50`.\nWith `--json` "
		"lines of several cells become objects, a single cell a value, and a command that "
		"prints nothing `null`.\n\n");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(tag, all[i]->tag) != 0)
			buf_printf(out, "## %s\n\n", all[i]->tag);
		tag = all[i]->tag;
		put_command(all[i], out);
	}
	out->end--; /* of the last empty line */
}
