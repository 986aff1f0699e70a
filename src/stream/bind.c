/*
 * bind.c -- resource binding (RFC 6120 7), and iqs before authentication.
 *
 * A connection whose account has its home at another worker moves there first, so that from then on
 * stream, session and account share a thread.
 *
 * Runs on: the stream's worker.
 */
#include "stream/stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/job.h"
#include "run/place.h"
#include "stream/transport.h"

struct binding {
	struct bind_request request; /* first */
	struct stream *stream;
	const struct stanza *iq;
	struct arena *arena;
};

/* ---- Answers -------------------------------------------------------------------------- */

static void
refuse(struct stream *s, const struct stanza *iq, enum cond c, const char *text)
{
	AUTO(stanza_unref) const struct stanza *error = stanza_error(iq, c, text, NULL);

	if (error)
		stream_write(s, error);
}

static void
accept_binding(struct stream *s, struct session *session, const struct stanza *iq)
{
	const struct c2s_conf *conf = stream_conf(s);
	struct arena *arena = arena_new(0);
	struct xml *bind = xml_new(arena, NS_BIND, "bind");
	const char *full = jid_text(arena, session->jid);
	AUTO(stanza_unref) const struct stanza *answer = NULL;

	timer_clear(s->worker, &s->patience);
	s->session = session;
	s->state = STREAM_BOUND;
	xml_add_text(arena, bind, NS_BIND, "jid", full);
	log_info(AREA_C2S, s->info.id, "bound %s", full);
	answer = stanza_new(&arena, STANZA_IQ, IQ_RESULT, JID_NONE, JID_NONE, iq->id, bind);
	stream_write(s, answer);
	s->transport->idle(s, conf->idle_timeout);
}

static void
on_bound(struct bind_request *r, enum bind_result result, struct session *session)
{
	struct binding *b = (struct binding *)r;
	struct stream *s = b->stream;

	if (stream_release(s)) {
		if (session)
			session_end(session);
	} else {
		switch (result) {
		case BIND_OK:
			accept_binding(s, session, b->iq);
			break;
		case BIND_NO_ACCOUNT:
			stream_end(s, STREAM_COND_NOT_AUTHORIZED, "the account is gone");
			break;
		case BIND_CONSTRAINT:
			refuse(s, b->iq, COND_RESOURCE_CONSTRAINT, "too many sessions");
			break;
		case BIND_AWAY:
			refuse(s, b->iq, COND_RESOURCE_CONSTRAINT, "the store is away; try again");
			break;
		}
		stream_resume(s, PAUSE_ASKED);
	}
	stanza_unref(&b->iq);
	arena_free(&b->arena);
}

/* ---- Bind ---------------------------------------------------------------------------------- */

static void
ask_home(struct stream *s, const struct stanza *iq)
{
	const struct xml *resource =
		xml_child(stanza_child(iq, NS_BIND, "bind"), NS_BIND, "resource");
	struct arena *arena = arena_new(0);
	struct binding *b = ARENA_NEW(arena, struct binding);
	struct str wanted = xml_text_of(arena, resource);

	b->arena = arena;
	b->stream = s;
	b->iq = iq;
	b->request.worker = s->worker;
	b->request.bare = s->jid;
	b->request.resource = wanted.n ? str_of(jid_prep_resource(arena, wanted)) : STR_NONE;
	b->request.outlet = &s->outlet;
	b->request.stream = &s->info;
	b->request.done = on_bound;
	stream_hold(s);
	session_bind(&b->request);
}

/* The request travels with the stream. */
static void
arrived(struct stream *s)
{
	const struct stanza *iq = s->moving;

	s->moving = NULL;
	if (s->state == STREAM_CLOSED)
		stanza_unref(&iq);
	else
		ask_home(s, iq);
}

void
stream_bind(struct stream *s, struct arena **arena, const struct xml *element)
{
	struct problem why;
	const struct stanza *bounce = NULL,
			    *iq = stanza_parse(arena, element, JID_NONE, NULL, &why, &bounce);
	struct worker *home = place_of(jid_full(s->jid));

	if (!iq || iq->type != IQ_SET || !stanza_child(iq, NS_BIND, "bind")) {
		if (bounce)
			stream_write(s, bounce);
		else
			stream_end(s, STREAM_COND_NOT_AUTHORIZED, "bind a resource first");
		stanza_unref(&bounce);
		stanza_unref(&iq);
		return;
	}
	stream_pause(s, PAUSE_ASKED);
	if (home == s->worker) {
		ask_home(s, iq);
		return;
	}
	s->moving = iq;
	stream_move(s, home, arrived);
}

/* ---- Before authentication --------------------------------------------------------- */

static void
on_answer(void *ctx, const struct stanza *answer)
{
	struct stream *s = ctx;

	if (answer)
		stream_write(s, answer);
	stream_resume(s, PAUSE_ASKED);
}

void
stream_before_auth(struct stream *s, struct arena **arena, const struct xml *element)
{
	struct problem why;
	AUTO(stanza_unref) const struct stanza *bounce = NULL;
	AUTO(stanza_unref)
	const struct stanza *iq = stanza_parse(arena, element, JID_NONE, NULL, &why, &bounce);
	const struct host *host = stream_host(s);
	bool here = iq && stanza_is_request(iq) &&
		    (jid_is_none(iq->to) || (host && str_is(jid_full(iq->to), host->name)));

	if (!iq && bounce) {
		stream_write(s, bounce);
		return;
	}
	if (here && host && !stream_needs_tls(s)) {
		stream_pause(s, PAUSE_ASKED);
		if (iq_dispatch_stream(s->worker, host, &s->info, iq, on_answer, s))
			return;
	}
	stream_end(s, STREAM_COND_NOT_AUTHORIZED, NULL);
}
