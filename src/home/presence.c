/*
 * presence.c -- RFC 6121 4: who is told that somebody is there.
 *
 * A session's broadcast goes as one stanza with a list of contacts; its first one also asks, with
 * probes, who of the contacts is there.  Whoever got directed presence without being a contact is
 * remembered (presence_directed.c) and told of the end.
 *
 * Runs on: the account's home.
 */
#include "home/presence.h"

#include <assert.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "home/presence_directed.h"
#include "home/roster.h"
#include "home/router.h"
#include "hook/hook.h"
#include "xmpp/datetime.h"

/* ---- Checks (RFC 6121 4.7.2) ------------------------------------------------------ */

static bool
check_show(const struct stanza *p, struct problem *why)
{
	static const char *const shows[] = { "away", "chat", "dnd", "xa" };
	const struct xml *show = stanza_child(p, NS_CLIENT, "show");
	struct str text = show && show->first ? show->first->text : STR_NONE;

	if (!show)
		return true;
	if (xml_next(show, NS_CLIENT, "show"))
		return problem(why, COND_BAD_REQUEST, "presence has at most one show");
	for (size_t i = 0; i < COUNT(shows); i++)
		if (str_is(text, shows[i]))
			return true;
	return problem(why, COND_BAD_REQUEST, "show is one of away, chat, dnd, xa");
}

static bool
check_priority(const struct stanza *p, int8_t *priority, struct problem *why)
{
	const struct xml *x = stanza_child(p, NS_CLIENT, "priority");
	struct str text = x && x->first ? str_trim(x->first->text) : STR_NONE;
	int64_t value;

	*priority = 0;
	if (!x)
		return true;
	if (xml_next(x, NS_CLIENT, "priority"))
		return problem(why, COND_BAD_REQUEST, "presence has at most one priority");
	if (text.n > 1 && text.p[0] == '+')
		text = (struct str){ text.p + 1, text.n - 1 };
	if (!str_int(text, -128, 127, &value))
		return problem(why, COND_BAD_REQUEST, "priority is a number from -128 to 127");
	*priority = (int8_t)value;
	return true;
}

/* ---- Recipients ------------------------------------------------------------------- */

bool
presence_is_for(struct account *a, const struct roster_item *i)
{
	struct contact_event ev = { { a->home.worker, home_host(&a->home) }, a, i };

	return !ev.head.host || hook_contact_told(&ev) == PASS;
}

/* Contacts that see the account, or that it sees; in *arena. */
static struct jid *
contacts(struct arena *arena, struct account *a, bool (*wanted)(const struct roster_item *i),
	size_t *count)
{
	struct jid *to = ARENA_ARRAY(arena, struct jid, a->roster->items.count + 1);

	*count = 0;
	for (struct hash_node *n = hash_next(&a->roster->items, NULL); n;
		n = hash_next(&a->roster->items, n)) {
		const struct roster_item *i = CONTAINER(n, struct roster_item, node);

		if (wanted(i) && presence_is_for(a, i))
			to[(*count)++] = i->contact;
	}
	return to;
}

static void
to_contacts(struct account *a, const struct stanza *p, bool (*wanted)(const struct roster_item *i))
{
	AUTO(arena_free) struct arena *arena = NULL;
	size_t count;
	struct jid *to;

	if (a->roster->items.count == 0)
		return;
	arena = arena_new(0);
	to = contacts(arena, a, wanted, &count);
	route_many(a->home.worker, p, to, count);
}

static void
send_as(struct session *s, const struct stanza *p, struct jid from)
{
	AUTO(stanza_unref) const struct stanza *own = stanza_readdress(p, from, s->jid);

	session_send(s, own);
}

static void
to_own_sessions(struct session *from, const struct stanza *p)
{
	for_each_session(s, from->account)
		if (s->available)
			send_as(s, p, from->jid);
}

/* ---- Broadcast: available ----------------------------------------------------------- */

/* Asked from the full JID, so that the answers go to the session that needs them. */
static void
probe_contacts(struct session *s)
{
	AUTO(stanza_unref)
	const struct stanza *probe =
		stanza_new(NULL, STANZA_PRESENCE, PRESENCE_PROBE, s->jid, JID_NONE, NULL, NULL);

	to_contacts(s->account, probe, roster_i_see);
}

static void
show_own_sessions(struct session *s)
{
	for_each_session(other, s->account)
		if (other != s && other->available)
			send_as(s, other->presence, other->jid);
}

static void
announce(struct session *s, bool first)
{
	struct session_event ev = { { s->worker, home_host(&s->account->home) }, s->account, s,
		s->presence };

	if (!ev.head.host)
		return;
	if (first)
		hook_session_available(&ev);
	if (s->priority >= 0 && !s->ready) {
		s->ready = true;
		hook_session_ready(&ev);
	}
	if (first)
		subscription_show_pending(s);
}

static void
broadcast_available(struct session *s, const struct stanza *p, const struct receipt *r)
{
	struct stanza_event ev = { { s->worker, home_host(&s->account->home) }, s->account, s, p,
		NULL };
	bool first = !s->available;
	struct problem why;
	int8_t priority;

	if (!check_show(p, &why) || !check_priority(p, &priority, &why)) {
		route_bounce(s->worker, p, why.cond, why.text, r);
		return;
	}
	if (ev.head.host)
		hook_presence_out(&ev);
	stanza_unref(&s->presence);
	s->presence = ev.owned ? ev.owned : stanza_ref(ev.stanza);
	s->presence_at = clock_wall();
	s->priority = priority;
	s->available = true;
	s->account->available_count += first;
	s->ready = s->ready && priority >= 0;
	to_contacts(s->account, s->presence, roster_sees_me);
	to_own_sessions(s, s->presence);
	if (first) {
		probe_contacts(s);
		show_own_sessions(s);
	}
	announce(s, first);
	receipt_give_behind(s->worker, r);
}

/* ---- Broadcast: unavailable --------------------------------------------------------- */

static char *
status_of(const struct stanza *p)
{
	const struct xml *status = stanza_child(p, NS_CLIENT, "status");

	return status && status->first && status->first->text.p
		       ? mem_copy_str(utf8_cut(status->first->text, 1023))
		       : NULL;
}

static void
remember_last(struct account *a, const struct stanza *p)
{
	a->last_unavailable = clock_wall();
	mem_free(&a->last_status);
	a->last_status = status_of(p);
}

static void
broadcast_unavailable(struct session *s, const struct stanza *p)
{
	struct session_event ev = { { s->worker, home_host(&s->account->home) }, s->account, s, p };

	directed_end(s, p);
	if (!s->available)
		return;
	to_contacts(s->account, p, roster_sees_me);
	to_own_sessions(s, p);
	s->available = s->ready = false;
	stanza_unref(&s->presence);
	assert(s->account->available_count > 0);
	if (--s->account->available_count == 0)
		remember_last(s->account, p);
	if (ev.head.host)
		hook_session_unavailable(&ev);
}

void
presence_end(struct session *s)
{
	AUTO(stanza_unref) const struct stanza *p = NULL;

	if (!s->available && s->directed.count == 0)
		return;
	p = stanza_new(NULL, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, s->jid, JID_NONE, NULL, NULL);
	broadcast_unavailable(s, p);
}

/* ---- What a session sends ------------------------------------------------------------- */

static void
out_directed(struct session *s, const struct stanza *p, const struct receipt *r)
{
	struct stanza_event ev = { { s->worker, home_host(&s->account->home) }, s->account, s, p,
		NULL };
	const struct stanza *out;

	if (p->type == PRESENCE_AVAILABLE && ev.head.host)
		hook_presence_out(&ev);
	if (p->type == PRESENCE_AVAILABLE && !roster_sees_me(roster_find(s->account, p->to)) &&
		!directed_add(s, p->to)) {
		stanza_unref(&ev.owned);
		route_bounce(s->worker, p, COND_POLICY_VIOLATION,
			"too many addresses got directed presence", r);
		return;
	}
	if (p->type == PRESENCE_UNAVAILABLE)
		directed_remove(s, p->to);
	out = ev.owned ? ev.owned : stanza_ref(p);
	route(s->worker, &out, r);
}

void
presence_out(struct session *s, const struct stanza *p, const struct receipt *r)
{
	const struct stanza *out;

	if (p->type == PRESENCE_AVAILABLE || p->type == PRESENCE_UNAVAILABLE) {
		if (!jid_is_none(p->to)) {
			out_directed(s, p, r);
			return;
		}
		if (p->type == PRESENCE_AVAILABLE) {
			broadcast_available(s, p, r);
			return;
		}
		broadcast_unavailable(s, p);
		receipt_give_behind(s->worker, r);
		return;
	}
	if (p->type == PRESENCE_ERROR && !jid_is_none(p->to)) {
		out = stanza_ref(p);
		route(s->worker, &out, r);
		return;
	}
	receipt_give(s->worker, r); /* a probe: the server's business, not a client's (4.3) */
}

/* ---- What reaches the account ----------------------------------------------------------- */

/* The presence with the time at which it was sent (XEP-0203). */
static const struct stanza *
delayed(const struct stanza *p, struct jid host, msec_t at)
{
	AUTO(arena_free) struct arena *arena = arena_new(256);
	struct xml *delay = xml_new(arena, NS_DELAY, "delay");
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, at);
	xml_attr(arena, delay, "from", jid_text(arena, host));
	xml_attr(arena, delay, "stamp", stamp);
	return stanza_beside(p, delay);
}

static void
answer_with(struct account *a, const struct stanza *p, struct jid from, struct jid to, msec_t at)
{
	AUTO(stanza_unref)
	const struct stanza *stamped = at ? delayed(p, jid_host(a->home.jid), at) : stanza_ref(p);
	const struct stanza *out = stanza_readdress(stamped, from, to);

	route(a->home.worker, &out, NO_RECEIPT);
}

static void
answer_plain(struct account *a, struct jid to, enum presence_type type, msec_t at)
{
	AUTO(stanza_unref)
	const struct stanza *p =
		stanza_new(NULL, STANZA_PRESENCE, type, a->home.jid, to, NULL, NULL);

	answer_with(a, p, a->home.jid, to, at);
}

/* RFC 6121 4.3.2.  Who may not see the account is told what one is told who asks for none. */
static void
in_probe(struct account *a, const struct stanza *probe)
{
	bool full = jid_is_full(probe->to);
	bool may = a->exists && account_shares_presence(a, probe->from);
	bool answered = false;

	for_each_session(s, a) {
		if (full && !jid_eq(s->jid, probe->to))
			continue;
		if (s->available && may) {
			answer_with(a, s->presence, s->jid, probe->from, s->presence_at);
			answered = true;
		}
	}
	if (answered)
		return;
	if (!may)
		answer_plain(a, jid_bare(probe->from), PRESENCE_UNSUBSCRIBED, 0);
	else if (!jid_eq_bare(probe->from, a->home.jid))
		answer_plain(a, probe->from, PRESENCE_UNAVAILABLE, a->last_unavailable);
}

static void
in_broadcast(struct account *a, const struct stanza *p)
{
	struct session *addressed;

	if (!jid_is_full(p->to)) {
		for_each_session(s, a)
			if (s->available)
				session_send(s, p);
		return;
	}
	addressed = account_session(a, jid_resource(p->to));
	if (addressed)
		session_send(addressed, p);
}

static void
in_error(struct account *a, const struct stanza *p)
{
	struct session *s = jid_is_full(p->to) ? account_session(a, jid_resource(p->to)) : NULL;

	if (!s)
		return;
	directed_remove(s, p->from);
	session_send(s, p);
}

void
presence_in(struct account *a, const struct stanza *p, const struct receipt *r)
{
	if (p->type == PRESENCE_PROBE)
		in_probe(a, p);
	else if (p->type == PRESENCE_ERROR)
		in_error(a, p);
	else
		in_broadcast(a, p);
	receipt_give(a->home.worker, r);
}

/* ---- One contact -------------------------------------------------------------------------- */

void
presence_show_to(struct account *a, struct jid contact)
{
	for_each_session(s, a)
		if (s->available)
			answer_with(a, s->presence, s->jid, contact, 0);
}

void
presence_hide_from(struct account *a, struct jid contact)
{
	AUTO(stanza_unref)
	const struct stanza *p = stanza_new(
		NULL, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, a->home.jid, JID_NONE, NULL, NULL);

	for_each_session(s, a)
		if (s->available)
			answer_with(a, p, s->jid, contact, 0);
}

void
presence_hide_directed(
	struct account *a, bool (*meant)(struct jid to, const void *ctx), const void *ctx)
{
	for_each_session(s, a) {
		AUTO(stanza_unref) const struct stanza *p = NULL;

		if (s->directed.count == 0)
			continue;
		p = stanza_new(
			NULL, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, s->jid, JID_NONE, NULL, NULL);
		directed_end_some(s, p, meant, ctx);
	}
}
