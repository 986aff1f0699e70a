/*
 * presence_directed.c -- directed presence and its cleaning up.
 *
 * The list belongs to the session: rooms and strangers that were told of it learn of its end, also
 * when the client just vanishes.
 *
 * Runs on: the account's home.
 */
#include "home/presence_directed.h"

#include "base/mem.h"
#include "home/router.h"

struct directed {
	struct hash_node node;
	struct jid to;
};

static struct directed *
find(const struct session *s, struct jid to)
{
	struct hash_node *n = s->directed.count ? hash_find(&s->directed, jid_full(to)) : NULL;

	return n ? CONTAINER(n, struct directed, node) : NULL;
}

static void
forget(struct session *s, struct directed *d)
{
	char *text = (char *)(uintptr_t)d->to.text;

	hash_remove(&s->directed, &d->node);
	mem_free(&text);
	mem_free(&d);
}

bool
directed_add(struct session *s, struct jid to)
{
	struct directed *d;

	if (find(s, to))
		return true;
	if (s->directed.count >= DIRECTED_MAX)
		return false;
	d = MEM_NEW(struct directed);
	d->to = to;
	d->to.text = mem_copy_str(jid_full(to));
	hash_add(&s->directed, &d->node, jid_full(d->to));
	return true;
}

void
directed_remove(struct session *s, struct jid to)
{
	struct directed *d = find(s, to);

	if (d)
		forget(s, d);
}

static bool
is_any(struct jid to, const void *ctx)
{
	(void)to;
	(void)ctx;
	return true;
}

void
directed_end(struct session *s, const struct stanza *p)
{
	directed_end_some(s, p, is_any, NULL);
}

void
directed_end_some(struct session *s, const struct stanza *p,
	bool (*meant)(struct jid to, const void *ctx), const void *ctx)
{
	AUTO(arena_free) struct arena *arena = NULL;
	struct jid *to;
	size_t count = 0;

	if (s->directed.count == 0)
		return;
	arena = arena_new(0);
	to = ARENA_ARRAY(arena, struct jid, s->directed.count);
	for (struct hash_node *n = hash_next(&s->directed, NULL); n;
		n = hash_next(&s->directed, n)) {
		const struct directed *d = CONTAINER(n, struct directed, node);

		if (meant(d->to, ctx))
			to[count++] = d->to;
	}
	route_many(s->worker, p, to, count);
	for (size_t i = 0; i < count; i++)
		directed_remove(s, to[i]);
}
