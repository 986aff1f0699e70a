/*
 * session.c -- bound resources of this worker.
 *
 * An end has two parts.  finish() is the session's: presence goes out, jobs and hooks are told,
 * account and seat are left. The memory stays until the outlet has called session_end, and until
 * the turn is over: whoever works with a session inside a turn need not fear that writing to it
 * ends it.
 *
 * What a client sends passes the gate of its home (home/gate.h), and so does the session's end.
 *
 * Runs on: the account's home.
 */
#include "home/session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "home/copies.h"
#include "home/gate.h"
#include "home/job.h"
#include "home/local.h"
#include "home/presence.h"
#include "home/roster.h"
#include "home/router.h"
#include "home/sm.h"
#include "home/trace.h"
#include "hook/hook.h"
#include "run/place.h"

#include <assert.h>
#include <string.h>

static const struct stream_info stream_gone = { .transport = "" };

/* ---- Marks ---------------------------------------------------------------------- */

/* Written down among the marks. */
#define HISTORY_FROM "history from "
#define HISTORY_TO "history to "

static const char *mark_names[64];
static unsigned marks_count;

uint64_t
session_mark_add(const char *name)
{
	assert(marks_count < COUNT(mark_names));
	mark_names[marks_count] = name;
	return UINT64_C(1) << marks_count++;
}

void
session_marks_write(const struct session *s, struct buf *out)
{
	if (s->history_to > 0)
		buf_printf(out, HISTORY_FROM "%lld\n" HISTORY_TO "%lld\n",
			(long long)s->history_from, (long long)s->history_to);
	for (unsigned i = 0; i < marks_count; i++)
		if (s->marks & UINT64_C(1) << i)
			buf_printf(out, "%s\n", mark_names[i]);
}

/* True if the line begins so; the number behind it, if it is one. */
static bool
read_history(struct str line, struct str name, int64_t *id)
{
	if (!str_starts(line, name))
		return false;
	line.p += name.n;
	line.n -= name.n;
	(void)str_int(line, 0, INT64_MAX, id); /* else it stays 0 */
	return true;
}

void
session_marks_read(struct session *s, struct str names)
{
	while (names.p) {
		struct str name = str_cut(&names, '\n');

		if (read_history(name, STR(HISTORY_FROM), &s->history_from) ||
			read_history(name, STR(HISTORY_TO), &s->history_to))
			continue;
		for (unsigned i = 0; i < marks_count; i++)
			if (str_is(name, mark_names[i]))
				s->marks |= UINT64_C(1) << i;
	}
}

/* ---- End -------------------------------------------------------------------------- */

static struct session_event
event_of(struct session *s)
{
	return (struct session_event){
		.head = { s->worker, home_host(&s->account->home) },
		.account = s->account,
		.session = s,
	};
}

/* It is no more; only its outlet may still hold it. */
static void
finish(struct session *s)
{
	struct account *a = s->account;
	struct session_event ev;

	if (!a)
		return;
	s->ending = true;
	ev = event_of(s);
	presence_end(s);
	if (ev.head.host)
		(void)hook_session_ended(&ev); /* an end cannot be stopped */
	jobs_session_ended(s);
	list_remove(&s->link);
	a->sessions_count--;
	seat_leave(s);
	s->account = NULL;
	if (s->sm)
		sm_end(s, a);
	home_unpin(&a->home);
}

static void
session_free(struct session *s)
{
	stanza_unref(&s->presence);
	hash_fini(&s->directed);
	mem_free(&s->sm);
	copies_drop(s);
	mem_free(&s->jid.text);
	mem_free(&s);
}

static void
end_passed(struct home *h, const struct passage *p)
{
	struct session *s = p->ctx;

	(void)h;
	finish(s);
	session_free(s);
}

/* What it sent before goes first. */
static void
on_end(struct worker *w, struct later *l)
{
	struct session *s = CONTAINER(l, struct session, later);
	struct passage end = { .ctx = s };

	(void)w;
	if (s->account)
		gate_pass(&s->account->home, &end, NULL, end_passed);
	else
		session_free(s);
}

/* At the end of the turn; once. */
static void
end_later(struct session *s)
{
	s->ending = true;
	if (s->leaving)
		return;
	s->leaving = true;
	s->later.run = on_end;
	worker_later(s->worker, &s->later);
}

void
session_end(struct session *s)
{
	assert(worker_is_here(s->worker));
	assert(s->outlet);
	s->outlet = NULL;
	s->stream = &stream_gone;
	end_later(s);
}

void
session_lost(struct session *s)
{
	assert(worker_is_here(s->worker));
	assert(s->outlet);
	if (!s->account || s->ending || !sm_hibernate(s))
		session_end(s);
}

void
session_close(struct session *s, enum stream_cond c, const char *text)
{
	assert(worker_is_here(s->worker));
	if (s->outlet)
		s->outlet->ops->close(s->outlet, c, text);
	else
		end_later(s);
}

/* Its place is needed now. */
static void
supersede(struct session *s)
{
	log_info(AREA_HOME, s->stream->id, "replaced by a newer session of the same resource");
	finish(s);
	session_close(s, STREAM_COND_CONFLICT, NULL);
}

static bool
is_left(const struct session *s, const struct config *next)
{
	return s->account && !config_host(next, jid_domain(s->jid));
}

/* What one of them leaves is for none of the others. */
static void
mark_left(struct session *s, void *next)
{
	if (is_left(s, next))
		s->ending = true;
}

static void
end_left(struct session *s, void *next)
{
	if (!is_left(s, next))
		return;
	finish(s);
	session_close(s, STREAM_COND_HOST_GONE, NULL);
}

void
sessions_leave(struct worker *w, const struct config *next)
{
	void *ctx = (void *)(uintptr_t)next; /* nobody changes it */

	sessions_each(w, mark_left, ctx);
	sessions_each(w, end_left, ctx);
}

void
sessions_end_all(struct account *a)
{
	for_each_session(s, a) {
		s->available = false;
		finish(s);
		if (s->outlet) {
			session_close(s, STREAM_COND_SYSTEM_SHUTDOWN, NULL);
			continue;
		}
		worker_not_later(s->worker, &s->later);
		session_free(s);
	}
}

/* ---- Bind --------------------------------------------------------------------------- */

static struct jid
full_jid(struct jid bare, struct str resource)
{
	struct str text = jid_bare_str(bare);
	char *copy = mem_new(text.n + 1 + resource.n + 1);

	memcpy(copy, text.p, text.n);
	copy[text.n] = '/';
	memcpy(copy + text.n + 1, resource.p, resource.n);
	return (struct jid){ copy, bare.local, bare.domain, (uint16_t)resource.n };
}

static struct session *
session_new(struct account *a, struct str resource)
{
	struct session *s = MEM_NEW(struct session);

	s->account = a;
	s->worker = a->home.worker;
	s->jid = full_jid(a->home.jid, resource);
	s->stream = &stream_gone;
	s->bound_at = clock_wall();
	list_init(&s->jobs);
	hash_init(&s->directed);
	list_append(&a->sessions, &s->link);
	a->sessions_count++;
	home_pin(&a->home);
	seat_take(s);
	return s;
}

struct session *
session_revive(struct account *a, struct str resource)
{
	static const struct stream_info kept = { .id = "kept", .transport = "c2s" };
	struct session *s = session_new(a, resource);

	s->stream = &kept;
	return s;
}

/* Sessions that wait for their clients give way, the oldest first. */
static bool
make_room(struct account *a)
{
	uint64_t max = (uint64_t)config_of(a->home.worker)->c2s.max_sessions;

	for_each_session(s, a) {
		if (a->sessions_count < max)
			break;
		if (s->outlet)
			continue;
		log_info(AREA_HOME, s->stream->id, "gave way to a newer session");
		finish(s);
		session_close(s, STREAM_COND_NONE, NULL);
	}
	return a->sessions_count < max;
}

static void
bind_to(struct account *a, struct bind_request *r)
{
	char id[RAND_ID_SIZE];
	struct str resource = r->resource;
	struct session *s;
	struct session_event ev;

	if (!resource.p) {
		rand_id(id);
		resource = str_of(id);
	}
	s = account_session(a, resource);
	if (s)
		supersede(s);
	if (!make_room(a)) {
		r->done(r, BIND_CONSTRAINT, NULL);
		return;
	}
	s = session_new(a, resource);
	s->outlet = r->outlet;
	s->stream = r->stream;
	r->done(r, BIND_OK, s);
	ev = event_of(s);
	if (ev.head.host && !s->ending)
		(void)hook_session_bound(&ev); /* nothing to stop */
}

static void
bind_ready(struct home *h, struct home_wait *wait, bool ok)
{
	struct bind_request *r = CONTAINER(wait, struct bind_request, wait);
	struct account *a = account_of(h);

	if (!ok || a->reserved)
		r->done(r, BIND_AWAY, NULL);
	else if (!a->exists || a->disabled || !home_host(h))
		r->done(r, BIND_NO_ACCOUNT, NULL);
	else
		bind_to(a, r);
}

void
session_bind(struct bind_request *r)
{
	assert(worker_is_here(r->worker));
	assert(place_of(jid_bare_str(r->bare)) == r->worker);
	r->wait.ready = bind_ready;
	home_with(r->worker, &account_kind, r->bare, &r->wait);
}

/* ---- Under way -------------------------------------------------------------------------- */

void
session_check(struct session *s)
{
	uint32_t open = window_open(&s->window);
	bool full = open >= SESSION_UNDER_WAY_MAX || s->jobs_count >= SESSION_JOBS_MAX;
	bool low = open <= SESSION_UNDER_WAY_MAX / 2 && s->jobs_count <= SESSION_JOBS_MAX / 2;

	if (!s->outlet)
		return;
	if (full && !s->paused) {
		s->paused = true;
		s->outlet->ops->pause(s->outlet);
	} else if (low && s->paused) {
		s->paused = false;
		s->outlet->ops->resume(s->outlet);
	}
}

void
session_settle(struct session *s, uint32_t number)
{
	if (!window_settle(&s->window, number))
		return;
	if (s->sm)
		sm_moved(s);
	session_check(s);
}

struct receipt
session_receipt(struct session *s)
{
	struct receipt r = { s->worker, s->slot, s->generation, window_begin(&s->window) };

	session_check(s);
	return r;
}

/* ---- Send and receive --------------------------------------------------------------------- */

/* In a room: it is not kept for who is not there, and nobody waits for its ack. */
static bool
is_said(const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && s->type == MESSAGE_GROUPCHAT;
}

void
session_hand(struct session *s, const struct stanza *stanza, struct handed *h)
{
	struct out_event ev = { .account = s->account, .session = s, .stanza = stanza };

	assert(worker_is_here(s->worker));
	if (s->filters > 0 && !s->ending) {
		ev.head = (struct event_head){ s->worker, home_host(&s->account->home) };
		if (ev.head.host && hook_session_out(&ev) == STOP)
			return;
	}
	if (!s->ending && (h || is_said(stanza)))
		trace(s->worker, s->outlet ? TRACE_DELIVERED : TRACE_QUEUED,
			h ? h->message : stanza, s->jid, NULL, 0);
	if (s->sm && !s->ending) {
		sm_sent(s, stanza, h);
		return;
	}
	if (!s->outlet)
		return;
	s->outlet->ops->stanza(s->outlet, stanza);
	if (h)
		h->got = true;
}

void
session_send(struct session *s, const struct stanza *stanza)
{
	session_hand(s, stanza, NULL);
}

size_t
session_unsent(const struct session *s)
{
	return s->outlet && s->outlet->ops->unsent ? s->outlet->ops->unsent(s->outlet) : 0;
}

const struct stanza *
session_oldest_unacked(const struct session *s)
{
	for (size_t i = 0; s->sm && i < s->sm->queue.count; i++) {
		const struct handed *h = unacked_at(&s->sm->queue, i)->handed;

		if (h && !h->got)
			return h->message;
	}
	return NULL;
}

/* The session that sent it, if it is still there. */
static struct session *
sender_of(const struct passage *p)
{
	return session_find(p->receipt.worker, p->receipt.slot, p->receipt.generation);
}

/* What had to be on disk is: the message goes on. */
static void
message_passed(struct home *h, const struct passage *p)
{
	struct message_event ev = { .head = { h->worker, home_host(h) },
		.account = account_of(h),
		.session = sender_of(p),
		.stanza = p->stanza,
		.receipt = &p->receipt,
		.place = p->place,
		.archive_id = p->archive_id,
		.again = p->again };
	const struct stanza *out;
	bool again;

	if (p->result != STORE_OK) {
		if (ev.head.host)
			(void)hook_message_refused(&ev); /* nothing to stop */
		trace(h->worker, TRACE_REFUSED, p->stanza, h->jid, NULL, 0);
		route_bounce(h->worker, p->stanza, COND_RESOURCE_CONSTRAINT,
			"the message could not be stored", &p->receipt);
		return;
	}
	again = p->again && !(ev.head.host && hook_message_known(&ev) == STOP);
	trace(h->worker,
		again		     ? TRACE_REPEATED
		: p->archive_id != 0 ? TRACE_STORED
				     : TRACE_PASSED,
		p->stanza, h->jid, h, again ? 0 : p->archive_id);
	if (ev.head.host && !again)
		(void)hook_message_accepted(&ev); /* nobody can stop it any more */
	/* What its recipient knows of it is another matter. */
	out = p->again ? stanza_again(ev.stanza) : stanza_ref(ev.stanza);
	route(h->worker, &out, &p->receipt);
	stanza_unref(&ev.owned);
}

/* RFC 6120 10.3.1: without `to` a message is for the sender's own account. */
static void
send_message(struct session *s, const struct host *host, const struct stanza *message,
	const struct receipt *r)
{
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct message_event ev = { .head = { s->worker, host },
		.account = s->account,
		.session = s,
		.stanza = message,
		.receipt = r,
		.asks = &asks,
		.place = home_next_id(&s->account->home) };

	if (jid_is_none(message->to))
		event_replace(&ev, stanza_readdress(message, message->from, s->account->home.jid));
	trace(s->worker, TRACE_ACCEPTED, ev.stanza, s->jid, NULL, 0);
	if (hook_message_sent(&ev) == PASS)
		gate_pass(&s->account->home,
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

/* The host that a domain of ours without local part and resource names, or NULL. */
static const struct host *
asked_host(const struct session *s, struct jid to)
{
	if (to.local > 0 || jid_is_full(to))
		return NULL;
	return config_host(config_of(s->worker), jid_domain(to));
}

/* RFC 6120 10.3.3, 10.5: what the server answers is answered here; answers to what it asked end
 * here. */
static void
send_iq(struct session *s, const struct host *host, const struct stanza *iq,
	const struct receipt *r)
{
	bool own = jid_is_none(iq->to) || jid_eq(iq->to, s->account->home.jid);
	const struct host *asked = own ? host : asked_host(s, iq->to);
	const struct stanza *out;

	if (!stanza_is_request(iq) && (asked || session_answered(s, iq))) {
		if (asked)
			(void)session_answered(s, iq); /* to a push, if to nothing that waits */
		receipt_give(s->worker, r);
	} else if (asked) {
		iq_dispatch(s->worker, asked, s->account, s, own ? TO_SELF : TO_HOST, iq, r);
	} else {
		out = stanza_ref(iq);
		route(s->worker, &out, r);
	}
}

/* The rest of a session that was replaced meanwhile is for nobody. */
static void
other_passed(struct home *h, const struct passage *p)
{
	const struct host *host = home_host(h);
	struct session *s = sender_of(p);

	if (!s || !s->account || !host || p->result != STORE_OK)
		receipt_give(h->worker, &p->receipt);
	else if (p->stanza->kind == STANZA_PRESENCE)
		presence_out(s, p->stanza, &p->receipt);
	else
		send_iq(s, host, p->stanza, &p->receipt);
}

static void
send_any(struct session *s, const struct host *host, const struct stanza *stanza,
	const struct receipt *r)
{
	if (gate_is_full(&s->account->home))
		route_refuse(s->worker, stanza, COND_RESOURCE_CONSTRAINT, r);
	else if (stanza->kind == STANZA_MESSAGE)
		send_message(s, host, stanza, r);
	else if (is_subscription(stanza))
		subscription_out(s, stanza, r);
	else
		gate_pass(&s->account->home,
			&(const struct passage){ .stanza = stanza, .receipt = *r }, NULL,
			other_passed);
}

/* Whether a stanza of the client may be taken now: a transport that does not pause when it is told
 * to has no more room. */
static bool
takes(struct session *s)
{
	if (!s->account || s->ending)
		return false;
	if (window_open(&s->window) < WINDOW_MAX)
		return true;
	session_close(s, STREAM_COND_POLICY_VIOLATION, NULL);
	return false;
}

static void
receive(struct session *s, struct stanza_event *ev)
{
	struct receipt r = session_receipt(s);

	ev->account = s->account;
	ev->head.host = home_host(&s->account->home);
	if (!ev->head.host)
		session_close(s, STREAM_COND_HOST_GONE, NULL);
	else if (hook_stanza_out(ev) == PASS)
		send_any(s, ev->head.host, ev->stanza, &r);
	else
		receipt_give(s->worker, &r);
}

void
session_receive(struct session *s, const struct stanza *stanza)
{
	struct stanza_event ev = { .head = { s->worker, NULL }, .session = s, .stanza = stanza };

	assert(worker_is_here(s->worker));
	ev.owned = stanza;
	if (takes(s))
		receive(s, &ev);
	stanza_unref(&ev.owned);
}

void
session_refuse(struct session *s, const struct stanza *error)
{
	struct receipt r;

	assert(worker_is_here(s->worker));
	if (!takes(s))
		return;
	r = session_receipt(s);
	if (error)
		session_send(s, error);
	receipt_give(s->worker, &r);
}
