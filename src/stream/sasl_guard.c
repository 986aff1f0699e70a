/*
 * sasl_guard.c -- attempts to log in: how many of them failed, by address and by account.
 *
 * There is an entry while an attempt is under way or a failure is remembered; the one that failed
 * longest ago goes when a shard is full. The addresses from which accounts logged in are remembered
 * as hashes in a table of fixed size, in which a newer one may take the place of an older.
 *
 * Runs on: any worker.
 */
#include "stream/sasl_guard.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/shards.h"
#include "xmpp/jid.h"

enum {
	ENTRIES = 2000, /* in a shard */
	KNOWN = 4096, /* in a shard */
	DELAY_STEP = 500,
	DELAY_MAX = 5000,
	FORGIVEN = 10000, /* ms for one failure */
};

struct entry {
	struct shard_entry entry;
	char *key;
	unsigned failures, pending;
	msec_t since; /* the first failure, or the newest forgiving */
};

static struct shards entries = SHARDS_INIT;
static uint64_t known_hashes[SHARDS][KNOWN]; /* under the locks of the shards */

static struct entry *
entry_of(struct shard_entry *e)
{
	return e ? CONTAINER(e, struct entry, entry) : NULL;
}

static void
drop(struct shard *s, struct shard_entry *it)
{
	struct entry *e = entry_of(it);

	shard_remove(s, it);
	mem_free(&e->key);
	mem_free(&e);
}

void
sasl_guard_fini(void)
{
	shards_clear(&entries, drop);
	memset(known_hashes, 0, sizeof(known_hashes));
}

/* ---- Entries -------------------------------------------------------------------- */

static struct entry *
find(const struct shard *s, struct str key, msec_t now)
{
	struct entry *e = entry_of(shard_find(s, key));

	for (; e && e->failures > 0 && now - e->since >= FORGIVEN; e->since += FORGIVEN)
		e->failures--;
	return e;
}

static struct entry *
add(struct shard *s, struct str key)
{
	struct entry *e;

	if (shard_count(s) >= ENTRIES)
		drop(s, shard_oldest(s));
	e = MEM_NEW(struct entry);
	e->key = mem_copy_str(key);
	shard_add(s, &e->entry, (struct str){ e->key, key.n });
	return e;
}

static bool
begin(struct str key, int64_t max, msec_t now)
{
	struct shard *s = shard_enter(&entries, key);
	struct entry *e = find(s, key, now);
	bool room = max <= 0 || !e || e->failures + e->pending < max;

	if (room)
		(e ? e : add(s, key))->pending++;
	shard_leave(s);
	return room;
}

enum outcome { FAILED, OVER };

static unsigned
end(struct str key, enum outcome outcome, msec_t now)
{
	struct shard *s = shard_enter(&entries, key);
	struct entry *e = find(s, key, now);
	unsigned failures = 0;

	if (!e && outcome == FAILED)
		e = add(s, key);
	if (e) {
		if (e->pending > 0)
			e->pending--;
		if (outcome == FAILED) {
			if (e->failures++ == 0)
				e->since = now;
			shard_touch(s, &e->entry);
		}
		failures = e->failures;
		if (failures == 0 && e->pending == 0)
			drop(s, &e->entry);
	}
	shard_leave(s);
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
	struct shard *s = shard_enter(&entries, both);
	uint64_t *place = &known_hashes[s - entries.list][hash % KNOWN];
	bool found = *place == hash;

	if (what == REMEMBER)
		*place = hash;
	shard_leave(s);
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
