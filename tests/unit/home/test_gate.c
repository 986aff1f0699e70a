/*
 * The gate: what is committed before it goes on, the order of what passes, what happens when the
 * store is away, and its bounds.
 *
 * Runs on: its own process
 */
#include "home/gate.h"

#include "base/log.h"
#include "home/job.h"
#include "home/router.h"
#include "hook/hook.h"
#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct client alice, bob;

/* Rows of a table that is there anyway stand for an archive. */
enum { KEEP, KEEP_ONCE, COUNT_KEPT };

static const struct query queries[] = {
	{ "gate_keep", "INSERT INTO offline (owner, id, at, stanza) VALUES (?, ?, 0, ?)", NULL },
	{ "gate_keep_once",
		"INSERT INTO offline (owner, id, at, stanza) SELECT ?, ?, 0, ?"
		" WHERE NOT EXISTS (SELECT 1 FROM offline WHERE owner = ? AND stanza = ?)",
		NULL },
	{ "gate_count", "SELECT COUNT(*) FROM offline WHERE owner = ?", NULL },
	END_QUERIES,
};

/* Messages whose id begins with «k» are kept, with «o» only once. */
static enum verdict
keep(struct message_event *ev)
{
	struct home *h = &ev->account->home;
	const char *id = ev->stanza->id ? ev->stanza->id : "";
	struct value args[] = { of_jid(h->jid), of_int(home_next_id(h)), of_text(id),
		of_jid(h->jid), of_text(id) };

	ev->archive_id = args[1].i;
	if (stanza_is_error(ev->stanza))
		return PASS;
	if (*id == 'k')
		asks_add(ev->asks, &queries[KEEP], args, 3);
	ev->once = *id == 'o';
	if (ev->once)
		asks_add(ev->asks, &queries[KEEP_ONCE], args, 5);
	return PASS;
}

static atomic_int accepted, delivered, again;

static enum verdict
on_accepted(struct message_event *ev)
{
	ck_assert(!ev->asks && ev->archive_id > 0);
	atomic_fetch_add(&accepted, 1);
	return PASS;
}

static enum verdict
on_arrived(struct message_event *ev)
{
	if (ev->stanza->again)
		atomic_fetch_add(&again, 1);
	return keep(ev);
}

static enum verdict
on_delivered(struct message_event *ev)
{
	ck_assert(!ev->asks);
	atomic_fetch_add(&delivered, 1);
	return PASS;
}

static void
start(unsigned workers)
{
	static const struct hook hooks[] = { ON(message_sent, ORDER_ARCHIVE, keep),
		ON(message_accepted, ORDER_NORMAL, on_accepted),
		ON(message_arrived, ORDER_ARCHIVE, on_arrived),
		ON(message_delivered, ORDER_NORMAL, on_delivered), END_HOOKS };

	for (const struct hook *h = hooks; h->id != HOOK_COUNT; h++)
		hook_add(h, UINT_MAX);
	store_add_queries(queries);
	village_start(workers, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
	client_bind(&bob, "bob@a.example", "desk");
	client_available(&bob, 0);
}

static void
stop(void)
{
	client_end(&alice);
	client_end(&bob);
	village_stop();
}

struct tally {
	char *bare;
	atomic_llong rows;
};

static void
counted(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct tally *t = ctx;

	(void)w;
	(void)count;
	ck_assert_int_eq(result, STORE_OK);
	atomic_store(&t->rows, row_int(rows[0], 0, 0));
}

static void
count_rows(struct worker *w, void *arg)
{
	struct tally *t = arg;
	struct value owner = of_text(t->bare);

	store_ask(w, hash_stable(t->bare, strlen(t->bare)),
		&(struct ask){ &queries[COUNT_KEPT], &owner, 1 }, 1, counted, t);
}

static bool
is_counted(struct worker *w, void *arg)
{
	struct tally *t = arg;

	(void)w;
	return atomic_load(&t->rows) >= 0;
}

static long long
rows_of(const char *bare)
{
	char name[32];
	struct tally t = { name, -1 };

	snprintf(name, sizeof(name), "%s", bare);
	village_at(bare, count_rows, &t);
	village_wait(bare, is_counted, &t);
	return t.rows;
}

START_TEST(what_was_delivered_is_kept_on_both_sides)
{
	char text[128];

	start(2);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "<message to='bob@a.example' id='k%u'/>", i);
		client_send(&alice, text);
	}
	client_settle(&alice);
	ck_assert_int_eq(rows_of("alice@a.example"), 300);
	ck_assert_int_eq(rows_of("bob@a.example"), 300);
	ck_assert(client_has(&bob, "id='k299'"));
	stop();
}

END_TEST

/* Kept ones, others and iqs come out as they went in. */
START_TEST(the_order_is_kept)
{
	char text[160];
	const char *at;

	start(2);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "<message to='bob@a.example/desk' id='%c%u'/>",
			i % 3 == 0 ? 'k' : 'x', i);
		if (i % 3 == 2)
			snprintf(text, sizeof(text),
				"<iq to='bob@a.example/desk' type='get' id='q%u'><q xmlns='x'/></iq>",
				i);
		client_send(&alice, text);
	}
	client_expect(&bob, "id='k99'");
	at = buf_text(&bob.got);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "id='%c%u'", "kxq"[i % 3], i);
		at = strstr(at, text);
		ck_assert_msg(at, "%s is missing or out of order", text);
	}
	stop();
}

END_TEST

/* Its stream ends while what it sent is being committed. */
START_TEST(an_end_waits_for_what_was_sent)
{
	char text[128];

	start(2);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "<message to='bob@a.example' id='k%u'/>", i);
		client_send(&alice, text);
	}
	client_send(&alice, "<iq to='bob@a.example/desk' type='get' id='last'><q xmlns='x'/></iq>");
	client_end(&alice);
	client_expect(&bob, "id='last'");
	ck_assert(client_has(&bob, "id='k49'"));
	stop();
}

END_TEST

START_TEST(a_message_that_came_before_is_not_delivered_again)
{
	start(2);
	client_send(&alice, "<message to='bob@a.example' id='o1'/>");
	client_send(&alice, "<message to='bob@a.example' id='o1'/>");
	client_settle(&alice);
	ck_assert_int_eq(rows_of("alice@a.example"), 1);
	ck_assert_int_eq(rows_of("bob@a.example"), 1);
	ck_assert_int_eq(atomic_load(&again), 1);
	/* The message that settles is the second. */
	ck_assert_int_eq(atomic_load(&delivered), 2);
	ck_assert_int_eq(atomic_load(&accepted), 2);
	stop();
}

END_TEST

static bool
is_settled(struct worker *w, void *arg)
{
	const struct client *c = arg;

	(void)w;
	return window_open(&c->session->window) == 0;
}

START_TEST(a_store_that_is_away_is_told_to_the_sender)
{
	start(2);
	client_send(&alice, "<message to='bob@a.example' id='x1'/>");
	client_expect(&bob, "id='x1'");
	village_close_store();
	client_send(&alice, "<message to='bob@a.example' id='k1'/>");
	client_expect(&alice, "type='error'");
	ck_assert(client_has(&alice, "type='wait'") && client_has(&alice, "id='k1'"));
	ck_assert(client_has(&alice, "resource-constraint"));
	village_wait("alice@a.example", is_settled, &alice);
	/* What need not be stored still passes. */
	client_send(&alice, "<message to='bob@a.example' id='x2'/>");
	client_expect(&bob, "id='x2'");
	ck_assert(!client_has(&bob, "id='k1'"));
	stop();
}

END_TEST

/* ---- Alone ----------------------------------------------------------------------------- */

static unsigned passed;

static void
pass(struct home *h, const struct passage *p)
{
	(void)h;
	ck_assert_ptr_eq(p->ctx, &passed);
	passed++;
}

static void
fill(struct worker *w, void *arg)
{
	struct home *h = home_find(w, STR("bob@a.example"));
	struct passage p = { .ctx = &passed };
	struct value args[] = { of_jid(h->jid), of_int(0), of_text("") };

	(void)arg;
	gate_pass(h, &p, NULL, pass);
	ck_assert_uint_eq(passed, 1);
	for (unsigned i = 1; !gate_is_full(h); i++) {
		AUTO(asks_fini) struct asks asks = ASKS_NONE;

		args[1].i = i;
		asks_add(&asks, &queries[KEEP], args, 3);
		gate_pass(h, &p, i % 2 ? &asks : NULL, pass);
	}
	ck_assert_uint_eq(h->gate.count, GATE_COUNT_MAX);
	/* No answer is opened before this turn is over. */
	ck_assert_uint_eq(passed, 1);
	ck_assert_uint_gt(h->pins, 1);
}

static bool
is_empty(struct worker *w, void *arg)
{
	const struct home *h = home_find(w, STR("bob@a.example"));

	(void)arg;
	return h->gate.count == 0;
}

START_TEST(a_full_gate_refuses_and_empties)
{
	start(1);
	village_at("bob@a.example", fill, NULL);
	village_wait("bob@a.example", is_empty, NULL);
	ck_assert_uint_eq(passed, 1 + GATE_COUNT_MAX);
	client_send(&alice, "<message to='bob@a.example' id='k1'/>");
	client_expect(&bob, "id='k1'");
	stop();
}

END_TEST

static void
fill_and_send(struct worker *w, void *arg)
{
	const struct stanza *s = stanza_new(NULL, STANZA_MESSAGE, MESSAGE_CHAT, alice.session->jid,
		bob.session->jid, "late", NULL);

	fill(w, arg);
	route(w, &s, NULL);
}

START_TEST(what_comes_to_a_full_gate_is_to_be_sent_later)
{
	start(1);
	village_at("bob@a.example", fill_and_send, NULL);
	client_expect(&alice, "id='late'");
	ck_assert(client_has(&alice, "type='wait'"));
	village_wait("bob@a.example", is_empty, NULL);
	ck_assert(!client_has(&bob, "id='late'"));
	stop();
}

END_TEST

SUITE_OF(gate, what_was_delivered_is_kept_on_both_sides, the_order_is_kept,
	an_end_waits_for_what_was_sent, a_message_that_came_before_is_not_delivered_again,
	a_store_that_is_away_is_told_to_the_sender, a_full_gate_refuses_and_empties,
	what_comes_to_a_full_gate_is_to_be_sent_later)
