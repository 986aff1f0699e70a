/*
 * commands_trace.c -- what became of a message.
 *
 * The workers' short memories (home/trace.h) are looked through one after the other; if the id is one
 * of an archive, for what is in that place, and then for the id of the message that is.  What happened
 * longer ago is told by the archives alone: by an archive's id at once, by another one if it is said in
 * whose archive to look, among its newest messages.
 *
 * Runs on: the worker where the call began; look: each worker.
 */
#include "admin/command_own.h"

#include "home/archive.h"
#include "home/trace.h"
#include "xmpp/datetime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FOUND_MAX = 2000, /* events that are told */
	PAGE = 200, /* rows of an archive at once */
	PAGES = 100,
};

struct trace_args {
	const char *id, *user, *host;
};

static const struct field trace_fields[] = {
	TEXT_FIELD(struct trace_args, id, .min = 1, .max = 4000, .flags = FIELD_REQUIRED,
		.doc = "Its id, its origin-id, or its id in an archive (stanza-id)"),
	TEXT_FIELD(struct trace_args, user,
		.doc = "In whose archive to look, too; also a room's name"),
	TEXT_FIELD(struct trace_args, host,
		.doc = "Virtual host of that account, or domain of that room"),
	END_FIELDS,
};

struct search {
	const char *id;
	uint64_t key, other; /* other: of an id that was found meanwhile; 0: none */
	int64_t place, number; /* in an archive; 0: not an archive's id */
	struct trace *found; /* FOUND_MAX have room */
	size_t count;
	struct home home; /* the archive that is looked through */
	struct archive_range range;
	unsigned pages, rows;
};

static step_fn looked, looked_again, owner_known, row_known, number_known, page;

/* ---- The memories of workers ------------------------------------------------------------- */

static bool
is_meant(const struct search *s, const struct trace *t)
{
	if (s->place != 0 && t->place == s->place && t->number == s->number)
		return true;
	return t->id == s->key || t->origin == s->key ||
	       (s->other != 0 && (t->id == s->other || t->origin == s->other));
}

static void
collect(const struct trace *t, void *ctx)
{
	struct search *s = ctx;

	if (is_meant(s, t) && s->count < FOUND_MAX)
		s->found[s->count++] = *t;
}

static void
look(struct job *j)
{
	trace_each(j->worker, collect, j->state);
}

static int
in_time(const void *a, const void *b)
{
	const struct trace *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->what > y->what) - (x->what < y->what);
}

/* The id of the message by which all of its events are found, if another one was asked for. */
static uint64_t
other_key(const struct search *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->found[i].id != 0 && s->found[i].id != s->key)
			return s->found[i].id;
	}
	return 0;
}

static struct step
trace_run(struct job *j)
{
	const struct trace_args *a = CALL_ARGS(j, struct trace_args);
	struct search *s = ARENA_NEW(j->arena, struct search);

	s->id = a->id;
	s->key = trace_key(a->id);
	s->found = ARENA_ARRAY(j->arena, struct trace, FOUND_MAX);
	if (!archive_id_open(j->worker, a->id, &s->place, &s->number))
		s->place = s->number = 0;
	j->state = s;
	return job_visit(j, look, looked);
}

static struct step
looked(struct job *j)
{
	struct search *s = j->state;

	s->other = other_key(s);
	if (s->other == 0)
		return looked_again(j);
	s->count = 0;
	return job_visit(j, look, looked_again);
}

static void
tell(struct job *j, msec_t at, const char *what, const char *where)
{
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, at);
	CALL_ROW(j, stamp, what, where);
}

static struct step
looked_again(struct job *j)
{
	struct search *s = j->state;
	char where[TRACE_WHERE + 4];
	struct ask ask;

	qsort(s->found, s->count, sizeof(*s->found), in_time);
	for (size_t i = 0; i < s->count; i++) {
		const struct trace *t = &s->found[i];

		(void)snprintf(where, sizeof(where), "%.*s%s", t->length, t->where,
			t->length == TRACE_WHERE ? "..." : "");
		tell(j, clock_wall() - (clock_mono_us() - t->at) / 1000, trace_name(t->what),
			where);
	}
	if (s->place == 0)
		return number_known(j);
	ask = archive_number_owner(j->arena, s->number);
	return job_query_all(j, owner_known, &ask, 1);
}

/* ---- Archives --------------------------------------------------------------------------------- */

static struct step
finish(struct job *j)
{
	const struct search *s = j->state;

	if (s->count == 0 && s->rows == 0)
		return call_error(j, "not_found", "nothing is known of that message (any more)");
	return call_done(j);
}

static void
tell_row(struct job *j, const struct archive_row *row)
{
	struct search *s = j->state;

	s->rows++;
	tell(j, archive_time(row->id),
		row->flags & ARCHIVE_RETRACTED ? "is in the archive, retracted"
					       : "is in the archive",
		jid_text(j->arena, s->home.jid));
}

static struct step
owner_known(struct job *j)
{
	struct search *s = j->state;
	struct jid owner;
	struct ask ask;

	if (j->rows->count == 0 || jid_parse(j->arena, row_str(j->rows, 0, 0), &owner) != JID_OK)
		return finish(j);
	s->home = archive_elsewhere(&(const struct home){ .worker = j->worker }, owner, s->number);
	ask = archive_get(j->arena, &s->home, s->place);
	return job_query_all(j, row_known, &ask, 1);
}

static struct step
row_known(struct job *j)
{
	struct search *s = j->state;
	struct archive_row row;

	if (j->rows->count > 0 && archive_read(j->arena, &s->home, j->rows, 0, &row))
		tell_row(j, &row);
	return finish(j);
}

/* An account was named: first its number, then its rows. */
static struct step
number_known(struct job *j)
{
	const struct trace_args *a = CALL_ARGS(j, struct trace_args);
	struct search *s = j->state;
	struct ask ask;
	struct jid owner;

	if (!a->user || !*a->user || !a->host || !*a->host)
		return finish(j);
	if (jid_make(j->arena, str_of(a->user), str_of(a->host), STR_NONE, &owner) != JID_OK)
		return call_error(j, "invalid_jid", "'%s' cannot be the name of a user", a->user);
	s->home = (struct home){ .worker = j->worker, .jid = owner };
	s->range = (struct archive_range){ .before = INT64_MAX, .backwards = true, .limit = PAGE };
	ask = archive_number(j->arena, owner);
	return job_query_all(j, page, &ask, 1);
}

static bool
has_id(const struct search *s, const struct archive_row *row)
{
	AUTO(stanza_unref) const struct stanza *message = NULL;
	const char *origin;

	if (!memmem(row->bytes.p, row->bytes.n, s->id, strlen(s->id)))
		return false;
	message = archive_row_stanza(row);
	origin = message ? xml_get(stanza_child(message, NS_SID, "origin-id"), "id") : NULL;
	return message && (text_eq(message->id, s->id) || text_eq(origin, s->id));
}

static struct step
ask_page(struct job *j)
{
	struct search *s = j->state;
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct ask ask = archive_page(a, &s->home, &s->range);

	return job_query_all(j, page, &ask, 1);
}

/* First the number, then page after page. */
static struct step
page(struct job *j)
{
	struct search *s = j->state;
	AUTO(arena_free) struct arena *a = arena_new(0);
	const struct rows *rows = j->rows;
	struct archive_row row;

	if (s->home.number == 0) {
		if (rows->count == 0)
			return finish(j);
		s->home = archive_elsewhere(&s->home, s->home.jid, row_int(rows, 0, 0));
		return ask_page(j);
	}
	for (size_t i = 0; i < rows->count; i++) {
		s->range.before = row_int(rows, i, 0);
		if (archive_read(a, &s->home, rows, i, &row) && has_id(s, &row))
			tell_row(j, &row);
	}
	return rows->count < PAGE || ++s->pages == PAGES ? finish(j) : ask_page(j);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_trace[] = {
	{ "trace_message", "messages", 0, ARGS_OF(trace), trace_run, "time\tevent\twhere",
		"Tell what became of a message: when it was accepted, stored, delivered, acknowledged",
		"trace_message 9d1c4a2e-6a3b-4c55-8f6f-0c1a5d3f8e27" },
	END_COMMANDS,
};
