/*
 * retract.c -- XEP-0424: a message that its sender retracted is no longer in the archive.
 *
 * What is meant is looked for among the messages of the same conversation from the newest on: by its
 * reference, and if that finds nothing by the id in it (a client may give origin-id and id
 * different values).  A tombstone with the addresses, type and id of the message takes its place.
 *
 * Runs on: the account's home.
 */
#include "mam.h"

#include <string.h>

enum {
	/* Messages of one conversation, by reference: mostly it is one of the last. */
	LOOK_FIRST = 50,
	LOOK_MORE = 1000,
	LOOK_BACK = 20000,
	CHUNK = 100,
	CHUNKS_MAX = 20, /* by id */
};

struct retraction {
	const char *id; /* of what is retracted */
	struct jid sender, other; /* bare; other: the conversation's */
	int64_t by; /* archive id of the retraction */
	struct archive_range range;
	unsigned chunks;
};

static step_fn look, found, fetched, scan, scanned, replaced;

void
mam_retract(struct account *a, const struct stanza *s, int64_t archive_id)
{
	const char *id = xml_get(stanza_child(s, NS_RETRACT, "retract"), "id");
	struct arena *arena;
	struct retraction *r;
	bool own;

	if (!id || !*id)
		return;
	own = jid_eq_bare(s->from, a->home.jid);
	arena = arena_new(0);
	r = ARENA_NEW(arena, struct retraction);
	r->id = arena_text(arena, id);
	r->sender = jid_bare(s->from);
	r->other = jid_bare(own ? s->to : s->from);
	r->by = archive_id;
	job_start(a, s, &arena, r, look);
}

static struct step
look_among(struct job *j, unsigned limit)
{
	struct retraction *r = j->state;
	struct ask ask;

	r->range = (struct archive_range){ .before = r->by, .with = r->other, .limit = limit };
	ask = archive_find(
		j->arena, &j->account->home, &r->range, archive_reference(r->id, j->stanza->to));
	return job_query_all(j, found, &ask, 1);
}

static struct step
look(struct job *j)
{
	return look_among(j, LOOK_FIRST);
}

static struct step
found(struct job *j)
{
	const struct retraction *r = j->state;
	struct ask ask;

	if (j->rows->count == 0 && r->range.limit < LOOK_BACK)
		return look_among(j, r->range.limit == LOOK_FIRST ? LOOK_MORE : LOOK_BACK);
	if (j->rows->count == 0)
		return scan(j);
	ask = archive_get(j->arena, &j->account->home, row_int(j->rows, 0, 0));
	return job_query_all(j, fetched, &ask, 1);
}

/* ---- The tombstone -------------------------------------------------------------------------- */

/* Of the same sender and with that id; and no retraction, which must stay (XEP-0424 5). */
static bool
is_meant(const struct retraction *r, const struct stanza *s)
{
	const char *origin = xml_get(stanza_child(s, NS_SID, "origin-id"), "id");

	return jid_eq_bare(s->from, r->sender) && !stanza_child(s, NS_RETRACT, "retract") &&
	       (text_eq(s->id, r->id) || text_eq(origin, r->id));
}

static struct step
bury(struct job *j, const struct archive_row *row, const struct stanza *s)
{
	const struct retraction *r = j->state;
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	AUTO(stanza_unref) const struct stanza *tombstone = NULL;
	struct arena *a = arena_new(0);
	struct xml *x = xml_new(a, NS_RETRACT, "retracted");
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, archive_time(r->by));
	xml_attr(a, x, "id", j->stanza->id);
	xml_attr(a, x, "stamp", stamp);
	tombstone = stanza_new(&a, STANZA_MESSAGE, s->type, s->from, s->to, s->id, x);
	archive_replace(&j->account->home, &asks, row->id,
		(row->flags | ARCHIVE_RETRACTED) & ~(unsigned)ARCHIVE_COUNTS, tombstone);
	return job_query_all(j, replaced, asks.list, asks.count);
}

/* True if it was the one; then *step is next. */
static bool
try(struct job *j, const struct rows *rows, size_t i, struct step *step)
{
	const struct retraction *r = j->state;
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct archive_row row;

	if (!archive_read(j->arena, &j->account->home, rows, i, &row) ||
		!memmem(row.bytes.p, row.bytes.n, r->id, strlen(r->id)))
		return false;
	s = archive_row_stanza(&row);
	if (!s || !is_meant(r, s))
		return false;
	*step = row.flags & ARCHIVE_RETRACTED ? job_done(j) : bury(j, &row, s);
	return true;
}

static struct step
fetched(struct job *j)
{
	struct step step;

	return j->rows->count > 0 && try(j, j->rows, 0, &step) ? step : scan(j);
}

/* ---- By id ------------------------------------------------------------------------------------ */

static struct step
scan(struct job *j)
{
	struct retraction *r = j->state;
	struct ask ask;

	if (r->chunks++ == CHUNKS_MAX)
		return job_done(j);
	r->range.limit = CHUNK;
	r->range.backwards = true;
	ask = archive_page(j->arena, &j->account->home, &r->range);
	return job_query_all(j, scanned, &ask, 1);
}

static struct step
scanned(struct job *j)
{
	struct retraction *r = j->state;
	const struct rows *rows = j->rows;
	struct step step;

	for (size_t i = 0; i < rows->count; i++) {
		if (try(j, rows, i, &step))
			return step;
	}
	if (rows->count < CHUNK)
		return job_done(j);
	r->range.before = row_int(rows, rows->count - 1, 0);
	return scan(j);
}

static struct step
replaced(struct job *j)
{
	return job_done(j);
}
