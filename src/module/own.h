/*
 * own.h -- what the files of module/ share.
 *
 * Runs on: main.
 */
#ifndef MODULE_OWN_H
#define MODULE_OWN_H

#include "module/registry.h"

#define MODULES_MAX 96

/* NULL if there is none of that name. */
const struct module *module_find(const char *name);
/* Its name is not taken, its ABI is ours. */
void module_declare(const struct module *m);
/* commands.c: END_COMMANDS. */
extern const struct command module_commands[];

#endif
