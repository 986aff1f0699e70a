/*
 * subscription.c -- presence subscriptions (RFC 6121 3): the effects of the state machine.
 *
 * The states change in memory at once; the stanza goes on (to the contact, to the user's sessions)
 * when the change is committed, with the side effects in the order that the RFC asks for.  Between
 * two local users both machines run, each at its own home.
 *
 * Runs on: the account's home.
 */
#include "home/roster.h"

#include "base/clock.h"
#include "home/presence.h"
#include "home/router.h"
#include "home/session.h"

/* A request's payload beyond this is dropped; status and nick are kept (RFC 6121 3.1.3). */
#define PENDING_BYTES_MAX 4096

struct change {
	struct jid contact; /* bare */
	struct subscription_change change;
	struct subscription_state before;
	enum subscription_event event;
	struct receipt receipt;
};

static step_fn sent_begin, sent_done, received_begin, received_done;

static enum subscription_event
event_of(const struct stanza *presence)
{
	switch (presence->type) {
	case PRESENCE_SUBSCRIBE:
		return EVENT_SUBSCRIBE;
	case PRESENCE_SUBSCRIBED:
		return EVENT_SUBSCRIBED;
	case PRESENCE_UNSUBSCRIBE:
		return EVENT_UNSUBSCRIBE;
	default:
		return EVENT_UNSUBSCRIBED;
	}
}

static struct subscription_state
state_of(const struct roster_item *i)
{
	if (!i)
		return (struct subscription_state){ SUB_NONE, false, false, false };
	return (struct subscription_state){ i->subscription, i->ask, i->pending != NULL,
		i->approved };
}

static bool
same(struct subscription_state a, struct subscription_state b)
{
	return a.subscription == b.subscription && a.ask == b.ask && a.pending_in == b.pending_in &&
	       a.approved == b.approved;
}

static void
say(struct account *a, struct jid contact, enum presence_type type)
{
	const struct stanza *s =
		stanza_new(NULL, STANZA_PRESENCE, type, a->home.jid, contact, NULL, NULL);

	route(a->home.worker, &s, NO_RECEIPT);
}

/* Puts the new state into memory and writes it, with the pending request if that changed. */
static struct step
write_change(struct job *j, struct change *c, step_fn *next)
{
	struct account *a = j->account;
	struct roster_item *i = roster_find(a, c->contact);
	struct subscription_state after = c->change.after, before = c->before;
	struct buf bytes = BUF_INIT;
	struct value args[4] = { of_jid(j->owner), of_jid(c->contact) };
	struct ask pending = { &roster_queries[PENDING_DELETE], args, 2 };
	size_t count = after.pending_in != before.pending_in;
	bool shown = after.subscription != before.subscription || after.ask != before.ask ||
		     after.approved != before.approved;
	struct step step;

	if (!i)
		i = roster_add(a, c->contact);
	i->subscription = after.subscription;
	i->ask = after.ask;
	i->approved = after.approved;
	if (after.pending_in && !before.pending_in) {
		i->pending = stanza_ref(j->stanza);
		i->pending_at = clock_wall();
		stanza_write_alone(&bytes, j->stanza);
		args[2] = of_str(buf_str(&bytes));
		args[3] = of_int(i->pending_at);
		pending = (struct ask){ &roster_queries[PENDING_PUT], args, 4 };
	} else if (!after.pending_in) {
		stanza_unref(&i->pending);
	}
	/* A request from outside makes no item (3.1.3); what the user does makes one. */
	if (shown && !i->in_roster) {
		i->in_roster = true;
		i->removed = false;
	}
	step = shown ? roster_commit(j, next, i, &pending, count)
		     : roster_commit_only(j, next, &pending, count);
	roster_tidy(a, &i);
	buf_fini(&bytes);
	return step;
}

static void
start(struct account *a, const struct stanza *presence, const struct receipt *r, struct jid contact,
	struct subscription_state before, struct subscription_change change, step_fn *first)
{
	struct arena *arena = arena_new(0);
	struct change *c = ARENA_NEW(arena, struct change);

	c->contact = jid_copy(arena, jid_bare(contact));
	c->before = before;
	c->change = change;
	c->event = event_of(presence);
	c->receipt = r ? *r : RECEIPT_NONE;
	job_start(a, presence, &arena, c, first);
}

/* ---- What the user sends ------------------------------------------------------- */

static void
send_on(struct account *a, const struct change *c, const struct stanza *presence)
{
	const struct stanza *out = stanza_readdress(presence, a->home.jid, c->contact);

	route(a->home.worker, &out, &c->receipt);
}

/* 3.2.2: who is shut out sees everybody unavailable before the `unsubscribed`; 3.1.5: who was
 * let in sees who is there after the `subscribed`. */
static void
send_effects(struct account *a, const struct change *c, const struct stanza *presence)
{
	bool saw = c->before.subscription == SUB_FROM || c->before.subscription == SUB_BOTH;
	bool sees = c->change.after.subscription == SUB_FROM ||
		    c->change.after.subscription == SUB_BOTH;

	if (saw && !sees)
		presence_hide_from(a, c->contact);
	if (c->change.route)
		send_on(a, c, presence);
	else
		receipt_give(a->home.worker, &c->receipt);
	if (sees && !saw)
		presence_show_to(a, c->contact);
}

static struct step
sent_done(struct job *j)
{
	send_effects(j->account, j->state, j->stanza);
	return job_done(j);
}

static struct step
sent_begin(struct job *j)
{
	return write_change(j, j->state, sent_done);
}

static bool
has_room(const struct session *s, const struct roster_item *i)
{
	return (i && i->in_roster) ||
	       roster_count(s->account) < (size_t)config_of(s->worker)->c2s.max_roster;
}

void
subscription_out(struct session *s, const struct stanza *presence, const struct receipt *r)
{
	struct account *a = s->account;
	struct roster_item *i;
	struct subscription_state before;
	struct change c;

	if (jid_is_none(presence->to) || jid_eq_bare(presence->to, a->home.jid)) {
		route_bounce(
			s->worker, presence, COND_NOT_ALLOWED, "nobody subscribes to oneself", r);
		return;
	}
	i = roster_find(a, presence->to);
	if (!has_room(s, i)) {
		route_bounce(
			s->worker, presence, COND_RESOURCE_CONSTRAINT, "the roster is full", r);
		return;
	}
	before = state_of(i);
	c = (struct change){ .contact = jid_bare(presence->to),
		.before = before,
		.event = event_of(presence),
		.receipt = r ? *r : RECEIPT_NONE,
		.change = subscription_sent(before, event_of(presence)) };
	if (same(before, c.change.after))
		send_effects(a, &c, presence);
	else
		start(a, presence, r, presence->to, before, c.change, sent_begin);
}

/* ---- What the contact sends ------------------------------------------------------ */

/* 3.1.3 a request goes to the available sessions; the answers to those that follow the roster. */
static void
show(struct account *a, const struct stanza *presence)
{
	for_each_session(s, a)
		if (presence->type == PRESENCE_SUBSCRIBE ? s->available : s->wants_roster)
			session_send(s, presence);
}

static const struct stanza *
to_bare(const struct account *a, const struct stanza *presence)
{
	return stanza_readdress(presence, jid_bare(presence->from), a->home.jid);
}

static void
receive_effects(struct account *a, const struct change *c)
{
	bool saw = c->before.subscription == SUB_FROM || c->before.subscription == SUB_BOTH;
	bool sees = c->change.after.subscription == SUB_FROM ||
		    c->change.after.subscription == SUB_BOTH;

	if (c->change.answer)
		say(a, c->contact,
			c->event == EVENT_SUBSCRIBE ? PRESENCE_SUBSCRIBED : PRESENCE_UNSUBSCRIBED);
	if (saw && !sees)
		presence_hide_from(a, c->contact);
	if (!saw && sees)
		presence_show_to(a, c->contact);
	receipt_give(a->home.worker, &c->receipt);
}

static struct step
received_done(struct job *j)
{
	receive_effects(j->account, j->state);
	return job_done(j);
}

static struct step
received_begin(struct job *j)
{
	return write_change(j, j->state, received_done);
}

static size_t
pending_count(const struct account *a)
{
	size_t count = 0;

	for (struct hash_node *n = hash_next(&a->roster->items, NULL); n;
		n = hash_next(&a->roster->items, n))
		count += CONTAINER(n, struct roster_item, node)->pending != NULL;
	return count;
}

/* What is kept of a request: all of it, or what people read when it is large. */
static const struct stanza *
to_keep(const struct stanza *request)
{
	struct arena *arena;
	struct xml *chain = NULL, *last = NULL;

	if (stanza_size(request) <= PENDING_BYTES_MAX)
		return stanza_ref(request);
	arena = arena_new(0);
	for (const struct xml *x = request->children; x; x = x->next) {
		struct str text;
		struct xml *copy;

		if (!xml_is(x, NS_CLIENT, "status") &&
			!xml_is(x, "http://jabber.org/protocol/nick", "nick"))
			continue;
		text = xml_text_of(arena, x);
		if (text.n > PENDING_BYTES_MAX / 4)
			continue;
		copy = xml_copy(arena, x);
		if (last)
			last->next = copy;
		else
			chain = copy;
		last = copy;
	}
	return stanza_new(&arena, STANZA_PRESENCE, PRESENCE_SUBSCRIBE, request->from, request->to,
		request->id, chain);
}

void
subscription_in(struct account *a, const struct stanza *presence, const struct receipt *r)
{
	AUTO(stanza_unref) const struct stanza *bare = NULL, *kept = NULL;
	struct roster_item *i;
	struct change c;

	if (!a->exists || jid_eq_bare(presence->from, a->home.jid)) {
		receipt_give(a->home.worker, r);
		return;
	}
	bare = to_bare(a, presence);
	i = roster_find(a, presence->from);
	c = (struct change){ .contact = jid_bare(presence->from),
		.before = state_of(i),
		.event = event_of(presence),
		.receipt = r ? *r : RECEIPT_NONE };
	c.change = subscription_received(c.before, c.event);
	if (c.change.after.pending_in && !c.before.pending_in &&
		pending_count(a) >= (size_t)config_of(a->home.worker)->c2s.max_pending) {
		receipt_give(a->home.worker, r);
		return;
	}
	if (c.change.deliver)
		show(a, bare);
	if (same(c.before, c.change.after)) {
		receive_effects(a, &c);
		return;
	}
	kept = to_keep(bare);
	start(a, kept, r, presence->from, c.before, c.change, received_begin);
}

void
subscription_show_pending(struct session *s)
{
	const struct hash *items = &s->account->roster->items;

	for (struct hash_node *n = hash_next(items, NULL); n; n = hash_next(items, n)) {
		const struct roster_item *i = CONTAINER(n, struct roster_item, node);

		if (i->pending)
			session_send(s, i->pending);
	}
}
