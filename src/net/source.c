/*
 * source.c -- how many connections each address has, over all workers.
 *
 * A hash map in shards, each with a lock that is held for one look-up when a connection comes or
 * goes.  An address without connections has no entry.
 *
 * Runs on: any worker.
 */
#include "net/source.h"

#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>

enum { SHARDS = 16 };

struct source {
	struct hash_node node;
	uint8_t key[16];
	unsigned count;
};

struct shard {
	pthread_mutex_t lock;
	struct hash map;
};

static struct shard shards[SHARDS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make(void)
{
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&shards[i].lock, NULL);
		hash_init(&shards[i].map);
	}
}

/* The address's shard, locked. */
static struct shard *
enter(struct str key)
{
	struct shard *s;

	pthread_once(&once, make);
	s = &shards[hash_stable(key.p, key.n) % SHARDS];
	pthread_mutex_lock(&s->lock);
	return s;
}

static void
leave(struct shard *s)
{
	pthread_mutex_unlock(&s->lock);
}

static struct source *
find_locked(struct shard *s, struct str key)
{
	struct hash_node *node = hash_find(&s->map, key);

	return node ? CONTAINER(node, struct source, node) : NULL;
}

bool
source_add(const struct addr *a, int64_t max)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(a, bytes) };
	struct shard *s = enter(key);
	struct source *source = find_locked(s, key);
	bool room = max <= 0 || !source || source->count < max;

	if (room && !source) {
		source = MEM_NEW(struct source);
		for (size_t i = 0; i < key.n; i++)
			source->key[i] = bytes[i];
		hash_add(&s->map, &source->node, (struct str){ (const char *)source->key, key.n });
	}
	if (room)
		source->count++;
	leave(s);
	return room;
}

void
source_remove(const struct addr *a)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(a, bytes) };
	struct shard *s = enter(key);
	struct source *source = find_locked(s, key);

	if (source && --source->count == 0) {
		hash_remove(&s->map, &source->node);
		mem_free(&source);
	}
	if (s->map.count == 0)
		hash_fini(&s->map);
	leave(s);
}

unsigned
source_count(const struct addr *a)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(a, bytes) };
	struct shard *s = enter(key);
	const struct source *source = find_locked(s, key);
	unsigned count = source ? source->count : 0;

	leave(s);
	return count;
}
