/*
 * seat.c -- the table of a worker's sessions.
 *
 * Sessions sit in seats; a seat's generation grows with each session, so a receipt that comes late
 * finds nobody.
 *
 * Runs on: the worker.
 */
#include "base/mem.h"
#include "home/local.h"

#include <assert.h>
#include <string.h>

static void
seats_grow(struct local *l)
{
	uint32_t room = l->seats_room > 0 ? l->seats_room * 2 : 64;

	l->seats = mem_resize(l->seats, room * sizeof(*l->seats));
	memset(l->seats + l->seats_room, 0, (room - l->seats_room) * sizeof(*l->seats));
	l->seats_room = room;
}

void
seat_take(struct session *s)
{
	struct local *l = local_of(s->worker);
	struct session_seat *seat;

	if (l->seats_free > 0) {
		s->slot = l->seats_free - 1;
		l->seats_free = l->seats[s->slot].next_free;
	} else {
		if (l->seats_count == l->seats_room)
			seats_grow(l);
		s->slot = l->seats_count++;
	}
	seat = &l->seats[s->slot];
	s->generation = ++seat->generation;
	seat->session = s;
	l->sessions_count++;
}

void
seat_leave(struct session *s)
{
	struct local *l = local_of(s->worker);
	struct session_seat *seat = &l->seats[s->slot];

	assert(seat->session == s);
	seat->session = NULL;
	seat->next_free = l->seats_free;
	l->seats_free = s->slot + 1;
	l->sessions_count--;
}

struct session *
session_find(struct worker *w, uint32_t slot, uint32_t generation)
{
	const struct local *l = local_of(w);
	const struct session_seat *seat;

	assert(worker_is_here(w));
	if (slot >= l->seats_count)
		return NULL;
	seat = &l->seats[slot];
	return seat->session && seat->generation == generation ? seat->session : NULL;
}

size_t
sessions_count(const struct worker *w)
{
	return local_of(w)->sessions_count;
}

void
sessions_each(struct worker *w, void (*fn)(struct session *s, void *ctx), void *ctx)
{
	const struct local *l = local_of(w);

	assert(worker_is_here(w));
	for (uint32_t i = 0; i < l->seats_count; i++) {
		if (l->seats[i].session)
			fn(l->seats[i].session, ctx);
	}
}

void
sessions_fini(struct local *l)
{
	assert(l->sessions_count == 0);
	mem_free(&l->seats);
}
