/*
 * shards.h -- a string-keyed map that all threads share.
 *
 * It is in pieces with a lock each, which is held for one look-up: who looks enters the key's shard,
 * does what it came for, and leaves.  A shard knows which of its entries was not used for longest,
 * so that it can be bounded.
 *
 * Runs on: any thread.
 */
#ifndef BASE_SHARDS_H
#define BASE_SHARDS_H

#include <pthread.h>

#include "base/hash.h"
#include "base/list.h"

enum { SHARDS = 16 };

/* Embed; the key's bytes belong to the whole. */
struct shard_entry {
	struct hash_node node;
	struct list link;
};

struct shard {
	pthread_mutex_t lock;
	struct hash map;
	struct list entries; /* least recently used first */
};

/* In static storage, SHARDS_INIT. */
struct shards {
	struct shard list[SHARDS];
};

/* clang-format off */
#define SHARDS_INIT { { [0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } } }
/* clang-format on */

/* The shard of that key, locked: leave it soon, and enter no other meanwhile. */
struct shard *shard_enter(struct shards *all, struct str key);
void shard_leave(struct shard *s);
/* Gives every entry to drop, which removes it, and the maps' memory back.  While nobody else looks. */
void shards_clear(struct shards *all, void (*drop)(struct shard *s, struct shard_entry *e));

/* ---- In a shard that was entered --------------------------------------------------- */

/* NULL: none. */
struct shard_entry *shard_find(const struct shard *s, struct str key);
/* As the most recently used one; the key must not be there. */
void shard_add(struct shard *s, struct shard_entry *e, struct str key);
/* It is used now. */
void shard_touch(struct shard *s, struct shard_entry *e);
/* A shard without entries holds no memory. */
void shard_remove(struct shard *s, struct shard_entry *e);
/* The least recently used one, or NULL. */
struct shard_entry *shard_oldest(const struct shard *s);

static inline size_t
shard_count(const struct shard *s)
{
	return s->map.count;
}

#endif
