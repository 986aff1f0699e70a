/*
 * registry.c -- which modules there are, and what they declare.
 *
 * modules/builtin.def makes the first entries, load.c the rest.  A module's place in the
 * configuration is known once its options are declared, and is the key under which everything else
 * of it is registered, so that whoever runs a handler can ask the host whether the module is on.
 *
 * Runs on: main.
 */
#include "module/own.h"

#include "base/mem.h"

#include <assert.h>
#include <limits.h>

#define BUILTIN(name) extern const struct module module_##name;
#include "modules/builtin.def"
#undef BUILTIN

static const struct module *const builtin[] = {
#define BUILTIN(name) &module_##name,
#include "modules/builtin.def"
#undef BUILTIN
	NULL,
};

static const struct module *modules[MODULES_MAX];
static size_t modules_count, started;

const struct module *const *
modules_all(size_t *count)
{
	*count = modules_count;
	return modules;
}

const struct module *
module_find(const char *name)
{
	for (size_t i = 0; i < modules_count; i++) {
		if (text_eq(modules[i]->name, name))
			return modules[i];
	}
	return NULL;
}

void
module_declare(const struct module *m)
{
	assert(m->abi == MODULE_ABI && m->state && !module_find(m->name));
	assert(modules_count < MODULES_MAX);
	m->state->index = config_add_module(m->name, m->options, m->options_size, !m->off);
	modules[modules_count++] = m;
}

void
registry_builtin(void)
{
	for (size_t i = 0; builtin[i]; i++)
		module_declare(builtin[i]);
}

/* ---- What its options name --------------------------------------------------------- */

/* The options of the module at the host, unless it is off there or an earlier host shares them. */
static void *
own_options(const struct config *c, size_t host, const struct module *m)
{
	const void *options = host_module(c->hosts[host], m->state->index);

	if (!module_is_on(m, c->hosts[host]))
		return NULL;
	for (size_t i = 0; i < host; i++) {
		if (module_is_on(m, c->hosts[i]) &&
			host_module(c->hosts[i], m->state->index) == options)
			return NULL;
	}
	return (void *)options; /* nobody else has the snapshot */
}

bool
registry_load(struct config *c, struct err *e)
{
	for (size_t i = 0; i < modules_count; i++) {
		const struct module *m = modules[i];

		for (size_t h = 0; m->load && h < c->hosts_count; h++) {
			void *options = own_options(c, h, m);

			if (options && !m->load(options, e))
				return err_wrap(
					e, "module %s of host %s", m->name, c->hosts[h]->name);
		}
	}
	return true;
}

void
registry_unload(struct config *c)
{
	for (size_t i = 0; i < modules_count; i++) {
		const struct module *m = modules[i];

		for (size_t h = 0; m->unload && h < c->hosts_count; h++) {
			void *options = own_options(c, h, m);

			if (options)
				m->unload(options);
		}
	}
}

/* ---- What it declares ------------------------------------------------------------ */

static void
register_store(const struct module *m)
{
	size_t n = 0;

	if (m->queries)
		store_add_queries(m->queries);
	while (m->migrations && m->migrations[n].number > 0)
		n++;
	if (n > 0)
		store_add_migrations(m->name, m->migrations, n);
}

static void
add_commands(const struct command *table)
{
	for (const struct command *c = table; c && c->name; c++)
		command_add(c);
}

static void
register_one(const struct module *m)
{
	unsigned index = m->state->index;

	register_store(m);
	for (const struct hook *h = m->hooks; h && h->id != HOOK_COUNT; h++)
		hook_add(h, index);
	for (const struct hook *h = m->hooks_always; h && h->id != HOOK_COUNT; h++)
		hook_add(h, UINT_MAX);
	for (const struct iq_handler *h = m->iqs; h && h->ns; h++)
		iq_add(h, index);
	add_commands(m->commands);
	for (const struct command *const *t = m->more_commands; t && *t; t++)
		add_commands(*t);
	for (const struct http_route *r = m->http; r && r->handle; r++)
		http_serve(r, index);
	for (const struct service *s = m->services; s && s->kind; s++)
		service_add(s);
	if (m->slot)
		m->state->slot = slot_add(m->slot);
	if (m->portable)
		portable_add(m->portable);
}

void
registry_register(void)
{
	for (size_t i = 0; i < modules_count; i++)
		register_one(modules[i]);
	for (const struct command *c = module_commands; c->name; c++)
		command_add(c);
}

/* ---- Start and stop ---------------------------------------------------------------- */

bool
registry_start(struct err *e)
{
	for (started = 0; started < modules_count; started++) {
		const struct module *m = modules[started];

		if (m->start && !m->start(e)) {
			registry_stop();
			return err_wrap(e, "module %s", m->name);
		}
	}
	return true;
}

void
registry_stop(void)
{
	while (started > 0) {
		const struct module *m = modules[--started];

		if (m->stop)
			m->stop();
	}
}
