/*
 * history.c -- questions to a long archive (XEP-0313), of every kind that clients ask.
 *
 * The readers log in to the accounts in turn; each asks one question after the other.  What it asks
 * for comes from the made-up past (past.h): any time in it, the contacts of account 0, the account
 * "rare" that seldom wrote to it.
 *
 * Runs on: the one thread of the load generator.
 */
#include "crowd.h"
#include "hist.h"
#include "past.h"
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CURSOR_MAX = 128 };

enum kind {
	LAST, /* the newest page */
	JUMP, /* the page before a moment */
	BEFORE, /* the page before that */
	AFTER, /* and the one behind it */
	START, /* the first page after a moment */
	WITH, /* the newest page with a contact */
	WITH_JUMP, /* the page with a contact before a moment */
	RARE, /* the newest page with somebody who seldom wrote */
	COUNT, /* no page, the number alone */
	KINDS,
};

static const char *const names[KINDS] = { "last", "jump", "before", "after", "start", "with",
	"with-jump", "rare", "count" };

struct reader {
	enum kind kind;
	uint64_t number; /* of the question */
	uint64_t asked_at;
	char first[CURSOR_MAX], last[CURSOR_MAX]; /* of the last page */
};

struct history {
	struct reader *readers;
	bool wanted[KINDS];
	uint64_t pages, rows, refused, least;
	struct hist latency[KINDS], all;
	bool counting;
};

/* ---- Ask ------------------------------------------------------------------------------ */

static void
form_field(struct buf *out, const char *var, const char *value)
{
	buf_printf(out, "<field var='%s'><value>%s</value></field>", var, value);
}

/* Between 0 and 1; the same for the same question.  With --distinct there are only so many. */
static double
chance(const struct options *o, const struct reader *me, unsigned what)
{
	uint64_t number = o->distinct ? me->number / KINDS % o->distinct : me->number;
	unsigned short seed[3] = { (unsigned short)number, (unsigned short)(number >> 16),
		(unsigned short)what };

	(void)erand48(seed);
	return erand48(seed);
}

static void
moment(struct buf *out, const struct options *o, const struct reader *me, const char *var)
{
	time_t at = (time_t)(PAST_SINCE + (uint64_t)(chance(o, me, 1) * (PAST_UNTIL - PAST_SINCE)));
	struct tm tm;
	char text[40];

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	form_field(out, var, text);
}

/* Contacts are the accounts 1 to --contacts; the first ones wrote most. */
static void
contact(struct buf *out, const struct options *o, const struct reader *me)
{
	char jid[80];
	double x = chance(o, me, 2);

	snprintf(jid, sizeof(jid), "%s%u@%s", o->prefix, 1 + (unsigned)(x * x * o->contacts),
		o->host);
	form_field(out, "with", jid);
}

static void
put_form(struct buf *out, const struct options *o, const struct reader *me)
{
	enum kind kind = me->kind;

	buf_text(out, "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
		      "<value>urn:xmpp:mam:2</value></field>");
	if (kind == JUMP || kind == WITH_JUMP)
		moment(out, o, me, "end");
	if (kind == START)
		moment(out, o, me, "start");
	if (kind == WITH || kind == WITH_JUMP)
		contact(out, o, me);
	if (kind == RARE) {
		char jid[80];

		snprintf(jid, sizeof(jid), "rare@%s", o->host);
		form_field(out, "with", jid);
	}
	buf_text(out, "</x>");
}

static void
put_set(struct buf *out, const struct options *o, const struct reader *me)
{
	buf_printf(out, "<set xmlns='http://jabber.org/protocol/rsm'><max>%u</max>",
		me->kind == COUNT ? 0 : o->page);
	if (me->kind == AFTER && me->last[0])
		buf_printf(out, "<after>%s</after>", me->last);
	else if (me->kind == BEFORE && me->first[0])
		buf_printf(out, "<before>%s</before>", me->first);
	else if (me->kind != START && me->kind != AFTER && me->kind != COUNT)
		buf_text(out, "<before/>");
	buf_text(out, "</set>");
}

static void
ask(struct conn *c)
{
	struct crowd *w = c->plan->owner;
	struct history *h = w->data;
	struct reader *me = &h->readers[c->number];
	struct buf *out = conn_out(c);

	do
		me->kind = (enum kind)(++me->number % KINDS);
	while (!h->wanted[me->kind]);
	buf_printf(out, "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'>");
	put_form(out, w->options, me);
	put_set(out, w->options, me);
	buf_text(out, "</query></iq>");
	me->asked_at = clock_ns();
}

/* An empty page has none, and leaves the one before. */
static void
keep(char *to, struct span s)
{
	if (s.n > 0)
		snprintf(to, CURSOR_MAX, "%.*s", s.n < CURSOR_MAX ? (int)s.n : 0, s.p);
}

static void
on_stanza(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct history *h = w->data;
	struct reader *me = &h->readers[c->number];
	uint64_t took = clock_ns() - me->asked_at;

	if (elem_is(e, "message")) {
		h->rows += elem_has(e, "urn:xmpp:mam:2");
		return;
	}
	if (!elem_is(e, "iq") || !span_is(elem_attr(e, "id"), "page"))
		return;
	if (!span_is(elem_attr(e, "type"), "result") && !h->refused++)
		fprintf(stderr, "bench: refused: %.*s\n", e->all.n > 400 ? 400 : (int)e->all.n,
			e->all.p);
	if (h->counting) {
		hist_add(&h->latency[me->kind], took);
		hist_add(&h->all, took);
	}
	h->pages++;
	keep(me->first, elem_text(e, "first"));
	keep(me->last, elem_text(e, "last"));
	ask(c);
}

/* ---- Measure --------------------------------------------------------------------------- */

static bool
read_kinds(struct history *h, const char *text)
{
	bool any = false;

	for (enum kind k = 0; k < KINDS; k++) {
		h->wanted[k] = !text ? k != COUNT : strstr(text, names[k]) != NULL;
		any = any || h->wanted[k];
	}
	/* These two begin where a page was found. */
	if (!h->wanted[LAST] && (h->wanted[BEFORE] || h->wanted[AFTER]))
		h->wanted[JUMP] = true;
	return any;
}

static void
print_kinds(const struct history *h)
{
	for (enum kind k = 0; k < KINDS; k++) {
		const struct hist *l = &h->latency[k];

		if (l->count > 0)
			printf("history-%s pages=%" PRIu64 " p50_us=%.0f p99_us=%.0f max_us=%.0f\n",
				names[k], l->count, hist_us(l, 0.5), hist_us(l, 0.99),
				(double)l->max / 1000);
	}
}

/* A slow server is given the time for one question of each kind. */
static bool
has_least(const struct crowd *w)
{
	const struct history *h = w->data;

	return h->pages >= h->least;
}

static bool
measure(struct crowd *w)
{
	struct history *h = w->data;
	struct proc_cost from, to;
	uint64_t begin, pages, rows;
	double own, wall;

	w->plan.on_stanza = on_stanza;
	h->counting = w->options->settle <= 0;
	if (!crowd_look(w, &from))
		return false;
	for (unsigned i = 0; i < w->size; i++) {
		h->readers[i].number = (uint64_t)i * 7919 * KINDS;
		ask(&w->conns[i]);
	}
	if (!h->counting && (!crowd_for(w, w->options->settle) || !crowd_look(w, &from)))
		return false;
	h->counting = true;
	own = proc_own_cpu();
	pages = h->pages;
	rows = h->rows;
	begin = clock_ns();
	h->least = pages + KINDS;
	if (!crowd_for(w, w->options->seconds) || !crowd_until(w, has_least) || !crowd_look(w, &to))
		return false;
	wall = (double)(clock_ns() - begin) / 1e9;
	pages = h->pages - pages;
	rows = h->rows - rows;
	own = proc_own_cpu() - own;
	printf("history readers=%u max=%u pages=%" PRIu64 " rows_each=%.1f wall_s=%.2f per_s=%.0f",
		w->size, w->options->page, pages, pages ? (double)rows / (double)pages : 0, wall,
		(double)pages / wall);
	crowd_print_cpu(w, &from, &to);
	if (w->options->pid)
		printf(" per_cpu_s=%.1f", (double)pages / proc_cpu(&from, &to));
	printf(" p50_us=%.0f p99_us=%.0f max_us=%.0f refused=%" PRIu64
	       " client_cpu_s=%.2f ref_us=%.2f\n",
		hist_us(&h->all, 0.5), hist_us(&h->all, 0.99), (double)h->all.max / 1000,
		h->refused, own, proc_reference());
	print_kinds(h);
	return h->refused == 0 && pages > 0;
}

int
scenario_history(const struct options *o)
{
	struct history *h = bench_alloc(sizeof(*h));
	struct crowd w;
	bool ok;

	if (!read_kinds(h, o->kinds)) {
		fprintf(stderr, "bench: no such kind of question\n");
		free(h);
		return 2;
	}
	h->readers = bench_alloc(o->count * sizeof(*h->readers));
	crowd_init(&w, o, o->count);
	w.accounts = o->accounts;
	w.data = h;
	w.plan.goal = GOAL_BOUND;
	ok = crowd_login(&w, w.size) && measure(&w);
	crowd_fini(&w);
	free(h->readers);
	free(h);
	return ok ? 0 : 1;
}
