/*
 * sm.c -- the protocol of stream management (XEP-0198): what a client asks and is told.
 *
 * Counters and queue are the session's (home/sm.h).  A client that resumes is taken to its
 * account's home first, as one that binds; only there its session is looked for, so that no client
 * reaches a session of another account.
 *
 * Runs on: the stream's worker.
 */
#include "home/sm.h"

#include "base/log.h"
#include "run/place.h"
#include "stream/stream.h"
#include "stream/transport.h"

#include <inttypes.h>

struct resuming {
	struct resume_request request; /* first */
	struct stream *stream;
	struct arena *arena;
};

static void
fail(struct stream *s, enum cond c)
{
	stream_put(s, "<failed xmlns='" NS_SM "'><%s xmlns='" NS_STANZA_ERRORS "'/></failed>",
		cond_name(c));
}

static bool
is_true(const char *text)
{
	return text && (text_eq(text, "true") || text_eq(text, "1"));
}

static bool
read_number(const struct xml *x, const char *name, uint32_t *n)
{
	const char *text = xml_get(x, name);
	int64_t value;

	if (!text || !str_int(str_of(text), 0, UINT32_MAX, &value))
		return false;
	*n = (uint32_t)value;
	return true;
}

/* ---- Enable (XEP-0198 3) ---------------------------------------------------------------- */

static void
put_enabled(struct stream *s, const struct sm *sm)
{
	if (sm->id[0])
		stream_put(s, "<enabled xmlns='" NS_SM "' id='%s' resume='true' max='%lld'/>",
			sm->id, (long long)(sm->max / SECONDS(1)));
	else
		stream_put(s, "<enabled xmlns='" NS_SM "'/>");
}

void
stream_sm_enable(struct stream *s, struct arena **arena, const struct xml *element)
{
	uint32_t max = 0;

	(void)arena;
	if (s->state != STREAM_BOUND) {
		fail(s, COND_UNEXPECTED_REQUEST);
		return;
	}
	if (s->session->sm) {
		fail(s, COND_UNEXPECTED_REQUEST);
		stream_end(s, STREAM_COND_POLICY_VIOLATION, "stream management is enabled already");
		return;
	}
	(void)read_number(element, "max", &max);
	sm_enable(s->session, is_true(xml_get(element, "resume")), SECONDS((msec_t)max));
	put_enabled(s, s->session->sm);
}

/* ---- Acks (4) ----------------------------------------------------------------------------- */

static void
end_too_high(struct stream *s, uint32_t h, uint32_t sent)
{
	AUTO(arena_free) struct arena *a = arena_new(256);

	stream_end_with(s, STREAM_COND_UNDEFINED_CONDITION,
		arena_printf(a, "%" PRIu32 " stanzas were acknowledged, but only %" PRIu32 " sent",
			h, sent),
		arena_printf(a,
			"<handled-count-too-high xmlns='" NS_SM "' h='%" PRIu32
			"' send-count='%" PRIu32 "'/>",
			h, sent));
}

void
stream_sm_asked(struct stream *s, struct arena **arena, const struct xml *element)
{
	(void)arena;
	(void)element;
	if (s->session->sm)
		sm_asked(s->session);
	else
		stream_end(
			s, STREAM_COND_UNSUPPORTED_STANZA_TYPE, "stream management is not enabled");
}

void
stream_sm_acked(struct stream *s, struct arena **arena, const struct xml *element)
{
	struct session *session = s->session;
	uint32_t h;

	(void)arena;
	if (!session->sm)
		stream_end(
			s, STREAM_COND_UNSUPPORTED_STANZA_TYPE, "stream management is not enabled");
	else if (!read_number(element, "h", &h))
		stream_end(s, STREAM_COND_BAD_FORMAT, "an ack has a number h");
	else if (!sm_acked(session, h))
		end_too_high(s, h, unacked_sent(&session->sm->queue));
}

void
stream_sm_ask(struct stream *s)
{
	if (s->state != STREAM_CLOSED)
		stream_put(s, "<r xmlns='" NS_SM "'/>");
}

void
stream_sm_ack(struct stream *s, uint32_t settled)
{
	if (s->state != STREAM_CLOSED)
		stream_put(s, "<a xmlns='" NS_SM "' h='%" PRIu32 "'/>", settled);
}

/* ---- Resume (5) ----------------------------------------------------------------------------- */

static void
accept_resumption(struct stream *s, struct session *session, const struct resuming *r)
{
	timer_clear(s->worker, &s->patience);
	s->session = session;
	s->state = STREAM_BOUND;
	stream_put(s, "<resumed xmlns='" NS_SM "' previd='%s' h='%" PRIu32 "'/>", session->sm->id,
		r->request.settled);
	s->transport->idle(s, stream_conf(s)->idle_timeout);
	log_info(AREA_C2S, s->info.id, "resumed %.*s", STR_ARG(jid_full(session->jid)));
}

static void
on_resumed(struct resume_request *request, enum resume_result result, struct session *session)
{
	struct resuming *r = (struct resuming *)request;
	struct stream *s = r->stream;
	struct arena *arena = r->arena;

	if (stream_release(s)) {
		if (session)
			session_lost(session);
		arena_free(&arena);
		return;
	}
	switch (result) {
	case RESUME_OK:
		accept_resumption(s, session, r);
		break;
	case RESUME_UNKNOWN:
		fail(s, COND_ITEM_NOT_FOUND);
		break;
	case RESUME_EXPIRED:
		stream_put(s,
			"<failed xmlns='" NS_SM "' h='%" PRIu32
			"'><item-not-found xmlns='" NS_STANZA_ERRORS "'/></failed>",
			request->settled);
		break;
	case RESUME_TOO_HIGH:
		end_too_high(s, request->h, request->sent);
		break;
	case RESUME_AWAY:
		fail(s, COND_RESOURCE_CONSTRAINT);
		break;
	}
	stream_resume(s, PAUSE_ASKED);
	arena_free(&arena);
}

static void
ask_home(struct stream *s, struct resuming *r)
{
	r->stream = s;
	r->request.worker = s->worker;
	r->request.bare = s->jid;
	r->request.outlet = &s->outlet;
	r->request.stream = &s->info;
	r->request.done = on_resumed;
	stream_hold(s);
	sm_resume(&r->request);
}

/* The request travels with the stream. */
static void
arrived(struct stream *s)
{
	struct resuming *r = s->resuming;
	struct arena *arena = r->arena;

	s->resuming = NULL;
	if (s->state == STREAM_CLOSED)
		arena_free(&arena);
	else
		ask_home(s, r);
}

static void
start_resumption(struct stream *s, const char *id, uint32_t h)
{
	struct arena *arena = arena_new(0);
	struct resuming *r = ARENA_NEW(arena, struct resuming);
	struct worker *home = place_of(jid_full(s->jid));

	r->arena = arena;
	r->request.id = str_of(arena_text(arena, id));
	r->request.h = h;
	stream_pause(s, PAUSE_ASKED);
	if (home == s->worker) {
		ask_home(s, r);
		return;
	}
	s->resuming = r;
	stream_move(s, home, arrived);
}

void
stream_sm_resume(struct stream *s, struct arena **arena, const struct xml *element)
{
	const char *id = xml_get(element, "previd");
	uint32_t h;

	(void)arena;
	if (s->state != STREAM_BIND)
		fail(s, COND_UNEXPECTED_REQUEST);
	else if (stream_conf(s)->resume_timeout == 0)
		fail(s, COND_FEATURE_NOT_IMPLEMENTED);
	else if (!id || !read_number(element, "h", &h))
		fail(s, COND_BAD_REQUEST);
	else
		start_resumption(s, id, h);
}
