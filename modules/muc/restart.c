/*
 * restart.c -- who is in a room stays in it over a restart.
 *
 * When the server stops, those whose sessions wait to be resumed are still in their rooms, and are
 * written down.  When the room is loaded again they are in it, and nobody hears anything.  Each of
 * their homes is asked whether the session is there, too: if not, the room lets it go.
 *
 * When a reload takes a service away, who is in its rooms is told that it ended.
 *
 * Runs on: the room's home, or the occupant's.
 */
#include "modules/muc/muc.h"

#include <string.h>

/* ---- Written ------------------------------------------------------------------------------------------ */

static void
write_visit(const struct room *room, const struct visit *v)
{
	struct arena *a = arena_new(0);
	struct buf b = BUF_INIT;
	struct ask ask;

	stanza_write_alone(&b, v->presence);
	ask = room_ask(a, ROOM_PUT_OCCUPANT,
		ARGS(of_jid(room->home.jid), of_jid(v->full), of_text(v->occupant->nick),
			of_int(v->occupant->role), of_str(buf_str(&b))));
	store_ask(room->home.worker, room_key(room), &ask, 1, NULL, NULL);
	buf_fini(&b);
	arena_free(&a);
}

static void
write_room(struct home *h, void *ctx)
{
	const struct room *room = room_of(h);

	(void)ctx;
	if (!room->exists || room->locked)
		return;
	for_each_occupant(o, room)
	{
		for_each_visit(v, o) write_visit(room, v);
	}
}

enum verdict
muc_server_stops(struct worker_event *ev)
{
	homes_each(ev->head.worker, &room_kind, write_room, NULL);
	return PASS;
}

/* ---- Services that end ---------------------------------------------------------------------------------- */

/* XEP-0045 11.2.  Rows stay, should the service come back. */
static void
end(struct home *h, void *ctx)
{
	struct room *room = room_of(h);
	struct removal why = { .codes = { 332 } };

	(void)ctx;
	if (!room->exists || room_host(room))
		return;
	for_each_occupant(o, room) presence_gone(room, o, NULL, &why, NULL, false);
	occupants_drop(room);
}

enum verdict
muc_reloaded(struct config_event *ev)
{
	if (!ev->head.host)
		homes_each(ev->head.worker, &room_kind, end, NULL);
	return PASS;
}

/* ---- Asked whether they are there ----------------------------------------------------------------------- */

/* Goes to the occupant's home, and back if nobody is there; the texts lie behind it. */
struct call {
	struct mail mail;
	struct home_wait wait;
	struct worker *room_worker;
	struct jid room, full;
};

static void
on_missing(struct worker *w, struct mail *m)
{
	struct call *c = CONTAINER(m, struct call, mail);
	struct home *h = homes_open(w) ? home_find(w, jid_full(c->room)) : NULL;
	struct removal why = { .codes = { 333 } };
	struct visit *v;

	if (h && h->kind == &room_kind && h->state == HOME_WARM) {
		v = visit_find(room_of(h), c->full);
		if (v) {
			visit_remove(room_of(h), v, &why);
			room_emptied(room_of(h));
		}
	}
	mem_free(&c);
}

static void
on_account(struct home *h, struct home_wait *wait, bool ok)
{
	struct call *c = CONTAINER(wait, struct call, wait);

	if (!ok || account_session(account_of(h), jid_resource(c->full))) {
		mem_free(&c);
		return;
	}
	c->mail.open = on_missing;
	worker_post(h->worker, c->room_worker, &c->mail);
}

static void
on_call(struct worker *w, struct mail *m)
{
	struct call *c = CONTAINER(m, struct call, mail);

	if (!homes_open(w)) {
		mem_free(&c);
		return;
	}
	c->wait.ready = on_account;
	home_with(w, &account_kind, jid_bare(c->full), &c->wait);
}

static void
call(const struct room *room, struct jid full)
{
	struct str of_room = jid_full(room->home.jid), of_visit = jid_full(full);
	struct call *c = mem_new(sizeof(*c) + of_room.n + of_visit.n + 2);
	char *text = (char *)(c + 1);

	c->room_worker = room->home.worker;
	c->room = room->home.jid;
	c->room.text = memcpy(text, of_room.p, of_room.n);
	c->full = full;
	c->full.text = memcpy(text + of_room.n + 1, of_visit.p, of_visit.n);
	c->mail.open = on_call;
	worker_post(room->home.worker, place_of(jid_bare_str(full)), &c->mail);
}

/* ---- Taken back -------------------------------------------------------------------------------------------- */

static void
take_back(struct room *room, struct arena *a, const struct rows *rows, size_t i)
{
	AUTO(stanza_unref) const struct stanza *presence = stanza_read(row_str(rows, i, 3));
	int64_t role = row_int(rows, i, 2);
	struct jid full;

	if (!presence || role <= ROLE_NONE || role >= ROLE_COUNT ||
		jid_parse(a, row_str(rows, i, 0), &full) != JID_OK ||
		!config_host(config_of(room->home.worker), jid_domain(full)))
		return;
	visit_add(room, full, row_str(rows, i, 1).p, (enum role)role, presence);
	call(room, full);
}

void
room_take_occupants(struct room *room, const struct rows *rows)
{
	struct value owner = of_jid(room->home.jid);
	struct ask forget = { &room_queries[ROOM_DELETE_OCCUPANTS], &owner, 1 };
	struct arena *a;

	if (rows->count == 0)
		return;
	a = arena_new(0);
	for (size_t i = 0; i < rows->count; i++)
		take_back(room, a, rows, i);
	arena_free(&a);
	store_ask(room->home.worker, room_key(room), &forget, 1, NULL, NULL);
}
