/*
 * source.c -- how many connections each address has, over all workers.
 *
 * An address without connections has no entry.
 *
 * Runs on: any worker.
 */
#include "net/source.h"

#include "base/mem.h"
#include "base/shards.h"

#include <string.h>

struct source {
	struct shard_entry entry;
	uint8_t key[16];
	unsigned count;
};

static struct shards sources = SHARDS_INIT;

static struct source *
find(const struct shard *s, struct str key)
{
	struct shard_entry *e = shard_find(s, key);

	return e ? CONTAINER(e, struct source, entry) : NULL;
}

static struct source *
add(struct shard *s, struct str key)
{
	struct source *source = MEM_NEW(struct source);

	memcpy(source->key, key.p, key.n);
	shard_add(s, &source->entry, (struct str){ (const char *)source->key, key.n });
	return source;
}

bool
source_add(const struct addr *a, int64_t max)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(a, bytes) };
	struct shard *s = shard_enter(&sources, key);
	struct source *source = find(s, key);
	bool room = max <= 0 || !source || source->count < max;

	if (room)
		(source ? source : add(s, key))->count++;
	shard_leave(s);
	return room;
}

void
source_remove(const struct addr *a)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(a, bytes) };
	struct shard *s = shard_enter(&sources, key);
	struct source *source = find(s, key);

	if (source && --source->count == 0) {
		shard_remove(s, &source->entry);
		mem_free(&source);
	}
	shard_leave(s);
}

unsigned
source_count(const struct addr *a)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(a, bytes) };
	struct shard *s = shard_enter(&sources, key);
	const struct source *source = find(s, key);
	unsigned count = source ? source->count : 0;

	shard_leave(s);
	return count;
}
