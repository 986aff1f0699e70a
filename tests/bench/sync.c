/*
 * sync.c -- a device that was away catches up: from the connection to all that it missed.
 *
 * Account 0 is away while --count others write --fill messages each to it.  Then it connects, logs in,
 * binds, and asks at once for its list of conversations (XEP-0430) and for the archive behind the
 * last message that it knows (XEP-0313); it is done when both are there.  Then the same for a client
 * that knows neither: it sends presence and gets the messages late.  --rounds times each, of which
 * the median counts.
 *
 * Round trips are times at which the client had to wait: it wrote, then it read.  With TLS those of
 * the handshake come on top, and in any case that of TCP.
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

enum { CURSOR_MAX = 128, ROUNDS_MAX = 1000 };

struct sync {
	unsigned messages, entries; /* that came */
	unsigned answers; /* to questions */
	unsigned writers; /* that are not done yet */
	char last[CURSOR_MAX]; /* id of the newest message that the device knows */
};

struct cost {
	double us[ROUNDS_MAX];
	uint64_t read, written;
	unsigned trips;
};

static void
on_stanza(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct sync *s = w->data;
	struct span last;

	if (elem_is(e, "message")) {
		s->entries += elem_has(e, "<entry ");
		s->messages += elem_has(e, "<body>missed ") && !elem_has(e, "<entry ");
		return;
	}
	if (!elem_is(e, "iq") || span_is(elem_attr(e, "id"), "roster"))
		return;
	if (!span_is(elem_attr(e, "type"), "result"))
		fprintf(stderr, "bench: refused: %.*s\n", e->all.n > 400 ? 400 : (int)e->all.n,
			e->all.p);
	last = elem_text(e, "last");
	if (span_is(elem_attr(e, "id"), "newest") && last.n > 0 && last.n < CURSOR_MAX)
		snprintf(s->last, CURSOR_MAX, "%.*s", (int)last.n, last.p);
	if (span_is(elem_attr(e, "id"), "written"))
		s->writers--;
	else
		s->answers++;
}

static bool
all_written(const struct crowd *w)
{
	const struct sync *s = w->data;

	return s->writers == 0;
}

/* The others log in, write to account 0 and go. */
static bool
write_messages(const struct options *o, struct sync *s)
{
	struct options others = *o;
	struct crowd w;
	bool ok;

	others.first = o->first + 1;
	crowd_init(&w, &others, o->count);
	w.data = s;
	w.plan.goal = GOAL_BOUND;
	w.plan.on_stanza = on_stanza;
	ok = crowd_login(&w, w.size);
	s->writers = w.size;
	for (unsigned i = 0; ok && i < w.size; i++) {
		struct buf *out = conn_out(&w.conns[i]);

		for (unsigned k = 0; k < o->fill; k++)
			buf_printf(out,
				"<message type='chat' to='%s%u@%s' id='%u-%u'><body>missed message "
				"number %u of this conversation, about nothing</body></message>",
				o->prefix, o->first, o->host, i, k, k);
		buf_text(out, "<iq type='get' id='written'><query xmlns='jabber:iq:roster'/></iq>");
	}
	ok = ok && crowd_until(&w, all_written);
	crowd_fini(&w);
	return ok;
}

/* ---- The device -------------------------------------------------------------------------- */

static bool
has_caught_up(const struct crowd *w)
{
	const struct sync *s = w->data;
	unsigned all = w->options->count * w->options->fill;

	return s->messages >= all && (w->plan.goal == GOAL_PRESENT ||
					     (s->answers == 2 && s->entries >= w->options->count));
}

static bool
has_answer(const struct crowd *w)
{
	const struct sync *s = w->data;

	return s->answers == 1;
}

static void
device_init(struct crowd *w, const struct options *o, struct sync *s, enum goal goal)
{
	crowd_init(w, o, 1);
	s->answers = s->messages = s->entries = 0;
	w->data = s;
	w->plan.goal = goal;
	w->plan.on_stanza = on_stanza;
}

/* What it knows before it goes away; it has had all until then. */
static bool
learn(const struct options *o, struct sync *s)
{
	struct crowd w;
	bool ok;

	device_init(&w, o, s, GOAL_PRESENT);
	ok = crowd_login(&w, 1) && crowd_for(&w, 0.2);
	s->answers = 0;
	if (ok)
		buf_text(conn_out(&w.conns[0]),
			"<iq type='set' id='newest'><query xmlns='urn:xmpp:mam:2'><set "
			"xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set></query></iq>");
	ok = ok && crowd_until(&w, has_answer);
	crowd_fini(&w);
	return ok;
}

static void
ask_for_all(struct conn *c, const struct sync *s)
{
	struct buf *out = conn_out(c);

	buf_text(out, "<iq type='get' id='inbox'><inbox xmlns='urn:xmpp:inbox:1'/></iq>"
		      "<iq type='set' id='missed'><query xmlns='urn:xmpp:mam:2'><set "
		      "xmlns='http://jabber.org/protocol/rsm'><max>250</max>");
	if (s->last[0])
		buf_printf(out, "<after>%s</after>", s->last);
	buf_text(out, "</set></query></iq><presence/>");
}

static bool
catch_up(const struct options *o, struct sync *s, enum goal goal, struct cost *cost, unsigned round)
{
	struct crowd w;
	uint64_t begin;
	bool ok;

	device_init(&w, o, s, goal);
	begin = clock_ns();
	ok = crowd_login(&w, 1);
	if (ok && goal == GOAL_BOUND)
		ask_for_all(&w.conns[0], s);
	ok = ok && crowd_until(&w, has_caught_up);
	cost->us[round] = (double)(clock_ns() - begin) / 1000;
	cost->read = w.conns[0].wire.read;
	cost->written = w.conns[0].wire.written;
	cost->trips = w.conns[0].wire.trips;
	crowd_fini(&w);
	return ok;
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
print_cost(const char *name, const struct options *o, struct cost *c)
{
	qsort(c->us, o->rounds, sizeof(c->us[0]), by_size);
	printf("%s messages=%u chats=%u rounds=%u trips=%u read=%" PRIu64 " written=%" PRIu64
	       " p50_us=%.0f max_us=%.0f\n",
		name, o->count * o->fill, o->count, o->rounds, c->trips, c->read, c->written,
		c->us[o->rounds / 2], c->us[o->rounds - 1]);
}

int
scenario_sync(const struct options *o)
{
	static struct cost archive, late;
	struct sync s = { 0 };
	bool ok = o->rounds > 0 && o->rounds <= ROUNDS_MAX && o->fill > 0;

	if (!ok)
		fprintf(stderr, "bench: --fill and --rounds must be at least 1\n");
	for (unsigned i = 0; ok && i < o->rounds; i++)
		ok = learn(o, &s) && write_messages(o, &s) &&
		     catch_up(o, &s, GOAL_BOUND, &archive, i) && write_messages(o, &s) &&
		     catch_up(o, &s, GOAL_PRESENT, &late, i);
	if (!ok)
		return 1;
	print_cost("sync-archive", o, &archive);
	print_cost("sync-offline", o, &late);
	return 0;
}
