/*
 * config_hosts.c -- virtual hosts and the modules that run on them.
 *
 * A host takes the server's certificate and the server's modules unless its own entry says
 * otherwise.  What `modules:` says for all hosts is read once into a template for each module; a
 * host whose entry names a module gets a copy of the template with its own options laid over it,
 * every other host shares the template.
 *
 * Runs on: main.
 */
#include "config/load.h"
#include "xmpp/jid.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_MAX 256

static struct module_entry registered[MODULES_MAX];
static unsigned registered_count;

unsigned
config_add_module(const char *name, const struct field *fields, size_t size, bool enabled)
{
	struct module_entry *m = &registered[registered_count];

	if (registered_count >= MODULES_MAX)
		abort(); /* Modules are counted where they are loaded. */
	*m = (struct module_entry){ name, fields, size, enabled };
	return registered_count++;
}

unsigned
config_modules_count(void)
{
	return registered_count;
}

void
load_modules_table(struct module_entry **table, unsigned *count)
{
	*table = registered;
	*count = registered_count;
}

static struct module_entry *
find_module(struct str name)
{
	for (unsigned i = 0; i < registered_count; i++) {
		if (str_is(name, registered[i].name))
			return &registered[i];
	}
	return NULL;
}

/* ---- Modules ------------------------------------------------------------------- */

/* The options that `modules:` gives every host; on[i] says whether they run. */
struct templates {
	void **options;
	bool *on;
};

static void *
options_new(struct load *l, const struct module_entry *m, const void *like)
{
	size_t size =
		m->size > 0 ? m->size : 1; /* A module without options still has an address. */
	void *options = arena_alloc(l->arena, size);

	if (like)
		memcpy(options, like, size);
	else if (m->fields)
		fields_default(m->fields, options, l->arena);
	return options;
}

/* One entry below `modules:`: a map of options, a truth value, or nothing (which is: on). */
static void
load_module(struct load *l, const struct module_entry *m, const struct yaml *value, void *options,
	bool *on)
{
	static const struct field truth = { .name = "on", .type = FIELD_BOOL };
	char expected[64];
	bool said;

	*on = true;
	if (yaml_is_null(value))
		return;
	if (value->kind == YAML_MAP)
		load_fields(l, m->fields, options, value, m->name);
	else if (value->kind == YAML_TEXT &&
		 field_set(&truth, &said, l->faults.arena, value->text, expected, sizeof(expected)))
		*on = said;
	else
		fault_add(&l->faults, value->line, value->column,
			"%s is %s; expected a map of options, true or false", m->name,
			yaml_what(value, &l->faults));
}

static void
unknown_module(struct load *l, const struct yaml *entry)
{
	const char **names = ARENA_ARRAY(l->faults.arena, const char *, registered_count + 1);

	for (unsigned i = 0; i < registered_count; i++)
		names[i] = registered[i].name;
	load_unknown(l, entry, "a module", names);
}

static void
load_templates(struct load *l, struct templates *t)
{
	const struct yaml *node = yaml_find(l->root, "modules");
	const struct module_entry *m;

	t->options = ARENA_ARRAY(l->arena, void *, registered_count + 1);
	t->on = ARENA_ARRAY(l->arena, bool, registered_count + 1);
	for (unsigned i = 0; i < registered_count; i++) {
		t->options[i] = options_new(l, &registered[i], NULL);
		t->on[i] = registered[i].enabled;
	}
	if (!node || yaml_is_null(node) || !load_is_map(l, node, "modules"))
		return;
	for (const struct yaml *it = node->first; it; it = it->next) {
		m = find_module(it->key);
		if (m)
			load_module(l, m, it, t->options[m - registered], &t->on[m - registered]);
		else
			unknown_module(l, it);
	}
}

static void
load_host_modules(
	struct load *l, struct host *h, const struct yaml *node, const struct templates *t)
{
	const void **modules = ARENA_ARRAY(l->arena, const void *, registered_count + 1);
	bool *runs = ARENA_ARRAY(l->arena, bool, registered_count + 1);
	const struct module_entry *m;
	void *options;

	for (unsigned i = 0; i < registered_count; i++) {
		modules[i] = t->options[i];
		runs[i] = t->on[i];
	}
	h->modules = modules;
	h->runs = runs;
	if (!node || yaml_is_null(node) || !load_is_map(l, node, "modules"))
		return;
	for (const struct yaml *it = node->first; it; it = it->next) {
		m = find_module(it->key);
		if (!m) {
			unknown_module(l, it);
			continue;
		}
		options = options_new(l, m, t->options[m - registered]);
		load_module(l, m, it, options, &runs[m - registered]);
		modules[m - registered] = options;
	}
}

/* ---- Hosts --------------------------------------------------------------------- */

/* Adds the host of that name, or a fault. */
static struct host *
add_host(struct load *l, const struct yaml *name)
{
	struct config *c = l->config;
	const char *prepared;
	struct host *h;

	if (name->kind != YAML_TEXT || yaml_is_null(name)) {
		fault_add(&l->faults, name->line, name->column,
			"a host's name is %s; expected a domain such as example.org",
			yaml_what(name, &l->faults));
		return NULL;
	}
	prepared = jid_prep_domain(l->arena, name->text);
	if (!prepared || !prepared[0]) {
		fault_add(&l->faults, name->line, name->column,
			"%s cannot be a host; expected a domain such as example.org",
			fault_quote(&l->faults, name->text));
		return NULL;
	}
	if (hash_find(&c->by_name, str_of(prepared))) {
		fault_add(&l->faults, name->line, name->column,
			"host \"%s\" stands twice; expected it once", prepared);
		return NULL;
	}
	h = ARENA_NEW(l->arena, struct host);
	h->name = prepared;
	h->config = c;
	h->index = (unsigned)c->hosts_count;
	l->host_nodes[c->hosts_count] = name;
	c->hosts[c->hosts_count++] = h;
	hash_add(&c->by_name, &h->by_name, str_of(prepared));
	return h;
}

/* An entry that is a map: name, tls, modules. */
static void
load_host_map(struct load *l, const struct yaml *entry, const struct templates *t)
{
	static const char *const keys[] = { "name", "tls", "modules", NULL };
	const struct yaml *name = yaml_find(entry, "name"), *tls = yaml_find(entry, "tls");
	struct host *h;

	for (const struct yaml *it = entry->first; it; it = it->next) {
		if (!str_is(it->key, "name") && !str_is(it->key, "tls") &&
			!str_is(it->key, "modules"))
			load_unknown(l, it, "an option of a host", keys);
	}
	if (!name) {
		fault_add(&l->faults, entry->line, entry->column,
			"no name in a host; expected a domain such as example.org");
		return;
	}
	h = add_host(l, name);
	if (!h)
		return;
	if (tls && load_is_map(l, tls, "tls")) {
		load_fields(l, config_tls, &h->tls, tls, "tls");
		load_check_tls(l, &h->tls, tls);
	}
	load_host_modules(l, h, yaml_find(entry, "modules"), t);
}

static void
load_host(struct load *l, const struct yaml *entry, const struct templates *t)
{
	struct host *h;

	if (entry->kind == YAML_MAP) {
		load_host_map(l, entry, t);
		return;
	}
	h = add_host(l, entry);
	if (h)
		load_host_modules(l, h, NULL, t);
}

void
load_hosts(struct load *l)
{
	const struct yaml *node = yaml_find(l->root, "hosts");
	struct templates t;

	load_templates(l, &t);
	if (!node || node->kind != YAML_LIST || node->count == 0) {
		fault_add(&l->faults, node ? node->line : 1, node ? node->column : 1,
			"no hosts; expected a list of domains, `hosts: [example.org]`");
		return;
	}
	l->config->hosts = ARENA_ARRAY(l->arena, struct host *, node->count);
	l->host_nodes = ARENA_ARRAY(l->faults.arena, const struct yaml *, node->count);
	for (const struct yaml *it = node->first; it; it = it->next)
		load_host(l, it, &t);
}
