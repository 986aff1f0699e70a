/*
 * The table of RFC 6121 8.5.4: each cell is one that the RFC allows, or a choice that is written
 * down, and what an account does with a message is what its cell says.
 *
 * Runs on: its own process
 */
#include "home/deliver.h"

#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>

/* What the RFC allows, in letters: O store offline, E bounce, S drop, D deliver to the addressed
 * one (or the only one), M most available, A all non-negative; after a bar what we choose beyond
 * it. */
static const struct {
	enum deliver_situation situation;
	enum deliver_address address;
	const char *allowed[5];
} table[] = {
	{ NO_ACCOUNT, ADDRESS_BARE, { "SE", "SE", "E", "S", "S" } },
	{ NO_ACCOUNT, ADDRESS_FULL_NO_MATCH, { "SE", "SE", "SE", "SE", "S" } },
	{ NOT_AVAILABLE, ADDRESS_BARE, { "OE", "OE", "E", "S", "S" } },
	{ NOT_AVAILABLE, ADDRESS_FULL_MATCH, { "D", "D", "D", "D", "D" } },
	{ NOT_AVAILABLE, ADDRESS_FULL_NO_MATCH, { "SE|O", "OE", "SE", "SE", "S" } },
	{ ONLY_NEGATIVE, ADDRESS_BARE, { "OE", "OE", "E", "S", "S" } },
	{ ONLY_NEGATIVE, ADDRESS_FULL_MATCH, { "D", "D", "D", "D", "D" } },
	{ ONLY_NEGATIVE, ADDRESS_FULL_NO_MATCH, { "SE|O", "OE", "SE", "SE", "S" } },
	{ SOME_AVAILABLE, ADDRESS_BARE, { "MA", "MA", "E", "A", "S" } },
	{ SOME_AVAILABLE, ADDRESS_FULL_MATCH, { "D", "D", "D", "D", "D" } },
	{ SOME_AVAILABLE, ADDRESS_FULL_NO_MATCH, { "SE|A", "MA", "SE", "SE", "S" } },
};

static char
letter(enum deliver_action action)
{
	switch (action) {
	case DELIVER_TO_ONE:
		return 'D';
	case DELIVER_TO_ALL:
		return 'A';
	case DELIVER_STORE:
		return 'O';
	case DELIVER_BOUNCE:
		return 'E';
	case DELIVER_DROP:
		break;
	}
	return 'S';
}

START_TEST(every_cell_is_allowed)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		for (int type = 0; type < 5; type++) {
			enum deliver_action action = deliver_decide(
				table[i].situation, table[i].address, (enum message_type)type);
			const char *allowed = table[i].allowed[type];
			const char *bar = strchr(allowed, '|');
			const char *found = strchr(allowed, letter(action));

			ck_assert_msg(found, "row %zu, type %d: %c", i, type, letter(action));
			/* Where a choice is written down, it is the one that is made. */
			ck_assert_msg(!bar || found > bar, "row %zu, type %d: %c", i, type,
				letter(action));
		}
	}
}

END_TEST

START_TEST(choices_are_as_documented)
{
	ck_assert_int_eq(deliver_decide(NO_ACCOUNT, ADDRESS_BARE, MESSAGE_CHAT), DELIVER_DROP);
	ck_assert_int_eq(deliver_decide(NO_ACCOUNT, ADDRESS_BARE, MESSAGE_NORMAL), DELIVER_DROP);
	ck_assert_int_eq(
		deliver_decide(NO_ACCOUNT, ADDRESS_FULL_NO_MATCH, MESSAGE_CHAT), DELIVER_DROP);
	ck_assert_int_eq(deliver_decide(SOME_AVAILABLE, ADDRESS_FULL_NO_MATCH, MESSAGE_GROUPCHAT),
		DELIVER_BOUNCE);
	ck_assert_int_eq(deliver_decide(NOT_AVAILABLE, ADDRESS_FULL_NO_MATCH, MESSAGE_HEADLINE),
		DELIVER_DROP);
	ck_assert_int_eq(
		deliver_decide(SOME_AVAILABLE, ADDRESS_BARE, MESSAGE_CHAT), DELIVER_TO_ALL);
}

END_TEST

/* ---- Alive ------------------------------------------------------------------------ */

static struct client alice, one, two, low;

static const char *const types[] = { "normal", "chat", "groupchat", "headline", "error" };

static enum deliver_situation
situate(enum deliver_situation s)
{
	client_unavailable(&one);
	client_unavailable(&two);
	client_unavailable(&low);
	if (s != NOT_AVAILABLE)
		client_available(&low, -1);
	if (s == SOME_AVAILABLE) {
		client_available(&one, 0);
		client_available(&two, 5);
	}
	return s;
}

static void
check_cell(enum deliver_situation s, enum deliver_address a, int type)
{
	static const char *const to[] = { "bob@a.example", "bob@a.example/one",
		"bob@a.example/gone" };
	enum deliver_action action = deliver_decide(s, a, (enum message_type)type);
	bool all = action == DELIVER_TO_ALL, bounced = action == DELIVER_BOUNCE;
	char text[160];

	/* Nobody keeps messages here, so what would be stored bounces. */
	bounced = bounced || action == DELIVER_STORE;
	client_forget(&alice);
	client_forget(&one);
	client_forget(&two);
	client_forget(&low);
	snprintf(text, sizeof(text), "<message to='%s' type='%s' id='m'/>", to[a], types[type]);
	client_send(&alice, text);
	client_settle(&alice);
	ck_assert_msg(client_has(&one, "id='m'") == (all || action == DELIVER_TO_ONE),
		"situation %d, address %d, %s: one", s, a, types[type]);
	ck_assert_msg(client_has(&two, "id='m'") == all, "situation %d, address %d, %s: two", s, a,
		types[type]);
	ck_assert_msg(!client_has(&low, "id='m'"), "situation %d, address %d, %s: low", s, a,
		types[type]);
	ck_assert_msg(client_has(&alice, "service-unavailable") == bounced,
		"situation %d, address %d, %s: alice", s, a, types[type]);
}

START_TEST(accounts_do_what_the_table_says)
{
	village_start(1, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
	client_bind(&one, "bob@a.example", "one");
	client_bind(&two, "bob@a.example", "two");
	client_bind(&low, "bob@a.example", "low");
	for (enum deliver_situation s = NOT_AVAILABLE; s < SITUATION_COUNT; s++) {
		(void)situate(s);
		for (enum deliver_address a = 0; a < ADDRESS_COUNT; a++) {
			for (int type = 0; type < 5; type++)
				check_cell(s, a, type);
		}
	}
	client_end(&alice);
	client_end(&one);
	client_end(&two);
	client_end(&low);
	village_stop();
}

END_TEST

START_TEST(nobody_learns_which_names_exist)
{
	village_start(1, (const char *const[]){ "alice@a.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
	client_send(&alice, "<message to='nobody@a.example' type='chat' id='m1'/>");
	client_send(&alice, "<message to='nobody@a.example/x' id='m2'/>");
	client_send(&alice, "<message to='nobody@a.example' type='headline' id='m3'/>");
	client_send(&alice, "<presence to='nobody@a.example' id='p1'/>");
	client_send(&alice, "<presence to='nobody@a.example' type='subscribe' id='p2'/>");
	client_settle(&alice);
	ck_assert(!client_has(&alice, "id='m1'") && !client_has(&alice, "id='m2'"));
	ck_assert(!client_has(&alice, "id='m3'") && !client_has(&alice, "id='p1'"));
	ck_assert(!client_has(&alice, "id='p2'"));
	client_send(&alice, "<message to='nobody@a.example' type='groupchat' id='m4'/>");
	client_expect(&alice, "service-unavailable");
	client_forget(&alice);
	client_send(&alice, "<iq to='nobody@a.example' type='get' id='q'><q xmlns='x'/></iq>");
	client_expect(&alice, "service-unavailable");
	client_end(&alice);
	village_stop();
}

END_TEST

START_TEST(an_iq_to_a_full_address_reaches_its_session_or_bounces)
{
	village_start(2, (const char *const[]){ "alice@a.example", "bob@a.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
	client_bind(&one, "bob@a.example", "one");
	client_send(&alice, "<iq to='bob@a.example/one' type='get' id='q1'><q xmlns='x'/></iq>");
	client_expect(&one, "id='q1'");
	client_send(&one, "<iq to='alice@a.example/phone' type='result' id='q1'/>");
	client_expect(&alice, "id='q1' type='result'");
	client_send(&alice, "<iq to='bob@a.example/gone' type='get' id='q2'><q xmlns='x'/></iq>");
	client_expect(&alice, "service-unavailable");
	client_forget(&alice);
	/* Answers to nobody end silently. */
	client_send(&alice, "<iq to='bob@a.example/gone' type='result' id='q3'/>");
	client_send(&alice, "<iq to='bob@a.example' type='result' id='q4'/>");
	client_send(&alice, "<iq to='a.example' type='result' id='q5'/>");
	client_send(&alice, "<iq type='result' id='q6'/>");
	client_settle(&alice);
	ck_assert(!client_has(&alice, "<iq"));
	ck_assert(!client_has(&one, "id='q3'") && !client_has(&one, "id='q4'"));
	client_end(&alice);
	client_end(&one);
	village_stop();
}

END_TEST

SUITE_OF(deliver, every_cell_is_allowed, choices_are_as_documented, accounts_do_what_the_table_says,
	nobody_learns_which_names_exist, an_iq_to_a_full_address_reaches_its_session_or_bounces)
