/*
 * trace.c -- what became of a message: a short memory of each worker.
 *
 * Runs on: main (init, fini), the worker where it happens.
 */
#include "home/trace.h"

#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* events is touched page by page, so a quiet server never has all of it in memory. */
struct ring {
	struct trace *events; /* NULL until the first */
	size_t next, count;
};

static struct ring rings[WORKERS_MAX];

void
trace_init(void)
{
	memset(rings, 0, sizeof(rings));
}

void
trace_fini(void)
{
	for (size_t i = 0; i < COUNT(rings); i++)
		mem_free(&rings[i].events);
}

uint64_t
trace_key(const char *id)
{
	uint64_t key = hash_stable(id, strlen(id));

	return key != 0 ? key : 1;
}

static const char *
origin_of(const struct stanza *s)
{
	const char *id = xml_get(stanza_child(s, NS_SID, "origin-id"), "id");

	return id && *id && !text_eq(id, s->id) ? id : NULL;
}

void
trace(struct worker *w, enum trace_event what, const struct stanza *s, struct jid where,
	const struct home *h, int64_t place)
{
	struct ring *r = &rings[worker_index(w)];
	struct str text = jid_full(where);
	const char *origin = what == TRACE_ACCEPTED || what == TRACE_ARRIVED ? origin_of(s) : NULL;
	struct trace *t;

	assert(worker_is_here(w) && s->kind == STANZA_MESSAGE);
	if (!s->id && !origin && place == 0)
		return;
	if (!r->events)
		r->events = mem_new(TRACE_ROOM * sizeof(*r->events));
	t = &r->events[r->next];
	r->next = (r->next + 1) % TRACE_ROOM;
	r->count += r->count < TRACE_ROOM;
	t->at = clock_mono_us();
	t->id = s->id ? trace_key(s->id) : 0;
	t->origin = origin ? trace_key(origin) : 0;
	t->place = place;
	t->number = h && place != 0 ? h->number : 0;
	t->what = (uint8_t)what;
	t->length = (uint8_t)(text.n < TRACE_WHERE ? text.n : TRACE_WHERE);
	memcpy(t->where, text.p, t->length);
}

void
trace_each(struct worker *w, void (*fn)(const struct trace *t, void *ctx), void *ctx)
{
	const struct ring *r = &rings[worker_index(w)];
	size_t first = r->count < TRACE_ROOM ? 0 : r->next;

	for (size_t i = 0; i < r->count; i++)
		fn(&r->events[(first + i) % TRACE_ROOM], ctx);
}

const char *
trace_name(enum trace_event what)
{
	static const char *const names[TRACE_EVENTS] = {
		[TRACE_ACCEPTED] = "accepted",
		[TRACE_STORED] = "stored in the archive",
		[TRACE_PASSED] = "passed on, not archived",
		[TRACE_REPEATED] = "repeated, passed over",
		[TRACE_SPREAD] = "sent to the occupants",
		[TRACE_ARRIVED] = "arrived",
		[TRACE_HELD] = "held behind older ones",
		[TRACE_KEPT] = "kept for a login",
		[TRACE_DELIVERED] = "delivered",
		[TRACE_QUEUED] = "queued for a resumption",
		[TRACE_AGAIN] = "delivered again",
		[TRACE_ACKED] = "acknowledged",
		[TRACE_LEFT] = "not acknowledged by any session",
		[TRACE_REFUSED] = "refused",
		[TRACE_DROPPED] = "dropped",
	};

	return names[what];
}
