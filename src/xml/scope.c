/*
 * scope.c -- which namespace each prefix stands for.
 *
 * A stack that is searched from its top.  It is short: a stanza rarely declares a prefix, and the
 * limits of depth and attributes bound what a hostile one can declare.
 *
 * Runs on: one thread at a time.
 */
#include "xml/scope.h"

#include "base/mem.h"

void
scope_fini(struct scope *s)
{
	mem_free(&s->rows);
	s->count = s->room = 0;
}

void
scope_add(struct scope *s, struct str prefix, const char *ns)
{
	if (s->count == s->room) {
		s->room = s->room ? s->room * 2 : 8;
		s->rows = mem_resize(s->rows, s->room * sizeof(*s->rows));
	}
	s->rows[s->count++] = (struct binding){ prefix, ns };
}

void
scope_cut(struct scope *s, size_t n)
{
	if (n < s->count)
		s->count = n;
}

const char *
scope_find(const struct scope *s, struct str prefix)
{
	for (size_t i = s->count; i-- > 0;) {
		if (str_eq(s->rows[i].prefix, prefix))
			return s->rows[i].ns;
	}
	return NULL;
}
