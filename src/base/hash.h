/*
 * hash.h -- string-keyed map of intrusive nodes.
 *
 * The key's bytes belong to the object that embeds the node.  The hash is xxh3 with a seed that is
 * random per process, so that peers cannot choose collisions.
 *
 * Runs on: any thread, one at a time.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/str.h"

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
	struct str key;
};

struct hash {
	struct hash_node **slots;
	size_t mask, count;
};

void hash_init(struct hash *h);
/* Frees the table, not the nodes. */
void hash_fini(struct hash *h);
struct hash_node *hash_find(const struct hash *h, struct str key);
/* The key must not be in the map. */
void hash_add(struct hash *h, struct hash_node *n, struct str key);
void hash_remove(struct hash *h, struct hash_node *n);
/* Any next node after n (NULL: the first), NULL at the end; the map must not change meanwhile,
 * but for the removal of nodes already returned. */
struct hash_node *hash_next(const struct hash *h, const struct hash_node *n);

/* Seeded hash of bytes, the same within one process. */
uint64_t hash_bytes(const void *p, size_t n);
/* With that seed, the same for ever. */
uint64_t hash_keyed(uint64_t seed, const void *p, size_t n);
/* Unseeded, the same on every node and for ever: for placing homes. */
uint64_t hash_stable(const void *p, size_t n);

#endif
