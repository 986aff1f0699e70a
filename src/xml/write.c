/*
 * write.c -- trees as bytes.
 *
 * Elements are written without prefixes: `xmlns` appears where the namespace differs from the one
 * in force.  Attributes in a namespace get the prefixes ns0, ns1... declared on their element.  A
 * carriage return and, in attributes, tabs and line ends are written as character references, since
 * a reader would turn them into something else.
 *
 * Runs on: any thread.
 */
#include "xml/xml.h"

#include <string.h>

/* What a byte becomes in text (below) or in attributes; NULL: itself. */
static const struct str in_text[256] = {
	['<'] = { "&lt;", 4 },
	['>'] = { "&gt;", 4 },
	['&'] = { "&amp;", 5 },
	['\r'] = { "&#13;", 5 },
};

static const struct str in_attr[256] = {
	['<'] = { "&lt;", 4 },
	['>'] = { "&gt;", 4 },
	['&'] = { "&amp;", 5 },
	['\''] = { "&apos;", 6 },
	['"'] = { "&quot;", 6 },
	['\t'] = { "&#9;", 4 },
	['\n'] = { "&#10;", 5 },
	['\r'] = { "&#13;", 5 },
};

static void
escape(struct buf *out, struct str text, const struct str *table)
{
	const char *run = text.p, *end = text.p + text.n;

	for (const char *p = run; p < end; p++) {
		const struct str *as = &table[(unsigned char)*p];

		if (!as->p)
			continue;
		buf_put(out, run, (size_t)(p - run));
		buf_put_str(out, *as);
		run = p + 1;
	}
	buf_put(out, run, (size_t)(end - run));
}

void
xml_escape(struct buf *out, struct str text)
{
	escape(out, text, in_text);
}

void
xml_escape_attr(struct buf *out, struct str text)
{
	escape(out, text, in_attr);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void
write_value(struct buf *out, const char *value)
{
	buf_put_lit(out, "='");
	xml_escape_attr(out, str_of(value));
	buf_put_char(out, '\'');
}

/* The number of the prefix for at's namespace: the place of the first attribute that has it. */
static unsigned
prefix_of(const struct xml *x, const struct xml_attr *at)
{
	unsigned n = 0;

	for (const struct xml_attr *other = x->attrs; other != at; other = other->next) {
		if (same(other->ns, at->ns))
			return n;
		n++;
	}
	return n;
}

static bool
is_first_of_ns(const struct xml *x, const struct xml_attr *at)
{
	for (const struct xml_attr *other = x->attrs; other != at; other = other->next) {
		if (same(other->ns, at->ns))
			return false;
	}
	return true;
}

static void
write_attr(struct buf *out, const struct xml *x, const struct xml_attr *at)
{
	if (at->ns && !same(at->ns, NS_XML)) {
		unsigned n = prefix_of(x, at);

		if (is_first_of_ns(x, at)) {
			buf_printf(out, " xmlns:ns%u", n);
			write_value(out, at->ns);
		}
		buf_printf(out, " ns%u:", n);
	} else if (at->ns) {
		buf_put_lit(out, " xml:");
	} else {
		buf_put_char(out, ' ');
	}
	buf_put_text(out, at->name);
	write_value(out, at->value);
}

static void
write_name(struct buf *out, const struct xml *x, bool is_xml)
{
	if (is_xml)
		buf_put_lit(out, "xml:");
	buf_put_text(out, x->name);
}

void
xml_write(struct buf *out, const struct xml *x, const char *default_ns)
{
	bool is_xml;

	if (!x->name) {
		xml_escape(out, x->text);
		return;
	}
	is_xml = same(x->ns, NS_XML); /* may only be used with its own prefix */
	buf_put_char(out, '<');
	write_name(out, x, is_xml);
	if (!is_xml && !same(x->ns, default_ns)) {
		buf_put_lit(out, " xmlns");
		write_value(out, x->ns);
		default_ns = x->ns;
	}
	for (const struct xml_attr *at = x->attrs; at; at = at->next)
		write_attr(out, x, at);
	if (!x->first) {
		buf_put_lit(out, "/>");
		return;
	}
	buf_put_char(out, '>');
	for (const struct xml *c = x->first; c; c = c->next)
		xml_write(out, c, default_ns);
	buf_put_lit(out, "</");
	write_name(out, x, is_xml);
	buf_put_char(out, '>');
}

size_t
xml_escaped_size(struct str text)
{
	size_t n = text.n;

	for (size_t i = 0; i < text.n; i++)
		n += in_attr[(unsigned char)text.p[i]].n;
	return n;
}

/* <a xmlns='b'></a>, and for each attribute one that is declared with a prefix of its own. */
size_t
xml_size(const struct xml *x)
{
	enum {
		TAGS = sizeof("< xmlns=''></>"),
		NAME = sizeof("xml:"),
		PREFIX = sizeof(" xmlns:ns4294967295=''")
	};

	size_t n;

	if (!x->name)
		return xml_escaped_size(x->text);
	n = TAGS + 2 * (NAME + strlen(x->name)) + xml_escaped_size(str_of(x->ns));
	for (const struct xml_attr *at = x->attrs; at; at = at->next) {
		n += 2 * PREFIX + strlen(at->name) + xml_escaped_size(str_of(at->value)) +
		     xml_escaped_size(str_of(at->ns));
	}
	for (const struct xml *c = x->first; c; c = c->next)
		n += xml_size(c);
	return n;
}
