/*
 * args.c -- from the words somebody typed to the struct that a command reads, and back for the log.
 *
 * Runs on: any thread.
 */
#include "admin/command_own.h"

#include <string.h>

/* Of a long argument the log shows this much. */
#define SHOWN_MAX 100

size_t
command_args_count(const struct command *c)
{
	size_t n = 0;

	while (c->args && c->args[n].name)
		n++;
	return n;
}

size_t
command_args_required(const struct command *c)
{
	size_t n = 0;

	while (c->args && c->args[n].name && c->args[n].flags & FIELD_REQUIRED)
		n++;
	return n;
}

static bool
wrong_count(const struct command *c, size_t argc, struct err *why)
{
	size_t least = command_args_required(c), most = command_args_count(c);
	size_t n = argc < least ? least - argc : argc - most;

	return err_set(why, "the command '%s' requires %zu %s argument%s.", c->name, n,
		argc < least ? "more" : "less", n == 1 ? "" : "s");
}

/* The argument that the word means, and its value.  What may be left out can be named. */
static const struct field *
meant(const struct command *c, size_t i, const char *word, struct str *value)
{
	struct str rest = str_of(word), name = str_cut(&rest, '=');
	const struct field *named = rest.p ? fields_find(c->args, name) : NULL;

	*value = str_of(word);
	if (!named || named->flags & FIELD_REQUIRED || i < command_args_required(c))
		return &c->args[i];
	*value = rest;
	return named;
}

bool
command_read_args(const struct command *c, struct arena *a, const char *const *argv, size_t *argc,
	void **args, struct err *why)
{
	size_t count = *argc;
	char expected[256];
	struct str value;

	if (count < command_args_required(c) || count > command_args_count(c))
		return wrong_count(c, count, why);
	*args = arena_alloc(a, c->args_size > 0 ? c->args_size : 1);
	if (!c->args)
		return true;
	fields_default(c->args, *args, a);
	for (size_t i = 0; i < count; i++) {
		const struct field *f = meant(c, i, argv[i], &value);

		if (!field_set(f, *args, a, value, expected, sizeof(expected)))
			return err_set(why, "the argument '%s' of '%s' must be %s.", f->name,
				c->name, expected);
		if ((size_t)(f - c->args) >= *argc)
			*argc = (size_t)(f - c->args) + 1;
	}
	return true;
}

static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ' || s.p[i] == '\'' || s.p[i] == '"')
			return false;
	}
	return s.n > 0;
}

static void
write_arg(const struct field *f, const void *args, struct buf *out)
{
	struct buf b = BUF_INIT;
	struct str text;
	const char *quote;

	field_write(f, args, &b);
	text = buf_str(&b);
	quote = f->flags & FIELD_SECRET || is_plain(text) ? "" : "\"";
	if (text.n > SHOWN_MAX)
		buf_printf(out, " %s%.*s...%s", quote, SHOWN_MAX, text.p, quote);
	else
		buf_printf(out, " %s%.*s%s", quote, STR_ARG(text), quote);
	buf_fini(&b);
}

void
command_write_args(const struct command *c, const void *args, size_t argc, struct buf *out)
{
	buf_put_text(out, c->name);
	for (size_t i = 0; i < argc; i++)
		write_arg(&c->args[i], args, out);
}
