/*
 * scope.h -- which namespace each prefix stands for, innermost declaration last.
 *
 * The texts are borrowed.  The default namespace has the empty prefix.
 *
 * Runs on: one thread at a time.
 */
#ifndef XML_SCOPE_H
#define XML_SCOPE_H

#include "base/str.h"

struct binding {
	struct str prefix;
	const char *ns;
};

struct scope {
	struct binding *rows;
	size_t count, room;
};

void scope_fini(struct scope *s);
void scope_add(struct scope *s, struct str prefix, const char *ns);
/* Forgets all but the first n. */
void scope_cut(struct scope *s, size_t n);
/* The namespace of the newest binding of prefix, or NULL. */
const char *scope_find(const struct scope *s, struct str prefix);

#endif
