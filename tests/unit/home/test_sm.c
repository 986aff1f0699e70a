/*
 * Stream management: acks wait for what is settled, but not for ever; sessions wait for their
 * clients; what nobody got is told once.
 *
 * Runs on: its own process
 */
#include "home/sm.h"

#include "home/router.h"
#include "hook/hook.h"
#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct client alice, again, bob;
static struct receipt held[8];
static unsigned held_count; /* at alice's home */
static atomic_uint unacked;
static char id[RAND_ID_SIZE];

/* ---- Hooks: a module that takes its time ------------------------------------------------ */

static enum verdict
on_sent(struct message_event *ev)
{
	if (!stanza_child(ev->stanza, "slow", "x"))
		return PASS;
	held[held_count++] = *ev->receipt;
	return STOP;
}

static enum verdict
on_unacked(struct message_event *ev)
{
	ck_assert_int_gt(ev->place, 0);
	atomic_fetch_add(&unacked, 1);
	return STOP;
}

static const struct hook hooks[] = {
	ON(message_sent, ORDER_NORMAL, on_sent),
	ON(message_unacked, ORDER_NORMAL, on_unacked),
	END_HOOKS,
};

static void
settle_one(struct worker *w, void *arg)
{
	receipt_give(w, arg);
}

static void
settle(unsigned i)
{
	village_at("alice@a.example", settle_one, &held[i]);
}

/* ---- Clients -------------------------------------------------------------------------------- */

static void
enable(struct worker *w, void *arg)
{
	struct client *c = arg;

	(void)w;
	sm_enable(c->session, true, 0);
	memcpy(id, c->session->sm->id, sizeof(id));
}

static void
ask(struct worker *w, void *arg)
{
	struct client *c = arg;

	(void)w;
	sm_asked(c->session);
}

static void
lose(struct worker *w, void *arg)
{
	struct client *c = arg;

	(void)w;
	session_lost(c->session);
	c->session = NULL;
}

static void
close_session(struct worker *w, void *arg)
{
	struct account *a = account_find(w, STR("alice@a.example"));

	(void)arg;
	for_each_session(s, a)
		session_close(s, STREAM_COND_NONE, NULL);
}

static struct resume_request request;
static atomic_int result = -1;

static void
on_resumed(struct resume_request *r, enum resume_result how, struct session *s)
{
	(void)r;
	again.session = s;
	atomic_store(&result, (int)how);
}

static void
resume(struct worker *w, void *arg)
{
	(void)arg;
	request.worker = w;
	sm_resume(&request);
}

/* again is a client whose connection has no session yet. */
static void
resume_as_again(uint32_t h)
{
	client_bind(&again, "alice@a.example", "other");
	client_end(&again);
	atomic_store(&result, -1);
	request = (struct resume_request){
		.bare = again.request.bare,
		.id = str_of(id),
		.h = h,
		.outlet = &again.outlet,
		.stream = &again.stream,
		.done = on_resumed,
	};
	village_at("alice@a.example", resume, NULL);
}

static void
start(void)
{
	village_start(2, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	for (const struct hook *h = hooks; h->id != HOOK_COUNT; h++)
		hook_add(h, UINT_MAX);
	client_bind(&alice, "alice@a.example", "phone");
	client_bind(&bob, "bob@a.example", "phone");
	village_at(alice.bare, enable, &alice);
	client_available(&alice, 0);
}

static void
stop(void)
{
	client_end(&bob);
	village_stop();
}

#define SLOW "<message to='bob@a.example' type='chat'><x xmlns='slow'/></message>"

START_TEST(an_ack_waits_for_what_came_before)
{
	start();
	client_send(&alice, SLOW);
	village_at(alice.bare, ask, &alice);
	client_send(&alice, SLOW);
	settle(1);
	ck_assert(!client_has(&alice, "<a h="));
	settle(0);
	ck_assert(client_has(&alice, "<a h='2'/>"));
	village_at(alice.bare, ask, &alice);
	client_end(&alice);
	stop();
}

END_TEST

START_TEST(but_not_longer_than_it_may)
{
	start();
	for (unsigned i = 0; i < 3; i++)
		client_send(&alice, SLOW);
	settle(0);
	settle(2);
	village_at(alice.bare, ask, &alice);
	ck_assert(!client_has(&alice, "<a h="));
	client_expect(&alice, "<a h='1'/>");
	settle(1);
	client_expect(&alice, "<a h='3'/>");
	client_forget(&alice);
	client_send(&alice, SLOW);
	settle(3);
	ck_assert(!client_has(&alice, "<a h="));
	client_end(&alice);
	stop();
}

END_TEST

static bool
is_resumed(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
	return atomic_load(&result) >= 0;
}

START_TEST(who_resumes_waits_for_what_is_under_way)
{
	start();
	client_send(&alice, SLOW);
	village_at(alice.bare, lose, &alice);
	client_send(&bob, "<message to='alice@a.example' type='chat' id='m'/>");
	client_settle(&bob);
	ck_assert(!client_has(&alice, "id='m'"));
	resume_as_again(0);
	ck_assert_int_eq(atomic_load(&result), -1);
	settle(0);
	village_wait("alice@a.example", is_resumed, NULL);
	ck_assert_int_eq(atomic_load(&result), RESUME_OK);
	ck_assert_uint_eq(request.settled, 1);
	ck_assert(client_has(&again, "id='m'"));
	client_end(&again);
	stop();
	ck_assert_uint_eq(atomic_load(&unacked), 1);
}

END_TEST

START_TEST(who_waits_to_resume_is_told_of_the_end)
{
	start();
	client_send(&alice, SLOW);
	village_at(alice.bare, lose, &alice);
	resume_as_again(0);
	village_at("alice@a.example", close_session, NULL);
	village_wait("alice@a.example", is_resumed, NULL);
	ck_assert_int_eq(atomic_load(&result), RESUME_EXPIRED);
	ck_assert_uint_eq(request.settled, 0);
	settle(0);
	stop();
}

END_TEST

START_TEST(a_resumed_session_leaves_its_old_outlet)
{
	start();
	resume_as_again(0);
	ck_assert_int_eq(atomic_load(&result), RESUME_OK);
	ck_assert_int_eq(alice.closed, STREAM_COND_CONFLICT);
	ck_assert_ptr_null(alice.session);
	client_send(&again, "<message to='alice@a.example/phone' id='self'/>");
	client_expect(&again, "id='self'");
	client_end(&again);
	stop();
}

END_TEST

Suite *
suite_sm(void)
{
	Suite *suite = suite_create("sm");
	TCase *tcase = tcase_create("sm");

	tcase_add_test(tcase, an_ack_waits_for_what_came_before);
	tcase_add_test(tcase, but_not_longer_than_it_may);
	tcase_add_test(tcase, who_resumes_waits_for_what_is_under_way);
	tcase_add_test(tcase, who_waits_to_resume_is_told_of_the_end);
	tcase_add_test(tcase, a_resumed_session_leaves_its_old_outlet);
	suite_add_tcase(suite, tcase);
	return suite;
}
