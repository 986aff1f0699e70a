/*
 * messages.c -- messages between pairs of users that are online.
 *
 * Connection 2i writes to connection 2i + 1.  Unpaced, every pair keeps
 * --window messages under way: each arrival releases the next one, so the
 * server is never idle and never flooded.  Paced, messages leave at fixed times
 * whatever the server does, and the latency counts from the time a message was
 * due, not from the time it could be written: a server that stalls cannot hide
 * it.  The id of a message carries its number and its time, which makes loss
 * and disorder visible.
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

enum { NUMBER_AT = 1, TIME_AT = 10, ID_SIZE = 26 }; /* id: mNNNNNNNN-TTTTTTTTTTTTTTTT */

struct pair {
	struct conn *to;
	char *text; /* the stanza, patched for each message */
	size_t text_n, id_at;
	uint32_t sent, received;
};

struct talk {
	struct pair *pairs;
	unsigned n, next; /* next: the pair that a paced message is for */
	uint64_t sent, received, refused, disordered;
	struct hist latency;
	bool sending, counting;
	double gap; /* nanoseconds between paced messages */
	double next_due;
};

static void
put_hex(char *p, uint64_t v, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";

	while (digits-- > 0) {
		p[digits] = hex[v & 15];
		v >>= 4;
	}
}

static uint64_t
get_hex(const char *p, unsigned digits)
{
	uint64_t v;

	for (v = 0; digits-- > 0; p++)
		v = v << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	return v;
}

static void
send_one(struct talk *t, struct conn *from, uint64_t when)
{
	struct pair *p = &t->pairs[from->number / 2];

	put_hex(p->text + p->id_at + NUMBER_AT, p->sent++, 8);
	put_hex(p->text + p->id_at + TIME_AT, when, 16);
	buf_add(conn_out(from), p->text, p->text_n);
	t->sent++;
}

static void
on_stanza(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct talk *t = w->data;
	struct pair *p;
	struct span id;
	uint64_t now;

	if (!elem_is(e, "message"))
		return;
	p = &t->pairs[c->number / 2];
	id = elem_attr(e, "id");
	if (c != p->to || id.n != ID_SIZE || span_is(elem_attr(e, "type"), "error")) {
		if (!t->refused++)
			fprintf(stderr, "bench: unexpected: %.*s\n",
				e->all.n > 400 ? 400 : (int)e->all.n, e->all.p);
		return;
	}
	now = clock_ns();
	if (get_hex(id.p + NUMBER_AT, 8) != p->received)
		t->disordered++;
	p->received++;
	t->received++;
	if (t->counting)
		hist_add(&t->latency, now - get_hex(id.p + TIME_AT, 16));
	if (t->sending && t->gap == 0)
		send_one(t, &w->conns[c->number - 1], now);
}

static void
on_due(struct crowd *w, uint64_t now)
{
	struct talk *t = w->data;

	while (t->sending && t->next_due <= (double)now) {
		send_one(t, &w->conns[2 * t->next], (uint64_t)t->next_due);
		t->next = (t->next + 1) % t->n;
		t->next_due += t->gap;
	}
	w->due = t->sending ? (uint64_t)t->next_due + 1 : 0;
}

static void
make_pair(struct pair *p, struct crowd *w, unsigned i)
{
	const struct options *o = w->options;
	char to[256];
	int n;

	p->to = &w->conns[2 * i + 1];
	if (o->target == TARGET_FULL)
		snprintf(to, sizeof(to), "%s", p->to->jid);
	else
		snprintf(to, sizeof(to), "%s%u@%s", o->prefix, p->to->account, o->host);
	p->text = bench_alloc(o->size + 512);
	n = snprintf(p->text, 512, "<message type='chat' to='%s' id='", to);
	p->id_at = (size_t)n;
	n += snprintf(p->text + n, 64, "m00000000-0000000000000000'><body>");
	for (; (size_t)n + 17 < o->size; n++)
		p->text[n] = "the quick brown fox jumps over "[n % 31];
	n += snprintf(p->text + n, 32, "</body></message>");
	p->text_n = (size_t)n;
}

/* Begin to send; unpaced, fill every window. */
static void
start(struct crowd *w)
{
	struct talk *t = w->data;

	t->sending = true;
	if (w->options->rate > 0) {
		t->gap = 1e9 / w->options->rate;
		t->next_due = (double)clock_ns() + t->gap;
		w->on_due = on_due;
		w->due = (uint64_t)t->next_due;
		return;
	}
	for (unsigned k = 0; k < w->options->window; k++)
		for (unsigned i = 0; i < t->n; i++)
			send_one(t, &w->conns[2 * i], clock_ns());
}

static bool
all_here(const struct crowd *w)
{
	const struct talk *t = w->data;

	return t->received + t->refused >= t->sent;
}

static void
report(const struct crowd *w, const struct proc_cost *from, const struct proc_cost *to,
	uint64_t messages, double wall)
{
	const struct talk *t = w->data;
	const struct hist *h = &t->latency;

	printf("messages pairs=%u window=%u rate=%.0f size=%u delivered=%" PRIu64
	       " wall_s=%.2f per_s=%.0f",
		t->n, w->options->window, w->options->rate, w->options->size, messages, wall,
		(double)messages / wall);
	crowd_print_cpu(w, from, to);
	if (w->options->pid)
		printf(" per_cpu_s=%.0f", (double)messages / proc_cpu(from, to));
	printf(" mean_us=%.0f p50_us=%.0f p99_us=%.0f p999_us=%.0f max_us=%.0f", hist_mean_us(h),
		hist_us(h, 0.5), hist_us(h, 0.99), hist_us(h, 0.999), (double)h->max / 1000);
}

static bool
measure(struct crowd *w)
{
	struct talk *t = w->data;
	struct proc_cost from, to;
	uint64_t begin, before, messages;
	double own, wall;

	start(w);
	if (!crowd_for(w, w->options->settle) || !crowd_look(w, &from))
		return false;
	own = proc_own_cpu();
	before = t->received;
	begin = clock_ns();
	t->counting = true;
	if (!crowd_for(w, w->options->seconds) || !crowd_look(w, &to))
		return false;
	t->counting = false;
	wall = (double)(clock_ns() - begin) / 1e9;
	messages = t->received - before;
	own = proc_own_cpu() - own;
	t->sending = false;
	report(w, &from, &to, messages, wall);
	if (!crowd_until(w, all_here))
		printf(" stalled=1");
	printf(" lost=%" PRIu64 " disordered=%" PRIu64 " refused=%" PRIu64
	       " client_cpu_s=%.2f ref_us=%.2f\n",
		t->sent - t->received - t->refused, t->disordered, t->refused, own,
		proc_reference());
	return t->sent == t->received && !t->disordered;
}

int
scenario_messages(const struct options *o)
{
	struct talk *t;
	struct crowd w;
	bool ok;

	t = bench_alloc(sizeof(*t));
	t->n = o->count;
	t->pairs = bench_alloc(t->n * sizeof(*t->pairs));
	crowd_init(&w, o, 2 * o->count);
	w.data = t;
	w.plan.goal = GOAL_PRESENT;
	ok = crowd_login(&w, w.size) && crowd_for(&w, o->settle);
	for (unsigned i = 0; ok && i < t->n; i++)
		make_pair(&t->pairs[i], &w, i);
	w.plan.on_stanza = on_stanza;
	ok = ok && measure(&w);
	crowd_fini(&w);
	for (unsigned i = 0; i < t->n; i++)
		free(t->pairs[i].text);
	free(t->pairs);
	free(t);
	return ok ? 0 : 1;
}
