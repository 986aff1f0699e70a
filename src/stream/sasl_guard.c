/*
 * sasl_guard.c -- failed attempts to log in.
 *
 * Runs on: the worker that owns it.
 */
#include "stream/sasl_guard.h"

#include "base/mem.h"

#define DELAY_STEP 500
#define DELAY_MAX 5000
#define FORGOTTEN (10 * 60 * 1000)

struct entry {
	struct hash_node node;
	struct list link;
	char *key;
	unsigned failures;
	msec_t last;
};

static void
drop(struct sasl_guard *g, struct entry *e)
{
	hash_remove(&g->entries, &e->node);
	list_remove(&e->link);
	mem_free(&e->key);
	mem_free(&e);
}

void
sasl_guard_init(struct sasl_guard *g)
{
	hash_init(&g->entries);
	list_init(&g->oldest);
}

void
sasl_guard_fini(struct sasl_guard *g)
{
	list_for_each(e, &g->oldest, struct entry, link) drop(g, e);
	hash_fini(&g->entries);
}

static struct entry *
find(const struct sasl_guard *g, struct str key)
{
	struct hash_node *n = hash_find(&g->entries, key);

	return n ? CONTAINER(n, struct entry, node) : NULL;
}

static struct entry *
add(struct sasl_guard *g, struct str key)
{
	struct entry *e;

	if (g->entries.count >= GUARD_MAX)
		drop(g, list_first(&g->oldest, struct entry, link));
	e = MEM_NEW(struct entry);
	e->key = mem_copy_str(key);
	hash_add(&g->entries, &e->node, (struct str){ e->key, key.n });
	return e;
}

msec_t
sasl_guard_failed(struct sasl_guard *g, struct str key, msec_t now)
{
	struct entry *e = find(g, key);
	msec_t delay;

	if (e && now - e->last > FORGOTTEN)
		e->failures = 0;
	if (!e)
		e = add(g, key);
	else
		list_remove(&e->link);
	list_append(&g->oldest, &e->link);
	e->last = now;
	if (e->failures < DELAY_MAX / DELAY_STEP)
		e->failures++;
	delay = (msec_t)e->failures * DELAY_STEP;
	return delay < DELAY_MAX ? delay : DELAY_MAX;
}

void
sasl_guard_forget(struct sasl_guard *g, struct str key)
{
	struct entry *e = find(g, key);

	if (e)
		drop(g, e);
}
