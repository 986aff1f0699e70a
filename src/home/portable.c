/*
 * portable.c -- the parts of an account that go into files, and statements that gather while one is
 * read.
 *
 * Runs on: main (adding), where a file is written or read (the rest).
 */
#include "home/portable.h"

#include "base/mem.h"
#include "xml/xml.h"

#include <assert.h>
#include <string.h>

static const struct portable *parts[PORTABLE_MAX];
static size_t parts_count;

void
portable_add(const struct portable *p)
{
	size_t at = parts_count;

	assert(parts_count < PORTABLE_MAX);
	for (; at > 0 && parts[at - 1]->order > p->order; at--)
		parts[at] = parts[at - 1];
	parts[at] = p;
	parts_count++;
}

const struct portable *const *
portables_all(size_t *count)
{
	*count = parts_count;
	return parts;
}

size_t
portable_index(const struct portable *p)
{
	size_t i = 0;

	while (parts[i] != p)
		i++;
	return i;
}

const struct portable *
portable_find(const struct xml *tag, enum portable_form *form)
{
	for (size_t i = 0; i < parts_count; i++) {
		for (const struct portable_tag *t = parts[i]->tags; t && t->ns; t++) {
			if (!xml_is(tag, t->ns, t->name))
				continue;
			*form = t->form;
			return parts[i];
		}
	}
	return NULL;
}

size_t
portable_clear(struct arena *a, const struct home *h, const char *what, struct ask **out)
{
	struct ask *list = ARENA_ARRAY(a, struct ask, PORTABLE_MAX * ASKS_MAX);
	size_t count = 0;

	for (size_t i = 0; i < parts_count; i++) {
		struct asks asks = { .arena = a };

		if (!parts[i]->clear || (what && strcmp(parts[i]->name, what) != 0))
			continue;
		parts[i]->clear(h, &asks);
		memcpy(list + count, asks.list, asks.count * sizeof(*list));
		count += asks.count;
	}
	*out = list;
	return count;
}

/* ---- Reading -------------------------------------------------------------------------- */

void *
arriving_state(struct arriving *a, const struct portable *p)
{
	void **state = &a->states[portable_index(p)];

	if (!*state)
		*state = arena_alloc(a->lasting, p->state_size > 0 ? p->state_size : 1);
	return *state;
}

void
arriving_add(struct arriving *a, const struct query *q, const struct value *args, size_t count)
{
	struct value *copy = ARENA_ARRAY(a->arena, struct value, count);

	if (a->count == a->room) {
		a->room = a->room > 0 ? a->room * 2 : 64;
		a->asks = mem_resize(a->asks, a->room * sizeof(*a->asks));
	}
	for (size_t i = 0; i < count; i++) {
		copy[i] = args[i];
		if (args[i].type != VALUE_BYTES)
			continue;
		copy[i].s.p = arena_str(a->arena, args[i].s);
		a->bytes += args[i].s.n;
	}
	a->asks[a->count++] = (struct ask){ q, copy, count };
}

void
arriving_add_all(struct arriving *a, struct asks *asks)
{
	for (size_t i = 0; i < asks->count; i++)
		arriving_add(a, asks->list[i].query, asks->list[i].args, asks->list[i].count);
	asks_fini(asks);
}

void
arriving_fini(struct arriving *a)
{
	mem_free(&a->asks);
	a->count = a->room = a->bytes = 0;
}

enum portable_taken
arriving_refuse(struct arriving *a, const char *why)
{
	a->why = why;
	return PORTABLE_LEFT_OUT;
}
