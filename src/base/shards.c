/*
 * shards.c -- maps with locks.
 *
 * Runs on: any thread.
 */
#include "base/shards.h"

/* By bits of the hash that the map does not use. */
struct shard *
shard_enter(struct shards *all, struct str key)
{
	struct shard *s = &all->list[(hash_bytes(key.p, key.n) >> 32) % SHARDS];

	pthread_mutex_lock(&s->lock);
	if (!s->entries.next)
		list_init(&s->entries);
	return s;
}

void
shard_leave(struct shard *s)
{
	pthread_mutex_unlock(&s->lock);
}

void
shards_clear(struct shards *all, void (*drop)(struct shard *s, struct shard_entry *e))
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &all->list[i];
		struct shard_entry *e;

		while ((e = shard_oldest(s)) != NULL)
			drop(s, e);
	}
}

struct shard_entry *
shard_find(const struct shard *s, struct str key)
{
	struct hash_node *n = hash_find(&s->map, key);

	return n ? CONTAINER(n, struct shard_entry, node) : NULL;
}

void
shard_add(struct shard *s, struct shard_entry *e, struct str key)
{
	hash_add(&s->map, &e->node, key);
	list_append(&s->entries, &e->link);
}

void
shard_touch(struct shard *s, struct shard_entry *e)
{
	list_remove(&e->link);
	list_append(&s->entries, &e->link);
}

void
shard_remove(struct shard *s, struct shard_entry *e)
{
	hash_remove(&s->map, &e->node);
	list_remove(&e->link);
	if (s->map.count == 0)
		hash_fini(&s->map);
}

struct shard_entry *
shard_oldest(const struct shard *s)
{
	return s->entries.next ? list_first(&s->entries, struct shard_entry, link) : NULL;
}
