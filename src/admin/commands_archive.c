/*
 * commands_archive.c -- what is in the archive of an account or of a room.
 *
 * The rows are read where the call began, by the number of the archive's owner: no home is loaded or
 * held, and what is printed was committed.  Texts of messages are printed because the administrator
 * asks for them; the log only says that it was done.
 *
 * Runs on: the worker where the call began.
 */
#include "admin/command_own.h"

#include "home/archive.h"
#include "home/router.h"
#include "xmpp/datetime.h"

#include <stdio.h>
#include <string.h>

enum {
	ROWS = 100, /* of one statement */
	COUNT_ROWS = 20000,
	WAIT = 20, /* for a slow reader, between two looks */
};

/* What is kept of the newest messages before they are printed, the oldest first. */
#define BYTES_MAX ((size_t)32 * 1024 * 1024)

/* ---- Arguments -------------------------------------------------------------------------- */

struct count_args {
	const char *user, *host, *with, *start, *end;
};

struct get_args {
	const char *user, *host, *with, *start, *end;
	int64_t limit;
	const char *before, *after;
};

#define RANGE_FIELDS(T)                                                                            \
	TEXT_FIELD(                                                                                \
		T, user, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the account or room"), \
		TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED,                             \
			.doc = "Its virtual host, or the domain of the rooms"),                    \
		TEXT_FIELD(T, with, .doc = "Only messages from or to this address"),               \
		TEXT_FIELD(T, start,                                                               \
			.doc = "None before that time, such as 2026-01-31 or "                     \
			       "2026-01-31T08:00:00Z"),                                            \
		TEXT_FIELD(T, end, .doc = "None after that time")

static const struct field count_fields[] = { RANGE_FIELDS(struct count_args), END_FIELDS };

static const struct field get_fields[] = {
	RANGE_FIELDS(struct get_args),
	INT_FIELD(struct get_args, limit, .dflt = "50", .min = 0, .max = ARCHIVE_PAGE_MAX,
		.doc = "So many: the newest, or with `after` the first; 0: all"),
	TEXT_FIELD(struct get_args, before, .doc = "Only messages before that id"),
	TEXT_FIELD(struct get_args, after, .doc = "Only messages after that id"),
	END_FIELDS,
};

/* ---- Whose archive ----------------------------------------------------------------------- */

struct reading {
	const char *user, *host, *with, *start, *end, *before, *after; /* as they were typed */
	step_fn *begin; /* once the rest is known */
	struct home home; /* stands for it */
	struct archive_range range;
	unsigned limit, count; /* limit 0: all */
	int64_t counted;
	/* The newest ones wait here until all are known. */
	struct arena *kept;
	struct archive_row *rows;
	size_t bytes;
};

static step_fn number_known, count_begin, counted, get_begin, got, go_on;

static void
drop_kept(void *reading)
{
	struct reading *r = reading;

	arena_free(&r->kept);
}

static struct step
open_archive(struct job *j, const struct reading *wanted)
{
	struct reading *r = ARENA_NEW(j->arena, struct reading);
	const char *domain = jid_prep_domain(j->arena, str_of(wanted->host));
	struct jid owner;
	struct ask ask;

	*r = *wanted;
	j->state = r;
	if (!domain || !route_host(j->worker, str_of(domain)))
		return no_host(j, r->host);
	if (!*r->user ||
		jid_make(j->arena, str_of(r->user), str_of(domain), STR_NONE, &owner) != JID_OK)
		return call_error(
			j, "invalid_jid", "'%s' cannot be the name of a user or room", r->user);
	r->home = (struct home){ .worker = j->worker, .jid = owner };
	r->range = (struct archive_range){ .before = INT64_MAX, .with = JID_NONE };
	ask = archive_number(j->arena, owner);
	return job_query_all(j, number_known, &ask, 1);
}

static bool
read_time(const char *text, msec_t *at)
{
	char whole[DATETIME_SIZE];

	if (strlen(text) == strlen("2026-01-31")) {
		(void)snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		text = whole;
	}
	return datetime_parse(str_of(text), at);
}

/* NULL, or what cannot be read. */
static const char *
read_range(struct job *j, struct reading *r)
{
	struct archive_range *range = &r->range;
	msec_t at;
	int64_t id;

	if (r->with && *r->with && jid_parse(j->arena, str_of(r->with), &range->with) != JID_OK)
		return r->with;
	if (r->start && *r->start) {
		if (!read_time(r->start, &at))
			return r->start;
		range->after = archive_id_at(at) - 1;
	}
	if (r->end && *r->end) {
		if (!read_time(r->end, &at))
			return r->end;
		range->before = archive_id_at(at + 1);
	}
	if (r->after && *r->after) {
		if (!archive_id_read(&r->home, r->after, &id))
			return r->after;
		range->after = id > range->after ? id : range->after;
	}
	if (r->before && *r->before) {
		if (!archive_id_read(&r->home, r->before, &id))
			return r->before;
		range->before = id < range->before ? id : range->before;
	}
	return NULL;
}

static struct step
number_known(struct job *j)
{
	struct reading *r = j->state;
	const char *wrong;

	if (j->rows->count == 0)
		return call_error(
			j, "not_found", "%.*s has no archive", STR_ARG(jid_full(r->home.jid)));
	r->home = archive_elsewhere(&r->home, r->home.jid, row_int(j->rows, 0, 0));
	wrong = read_range(j, r);
	if (wrong)
		return call_error(j, "bad_request",
			"'%s' is not an address, a time, or an id of this archive", wrong);
	return r->begin(j);
}

/* ---- Count ------------------------------------------------------------------------------- */

static struct step
count_run(struct job *j)
{
	const struct count_args *a = CALL_ARGS(j, struct count_args);
	const struct reading wanted = { .user = a->user,
		.host = a->host,
		.with = a->with,
		.start = a->start,
		.end = a->end,
		.begin = count_begin };

	return open_archive(j, &wanted);
}

static struct step
count_begin(struct job *j)
{
	struct reading *r = j->state;
	struct ask ask;

	r->range.limit = COUNT_ROWS;
	ask = archive_chunk(j->arena, &r->home, &r->range);
	return job_query_all(j, counted, &ask, 1);
}

static struct step
counted(struct job *j)
{
	struct reading *r = j->state;
	int64_t count = row_int(j->rows, 0, 0);

	r->counted += count;
	if (count == COUNT_ROWS) {
		r->range.after = row_int(j->rows, 0, 1);
		return count_begin(j);
	}
	call_number(j, r->counted);
	return call_done(j);
}

/* ---- Get ----------------------------------------------------------------------------------- */

static struct step
get_run(struct job *j)
{
	const struct get_args *a = CALL_ARGS(j, struct get_args);
	const struct reading wanted = { .user = a->user,
		.host = a->host,
		.with = a->with,
		.start = a->start,
		.end = a->end,
		.before = a->before,
		.after = a->after,
		.limit = (unsigned)a->limit,
		.begin = get_begin };

	return open_archive(j, &wanted);
}

static struct step
ask_rows(struct job *j)
{
	struct reading *r = j->state;
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct ask ask;

	r->range.limit = ROWS;
	if (r->limit > 0 && r->limit - r->count < ROWS)
		r->range.limit = r->limit - r->count;
	ask = archive_page(a, &r->home, &r->range);
	return job_query_all(j, got, &ask, 1);
}

/* All, and what comes after an id, are printed as they are read; the newest are read backwards. */
static struct step
get_begin(struct job *j)
{
	struct reading *r = j->state;

	r->range.backwards = r->limit > 0 && !(r->after && *r->after);
	if (r->range.backwards) {
		r->kept = arena_new(0);
		arena_keep(j->arena, drop_kept, r);
		r->rows = ARENA_ARRAY(r->kept, struct archive_row, r->limit);
	}
	return ask_rows(j);
}

static const char *
body_of(struct arena *a, const struct stanza *s)
{
	struct str body = xml_text_of(a, stanza_child(s, NS_CLIENT, "body"));

	return arena_str(a, body);
}

static void
print_row(struct job *j, const struct reading *r, const struct archive_row *row)
{
	AUTO(stanza_unref) const struct stanza *s = archive_row_stanza(row);
	AUTO(arena_free) struct arena *a = arena_new(0);
	char stamp[DATETIME_SIZE], id[ARCHIVE_ID_SIZE];
	const char *type;

	datetime_write(stamp, archive_time(row->id));
	archive_id_write(&r->home, row->id, id);
	if (!s) /* damaged, and logged */
		return;
	type = stanza_type_name(STANZA_MESSAGE, s->type);
	CALL_ROW(j, stamp, id, jid_text(a, s->from), jid_text(a, s->to), *type ? type : "normal",
		row->flags & ARCHIVE_RETRACTED ? "true" : "false", body_of(a, s));
}

static bool
keep_row(struct reading *r, const struct archive_row *row)
{
	struct archive_row *kept = &r->rows[r->count];

	*kept = *row;
	kept->bytes.p = arena_str(r->kept, row->bytes);
	r->bytes += row->bytes.n;
	return r->bytes <= BYTES_MAX;
}

static struct step
print_kept(struct job *j)
{
	struct reading *r = j->state;

	while (r->count > 0)
		print_row(j, r, &r->rows[--r->count]);
	return call_done(j);
}

static struct step
finish(struct job *j)
{
	struct reading *r = j->state;

	return r->range.backwards ? print_kept(j) : call_done(j);
}

static struct step
got(struct job *j)
{
	struct reading *r = j->state;
	AUTO(arena_free) struct arena *a = arena_new(0);
	const struct rows *rows = j->rows;
	struct archive_row row;

	for (size_t i = 0; i < rows->count; i++) {
		if (!archive_read(a, &r->home, rows, i, &row) ||
			(!jid_is_none(r->range.with) && !archive_row_is_with(&row, r->range.with)))
			continue;
		if (!r->range.backwards)
			print_row(j, r, &row);
		else if (!keep_row(r, &row))
			return call_error(
				j, "too_large", "the messages have more than %zu bytes", BYTES_MAX);
		r->count++;
	}
	if (rows->count < r->range.limit || (r->limit > 0 && r->count == r->limit))
		return finish(j);
	if (r->range.backwards)
		r->range.before = row_int(rows, rows->count - 1, 0);
	else
		r->range.after = row_int(rows, rows->count - 1, 0);
	return go_on(j);
}

static struct step
go_on(struct job *j)
{
	return call_flush(j) ? job_sleep(j, go_on, WAIT) : ask_rows(j);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define TAG "archive"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_archive[] = {
	{ "count_messages", TAG, 0, ARGS_OF(count), count_run, NULL,
		"Count the messages in the archive of an account or room",
		"count_messages alice example.org with=bob@example.org" },
	{ "get_mam_count", TAG, 0, ARGS_OF(count), count_run, NULL, "The same as count_messages",
		"get_mam_count alice example.org" },
	{ "get_messages", TAG, 0, ARGS_OF(get), get_run,
		"time\tid\tfrom\tto\ttype\tretracted\tbody",
		"Print messages from the archive of an account or room, the oldest first",
		"get_messages alice example.org with=bob@example.org limit=20" },
	END_COMMANDS,
};
