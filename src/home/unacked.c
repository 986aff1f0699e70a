/*
 * unacked.c -- the queue of what a client has not acknowledged.
 *
 * Runs on: the account's home.
 */
#include "home/unacked.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* Items for which an empty queue holds memory. */
#define ROOM_KEPT 16

struct handed *
handed_new(const struct stanza *message, int64_t place)
{
	struct handed *h = MEM_NEW(struct handed);

	h->refs = 1;
	h->message = stanza_ref(message);
	h->place = place;
	return h;
}

void
handed_unref(struct handed **hp)
{
	struct handed *h = *hp;

	*hp = NULL;
	if (!h || --h->refs > 0)
		return;
	stanza_unref(&h->message);
	mem_free(&h);
}

static void
give_back(struct unacked *q)
{
	mem_free(&q->items);
	q->room = q->first = 0;
}

static void
grow(struct unacked *q)
{
	size_t room = q->room > 0 ? q->room * 2 : ROOM_KEPT, tail = q->room - q->first;

	q->items = mem_resize(q->items, room * sizeof(*q->items));
	if (q->first > 0) {
		memmove(q->items + room - tail, q->items + q->first, tail * sizeof(*q->items));
		q->first = room - tail;
	}
	q->room = room;
}

void
unacked_put(struct unacked *q, const struct stanza *s, struct handed *h)
{
	struct unacked_item *item;

	if (q->count == q->room)
		grow(q);
	if (h)
		h->refs++;
	item = &q->items[(q->first + q->count++) % q->room];
	*item = (struct unacked_item){ stanza_ref(s), h, stanza_size(s) };
	q->bytes += item->size;
}

struct unacked_item *
unacked_at(const struct unacked *q, size_t i)
{
	assert(i < q->count);
	return &q->items[(q->first + i) % q->room];
}

struct unacked_item
unacked_take(struct unacked *q)
{
	struct unacked_item item = *unacked_at(q, 0);

	q->first = (q->first + 1) % q->room;
	q->count--;
	q->bytes -= item.size;
	q->acked++;
	return item;
}

bool
unacked_too_high(const struct unacked *q, uint32_t h)
{
	uint32_t more = h - q->acked;

	return more > q->count && more < UINT32_C(1) << 31;
}

void
unacked_ack(struct unacked *q, uint32_t h)
{
	uint32_t more = h - q->acked;

	if (more > q->count)
		return;
	for (; more > 0; more--) {
		struct unacked_item item = unacked_take(q);

		if (item.handed)
			item.handed->got = true;
		handed_unref(&item.handed);
		stanza_unref(&item.stanza);
	}
	if (q->count == 0 && q->room > ROOM_KEPT)
		give_back(q);
}

void
unacked_fini(struct unacked *q)
{
	while (q->count > 0) {
		struct unacked_item item = unacked_take(q);

		handed_unref(&item.handed);
		stanza_unref(&item.stanza);
	}
	give_back(q);
}
