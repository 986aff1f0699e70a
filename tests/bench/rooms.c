/*
 * rooms.c -- one writes, all occupants of the room read (XEP-0045 7.4); and what a join costs.
 *
 * --rooms rooms have --count occupants each, who stay.  Unpaced, every room keeps --window
 * messages under way: when the last occupant has a message, the next one is sent.  Paced, messages
 * leave at fixed times, rooms in turn, and the latency of the last occupant counts from the time a
 * message was due.  Then --rounds times one more user joins the first room and leaves it again.
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
#include <unistd.h>

enum { RING = 1024, TEXT_ROOM = 512 };

struct room {
	char jid[128];
	char *text; /* the stanza, patched for each message */
	size_t text_n, id_at;
	uint32_t sent, finished;
	unsigned got[RING]; /* copies that arrived, by number modulo RING */
	uint64_t due[RING];
};

struct hall {
	struct room *rooms;
	unsigned n, size; /* rooms; occupants of each */
	unsigned here; /* connections that are in their room */
	unsigned created; /* rooms that were configured */
	uint64_t copies, sent, finished, refused, bytes;
	struct hist latency; /* of the last occupant */
	bool sending, counting;
	double gap, next_due;
	unsigned next;
	bool visiting, away; /* the visitor is in, is out */
};

static struct room *
room_of(struct hall *h, const struct conn *c)
{
	return &h->rooms[c->number / h->size < h->n ? c->number / h->size : 0];
}

static bool
has_code(const struct elem *e, const char *code)
{
	char one[16], two[16];

	snprintf(one, sizeof(one), "'%s'", code);
	snprintf(two, sizeof(two), "\"%s\"", code);
	return elem_has(e, one) || elem_has(e, two);
}

/* ---- Getting in -------------------------------------------------------------------- */

static void
join(struct hall *h, struct conn *c)
{
	buf_printf(conn_out(c),
		"<presence to='%s/n%u'><x xmlns='http://jabber.org/protocol/muc'>"
		"<history maxchars='0' maxstanzas='0'/></x></presence>",
		room_of(h, c)->jid, c->number);
}

static void
leave(struct hall *h, struct conn *c)
{
	buf_printf(conn_out(c), "<presence type='unavailable' to='%s/n%u'/>", room_of(h, c)->jid,
		c->number);
}

/* A new room is locked until its owner has accepted its configuration (10.1.2). */
static void
unlock(struct hall *h, struct conn *c)
{
	buf_printf(conn_out(c),
		"<iq type='set' id='unlock' to='%s'>"
		"<query xmlns='http://jabber.org/protocol/muc#owner'>"
		"<x xmlns='jabber:x:data' type='submit'/></query></iq>",
		room_of(h, c)->jid);
}

static void
on_entering(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct hall *h = w->data;

	if (elem_is(e, "iq") && span_is(elem_attr(e, "id"), "unlock")) {
		h->created++;
	} else if (elem_is(e, "presence") && has_code(e, "110")) {
		h->here++;
		if (c->number % h->size == 0 && c->number / h->size < h->n)
			unlock(h, c);
	}
}

static bool
all_created(const struct crowd *w)
{
	const struct hall *h = w->data;

	return h->created == h->n && h->here == h->n;
}

static bool
all_in(const struct crowd *w)
{
	const struct hall *h = w->data;

	return h->here == h->n * h->size;
}

/* Owners first, then the rest. */
static bool
fill(struct crowd *w)
{
	struct hall *h = w->data;

	w->plan.on_stanza = on_entering;
	for (unsigned r = 0; r < h->n; r++)
		join(h, &w->conns[r * h->size]);
	if (!crowd_until(w, all_created))
		return false;
	for (unsigned i = 0; i < h->n * h->size; i++)
		if (i % h->size != 0)
			join(h, &w->conns[i]);
	return crowd_until(w, all_in) && crowd_for(w, w->options->settle);
}

/* ---- Messages ------------------------------------------------------------------------ */

static void
send_one(struct crowd *w, unsigned number, uint64_t when)
{
	struct hall *h = w->data;
	struct room *r = &h->rooms[number];
	char id[16];

	snprintf(id, sizeof(id), "m%08x", r->sent);
	memcpy(r->text + r->id_at, id, 9);
	r->got[r->sent % RING] = 0;
	r->due[r->sent % RING] = when;
	r->sent++;
	h->sent++;
	buf_add(conn_out(&w->conns[number * h->size]), r->text, r->text_n);
}

static void
on_message(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct hall *h = w->data;
	struct room *r = room_of(h, c);
	struct span id = elem_attr(e, "id");
	uint32_t number;

	if (!elem_is(e, "message"))
		return;
	if (id.n != 9 || id.p[0] != 'm' || span_is(elem_attr(e, "type"), "error")) {
		if (!h->refused++)
			fprintf(stderr, "bench: unexpected: %.*s\n",
				e->all.n > 400 ? 400 : (int)e->all.n, e->all.p);
		return;
	}
	number = (uint32_t)strtoul(id.p + 1, NULL, 16);
	h->copies++;
	h->bytes += e->all.n;
	if (++r->got[number % RING] < h->size)
		return;
	r->finished++;
	h->finished++;
	if (h->counting)
		hist_add(&h->latency, clock_ns() - r->due[number % RING]);
	if (h->sending && h->gap == 0)
		send_one(w, (unsigned)(r - h->rooms), clock_ns());
}

static void
on_due(struct crowd *w, uint64_t now)
{
	struct hall *h = w->data;

	while (h->sending && h->next_due <= (double)now) {
		send_one(w, h->next, (uint64_t)h->next_due);
		h->next = (h->next + 1) % h->n;
		h->next_due += h->gap;
	}
	w->due = h->sending ? (uint64_t)h->next_due + 1 : 0;
}

static void
start(struct crowd *w)
{
	struct hall *h = w->data;

	w->plan.on_stanza = on_message;
	h->sending = true;
	if (w->options->rate > 0) {
		h->gap = 1e9 / w->options->rate;
		h->next_due = (double)clock_ns() + h->gap;
		w->on_due = on_due;
		w->due = (uint64_t)h->next_due;
		return;
	}
	for (unsigned k = 0; k < w->options->window; k++)
		for (unsigned r = 0; r < h->n; r++)
			send_one(w, r, clock_ns());
}

static bool
all_here(const struct crowd *w)
{
	const struct hall *h = w->data;

	return h->finished == h->sent;
}

static bool
measure_messages(struct crowd *w)
{
	struct hall *h = w->data;
	struct proc_cost from, to;
	uint64_t begin, copies, bytes;
	double own, wall;
	bool ok;

	start(w);
	if (!crowd_for(w, w->options->settle) || !crowd_look(w, &from))
		return false;
	own = proc_own_cpu();
	copies = h->copies;
	bytes = h->bytes;
	begin = clock_ns();
	h->counting = true;
	if (!crowd_for(w, w->options->seconds) || !crowd_look(w, &to))
		return false;
	h->counting = h->sending = false;
	wall = (double)(clock_ns() - begin) / 1e9;
	copies = h->copies - copies;
	own = proc_own_cpu() - own;
	printf("rooms rooms=%u occupants=%u window=%u rate=%.0f deliveries=%" PRIu64
	       " wall_s=%.2f per_s=%.0f bytes_each=%.0f",
		h->n, h->size, w->options->window, w->options->rate, copies, wall,
		(double)copies / wall, copies ? (double)(h->bytes - bytes) / (double)copies : 0.0);
	crowd_print_cpu(w, &from, &to);
	if (w->options->pid)
		printf(" per_cpu_s=%.0f", (double)copies / proc_cpu(&from, &to));
	ok = crowd_until(w, all_here);
	printf(" last_p50_us=%.0f last_p99_us=%.0f last_max_us=%.0f lost=%" PRIu64
	       " refused=%" PRIu64 " client_cpu_s=%.2f ref_us=%.2f\n",
		hist_us(&h->latency, 0.5), hist_us(&h->latency, 0.99),
		(double)h->latency.max / 1000, h->sent - h->finished, h->refused, own,
		proc_reference());
	return ok && !h->refused;
}

/* ---- Joins ----------------------------------------------------------------------------- */

static void
on_visit(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct hall *h = w->data;

	if (c->number != h->n * h->size)
		return;
	h->bytes += e->all.n;
	if (elem_is(e, "presence") && has_code(e, "110"))
		h->away = span_is(elem_attr(e, "type"), "unavailable");
	if (elem_is(e, "message") && elem_has(e, "<subject"))
		h->visiting = true;
}

static bool
is_in(const struct crowd *w)
{
	return ((const struct hall *)w->data)->visiting;
}

static bool
is_out(const struct crowd *w)
{
	return ((const struct hall *)w->data)->away;
}

static bool
measure_joins(struct crowd *w)
{
	struct hall *h = w->data;
	struct conn *visitor = &w->conns[h->n * h->size];
	struct proc_cost from, to;
	struct hist times;
	uint64_t begin;

	memset(&times, 0, sizeof(times));
	w->plan.on_stanza = on_visit;
	if (!w->options->rounds)
		return true;
	if (!crowd_look(w, &from))
		return false;
	h->bytes = 0;
	for (unsigned i = 0; i < w->options->rounds; i++) {
		h->visiting = h->away = false;
		begin = clock_ns();
		join(h, visitor);
		if (!crowd_until(w, is_in))
			return false;
		hist_add(&times, clock_ns() - begin);
		leave(h, visitor);
		if (!crowd_until(w, is_out))
			return false;
	}
	if (!crowd_look(w, &to))
		return false;
	printf("joins occupants=%u joins=%u bytes_each=%.0f p50_us=%.0f p99_us=%.0f", h->size,
		w->options->rounds, (double)h->bytes / w->options->rounds, hist_us(&times, 0.5),
		hist_us(&times, 0.99));
	crowd_print_cpu(w, &from, &to);
	printf(" cpu_ms_each=%.3f ref_us=%.2f\n", 1000 * proc_cpu(&from, &to) / w->options->rounds,
		proc_reference());
	return true;
}

/* ---- All ---------------------------------------------------------------------------------- */

static void
make_room(struct room *r, const struct options *o, unsigned number)
{
	int n;

	snprintf(r->jid, sizeof(r->jid), "bench%u-%x@%s.%s", number, (unsigned)getpid(), o->service,
		o->host);
	r->text = bench_alloc(o->size + TEXT_ROOM);
	n = snprintf(r->text, TEXT_ROOM, "<message type='groupchat' to='%s' id='", r->jid);
	r->id_at = (size_t)n;
	n += snprintf(r->text + n, 64, "m00000000'><body>");
	for (; (size_t)n + 17 < o->size; n++)
		r->text[n] = "the quick brown fox jumps over "[n % 31];
	n += snprintf(r->text + n, 32, "</body></message>");
	r->text_n = (size_t)n;
}

int
scenario_rooms(const struct options *o)
{
	struct hall *h = bench_alloc(sizeof(*h));
	struct crowd w;
	bool ok;

	memset(h, 0, sizeof(*h));
	h->n = o->rooms;
	h->size = o->count;
	h->rooms = bench_alloc(h->n * sizeof(*h->rooms));
	memset(h->rooms, 0, h->n * sizeof(*h->rooms));
	for (unsigned i = 0; i < h->n; i++)
		make_room(&h->rooms[i], o, i);
	crowd_init(&w, o, h->n * h->size + 1);
	w.data = h;
	w.plan.goal = GOAL_PRESENT;
	ok = o->window < RING && crowd_login(&w, w.size) && fill(&w) && measure_messages(&w) &&
	     measure_joins(&w);
	crowd_fini(&w);
	for (unsigned i = 0; i < h->n; i++)
		free(h->rooms[i].text);
	free(h->rooms);
	free(h);
	return ok ? 0 : 1;
}
