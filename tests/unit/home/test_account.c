/*
 * Accounts: what modules keep with them is there before their first stanza, and hooks see messages
 * come and go.
 *
 * Runs on: its own process
 */
#include "home/account.h"

#include "home/deliver.h"
#include "home/roster.h"
#include "home/router.h"
#include "hook/hook.h"
#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct client alice, bob;

static void
start(void)
{
	village_start(2, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
}

static void
stop(void)
{
	client_end(&alice);
	client_end(&bob);
	village_stop();
}

/* ---- Slots ---------------------------------------------------------------------------- */

struct memory {
	int64_t created;
	unsigned loads;
};

static const struct query memory_queries[] = {
	{ "memory_load", "SELECT created FROM account WHERE owner = ?", NULL },
	END_QUERIES,
};

static unsigned memory_slot, empty_slot;
static atomic_uint memory_drops;

static void
memory_loaded(struct account *a, void *slot, const struct rows *rows)
{
	struct memory *m = slot;

	(void)a;
	m->loads++;
	if (rows->count > 0)
		m->created = row_int(rows, 0, 0);
}

static void
memory_drop(void *slot)
{
	(void)slot;
	atomic_fetch_add(&memory_drops, 1);
}

static void
check_slots(struct worker *w, void *arg)
{
	struct account *a = account_find(w, STR("alice@a.example"));
	struct memory *m = account_slot(a, memory_slot);
	const char *empty = account_slot(a, empty_slot);

	(void)arg;
	ck_assert_int_eq(m->created, 1);
	ck_assert_uint_eq(m->loads, 1);
	for (size_t i = 0; i < 100; i++)
		ck_assert_int_eq(empty[i], 0);
	account_reset(a);
	m = account_slot(a, memory_slot);
	ck_assert_int_eq(m->created, 0);
	ck_assert_uint_eq(m->loads, 1);
	ck_assert_uint_eq(atomic_load(&memory_drops), 1);
}

START_TEST(slots_are_filled_before_the_first_stanza)
{
	store_add_queries(memory_queries);
	empty_slot = slot_add(&(struct slot){ 100, NULL, NULL, NULL });
	memory_slot = slot_add(&(struct slot){
		sizeof(struct memory), &memory_queries[0], memory_loaded, memory_drop });
	start();
	village_at("alice@a.example", check_slots, NULL);
	stop();
	ck_assert_uint_eq(atomic_load(&memory_drops), 2);
}

END_TEST

/* ---- Roster ------------------------------------------------------------------------------ */

static bool
is_clean(struct worker *w, void *arg)
{
	const struct account *a = account_find(w, STR("alice@a.example"));

	(void)arg;
	return !a->tainted && a->roster;
}

static void
taint(struct worker *w, void *arg)
{
	struct account *a = account_find(w, STR("alice@a.example"));

	(void)arg;
	a->roster->version = 77;
	account_taint(a);
	account_taint(a);
	ck_assert(a->tainted);
	ck_assert_uint_eq(a->home.pins, 2);
}

static void
check_fresh(struct worker *w, void *arg)
{
	const struct account *a = account_find(w, STR("alice@a.example"));

	(void)arg;
	ck_assert_int_eq(a->roster->version, 0);
	ck_assert_uint_eq(a->home.pins, 1);
}

START_TEST(a_tainted_roster_is_loaded_again)
{
	start();
	village_at("alice@a.example", taint, NULL);
	village_wait("alice@a.example", is_clean, NULL);
	village_at("alice@a.example", check_fresh, NULL);
	stop();
}

END_TEST

static void
check_shares(struct worker *w, void *arg)
{
	const struct account *a = account_find(w, STR("alice@a.example"));

	(void)arg;
	ck_assert(account_shares_presence(a, alice.session->jid));
	ck_assert(account_shares_presence(a, jid_bare(alice.session->jid)));
	ck_assert(!account_shares_presence(a, (struct jid){ "bob@a.example", 3, 9, 0 }));
}

START_TEST(an_account_shares_presence_with_itself)
{
	start();
	village_at("alice@a.example", check_shares, NULL);
	stop();
}

END_TEST

/* ---- Hooks -------------------------------------------------------------------------------- */

static atomic_uint arrived, delivered, unwanted, sent;
static struct receipt kept;
static const struct stanza *kept_stanza;

static enum verdict
on_arrived(struct message_event *ev)
{
	atomic_fetch_add(&arrived, 1);
	if (!text_eq(ev->stanza->id, "keep"))
		return PASS;
	kept = *ev->receipt;
	kept_stanza = stanza_ref(ev->stanza);
	return STOP;
}

static enum verdict
on_delivered(struct message_event *ev)
{
	(void)ev;
	atomic_fetch_add(&delivered, 1);
	return PASS;
}

static enum verdict
on_unwanted(struct message_event *ev)
{
	atomic_fetch_add(&unwanted, 1);
	if (text_eq(ev->stanza->id, "lost"))
		return PASS;
	receipt_give(ev->head.worker, ev->receipt);
	return STOP;
}

static enum verdict
on_sent(struct message_event *ev)
{
	ck_assert_ptr_nonnull(ev->session);
	atomic_fetch_add(&sent, 1);
	return PASS;
}

static enum verdict
on_out(struct stanza_event *ev)
{
	if (text_eq(ev->stanza->id, "eaten"))
		return STOP;
	if (text_eq(ev->stanza->id, "turned"))
		event_replace(ev, stanza_readdress(ev->stanza, ev->stanza->from, ev->session->jid));
	return PASS;
}

static enum verdict
on_in(struct stanza_event *ev)
{
	return text_eq(ev->stanza->id, "refused") ? STOP : PASS;
}

static const struct hook hooks[] = {
	ON(message_arrived, ORDER_NORMAL, on_arrived),
	ON(message_delivered, ORDER_NORMAL, on_delivered),
	ON(message_unwanted, ORDER_NORMAL, on_unwanted),
	ON(message_sent, ORDER_NORMAL, on_sent),
	ON(stanza_out, ORDER_NORMAL, on_out),
	ON(stanza_in, ORDER_NORMAL, on_in),
	END_HOOKS,
};

static void
add_hooks(void)
{
	for (const struct hook *h = hooks; h->id != HOOK_COUNT; h++)
		hook_add(h, UINT_MAX);
}

START_TEST(messages_nobody_takes_can_be_kept)
{
	add_hooks();
	start();
	client_send(&alice, "<message to='bob@a.example' type='chat' id='m'/>");
	client_settle(&alice);
	ck_assert_uint_eq(atomic_load(&unwanted), 1);
	ck_assert(!client_has(&alice, "id='m'"));
	client_send(&alice, "<message to='bob@a.example' type='chat' id='lost'/>");
	client_expect(&alice, "service-unavailable");
	/* Of a headline nobody is asked. */
	client_send(&alice, "<message to='bob@a.example' type='headline' id='h'/>");
	client_settle(&alice);
	ck_assert_uint_eq(atomic_load(&unwanted), 2);
	stop();
}

END_TEST

static bool
has_one_under_way(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
	return window_open(&alice.session->window) == 1 && atomic_load(&arrived) == 1;
}

static void
deliver_now(struct worker *w, void *arg)
{
	(void)arg;
	deliver_kept(bob.session->account, bob.session, kept_stanza, 1);
	stanza_unref(&kept_stanza);
	receipt_give(w, &kept);
}

START_TEST(a_message_can_be_kept_before_it_is_shown)
{
	add_hooks();
	start();
	client_bind(&bob, "bob@a.example", "phone");
	client_available(&bob, 0);
	client_send(&alice, "<message to='bob@a.example' type='chat' id='keep'/>");
	village_wait("alice@a.example", has_one_under_way, NULL);
	ck_assert(!client_has(&bob, "keep"));
	ck_assert_uint_eq(atomic_load(&delivered), 0);
	village_at("bob@a.example", deliver_now, NULL);
	client_expect(&bob, "id='keep'");
	client_settle(&alice);
	ck_assert_uint_ge(atomic_load(&delivered), 1);
	stop();
}

END_TEST

START_TEST(stanzas_can_be_stopped_and_changed)
{
	add_hooks();
	start();
	client_bind(&bob, "bob@a.example", "phone");
	client_send(&alice, "<message to='bob@a.example/phone' id='eaten'/>");
	client_send(&alice, "<message to='bob@a.example/phone' id='turned'/>");
	client_send(&alice, "<message to='bob@a.example/phone' id='refused'/>");
	client_send(&alice, "<message to='bob@a.example/phone' id='last'/>");
	client_expect(&alice, "id='turned'");
	client_expect(&bob, "id='last'");
	client_settle(&alice);
	ck_assert(!client_has(&bob, "eaten") && !client_has(&bob, "turned"));
	ck_assert(!client_has(&bob, "refused"));
	ck_assert_uint_eq(atomic_load(&sent), 4);
	stop();
}

END_TEST

SUITE_OF(account, slots_are_filled_before_the_first_stanza, a_tainted_roster_is_loaded_again,
	an_account_shares_presence_with_itself, messages_nobody_takes_can_be_kept,
	a_message_can_be_kept_before_it_is_shown, stanzas_can_be_stopped_and_changed)
