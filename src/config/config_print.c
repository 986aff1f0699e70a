/*
 * config_print.c -- what the tables say to people: the reference of all options, and what a reload
 * changed.
 *
 * Runs on: main.
 */
#include "config/load.h"

#include <string.h>

static void
print_modules(struct buf *out)
{
	struct module_entry *table;
	unsigned count;

	load_modules_table(&table, &count);
	for (unsigned i = 0; i < count; i++) {
		buf_printf(out, "\n## modules.%s\n\n%s\n", table[i].name,
			table[i].enabled ? "Runs unless it is set to `false`."
					 : "Runs if it is named here.");
		if (!table[i].fields || !table[i].fields->name)
			continue;
		buf_put_char(out, '\n');
		fields_doc(table[i].fields, "", out);
	}
}

void
config_print(struct buf *out)
{
	buf_put_lit(out,
		"# Configuration\n"
		"\n"
		"One YAML file, `bongsu.yml`. `hosts` and a certificate are all that a server needs; every other option\n"
		"has a default. Relative names of files start at the folder of the configuration file. Any single value\n"
		"may be `{file: NAME}` or `{env: NAME}`: then it is read from that file, or from the environment.\n"
		"`bongsud --check` reports every fault. A reload (SIGHUP, `bongsuctl reload_config`) applies what is\n"
		"marked so below, and hosts, certificates and modules' options; the rest waits for a restart.\n"
		"\n"
		"## hosts\n"
		"\n"
		"A list of domains, at least one. An entry is a name, or a map with `name`, `tls` (its own certificate)\n"
		"and `modules` (options that go before those of `modules` below):\n"
		"\n"
		"    hosts:\n"
		"      - example.org\n"
		"      - {name: example.net, tls: {certificate: net.pem}, modules: {register: false}}\n"
		"\n"
		"## General\n"
		"\n");
	fields_doc(config_top, "", out);
	for (const struct block *b = config_blocks; b->name; b++) {
		buf_printf(out, "\n## %s\n\n%s\n\n", b->name, b->doc);
		fields_doc(b->fields, "", out);
	}
	buf_put_lit(out,
		"\n## listen\n"
		"\n"
		"A list of addresses to accept connections on. Without it: c2s on port 5222 with STARTTLS required and on\n"
		"port 5223 with direct TLS, on all addresses.\n"
		"\n");
	fields_doc(config_listen, "", out);
	buf_put_lit(out,
		"\n## modules\n"
		"\n"
		"A map of modules for all hosts. The value is a map of options, `true` or `false`.\n");
	print_modules(out);
}

/* ---- What a reload changed ------------------------------------------------------------- */

struct diff {
	struct arena *arena;
	config_fault_fn *tell;
	void *ctx;
};

static const char *
shown(struct diff *d, const struct field *f, const void *target)
{
	struct buf b = BUF_INIT;
	const char *text;

	field_write(f, target, &b);
	text = arena_str(d->arena, buf_str(&b));
	buf_fini(&b);
	return text && text[0] ? text : "nothing";
}

static void
diff_fields(struct diff *d, const struct field *table, const char *prefix, const void *was,
	const void *is)
{
	for (const struct field *f = table; f && f->name; f++) {
		if (field_same(f, was, is))
			continue;
		d->tell(arena_printf(d->arena, "%s%s: %s, was %s%s", prefix, f->name,
				shown(d, f, is), shown(d, f, was),
				f->flags & FIELD_RELOAD ? "" : "; applies after a restart"),
			d->ctx);
	}
}

static bool
listens_same(const struct config *was, const struct config *is)
{
	if (was->listens_count != is->listens_count)
		return false;
	for (size_t i = 0; i < was->listens_count; i++) {
		for (const struct field *f = config_listen; f->name; f++) {
			if (!field_same(f, &was->listens[i], &is->listens[i]))
				return false;
		}
	}
	return true;
}

static void
diff_modules(struct diff *d, const struct host *was, const struct host *is)
{
	struct module_entry *table;
	unsigned count;

	load_modules_table(&table, &count);
	for (unsigned i = 0; i < count; i++) {
		bool a = host_runs(was, i), b = host_runs(is, i);
		const char *prefix =
			arena_printf(d->arena, "%s: modules.%s", is->name, table[i].name);

		if (a != b)
			d->tell(arena_printf(d->arena, "%s: %s, was %s", prefix, b ? "on" : "off",
					a ? "on" : "off"),
				d->ctx);
		else if (a)
			diff_fields(d, table[i].fields, arena_printf(d->arena, "%s.", prefix),
				host_module(was, i), host_module(is, i));
	}
}

static void
diff_hosts(struct diff *d, const struct config *was, const struct config *is)
{
	for (size_t i = 0; i < was->hosts_count; i++) {
		if (!config_host(is, str_of(was->hosts[i]->name)))
			d->tell(arena_printf(d->arena, "hosts: without %s", was->hosts[i]->name),
				d->ctx);
	}
	for (size_t i = 0; i < is->hosts_count; i++) {
		const struct host *h = is->hosts[i], *old = config_host(was, str_of(h->name));

		if (!old) {
			d->tell(arena_printf(d->arena, "hosts: with %s", h->name), d->ctx);
			continue;
		}
		diff_fields(d, config_tls, arena_printf(d->arena, "%s: tls.", h->name), &old->tls,
			&h->tls);
		diff_modules(d, old, h);
	}
}

void
config_diff(const struct config *was, const struct config *is, config_fault_fn *tell, void *ctx)
{
	struct diff d = { arena_new(0), tell, ctx };

	diff_fields(&d, config_top, "", was, is);
	for (const struct block *b = config_blocks; b->name; b++) {
		if (b->fields != config_tls) /* Each host tells its own. */
			diff_fields(&d, b->fields, arena_printf(d.arena, "%s.", b->name),
				(const char *)was + b->offset, (const char *)is + b->offset);
	}
	if (!listens_same(was, is))
		tell("listen: changed; applies after a restart", ctx);
	diff_hosts(&d, was, is);
	arena_free(&d.arena);
}
