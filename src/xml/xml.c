/*
 * xml.c -- trees of XML in an arena: reading and building.
 *
 * A tree is nodes linked to their next sibling, first and last child; nothing points up, so a
 * subtree can be adopted or copied without care for what is around it.  Names and namespaces are
 * compared by address first: the parser and the code use the same literals for the frequent ones
 * more often than not.
 *
 * Runs on: any thread, one at a time while it is built.
 */
#include "xml/xml.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool
same(const char *a, const char *b)
{
	return a == b || strcmp(a, b) == 0;
}

/* ---- Read ---------------------------------------------------------------- */

static bool
matches(const struct xml *x, const char *ns, const char *name)
{
	return x->name && (!name || same(x->name, name)) && (!ns || same(x->ns, ns));
}

bool
xml_is(const struct xml *x, const char *ns, const char *name)
{
	return x && matches(x, ns, name);
}

static const struct xml *
first_of(const struct xml *x, const char *ns, const char *name)
{
	while (x && !matches(x, ns, name))
		x = x->next;
	return x;
}

const struct xml *
xml_child(const struct xml *x, const char *ns, const char *name)
{
	return x ? first_of(x->first, ns, name) : NULL;
}

const struct xml *
xml_next(const struct xml *x, const char *ns, const char *name)
{
	return first_of(x->next, ns, name);
}

const char *
xml_get(const struct xml *x, const char *name)
{
	for (const struct xml_attr *at = x ? x->attrs : NULL; at; at = at->next) {
		if (!at->ns && same(at->name, name))
			return at->value;
	}
	return NULL;
}

const char *
xml_lang(const struct xml *x)
{
	for (const struct xml_attr *at = x ? x->attrs : NULL; at; at = at->next) {
		if (at->ns && same(at->ns, NS_XML) && same(at->name, "lang"))
			return at->value;
	}
	return NULL;
}

struct str
xml_text_of(struct arena *a, const struct xml *x)
{
	const struct xml *only = NULL;
	size_t pieces = 0, n = 0;
	char *all, *at;

	for (const struct xml *c = x ? x->first : NULL; c; c = c->next) {
		if (c->name)
			continue;
		only = c;
		pieces++;
		n += c->text.n;
	}
	if (pieces == 0)
		return STR("");
	if (pieces == 1)
		return only->text;
	all = at = arena_alloc(a, n + 1);
	for (const struct xml *c = x->first; c; c = c->next) {
		if (c->name)
			continue;
		memcpy(at, c->text.p, c->text.n);
		at += c->text.n;
	}
	return (struct str){ all, n };
}

size_t
xml_count(const struct xml *x)
{
	size_t n = 0;

	for (const struct xml *c = x ? x->first : NULL; c; c = c->next)
		n += c->name != NULL;
	return n;
}

static void
copy_attrs(struct arena *a, struct xml *to, const struct xml *from)
{
	struct xml_attr **end = &to->attrs;

	for (const struct xml_attr *at = from->attrs; at; at = at->next) {
		struct xml_attr *copy = ARENA_NEW(a, struct xml_attr);

		copy->name = arena_text(a, at->name);
		copy->ns = arena_text(a, at->ns);
		copy->value = arena_text(a, at->value);
		*end = copy;
		end = &copy->next;
	}
}

struct xml *
xml_copy(struct arena *a, const struct xml *x)
{
	struct xml *copy = ARENA_NEW(a, struct xml);

	if (!x->name) {
		copy->text = (struct str){ arena_str(a, x->text), x->text.n };
		return copy;
	}
	copy->name = arena_text(a, x->name);
	copy->ns = arena_text(a, x->ns);
	copy_attrs(a, copy, x);
	for (const struct xml *c = x->first; c; c = c->next)
		xml_adopt(copy, xml_copy(a, c));
	return copy;
}

/* ---- Build --------------------------------------------------------------- */

struct xml *
xml_new(struct arena *a, const char *ns, const char *name)
{
	struct xml *x = ARENA_NEW(a, struct xml);

	assert(ns && name);
	x->ns = ns;
	x->name = name;
	return x;
}

void
xml_adopt(struct xml *parent, struct xml *child)
{
	assert(parent->name && !child->next);
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

struct xml *
xml_add(struct arena *a, struct xml *parent, const char *ns, const char *name)
{
	struct xml *x = xml_new(a, ns, name);

	xml_adopt(parent, x);
	return x;
}

struct xml *
xml_add_text(
	struct arena *a, struct xml *parent, const char *ns, const char *name, const char *text)
{
	struct xml *x = xml_add(a, parent, ns, name);

	if (text)
		xml_text(a, x, str_of(text));
	return x;
}

/* The value is kept by pointer. */
static void
add_attr(struct arena *a, struct xml *x, const char *ns, const char *name, const char *value)
{
	struct xml_attr *at = ARENA_NEW(a, struct xml_attr), **end = &x->attrs;

	at->name = name;
	at->ns = ns;
	at->value = value;
	while (*end)
		end = &(*end)->next;
	*end = at;
}

void
xml_attr(struct arena *a, struct xml *x, const char *name, const char *value)
{
	if (value)
		add_attr(a, x, NULL, name, arena_text(a, value));
}

void
xml_attrf(struct arena *a, struct xml *x, const char *name, const char *fmt, ...)
{
	va_list args;
	char *value;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);
	value = arena_alloc(a, (size_t)n + 1);
	va_start(args, fmt);
	vsnprintf(value, (size_t)n + 1, fmt, args);
	va_end(args);
	add_attr(a, x, NULL, name, value);
}

void
xml_attr_ns(struct arena *a, struct xml *x, const char *ns, const char *name, const char *value)
{
	if (value)
		add_attr(a, x, ns, name, arena_text(a, value));
}

void
xml_text(struct arena *a, struct xml *x, struct str text)
{
	struct xml *node;

	if (text.n == 0)
		return;
	node = ARENA_NEW(a, struct xml);
	node->text = (struct str){ arena_str(a, text), text.n };
	xml_adopt(x, node);
}
