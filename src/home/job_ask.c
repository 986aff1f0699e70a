/*
 * job_ask.c -- iqs of ours that a client answers.
 *
 * An ask hangs in its session's list beside the jobs and is found there by its id, which nobody can
 * guess.  It ends in exactly one of three ways: the reply, the time-out, the end of the session.
 *
 * Runs on: the home of the session.
 */
#include "home/job_own.h"

#include "base/mem.h"
#include "base/rand.h"

#include <assert.h>

struct session_ask {
	struct session_tie tie;
	struct timer timer;
	struct session *session;
	char id[RAND_ID_SIZE];
	void (*answer)(struct account *a, struct session *s, const struct stanza *reply, void *ctx);
	void *ctx;
};

/* It is unlinked. */
static void
finish(struct session_ask *ask, const struct stanza *reply)
{
	struct session *s = ask->session;

	timer_clear(s->worker, &ask->timer);
	ask->answer(s->account, s, reply, ask->ctx);
	mem_free(&ask);
}

static void
ask_ended(struct session_tie *t)
{
	finish(CONTAINER(t, struct session_ask, tie), NULL);
}

static void
late(struct worker *w, struct timer *t)
{
	struct session_ask *ask = CONTAINER(t, struct session_ask, timer);

	(void)w;
	list_remove(&ask->tie.link);
	finish(ask, NULL);
}

void
session_ask(struct session *s, enum iq_type type, const struct xml *child, msec_t timeout,
	void (*answer)(struct account *a, struct session *s, const struct stanza *reply, void *ctx),
	void *ctx)
{
	struct session_ask *ask = MEM_NEW(struct session_ask);
	struct arena *a = arena_new(0);
	const struct xml *copy = xml_copy(a, child);
	const struct stanza *iq;

	assert(type == IQ_GET || type == IQ_SET);
	ask->session = s;
	ask->answer = answer;
	ask->ctx = ctx;
	ask->tie.ended = ask_ended;
	rand_id(ask->id);
	list_append(&s->jobs, &ask->tie.link);
	timer_set(s->worker, &ask->timer, timeout, late);
	iq = stanza_new(&a, STANZA_IQ, (int)type, jid_host(s->jid), s->jid, ask->id, copy);
	session_send(s, iq);
	stanza_unref(&iq);
}

bool
session_answered(struct session *s, const struct stanza *iq)
{
	list_for_each(t, &s->jobs, struct session_tie, link)
	{
		struct session_ask *ask = CONTAINER(t, struct session_ask, tie);

		if (t->ended != ask_ended || !text_eq(ask->id, iq->id))
			continue;
		list_remove(&t->link);
		finish(ask, iq);
		return true;
	}
	return false;
}
