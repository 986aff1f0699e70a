/*
 * pages.c -- pages of message archives (XEP-0313).
 *
 * Each connection reads its own archive backwards, one page after the other, and begins anew when it
 * has reached the beginning: what people do who scroll.  With --fill the accounts write to each
 * other first, in pairs, some messages at a time; what a server answers behind them says that they
 * were taken.
 *
 * Runs on: the one thread of the load generator.
 */
#include "crowd.h"
#include "hist.h"
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 50, CURSOR_MAX = 128 };

struct reader {
	unsigned left; /* messages to be written */
	uint64_t asked_at;
	char before[CURSOR_MAX]; /* cursor; "": the last page */
};

struct reading {
	struct reader *readers;
	unsigned filling; /* connections that still write */
	uint64_t pages, rows, refused;
	struct hist latency;
	bool counting;
};

/* ---- Fill --------------------------------------------------------------------------- */

static void
write_batch(struct conn *c)
{
	struct crowd *w = c->plan->owner;
	struct reading *r = w->data;
	struct reader *me = &r->readers[c->number];
	const struct options *o = w->options;
	const struct conn *to = &w->conns[c->number ^ 1];

	for (unsigned i = 0; i < BATCH && me->left > 0; i++, me->left--) {
		buf_printf(conn_out(c), "<message type='chat' to='%s%u@%s' id='fill-%u-%u'><body>",
			o->prefix, to->account, o->host, c->number, me->left);
		for (unsigned k = 0; k < (o->size > 120 ? o->size - 120 : 1); k++)
			buf_printf(conn_out(c), "%c", "the quick brown fox jumps over "[k % 31]);
		buf_printf(conn_out(c), "</body></message>");
	}
	buf_printf(
		conn_out(c), "<iq type='get' id='written'><query xmlns='jabber:iq:roster'/></iq>");
}

static void
on_fill_stanza(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct reading *r = w->data;

	if (!elem_is(e, "iq") || !span_is(elem_attr(e, "id"), "written"))
		return;
	if (r->readers[c->number].left > 0)
		write_batch(c);
	else
		r->filling--;
}

static bool
is_filled(const struct crowd *w)
{
	const struct reading *r = w->data;

	return r->filling == 0;
}

static bool
fill(struct crowd *w)
{
	struct reading *r = w->data;
	uint64_t begin = clock_ns();

	w->plan.on_stanza = on_fill_stanza;
	r->filling = w->size;
	for (unsigned i = 0; i < w->size; i++) {
		r->readers[i].left = w->options->fill;
		write_batch(&w->conns[i]);
	}
	if (!crowd_until(w, is_filled))
		return false;
	printf("fill accounts=%u each=%u wall_s=%.1f\n", w->size, w->options->fill,
		(double)(clock_ns() - begin) / 1e9);
	return true;
}

/* ---- Read ----------------------------------------------------------------------------- */

static void
ask(struct conn *c)
{
	struct crowd *w = c->plan->owner;
	struct reading *r = w->data;
	struct reader *me = &r->readers[c->number];

	buf_printf(conn_out(c),
		"<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'>"
		"<set xmlns='http://jabber.org/protocol/rsm'><max>%u</max><before>%s</before></set>"
		"</query></iq>",
		w->options->page, me->before);
	me->asked_at = clock_ns();
}

static bool
is_complete(const struct elem *e)
{
	return elem_has(e, "complete='true'") || elem_has(e, "complete=\"true\"");
}

static void
on_page_stanza(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct reading *r = w->data;
	struct reader *me = &r->readers[c->number];
	struct span first;

	if (elem_is(e, "message")) {
		r->rows += elem_has(e, "urn:xmpp:mam:2");
		return;
	}
	if (!elem_is(e, "iq") || !span_is(elem_attr(e, "id"), "page"))
		return;
	if (!span_is(elem_attr(e, "type"), "result") && !r->refused++)
		fprintf(stderr, "bench: refused: %.*s\n", e->all.n > 400 ? 400 : (int)e->all.n,
			e->all.p);
	if (r->counting)
		hist_add(&r->latency, clock_ns() - me->asked_at);
	r->pages++;
	first = elem_text(e, "first");
	me->before[0] = '\0';
	if (!is_complete(e) && first.p && first.n < CURSOR_MAX)
		snprintf(me->before, CURSOR_MAX, "%.*s", (int)first.n, first.p);
	ask(c);
}

static bool
measure(struct crowd *w)
{
	struct reading *r = w->data;
	struct proc_cost from, to;
	uint64_t begin, pages, rows;
	double own, wall;

	w->plan.on_stanza = on_page_stanza;
	for (unsigned i = 0; i < w->size; i++)
		ask(&w->conns[i]);
	if (!crowd_for(w, w->options->settle) || !crowd_look(w, &from))
		return false;
	own = proc_own_cpu();
	pages = r->pages;
	rows = r->rows;
	begin = clock_ns();
	r->counting = true;
	if (!crowd_for(w, w->options->seconds) || !crowd_look(w, &to))
		return false;
	wall = (double)(clock_ns() - begin) / 1e9;
	pages = r->pages - pages;
	rows = r->rows - rows;
	own = proc_own_cpu() - own;
	printf("pages readers=%u max=%u pages=%" PRIu64 " rows_each=%.1f wall_s=%.2f per_s=%.0f",
		w->size, w->options->page, pages, pages ? (double)rows / (double)pages : 0, wall,
		(double)pages / wall);
	crowd_print_cpu(w, &from, &to);
	if (w->options->pid)
		printf(" per_cpu_s=%.0f", (double)pages / proc_cpu(&from, &to));
	printf(" p50_us=%.0f p99_us=%.0f max_us=%.0f refused=%" PRIu64
	       " client_cpu_s=%.2f ref_us=%.2f\n",
		hist_us(&r->latency, 0.5), hist_us(&r->latency, 0.99),
		(double)r->latency.max / 1000, r->refused, own, proc_reference());
	return r->refused == 0;
}

int
scenario_pages(const struct options *o)
{
	struct reading *r = bench_alloc(sizeof(*r));
	struct crowd w;
	bool ok;

	r->readers = bench_alloc((o->count + 1) / 2 * 2 * sizeof(*r->readers));
	crowd_init(&w, o, (o->count + 1) / 2 * 2);
	w.data = r;
	w.plan.goal = GOAL_BOUND;
	ok = crowd_login(&w, w.size) && (o->fill == 0 || fill(&w)) &&
	     (o->seconds <= 0 || measure(&w));
	crowd_fini(&w);
	free(r->readers);
	free(r);
	return ok ? 0 : 1;
}
