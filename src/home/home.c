/*
 * home.c -- homes of a worker: found, loaded, kept warm, dropped.
 *
 * A home is made when something first waits for it, and loads; what comes meanwhile waits in order.
 * Once warm it stays as long as somebody pins it, and then for its kind's linger: the timer is set
 * once and looks at the time of last use when it fires, so that a stanza to a warm home costs no
 * heap operation.  Unpinned homes are in one list by last use, which bounds their number.
 *
 * Nothing is dropped inside the turn in which it was used, but by home_forget: callers may look at
 * a home after they unpinned it.
 *
 * Runs on: the home's worker.
 */
#include "home/home.h"

#include "base/mem.h"
#include "home/gate.h"
#include "home/local.h"
#include "home/restart.h"
#include "home/roster.h"
#include "home/trace.h"
#include "run/place.h"

#include <assert.h>
#include <string.h>

static struct home *
home_of(struct hash_node *n)
{
	return n ? CONTAINER(n, struct home, node) : NULL;
}

void
homes_init(void)
{
	store_add_queries(account_queries);
	store_add_queries(roster_queries);
	store_add_queries(archive_queries);
	store_add_queries(restart_queries);
	trace_init();
	for (unsigned i = 0; i < workers_count(); i++) {
		struct local *l = MEM_NEW(struct local);

		hash_init(&l->homes);
		list_init(&l->idle);
		l->receipts = mem_new(workers_count() * sizeof(struct receipts *));
		worker_set(worker_at(i), WORKER_HOMES, l);
	}
}

/* ---- Make and drop ---------------------------------------------------------- */

static void
leave_idle(struct home *h)
{
	if (!list_linked(&h->idle))
		return;
	list_remove(&h->idle);
	local_of(h->worker)->idle_count--;
}

/* What waits is told that the home could not be loaded. */
static void
refuse_waiting(struct home *h)
{
	list_for_each(wait, &h->waiting, struct home_wait, link)
	{
		list_remove(&wait->link);
		wait->ready(h, wait, false);
	}
	h->waiting_count = 0;
}

static void
drop(struct home *h)
{
	h->pins++; /* what goes with it may unpin it */
	leave_idle(h);
	timer_clear(h->worker, &h->linger);
	hash_remove(&local_of(h->worker)->homes, &h->node);
	refuse_waiting(h);
	gate_drop(h);
	h->kind->drop(h);
	mem_free(&h);
}

/* The one that was not needed for longest makes room. */
static void
bound_idle(struct local *l)
{
	while (l->idle_count > HOMES_IDLE_MAX)
		drop(list_first(&l->idle, struct home, idle));
}

/* The address lies behind the kind's struct. */
static struct home *
make(struct worker *w, const struct home_kind *kind, struct jid bare)
{
	struct str text = jid_bare_str(bare);
	struct home *h = mem_new(kind->size + text.n + 1);
	char *copy = (char *)h + kind->size;

	memcpy(copy, text.p, text.n);
	h->worker = w;
	h->kind = kind;
	h->jid = (struct jid){ copy, bare.local, bare.domain, 0 };
	h->state = HOME_LOADING;
	list_init(&h->waiting);
	list_init(&h->idle);
	list_init(&h->gate.list);
	hash_add(&local_of(w)->homes, &h->node, (struct str){ copy, text.n });
	return h;
}

void
homes_fini(struct worker *w)
{
	struct local *l = local_of(w);
	struct hash_node *n;

	if (!l)
		return;
	l->closing = true;
	while ((n = hash_next(&l->homes, NULL)) != NULL)
		drop(home_of(n));
	hash_fini(&l->homes);
	restart_fini(w);
	sessions_fini(l);
	worker_not_later(w, &l->receipts_later);
	receipts_fini(l);
	worker_set(w, WORKER_HOMES, NULL);
	mem_free(&l);
}

/* ---- Warm ------------------------------------------------------------------- */

static msec_t
linger_of(const struct home *h)
{
	if (!home_host(h) || (h->kind->keep && !h->kind->keep(h)))
		return 0;
	return h->kind->linger;
}

static void
on_linger(struct worker *w, struct timer *t)
{
	struct home *h = CONTAINER(t, struct home, linger);
	msec_t left = h->used + linger_of(h) - worker_now(w);

	if (h->pins > 0)
		return;
	if (left > 0)
		timer_set(w, t, left, on_linger);
	else
		drop(h);
}

void
home_touch(struct home *h)
{
	struct local *l = local_of(h->worker);

	if (h->pins > 0)
		return;
	h->used = worker_now(h->worker);
	if (l->idle.prev == &h->idle)
		return;
	leave_idle(h);
	list_append(&l->idle, &h->idle);
	l->idle_count++;
}

static void
rest(struct home *h)
{
	msec_t linger = linger_of(h);

	home_touch(h);
	if (linger == 0 || !timer_is_set(&h->linger))
		timer_set(h->worker, &h->linger, linger, on_linger);
	bound_idle(local_of(h->worker));
}

void
home_pin(struct home *h)
{
	assert(worker_is_here(h->worker));
	h->pins++;
	leave_idle(h);
}

void
home_unpin(struct home *h)
{
	assert(worker_is_here(h->worker) && h->pins > 0);
	if (--h->pins == 0)
		rest(h);
}

void
home_forget(struct home *h)
{
	assert(worker_is_here(h->worker));
	if (h->pins == 0 && h->state == HOME_WARM)
		drop(h);
}

/* ---- Wait ------------------------------------------------------------------- */

struct home *
home_find(struct worker *w, struct str bare)
{
	assert(worker_is_here(w));
	return home_of(hash_find(&local_of(w)->homes, bare));
}

void
home_with(struct worker *w, const struct home_kind *kind, struct jid bare, struct home_wait *wait)
{
	struct home *h = home_find(w, jid_bare_str(bare));
	bool is_new = !h;

	if (is_new)
		h = make(w, kind, bare);
	if (h->kind != kind) { /* its domain became another service's; it goes when it is idle */
		wait->ready(h, wait, false);
		return;
	}
	if (h->state == HOME_WARM) {
		home_touch(h);
		wait->ready(h, wait, true);
		return;
	}
	if (h->waiting_count >= HOME_WAITING_MAX) {
		wait->ready(h, wait, false);
		return;
	}
	list_append(&h->waiting, &wait->link);
	h->waiting_count++;
	if (is_new)
		kind->load(h);
}

void
home_loaded(struct home *h)
{
	struct home_wait *wait;

	assert(worker_is_here(h->worker) && h->state == HOME_LOADING);
	h->state = HOME_WARM;
	h->pins++;
	while ((wait = list_first(&h->waiting, struct home_wait, link)) != NULL) {
		list_remove(&wait->link);
		h->waiting_count--;
		wait->ready(h, wait, true);
	}
	home_unpin(h);
}

void
home_failed(struct home *h)
{
	assert(worker_is_here(h->worker) && h->state == HOME_LOADING);
	drop(h);
}

void
homes_leave(struct worker *w)
{
	struct local *l = local_of(w);

	for (struct hash_node *n = hash_next(&l->homes, NULL); n; n = hash_next(&l->homes, n)) {
		struct home *h = home_of(n);

		if (h->state == HOME_WARM && h->pins == 0 && !home_host(h))
			timer_set(w, &h->linger, 0, on_linger);
	}
}

/* ---- The rest --------------------------------------------------------------- */

const struct host *
home_host(const struct home *h)
{
	return route_host(h->worker, jid_domain(h->jid));
}

int64_t
home_next_id(struct home *h)
{
	int64_t now = clock_wall() << HOME_ID_BITS;

	h->last_id = now > h->last_id ? now : h->last_id + 1;
	return h->last_id;
}

void
home_id_floor(struct home *h, int64_t id)
{
	if (id > h->last_id)
		h->last_id = id;
}

void
homes_each(struct worker *w, const struct home_kind *kind, void (*fn)(struct home *h, void *ctx),
	void *ctx)
{
	struct local *l = local_of(w);

	assert(worker_is_here(w));
	for (struct hash_node *n = hash_next(&l->homes, NULL), *next; n; n = next) {
		struct home *h = home_of(n);

		next = hash_next(&l->homes, n);
		if (h->kind == kind && h->state == HOME_WARM)
			fn(h, ctx);
	}
}

size_t
homes_count(const struct worker *w)
{
	return local_of(w)->homes.count;
}

bool
homes_open(const struct worker *w)
{
	return local_of(w) && !local_of(w)->closing;
}
