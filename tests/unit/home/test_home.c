/*
 * Homes: they load once, what comes meanwhile waits in order and within a bound, they linger and
 * go, a store that is away is told as such, and ids only grow.
 *
 * Runs on: its own process
 */
#include "home/home.h"

#include "base/mem.h"
#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "thing@a.example"

/* ---- A kind of home that loads when the test says so -------------------------------- */

struct thing {
	struct home home;
};

static unsigned loads, drops, readies, refusals;
static unsigned order[8];
static bool worth_keeping = true;

static void
thing_load(struct home *h)
{
	(void)h;
	loads++;
}

static bool
thing_keep(const struct home *h)
{
	(void)h;
	return worth_keeping;
}

static void
thing_stanza(struct home *h, const struct stanza *s, const struct receipt *r)
{
	(void)h;
	(void)s;
	(void)r;
}

static void
thing_drop(struct home *h)
{
	(void)h;
	drops++;
}

static const struct home_kind thing_kind = { "thing", sizeof(struct thing), SECONDS(60), thing_load,
	thing_keep, thing_stanza, thing_drop };

struct waiter {
	struct home_wait wait;
	unsigned number;
};

static void
on_ready(struct home *h, struct home_wait *wait, bool ok)
{
	struct waiter *w = CONTAINER(wait, struct waiter, wait);

	ck_assert_int_eq(h->state == HOME_WARM, ok);
	if (ok && readies < COUNT(order))
		order[readies] = w->number;
	if (ok)
		readies++;
	else
		refusals++;
	free(w);
}

static struct jid
name(void)
{
	return (struct jid){ NAME, 5, 9, 0 };
}

static void
wait_for(struct worker *w, unsigned number)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	waiter->wait.ready = on_ready;
	waiter->number = number;
	home_with(w, &thing_kind, name(), &waiter->wait);
}

static struct home *
thing(struct worker *w)
{
	return home_find(w, STR(NAME));
}

static bool
is_gone(struct worker *w, void *arg)
{
	(void)arg;
	return thing(w) == NULL;
}

/* ---- Load ---------------------------------------------------------------------------- */

static void
three_wait(struct worker *w, void *arg)
{
	(void)arg;
	for (unsigned i = 1; i <= 3; i++)
		wait_for(w, i);
	ck_assert_uint_eq(loads, 1);
	ck_assert_uint_eq(readies, 0);
	ck_assert_int_eq(thing(w)->state, HOME_LOADING);
	home_loaded(thing(w));
	ck_assert_uint_eq(readies, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(order[i], i + 1);
	wait_for(w, 4);
	ck_assert_uint_eq(readies, 4);
	ck_assert_uint_eq(homes_count(w), 1);
}

START_TEST(what_waits_is_called_in_order_when_it_is_loaded)
{
	village_start(1, NULL);
	village_at(NAME, three_wait, NULL);
	village_stop();
	ck_assert_uint_eq(drops, 1);
}

END_TEST

static void
too_many_wait(struct worker *w, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < HOME_WAITING_MAX + 5; i++)
		wait_for(w, i);
	ck_assert_uint_eq(refusals, 5);
	home_failed(thing(w));
	ck_assert_uint_eq(refusals, HOME_WAITING_MAX + 5);
	ck_assert_uint_eq(drops, 1);
	ck_assert_ptr_null(thing(w));
	wait_for(w, 1);
	ck_assert_uint_eq(loads, 2);
	home_loaded(thing(w));
	ck_assert_uint_eq(readies, 1);
}

START_TEST(what_waits_is_bounded_and_told_of_failure)
{
	village_start(1, NULL);
	village_at(NAME, too_many_wait, NULL);
	village_stop();
}

END_TEST

/* ---- Linger ---------------------------------------------------------------------------- */

static void
make_warm(struct worker *w, void *arg)
{
	(void)arg;
	wait_for(w, 1);
	home_loaded(thing(w));
	ck_assert_ptr_nonnull(thing(w));
}

static void
wake(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

START_TEST(it_lingers_and_goes)
{
	village_start(1, NULL);
	village_at(NAME, make_warm, NULL);
	clock_shift(SECONDS(30), 0);
	village_at(NAME, wake, NULL);
	village_at(NAME, wake, NULL);
	ck_assert_uint_eq(drops, 0);
	clock_shift(SECONDS(61), 0);
	village_wait(NAME, is_gone, NULL);
	ck_assert_uint_eq(drops, 1);
	village_stop();
}

END_TEST

static void
pin(struct worker *w, void *arg)
{
	(void)arg;
	home_pin(thing(w));
	home_forget(thing(w));
	ck_assert_ptr_nonnull(thing(w));
}

static void
unpin(struct worker *w, void *arg)
{
	struct home *h = thing(w);

	(void)arg;
	ck_assert_ptr_nonnull(h);
	home_unpin(h);
	ck_assert_ptr_eq(thing(w), h);
}

START_TEST(a_pin_keeps_it)
{
	village_start(1, NULL);
	village_at(NAME, make_warm, NULL);
	village_at(NAME, pin, NULL);
	clock_shift(SECONDS(100), 0);
	village_at(NAME, wake, NULL);
	village_at(NAME, wake, NULL);
	village_at(NAME, unpin, NULL);
	clock_shift(SECONDS(150), 0);
	village_at(NAME, wake, NULL);
	village_at(NAME, wake, NULL);
	ck_assert_uint_eq(drops, 0);
	clock_shift(SECONDS(161), 0);
	village_wait(NAME, is_gone, NULL);
	village_stop();
}

END_TEST

START_TEST(what_is_not_worth_keeping_goes_at_once)
{
	village_start(1, NULL);
	worth_keeping = false;
	village_at(NAME, make_warm, NULL);
	village_wait(NAME, is_gone, NULL);
	village_stop();
}

END_TEST

static void
forget(struct worker *w, void *arg)
{
	(void)arg;
	make_warm(w, NULL);
	home_forget(thing(w));
	ck_assert_ptr_null(thing(w));
	ck_assert_uint_eq(homes_count(w), 0);
}

START_TEST(it_can_be_forgotten)
{
	village_start(1, NULL);
	village_at(NAME, forget, NULL);
	village_stop();
}

END_TEST

/* ---- Ids --------------------------------------------------------------------------------- */

static void
count_ids(struct worker *w, void *arg)
{
	struct home *h;
	int64_t last = 0;

	(void)arg;
	make_warm(w, NULL);
	h = thing(w);
	for (unsigned i = 0; i < 1000; i++) {
		int64_t id = home_next_id(h);

		ck_assert_int_gt(id, last);
		last = id;
		if (i == 300)
			clock_shift(0, -HOURS(10));
		if (i == 600)
			clock_shift(0, HOURS(10));
	}
	ck_assert_int_ge(last >> 20, clock_wall() - SECONDS(5));
	home_id_floor(h, last + 1000);
	ck_assert_int_gt(home_next_id(h), last + 1000);
	home_id_floor(h, 5);
	ck_assert_int_gt(home_next_id(h), last + 1000);
}

START_TEST(ids_grow_whatever_the_clock_does)
{
	village_start(1, NULL);
	village_at(NAME, count_ids, NULL);
	village_stop();
}

END_TEST

/* ---- Accounts ------------------------------------------------------------------------------ */

static char nobody_name[] = "nobody@a.example";
static char bob_name[] = "bob@a.example";

static bool
is_cold(struct worker *w, void *arg)
{
	const char *bare = arg;

	return home_find(w, str_of(bare)) == NULL;
}

static bool
is_warm(struct worker *w, void *arg)
{
	const char *bare = arg;

	return account_find(w, str_of(bare)) != NULL;
}

START_TEST(a_name_that_nobody_registered_is_forgotten)
{
	static struct client c;

	village_start(2, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	client_bind(&c, "nobody@a.example", "x");
	ck_assert_int_eq(c.bound, BIND_NO_ACCOUNT);
	village_wait(nobody_name, is_cold, nobody_name);
	client_bind(&c, "alice@a.example", "phone");
	ck_assert_int_eq(c.bound, BIND_OK);
	client_send(&c, "<message to='nobody@a.example' type='chat'/>");
	client_send(&c, "<message to='bob@a.example' type='chat'/>");
	client_settle(&c);
	village_wait(nobody_name, is_cold, nobody_name);
	village_wait(bob_name, is_warm, bob_name);
	client_end(&c);
	village_stop();
}

END_TEST

START_TEST(a_store_that_is_away_is_told)
{
	static struct client alice, bob;

	village_start(2, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
	village_close_store();
	client_bind(&bob, "bob@a.example", "phone");
	ck_assert_int_eq(bob.bound, BIND_AWAY);
	client_send(&alice, "<message to='bob@a.example' type='chat' id='m'/>");
	client_expect(&alice, "type='wait'");
	client_end(&alice);
	village_stop();
}

END_TEST

SUITE_OF(home, what_waits_is_called_in_order_when_it_is_loaded,
	what_waits_is_bounded_and_told_of_failure, it_lingers_and_goes, a_pin_keeps_it,
	what_is_not_worth_keeping_goes_at_once, it_can_be_forgotten,
	ids_grow_whatever_the_clock_does, a_name_that_nobody_registered_is_forgotten,
	a_store_that_is_away_is_told)
