/*
 * deliver.c -- RFC 6121 section 8: which sessions get what reaches an account.
 *
 * A message finds its cell in deliver.def.  Before that modules may take it over, or say what must
 * be on disk first (message_arrived), and it passes the account's gate; when it was written they
 * are told; when no session takes it, one of them may keep it (message_unwanted).  Whoever took it
 * over gives the receipt, else this does.
 *
 * Runs on: the account's home.
 */
#include "home/deliver.h"

#include "home/gate.h"
#include "home/job.h"
#include "home/presence.h"
#include "home/roster.h"
#include "home/router.h"
#include "home/session.h"
#include "home/sm.h"
#include "home/trace.h"
#include "hook/hook.h"
#include "xep/content.h"
#include "xmpp/datetime.h"

#include <assert.h>

enum deliver_action
deliver_decide(enum deliver_situation s, enum deliver_address a, enum message_type t)
{
	static const enum deliver_action table[SITUATION_COUNT][ADDRESS_COUNT]
					      [MESSAGE_ERROR + 1] = {

#define CELLS(situation, address, normal, chat, groupchat, headline, error)                        \
	[situation][address] = { DELIVER_##normal, DELIVER_##chat, DELIVER_##groupchat,            \
		DELIVER_##headline, DELIVER_##error },
#include "home/deliver.def"
#undef CELLS
					      };

	return table[s][a][t];
}

/* ---- Messages ----------------------------------------------------------------- */

/* Gets what is sent to the bare JID. */
static bool
is_wide(const struct session *s)
{
	return s->available && s->priority >= 0 && !s->ending;
}

/* What sessions that end in this turn leave goes before what comes now. */
static void
tidy(struct account *a)
{
	for_each_session(s, a) {
		if (s->ending && s->sm)
			sm_give_up(s, a);
	}
}

static enum deliver_situation
situation_of(const struct account *a)
{
	enum deliver_situation so_far = NOT_AVAILABLE;

	if (!a->exists)
		return NO_ACCOUNT;
	for_each_session(s, a) {
		if (is_wide(s))
			return SOME_AVAILABLE;
		if (s->available && !s->ending)
			so_far = ONLY_NEGATIVE;
	}
	return so_far;
}

/* The session of a full JID, if it is there and still listens. */
static struct session *
addressed(const struct account *a, struct jid to)
{
	struct session *s = jid_is_full(to) ? account_session(a, jid_resource(to)) : NULL;

	return s && !s->ending ? s : NULL;
}

/* Somebody will miss it (deliver.def drops or bounces the others when nobody is there). */
static bool
is_precious(const struct stanza *s)
{
	return s->type == MESSAGE_NORMAL || s->type == MESSAGE_CHAT;
}

static void
send_to_all(struct account *a, const struct stanza *s, struct handed *h)
{
	for_each_session(it, a) {
		if (is_wide(it))
			session_hand(it, s, h);
	}
}

bool
deliver_reaches(const struct message_event *ev, const struct session *s)
{
	return ev->only ? s == ev->only : is_wide(s);
}

/* To the sessions that the table names (one NULL: to all), and those that modules add. */
static void
hand_out(struct message_event *ev, struct session *one)
{
	struct handed *h = NULL;

	if (is_precious(ev->stanza))
		h = handed_new(
			ev->stanza, ev->place ? ev->place : home_next_id(&ev->account->home));
	if (one)
		session_hand(one, ev->stanza, h);
	else
		send_to_all(ev->account, ev->stanza, h);
	ev->only = one;
	ev->handed = h;
	if (ev->head.host)
		(void)hook_message_delivered(ev); /* nobody can stop what was written */
	handed_unref(&h);
}

static void
tell(const struct message_event *ev, enum trace_event what)
{
	const struct home *h = &ev->account->home;

	trace(h->worker, what, ev->stanza, h->jid, h, what == TRACE_STORED ? ev->archive_id : 0);
}

static void
bounce(const struct message_event *ev)
{
	tell(ev, TRACE_REFUSED);
	route_bounce(
		ev->account->home.worker, ev->stanza, COND_SERVICE_UNAVAILABLE, NULL, ev->receipt);
}

static void
act(struct message_event *ev, enum deliver_action action, struct session *one)
{
	struct account *a = ev->account;

	switch (action) {
	case DELIVER_TO_ONE:
	case DELIVER_TO_ALL:
		hand_out(ev, action == DELIVER_TO_ONE ? one : NULL);
		receipt_give(a->home.worker, ev->receipt);
		break;
	case DELIVER_STORE:
		if (hook_message_unwanted(ev) == STOP)
			tell(ev, TRACE_KEPT);
		else
			bounce(ev);
		break;
	case DELIVER_BOUNCE:
		bounce(ev);
		break;
	case DELIVER_DROP:
		tell(ev, TRACE_DROPPED);
		receipt_give(a->home.worker, ev->receipt);
		break;
	}
}

/* Where the table puts it now.  What an occupant of a room whispers to a device that is gone is not for
 * the others: those that are there get it from the room. */
static enum deliver_action
decide(const struct account *a, const struct stanza *s, struct session **one)
{
	enum deliver_address address;
	enum deliver_action action;

	*one = addressed(a, s->to);
	address = *one		       ? ADDRESS_FULL_MATCH
		  : jid_is_full(s->to) ? ADDRESS_FULL_NO_MATCH
				       : ADDRESS_BARE;
	action = deliver_decide(situation_of(a), address, (enum message_type)s->type);
	if (action == DELIVER_TO_ALL && address == ADDRESS_FULL_NO_MATCH && content_is_whisper(s))
		action = DELIVER_STORE;
	return action;
}

/* It passed the gate. */
static void
message_passed(struct home *h, const struct passage *p)
{
	struct message_event ev = { .head = { h->worker, home_host(h) },
		.account = account_of(h),
		.stanza = p->stanza,
		.receipt = &p->receipt,
		.place = p->place,
		.archive_id = p->archive_id };
	bool again = p->again && !(ev.head.host && hook_message_known(&ev) == STOP);
	struct session *one;
	enum deliver_action action;

	if (p->result != STORE_OK) {
		if (ev.head.host)
			(void)hook_message_refused(&ev); /* nothing to stop */
		tell(&ev, TRACE_REFUSED);
		route_bounce(h->worker, p->stanza, COND_RESOURCE_CONSTRAINT,
			"the message could not be stored", &p->receipt);
	} else if (!ev.head.host && !p->again && p->archive_id == 0) {
		bounce(&ev); /* its host went meanwhile, and nobody has it */
	} else if (again || !ev.head.host) {
		tell(&ev, TRACE_REPEATED);
		receipt_give(h->worker, &p->receipt);
	} else {
		if (p->archive_id != 0)
			tell(&ev, TRACE_STORED);
		if (hook_message_due(&ev) == PASS) {
			tidy(ev.account);
			action = decide(ev.account, ev.stanza, &one);
			act(&ev, action, one);
		} else {
			tell(&ev, TRACE_HELD);
		}
	}
	stanza_unref(&ev.owned);
}

/* Somebody sees it or may keep it. */
static bool
is_wanted(enum deliver_action action)
{
	return action != DELIVER_BOUNCE && action != DELIVER_DROP;
}

/* Sessions come and go while it waits for the commit: who gets it is decided afterwards. */
static void
message(struct account *a, const struct host *host, const struct stanza *s, const struct receipt *r)
{
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct message_event ev = { .head = { a->home.worker, host },
		.account = a,
		.stanza = s,
		.receipt = r,
		.asks = &asks,
		.place = home_next_id(&a->home) };
	struct session *one;

	tidy(a);
	tell(&ev, TRACE_ARRIVED);
	if (!is_wanted(decide(a, s, &one)) || hook_message_arrived(&ev) == PASS)
		gate_pass(&a->home,
			&(const struct passage){ .stanza = ev.stanza,
				.receipt = *r,
				.place = ev.place,
				.archive_id = ev.archive_id,
				.again = ev.again,
				.once = ev.once,
				.found = ev.found },
			&asks, message_passed);
	stanza_unref(&ev.owned);
}

static void
give_out(struct message_event *ev, struct session *one)
{
	ev->head = (struct event_head){ ev->account->home.worker, home_host(&ev->account->home) };
	ev->receipt = NO_RECEIPT;
	tidy(ev->account);
	hand_out(ev, one);
	stanza_unref(&ev->owned);
}

void
deliver_kept(struct account *a, struct session *to, const struct stanza *message, int64_t place)
{
	struct message_event ev = { .account = a, .stanza = message, .late = true, .place = place };

	give_out(&ev, to);
}

void
deliver_held(struct account *a, const struct stanza *message, int64_t place)
{
	struct message_event ev = { .account = a, .stanza = message, .place = place };

	give_out(&ev, addressed(a, message->to));
}

/* It says when it came, in our name: beside it, or in it if it was written down meanwhile. */
static bool
is_stamped(const struct stanza *s, const char *host)
{
	const struct xml *x;

	for (x = s->beside; x; x = x->next)
		if (xml_is(x, NS_DELAY, "delay"))
			return true;
	for (x = stanza_child(s, NS_DELAY, "delay"); x; x = xml_next(x, NS_DELAY, "delay"))
		if (text_eq(xml_get(x, "from"), host))
			return true;
	return false;
}

/* With the time at which it came (XEP-0203), once. */
static const struct stanza *
stamped(const struct account *a, const struct stanza *s, msec_t at)
{
	AUTO(arena_free) struct arena *arena = arena_new(256);
	struct xml *delay = xml_new(arena, NS_DELAY, "delay");
	char stamp[DATETIME_SIZE];

	if (is_stamped(s, jid_text(arena, jid_host(a->home.jid))))
		return stanza_ref(s);
	datetime_write(stamp, at);
	xml_attr(arena, delay, "from", jid_text(arena, jid_host(a->home.jid)));
	xml_attr(arena, delay, "stamp", stamp);
	return stanza_beside(s, delay);
}

void
deliver_again(struct account *a, const struct stanza *s, int64_t place)
{
	struct message_event ev = { .head = { a->home.worker, home_host(&a->home) },
		.account = a,
		.stanza = s,
		.receipt = NO_RECEIPT,
		.place = place };

	if (!a->exists || !ev.head.host)
		return;
	tell(&ev, TRACE_LEFT);
	if (situation_of(a) == SOME_AVAILABLE && !content_is_whisper(s)) {
		AUTO(stanza_unref) const struct stanza *late = stamped(a, s, home_id_time(place));
		struct handed *h = handed_new(s, place);

		send_to_all(a, late, h);
		handed_unref(&h);
	} else if (hook_message_unacked(&ev) == PASS && stanza_child(s, NS_CLIENT, "body")) {
		route_bounce(a->home.worker, s, COND_SERVICE_UNAVAILABLE, NULL, NULL);
	}
	stanza_unref(&ev.owned);
}

/* ---- Presence and iqs ------------------------------------------------------------ */

/* RFC 6121 8.5.1, 8.5.2.1.3, 8.5.3: a bare JID is answered by the server, a full one by its
 * session. */
static void
iq(struct account *a, const struct host *host, const struct stanza *s, const struct receipt *r)
{
	struct session *one = addressed(a, s->to);
	enum iq_targets target = !a->exists			     ? TO_NOBODY
				 : jid_eq_bare(s->from, a->home.jid) ? TO_SELF
								     : TO_ACCOUNT;

	if (one) {
		session_send(one, s);
		receipt_give(a->home.worker, r);
	} else if (!stanza_is_request(s)) {
		receipt_give(a->home.worker, r);
	} else if (jid_is_full(s->to)) {
		route_bounce(a->home.worker, s, COND_SERVICE_UNAVAILABLE, NULL, r);
	} else {
		iq_dispatch(a->home.worker, host, a, NULL, target, s, r);
	}
}

/* ---- All -------------------------------------------------------------------------- */

static void
other_passed(struct home *h, const struct passage *p)
{
	const struct host *host = home_host(h);
	struct account *a = account_of(h);

	if (!host)
		route_refuse(h->worker, p->stanza, COND_REMOTE_SERVER_NOT_FOUND, &p->receipt);
	else if (p->result != STORE_OK)
		receipt_give(h->worker, &p->receipt);
	else if (p->stanza->kind == STANZA_PRESENCE)
		presence_in(a, p->stanza, &p->receipt);
	else
		iq(a, host, p->stanza, &p->receipt);
}

void
deliver(struct account *a, const struct stanza *s, const struct receipt *r)
{
	const struct host *host = home_host(&a->home);
	struct stanza_event ev = { .head = { a->home.worker, host }, .account = a, .stanza = s };

	assert(worker_is_here(a->home.worker));
	if (!host)
		route_refuse(a->home.worker, s, COND_REMOTE_SERVER_NOT_FOUND, r);
	else if (a->exists && hook_stanza_in(&ev) == STOP)
		receipt_give(a->home.worker, r);
	else if (ev.stanza->kind == STANZA_MESSAGE)
		message(a, host, ev.stanza, r);
	else if (is_subscription(ev.stanza))
		subscription_in(a, ev.stanza, r);
	else
		gate_pass(&a->home, &(const struct passage){ .stanza = ev.stanza, .receipt = *r },
			NULL, other_passed);
	stanza_unref(&ev.owned);
}
