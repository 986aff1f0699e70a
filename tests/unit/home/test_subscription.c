/*
 * The subscription states of RFC 6121 appendix A, cell by cell, written down from the RFC's tables and not from ours.
 *
 * A row of `sent` or `received` gives, for the events subscribe, unsubscribe, subscribed, unsubscribed: what is done
 * (r routed, d delivered, a answered, - nothing) and the state after.
 *
 * Runs on: the test process
 */
#include "tests/unit/suite.h"

#include "home/roster.h"

#include <string.h>

#define EVENTS 4

struct row {
	const char *before;
	const char *events[EVENTS]; /* "r:N+O" */
};

/* A.2: what the user sends. */
static const struct row sent[] = {
	{ "N", { "r:N+O", "r:N", "-:N!", "-:N" } },
	{ "N+O", { "r:N+O", "r:N", "-:N+O!", "-:N+O" } },
	{ "N+I", { "r:N+O+I", "r:N+I", "r:F", "r:N" } },
	{ "N+O+I", { "r:N+O+I", "r:N+I", "r:F+O", "r:N+O" } },
	{ "T", { "r:T", "r:N", "-:T!", "-:T" } },
	{ "T+I", { "r:T+I", "r:N+I", "r:B", "r:T" } },
	{ "F", { "r:F+O", "r:F", "-:F", "r:N" } },
	{ "F+O", { "r:F+O", "r:F", "-:F+O", "r:N+O" } },
	{ "B", { "r:B", "r:F", "-:B", "r:T" } },
};

/* A.3: what the contact sends; `!` after a state is pre-approved. */
static const struct row received[] = {
	{ "N", { "d:N+I", "-:N", "-:N", "-:N" } },
	{ "N+O", { "d:N+O+I", "-:N+O", "d:T", "d:N" } },
	{ "N+I", { "-:N+I", "da:N", "-:N+I", "-:N+I" } },
	{ "N+O+I", { "-:N+O+I", "da:N+O", "d:T+I", "d:N+I" } },
	{ "T", { "d:T+I", "-:T", "-:T", "d:N" } },
	{ "T+I", { "-:T+I", "da:T", "-:T+I", "d:N+I" } },
	{ "F", { "a:F", "da:N", "-:F", "-:F" } },
	{ "F+O", { "a:F+O", "da:N+O", "d:B", "d:F" } },
	{ "B", { "a:B", "da:T", "-:B", "d:F" } },
	{ "N!", { "a:F!", "-:N!", "-:N!", "-:N!" } },
	{ "N+O!", { "a:F+O!", "-:N+O!", "d:T!", "d:N!" } },
	{ "T!", { "a:B!", "-:T!", "-:T!", "d:N!" } },
};

static const enum subscription_event events[EVENTS] = { EVENT_SUBSCRIBE, EVENT_UNSUBSCRIBE,
	EVENT_SUBSCRIBED, EVENT_UNSUBSCRIBED };

static struct subscription_state
state_of(const char *text)
{
	struct subscription_state s = { SUB_NONE, false, false, false };

	switch (text[0]) {
	case 'T':
		s.subscription = SUB_TO;
		break;
	case 'F':
		s.subscription = SUB_FROM;
		break;
	case 'B':
		s.subscription = SUB_BOTH;
		break;
	default:
		break;
	}
	s.ask = strstr(text, "+O") != NULL;
	s.pending_in = strstr(text, "+I") != NULL;
	s.approved = strchr(text, '!') != NULL;
	return s;
}

static void
check(const char *before, enum subscription_event e, const char *expected,
	struct subscription_change c)
{
	struct subscription_state after = state_of(strchr(expected, ':') + 1);
	const char *colon = strchr(expected, ':');
	bool r = memchr(expected, 'r', (size_t)(colon - expected)) != NULL;
	bool d = memchr(expected, 'd', (size_t)(colon - expected)) != NULL;
	bool a = memchr(expected, 'a', (size_t)(colon - expected)) != NULL;

	ck_assert_msg(c.route == r && c.deliver == d && c.answer == a,
		"%s, event %d: expected %s, got route %d deliver %d answer %d", before, e, expected,
		c.route, c.deliver, c.answer);
	ck_assert_msg(c.after.subscription == after.subscription && c.after.ask == after.ask &&
			      c.after.pending_in == after.pending_in &&
			      c.after.approved == after.approved,
		"%s, event %d: expected %s, got subscription %d ask %d pending %d approved %d",
		before, e, expected, c.after.subscription, c.after.ask, c.after.pending_in,
		c.after.approved);
}

START_TEST(each_cell_of_what_the_user_sends)
{
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		for (size_t e = 0; e < EVENTS; e++)
			check(sent[i].before, events[e], sent[i].events[e],
				subscription_sent(state_of(sent[i].before), events[e]));
}

END_TEST

START_TEST(each_cell_of_what_the_contact_sends)
{
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++)
		for (size_t e = 0; e < EVENTS; e++)
			check(received[i].before, events[e], received[i].events[e],
				subscription_received(state_of(received[i].before), events[e]));
}

END_TEST

START_TEST(unsubscribed_takes_an_approval_back)
{
	check("N!", EVENT_UNSUBSCRIBED, "-:N",
		subscription_sent(state_of("N!"), EVENT_UNSUBSCRIBED));
	check("T!", EVENT_UNSUBSCRIBED, "-:T",
		subscription_sent(state_of("T!"), EVENT_UNSUBSCRIBED));
}

END_TEST

SUITE_OF(subscription, each_cell_of_what_the_user_sends, each_cell_of_what_the_contact_sends,
	unsubscribed_takes_an_approval_back)
