/*
 * flush.c -- messages that wait go to the first client that takes them.
 *
 * They come from three places, each in the order of its ids, and are merged: pointers to rows of the
 * archive that were left, received rows after the mark, and kept messages that are in no archive.
 * What was handed out is deleted together with reading the next page.
 *
 * What arrives meanwhile is held back (message_due) and found in the same places, so that the order
 * holds.  It was not there when the client came, so it goes where it would have gone.
 *
 * Runs on: the account's home.
 */
#include "offline.h"

#include <stdlib.h>

enum { PAGE = 64, PAUSE = 20, PAUSE_MAX = 300, UNSENT_MAX = 128 * 1024 };

enum source { LEFT, RECEIVED, KEPT, SOURCES };

struct waiting {
	int64_t id;
	msec_t at; /* wall; when it came */
	const struct stanza *stanza; /* NULL: damaged, or handed out */
	enum source source;
};

struct flush {
	struct waiting list[SOURCES * PAGE];
	size_t count, next;
	int64_t end; /* all up to this id is in the list */
	int64_t latest; /* id of the last one that was handed out */
	int64_t asked; /* the home's last id when the page was asked for */
	size_t results; /* of deletions, before those of the page */
	msec_t pause;
};

static step_fn begin, page, hand_out;

static void
drop_list(void *flush)
{
	struct flush *f = flush;

	for (size_t i = 0; i < f->count; i++)
		stanza_unref(&f->list[i].stanza);
	f->count = f->next = 0;
}

/* ---- To whom -------------------------------------------------------------------------- */

enum readiness { NOBODY, AWAY_AND_FULL, AWAY, BUSY, READY };

static bool
has_room(const struct session *s)
{
	return session_has_room(s) && session_unsent(s) < UNSENT_MAX;
}

/* Best a client that is connected and has acknowledged most of what it got; else one that is about
 * to; else one that waits to be resumed, whose queue is bounded. */
static enum readiness
choose(const struct account *a, struct session **to)
{
	enum readiness best = NOBODY, this;

	for_each_session(s, a) {
		if (!s->ready || !s->available || s->priority < 0 || s->ending)
			continue;
		if (s->outlet)
			this = has_room(s) ? READY : BUSY;
		else
			this = has_room(s) ? AWAY : AWAY_AND_FULL;
		if (this <= best)
			continue;
		best = this;
		*to = s;
	}
	return best;
}

bool
offline_waits_for(const struct account *a, struct jid to)
{
	const struct session *s = jid_is_full(to) ? account_session(a, jid_resource(to)) : NULL;
	struct session *chosen = NULL;

	if (!s || s->ending || (offline_of(a)->running && !offline_of(a)->paused))
		return true;
	(void)choose(a, &chosen);
	return s == chosen;
}

/* ---- A page ------------------------------------------------------------------------- */

/* What was handed out goes: now, since what is left later is new, whatever its id. */
static void
add_done(struct account *a, struct asks *asks)
{
	struct offline *o = offline_of(a);
	struct value done[] = { of_jid(a->home.jid), of_int(o->kept_done) };

	if (o->kept_done != 0)
		asks_add(asks, &offline_queries[OFFLINE_DONE], done, COUNT(done));
	if (o->left_done != 0)
		archive_left_done(&a->home, asks, o->left_done);
	o->kept_done = o->left_done = 0;
}

static struct step
ask_page(struct job *j)
{
	struct flush *f = j->state;
	struct offline *o = offline_of(j->account);
	struct home *h = &j->account->home;
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct value owner = of_jid(j->owner);
	struct archive_range range = {
		.after = o->mark, .before = INT64_MAX, .received = true, .limit = PAGE
	};
	int64_t safe = offline_safe_mark(j->account);

	add_done(j->account, &asks);
	if (safe > h->delivered) {
		archive_delivered(h, &asks, safe);
		h->delivered = safe;
	}
	f->results = asks.count;
	asks.list[asks.count++] = archive_left_page(asks_arena(&asks), h, 0, PAGE);
	asks.list[asks.count++] = archive_page(asks_arena(&asks), h, &range);
	asks_add(&asks, &offline_queries[OFFLINE_PAGE], &owner, 1);
	o->more = false;
	f->asked = h->last_id;
	return job_query_else(j, page, asks.list, asks.count);
}

static struct waiting
read_row(struct job *j, struct arena *a, enum source source, const struct rows *rows, size_t i)
{
	struct waiting w = { .id = row_int(rows, i, 0), .source = source };
	struct archive_row row;

	if (source == KEPT) {
		w.at = row_int(rows, i, 1);
		w.stanza = stanza_read(row_str(rows, i, 2));
	} else {
		w.at = archive_time(w.id);
		if (archive_read(a, &j->account->home, rows, i, &row))
			w.stanza = archive_row_stanza(&row);
	}
	return w;
}

static int
by_id(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void
collect(struct job *j, struct flush *f)
{
	struct arena *a = arena_new(0);

	f->end = f->asked;
	for (unsigned s = 0; s < SOURCES; s++) {
		const struct rows *rows = j->results[f->results + s];

		for (size_t i = 0; i < rows->count; i++)
			f->list[f->count++] = read_row(j, a, (enum source)s, rows, i);
		if (rows->count == PAGE && row_int(rows, PAGE - 1, 0) < f->end)
			f->end = row_int(rows, PAGE - 1, 0);
	}
	qsort(f->list, f->count, sizeof(f->list[0]), by_id);
	arena_free(&a);
}

/* flushing: those who could get the rest wait to be resumed. */
static struct step
stop(struct job *j, bool flushing)
{
	struct offline *o = offline_of(j->account);
	struct str bare = jid_bare_str(j->account->home.jid);
	AUTO(asks_fini) struct asks asks = ASKS_NONE;

	add_done(j->account, &asks);
	if (asks.count > 0)
		store_ask(
			j->worker, hash_stable(bare.p, bare.n), asks.list, asks.count, NULL, NULL);
	o->running = false;
	o->flushing = flushing;
	return job_done(j);
}

static struct step
page(struct job *j)
{
	struct flush *f = j->state;
	struct offline *o = offline_of(j->account);

	if (j->outcome != STORE_OK)
		return stop(j, false);
	collect(j, f);
	if (f->count == 0 && !o->more) {
		o->mark = f->end > o->mark ? f->end : o->mark;
		o->behind = false;
		o->passed_count = 0;
		return stop(j, false);
	}
	return hand_out(j);
}

/* ---- Out ------------------------------------------------------------------------------ */

/* With the time at which it came, unless it was given that when a session did not acknowledge it. */
static const struct stanza *
delayed(const struct job *j, const struct waiting *w)
{
	const struct xml *x = stanza_child(w->stanza, NS_DELAY, "delay");
	char stamp[DATETIME_SIZE];
	const struct stanza *s;
	struct arena *a;
	struct xml *delay;

	for (; x; x = xml_next(x, NS_DELAY, "delay"))
		if (text_eq(xml_get(x, "from"), j->host->name))
			return stanza_ref(w->stanza);
	a = arena_new(0);
	delay = xml_new(a, NS_DELAY, "delay");
	datetime_write(stamp, w->at);
	xml_attr(a, delay, "from", j->host->name);
	xml_attr(a, delay, "stamp", stamp);
	s = stanza_beside(w->stanza, delay);
	arena_free(&a);
	return s;
}

static void
hand_out_one(struct job *j, struct session *to, struct waiting *w)
{
	const struct offline *o = offline_of(j->account);
	AUTO(stanza_unref) const struct stanza *own = NULL;
	AUTO(stanza_unref) const struct stanza *late = NULL;

	if (!w->stanza)
		return;
	if (w->source != KEPT) {
		own = w->stanza;
		w->stanza = archive_stamp(&j->account->home, own, w->id);
	}
	if (w->id > o->boundary) {
		deliver_held(j->account, w->stanza, w->id);
	} else if (!copies_have(to, w->stanza, w->id) &&
		   (w->source == KEPT || w->id > to->history_to || w->id <= to->history_from)) {
		late = delayed(j, w);
		deliver_kept(j->account, to, late, w->id);
	}
	stanza_unref(&w->stanza);
}

static struct step
pause(struct job *j)
{
	struct flush *f = j->state;

	offline_of(j->account)->paused = true;
	f->pause = f->pause == 0 ? PAUSE : f->pause < PAUSE_MAX / 2 ? f->pause * 2 : PAUSE_MAX;
	return job_sleep(j, hand_out, f->pause);
}

/* All of the archive up to that id. */
static void
done_with(struct offline *o, int64_t id)
{
	o->left_done = id;
	if (id > o->mark)
		o->mark = id;
}

/* A pointer and the range may name the same row; and a row after the mark may have gone out already,
 * but for a pointer that says it did not. */
static bool
is_due(struct flush *f, struct offline *o, const struct waiting *w)
{
	if (w->id == f->latest || (w->source == RECEIVED && offline_has_passed(o, w->id)))
		return false;
	f->latest = w->id;
	return true;
}

static struct step
hand_out(struct job *j)
{
	struct flush *f = j->state;
	struct offline *o = offline_of(j->account);
	struct session *to = NULL;

	o->paused = false;
	for (; f->next < f->count && f->list[f->next].id <= f->end; f->next++) {
		switch (choose(j->account, &to)) {
		case NOBODY:
			return stop(j, false);
		case AWAY_AND_FULL:
			return stop(j, true);
		case BUSY:
			return pause(j);
		case AWAY:
		case READY:
			break;
		}
		f->pause = 0;
		if (is_due(f, o, &f->list[f->next]))
			hand_out_one(j, to, &f->list[f->next]);
		/* A kept message may get to the store after archived ones with greater ids. */
		if (f->list[f->next].source == KEPT)
			o->kept_done = f->list[f->next].id;
		else
			done_with(o, f->list[f->next].id);
	}
	done_with(o, f->end);
	drop_list(f);
	return ask_page(j);
}

static struct step
begin(struct job *j)
{
	struct flush *f = ARENA_NEW(j->arena, struct flush);

	j->state = f;
	arena_keep(j->arena, drop_list, f);
	return ask_page(j);
}

void
offline_flush(struct account *a)
{
	struct offline *o = offline_of(a);

	if (o->running)
		return;
	if (!o->flushing)
		o->boundary = o->due;
	o->running = o->flushing = true;
	job_start(a, NULL, NULL, NULL, begin);
}
