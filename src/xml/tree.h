/*
 * tree.h -- the bytes of one framed element to a tree (expat hides behind this).
 *
 * Runs on: any thread.
 */
#ifndef XML_TREE_H
#define XML_TREE_H

#include "xml/frame.h"
#include "xml/scope.h"

/* What is in force around the element. */
struct tree_outside {
	const struct parse_limits *limits;
	const struct scope *prefixes; /* declared by the stream's header */
	const char *default_ns;
};

/* A whole first-level element, framed by f.  On PARSE_OK *arena (the caller's) holds *element;
 * element->text is as xml.h says of parsed elements. */
enum parse_fault tree_element(struct str bytes, const struct frame *f,
	const struct tree_outside *outside, struct arena **arena, const struct xml **element);

/* A stream's header.  Its declarations are added to *prefixes and *default_ns is set; their texts
 * live in names.  *qname is the tag's name as written, in names. */
enum parse_fault tree_header(struct str bytes, const struct frame *f,
	const struct tree_outside *outside, struct arena **arena, const struct xml **element,
	struct arena *names, struct scope *prefixes, const char **default_ns, const char **qname);

#endif
