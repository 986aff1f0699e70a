/*
 * complete.c -- what may come next on the command line, for shells.
 *
 * The server's own table answers: names of commands, then hosts where an argument is one, accounts
 * where one is a user, and the values of arguments that have few.
 *
 * Runs on: its own process
 */
#include "ctl/ctl.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* Accounts that are offered. */
#define USERS_MAX 200

static void
keep_json(const struct ctl_answer *a, void *ctx)
{
	json_t **kept = ctx;

	if (*kept || a->code != 0)
		return;
	*kept = json_deep_copy(a->json);
}

/* The server's answer, or NULL. */
static json_t *
ask(const struct ctl *c, const char *command, const char *arg)
{
	char *args[] = { (char *)(uintptr_t)arg };
	json_t *kept = NULL;
	struct err e;

	(void)ctl_ask(c, command, args, arg ? 1 : 0, true, keep_json, &kept, &e);
	return kept;
}

static void
print_names(const json_t *list, const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *text = json_string_value(key ? json_object_get(row, key) : row);

		if (text && i < USERS_MAX)
			(void)printf("%s\n", text);
	}
}

static void
print_answer(const struct ctl *c, const char *command, const char *arg, const char *key)
{
	json_t *list = ask(c, command, arg);

	print_names(list, key);
	json_decref(list);
}

static void
print_tags(const struct ctl *c)
{
	json_t *list = ask(c, "help", NULL);
	const char *last = "";
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *tag = json_string_value(json_object_get(row, "tag"));

		if (tag && strcmp(tag, last) != 0)
			(void)printf("%s\n", tag);
		last = tag ? tag : last;
	}
	(void)printf("tags\ncommands\n");
	json_decref(list);
}

/* Accounts of the only host, or of the first. */
static void
print_users(const struct ctl *c)
{
	json_t *hosts = ask(c, "registered_vhosts", NULL);
	const char *first = json_string_value(json_array_get(hosts, 0));

	if (first)
		print_answer(c, "registered_users", first, NULL);
	json_decref(hosts);
}

/* The values of «none, to, from or both». */
static void
print_choices(const char *value)
{
	struct str rest = str_of(value);

	if (!strstr(value, " or ") || strncmp(value, "a ", 2) == 0)
		return;
	while (rest.p) {
		struct str word = str_cut(&rest, ' ');

		if (word.n > 0 && word.p[word.n - 1] == ',')
			word.n--;
		if (word.n > 0 && !str_is(word, "or"))
			(void)printf("%.*s\n", STR_ARG(word));
	}
}

static void
print_arg(const struct ctl *c, const json_t *arg)
{
	const char *name = json_string_value(json_object_get(arg, "name"));
	const char *value = json_string_value(json_object_get(arg, "value"));

	if (!name || !value)
		return;
	if (strstr(name, "host"))
		print_answer(c, "registered_vhosts", NULL, NULL);
	else if (strstr(name, "user"))
		print_users(c);
	else
		print_choices(value);
}

static void
print_next(const struct ctl *c, const char *command, int given)
{
	json_t *list = ask(c, "help", command);
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		const json_t *args = json_object_get(row, "args");

		if (name && strcmp(name, command) == 0 && given >= 0)
			print_arg(c, json_array_get(args, (size_t)given));
	}
	json_decref(list);
}

void
ctl_complete(const struct ctl *c, char *const *words, int count)
{
	if (count == 0) {
		print_answer(c, "help", NULL, "name");
	} else if (strcmp(words[0], "help") == 0) {
		if (count > 1)
			return;
		print_answer(c, "help", NULL, "name");
		print_tags(c);
	} else {
		print_next(c, words[0], count - 1);
	}
}
