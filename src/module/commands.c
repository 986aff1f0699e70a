/*
 * commands.c -- what administrators can ask of modules.
 *
 * Runs on: the worker where the call began.
 */
#include "module/own.h"

#include "module/registry.h"

static struct step
modules_run(struct job *j)
{
	size_t count;
	const struct module *const *all = modules_all(&count);

	for (size_t i = 0; i < count; i++)
		CALL_ROW(j, all[i]->name, all[i]->summary);
	return call_done(j);
}

const struct command module_commands[] = {
	{ "modules_installed", "modules", 0, NULL, 0, modules_run, "name\tsummary",
		"List the modules that are there, on or off", "modules_installed" },
	END_COMMANDS,
};
