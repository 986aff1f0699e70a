/*
 * gate.c -- what must be on disk before it goes on, and the order of what passes a home.
 *
 * Requests of one home are answered in the order in which they were asked, but one that the store
 * turns away is answered before those that it took.  So an answer only marks its passage, and
 * whatever is at the head and marked passes.
 *
 * A home with a full or half-full gate is pinned.
 *
 * Runs on: the home's worker.
 */
#include "home/gate.h"

#include "base/mem.h"
#include "home/local.h"

#include <assert.h>

struct waiting {
	struct list link; /* gate.list */
	struct home *home;
	struct passage passage;
	passage_fn *go;
	size_t bytes;
	bool asked; /* the store has not answered */
};

static void
take_out(struct gate *g, struct waiting *w)
{
	list_remove(&w->link);
	g->count--;
	g->bytes -= w->bytes;
	local_of(w->home->worker)->gates_waiting--;
}

static void
waiting_free(struct waiting *w)
{
	stanza_unref(&w->passage.stanza);
	mem_free(&w);
}

static void
let_through(struct home *h)
{
	struct gate *g = &h->gate;
	struct waiting *w;

	if (g->is_moving)
		return;
	g->is_moving = true;
	while ((w = list_first(&g->list, struct waiting, link)) != NULL && !w->asked) {
		take_out(g, w);
		w->go(h, &w->passage);
		waiting_free(w);
	}
	g->is_moving = false;
	if (list_empty(&g->list))
		home_unpin(h);
}

static void
answered(struct worker *worker, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct waiting *w = ctx;
	struct passage *p = &w->passage;

	(void)worker;
	(void)count;
	p->result = result;
	if (result == STORE_OK && p->once && rows[0]->changed == 0) {
		p->again = true;
		if (p->found > 0 && rows[p->found - 1]->count > 0)
			p->archive_id = row_int(rows[p->found - 1], 0, 0);
	}
	w->asked = false;
	let_through(w->home);
}

void
gate_pass(struct home *h, const struct passage *p, const struct asks *asks, passage_fn *go)
{
	struct gate *g = &h->gate;
	bool asked = asks && asks->count > 0;
	struct str bare = jid_bare_str(h->jid);
	struct waiting *w;

	assert(worker_is_here(h->worker));
	if (!asked && list_empty(&g->list) && !g->is_moving) {
		go(h, p);
		return;
	}
	w = MEM_NEW(struct waiting);
	w->home = h;
	w->passage = *p;
	w->go = go;
	w->asked = asked;
	w->bytes = sizeof(*w);
	if (p->stanza) {
		stanza_ref(p->stanza);
		w->bytes += stanza_size(p->stanza);
	}
	if (list_empty(&g->list) && !g->is_moving)
		home_pin(h);
	list_append(&g->list, &w->link);
	g->count++;
	g->bytes += w->bytes;
	local_of(h->worker)->gates_waiting++;
	if (asked)
		store_ask(h->worker, hash_stable(bare.p, bare.n), asks->list, asks->count, answered,
			w);
}

bool
gate_is_full(const struct home *h)
{
	return h->gate.count >= GATE_COUNT_MAX || h->gate.bytes >= GATE_BYTES_MAX;
}

size_t
gates_waiting(const struct worker *w)
{
	return local_of(w)->gates_waiting;
}

void
gate_drop(struct home *h)
{
	struct waiting *w;

	assert(local_of(h->worker)->closing || list_empty(&h->gate.list));
	while ((w = list_first(&h->gate.list, struct waiting, link)) != NULL) {
		take_out(&h->gate, w);
		w->passage.result = STORE_AWAY;
		w->go(h, &w->passage);
		waiting_free(w);
	}
}
