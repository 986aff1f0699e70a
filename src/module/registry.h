/*
 * registry.h -- finds modules, registers what they declare.
 *
 * Order at start: registry_builtin, (configuration names modules_dir), registry_load_folder, then
 * the configuration is loaded for good, registry_register (hooks, iqs, slots, queries, migrations,
 * commands), registry_start.
 *
 * Runs on: main.
 */
#ifndef MODULE_REGISTRY_H
#define MODULE_REGISTRY_H

#include "module/module.h"

/* Declares the options of all built-in modules. */
void registry_builtin(void);
/* dlopens each *.so of the folder, by name.  ping.so or mod_ping.so defines module_ping, and
 * .name is "ping".  A wrong ABI or a second module of one name is an error that names the file. */
MUST_CHECK bool registry_load_folder(const char *path, struct err *e);
/* Has modules load what a snapshot that is not published yet names; false: it cannot be used. */
MUST_CHECK bool registry_load(struct config *c, struct err *e);
void registry_unload(struct config *c); /* for config_on_free */
/* Queries and migrations, hooks, iqs, slots, commands: before homes_init and store_open. */
void registry_register(void);
/* Calls every start; on failure those that were started are stopped. */
MUST_CHECK bool registry_start(struct err *e);
void registry_stop(void);
/* All modules in order; for disco, --print and tests. */
const struct module *const *modules_all(size_t *count);

/* The module is on for that host. */
static inline bool
module_is_on(const struct module *m, const struct host *h)
{
	return host_runs(h, m->state->index);
}

/* References in Markdown or XML from the tables (`bongsud --print=...`). */
void registry_print_modules(struct buf *out);
void registry_print_xeps(struct buf *out);
void registry_print_doap(struct buf *out);

#endif
