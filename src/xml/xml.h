/*
 * xml.h -- trees of XML in an arena: read, build, write.
 *
 * A tree is built once (xml_new, xml_attr, xml_add, xml_text) and from then on only seen as
 * `const struct xml *`.  It lives as long as its arena.  An attribute without a prefix has ns NULL;
 * xml:lang is name "lang" in NS_XML.  A node whose name is NULL is text.
 *
 * Runs on: any thread, one at a time while it is built.
 */
#ifndef XML_XML_H
#define XML_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "xml/ns.h"

struct xml_attr {
	struct xml_attr *next;
	const char *name, *ns, *value;
};

struct xml {
	struct xml *next; /* sibling */
	struct xml *first, *last; /* children */
	struct xml_attr *attrs;
	const char *name; /* NULL: text */
	const char *ns; /* never NULL on an element */
	/* Of a text node; NUL-terminated.  Of a stanza as the parser gave it: the bytes between
	 * its tags, if they mean the same inside any stanza of a jabber:client stream; of other
	 * elements STR_NONE. */
	struct str text;
};

/* ---- Read: an element that is not there (x NULL) has no attributes, text or children ------ */

/* x is an element with that name in that namespace. */
bool xml_is(const struct xml *x, const char *ns, const char *name);
/* First child element; ns or name NULL match any.  NULL if none, or if x is NULL. */
const struct xml *xml_child(const struct xml *x, const char *ns, const char *name);
/* The next sibling element after x, which is there, that matches, or NULL. */
const struct xml *xml_next(const struct xml *x, const char *ns, const char *name);
#define xml_for_each(it, parent)                                                                   \
	for (const struct xml *it = xml_child((parent), NULL, NULL); it;                           \
		it = xml_next(it, NULL, NULL))
/* Value of the attribute without namespace, or NULL (also if x is). */
const char *xml_get(const struct xml *x, const char *name);
/* Value of xml:lang on x itself, or NULL. */
const char *xml_lang(const struct xml *x);
/* All text directly under x, joined; the empty text if there is none.  Copies into a only if there
 * are several pieces. */
struct str xml_text_of(struct arena *a, const struct xml *x);
/* Number of child elements. */
size_t xml_count(const struct xml *x);
/* Deep copy into another arena. */
struct xml *xml_copy(struct arena *a, const struct xml *x);

/* ---- Build: names and namespaces are kept by pointer (literals or the arena's), values are
 * copied ---- */

struct xml *xml_new(struct arena *a, const char *ns, const char *name);
/* A new last child of parent. */
struct xml *xml_add(struct arena *a, struct xml *parent, const char *ns, const char *name);
/* As xml_add with text in it; text NULL adds an empty element. */
struct xml *xml_add_text(
	struct arena *a, struct xml *parent, const char *ns, const char *name, const char *text);
/* value NULL adds nothing. */
void xml_attr(struct arena *a, struct xml *x, const char *name, const char *value);
void xml_attrf(struct arena *a, struct xml *x, const char *name, const char *fmt, ...) PRINTF(4, 5);
void xml_attr_ns(
	struct arena *a, struct xml *x, const char *ns, const char *name, const char *value);
void xml_text(struct arena *a, struct xml *x, struct str text);
/* Links child, which has no parent and lives at least as long, as last child. */
void xml_adopt(struct xml *parent, struct xml *child);

/* ---- Write --------------------------------------------------------------- */

/* x as bytes; `xmlns` is left out where it equals default_ns (the namespace in force outside) or
 * the parent's. Namespaced attributes (but xml:) get generated prefixes. */
void xml_write(struct buf *out, const struct xml *x, const char *default_ns);
/* Upper estimate of the bytes that xml_write puts, and of those that escaping makes of a text. */
size_t xml_size(const struct xml *x);
size_t xml_escaped_size(struct str text);
/* Escaped for element content / for an attribute in single or double quotes. */
void xml_escape(struct buf *out, struct str text);
void xml_escape_attr(struct buf *out, struct str text);

#endif
