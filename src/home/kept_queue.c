/*
 * kept_queue.c -- the queue of a session as bytes in the store, and back.
 *
 * A message that several sessions have in their queues is one `handed` again when they are back:
 * its place among the account's messages tells which.
 *
 * Runs on: the account's home.
 */
#include "home/kept_queue.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Write --------------------------------------------------------------------------------- */

/* «place message-bytes stanza-bytes», then both; place 0: nothing is lost with it; no message: the
 * stanza is the message. */
static void
put_item(struct buf *out, const struct unacked_item *item)
{
	AUTO(buf_fini) struct buf message = BUF_INIT;
	AUTO(buf_fini) struct buf stanza = BUF_INIT;
	const struct handed *h = item->handed && !item->handed->got ? item->handed : NULL;

	stanza_write_alone(&stanza, item->stanza);
	if (h && h->message != item->stanza)
		stanza_write_alone(&message, h->message);
	buf_printf(out, "%" PRId64 " %zu %zu\n", h ? h->place : 0, buf_len(&message),
		buf_len(&stanza));
	buf_put_str(out, buf_str(&message));
	buf_put_str(out, buf_str(&stanza));
}

void
kept_queue_write(struct buf *out, const struct unacked *q)
{
	for (size_t i = 0; i < q->count; i++)
		put_item(out, unacked_at(q, i));
}

/* ---- Back ---------------------------------------------------------------------------------- */

/* Messages by place, while the sessions of an account come back. */
struct shared {
	struct hash_node node;
	struct handed *handed;
	char key[24];
};

/* Borrowed. */
static struct handed *
share(struct kept_queues *k, int64_t place, const struct stanza *message)
{
	struct shared *it = ARENA_NEW(k->arena, struct shared);
	struct hash_node *n;

	(void)snprintf(it->key, sizeof(it->key), "%" PRId64, place);
	n = hash_find(&k->shared, str_of(it->key));
	if (n)
		return CONTAINER(n, struct shared, node)->handed;
	it->handed = handed_new(message, place);
	hash_add(&k->shared, &it->node, str_of(it->key));
	return it->handed;
}

static bool
take_bytes(struct str *rest, uint64_t n, struct str *out)
{
	if (n > rest->n)
		return false;
	*out = (struct str){ rest->p, n };
	rest->p += n;
	rest->n -= n;
	return true;
}

/* What may be delivered once more. */
static bool
is_message(const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && !jid_is_none(s->from);
}

static bool
take_item(struct kept_queues *k, struct unacked *q, struct str *rest)
{
	AUTO(stanza_unref) const struct stanza *message = NULL;
	AUTO(stanza_unref) const struct stanza *stanza = NULL;
	struct str line = str_cut(rest, '\n'), place = str_cut(&line, ' ');
	struct str message_size = str_cut(&line, ' '), bytes;
	int64_t at;
	uint64_t n, m;

	if (!rest->p || !str_int(place, 0, INT64_MAX, &at) ||
		!str_uint(message_size, SIZE_MAX, &m) || !str_uint(line, SIZE_MAX, &n))
		return false;
	if (!take_bytes(rest, m, &bytes) || (m > 0 && !(message = stanza_read(bytes))))
		return false;
	if (!take_bytes(rest, n, &bytes) || !(stanza = stanza_read(bytes)))
		return false;
	if (at && !is_message(message ? message : stanza))
		return false;
	unacked_put(q, stanza, at ? share(k, at, message ? message : stanza) : NULL);
	return true;
}

void
kept_queues_init(struct kept_queues *k)
{
	k->arena = arena_new(0);
	hash_init(&k->shared);
}

void
kept_queues_fini(struct kept_queues *k)
{
	for (struct hash_node *n = hash_next(&k->shared, NULL); n; n = hash_next(&k->shared, n))
		handed_unref(&CONTAINER(n, struct shared, node)->handed);
	hash_fini(&k->shared);
	arena_free(&k->arena);
}

bool
kept_queue_read(struct kept_queues *k, struct unacked *q, struct str bytes)
{
	while (bytes.n > 0)
		if (!take_item(k, q, &bytes))
			return false;
	return true;
}
