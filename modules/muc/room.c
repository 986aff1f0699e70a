/*
 * room.c -- a room: loaded, made, dropped; its gate.
 *
 * A room that nobody made is loaded too (there are no rows) and dropped as soon as what waited for
 * it was answered.  A new one is in memory only until its maker has configured it.
 *
 * The gate: what reaches the room is dealt with in order.  A message is judged at once and enters
 * the home's gate; the next message may follow it there, so that one commit takes many.  Anything else
 * waits until no message is under way, and a write of another kind (a change of an affiliation, of
 * the configuration) holds everything behind it until it is committed and told.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define QUEUE_MAX 4000
#define QUEUE_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct room_wait {
	struct list link; /* room->queue */
	const struct stanza *stanza;
	struct receipt receipt;
	size_t bytes;
	struct job *job; /* or a parked job */
};

uint64_t
room_key(const struct room *room)
{
	struct str bare = jid_bare_str(room->home.jid);

	return hash_stable(bare.p, bare.n);
}

const struct host *
room_host(const struct room *room)
{
	return home_host(&room->home);
}

void
room_set_config(struct room *room, struct arena **a, struct room_config *c)
{
	arena_free(&room->arena);
	room->arena = *a;
	room->config = c;
	*a = NULL;
}

/* ---- Make and forget ------------------------------------------------------------------- */

void
room_make(struct room *room)
{
	struct arena *a = arena_new(1024);
	struct room_config *c = ARENA_NEW(a, struct room_config);
	uint8_t secret[16];

	assert(!room->exists);
	config_default(room_host(room), c, a);
	rand_bytes(secret, sizeof(secret));
	snprintf(room->secret, sizeof(room->secret), "%s", hex_encode(a, secret, sizeof(secret)));
	room_set_config(room, &a, c);
	room->exists = room->locked = room->remembers = true;
	room->created = room->used = clock_wall();
	room->version = room->version_floor = room->created;
}

void
room_reset(struct room *room)
{
	occupants_drop(room);
	affiliates_drop(room);
	roles_drop(room);
	history_drop(room);
	sent_drop(&room->sent);
	hats_drop(room);
	stanza_unref(&room->subject);
	mem_free(&room->avatar);
	arena_free(&room->arena);
	room->config = NULL;
	room->exists = room->locked = room->remembers = false;
	room->version = room->version_floor = 0;
}

/* A temporary room ends with its last occupant (XEP-0045 7.14); so does one that was never
 * configured. */
void
room_emptied(struct room *room)
{
	struct arena *a;
	struct ask *asks;
	size_t count;

	if (!room->exists || room->occupants.count > 0)
		return;
	if (!room->locked && room->config->persistentroom)
		return;
	if (!room->locked) {
		a = arena_new(0);
		count = room_delete_asks(room, a, &asks);
		store_ask(room->home.worker, room_key(room), asks, count, NULL, NULL);
		archive_retired(&room->home);
		arena_free(&a);
	}
	room_reset(room);
}

static bool
keep(const struct home *h)
{
	return CONTAINER(h, const struct room, home)->exists;
}

static void
drop(struct home *h)
{
	struct room *room = room_of(h);
	struct room_wait *w;

	while ((w = list_first(&room->queue, struct room_wait, link)) != NULL) {
		list_remove(&w->link);
		stanza_unref(&w->stanza);
		mem_free(&w);
	}
	room_reset(room);
	hash_fini(&room->affiliates);
	hash_fini(&room->kept);
	hash_fini(&room->occupants);
	hash_fini(&room->visits);
}

/* ---- Load --------------------------------------------------------------------------------- */

static void
loaded(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct room *room = ctx;

	(void)count;
	assert(worker_is_here(w));
	if (result != STORE_OK) {
		log_warn(AREA_MODULE, NULL, "could not load a room: the store %s",
			result == STORE_AWAY ? "was away" : "refused a query");
		home_failed(&room->home);
		return;
	}
	archive_loaded(&room->home, rows[ROOM_LOADS]);
	if (rows[ROOM_LOAD]->count > 0) {
		room_take(room, rows);
		room_take_occupants(room, rows[ROOM_LOAD_OCCUPANTS]);
	}
	room_emptied(room); /* a temporary one that the last stop left behind */
	home_loaded(&room->home);
}

static void
load(struct home *h)
{
	struct room *room = room_of(h);
	struct value owner = of_jid(h->jid);
	struct ask asks[ROOM_LOADS + 1];

	list_init(&room->order);
	list_init(&room->queue);
	list_init(&room->hats);
	list_init(&room->wearers);
	list_init(&room->kept_order);
	hash_init(&room->affiliates);
	hash_init(&room->kept);
	hash_init(&room->occupants);
	hash_init(&room->visits);
	for (unsigned i = 0; i < ROOM_LOADS; i++)
		asks[i] = (struct ask){ &room_queries[i], &owner, 1 };
	asks[ROOM_LOADS] = (struct ask){ archive_load_query, &owner, 1 };
	store_ask(h->worker, room_key(room), asks, ROOM_LOADS + 1, loaded, room);
}

/* ---- The gate ------------------------------------------------------------------------------- */

static void
handle(struct room *room, const struct stanza *s, const struct receipt *r)
{
	switch (s->kind) {
	case STANZA_MESSAGE:
		muc_message(room, s, r);
		break;
	case STANZA_PRESENCE:
		muc_presence(room, s, r);
		break;
	case STANZA_IQ:
		muc_iq(room, s, r);
		break;
	}
}

static bool
is_said_to_all(const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && s->type == MESSAGE_GROUPCHAT && !jid_is_full(s->to);
}

/* Somebody enters, and the last messages are not known yet. */
static bool
needs_history(const struct room *room, const struct stanza *s)
{
	return !room->remembers && room->exists && !room->locked && s &&
	       s->kind == STANZA_PRESENCE && s->type == PRESENCE_AVAILABLE &&
	       stanza_child(s, NS_MUC, "x");
}

static bool
may_pass(struct room *room, const struct stanza *s)
{
	if (!room->writing && room->home.gate.count == 0 && needs_history(room, s))
		history_load(room);
	return !room->writing && (room->home.gate.count == 0 || (s && is_said_to_all(s)));
}

static void
enqueue(struct room *room, const struct stanza *s, const struct receipt *r, struct job *job)
{
	struct room_wait *w = MEM_NEW(struct room_wait);

	w->stanza = s ? stanza_ref(s) : NULL;
	w->receipt = r ? *r : RECEIPT_NONE;
	w->job = job;
	w->bytes = s ? stanza_size(s) : 0;
	room->queue_bytes += w->bytes;
	if (s && s->kind == STANZA_MESSAGE)
		trace(room->home.worker, TRACE_HELD, s, room->home.jid, NULL, 0);
	if (room->queue_count++ == 0)
		home_pin(&room->home);
	list_append(&room->queue, &w->link);
}

static void
take_on(struct room *room, struct room_wait *w)
{
	if (w->job) {
		room->writing = true;
		job_wake(w->job);
	} else if (room_host(room))
		handle(room, w->stanza, &w->receipt);
	else
		receipt_give(room->home.worker, &w->receipt);
	stanza_unref(&w->stanza);
	mem_free(&w);
}

void
room_go_on(struct room *room)
{
	struct room_wait *w;

	/* At the end what waits is dropped with the room. */
	if (room->moving || !homes_open(room->home.worker))
		return;
	room->moving = true;
	while ((w = list_first(&room->queue, struct room_wait, link)) != NULL &&
		may_pass(room, w->stanza)) {
		list_remove(&w->link);
		room->queue_count--;
		room->queue_bytes -= w->bytes;
		take_on(room, w);
		if (room->queue_count == 0)
			home_unpin(&room->home);
	}
	room->moving = false;
}

static void
stanza(struct home *h, const struct stanza *s, const struct receipt *r)
{
	struct room *room = room_of(h);

	if (!room_host(room))
		receipt_give(h->worker, r);
	else if (room->queue_count == 0 && !room->moving && !gate_is_full(h) && may_pass(room, s))
		handle(room, s, r);
	else if (room->queue_count >= QUEUE_MAX || room->queue_bytes >= QUEUE_BYTES_MAX ||
		 gate_is_full(h))
		route_refuse(h->worker, s, COND_RESOURCE_CONSTRAINT, r);
	else
		enqueue(room, s, r, NULL);
}

/* What a job does when the room is its own. */
struct turn {
	step_fn *next;
};

static struct turn *
turn_new(const struct job *j, step_fn *next)
{
	struct turn *t = ARENA_NEW(j->arena, struct turn);

	t->next = next;
	return t;
}

/* Its turn was kept while it was woken. */
static struct step
entered(struct job *j)
{
	struct room *room = room_of(j->home);
	const struct turn *t = j->commit;
	struct step s;

	room->writing = false;
	s = t->next(j);
	room_go_on(room);
	return s;
}

struct step
room_enter(struct job *j, step_fn *next)
{
	struct room *room = room_of(j->home);
	struct step s;

	if (room->queue_count == 0 && may_pass(room, NULL))
		return next(j);
	j->commit = turn_new(j, next);
	s = job_park(j, entered);
	enqueue(room, NULL, NULL, j);
	return s;
}

/* ---- Writes ----------------------------------------------------------------------------------- */

static struct step
refuse(struct job *j)
{
	bool away = j->outcome == STORE_AWAY;
	enum cond c = away ? COND_RESOURCE_CONSTRAINT : COND_INTERNAL_SERVER_ERROR;

	if (j->call)
		return call_error(j, away ? "unavailable" : "internal", "the store %s",
			away ? "is away" : "refused the change");
	if (stanza_is_request(j->stanza))
		return iq_error(j, c, NULL);
	route_bounce(j->worker, j->stanza, c, NULL, NO_RECEIPT);
	return job_done(j);
}

static struct step
written(struct job *j)
{
	struct room *room = room_of(j->home);
	const struct turn *t = j->commit;
	bool ok = j->outcome == STORE_OK;
	struct step s;

	room->writing = false;
	s = ok ? t->next(j) : refuse(j);
	if (!ok)
		room_emptied(room); /* it was being made, by nobody in it */
	room_go_on(room);
	return s;
}

struct step
room_write(struct job *j, step_fn *next, const struct ask *asks, size_t count)
{
	struct room *room = room_of(j->home);

	assert(!room->writing);
	room->writing = true;
	j->commit = turn_new(j, next);
	return job_query_else(j, written, asks, count);
}

const struct home_kind room_kind = {
	.name = "room",
	.size = sizeof(struct room),
	.linger = SECONDS(60),
	.load = load,
	.keep = keep,
	.stanza = stanza,
	.drop = drop,
};
