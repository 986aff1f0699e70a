/*
 * sasl_guard.c -- attempts to log in: how many of them failed, by address and by account.
 *
 * Entries are in shards, each with a lock that is held for one look-up. There is an entry while an
 * attempt is under way or a failure is remembered; the one that failed longest ago goes when a shard
 * is full. The addresses from which accounts logged in are remembered as hashes in a table of fixed
 * size, in which a newer one may take the place of an older.
 *
 * Runs on: any worker.
 */
#include "stream/sasl_guard.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "xmpp/jid.h"

enum {
	SHARDS = 16,
	ENTRIES = 2000, /* in a shard */
	KNOWN = 4096, /* in a shard */
	DELAY_STEP = 500,
	DELAY_MAX = 5000,
	FORGIVEN = 10000, /* ms for one failure */
};

struct entry {
	struct hash_node node;
	struct list link;
	char *key;
	unsigned failures, pending;
	msec_t since; /* the first failure, or the newest forgiving */
};

struct shard {
	pthread_mutex_t lock;
	struct hash entries;
	struct list oldest;
	uint64_t known[KNOWN];
};

static struct shard shards[SHARDS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make(void)
{
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&shards[i].lock, NULL);
		hash_init(&shards[i].entries);
		list_init(&shards[i].oldest);
	}
}

static void
drop(struct shard *s, struct entry *e)
{
	hash_remove(&s->entries, &e->node);
	list_remove(&e->link);
	mem_free(&e->key);
	mem_free(&e);
}

void
sasl_guard_fini(void)
{
	pthread_once(&once, make);
	for (int i = 0; i < SHARDS; i++) {
		list_for_each(e, &shards[i].oldest, struct entry, link) drop(&shards[i], e);
		hash_fini(&shards[i].entries);
		hash_init(&shards[i].entries);
		memset(shards[i].known, 0, sizeof(shards[i].known));
	}
}

/* ---- Entries -------------------------------------------------------------------- */

static struct shard *
enter(struct str key)
{
	struct shard *s;

	pthread_once(&once, make);
	s = &shards[hash_bytes(key.p, key.n) % SHARDS];
	pthread_mutex_lock(&s->lock);
	return s;
}

static struct entry *
find_locked(struct shard *s, struct str key, msec_t now)
{
	struct hash_node *n = hash_find(&s->entries, key);
	struct entry *e = n ? CONTAINER(n, struct entry, node) : NULL;

	for (; e && e->failures > 0 && now - e->since >= FORGIVEN; e->since += FORGIVEN)
		e->failures--;
	return e;
}

static struct entry *
add_locked(struct shard *s, struct str key)
{
	struct entry *e;

	if (s->entries.count >= ENTRIES)
		drop(s, list_first(&s->oldest, struct entry, link));
	e = MEM_NEW(struct entry);
	e->key = mem_copy_str(key);
	hash_add(&s->entries, &e->node, (struct str){ e->key, key.n });
	list_append(&s->oldest, &e->link);
	return e;
}

static bool
begin(struct str key, int64_t max, msec_t now)
{
	struct shard *s = enter(key);
	struct entry *e = find_locked(s, key, now);
	bool room = max <= 0 || !e || e->failures + e->pending < max;

	if (room)
		(e ? e : add_locked(s, key))->pending++;
	pthread_mutex_unlock(&s->lock);
	return room;
}

enum outcome { FAILED, OVER };

static unsigned
end(struct str key, enum outcome outcome, msec_t now)
{
	struct shard *s = enter(key);
	struct entry *e = find_locked(s, key, now);
	unsigned failures = 0;

	if (!e && outcome == FAILED)
		e = add_locked(s, key);
	if (e) {
		if (e->pending > 0)
			e->pending--;
		if (outcome == FAILED) {
			if (e->failures++ == 0)
				e->since = now;
			list_remove(&e->link);
			list_append(&s->oldest, &e->link);
		}
		failures = e->failures;
		if (failures == 0 && e->pending == 0)
			drop(s, e);
	}
	pthread_mutex_unlock(&s->lock);
	return failures;
}

/* ---- Keys ------------------------------------------------------------------------- */

struct keys {
	uint8_t address[16];
	char both[16 + JID_MAX];
	size_t address_n, both_n;
};

/* The address, and the account at that address. */
static void
make_keys(struct keys *k, const struct attempt *a)
{
	k->address_n = addr_limit_key(a->peer, k->address);
	assert(a->account.n <= JID_MAX);
	memcpy(k->both, k->address, k->address_n);
	if (a->account.n > 0)
		memcpy(k->both + k->address_n, a->account.p, a->account.n);
	k->both_n = k->address_n + a->account.n;
}

static struct str
address_of(const struct keys *k)
{
	return (struct str){ (const char *)k->address, k->address_n };
}

/* What counts for the account: it alone, or it at an address from which it has logged in. */
static struct str
account_of(const struct keys *k, const struct attempt *a)
{
	return a->known ? (struct str){ k->both, k->both_n } : a->account;
}

enum memory { LOOK, REMEMBER };

/* Whether the account has logged in from that address before. */
static bool
known(const struct keys *k, enum memory what)
{
	struct str both = { k->both, k->both_n };
	uint64_t hash = hash_bytes(both.p, both.n);
	struct shard *s = enter(both);
	uint64_t *place = &s->known[hash / SHARDS % KNOWN];
	bool found = *place == hash;

	if (what == REMEMBER)
		*place = hash;
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* ---- Attempts --------------------------------------------------------------------- */

bool
sasl_guard_begin(struct attempt *a, struct guard_bounds max)
{
	struct keys k;

	make_keys(&k, a);
	if (!begin(address_of(&k), addr_is_local(a->peer) ? 0 : max.address, a->now))
		return false;
	a->known = known(&k, LOOK);
	if (begin(account_of(&k, a), max.account, a->now))
		return true;
	(void)end(address_of(&k), OVER, a->now);
	return false;
}

/* Returns the failures that are remembered. */
static unsigned
end_both(const struct attempt *a, enum outcome outcome)
{
	struct keys k;
	unsigned by_address, by_account = 0;

	make_keys(&k, a);
	by_address = end(address_of(&k), outcome, a->now);
	if (a->account.n > 0)
		by_account = end(account_of(&k, a), outcome, a->now);
	return by_address > by_account ? by_address : by_account;
}

msec_t
sasl_guard_failed(const struct attempt *a)
{
	unsigned failures = end_both(a, FAILED);

	return failures < DELAY_MAX / DELAY_STEP ? (msec_t)failures * DELAY_STEP : DELAY_MAX;
}

void
sasl_guard_left(const struct attempt *a)
{
	(void)end_both(a, OVER);
}

void
sasl_guard_succeeded(const struct attempt *a)
{
	struct keys k;

	(void)end_both(a, OVER);
	make_keys(&k, a);
	(void)known(&k, REMEMBER);
}
