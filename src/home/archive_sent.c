/*
 * archive_sent.c -- what came within the last day, by its origin-ids (XEP-0359): from an account, or
 * from anybody to a room.
 *
 * A client that never heard that its message was taken sends it again.  The references of origin-ids
 * that were accepted are remembered in two sets, of today and of the day before.  When a home has
 * just been loaded the sets do not know the past: it is read from the end of the archive, and until
 * then the archive itself is asked.  Where more is said within a day than a set holds, the latest are
 * remembered: asking the archive each time would cost all others dearly.
 *
 * Runs on: the home's worker.
 */
#include "home/archive_sent.h"

#include "base/mem.h"
#include "home/account.h"
#include "home/archive.h"
#include "home/job.h"

enum { ROOM_FIRST = 64, ROOM_MAX = 65536 };

/* What is known beside a hash, in its lowest bits. */
enum { ACCEPTED = 1, FAILED = 2, KNOWN = 3 };

/* Open addressing; 0 is free. */
struct sent_set {
	size_t room, count;
	uint64_t slots[];
};

static struct sent_set *
set_new(size_t room)
{
	struct sent_set *s = mem_new(sizeof(*s) + room * sizeof(s->slots[0]));

	s->room = room;
	return s;
}

/* Where it is or would be. */
static uint64_t *
slot_in(struct sent_set *s, uint64_t hash)
{
	size_t i = (hash >> 2) & (s->room - 1);

	while (s->slots[i] != 0 && (s->slots[i] | KNOWN) != (hash | KNOWN))
		i = (i + 1) & (s->room - 1);
	return &s->slots[i];
}

static struct sent_set *
grown(struct sent_set *old)
{
	struct sent_set *s = set_new(old->room * 2);

	for (size_t i = 0; i < old->room; i++) {
		if (old->slots[i] != 0)
			*slot_in(s, old->slots[i]) = old->slots[i];
	}
	s->count = old->count;
	mem_free(&old);
	return s;
}

static void
turn_over(struct sent *s, msec_t now)
{
	mem_free(&s->before);
	s->before = s->now;
	s->now = NULL;
	s->began = now;
}

static void
add(struct sent *s, uint64_t hash)
{
	msec_t now = clock_wall();
	uint64_t *slot;

	if (s->now && (now - s->began > DAYS(1) || now < s->began || s->now->count >= ROOM_MAX / 2))
		turn_over(s, now);
	if (!s->now) {
		s->now = set_new(ROOM_FIRST);
		s->began = now;
	}
	if (s->now->count >= s->now->room / 2)
		s->now = grown(s->now);
	slot = slot_in(s->now, hash);
	s->now->count += *slot == 0;
	*slot |= hash;
}

static uint64_t
hash_of(int64_t reference)
{
	return (uint64_t)reference & ~(uint64_t)KNOWN;
}

static uint64_t
find(const struct sent *s, uint64_t hash)
{
	return (s->now ? *slot_in(s->now, hash) : 0) | (s->before ? *slot_in(s->before, hash) : 0);
}

void
sent_drop(struct sent *s)
{
	mem_free(&s->now);
	mem_free(&s->before);
	*s = (struct sent){ .began = 0 };
}

/* ---- The past ------------------------------------------------------------------------- */

static step_fn load, loaded;

struct loading {
	sent_of_fn *of;
};

static bool
is_account(const struct home *h)
{
	return h->kind == &account_kind;
}

/* The hash of a speaker, mixed in. */
static int64_t
mixed(int64_t reference, int64_t peer)
{
	return (int64_t)((uint64_t)reference ^ (uint64_t)peer * UINT64_C(0x9e3779b97f4a7c15));
}

int64_t
sent_by(int64_t reference, struct jid speaker)
{
	return mixed(reference, archive_peer(speaker));
}

static struct step
load(struct job *j)
{
	struct archive_range day = { .after = archive_id_at(clock_wall() - DAYS(1)),
		.before = INT64_MAX,
		.limit = ROOM_MAX / 4 };
	struct ask ask = archive_references(j->arena, j->home, &day, is_account(j->home));

	return job_query_else(j, loaded, &ask, 1);
}

static struct step
loaded(struct job *j)
{
	const struct loading *l = j->state;
	struct sent *s = l->of(j->home);

	s->is_loading = false;
	if (j->outcome != STORE_OK)
		return job_done(j);
	for (size_t i = 0; i < j->rows->count; i++) {
		int64_t reference = row_int(j->rows, i, 0);

		if (!is_account(j->home))
			reference = mixed(reference, row_int(j->rows, i, 1));
		if (!sent_has_failed(s, reference))
			sent_accepted(s, reference);
	}
	s->is_loaded = true;
	return job_done(j);
}

static void
start_loading(struct home *h, sent_of_fn *of)
{
	struct arena *a = arena_new(0);
	struct loading *l = ARENA_NEW(a, struct loading);

	l->of = of;
	of(h)->is_loading = true;
	job_start_at(h, NULL, &a, l, load);
}

enum sent_state
sent_ask(struct home *h, sent_of_fn *of, int64_t reference)
{
	struct sent *s = of(h);
	uint64_t hash = hash_of(reference), found = find(s, hash);

	if (hash == 0)
		return SENT_MAYBE;
	if (found & ACCEPTED)
		return SENT_BEFORE;
	if (!s->is_loaded && !s->is_loading)
		start_loading(h, of);
	add(s, hash);
	return found || !s->is_loaded ? SENT_MAYBE : SENT_NEW;
}

void
sent_accepted(struct sent *s, int64_t reference)
{
	add(s, hash_of(reference) | ACCEPTED);
}

void
sent_failed(struct sent *s, int64_t reference)
{
	add(s, hash_of(reference) | FAILED);
}

bool
sent_has_failed(const struct sent *s, int64_t reference)
{
	return (find(s, hash_of(reference)) & KNOWN) == FAILED;
}
