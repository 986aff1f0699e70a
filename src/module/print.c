/*
 * print.c -- references that the program writes from its own tables.
 *
 * What the core itself serves is one more table here, since the core is no module.
 *
 * Runs on: main.
 */
#include "module/own.h"

#include <stdlib.h>

/* Versions are those of the documents that were read. */
static const struct xep core_xeps[] = {
	{ 124, "1.11.2", XEP_PARTIAL, "without multiple streams, keys and compression" },
	{ 160, "1.0.1", XEP_COMPLETE, NULL },
	{ 170, "1.0", XEP_COMPLETE, NULL },
	{ 198, "1.6.3", XEP_COMPLETE, "client streams" },
	{ 227, "1.1", XEP_PARTIAL,
		"privacy lists as blocked addresses, no subscriptions to nodes; by `bongsuctl`" },
	{ 203, "2.0", XEP_COMPLETE, NULL },
	{ 206, "1.4", XEP_COMPLETE, NULL },
	{ 368, "1.1.0", XEP_COMPLETE, NULL },
	{ 440, "1.0.0", XEP_COMPLETE, NULL },
	{ 478, "0.2.0", XEP_COMPLETE, NULL },
	{ 0, NULL, XEP_COMPLETE, NULL },
};

static const unsigned rfcs[] = { 5802, 6120, 6121, 7395, 7590, 7677, 9266 };

static const char *
status_of(const struct xep *x)
{
	return x->status == XEP_COMPLETE ? "complete" : "partial";
}

/* ---- Modules ---------------------------------------------------------------------- */

static void
print_list(struct buf *out, const char *title, const char *const *texts)
{
	if (!texts || !texts[0])
		return;
	buf_printf(out, "%s: ", title);
	for (size_t i = 0; texts[i]; i++)
		buf_printf(out, "%s`%s`", i > 0 ? ", " : "", texts[i]);
	buf_put_lit(out, "\n\n");
}

static void
print_commands(struct buf *out, const struct command *table)
{
	for (const struct command *c = table; c && c->name; c++)
		buf_printf(out, "Command `%s`: %s\n\n", c->name, c->doc);
}

static void
print_module(struct buf *out, const struct module *m)
{
	const char *between = "XEPs: ";

	buf_printf(out, "## %s\n\n%s. %s\n\n", m->name, m->summary,
		m->off ? "Off unless the configuration names it." : "On by default.");
	for (const struct xep *x = m->xeps; x && x->number > 0; x++) {
		buf_printf(out, "%sXEP-%04u %s (%s)", between, x->number, x->version, status_of(x));
		between = ", ";
	}
	if (m->xeps && m->xeps->number > 0)
		buf_put_lit(out, "\n\n");
	print_list(out, "Features", m->features);
	print_list(out, "Features of accounts", m->account_features);
	print_commands(out, m->commands);
	for (const struct command *const *t = m->more_commands; t && *t; t++)
		print_commands(out, *t);
	if (m->options) {
		fields_doc(m->options, "", out);
		buf_put_char(out, '\n');
	}
}

void
registry_print_modules(struct buf *out)
{
	size_t count;
	const struct module *const *all = modules_all(&count);

	buf_put_lit(out, "# Modules\n\nEach is a key under `modules:` in the configuration; "
			 "`name: false` turns it off.\n\n");
	for (size_t i = 0; i < count; i++)
		print_module(out, all[i]);
}

/* ---- XEPs --------------------------------------------------------------------------- */

struct served {
	const struct xep *xep;
	const char *by;
};

struct served_list {
	struct served *rows;
	size_t count;
};

static void
add_xeps(struct served_list *l, struct arena *a, const struct xep *xeps, const char *by)
{
	struct served *more;
	size_t n = 0;

	while (xeps && xeps[n].number > 0)
		n++;
	more = ARENA_ARRAY(a, struct served, l->count + n + 1);
	for (size_t i = 0; i < l->count; i++)
		more[i] = l->rows[i];
	for (size_t i = 0; i < n; i++)
		more[l->count + i] = (struct served){ &xeps[i], by };
	l->rows = more;
	l->count += n;
}

static int
by_number(const void *a, const void *b)
{
	const struct served *x = a, *y = b;

	return x->xep->number < y->xep->number ? -1 : x->xep->number > y->xep->number;
}

/* Of the core and of all modules, by number. */
static struct served_list
all_xeps(struct arena *a)
{
	struct served_list l = { NULL, 0 };
	size_t count;
	const struct module *const *all = modules_all(&count);

	add_xeps(&l, a, core_xeps, "core");
	for (size_t i = 0; i < count; i++)
		add_xeps(&l, a, all[i]->xeps, all[i]->name);
	qsort(l.rows, l.count, sizeof(*l.rows), by_number);
	return l;
}

void
registry_print_xeps(struct buf *out)
{
	struct arena *a = arena_new(0);
	struct served_list l = all_xeps(a);

	buf_put_lit(out, "# XEPs\n\n| XEP | Version | Status | Served by | Note |\n"
			 "|---|---|---|---|---|\n");
	for (size_t i = 0; i < l.count; i++) {
		const struct xep *x = l.rows[i].xep;

		buf_printf(out,
			"| [%04u](https://xmpp.org/extensions/xep-%04u.html) | %s | %s | %s | %s |\n",
			x->number, x->number, x->version, status_of(x), l.rows[i].by,
			x->note ? x->note : "");
	}
	arena_free(&a);
}

static void
print_support(struct buf *out, const struct xep *x)
{
	buf_printf(out,
		"    <implements>\n"
		"      <xmpp:SupportedXep>\n"
		"        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-%04u.html'/>\n"
		"        <xmpp:status>%s</xmpp:status>\n"
		"        <xmpp:version>%s</xmpp:version>\n",
		x->number, status_of(x), x->version);
	if (x->note) {
		buf_put_lit(out, "        <xmpp:note xml:lang='en'>");
		xml_escape(out, str_of(x->note));
		buf_put_lit(out, "</xmpp:note>\n");
	}
	buf_put_lit(out, "      </xmpp:SupportedXep>\n    </implements>\n");
}

void
registry_print_doap(struct buf *out)
{
	struct arena *a = arena_new(0);
	struct served_list l = all_xeps(a);

	buf_put_lit(out,
		"<?xml version='1.0' encoding='UTF-8'?>\n"
		"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'\n"
		"         xmlns='http://usefulinc.com/ns/doap#'\n"
		"         xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>\n"
		"  <Project>\n"
		"    <name>Bongsu</name>\n"
		"    <shortdesc xml:lang='en'>XMPP chat server in C</shortdesc>\n"
		"    <programming-language>C</programming-language>\n"
		"    <os>Linux</os>\n"
		"    <category rdf:resource='https://linkmauve.fr/ns/xmpp-doap#category-server'/>\n");
	for (size_t i = 0; i < COUNT(rfcs); i++)
		buf_printf(out,
			"    <implements rdf:resource='https://www.rfc-editor.org/info/rfc%u'/>\n",
			rfcs[i]);
	for (size_t i = 0; i < l.count; i++)
		print_support(out, l.rows[i].xep);
	buf_put_lit(out, "  </Project>\n</rdf:RDF>\n");
	arena_free(&a);
}
