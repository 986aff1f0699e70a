/*
 * asks.c -- statements that gather for one request.
 *
 * Runs on: the asking worker.
 */
#include "store/asks.h"

#include <assert.h>
#include <string.h>

struct arena *
asks_arena(struct asks *a)
{
	if (!a->arena)
		a->arena = arena_new(1024);
	return a->arena;
}

void
asks_add(struct asks *a, const struct query *q, const struct value *args, size_t count)
{
	struct value *copy = ARENA_ARRAY(asks_arena(a), struct value, count);

	assert(a->count < ASKS_MAX);
	memcpy(copy, args, count * sizeof(*copy));
	a->list[a->count++] = (struct ask){ q, copy, count };
}

void
asks_add_first(struct asks *a, const struct query *q, const struct value *args, size_t count)
{
	struct ask last;

	asks_add(a, q, args, count);
	last = a->list[a->count - 1];
	memmove(a->list + 1, a->list, (a->count - 1) * sizeof(last));
	a->list[0] = last;
}

void
asks_fini(struct asks *a)
{
	arena_free(&a->arena);
	a->count = 0;
}
