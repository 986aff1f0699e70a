/*
 * scan.h -- cuts a server's stream into top-level elements.
 */
#ifndef BENCH_SCAN_H
#define BENCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Text inside a buffer; not terminated. */
struct span {
	const char *p;
	size_t n;
};

enum elem_kind {
	ELEM_PARTIAL, /* not complete yet */
	ELEM_SPACE, /* white space or an XML declaration */
	ELEM_OPEN, /* the stream's opening tag */
	ELEM_CLOSE, /* the stream's closing tag */
	ELEM_STANZA, /* a complete child of the stream */
};

/* One element in the input; valid as long as the bytes it was cut from. */
struct elem {
	enum elem_kind kind;
	struct span all; /* the whole element */
	struct span name; /* its name as written */
	size_t head; /* bytes of its start tag */
};

/* Cut the first element off the n bytes at p.  A broken stream is never noticed here: the
 * bytes come from a server that is measured, not from a foe. */
struct elem scan_next(const char *p, size_t n);

/* Is the element's name, as written, equal to name? */
bool elem_is(const struct elem *e, const char *name);

/* Value of an attribute of the start tag, still escaped; p is NULL when it is absent. */
struct span elem_attr(const struct elem *e, const char *name);

/* Does the element contain text literally? */
bool elem_has(const struct elem *e, const char *text);

/* Text of the first child, at any depth, called name; p is NULL when there is none. */
struct span elem_text(const struct elem *e, const char *name);

/* Value of an attribute inside one start tag of n bytes at p. */
struct span tag_attr(const char *p, size_t n, const char *name);

/* Is the span equal to text? */
bool span_is(struct span s, const char *text);

#endif
