/*
 * rate.c -- how many requests each address makes, over all workers.
 *
 * A token bucket for each address that asked lately, in shards with a lock each that is held for one
 * look-up.  An address whose bucket is full again is forgotten, and if there are very many, the one
 * that asked longest ago.
 *
 * Runs on: any worker.
 */
#include "http/rate.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "run/limit.h"

enum {
	SHARDS = 16,
	ENTRIES = 5000, /* in a shard */
	SWEPT = 2, /* at most, for each request */
};

struct asker {
	struct hash_node node;
	struct list link;
	uint8_t key[16];
	struct limit limit;
};

struct shard {
	pthread_mutex_t lock;
	struct hash askers;
	struct list oldest; /* by the time of their newest request */
};

static struct shard shards[SHARDS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make(void)
{
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&shards[i].lock, NULL);
		hash_init(&shards[i].askers);
		list_init(&shards[i].oldest);
	}
}

static void
drop(struct shard *s, struct asker *a)
{
	hash_remove(&s->askers, &a->node);
	list_remove(&a->link);
	mem_free(&a);
}

void
rate_fini(void)
{
	pthread_once(&once, make);
	for (int i = 0; i < SHARDS; i++) {
		list_for_each(a, &shards[i].oldest, struct asker, link) drop(&shards[i], a);
		hash_fini(&shards[i].askers);
		hash_init(&shards[i].askers);
	}
}

/* Forgets some whose bucket would be full by now. */
static void
sweep_locked(struct shard *s, const struct rate *r, msec_t now)
{
	for (int i = 0; i < SWEPT; i++) {
		struct asker *a = list_first(&s->oldest, struct asker, link);

		if (!a || a->limit.tokens + (double)(now - a->limit.last) * r->each_second / 1000 <
				  r->burst)
			return;
		drop(s, a);
	}
}

static struct asker *
find_locked(struct shard *s, struct str key, const struct rate *r, msec_t now)
{
	struct hash_node *node = hash_find(&s->askers, key);
	struct asker *a = node ? CONTAINER(node, struct asker, node) : NULL;

	if (a) {
		list_remove(&a->link);
	} else {
		if (s->askers.count >= ENTRIES)
			drop(s, list_first(&s->oldest, struct asker, link));
		a = MEM_NEW(struct asker);
		memcpy(a->key, key.p, key.n);
		limit_init(&a->limit, r->burst, now);
		hash_add(&s->askers, &a->node, (struct str){ (const char *)a->key, key.n });
	}
	list_append(&s->oldest, &a->link);
	return a;
}

msec_t
rate_take(const struct addr *who, const struct rate *r, msec_t now)
{
	uint8_t bytes[16];
	struct str key = { (const char *)bytes, addr_limit_key(who, bytes) };
	struct asker *a;
	struct shard *s;
	msec_t wait;

	if (r->each_second <= 0 || addr_is_local(who))
		return 0;
	pthread_once(&once, make);
	s = &shards[hash_bytes(key.p, key.n) % SHARDS];
	pthread_mutex_lock(&s->lock);
	sweep_locked(s, r, now);
	a = find_locked(s, key, r, now);
	wait = limit_take(&a->limit, 1, r->each_second, r->burst, now);
	if (wait > 0)
		a->limit.tokens++; /* what is refused costs nothing */
	pthread_mutex_unlock(&s->lock);
	return wait;
}
