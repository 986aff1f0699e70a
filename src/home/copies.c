/*
 * copies.c -- copies of messages that wait.
 *
 * A copy is known by its number in the queue of what was not acknowledged (home/unacked.h), if there
 * is one.
 *
 * Runs on: the account's home.
 */
#include "home/copies.h"

#include "base/mem.h"
#include "home/sm.h"

struct copies {
	struct {
		int64_t place; /* 0: free */
		uint32_t number; /* of the copy among what was sent */
		bool counted; /* it has one */
	} list[COPIES_MAX];

	unsigned next;
};

void
copies_note(struct session *s, int64_t place)
{
	unsigned at;

	if (s->ready || place == 0)
		return;
	if (!s->copies)
		s->copies = MEM_NEW(struct copies);
	at = s->copies->next++ % COPIES_MAX;
	s->copies->list[at].place = place;
	s->copies->list[at].counted = s->sm != NULL;
	s->copies->list[at].number = s->sm ? unacked_sent(&s->sm->queue) : 0;
}

/* In the queue the copy stands for the message. */
static void
answer_for(struct unacked *q, uint32_t number, const struct stanza *message, int64_t place)
{
	uint32_t behind = unacked_sent(q) - number;
	struct unacked_item *item;

	if (behind >= q->count)
		return; /* it was acknowledged */
	item = unacked_at(q, q->count - 1 - behind);
	if (!item->handed)
		item->handed = handed_new(message, place);
}

bool
copies_have(const struct session *s, const struct stanza *message, int64_t place)
{
	for (unsigned i = 0; s->copies && i < COPIES_MAX; i++) {
		if (s->copies->list[i].place != place)
			continue;
		if (s->copies->list[i].counted)
			answer_for(&s->sm->queue, s->copies->list[i].number, message, place);
		return true;
	}
	return false;
}

void
copies_drop(struct session *s)
{
	mem_free(&s->copies);
}
