/*
 * help.c -- what the table of commands says of itself on a terminal: `help`, `help tags`, `help
 * commands`, and of a tag, a command or a pattern.
 *
 * For machines (completion, later a web page) the same rows come as JSON.
 *
 * Runs on: the worker of the job.
 */
#include "admin/command_own.h"

#include <fnmatch.h>
#include <jansson.h>
#include <string.h>

struct help_args {
	const char *topic;
};

/* ---- One command ---------------------------------------------------------------------- */

static void
put_usage(const struct command *c, struct buf *out)
{
	buf_put_text(out, c->name);
	for (const struct field *f = c->args; f && f->name; f++)
		buf_printf(out, f->flags & FIELD_REQUIRED ? " %s" : " [%s]", f->name);
}

static void
put_result(const struct command *c, struct buf *out)
{
	enum cell_kind kind;
	struct str name;

	buf_printf(out, "\nPrints: %s of", c->flags & COMMAND_ONE_ROW ? "a line" : "lines");
	for (size_t i = 0; command_column(c, i, &name, &kind); i++)
		buf_printf(out, "%s %.*s", i > 0 ? " TAB" : "", STR_ARG(name));
	buf_put_char(out, '\n');
}

void
command_help(const struct command *c, struct buf *out)
{
	buf_put_lit(out, "Usage: bongsuctl ");
	put_usage(c, out);
	buf_printf(out, "\n\n%s.\n", c->doc);
	if (c->args) {
		buf_put_lit(out, "\nArguments:\n");
		fields_help(c->args, out);
	}
	if (c->flags & COMMAND_SECRET)
		buf_put_lit(out, "\nA secret argument given as - is read from standard input.\n");
	if (c->columns)
		put_result(c, out);
	if (c->example)
		buf_printf(out, "\nExample: bongsuctl %s\n", c->example);
	buf_printf(out, "\nTag: %s\n", c->tag);
}

/* ---- Lists ---------------------------------------------------------------------------- */

static bool
matches(const struct command *c, const char *topic)
{
	if (!topic || strcmp(topic, "tags") == 0 || strcmp(topic, "commands") == 0)
		return true;
	return strcmp(c->tag, topic) == 0 || fnmatch(topic, c->name, 0) == 0;
}

static void
put_line(const struct command *c, struct buf *out)
{
	struct buf usage = BUF_INIT;

	put_usage(c, &usage);
	buf_printf(out, "  %-44s %s\n", buf_text(&usage), c->doc);
	buf_fini(&usage);
}

/* Each tag with its commands below it. */
static void
put_commands(const char *topic, struct buf *out)
{
	size_t count;
	const struct command *const *all = commands_all(&count);
	const char *tag = "";

	for (size_t i = 0; i < count; i++) {
		if (!matches(all[i], topic))
			continue;
		if (strcmp(tag, all[i]->tag) != 0)
			buf_printf(out, "%s%s:\n", tag[0] ? "\n" : "", all[i]->tag);
		tag = all[i]->tag;
		put_line(all[i], out);
	}
}

static void
put_tags(struct buf *out)
{
	size_t count;
	const struct command *const *all = commands_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(all[i - 1]->tag, all[i]->tag) != 0)
			buf_printf(out, "%s%s:", i > 0 ? "\n" : "", all[i]->tag);
		buf_printf(out, " %s", all[i]->name);
	}
	buf_put_char(out, '\n');
}

static void
put_intro(struct buf *out)
{
	buf_put_lit(out,
		"Usage: bongsuctl [--config FILE | --socket PATH] [--json] COMMAND [ARGUMENT...]\n\n");
	put_commands(NULL, out);
	buf_put_lit(out,
		"\n`help COMMAND` tells more; `help TAG`, `help tags`, `help commands` and "
		"patterns such as\n`help 'regist*'` list some.\n");
}

/* ---- For machines ---------------------------------------------------------------------- */

static json_t *
json_text(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *
json_args(const struct command *c)
{
	json_t *list = json_array();
	struct buf phrase = BUF_INIT;

	for (const struct field *f = c->args; f && f->name; f++) {
		buf_clear(&phrase);
		field_expect(f, &phrase);
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:s, s:b, s:b}", "name", f->name, "doc",
				      json_text(f->doc), "value", buf_text(&phrase), "required",
				      (f->flags & FIELD_REQUIRED) != 0, "secret",
				      (f->flags & FIELD_SECRET) != 0));
	}
	buf_fini(&phrase);
	return list;
}

static json_t *
json_commands(const char *topic)
{
	size_t count;
	const struct command *const *all = commands_all(&count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct command *c = all[i];

		if (matches(c, topic))
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", c->name, "tag",
					      c->tag, "doc", c->doc, "args", json_args(c),
					      "example", json_text(c->example)));
	}
	return list;
}

/* ---- help ------------------------------------------------------------------------------- */

static void
put_help(const char *topic, struct buf *out)
{
	const struct command *c = topic ? command_find(topic) : NULL;
	size_t count;
	const struct command *const *all = commands_all(&count);

	if (!topic)
		put_intro(out);
	else if (c)
		command_help(c, out);
	else if (strcmp(topic, "tags") == 0)
		put_tags(out);
	else if (strcmp(topic, "commands") == 0)
		for (size_t i = 0; i < count; i++)
			put_line(all[i], out);
	else
		put_commands(topic, out);
}

struct step
help_run(struct job *j)
{
	const struct help_args *args = CALL_ARGS(j, struct help_args);
	const struct command *nearest;
	struct buf out = BUF_INIT;
	struct str rest;

	put_help(args->topic, &out);
	if (buf_len(&out) == 0) {
		nearest = command_nearest(args->topic);
		return call_error(j, "not_found", "no command or tag is called '%s'.%s%s%s",
			args->topic, nearest ? " Did you mean '" : "", nearest ? nearest->name : "",
			nearest ? "'?" : "");
	}
	rest = buf_str(&out);
	rest.n--;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');

		call_line(j, "%.*s", STR_ARG(line));
	}
	buf_fini(&out);
	call_json(j, json_commands(args->topic));
	return call_done(j);
}
