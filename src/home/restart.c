/*
 * restart.c -- sessions written down at the end and taken back at the start.
 *
 * One row is one session, its queue included, so that it is there as a whole or not at all.  A row
 * lives from the stop to the next load of its account, which reads and deletes it in one request.
 * Until then everything that reaches the account makes it load, also what an account without
 * sessions would not be loaded for.
 *
 * Rows are not believed: one that is damaged, whoever did that, is a session less.
 *
 * Runs on: main (init, begin), the accounts' homes (the rest).
 */
#include "home/restart.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/kept_queue.h"
#include "home/local.h"
#include "home/presence_directed.h"
#include "home/sm.h"
#include "hook/hook.h"
#include "run/place.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Accounts that a worker loads at a time at the start; bytes that it writes at a time at the end. */
#define LOADING_MAX 32
#define WRITE_BYTES ((size_t)8 * 1024 * 1024)
/* Longest time that a session may wait: the option's. */
#define KEPT_MAX DAYS(7)

enum { OWNERS, KEEP, TAKE, DELETE };

const struct query restart_queries[] = {
	[OWNERS] = { "kept_owners", "SELECT DISTINCT owner FROM kept_session", NULL },
	[KEEP] = { "kept_insert",
		"INSERT INTO kept_session (owner, id, resource, max, settled, acked, bound_at, "
		"wants_roster, ready, priority, presence, presence_at, marks, directed, queue) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		NULL },
	[TAKE] = { "kept_take",
		"SELECT id, resource, max, settled, acked, bound_at, wants_roster, ready, priority, "
		"presence, presence_at, marks, directed, queue FROM kept_session WHERE owner = ? "
		"ORDER BY bound_at",
		NULL },
	[DELETE] = { "kept_delete", "DELETE FROM kept_session WHERE owner = ?", NULL },
	END_QUERIES,
};

/* Columns of TAKE. */
enum {
	ID,
	RESOURCE,
	MAX,
	SETTLED,
	ACKED,
	BOUND_AT,
	WANTS_ROSTER,
	READY,
	PRIORITY,
	PRESENCE,
	PRESENCE_AT,
	MARKS,
	DIRECTED,
	QUEUE
};

/* An account whose sessions are in the store. */
struct waiting {
	struct hash_node node;
	struct list link;
	bool asked;
	char bare[];
};

struct loader {
	struct home_wait wait;
};

/* Of one worker. */
struct restart {
	struct mail begin;
	struct hash accounts; /* struct waiting.node */
	struct list list; /* the same, those that were not asked for first */
	unsigned loading;
};

static struct restart *
restart_of(const struct worker *w)
{
	return local_of(w)->restart;
}

/* ---- Which accounts ------------------------------------------------------------------------ */

static void
add(struct str owner)
{
	struct local *l = local_of(place_of(owner));
	struct waiting *it = mem_new(sizeof(*it) + owner.n + 1);

	if (!l->restart) {
		l->restart = MEM_NEW(struct restart);
		hash_init(&l->restart->accounts);
		list_init(&l->restart->list);
	}
	memcpy(it->bare, owner.p, owner.n);
	hash_add(&l->restart->accounts, &it->node, (struct str){ it->bare, owner.n });
	list_append(&l->restart->list, &it->link);
}

static void
forget(struct restart *r, struct waiting *it)
{
	hash_remove(&r->accounts, &it->node);
	list_remove(&it->link);
	mem_free(&it);
}

/* What main waits for. */
struct owners {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool over;
	enum store_result result;
};

static void
on_owners(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct owners *o = ctx;

	(void)w;
	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; result == STORE_OK && count > 0 && i < rows[0]->count; i++)
		add(row_str(rows[0], i, 0));
	o->result = result;
	o->over = true;
	pthread_cond_signal(&o->done);
	pthread_mutex_unlock(&o->lock);
}

bool
restart_init(struct err *e)
{
	struct owners o = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
		STORE_AWAY };

	store_ask(NULL, 0, &(struct ask){ &restart_queries[OWNERS], NULL, 0 }, 1, on_owners, &o);
	pthread_mutex_lock(&o.lock);
	while (!o.over)
		pthread_cond_wait(&o.done, &o.lock);
	pthread_mutex_unlock(&o.lock);
	return o.result == STORE_OK ||
	       err_set(e, "the sessions of before could not be read from the store");
}

bool
restart_waits(const struct worker *w, struct str bare)
{
	const struct restart *r = restart_of(w);

	return r && r->accounts.count > 0 && hash_find(&r->accounts, bare);
}

void
restart_fini(struct worker *w)
{
	struct restart *r = restart_of(w);
	struct waiting *it;

	if (!r)
		return;
	while ((it = list_first(&r->list, struct waiting, link)) != NULL)
		forget(r, it);
	hash_fini(&r->accounts);
	mem_free(&local_of(w)->restart);
}

/* ---- Load them all ----------------------------------------------------------------------------- */

static void load_some(struct worker *w);

/* Loading took it from the list, or failed: then it is loaded when something needs it. */
static void
on_ready(struct home *h, struct home_wait *wait, bool ok)
{
	struct loader *l = CONTAINER(wait, struct loader, wait);
	struct worker *w = h->worker;

	(void)ok;
	mem_free(&l);
	if (local_of(w)->closing)
		return;
	restart_of(w)->loading--;
	load_some(w);
}

static void
load(struct worker *w, struct waiting *it)
{
	AUTO(arena_free) struct arena *arena = arena_new(256);
	struct loader *l;
	struct jid bare;

	it->asked = true;
	list_remove(&it->link);
	list_append(&restart_of(w)->list, &it->link); /* behind those that were not */
	if (jid_parse(arena, it->node.key, &bare) != JID_OK || !route_host(w, jid_domain(bare)))
		return; /* its sessions wait until its host is back */
	restart_of(w)->loading++;
	l = MEM_NEW(struct loader);
	l->wait.ready = on_ready;
	home_with(w, &account_kind, bare, &l->wait);
}

static void
load_some(struct worker *w)
{
	struct restart *r = restart_of(w);
	struct waiting *it;

	while (r->loading < LOADING_MAX && (it = list_first(&r->list, struct waiting, link)) &&
		!it->asked)
		load(w, it);
}

static void
on_begin(struct worker *w, struct mail *m)
{
	(void)m;
	load_some(w);
}

void
restart_begin(void)
{
	size_t count = 0;

	for (unsigned i = 0; i < workers_count(); i++) {
		struct restart *r = restart_of(worker_at(i));

		if (!r)
			continue;
		count += r->accounts.count;
		r->begin.open = on_begin;
		worker_post(NULL, worker_at(i), &r->begin);
	}
	if (count > 0)
		log_info(AREA_HOME, NULL, "taking back the sessions of %zu accounts", count);
}

/* ---- Write ----------------------------------------------------------------------------------------- */

struct writing {
	size_t bytes; /* so far */
	bool more;
};

static void
on_written(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	(void)w;
	(void)ctx;
	(void)rows;
	(void)count;
	if (result != STORE_OK)
		log_warn(AREA_HOME, NULL, "a session could not be kept for the restart");
}

static void
put_directed(struct buf *out, const struct session *s)
{
	for (struct hash_node *n = hash_next(&s->directed, NULL); n; n = hash_next(&s->directed, n))
		buf_printf(out, "%.*s\n", STR_ARG(n->key));
}

static void
keep(struct session *s, struct str queue)
{
	AUTO(buf_fini) struct buf presence = BUF_INIT;
	AUTO(buf_fini) struct buf marks = BUF_INIT;
	AUTO(buf_fini) struct buf directed = BUF_INIT;
	const struct sm *sm = s->sm;
	struct str bare = jid_bare_str(s->jid);

	if (s->available && s->presence)
		stanza_write_alone(&presence, s->presence);
	session_marks_write(s, &marks);
	put_directed(&directed, s);
	{
		const struct value args[] = { of_str(bare), of_text(sm->id),
			of_str(jid_resource(s->jid)), of_int(sm->max), of_int(sm_settled(s)),
			of_int(sm->queue.acked), of_int(s->bound_at), of_int(s->wants_roster),
			of_int(s->ready), of_int(s->priority),
			buf_len(&presence) > 0 ? of_str(buf_str(&presence)) : of_str(STR_NONE),
			of_int(s->presence_at), of_text(buf_text(&marks)),
			of_text(buf_text(&directed)), of_str(queue.n > 0 ? queue : STR("")) };

		store_ask(s->worker, hash_stable(bare.p, bare.n),
			&(struct ask){ &restart_queries[KEEP], args, COUNT(args) }, 1, on_written,
			NULL);
	}
}

static bool
can_be_kept(const struct session *s)
{
	return s->sm && s->sm->id[0] && !s->ending && !s->outlet && !s->sm->kept;
}

static void
write_session(struct session *s, size_t *of_account, struct writing *writing)
{
	AUTO(buf_fini) struct buf queue = BUF_INIT;
	struct session_event ev = { { s->worker, home_host(&s->account->home) }, s->account, s,
		NULL };

	if (ev.head.host)
		(void)hook_session_flush(&ev); /* nothing to stop */
	if (!can_be_kept(s))
		return;
	kept_queue_write(&queue, &s->sm->queue);
	*of_account += buf_len(&queue);
	if (buf_len(&queue) > RESTART_QUEUE_MAX || *of_account > RESTART_BYTES_MAX) {
		session_close(s, STREAM_COND_NONE, NULL);
		return;
	}
	writing->bytes += buf_len(&queue) + 1024;
	s->sm->kept = true;
	keep(s, buf_str(&queue));
}

static void
write_account(struct home *h, void *ctx)
{
	struct account *a = account_of(h);
	struct writing *writing = ctx;
	size_t of_account = 0;

	for_each_session(s, a) {
		if (!can_be_kept(s))
			continue;
		if (writing->bytes > WRITE_BYTES) {
			writing->more = true;
			return;
		}
		write_session(s, &of_account, writing);
	}
}

bool
restart_write(struct worker *w)
{
	struct writing writing = { 0, false };

	homes_each(w, &account_kind, write_account, &writing);
	return writing.more;
}

/* ---- Take back ----------------------------------------------------------------------------------------- */

void
restart_ask(const struct account *a, const struct value *owner, struct ask *asks)
{
	(void)a;
	asks[0] = (struct ask){ &restart_queries[TAKE], owner, 1 };
	asks[1] = (struct ask){ &restart_queries[DELETE], owner, 1 };
}

static void
take_presence(struct session *s, const struct rows *rows, size_t i)
{
	struct str bytes = row_str(rows, i, PRESENCE);

	s->presence = bytes.p ? stanza_read(bytes) : NULL;
	if (s->presence &&
		(s->presence->kind != STANZA_PRESENCE || s->presence->type != PRESENCE_AVAILABLE))
		stanza_unref(&s->presence);
	if (!s->presence)
		return;
	s->presence_at = row_int(rows, i, PRESENCE_AT);
	s->priority = (int8_t)row_int(rows, i, PRIORITY);
	s->ready = row_int(rows, i, READY) != 0;
	s->available = true;
	s->account->available_count++;
}

static void
take_directed(struct session *s, struct str lines)
{
	AUTO(arena_free) struct arena *arena = arena_new(0);

	while (lines.p) {
		struct str line = str_cut(&lines, '\n');
		struct jid to;

		if (line.n > 0 && jid_parse(arena, line, &to) == JID_OK && !directed_add(s, to))
			return;
	}
}

/* A resource of this account that no session has, and numbers that were its own. */
static bool
is_sound(const struct account *a, const struct rows *rows, size_t i)
{
	AUTO(arena_free) struct arena *arena = arena_new(0);
	struct str resource = row_str(rows, i, RESOURCE), id = row_str(rows, i, ID);
	msec_t max = row_int(rows, i, MAX);

	return id.n > 0 && id.n < RAND_ID_SIZE && max > 0 && max <= KEPT_MAX && resource.n > 0 &&
	       str_is(resource, jid_prep_resource(arena, resource)) &&
	       !account_session(a, resource);
}

static void
take(struct account *a, struct kept_queues *queues, const struct rows *rows, size_t i)
{
	struct session_event ev = { { a->home.worker, home_host(&a->home) }, a, NULL, NULL };
	struct unacked queue = { .acked = (uint32_t)row_int(rows, i, ACKED) };
	struct session *s;

	if (!is_sound(a, rows, i) || !kept_queue_read(queues, &queue, row_str(rows, i, QUEUE))) {
		log_error(AREA_HOME, NULL, "a session that was kept for the restart is damaged");
		unacked_fini(&queue);
		return;
	}
	s = session_revive(a, row_str(rows, i, RESOURCE));
	s->bound_at = row_int(rows, i, BOUND_AT);
	s->wants_roster = row_int(rows, i, WANTS_ROSTER) != 0;
	session_marks_read(s, row_str(rows, i, MARKS));
	sm_revive(s, row_str(rows, i, ID), row_int(rows, i, MAX),
		(uint32_t)row_int(rows, i, SETTLED), &queue);
	take_presence(s, rows, i);
	take_directed(s, row_str(rows, i, DIRECTED));
	ev.session = s;
	ev.presence = s->presence;
	(void)hook_session_revived(&ev); /* nothing to stop */
}

void
restart_loaded(struct account *a, const struct rows *rows)
{
	struct restart *r = restart_of(a->home.worker);
	struct hash_node *n = hash_find(&r->accounts, jid_full(a->home.jid));
	struct kept_queues queues;

	kept_queues_init(&queues);
	for (size_t i = 0; a->exists && !a->disabled && home_host(&a->home) && i < rows->count; i++)
		take(a, &queues, rows, i);
	kept_queues_fini(&queues);
	if (n)
		forget(r, CONTAINER(n, struct waiting, node));
}
