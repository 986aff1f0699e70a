/*
 * job_wait.c -- what a job can wait for.
 *
 * Each function here arranges for job_resume to be called later, from a mail or a timer, never from
 * within; so a step is never re-entered.  What cannot even be begun ends the job at once, as if it
 * had failed later.
 *
 * A job that goes to another account leaves its session and its old account behind.  A job that
 * visits workers keeps both: they stay at home and are hidden until it is back.
 *
 * Runs on: the worker of the job.
 */
#include "home/job_own.h"

#include "base/mem.h"
#include "home/router.h"
#include "run/place.h"

#include <assert.h>

static struct step
wait_for(struct job *j, step_fn *next, bool tells)
{
	struct job_engine *e = j->engine;
	struct config *was = e->config;

	assert(!e->waits && worker_is_here(j->worker));
	e->waits = true;
	e->tells = tells;
	e->next = next;
	e->config = tells ? config_ref((struct config *)(uintptr_t)j->host->config) : NULL;
	config_unref(&was);
	return (struct step){ STEP_WAIT };
}

/* ---- The loop ------------------------------------------------------------------- */

static void
soon(struct worker *w, struct mail *m)
{
	struct job_engine *e = CONTAINER(m, struct job_engine, mail);

	(void)w;
	job_resume(e, e->job.outcome);
}

struct step
job_soon(struct job *j, step_fn *next, enum store_result outcome)
{
	struct step s = wait_for(j, next, true);

	j->outcome = outcome;
	j->engine->mail.open = soon;
	worker_post(j->worker, j->worker, &j->engine->mail);
	return s;
}

static void
on_opened(struct worker *w, struct fence *f)
{
	struct job_engine *e = CONTAINER(f, struct job_engine, fence);

	worker_post(w, e->job.worker, &e->mail);
}

struct step
job_behind(struct job *j, step_fn *next)
{
	struct step s = wait_for(j, next, true);

	j->outcome = STORE_OK;
	j->engine->mail.open = soon;
	j->engine->fence.passed = on_opened;
	fence_raise(j->worker, &j->engine->fence);
	return s;
}

/* ---- The store ------------------------------------------------------------------ */

static void
stored(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct job_engine *e = ctx;

	(void)w;
	if (result == STORE_OK && count > 0) {
		e->job.results = rows;
		e->job.rows = rows[0];
	}
	job_resume(e, result);
}

static uint64_t
key_of(const struct job *j)
{
	struct jid whose = j->owner;
	struct str text;

	if (jid_is_none(whose) && j->stanza)
		whose = j->stanza->from;
	if (jid_is_none(whose))
		return 0;
	text = jid_bare_str(whose);
	return hash_stable(text.p, text.n);
}

static struct step
ask(struct job *j, step_fn *next, const struct ask *asks, size_t count, bool tells)
{
	struct step s = wait_for(j, next, tells);

	store_ask(j->worker, key_of(j), asks, count, stored, j->engine);
	return s;
}

struct step
job_query(
	struct job *j, step_fn *next, const struct query *q, const struct value *args, size_t count)
{
	struct ask one = { q, args, count };

	return ask(j, next, &one, 1, false);
}

struct step
job_query_all(struct job *j, step_fn *next, const struct ask *asks, size_t count)
{
	return ask(j, next, asks, count, false);
}

struct step
job_query_else(struct job *j, step_fn *next, const struct ask *asks, size_t count)
{
	return ask(j, next, asks, count, true);
}

/* ---- Time ----------------------------------------------------------------------- */

static void
awake(struct worker *w, struct timer *t)
{
	struct job_engine *e = CONTAINER(t, struct job_engine, timer);

	(void)w;
	list_remove(&e->sleeping);
	job_resume(e, STORE_OK);
}

struct step
job_sleep(struct job *j, step_fn *next, msec_t how_long)
{
	struct job_engine *e = j->engine;
	struct step s = wait_for(j, next, true);

	list_append(&job_place_of(j->worker)->sleeping, &e->sleeping);
	timer_set(j->worker, &e->timer, how_long, awake);
	return s;
}

struct step
job_park(struct job *j, step_fn *next)
{
	struct step s = wait_for(j, next, false);

	list_append(&job_place_of(j->worker)->sleeping, &j->engine->sleeping);
	return s;
}

void
job_wake(struct job *j)
{
	assert(list_linked(&j->engine->sleeping));
	timer_set(j->worker, &j->engine->timer, 0, awake);
}

/* ---- Chores --------------------------------------------------------------------- */

static void
do_chore(struct chore *c)
{
	struct job_engine *e = CONTAINER(c, struct job_engine, chore);

	e->work(&e->job);
}

static void
chore_done(struct worker *w, struct mail *m)
{
	struct chore *c = CONTAINER(m, struct chore, mail);

	(void)w;
	job_resume(CONTAINER(c, struct job_engine, chore), STORE_OK);
}

static bool
post_chore(struct job *j, void (*work)(struct job *j))
{
	struct job_engine *e = j->engine;

	e->work = work;
	e->chore.work = do_chore;
	e->chore.mail.open = chore_done;
	e->chore.worker = j->worker;
	return chore_post(&e->chore);
}

struct step
job_chore(struct job *j, step_fn *next, void (*work)(struct job *j))
{
	struct step s = wait_for(j, next, false);

	if (!post_chore(j, work))
		return job_give_up(j->engine, COND_RESOURCE_CONSTRAINT,
			"the server is too busy, try again later");
	return s;
}

struct step
job_chore_else(struct job *j, step_fn *next, void (*work)(struct job *j))
{
	struct step s = wait_for(j, next, true);

	if (post_chore(j, work))
		return s;
	j->engine->waits = false;
	return job_soon(j, next, STORE_AWAY);
}

/* ---- Another home --------------------------------------------------------------- */

static void
home_ready(struct home *h, struct home_wait *wait, bool ok)
{
	struct job_engine *e = CONTAINER(wait, struct job_engine, loading);

	if (ok && !e->pinned)
		job_of_home(e, h);
	job_resume(e, ok ? STORE_OK : STORE_AWAY);
}

static void
arrive(struct worker *w, struct mail *m)
{
	struct job_engine *e = CONTAINER(m, struct job_engine, mail);

	e->job.worker = e->home = w;
	/* A home of a host that is no longer served is not loaded: job_run says so. */
	if (e->pinned || !route_host(w, e->domain)) {
		job_resume(e, STORE_OK);
		return;
	}
	e->loading.ready = home_ready;
	home_with(w, e->kind, e->job.owner, &e->loading);
}

/* All that belongs to this place. */
static void
pack(struct job_engine *e)
{
	struct job *j = &e->job;
	struct stream_info *copy;

	if (j->session) {
		copy = ARENA_NEW(j->arena, struct stream_info);
		*copy = *j->session->stream;
		e->stream = copy;
	}
	job_untie(e);
	if (e->pinned)
		home_unpin(e->pinned);
	e->pinned = j->home = NULL;
	j->account = NULL;
}

static struct step
go_to(struct job *j, step_fn *next, const struct home_kind *kind, struct jid bare, bool tells)
{
	struct job_engine *e = j->engine;
	struct step s = wait_for(j, next, tells);
	struct worker *from = j->worker, *to = from;

	if (!e->pinned || !jid_eq(e->pinned->jid, bare)) {
		e->kind = kind;
		j->owner = jid_copy(j->arena, bare);
		e->domain = jid_domain(j->owner);
		config_unref(&e->config);
		pack(e);
		to = place_of(jid_full(j->owner));
	}
	e->mail.open = arrive;
	worker_post(from, to, &e->mail);
	return s;
}

struct step
job_go_to(struct job *j, step_fn *next, struct jid bare)
{
	return go_to(j, next, &account_kind, bare, false);
}

struct step
job_go_to_home(struct job *j, step_fn *next, const struct home_kind *kind, struct jid bare)
{
	return go_to(j, next, kind, bare, false);
}

struct step
job_go_to_else(struct job *j, step_fn *next, struct jid bare)
{
	return go_to(j, next, &account_kind, bare, true);
}

/* ---- All workers ---------------------------------------------------------------- */

static void
back(struct worker *w, struct mail *m)
{
	struct job_engine *e = CONTAINER(m, struct job_engine, mail);

	e->job.worker = w;
	e->job.home = e->pinned;
	e->job.account =
		e->pinned && e->pinned->kind == &account_kind ? account_of(e->pinned) : NULL;
	e->job.session = e->session;
	e->away = false;
	job_resume(e, STORE_OK);
}

static void
visit_here(struct worker *w, struct mail *m)
{
	struct job_engine *e = CONTAINER(m, struct job_engine, mail);
	const struct config *c = config_of(w);
	struct worker *to = e->home;

	e->job.worker = w;
	e->job.host = e->domain.p ? route_host(w, e->domain) : c->hosts[0];
	if (e->job.host)
		e->visit(&e->job);
	if (++e->visited < workers_count())
		to = worker_at(e->visited);
	else
		e->mail.open = back;
	worker_post(w, to, &e->mail);
}

struct step
job_visit(struct job *j, void (*visit)(struct job *j), step_fn *next)
{
	struct job_engine *e = j->engine;
	struct step s = wait_for(j, next, false);

	e->visit = visit;
	e->visited = 0;
	e->away = true;
	j->home = NULL;
	j->account = NULL;
	j->session = NULL;
	e->mail.open = visit_here;
	worker_post(j->worker, worker_at(0), &e->mail);
	return s;
}

/* ---- Main ----------------------------------------------------------------------- */

struct main_wait {
	struct control control;
	struct job_engine *engine;
};

static void
control_done(struct worker *w, struct mail *m)
{
	struct control *c = CONTAINER(m, struct control, mail);

	(void)w;
	job_resume(CONTAINER(c, struct main_wait, control)->engine, STORE_OK);
}

static void
drop_lines(void *lines)
{
	buf_fini(lines);
}

struct step
job_control(struct job *j, step_fn *next, enum control_what what, const struct control **said)
{
	struct main_wait *m = ARENA_NEW(j->arena, struct main_wait);
	struct step s = wait_for(j, next, false);

	m->engine = j->engine;
	m->control.mail.open = control_done;
	m->control.worker = j->worker;
	m->control.what = what;
	*said = &m->control;
	arena_keep(j->arena, drop_lines, &m->control.lines);
	if (!control_ask(&m->control))
		return job_give_up(j->engine, COND_RESOURCE_CONSTRAINT, "the server is stopping");
	return s;
}
