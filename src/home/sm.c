/*
 * sm.c -- stream management of sessions: acks both ways, waiting without a connection, resumption.
 *
 * What the client sent counts when it is settled without a gap (the session's window).  A client
 * that resumes is told that number only when nothing is under way any more: what it would send
 * again otherwise would be there twice.
 *
 * Every stanza that is sent goes through the queue, and stays there until the client has it.  When
 * the session is over, a message that no session of the account got goes to those that are there,
 * or is left to whoever keeps messages (message_unacked); a request is answered with an error; the
 * rest says nothing that will not be said again.
 *
 * Runs on: the account's home.
 */
#include "home/sm.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/deliver.h"
#include "home/local.h"
#include "home/router.h"
#include "home/trace.h"
#include "hook/hook.h"

#include <assert.h>
#include <string.h>

struct sm_expired {
	char id[RAND_ID_SIZE];
	uint32_t settled;
};

static const struct c2s_conf *
conf_of(const struct session *s)
{
	return &config_of(s->worker)->c2s;
}

/* ---- Acks of what the client sent ------------------------------------------------------ */

static bool
reached(const struct session *s, uint32_t number)
{
	return s->window.settled - number < UINT32_C(1) << 31;
}

uint32_t
sm_settled(const struct session *s)
{
	return reached(s, s->sm->base) ? s->window.settled - s->sm->base : 0;
}

static void
answer(struct session *s)
{
	if (s->outlet)
		s->outlet->ops->ack(s->outlet, sm_settled(s));
}

/* Late: with what is settled.  The rest is told when it is, unasked. */
static void
answer_late(struct worker *w, struct timer *t)
{
	struct sm *sm = CONTAINER(t, struct sm, answer);

	(void)w;
	answer(sm->session);
	sm->due = sm->last;
}

static void
check_asked(struct session *s)
{
	struct sm *sm = s->sm;

	if (!sm->asked || !reached(s, sm->due))
		return;
	answer(s);
	sm->due = sm->last;
	sm->asked = !reached(s, sm->last);
	if (sm->asked)
		timer_set(s->worker, &sm->answer, SM_ANSWER_WITHIN, answer_late);
	else
		timer_clear(s->worker, &sm->answer);
}

void
sm_asked(struct session *s)
{
	struct sm *sm = s->sm;

	sm->last = s->window.begun;
	if (!sm->asked || !timer_is_set(&sm->answer)) {
		sm->asked = true;
		sm->due = sm->last;
		if (!reached(s, sm->due))
			timer_set(s->worker, &sm->answer, SM_ANSWER_WITHIN, answer_late);
	}
	check_asked(s);
}

/* ---- Acks of what it was sent ------------------------------------------------------------ */

static void
ask(struct session *s)
{
	struct sm *sm = s->sm;

	timer_clear(s->worker, &sm->ask);
	sm->awaiting = true;
	sm->unasked = 0;
	s->outlet->ops->ask(s->outlet);
}

/* A session that ends may wait without an outlet for what it sent (session.c, on_end). */
static void
ask_after(struct worker *w, struct timer *t)
{
	struct session *s = CONTAINER(t, struct sm, ask)->session;

	(void)w;
	if (s->outlet)
		ask(s);
}

static void
check_ask(struct session *s)
{
	struct sm *sm = s->sm;

	if (!s->outlet || sm->awaiting || sm->unasked == 0)
		return;
	if (sm->unasked >= SM_ASK_EVERY)
		ask(s);
	else if (!timer_is_set(&sm->ask))
		timer_set(s->worker, &sm->ask, SM_ASK_AFTER, ask_after);
}

/* What is about to be acknowledged. */
static void
tell_acked(const struct session *s, uint32_t h)
{
	const struct unacked *q = &s->sm->queue;
	uint32_t more = h - q->acked;

	for (uint32_t i = 0; more <= q->count && i < more; i++) {
		const struct handed *message = unacked_at(q, i)->handed;

		if (message)
			trace(s->worker, TRACE_ACKED, message->message, s->jid, NULL, 0);
	}
}

bool
sm_acked(struct session *s, uint32_t h)
{
	struct sm *sm = s->sm;

	if (unacked_too_high(&sm->queue, h))
		return false;
	sm->awaiting = false;
	tell_acked(s, h);
	unacked_ack(&sm->queue, h);
	if (sm->queue.count == 0) {
		sm->unasked = 0;
		timer_clear(s->worker, &sm->ask);
	}
	check_ask(s);
	return true;
}

void
sm_sent(struct session *s, const struct stanza *stanza, struct handed *h)
{
	struct sm *sm = s->sm;

	unacked_put(&sm->queue, stanza, h);
	if (sm->queue.count > (size_t)conf_of(s)->max_unacked ||
		sm->queue.bytes > (size_t)conf_of(s)->max_unacked_bytes) {
		session_close(s, STREAM_COND_POLICY_VIOLATION, "too much is not acknowledged");
		return;
	}
	if (!s->outlet)
		return;
	s->outlet->ops->stanza(s->outlet, stanza);
	sm->unasked++;
	check_ask(s);
}

bool
session_has_room(const struct session *s)
{
	const struct c2s_conf *conf = conf_of(s);

	return !s->sm || (s->sm->queue.count <= (size_t)conf->max_unacked / 4 &&
				 s->sm->queue.bytes <= (size_t)conf->max_unacked_bytes / 4);
}

/* ---- Begin ---------------------------------------------------------------------------------- */

void
sm_enable(struct session *s, bool resume, msec_t max)
{
	const struct c2s_conf *conf = conf_of(s);
	struct sm *sm = MEM_NEW(struct sm);

	assert(!s->sm && s->account);
	sm->session = s;
	sm->base = s->window.begun;
	if (resume && conf->resume_timeout > 0) {
		rand_id(sm->id);
		sm->max = max > 0 && max < conf->resume_timeout ? max : conf->resume_timeout;
	}
	s->sm = sm;
}

/* ---- Without a connection ------------------------------------------------------------------- */

static void
expire(struct worker *w, struct timer *t)
{
	struct session *s = CONTAINER(t, struct sm, expiry)->session;

	(void)w;
	log_info(AREA_HOME, s->stream->id, "was not resumed in time");
	session_close(s, STREAM_COND_NONE, NULL);
}

static void
rest(struct session *s)
{
	struct sm *sm = s->sm;

	timer_clear(s->worker, &sm->answer);
	timer_clear(s->worker, &sm->ask);
	timer_clear(s->worker, &sm->expiry);
	sm->asked = sm->awaiting = false;
	sm->unasked = 0;
	s->outlet = NULL;
	s->paused = false;
	if (s->stream != &sm->stream)
		sm->stream = *s->stream;
	s->stream = &sm->stream;
}

bool
sm_hibernate(struct session *s)
{
	struct sm *sm = s->sm;

	if (!sm || !sm->id[0])
		return false;
	rest(s);
	timer_set(s->worker, &sm->expiry, sm->max, expire);
	log_info(AREA_HOME, s->stream->id, "waits to be resumed, for %lld s at most",
		(long long)(sm->max / SECONDS(1)));
	return true;
}

void
sm_revive(struct session *s, struct str id, msec_t max, uint32_t settled, struct unacked *queue)
{
	struct sm *sm = MEM_NEW(struct sm);

	assert(!s->sm && !s->outlet);
	sm->session = s;
	memcpy(sm->id, id.p, id.n < sizeof(sm->id) ? id.n : sizeof(sm->id) - 1);
	sm->max = max;
	sm->stream = *s->stream;
	sm->queue = *queue;
	*queue = (struct unacked){ .acked = 0 };
	s->window.begun = s->window.settled = settled;
	s->stream = &sm->stream;
	s->sm = sm;
	timer_set(s->worker, &sm->expiry, sm->max, expire);
}

/* ---- Resume ------------------------------------------------------------------------------------ */

static struct session *
find(const struct account *a, struct str id)
{
	for_each_session(s, a) {
		if (s->sm && s->sm->id[0] && !s->ending && str_is(id, s->sm->id))
			return s;
	}
	return NULL;
}

static void
resend(struct session *s)
{
	struct sm *sm = s->sm;

	for (size_t i = 0; s->outlet && i < sm->queue.count; i++) {
		const struct unacked_item *item = unacked_at(&sm->queue, i);

		if (item->handed)
			trace(s->worker, TRACE_AGAIN, item->handed->message, s->jid, NULL, 0);
		s->outlet->ops->stanza(s->outlet, item->stanza);
		sm->unasked++;
	}
}

static void
complete(struct session *s)
{
	struct sm *sm = s->sm;
	struct resume_request *r = sm->resuming;
	struct session_event ev = { { s->worker, home_host(&s->account->home) }, s->account, s,
		NULL };

	sm->resuming = NULL;
	timer_clear(s->worker, &sm->expiry);
	tell_acked(s, r->h);
	unacked_ack(&sm->queue, r->h);
	s->outlet = r->outlet;
	s->stream = r->stream;
	r->settled = sm_settled(s);
	r->done(r, RESUME_OK, s);
	resend(s);
	if (ev.head.host && !s->ending)
		(void)hook_session_flush(&ev); /* nothing to stop */
	check_ask(s);
}

static enum resume_result
refuse(const struct account *a, struct resume_request *r)
{
	for (unsigned i = 0; i < a->expired_count; i++) {
		if (str_is(r->id, a->expired[i].id)) {
			r->settled = a->expired[i].settled;
			return RESUME_EXPIRED;
		}
	}
	return RESUME_UNKNOWN;
}

/* The session is this request's from now on. */
static void
take_over(struct session *s, struct resume_request *r)
{
	struct resume_request *older = s->sm->resuming;
	struct outlet *old = s->outlet;

	rest(s);
	s->sm->resuming = r;
	if (old)
		old->ops->leave(old, STREAM_COND_CONFLICT);
	if (older)
		older->done(older, RESUME_UNKNOWN, NULL);
	if (window_open(&s->window) == 0)
		complete(s);
}

static void
resume_ready(struct home *h, struct home_wait *wait, bool ok)
{
	struct resume_request *r = CONTAINER(wait, struct resume_request, wait);
	struct account *a = account_of(h);
	struct session *s = ok ? find(a, r->id) : NULL;

	if (!ok) {
		r->done(r, RESUME_AWAY, NULL);
	} else if (!s || a->disabled || !home_host(h)) {
		r->done(r, refuse(a, r), NULL);
	} else if (unacked_too_high(&s->sm->queue, r->h)) {
		r->sent = unacked_sent(&s->sm->queue);
		r->done(r, RESUME_TOO_HIGH, NULL);
	} else {
		take_over(s, r);
	}
}

void
sm_resume(struct resume_request *r)
{
	assert(worker_is_here(r->worker));
	r->wait.ready = resume_ready;
	home_with(r->worker, &account_kind, r->bare, &r->wait);
}

void
sm_moved(struct session *s)
{
	if (s->sm->resuming && window_open(&s->window) == 0)
		complete(s);
	check_asked(s);
}

/* ---- The end -------------------------------------------------------------------------------------- */

static void
remember(struct account *a, const char *id, uint32_t settled)
{
	struct sm_expired *e;

	if (!a->expired)
		a->expired = mem_new(SM_EXPIRED_MAX * sizeof(*a->expired));
	if (a->expired_count == SM_EXPIRED_MAX)
		memmove(a->expired, a->expired + 1, --a->expired_count * sizeof(*a->expired));
	e = &a->expired[a->expired_count++];
	memcpy(e->id, id, sizeof(e->id));
	e->settled = settled;
}

void
sm_forget(struct account *a)
{
	mem_free(&a->expired);
	a->expired_count = 0;
}

static void
give_elsewhere(struct account *a, const struct unacked_item *item)
{
	if (local_of(a->home.worker)->closing)
		return;
	if (!item->handed) {
		if (stanza_is_request(item->stanza) && !jid_is_none(item->stanza->from))
			route_bounce(a->home.worker, item->stanza, COND_RECIPIENT_UNAVAILABLE, NULL,
				NULL);
	} else if (!item->handed->got && item->handed->refs == 1) {
		deliver_again(a, item->handed->message, item->handed->place);
	}
}

void
sm_give_up(struct session *s, struct account *a)
{
	assert(s->ending);
	while (s->sm->queue.count > 0) {
		struct unacked_item item = unacked_take(&s->sm->queue);

		give_elsewhere(a, &item);
		handed_unref(&item.handed);
		stanza_unref(&item.stanza);
	}
}

void
sm_end(struct session *s, struct account *a)
{
	struct sm *sm = s->sm;
	struct resume_request *r = sm->resuming;

	timer_clear(s->worker, &sm->answer);
	timer_clear(s->worker, &sm->ask);
	timer_clear(s->worker, &sm->expiry);
	sm->resuming = NULL;
	if (sm->id[0])
		remember(a, sm->id, sm_settled(s));
	if (r)
		r->done(r, refuse(a, r), NULL);
	sm_give_up(s, a);
	unacked_fini(&sm->queue);
}
