/*
 * Sessions: bound, replaced, bounded in number and in what is under way, and gone when their stream
 * is.
 *
 * Runs on: its own process
 */
#include "home/session.h"

#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>

static struct client alice, bob, other;

static void
start(unsigned workers)
{
	village_start(workers, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
}

START_TEST(the_server_chooses_a_resource)
{
	start(1);
	client_bind(&alice, "alice@a.example", NULL);
	client_bind(&other, "alice@a.example", NULL);
	ck_assert_int_eq(alice.bound, BIND_OK);
	ck_assert_uint_gt(alice.session->jid.resource, 8);
	ck_assert(!jid_eq(alice.session->jid, other.session->jid));
	client_end(&alice);
	client_end(&other);
	village_stop();
}

END_TEST

/* Gives the address of its account's only session of that name. */
static void
find_phone(struct worker *w, void *arg)
{
	struct session **found = arg;
	struct account *a = account_find(w, STR("alice@a.example"));

	ck_assert_uint_eq(a->sessions_count, 1);
	ck_assert_uint_eq(sessions_count(w), 1);
	*found = account_session(a, STR("phone"));
}

START_TEST(a_newer_session_takes_the_resource)
{
	struct session *found = NULL;

	start(1);
	alice.ends_at_close = _i == 1;
	client_bind(&alice, "alice@a.example", "phone");
	client_bind(&other, "alice@a.example", "phone");
	ck_assert_int_eq(other.bound, BIND_OK);
	ck_assert_int_eq(alice.closed, STREAM_COND_CONFLICT);
	village_at("alice@a.example", find_phone, &found);
	ck_assert_ptr_eq(found, other.session);
	/* What the old one still says is for nobody. */
	if (alice.session)
		client_send(&alice, "<message to='alice@a.example/phone' id='late'/>");
	client_end(&alice);
	client_settle(&other);
	ck_assert(!client_has(&other, "late"));
	village_at("alice@a.example", find_phone, &found);
	ck_assert_ptr_eq(found, other.session);
	client_end(&other);
	village_stop();
}

END_TEST

START_TEST(an_account_has_only_so_many_sessions)
{
	static struct client many[4];
	char name[16];

	start(1);
	for (unsigned i = 0; i < COUNT(many); i++) {
		snprintf(name, sizeof(name), "r%u", i);
		client_bind(&many[i], "alice@a.example", name);
		ck_assert_int_eq(many[i].bound, BIND_OK);
	}
	client_bind(&other, "alice@a.example", "more");
	ck_assert_int_eq(other.bound, BIND_CONSTRAINT);
	client_bind(&other, "alice@a.example", "r0");
	ck_assert_int_eq(other.bound, BIND_OK);
	client_end(&other);
	for (unsigned i = 0; i < COUNT(many); i++)
		client_end(&many[i]);
	client_bind(&other, "alice@a.example", "more");
	ck_assert_int_eq(other.bound, BIND_OK);
	client_end(&other);
	village_stop();
}

END_TEST

START_TEST(messages_keep_their_order_and_are_receipted)
{
	char text[96];
	const char *at;

	start(3);
	client_bind(&alice, "alice@a.example", "phone");
	client_bind(&bob, "bob@a.example", "phone");
	client_available(&bob, 0);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "<message to='bob@a.example' id='n%u'/>", i);
		client_send(&alice, text);
	}
	client_settle(&alice);
	at = buf_text(&bob.got);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "id='n%u'", i);
		at = strstr(at, text);
		ck_assert_msg(at, "message %u is missing or out of order", i);
	}
	ck_assert(client_has(&bob, "from='alice@a.example/phone'"));
	ck_assert(client_has(&bob, "to='bob@a.example'"));
	client_end(&alice);
	client_end(&bob);
	village_stop();
}

END_TEST

static void
flood(struct worker *w, void *arg)
{
	struct session *s = arg;

	(void)w;
	for (unsigned i = 0; i < SESSION_UNDER_WAY_MAX; i++)
		(void)session_receipt(s);
}

static void
settle_some(struct worker *w, void *arg)
{
	struct session *s = arg;

	(void)w;
	for (unsigned i = 1; i <= SESSION_UNDER_WAY_MAX / 2; i++)
		session_settle(s, i);
}

START_TEST(a_client_with_too_much_under_way_is_not_read)
{
	start(1);
	client_bind(&alice, "alice@a.example", "phone");
	village_at(alice.bare, flood, alice.session);
	ck_assert_uint_eq(alice.pauses, 1);
	ck_assert_uint_eq(alice.resumes, 0);
	village_at(alice.bare, settle_some, alice.session);
	ck_assert_uint_eq(alice.pauses, 1);
	ck_assert_uint_eq(alice.resumes, 1);
	client_end(&alice);
	village_stop();
}

END_TEST

START_TEST(without_to_a_message_is_for_oneself)
{
	start(1);
	client_bind(&alice, "alice@a.example", "phone");
	client_available(&alice, 0);
	client_send(&alice, "<message id='me'/>");
	client_expect(&alice, "to='alice@a.example'");
	client_end(&alice);
	village_stop();
}

END_TEST

static void
check_gone(struct worker *w, void *arg)
{
	uint32_t *seat = arg;

	ck_assert_ptr_null(session_find(w, seat[0], seat[1]));
	ck_assert_uint_eq(sessions_count(w), 0);
}

START_TEST(a_late_receipt_finds_nobody)
{
	uint32_t seat[2];

	start(1);
	client_bind(&alice, "alice@a.example", "phone");
	seat[0] = alice.session->slot;
	seat[1] = alice.session->generation;
	client_end(&alice);
	village_at("alice@a.example", check_gone, seat);
	client_bind(&alice, "alice@a.example", "phone");
	ck_assert_uint_eq(alice.session->slot, seat[0]);
	ck_assert_uint_ne(alice.session->generation, seat[1]);
	client_end(&alice);
	village_stop();
}

END_TEST

Suite *
suite_session(void)
{
	Suite *suite = suite_create("session");
	TCase *tcase = tcase_create("session");

	tcase_add_test(tcase, the_server_chooses_a_resource);
	tcase_add_loop_test(tcase, a_newer_session_takes_the_resource, 0, 2);
	tcase_add_test(tcase, an_account_has_only_so_many_sessions);
	tcase_add_test(tcase, messages_keep_their_order_and_are_receipted);
	tcase_add_test(tcase, a_client_with_too_much_under_way_is_not_read);
	tcase_add_test(tcase, without_to_a_message_is_for_oneself);
	tcase_add_test(tcase, a_late_receipt_finds_nobody);
	suite_add_tcase(suite, tcase);
	return suite;
}
