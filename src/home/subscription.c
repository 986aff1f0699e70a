/*
 * subscription.c -- presence subscriptions (RFC 6121 3): the effects of the state machine.
 *
 * The states change in memory at once; the stanza waits in the home's gate and goes on (to the
 * contact, to the user's sessions) when the change is committed, with the side effects in the order
 * that the RFC asks for.  So it keeps its place among all that passes the home.  Between two local
 * users both machines run, each at its own home.
 *
 * Runs on: the account's home.
 */
#include "home/roster.h"

#include "base/clock.h"
#include "home/gate.h"
#include "home/presence.h"
#include "home/router.h"
#include "home/session.h"

/* A request's payload beyond this is dropped; status and nick are kept (RFC 6121 3.1.3). */
#define PENDING_BYTES_MAX 4096

struct change {
	struct arena *arena; /* its own */
	struct jid contact; /* bare */
	struct subscription_change change;
	struct subscription_state before;
	enum subscription_event event;
	bool written; /* the roster item changed: item is what clients are told */
	struct roster_item item;
};

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
lets_in(struct subscription_state s)
{
	return s.subscription == SUB_FROM || s.subscription == SUB_BOTH;
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

static struct change *
change_new(struct jid contact, struct subscription_state before, enum subscription_event event,
	struct subscription_change change)
{
	struct arena *arena = arena_new(0);
	struct change *c = ARENA_NEW(arena, struct change);

	c->arena = arena;
	c->contact = jid_copy(arena, jid_bare(contact));
	c->before = before;
	c->event = event;
	c->change = change;
	return c;
}

static void
change_free(struct change *c)
{
	struct arena *arena = c->arena;

	arena_free(&arena);
}

/* A request that begins to wait, or waits no longer.  kept: what is remembered of it; the account
 * holds it, so that its text lasts until the statement is asked for. */
static void
set_pending(struct account *a, struct roster_item *i, const struct stanza *kept, struct asks *asks)
{
	AUTO(buf_fini) struct buf bytes = BUF_INIT;
	struct str text;

	if (!kept) {
		stanza_unref(&i->pending);
		asks_add(asks, &roster_queries[PENDING_DELETE],
			ARGS(of_jid(a->home.jid), of_jid(i->contact)));
		return;
	}
	i->pending = stanza_ref(kept);
	i->pending_at = clock_wall();
	stanza_write_alone(&bytes, kept);
	text = buf_str(&bytes);
	asks_add(asks, &roster_queries[PENDING_PUT],
		ARGS(of_jid(a->home.jid), of_jid(i->contact),
			of_str((struct str){ arena_str(asks_arena(asks), text), text.n }),
			of_int(i->pending_at)));
}

/* Puts the new state into memory, and what writes it into asks. */
static void
apply(struct account *a, struct change *c, const struct stanza *kept, struct asks *asks)
{
	struct subscription_state after = c->change.after, before = c->before;
	struct roster_item *i = roster_find(a, c->contact);

	if (!i)
		i = roster_add(a, c->contact);
	i->subscription = after.subscription;
	i->ask = after.ask;
	i->approved = after.approved;
	if (after.pending_in != before.pending_in)
		set_pending(a, i, after.pending_in ? kept : NULL, asks);
	c->written = after.subscription != before.subscription || after.ask != before.ask ||
		     after.approved != before.approved;
	if (c->written) {
		/* A request from outside makes no item (3.1.3); what the user does makes one. */
		i->in_roster = true;
		i->removed = false;
		roster_write(a, i, asks, c->arena, &c->item);
	}
}

/* The stanza into the gate, with the statements of the change if it makes one.  c is gone when this
 * returns, or soon after. */
static void
enter(struct account *a, struct change *c, const struct stanza *presence, const struct receipt *r,
	const struct stanza *kept, passage_fn *go)
{
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct jid contact = jid_copy(asks_arena(&asks), c->contact);
	struct roster_item *i;

	if (!same(c->before, c->change.after))
		apply(a, c, kept, &asks);
	gate_pass(&a->home,
		&(const struct passage){
			.stanza = presence, .receipt = r ? *r : RECEIPT_NONE, .ctx = c },
		&asks, go);
	i = roster_find(a, contact);
	roster_tidy(a, &i);
}

/* False: it is not on disk, or not needed any more; the receipt is given. */
static bool
is_committed(struct account *a, const struct passage *p)
{
	if (p->result != STORE_OK) {
		account_taint(a);
		route_bounce(a->home.worker, p->stanza, COND_RESOURCE_CONSTRAINT,
			"the roster cannot be written at the moment", &p->receipt);
		return false;
	}
	if (a->exists)
		return true;
	receipt_give(a->home.worker, &p->receipt);
	return false;
}

/* ---- What the user sends ------------------------------------------------------- */

/* 3.2.2: who is shut out sees everybody unavailable before the `unsubscribed`; 3.1.5: who was
 * let in sees who is there after the `subscribed`. */
static void
sent_passed(struct home *h, const struct passage *p)
{
	struct account *a = account_of(h);
	struct change *c = p->ctx;
	const struct stanza *out;

	if (is_committed(a, p)) {
		if (c->written)
			roster_written(a, &c->item);
		if (lets_in(c->before) && !lets_in(c->change.after))
			presence_hide_from(a, c->contact);
		if (c->change.route) {
			out = stanza_readdress(p->stanza, a->home.jid, c->contact);
			route(h->worker, &out, &p->receipt);
		} else {
			receipt_give(h->worker, &p->receipt);
		}
		if (!lets_in(c->before) && lets_in(c->change.after))
			presence_show_to(a, c->contact);
	}
	change_free(c);
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
	enum subscription_event event = event_of(presence);

	if (jid_is_none(presence->to) || jid_eq_bare(presence->to, a->home.jid)) {
		route_bounce(
			s->worker, presence, COND_NOT_ALLOWED, "nobody subscribes to oneself", r);
		return;
	}
	if (a->tainted) {
		route_bounce(s->worker, presence, COND_RESOURCE_CONSTRAINT,
			"the roster is being loaded again", r);
		return;
	}
	i = roster_find(a, presence->to);
	if (!has_room(s, i)) {
		route_bounce(
			s->worker, presence, COND_RESOURCE_CONSTRAINT, "the roster is full", r);
		return;
	}
	before = state_of(i);
	enter(a, change_new(presence->to, before, event, subscription_sent(before, event)),
		presence, r, NULL, sent_passed);
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

/* 3.1.3, 3.1.6, 3.2.3, 3.3.3: the user's sessions see the stanza, then the push. */
static void
received_passed(struct home *h, const struct passage *p)
{
	struct account *a = account_of(h);
	struct change *c = p->ctx;

	if (is_committed(a, p)) {
		if (c->change.deliver)
			show(a, p->stanza);
		if (c->written)
			roster_written(a, &c->item);
		if (c->change.answer)
			say(a, c->contact,
				c->event == EVENT_SUBSCRIBE ? PRESENCE_SUBSCRIBED
							    : PRESENCE_UNSUBSCRIBED);
		if (lets_in(c->before) && !lets_in(c->change.after))
			presence_hide_from(a, c->contact);
		if (!lets_in(c->before) && lets_in(c->change.after))
			presence_show_to(a, c->contact);
		receipt_give(h->worker, &p->receipt);
	}
	change_free(c);
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
	enum subscription_event event = event_of(presence);
	struct subscription_change change;
	struct subscription_state before;

	if (!a->exists || jid_eq_bare(presence->from, a->home.jid)) {
		receipt_give(a->home.worker, r);
		return;
	}
	if (a->tainted) {
		route_bounce(a->home.worker, presence, COND_RESOURCE_CONSTRAINT,
			"the roster is being loaded again", r);
		return;
	}
	bare = stanza_readdress(presence, jid_bare(presence->from), a->home.jid);
	before = state_of(roster_find(a, presence->from));
	change = subscription_received(before, event);
	if (change.after.pending_in && !before.pending_in) {
		if (pending_count(a) >= (size_t)config_of(a->home.worker)->c2s.max_pending) {
			receipt_give(a->home.worker, r);
			return;
		}
		kept = to_keep(bare);
	}
	enter(a, change_new(presence->from, before, event, change), bare, r, kept, received_passed);
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
