/*
 * asks.h -- statements that gather for one request.
 *
 * Several hands add what must be on disk together; whoever began the list asks for all of it at
 * once (store_ask).  Texts are borrowed until then; what has no other owner lives in the list's
 * arena.
 *
 * Runs on: the asking worker.
 */
#ifndef STORE_ASKS_H
#define STORE_ASKS_H

#include "store/store.h"

#define ASKS_MAX 16

struct asks {
	struct arena *arena; /* made by asks_arena */
	size_t count;
	struct ask list[ASKS_MAX];
};

#define ASKS_NONE                                                                                  \
	{                                                                                          \
		NULL, 0,                                                                           \
		{                                                                                  \
			{                                                                          \
				NULL, NULL, 0                                                      \
			}                                                                          \
		}                                                                                  \
	}

/* Memory that lasts as long as the list. */
struct arena *asks_arena(struct asks *a);
/* The values are copied, their texts are not. */
void asks_add(struct asks *a, const struct query *q, const struct value *args, size_t count);
/* The same, as the first of the list. */
void asks_add_first(struct asks *a, const struct query *q, const struct value *args, size_t count);
/* Gives back the arena; usable with AUTO. */
void asks_fini(struct asks *a);

#endif
