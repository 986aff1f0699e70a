/*
 * document.h -- a document that may be larger than memory, a piece at a time.
 *
 * For files: bytes are fed, events are taken.  Of each element first the tag is shown; then it is
 * entered, so that its children come one by one, or skipped, however large it is, or comes whole as
 * a tree.  Only what comes whole has to fit into the limits.  Comments between elements that were
 * entered are passed over; document types, processing instructions and text there are faults, and
 * inside of trees comments too.
 *
 * Runs on: one thread at a time.
 */
#ifndef XML_DOCUMENT_H
#define XML_DOCUMENT_H

#include "xml/parse.h"

enum document_event {
	DOCUMENT_MORE, /* needs more bytes, or document_close */
	DOCUMENT_TAG, /* an element begins: *x has its name and attributes, and no children */
	DOCUMENT_ELEMENT, /* the element of the last tag, or the next child, whole */
	DOCUMENT_LEAVE, /* the end of the element that was entered last, or skipped */
	DOCUMENT_END, /* of all */
	DOCUMENT_FAULT, /* document_why says what; nothing follows */
};

/* What comes of the children of an element. */
enum document_children {
	DOCUMENT_TAGS, /* DOCUMENT_TAG of each */
	DOCUMENT_WHOLE, /* DOCUMENT_ELEMENT of each */
};

struct document;

/* max_bytes: of a tag and of an element that comes whole; max_depth: inside of those, and of what is
 * entered. */
struct document *document_new(const struct parse_limits *limits);
void document_free(struct document **d);
/* Copies the bytes. */
void document_feed(struct document *d, const char *bytes, size_t n);
/* No more bytes come. */
void document_close(struct document *d);
/* On DOCUMENT_TAG and DOCUMENT_ELEMENT *arena (to be freed by the caller) holds *x. */
enum document_event document_next(struct document *d, struct arena **arena, const struct xml **x);
/* After DOCUMENT_TAG: what becomes of the element; neither: it comes whole. */
void document_enter(struct document *d, enum document_children children);
void document_skip(struct document *d);
/* Line of the file on which what the last event told of began; the first is 1. */
size_t document_line(const struct document *d);
/* What is wrong, for people. */
const char *document_why(const struct document *d);

#endif
