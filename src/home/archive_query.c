/*
 * archive_query.c -- XEP-0313 4 and 5: pages of an archive, its form and its metadata.
 *
 * A page is read by one range scan.  Rows whose peer only has the same hash as the one that was
 * asked for, or another resource, are passed over, and the scan goes on behind them.  The rows of a
 * page wait in the job until all are there, since a page is written oldest first even if it was
 * read backwards; so a page also ends when it has PAGE_BYTES.  They are written as fast as the
 * client reads.
 *
 * Who asks is a view: an account's own session, or somebody who may look into a room's archive.
 *
 * How many there are in all is said when it is known anyway, and when it is asked for (a page of 0);
 * then it is counted up to COUNT_MAX, which stands for more.
 *
 * Runs on: the home whose archive it is.
 */
#include "home/archive_query.h"

#include "xep/form.h"
#include "xep/rsm.h"
#include "xmpp/datetime.h"

#include <stdlib.h>

enum {
	CHUNK = 64, /* rows of one statement, so that it is quick */
	IDS_MAX = 250,
	COUNT_MAX = 100000,
	PAGE_BYTES = 512 * 1024,
	BUSY_MAX = 2, /* pages of one archive that are read at the same time */
	PAUSE = 20, /* milliseconds; grows to PAUSE_MAX while the client does not read */
	PAUSE_MAX = 1000,
};

struct page {
	const char *queryid; /* or NULL */
	struct archive_range range; /* what is still to be read; limit is not used */
	unsigned max;
	int64_t since; /* nothing up to that id, since its time is too early */
	int64_t *ids; /* these rows, or NULL */
	size_t ids_count;
	bool flip, is_whole; /* whole: no cursor of the client's bounds it */
	struct archive_row *rows; /* as they were read */
	unsigned count; /* of rows */
	size_t bytes;
	bool more; /* there are rows behind the page */
	bool reads_on; /* up to the end, whoever it is of */
	int64_t covers; /* the home's last id when the newest rows were asked for */
	struct home *counted; /* where this page is counted as being read, or NULL */
	unsigned written;
	msec_t pause;
	const struct archive_view *view;
};

static struct step finish(struct job *j, const struct archive_row *first,
	const struct archive_row *last, bool complete, int64_t count);
static step_fn begin, chunk, got_ids, counted, deliver_page, bounds;

/* ---- What is asked for -------------------------------------------------------------------- */

static bool
read_time(const char *text, msec_t *out, struct problem *why)
{
	return datetime_parse(str_trim(str_of(text)), out) ||
	       problem(why, COND_BAD_REQUEST, "that is not a time");
}

static bool
read_id(const struct job *j, const char *text, int64_t *out, struct problem *why)
{
	return archive_id_read(j->home, text, out) ||
	       problem(why, COND_ITEM_NOT_FOUND, "no message has that id");
}

static void
not_before(struct archive_range *r, int64_t after)
{
	if (after > r->after)
		r->after = after;
}

static void
not_after(struct archive_range *r, int64_t before)
{
	if (before < r->before)
		r->before = before;
}

/* ---- One reader for each field of the form -------------------------------------------------- */

typedef bool read_field_fn(
	struct job *j, struct page *p, const struct form_field *f, struct problem *why);

static bool
read_with(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	return jid_parse(j->arena, str_trim(str_of(f->values[0])), &p->range.with) == JID_OK ||
	       problem(why, COND_BAD_REQUEST, "that is not an address");
}

static bool
read_start(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	msec_t at;

	(void)j;
	if (!read_time(f->values[0], &at, why))
		return false;
	p->since = archive_id_at(at) - 1;
	not_before(&p->range, p->since);
	return true;
}

static bool
read_end(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	msec_t at;

	(void)j;
	if (!read_time(f->values[0], &at, why))
		return false;
	not_after(&p->range, archive_id_at(at + 1));
	return true;
}

static bool
read_after_id(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	int64_t id;

	if (!read_id(j, f->values[0], &id, why))
		return false;
	not_before(&p->range, id);
	return true;
}

static bool
read_before_id(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	int64_t id;

	if (!read_id(j, f->values[0], &id, why))
		return false;
	not_after(&p->range, id);
	return true;
}

static bool
read_ids(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	if (f->count > IDS_MAX)
		return problem(why, COND_POLICY_VIOLATION, "that are too many ids");
	p->ids = ARENA_ARRAY(j->arena, int64_t, f->count);
	for (; p->ids_count < f->count; p->ids_count++) {
		if (!read_id(j, f->values[p->ids_count], &p->ids[p->ids_count], why))
			return false;
	}
	return true;
}

static const struct {
	const char *var;
	enum form_type type;
	read_field_fn *read;
} fields[] = {
	{ "with", FORM_JID_SINGLE, read_with },
	{ "start", FORM_TEXT_SINGLE, read_start },
	{ "end", FORM_TEXT_SINGLE, read_end },
	{ "before-id", FORM_TEXT_SINGLE, read_before_id },
	{ "after-id", FORM_TEXT_SINGLE, read_after_id },
	{ "ids", FORM_LIST_MULTI, read_ids },
};

static bool
read_field(struct job *j, struct page *p, const struct form_field *f, struct problem *why)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (!text_eq(f->var, fields[i].var))
			continue;
		return f->count == 0 || fields[i].read(j, p, f, why);
	}
	return problem(why, COND_FEATURE_NOT_IMPLEMENTED, "a field of the form is unknown");
}

static bool
read_form(struct job *j, struct page *p, const struct xml *query, struct problem *why)
{
	struct form form;

	if (!xml_child(query, NS_DATA_FORM, "x"))
		return true;
	if (!form_submitted(j->arena, query, &form, why))
		return false;
	if (!form_is(&form, NS_MAM))
		return problem(why, COND_BAD_REQUEST, "the form is not for archives");
	for (size_t i = 0; i < form.count; i++) {
		if (!read_field(j, p, &form.fields[i], why))
			return false;
	}
	return true;
}

static bool
read_set(struct job *j, struct page *p, const struct xml *query, struct problem *why)
{
	const struct archive_view *v = p->view;
	struct rsm set;
	int64_t id;

	if (!rsm_read(j->arena, query, &set, why))
		return false;
	p->max = p->ids_count > 0 ? IDS_MAX : v->page;
	if (set.has_max)
		p->max = set.max < v->page_max ? set.max : v->page_max;
	p->is_whole = !set.after && (!set.before || !*set.before);
	p->range.backwards = set.before != NULL;
	if (set.after) {
		if (!read_id(j, set.after, &id, why))
			return false;
		not_before(&p->range, id);
	}
	if (set.before && *set.before) {
		if (!read_id(j, set.before, &id, why))
			return false;
		not_after(&p->range, id);
	}
	return true;
}

/* ---- Read ------------------------------------------------------------------------------------ */

static void
not_busy(void *page)
{
	struct page *p = page;

	if (p->counted)
		p->counted->reading--;
}

struct step
archive_query(struct job *j, const struct archive_view *view)
{
	const struct xml *query = iq_child(j);
	struct page *p = ARENA_NEW(j->arena, struct page);
	struct problem why = { COND_NONE, NULL };

	j->state = p;
	p->view = view;
	p->range = (struct archive_range){ .before = INT64_MAX, .with = JID_NONE };
	p->queryid = xml_get(query, "queryid");
	p->flip = xml_child(query, NS_MAM, "flip-page") != NULL;
	if (xml_get(query, "node"))
		return iq_error(j, COND_ITEM_NOT_FOUND, "the archive has no nodes");
	if (!read_form(j, p, query, &why) || !read_set(j, p, query, &why))
		return iq_refuse(j, &why);
	if (view->narrow && !view->narrow(j, view, &p->range))
		return finish(j, NULL, NULL, true, 0);
	p->reads_on = view->has_read && p->range.before == INT64_MAX && p->ids_count == 0 &&
		      p->max > 0 && jid_is_none(p->range.with);
	if (p->reads_on)
		view->has_read(j, p->since, j->home->last_id);
	/* Behind what the client sent before and is on its way here: a note to oneself. */
	return job_go_to_home(j, begin, j->home->kind, j->home->jid);
}

static struct step
ask_chunk(struct job *j)
{
	struct page *p = j->state;
	unsigned rest = p->max + 1 - p->count;
	struct ask ask;

	if (!p->range.backwards || p->covers == 0)
		p->covers = j->home->last_id;
	p->range.limit = rest < CHUNK ? rest : CHUNK;
	ask = archive_page(j->arena, j->home, &p->range);
	return job_query_all(j, chunk, &ask, 1);
}

static int
by_id(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* In the order of time, each once. */
static void
sort_ids(struct page *p)
{
	size_t kept = 0;

	qsort(p->ids, p->ids_count, sizeof(p->ids[0]), by_id);
	for (size_t i = 0; i < p->ids_count; i++)
		if (kept == 0 || p->ids[i] != p->ids[kept - 1])
			p->ids[kept++] = p->ids[i];
	p->ids_count = kept;
}

static struct step
ask_ids(struct job *j)
{
	struct page *p = j->state;
	struct ask *asks;

	sort_ids(p);
	asks = ARENA_ARRAY(j->arena, struct ask, p->ids_count);
	/* One more for a row that is looked at when the page is full. */
	p->rows = ARENA_ARRAY(j->arena, struct archive_row, p->ids_count + 1);
	for (size_t i = 0; i < p->ids_count; i++)
		asks[i] = archive_get(j->arena, j->home, p->ids[i]);
	return job_query_all(j, got_ids, asks, p->ids_count);
}

/* Waits for its turn. */
static struct step
begin(struct job *j)
{
	struct page *p = j->state;
	struct ask ask;

	if (j->home->reading >= BUSY_MAX)
		return job_sleep(j, begin, PAUSE);
	j->home->reading++;
	p->counted = j->home;
	arena_keep(j->arena, not_busy, p);
	if (p->ids_count > 0)
		return ask_ids(j);
	if (p->max == 0) {
		p->range.limit = COUNT_MAX;
		ask = archive_count(j->arena, j->home, &p->range);
		return job_query_all(j, counted, &ask, 1);
	}
	p->rows = ARENA_ARRAY(j->arena, struct archive_row, p->max + 1);
	return ask_chunk(j);
}

static bool
is_meant(const struct job *j, const struct page *p, const struct archive_row *row)
{
	if (p->view->is_meant)
		return p->view->is_meant(j, p->view, row);
	return jid_is_none(p->range.with) || archive_row_is_with(row, p->range.with);
}

/* Takes a row if it is meant, or says that the page is full. */
static bool
take(struct job *j, struct page *p, const struct rows *rows, size_t i)
{
	struct archive_row *row = &p->rows[p->count];

	if (!archive_read(j->arena, j->home, rows, i, row) || !is_meant(j, p, row))
		return true;
	if (p->count == p->max || p->bytes > PAGE_BYTES) {
		p->more = true;
		return false;
	}
	p->bytes += row->bytes.n;
	p->count++;
	return true;
}

static struct step
chunk(struct job *j)
{
	struct page *p = j->state;
	const struct rows *rows = j->rows;
	size_t i = 0;

	while (i < rows->count && take(j, p, rows, i))
		i++;
	if (p->more || rows->count < p->range.limit)
		return deliver_page(j);
	if (p->range.backwards)
		p->range.before = row_int(rows, rows->count - 1, 0);
	else
		p->range.after = row_int(rows, rows->count - 1, 0);
	return ask_chunk(j);
}

/* The other fields hold for them, too, and a page of them is one of all. */
static struct step
got_ids(struct job *j)
{
	struct page *p = j->state;
	unsigned found = 0;

	for (size_t i = 0; i < p->ids_count; i++)
		if (j->results[i]->count == 0)
			return iq_error(j, COND_ITEM_NOT_FOUND, "no message has that id");
	for (size_t i = 0; i < p->ids_count; i++) {
		size_t at = p->range.backwards ? p->ids_count - 1 - i : i;
		struct archive_row *row = &p->rows[p->count];

		if (p->ids[at] <= p->range.after || p->ids[at] >= p->range.before ||
			!archive_read(j->arena, j->home, j->results[at], 0, row) ||
			!is_meant(j, p, row))
			continue;
		p->count += p->count < p->max;
		found++;
	}
	p->more = found > p->count;
	if (p->max == 0)
		return finish(j, NULL, NULL, found == 0, found);
	return deliver_page(j);
}

/* ---- Write ------------------------------------------------------------------------------------- */

static void
deliver_row(struct job *j, const struct page *p, const struct archive_row *row)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	AUTO(stanza_unref) const struct stanza *s = NULL;
	char id[ARCHIVE_ID_SIZE], stamp[DATETIME_SIZE];

	archive_id_write(j->home, row->id, id);
	datetime_write(stamp, archive_time(row->id));
	buf_put_lit(&b, "<result xmlns='" NS_MAM "'");
	if (p->queryid) {
		buf_put_lit(&b, " queryid='");
		xml_escape_attr(&b, str_of(p->queryid));
		buf_put_char(&b, '\'');
	}
	buf_printf(&b,
		" id='%s'><forwarded xmlns='" NS_FORWARD "'><delay xmlns='" NS_DELAY
		"' stamp='%s'/>",
		id, stamp);
	if (p->view->show)
		p->view->show(p->view, row, &b);
	else
		buf_put_str(&b, row->bytes);
	buf_put_lit(&b, "</forwarded></result>");
	s = stanza_new_written(
		STANZA_MESSAGE, MESSAGE_NORMAL, j->home->jid, j->stanza->from, buf_str(&b));
	p->view->send(j, s);
}

/* The i-th of the page in the order of time. */
static const struct archive_row *
row_at(const struct page *p, unsigned i)
{
	return &p->rows[p->range.backwards ? p->count - 1 - i : i];
}

static struct step
finish(struct job *j, const struct archive_row *first, const struct archive_row *last,
	bool complete, int64_t count)
{
	struct xml *fin = xml_new(j->arena, NS_MAM, "fin");
	char ids[2][ARCHIVE_ID_SIZE];

	if (complete)
		xml_attr(j->arena, fin, "complete", "true");
	if (first) {
		archive_id_write(j->home, first->id, ids[0]);
		archive_id_write(j->home, last->id, ids[1]);
	}
	xml_adopt(fin, rsm_write(j->arena, first ? ids[0] : NULL, first ? ids[1] : NULL, count));
	return iq_result(j, fin);
}

static struct step
deliver_page(struct job *j)
{
	struct page *p = j->state;

	while (p->view->is_there(j) && p->written < p->count) {
		if (!p->view->is_ready(j)) {
			p->pause = p->pause == 0	      ? PAUSE
				   : p->pause < PAUSE_MAX / 2 ? p->pause * 2
							      : PAUSE_MAX;
			return job_sleep(j, deliver_page, p->pause);
		}
		p->pause = 0;
		deliver_row(j, p, row_at(p, p->flip ? p->count - 1 - p->written : p->written));
		p->written++;
	}
	if (p->reads_on && p->view->is_there(j))
		p->view->has_read(j, p->since, p->covers);
	if (p->count == 0)
		return finish(j, NULL, NULL, true, p->is_whole ? 0 : -1);
	return finish(j, row_at(p, 0), row_at(p, p->count - 1), !p->more,
		p->is_whole && !p->more ? (int64_t)p->count : -1);
}

/* A page of nothing. */
static struct step
counted(struct job *j)
{
	int64_t count = row_int(j->rows, 0, 0);

	return finish(j, NULL, NULL, count == 0, count);
}

/* ---- Form and metadata --------------------------------------------------------------------------- */

struct step
archive_query_form(struct job *j)
{
	struct xml *query = xml_new(j->arena, NS_MAM, "query");
	struct xml *x = form_new(j->arena, FORM_FORM, NS_MAM), *field;

	for (size_t i = 0; i < COUNT(fields); i++) {
		field = form_add(j->arena, x, fields[i].type, fields[i].var, NULL);
		if (fields[i].type == FORM_LIST_MULTI)
			form_open(j->arena, field, "xs:string");
	}
	xml_adopt(query, x);
	return iq_result(j, query);
}

struct step
archive_query_metadata(struct job *j)
{
	struct archive_range first = { .before = INT64_MAX, .limit = 1 }, last = first;
	struct ask asks[2];

	last.backwards = true;
	asks[0] = archive_page(j->arena, j->home, &first);
	asks[1] = archive_page(j->arena, j->home, &last);
	return job_query_all(j, bounds, asks, COUNT(asks));
}

static struct step
bounds(struct job *j)
{
	struct xml *metadata = xml_new(j->arena, NS_MAM, "metadata"), *x;
	static const char *const names[] = { "start", "end" };
	char id[ARCHIVE_ID_SIZE], stamp[DATETIME_SIZE];

	for (size_t i = 0; i < COUNT(names) && j->results[i]->count > 0; i++) {
		archive_id_write(j->home, row_int(j->results[i], 0, 0), id);
		datetime_write(stamp, archive_time(row_int(j->results[i], 0, 0)));
		x = xml_add(j->arena, metadata, NS_MAM, names[i]);
		xml_attr(j->arena, x, "id", id);
		xml_attr(j->arena, x, "timestamp", stamp);
	}
	return iq_result(j, metadata);
}
