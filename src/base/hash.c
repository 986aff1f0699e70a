/*
 * hash.c -- string-keyed map of intrusive nodes.
 *
 * A table of chains, a power of two long, that doubles when there are as many nodes as chains.  It
 * never shrinks, so that walking and removing can be mixed.  An empty map has no table.
 *
 * Runs on: any thread, one at a time.
 */
#include "base/hash.h"

#include "base/mem.h"
#include "base/rand.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <xxhash.h>

enum { FIRST_SLOTS = 8 };

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
make_seed(void)
{
	seed = rand_u64();
}

uint64_t
hash_bytes(const void *p, size_t n)
{
	pthread_once(&seed_once, make_seed);
	return XXH3_64bits_withSeed(n > 0 ? p : "", n, seed);
}

uint64_t
hash_keyed(uint64_t key, const void *p, size_t n)
{
	return XXH3_64bits_withSeed(n > 0 ? p : "", n, key);
}

uint64_t
hash_stable(const void *p, size_t n)
{
	return XXH3_64bits(n > 0 ? p : "", n);
}

void
hash_init(struct hash *h)
{
	*h = (struct hash){ 0 };
}

void
hash_fini(struct hash *h)
{
	mem_free(&h->slots);
	hash_init(h);
}

static struct hash_node *
find_hashed(const struct hash *h, struct str key, uint64_t hash)
{
	struct hash_node *n;

	if (!h->slots)
		return NULL;
	for (n = h->slots[hash & h->mask]; n; n = n->next) {
		if (n->hash == hash && str_eq(n->key, key))
			return n;
	}
	return NULL;
}

struct hash_node *
hash_find(const struct hash *h, struct str key)
{
	return h->count > 0 ? find_hashed(h, key, hash_bytes(key.p, key.n)) : NULL;
}

static void
grow(struct hash *h)
{
	struct hash bigger = { .mask = h->slots ? h->mask * 2 + 1 : FIRST_SLOTS - 1,
		.count = h->count };

	bigger.slots = mem_new((bigger.mask + 1) * sizeof(struct hash_node *));
	for (size_t i = 0; h->slots && i <= h->mask; i++) {
		struct hash_node *n, *next;

		for (n = h->slots[i]; n; n = next) {
			struct hash_node **slot = &bigger.slots[n->hash & bigger.mask];

			next = n->next;
			n->next = *slot;
			*slot = n;
		}
	}
	mem_free(&h->slots);
	*h = bigger;
}

void
hash_add(struct hash *h, struct hash_node *n, struct str key)
{
	struct hash_node **slot;

	n->key = key;
	n->hash = hash_bytes(key.p, key.n);
	assert(!find_hashed(h, key, n->hash));
	if (!h->slots || h->count > h->mask)
		grow(h);
	slot = &h->slots[n->hash & h->mask];
	n->next = *slot;
	*slot = n;
	h->count++;
}

void
hash_remove(struct hash *h, struct hash_node *n)
{
	struct hash_node **at;

	assert(h->slots);
	for (at = &h->slots[n->hash & h->mask]; *at != n; at = &(*at)->next)
		assert(*at);
	/* n->next stays: hash_next(h, n) goes on from a removed node. */
	*at = n->next;
	h->count--;
}

struct hash_node *
hash_next(const struct hash *h, const struct hash_node *n)
{
	size_t i = 0;

	if (!h->slots)
		return NULL;
	if (n) {
		if (n->next)
			return n->next;
		i = (n->hash & h->mask) + 1;
	}
	for (; i <= h->mask; i++) {
		if (h->slots[i])
			return h->slots[i];
	}
	return NULL;
}
