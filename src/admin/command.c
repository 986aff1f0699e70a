/*
 * command.c -- the table of commands.
 *
 * The core and each module add their rows at start; from then on the table is only read.  It is
 * kept sorted by tag and name, which is how people are shown it.
 *
 * Runs on: main (adding), any thread (the rest).
 */
#include "admin/command_own.h"

#include <assert.h>
#include <string.h>

#define COMMANDS_MAX 512

static const struct command *table[COMMANDS_MAX];
static size_t table_count;

static int
compare(const struct command *a, const struct command *b)
{
	int by_tag = strcmp(a->tag, b->tag);

	return by_tag != 0 ? by_tag : strcmp(a->name, b->name);
}

void
command_add(const struct command *c)
{
	size_t at = table_count;

	assert(table_count < COMMANDS_MAX && !command_find(c->name));
	assert(c->tag && c->run && c->doc);
	for (; at > 0 && compare(table[at - 1], c) > 0; at--)
		table[at] = table[at - 1];
	table[at] = c;
	table_count++;
}

static void
add_all(const struct command *c)
{
	for (; c->name; c++)
		command_add(c);
}

void
commands_init(void)
{
	add_all(commands_account);
	add_all(commands_session);
	add_all(commands_roster);
	add_all(commands_message);
	add_all(commands_server);
	add_all(commands_archive);
	add_all(commands_export);
	add_all(commands_import);
	add_all(commands_trace);
	add_all(commands_data);
	add_all(commands_old);
	add_all(commands_process);
	add_all(commands_push);
	store_add_queries(commands_account_queries);
	store_add_queries(commands_server_queries);
	store_add_queries(commands_export_queries);
	store_add_queries(commands_old_queries);
	store_add_queries(commands_process_queries);
	store_add_queries(commands_push_queries);
	commands_server_start();
}

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < table_count; i++) {
		if (strcmp(table[i]->name, name) == 0)
			return table[i];
	}
	return NULL;
}

const struct command *
command_nearest(const char *name)
{
	const char *names[COMMANDS_MAX + 1], *nearest;

	for (size_t i = 0; i < table_count; i++)
		names[i] = table[i]->name;
	names[table_count] = NULL;
	nearest = names_nearest(names, str_of(name));
	return nearest ? command_find(nearest) : NULL;
}

const struct command *const *
commands_all(size_t *count)
{
	*count = table_count;
	return table;
}

/* ---- Columns ---------------------------------------------------------------------- */

bool
command_column(const struct command *c, size_t i, struct str *name, enum cell_kind *kind)
{
	struct str rest = str_of(c->columns), one = STR_NONE;

	for (size_t k = 0; k <= i; k++) {
		if (!rest.p)
			return false;
		one = str_cut(&rest, '\t');
	}
	*name = str_cut(&one, ':');
	*kind = str_is(one, "int") ? CELL_INT : str_is(one, "list") ? CELL_LIST : CELL_TEXT;
	return true;
}
