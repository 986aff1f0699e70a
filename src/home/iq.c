/*
 * iq.c -- which handler answers an iq, and how its answer leaves.
 *
 * One hash from namespace and name to the rows of all modules; the first row whose module is on for
 * the host, and which fits type and target, gets a job.  An answer goes back along the stanza's
 * addresses through the router, wherever the job has come meanwhile; only a stream that is not
 * authenticated has no address and is told by its own callback.
 *
 * Runs on: main (iq_add, iqs_init), the place that answers.
 */
#include "home/job_own.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/roster.h"
#include "home/router.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

/* Longest «namespace NUL name» of a row; what is longer has no handler. */
#define KEY_MAX 255

struct row {
	struct row *next;
	const struct iq_handler *handler;
	unsigned module;
};

struct entry {
	struct hash_node node;
	struct row *first, **last;
	char key[];
};

static struct hash table;

/* ---- The table ------------------------------------------------------------------ */

/* False if it is too long. */
static bool
make_key(char out[KEY_MAX], const char *ns, const char *name, struct str *key)
{
	size_t n = strlen(ns), m = strlen(name);

	if (n + 1 + m > KEY_MAX)
		return false;
	memcpy(out, ns, n + 1);
	memcpy(out + n + 1, name, m);
	*key = (struct str){ out, n + 1 + m };
	return true;
}

static struct entry *
find(const char *ns, const char *name)
{
	char bytes[KEY_MAX];
	struct str key;
	struct hash_node *n;

	if (!make_key(bytes, ns, name, &key))
		return NULL;
	n = hash_find(&table, key);
	return n ? CONTAINER(n, struct entry, node) : NULL;
}

static struct entry *
find_or_add(const char *ns, const char *name)
{
	struct entry *e = find(ns, name);
	char bytes[KEY_MAX];
	struct str key = STR_NONE;
	bool fits;

	if (e)
		return e;
	fits = make_key(bytes, ns, name, &key);
	assert(fits);
	e = mem_new(sizeof(*e) + key.n);
	memcpy(e->key, key.p, key.n);
	e->last = &e->first;
	hash_add(&table, &e->node, (struct str){ e->key, key.n });
	return e;
}

void
iq_add(const struct iq_handler *h, unsigned module)
{
	struct entry *e = find_or_add(h->ns, h->name);
	struct row *r;

	for (r = e->first; r; r = r->next) {
		if (r->handler == h)
			return;
	}
	r = MEM_NEW(struct row);
	r->handler = h;
	r->module = module;
	*e->last = r;
	e->last = &r->next;
}

static bool
is_on(const struct row *r, const struct host *host)
{
	return r->module == UINT_MAX || host_runs(host, r->module);
}

/* The row that answers, or NULL with the condition that says why not: others are not told that an
 * account is there. */
static const struct iq_handler *
choose(const struct host *host, const struct stanza *s, enum iq_targets target, enum cond *why)
{
	const struct entry *e = find(s->children->ns, s->children->name);
	unsigned type = s->type == IQ_SET ? ON_SET : ON_GET;

	*why = COND_SERVICE_UNAVAILABLE;
	for (const struct row *r = e ? e->first : NULL; r; r = r->next) {
		if (!is_on(r, host) || !(r->handler->targets & target))
			continue;
		if (r->handler->types & type)
			return r->handler;
		if (target != TO_ACCOUNT && target != TO_NOBODY)
			*why = COND_FEATURE_NOT_IMPLEMENTED;
	}
	return NULL;
}

/* ---- Answers -------------------------------------------------------------------- */

void
iq_answer(struct job_engine *e, const struct stanza *answer)
{
	assert(e->owes && answer);
	e->owes = false;
	if (e->asker) {
		e->answer = answer;
		return;
	}
	route_answer(e->job.worker, &answer);
}

const struct xml *
iq_child(const struct job *j)
{
	return j->stanza->children;
}

/* The result takes an arena of its own: the job's may hold much else. */
struct step
iq_result(struct job *j, const struct xml *child)
{
	struct arena *a = arena_new(0);

	iq_answer(j->engine, stanza_result(j->stanza, &a, child ? xml_copy(a, child) : NULL));
	return job_done(j);
}

struct step
iq_error_with(struct job *j, enum cond c, const char *text, const struct xml *extra)
{
	iq_answer(j->engine, stanza_error(j->stanza, c, text, extra));
	return job_done(j);
}

struct step
iq_error(struct job *j, enum cond c, const char *text)
{
	return iq_error_with(j, c, text, NULL);
}

struct step
iq_refuse(struct job *j, const struct problem *why)
{
	return iq_error_with(j, why->cond, why->text, NULL);
}

/* ---- Dispatch ------------------------------------------------------------------- */

void
iq_dispatch(struct worker *w, const struct host *host, struct account *a, struct session *session,
	enum iq_targets target, const struct stanza *s, const struct receipt *r)
{
	const struct iq_handler *h;
	struct job_engine *e;
	enum cond why;

	assert(worker_is_here(w) && stanza_is_request(s));
	h = choose(host, s, target, &why);
	if (!h) {
		route_bounce(w, s, why, NULL, r);
		return;
	}
	e = job_new(w, host, s, NULL);
	if (a)
		job_of_home(e, &a->home);
	if (session)
		job_tie(e, session);
	else
		e->receipt = *r;
	job_run(e, h->handle);
	if (session)
		receipt_give(w, r);
}

bool
iq_dispatch_stream(struct worker *w, const struct host *host, const struct stream_info *stream,
	const struct stanza *s, void (*reply)(void *ctx, const struct stanza *answer), void *ctx)
{
	const struct iq_handler *h;
	struct job_engine *e;
	struct stream_info *copy;
	enum cond why;

	assert(worker_is_here(w) && stanza_is_request(s) && ctx);
	h = choose(host, s, TO_STREAM, &why);
	if (!h)
		return false;
	e = job_new(w, host, s, NULL);
	copy = ARENA_NEW(e->job.arena, struct stream_info);
	*copy = *stream;
	e->stream = copy;
	e->asker = MEM_NEW(struct asker);
	e->asker->reply = reply;
	e->asker->ctx = ctx;
	list_append(&job_place_of(w)->askers, &e->asker->link);
	job_run(e, h->handle);
	return true;
}

void
iq_stream_gone(struct worker *w, void *ctx)
{
	list_for_each(asker, &job_place_of(w)->askers, struct asker, link)
	{
		if (asker->ctx == ctx)
			asker->ctx = NULL;
	}
}

/* ---- The core's ----------------------------------------------------------------- */

/* RFC 3921 3: kept for old clients; a session is there since the resource was bound. */
static struct step
start_session(struct job *j)
{
	return iq_result(j, NULL);
}

/* RFC 6120 7.1: one resource a stream. */
static struct step
bind_again(struct job *j)
{
	return iq_error(j, COND_NOT_ALLOWED, "A resource is bound already");
}

static const struct iq_handler core_iqs[] = {
	{ NS_SESSION, "session", ON_SET, TO_HOST | TO_SELF, start_session },
	{ NS_BIND, "bind", ON_SET, TO_HOST | TO_SELF, bind_again },
	END_IQS,
};

void
iqs_init(void)
{
	for (const struct iq_handler *h = core_iqs; h->ns; h++)
		iq_add(h, UINT_MAX);
	for (const struct iq_handler *h = roster_iqs; h->ns; h++)
		iq_add(h, UINT_MAX);
}
