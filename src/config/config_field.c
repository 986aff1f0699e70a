/*
 * config_field.c -- a value of the file into a member of a struct.
 *
 * The field tables know what a value must be; here is where it may come from (the file itself,
 * another file, the environment) and how a fault reads.
 *
 * Runs on: main.
 */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MAX 4096

/* Text from a file, without the line end that editors leave. */
static bool
text_of_file(struct load *l, const struct yaml *node, struct str *out)
{
	const char *path = load_path(l, node->text.p);
	char bytes[SECRET_MAX + 1];
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = errno;

	if (fd >= 0) {
		n = read(fd, bytes, sizeof(bytes));
		error = errno;
		(void)close(fd);
	}
	if (n < 0 || n > SECRET_MAX) {
		fault_add(&l->faults, node->line, node->column,
			"%s cannot be read: %s; expected a file with the value", path,
			n < 0 ? strerror(error) : "too large");
		return false;
	}
	out->p = bytes;
	out->n = (size_t)n;
	while (out->n > 0 && (bytes[out->n - 1] == '\n' || bytes[out->n - 1] == '\r'))
		out->n--;
	out->p = arena_secret(l->arena, *out);
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

static bool
text_of_environment(struct load *l, const struct yaml *node, struct str *out)
{
	*out = str_of(getenv(node->text.p));
	if (out->p)
		return true;
	fault_add(&l->faults, node->line, node->column,
		"%s is not in the environment; expected the name of a variable",
		fault_quote(&l->faults, node->text));
	return false;
}

static void
wrong_value(struct load *l, const struct field *f, const struct yaml *value, const char *expected)
{
	const char *near = NULL;

	if (f->choices && value->kind == YAML_TEXT)
		near = names_nearest(f->choices, value->text);
	fault_add(&l->faults, value->line, value->column, "%s is %s; expected %s%s", f->name,
		f->flags & FIELD_SECRET ? "not usable" : yaml_what(value, &l->faults), expected,
		near ? arena_printf(l->faults.arena, "; did you mean \"%s\"?", near) : "");
}

/* The text of a value: written there, or `{file: NAME}`, or `{env: NAME}`. */
static bool
text_of(struct load *l, const struct field *f, const struct yaml *value, struct str *out)
{
	const struct yaml *from = value->first;
	struct buf expected = BUF_INIT;

	if (value->kind == YAML_TEXT && !yaml_is_null(value)) {
		*out = value->text;
		return true;
	}
	if (value->kind == YAML_MAP && value->count == 1 && from->kind == YAML_TEXT) {
		if (str_is(from->key, "file"))
			return text_of_file(l, from, out);
		if (str_is(from->key, "env"))
			return text_of_environment(l, from, out);
	}
	field_expect(f, &expected);
	wrong_value(l, f, value, buf_text(&expected));
	buf_fini(&expected);
	return false;
}

static void
load_list(struct load *l, const struct field *f, void *target, const struct yaml *value)
{
	struct str *texts = ARENA_ARRAY(l->faults.arena, struct str, value->count + 1);
	char expected[512];
	size_t n = 0;

	for (const struct yaml *it = value->first; it; it = it->next) {
		texts[n] = it->text;
		if (it->kind != YAML_TEXT || !field_set_list(f, target, l->faults.arena, &texts[n],
						     1, expected, sizeof(expected))) {
			wrong_value(l, f, it, it->kind == YAML_TEXT ? expected : "text");
			return;
		}
		n++;
	}
	if (!field_set_list(f, target, l->arena, texts, n, expected, sizeof(expected)))
		wrong_value(l, f, value, expected);
}

const char *
load_path(struct load *l, const char *path)
{
	return path[0] == '/' ? arena_text(l->arena, path)
			      : arena_printf(l->arena, "%s/%s", l->dir, path);
}

void
load_field(struct load *l, const struct field *f, void *target, const struct yaml *value)
{
	const char **text = (const char **)(void *)((char *)target + f->offset);
	char expected[512];
	struct str from;

	if (f->type == FIELD_LIST && value->kind == YAML_LIST) {
		load_list(l, f, target, value);
		return;
	}
	if (!text_of(l, f, value, &from))
		return;
	if (!field_set(f, target, l->arena, from, expected, sizeof(expected)))
		wrong_value(l, f, value, expected);
	else if (f->type == FIELD_TEXT && f->flags & FIELD_PATH)
		*text = load_path(l, *text);
}

void
load_unknown(struct load *l, const struct yaml *entry, const char *noun, const char *const *names)
{
	const char *near = names_nearest(names, entry->key);
	struct buf b = BUF_INIT;

	for (size_t i = 0; names[i]; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
	if (near)
		buf_printf(&b, "; did you mean \"%s\"?", near);
	fault_add(&l->faults, entry->key_line, entry->key_column, "%s is not %s; expected %s",
		fault_quote(&l->faults, entry->key), noun,
		names[0] ? buf_text(&b) : "nothing here");
	buf_fini(&b);
}

static void
unknown_field(struct load *l, const struct field *table, const struct yaml *entry, const char *what)
{
	const char **names;
	size_t n = 0;

	while (table[n].name)
		n++;
	names = ARENA_ARRAY(l->faults.arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		names[i] = table[i].name;
	load_unknown(l, entry, arena_printf(l->faults.arena, "an option of %s", what), names);
}

void
load_fields(struct load *l, const struct field *table, void *target, const struct yaml *map,
	const char *what)
{
	static const struct field none[] = { END_FIELDS };
	const struct field *f;

	if (!table)
		table = none;
	for (const struct yaml *it = map->first; it; it = it->next) {
		f = fields_find(table, it->key);
		if (f)
			load_field(l, f, target, it);
		else
			unknown_field(l, table, it, what);
	}
}

void
load_required(struct load *l, const struct field *table, const struct yaml *map, const char *what)
{
	struct buf b = BUF_INIT;

	for (const struct field *f = table; f->name; f++) {
		if (!(f->flags & FIELD_REQUIRED) || yaml_find(map, f->name))
			continue;
		buf_clear(&b);
		field_expect(f, &b);
		fault_add(&l->faults, map->line, map->column, "no %s in %s; expected %s", f->name,
			what, buf_text(&b));
	}
	buf_fini(&b);
}

bool
load_is_map(struct load *l, const struct yaml *node, const char *what)
{
	if (node->kind == YAML_MAP)
		return true;
	fault_add(&l->faults, node->line, node->column, "%s is %s; expected a map of options", what,
		yaml_what(node, &l->faults));
	return false;
}
