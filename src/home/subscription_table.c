/*
 * subscription_table.c -- the subscription states of RFC 6121 appendix A, as pure functions.
 *
 * subscription.def holds the cells; this file maps a roster item's fields to the state of the
 * appendix and back, and adds pre-approval (3.4), which the appendix leaves out: a `subscribed`
 * that answers no request is kept, an `unsubscribed` takes it back, and a request that meets it is
 * answered without asking the user.
 *
 * Runs on: any thread.
 */
#include "home/roster.h"

#include <assert.h>

enum state { N, N_O, N_I, N_OI, T, T_I, F, F_O, B, STATE_COUNT };

#define EVENT_COUNT (EVENT_UNSUBSCRIBED + 1)

static const struct {
	enum subscription subscription;
	bool ask, pending_in;
} fields[STATE_COUNT] = {
	[N] = { SUB_NONE, false, false },
	[N_O] = { SUB_NONE, true, false },
	[N_I] = { SUB_NONE, false, true },
	[N_OI] = { SUB_NONE, true, true },
	[T] = { SUB_TO, false, false },
	[T_I] = { SUB_TO, false, true },
	[F] = { SUB_FROM, false, false },
	[F_O] = { SUB_FROM, true, false },
	[B] = { SUB_BOTH, false, false },
};

struct cell {
	bool route, deliver, answer;
	enum state after;
};

static const struct cell sent[STATE_COUNT][EVENT_COUNT] = {
#define SENT(state, event, routes, next)                                                           \
	[state][EVENT_##event] = { .route = (routes), .after = (next) },
#include "home/subscription.def"
#undef SENT
};

static const struct cell received[STATE_COUNT][EVENT_COUNT] = {
#define RECEIVED(state, event, delivers, answers, next)                                            \
	[state][EVENT_##event] = { .deliver = (delivers), .answer = (answers), .after = (next) },
#include "home/subscription.def"
#undef RECEIVED
};

/* A combination that the appendix does not know (a request pending from somebody who is let in
 * already) counts without the part that is pending. */
static enum state
state_of(struct subscription_state s)
{
	bool lets_in = s.subscription == SUB_FROM || s.subscription == SUB_BOTH;
	bool sees = s.subscription == SUB_TO || s.subscription == SUB_BOTH;
	bool ask = s.ask && !sees;
	bool pending_in = s.pending_in && !lets_in;

	for (enum state i = N; i < STATE_COUNT; i++)
		if (fields[i].subscription == s.subscription && fields[i].ask == ask &&
			fields[i].pending_in == pending_in)
			return i;
	assert(!"a subscription state of the appendix");
	return N;
}

static struct subscription_change
change_of(struct cell c, bool approved)
{
	return (struct subscription_change){
		.after = { fields[c.after].subscription, fields[c.after].ask,
			fields[c.after].pending_in, approved },
		.route = c.route,
		.deliver = c.deliver,
		.answer = c.answer,
	};
}

static bool
lets_in(enum state s)
{
	return fields[s].subscription == SUB_FROM || fields[s].subscription == SUB_BOTH;
}

struct subscription_change
subscription_sent(struct subscription_state s, enum subscription_event e)
{
	enum state state = state_of(s);
	bool approved = s.approved;

	if (e == EVENT_SUBSCRIBED)
		approved = approved || (!lets_in(state) && !fields[state].pending_in);
	else if (e == EVENT_UNSUBSCRIBED)
		approved = false;
	return change_of(sent[state][e], approved);
}

struct subscription_change
subscription_received(struct subscription_state s, enum subscription_event e)
{
	enum state state = state_of(s);
	struct subscription_change c;

	if (e != EVENT_SUBSCRIBE || !s.approved || lets_in(state))
		return change_of(received[state][e], s.approved);
	c = (struct subscription_change){ .after = s, .answer = true };
	c.after.subscription = s.subscription == SUB_TO ? SUB_BOTH : SUB_FROM;
	c.after.pending_in = false;
	return c;
}
