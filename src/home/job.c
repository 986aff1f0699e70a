/*
 * job.c -- the life of a job: start, steps, end.
 *
 * A step is run with everything it may look at made fresh: the host of the configuration of now,
 * the results of the wait. What a step returns only says whether the job goes on; whoever made that
 * struct step has already arranged for it.
 *
 * The end has up to three parts, each a turn of its own: the answer leaves and the session is told;
 * sessions of an account that was deleted are closed (so the answer comes first); a command's or a
 * stream's job goes back to where it began.
 *
 * Runs on: the worker of the job.
 */
#include "home/job_own.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/router.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct job_place *
job_place_of(struct worker *w)
{
	struct job_place *p = worker_get(w, WORKER_JOBS);

	if (!p) {
		p = MEM_NEW(struct job_place);
		list_init(&p->sleeping);
		list_init(&p->askers);
		worker_set(w, WORKER_JOBS, p);
	}
	return p;
}

/* ---- The end -------------------------------------------------------------------- */

static void
job_free(struct job_engine *e)
{
	struct arena *a = e->job.arena;

	assert(!e->session && !e->pinned);
	stanza_unref(&e->job.stanza);
	stanza_unref(&e->answer);
	config_unref(&e->config);
	arena_free(&a);
}

/* At the origin, after everything else. */
static void
tell_origin(struct worker *w, struct mail *m)
{
	struct job_engine *e = CONTAINER(m, struct job_engine, mail);
	struct asker *asker = e->asker;

	e->job.worker = w;
	if (asker) {
		list_remove(&asker->link);
		if (asker->ctx)
			asker->reply(asker->ctx, e->answer);
		mem_free(&asker);
	}
	if (e->ended)
		e->ended(w, e->job.call, e->failure);
	job_free(e);
}

static void
leave(struct job_engine *e)
{
	if (e->pinned)
		home_unpin(e->pinned);
	e->pinned = NULL;
	if (!e->asker && !e->ended) {
		job_free(e);
		return;
	}
	e->mail.open = tell_origin;
	worker_post(e->job.worker, e->origin, &e->mail);
}

/* The account was deleted, and the answer has left. */
static void
close_sessions(struct worker *w, struct mail *m)
{
	struct job_engine *e = CONTAINER(m, struct job_engine, mail);
	struct account *a = account_of(e->pinned);
	struct jid bare = jid_copy(e->job.arena, a->home.jid);
	struct home *h;

	for_each_session(s, a)
		session_close(s, STREAM_COND_NOT_AUTHORIZED, "The account was deleted");
	home_unpin(&a->home);
	e->pinned = NULL;
	h = home_find(w, jid_full(bare));
	if (h)
		home_forget(h);
	leave(e);
}

static void
end(struct job_engine *e)
{
	struct job *j = &e->job;

	if (e->owes) {
		log_error(AREA_HOME, NULL, "a job ended without an answer to %s in %s",
			iq_child(j)->name, iq_child(j)->ns);
		iq_answer(e, stanza_error(j->stanza, COND_INTERNAL_SERVER_ERROR, NULL, NULL));
	}
	receipt_give(j->worker, &e->receipt);
	e->receipt = RECEIPT_NONE;
	job_untie(e);
	if (e->closes && e->pinned) {
		e->mail.open = close_sessions;
		worker_post(j->worker, j->worker, &e->mail);
		return;
	}
	leave(e);
}

void
job_drop(struct job_engine *e)
{
	e->waits = e->owes = false;
	end(e);
}

/* ---- Steps ---------------------------------------------------------------------- */

/* False: it is served no more, and the step need not be told. */
static bool
find_host(struct job_engine *e)
{
	const struct config *c = config_of(e->job.worker);
	const struct host *now = e->domain.p ? route_host(e->job.worker, e->domain) : c->hosts[0];

	if (now)
		e->job.host = now;
	return now || (e->tells && e->config);
}

void
job_run(struct job_engine *e, step_fn *step)
{
	struct job *j = &e->job;
	struct step s;

	assert(worker_is_here(j->worker));
	e->waits = false;
	if (find_host(e))
		s = step(j);
	else
		s = job_give_up(e, COND_ITEM_NOT_FOUND, "that host is not served here");
	j->rows = NULL;
	j->results = NULL;
	if (s.next == STEP_WAIT) {
		assert(e->waits);
		/* Its session ended in this very step: a sleeping job would not be told. */
		if (!e->cancelled || !list_linked(&e->sleeping))
			return;
		timer_clear(j->worker, &e->timer);
		list_remove(&e->sleeping);
	}
	e->waits = false;
	end(e);
}

void
job_resume(struct job_engine *e, enum store_result outcome)
{
	struct job *j = &e->job;

	assert(e->waits);
	j->outcome = outcome;
	if (e->cancelled) {
		job_drop(e);
	} else if (outcome == STORE_OK || e->tells) {
		job_run(e, e->next);
	} else {
		if (outcome == STORE_AWAY)
			(void)job_give_up(e, COND_RESOURCE_CONSTRAINT,
				"the server cannot do it now, try again later");
		else
			(void)job_give_up(e, COND_INTERNAL_SERVER_ERROR,
				"an internal error: the log of the server says more");
		e->waits = false;
		end(e);
	}
}

struct step
job_give_up(struct job_engine *e, enum cond c, const char *text)
{
	struct job *j = &e->job;

	if (j->call)
		e->failure = text;
	else if (e->owes)
		iq_answer(e, stanza_error(j->stanza, c, text, NULL));
	else
		log_warn(AREA_HOME, jid_is_none(j->owner) ? NULL : jid_text(j->arena, j->owner),
			"a job ended early: %s", text);
	return (struct step){ STEP_END };
}

struct step
job_done(struct job *j)
{
	(void)j;
	return (struct step){ STEP_END };
}

struct step
job_fail(struct job *j, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error(AREA_HOME, jid_is_none(j->owner) ? NULL : jid_text(j->arena, j->owner),
		"a job failed: %s", text);
	if (!j->call && !j->engine->owes)
		return job_done(j);
	return job_give_up(j->engine, COND_INTERNAL_SERVER_ERROR,
		"an internal error: the log of the server says more");
}

/* ---- Sessions ------------------------------------------------------------------- */

static void
on_session_ended(struct session_tie *t)
{
	struct job_engine *e = CONTAINER(t, struct job_engine, tie);

	e->session = NULL;
	if (!e->away)
		e->job.session = NULL;
	if (!e->of_session)
		return;
	e->cancelled = true;
	if (list_linked(&e->sleeping)) {
		timer_clear(e->home, &e->timer);
		list_remove(&e->sleeping);
		job_drop(e);
	}
}

void
job_tie(struct job_engine *e, struct session *s)
{
	e->session = e->job.session = s;
	e->tie.ended = on_session_ended;
	list_append(&s->jobs, &e->tie.link);
	s->jobs_count++;
	session_check(s);
}

void
job_untie(struct job_engine *e)
{
	struct session *s = e->session;

	if (!s)
		return;
	e->session = e->job.session = NULL;
	list_remove(&e->tie.link);
	s->jobs_count--;
	session_check(s);
}

void
jobs_session_ended(struct session *s)
{
	struct session_tie *t;

	while ((t = list_first(&s->jobs, struct session_tie, link)) != NULL) {
		list_remove(&t->link);
		t->ended(t);
	}
	s->jobs_count = 0;
}

/* ---- Start ---------------------------------------------------------------------- */

struct job_engine *
job_new(struct worker *w, const struct host *host, const struct stanza *stanza,
	struct arena **arena)
{
	struct arena *a = arena && *arena ? *arena : arena_new(1024);
	struct job_engine *e = ARENA_NEW(a, struct job_engine);

	if (arena)
		*arena = NULL;
	e->job.worker = e->origin = e->home = w;
	e->job.arena = a;
	e->job.stanza = stanza ? stanza_ref(stanza) : NULL;
	e->owes = stanza && stanza_is_request(stanza);
	e->job.engine = e;
	if (host)
		e->domain = str_of(arena_text(a, host->name));
	return e;
}

void
job_of_home(struct job_engine *e, struct home *h)
{
	home_pin(h);
	e->pinned = e->job.home = h;
	e->job.account = h->kind == &account_kind ? account_of(h) : NULL;
	e->job.owner = h->jid;
	if (!e->domain.p)
		e->domain = jid_domain(h->jid);
}

void
job_start_at(struct home *h, const struct stanza *stanza, struct arena **arena, void *state,
	step_fn *first)
{
	struct job_engine *e = job_new(h->worker, NULL, stanza, arena);

	job_of_home(e, h);
	e->job.state = state;
	job_run(e, first);
}

void
job_start_iq(struct worker *w, const struct host *host, struct home *h, const struct stanza *iq,
	const struct receipt *r, step_fn *first)
{
	struct job_engine *e = job_new(w, h ? NULL : host, iq, NULL);

	if (h)
		job_of_home(e, h);
	e->receipt = *r;
	job_run(e, first);
}

void
job_start(struct account *a, const struct stanza *stanza, struct arena **arena, void *state,
	step_fn *first)
{
	job_start_at(&a->home, stanza, arena, state, first);
}

void
job_start_for_session(struct session *s, const struct stanza *stanza, step_fn *first)
{
	struct job_engine *e = job_new(s->worker, NULL, stanza, NULL);

	job_of_home(e, &s->account->home);
	job_tie(e, s);
	e->of_session = true;
	job_run(e, first);
}

void
job_start_on(struct worker *w, const struct host *host, const struct stanza *stanza, step_fn *first)
{
	struct job_engine *e = job_new(w, host, stanza, NULL);

	job_run(e, first);
}

void
job_start_call(struct worker *w, const struct host *host, struct call *call, step_fn *first,
	job_ended_fn *ended)
{
	struct job_engine *e = job_new(w, host, NULL, NULL);

	e->job.call = call;
	e->ended = ended;
	job_run(e, first);
}

/* ---- Read ----------------------------------------------------------------------- */

struct worker *
job_origin(const struct job *j)
{
	return j->engine->origin;
}

const struct stream_info *
job_stream(const struct job *j)
{
	return j->session ? j->session->stream : j->engine->stream;
}

void
jobs_fini(struct worker *w)
{
	struct job_place *p = worker_get(w, WORKER_JOBS);
	struct job_engine *e;

	if (!p)
		return;
	list_for_each(asker, &p->askers, struct asker, link)
		list_remove(&asker->link); /* its job frees it */
	while ((e = list_first(&p->sleeping, struct job_engine, sleeping)) != NULL) {
		timer_clear(w, &e->timer);
		list_remove(&e->sleeping);
		/* Nobody opens mail any more. */
		if (e->asker)
			list_remove(&e->asker->link);
		mem_free(&e->asker);
		e->ended = NULL;
		e->closes = false;
		job_drop(e);
	}
	worker_set(w, WORKER_JOBS, NULL);
	mem_free(&p);
}
