/*
 * The queue of what a client did not acknowledge: order, counts modulo 2^32, shared messages.
 *
 * Runs on: its own process
 */
#include "home/unacked.h"

#include "tests/unit/suite.h"

#include <stdio.h>

static const struct stanza *
message(unsigned n)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", n);
	return stanza_new(NULL, STANZA_MESSAGE, MESSAGE_CHAT, JID_NONE, JID_NONE, id, NULL);
}

static void
put(struct unacked *q, unsigned n, struct handed *h)
{
	const struct stanza *s = message(n);

	unacked_put(q, s, h);
	stanza_unref(&s);
}

/* It holds the numbers from first on, in order. */
static void
check(const struct unacked *q, unsigned first, unsigned count)
{
	char id[16];

	ck_assert_uint_eq(q->count, count);
	for (unsigned i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%u", first + i);
		ck_assert_str_eq(unacked_at(q, i)->stanza->id, id);
	}
}

START_TEST(order_holds_while_the_ring_turns_and_grows)
{
	struct unacked q = { 0 };
	unsigned next = 0, first = 0;

	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 7 + round % 5; i++)
			put(&q, next++, NULL);
		first += 5;
		unacked_ack(&q, first);
		check(&q, first, next - first);
	}
	ck_assert_uint_eq(unacked_sent(&q), next);
	unacked_ack(&q, next);
	check(&q, 0, 0);
	ck_assert_uint_eq(q.bytes, 0);
	put(&q, 7, NULL);
	check(&q, 7, 1);
	unacked_fini(&q);
}

END_TEST

START_TEST(counts_are_compared_modulo_2_to_the_32)
{
	struct unacked q = { .acked = UINT32_MAX - 1 };

	for (unsigned i = 0; i < 4; i++)
		put(&q, i, NULL);
	ck_assert_uint_eq(unacked_sent(&q), 2);
	ck_assert(unacked_too_high(&q, 3));
	ck_assert(!unacked_too_high(&q, 2));
	ck_assert(!unacked_too_high(&q, UINT32_MAX - 5)); /* old */
	unacked_ack(&q, UINT32_MAX - 5);
	check(&q, 0, 4);
	unacked_ack(&q, 0);
	check(&q, 2, 2);
	ck_assert_uint_eq(q.acked, 0);
	unacked_ack(&q, UINT32_MAX);
	check(&q, 2, 2);
	unacked_ack(&q, 2);
	check(&q, 0, 0);
	unacked_fini(&q);
}

END_TEST

START_TEST(a_shared_message_is_got_when_one_queue_got_it)
{
	struct unacked a = { 0 }, b = { 0 };
	const struct stanza *s = message(1);
	struct handed *h = handed_new(s, 5);

	ck_assert_int_eq(h->place, 5);
	unacked_put(&a, s, h);
	unacked_put(&b, s, h);
	ck_assert_uint_eq(h->refs, 3);
	unacked_fini(&a);
	ck_assert(!h->got);
	ck_assert_uint_eq(h->refs, 2);
	unacked_ack(&b, 1);
	ck_assert(h->got);
	ck_assert_uint_eq(h->refs, 1);
	handed_unref(&h);
	ck_assert_ptr_null(h);
	stanza_unref(&s);
	unacked_fini(&b);
}

END_TEST

SUITE_OF(unacked, order_holds_while_the_ring_turns_and_grows,
	counts_are_compared_modulo_2_to_the_32, a_shared_message_is_got_when_one_queue_got_it)
