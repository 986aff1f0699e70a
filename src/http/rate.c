/*
 * rate.c -- how many requests each address makes, over all workers.
 *
 * A token bucket for each address that asked lately.  An address whose bucket is full again is
 * forgotten, and if there are very many, the one that asked longest ago.
 *
 * Runs on: any worker.
 */
#include "http/rate.h"

#include <string.h>

#include "base/mem.h"
#include "base/shards.h"
#include "run/limit.h"

enum {
	ENTRIES = 5000, /* in a shard */
	SWEPT = 2, /* at most, for each request */
};

struct asker {
	struct shard_entry entry;
	uint8_t key[16];
	struct limit limit;
};

static struct shards askers = SHARDS_INIT;

static struct asker *
asker_of(struct shard_entry *e)
{
	return e ? CONTAINER(e, struct asker, entry) : NULL;
}

static void
drop(struct shard *s, struct shard_entry *e)
{
	struct asker *a = asker_of(e);

	shard_remove(s, e);
	mem_free(&a);
}

void
rate_fini(void)
{
	shards_clear(&askers, drop);
}

/* Forgets some whose bucket would be full by now. */
static void
sweep(struct shard *s, const struct rate *r, msec_t now)
{
	for (int i = 0; i < SWEPT; i++) {
		const struct asker *a = asker_of(shard_oldest(s));

		if (!a || a->limit.tokens + (double)(now - a->limit.last) * r->each_second / 1000 <
				  r->burst)
			return;
		drop(s, shard_oldest(s));
	}
}

static struct asker *
add(struct shard *s, struct str key, const struct rate *r, msec_t now)
{
	struct asker *a = MEM_NEW(struct asker);

	if (shard_count(s) >= ENTRIES)
		drop(s, shard_oldest(s));
	memcpy(a->key, key.p, key.n);
	limit_init(&a->limit, r->burst, now);
	shard_add(s, &a->entry, (struct str){ (const char *)a->key, key.n });
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
	s = shard_enter(&askers, key);
	sweep(s, r, now);
	a = asker_of(shard_find(s, key));
	if (a)
		shard_touch(s, &a->entry);
	else
		a = add(s, key, r, now);
	wait = limit_take(&a->limit, 1, r->each_second, r->burst, now);
	if (wait > 0)
		a->limit.tokens++; /* what is refused costs nothing */
	shard_leave(s);
	return wait;
}
