/*
 * portable.c -- archives and their preferences in files of XEP-0227.
 *
 * Messages keep their order and their times.  Their ids on the wire stay, too, if the file is read by
 * the deployment that wrote it and the number of the archive's owner is free; else they get new ones.
 * A file of our own says with each message whether somebody got it, and up to which one each
 * conversation was read (<row/>); of other files all counts as received and read.
 *
 * Runs on: where a file is written or read.
 */
#include "mam.h"

#include "xep/content.h"

#include <stdlib.h>
#include <string.h>

#define NS_PIE_MAM NS_PIE "#mam"
#define PAGE 250

/* ---- Write ----------------------------------------------------------------------------------- */

struct leaving_archive {
	int64_t *seen; /* ids, sorted */
	size_t seen_count;
	int64_t after;
};

static void
ask(struct leaving *l, struct asks *asks)
{
	const struct leaving_archive *r = l->state;
	struct archive_range range = {
		.after = r ? r->after : 0, .before = INT64_MAX, .limit = PAGE
	};
	struct value owner = of_jid(l->home.jid);
	struct arena *a = asks_arena(asks);

	if (!r) {
		asks_add(asks, &mam_prefs_queries[PREFS_LOAD], &owner, 1);
		asks->list[asks->count++] = archive_seen_list(a, &l->home);
	}
	asks->list[asks->count++] = archive_page(a, &l->home, &range);
	asks->list[asks->count++] = archive_left_ids(a, &l->home, range.after, PAGE);
}

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct leaving_archive *
begin(struct leaving *l, const struct rows *prefs, const struct rows *seen)
{
	struct leaving_archive *r = ARENA_NEW(l->arena, struct leaving_archive);

	l->state = r;
	if (prefs->count > 0) {
		buf_put_str(l->out, row_str(prefs, 0, 0));
		buf_put_char(l->out, '\n');
	}
	r->seen = ARENA_ARRAY(l->arena, int64_t, seen->count + 1);
	for (; r->seen_count < seen->count; r->seen_count++)
		r->seen[r->seen_count] = row_int(seen, r->seen_count, 1);
	qsort(r->seen, r->seen_count, sizeof(*r->seen), by_id);
	buf_put_lit(l->out, "<archive xmlns='" NS_PIE_MAM "'>\n<rows xmlns='" NS_PIE_OWN "'/>\n");
	return r;
}

/* Both are sorted. */
static bool
is_among(const struct rows *ids, size_t *at, int64_t id)
{
	while (*at < ids->count && row_int(ids, *at, 0) < id)
		++*at;
	return *at < ids->count && row_int(ids, *at, 0) == id;
}

static bool
waits(const struct leaving *l, const struct archive_row *row)
{
	bool received = !(row->flags & ARCHIVE_OUT) || row->flags & ARCHIVE_SELF;

	return received && !(row->flags & ARCHIVE_RETRACTED) && row->id > l->home.delivered;
}

static void
write_row(struct leaving *l, const struct leaving_archive *r, const struct archive_row *row,
	bool left)
{
	bool seen = bsearch(&row->id, r->seen, r->seen_count, sizeof(*r->seen), by_id) != NULL;
	char id[ARCHIVE_ID_SIZE], stamp[DATETIME_SIZE];

	archive_id_write(&l->home, row->id, id);
	datetime_write(stamp, archive_time(row->id));
	buf_printf(l->out,
		"<result xmlns='urn:xmpp:mam:2' id='%s'><forwarded xmlns='" NS_FORWARD
		"'><delay xmlns='" NS_DELAY "' stamp='%s'/>",
		id, stamp);
	buf_put_str(l->out, row->bytes);
	buf_put_lit(l->out, "</forwarded>");
	if (left || seen)
		buf_printf(l->out, "<row xmlns='" NS_PIE_OWN "'%s%s/>", left ? " left='true'" : "",
			seen ? " seen='true'" : "");
	buf_put_lit(l->out, "</result>\n");
}

static bool
write(struct leaving *l, const struct rows *const *rows)
{
	struct leaving_archive *r = l->state;
	AUTO(arena_free) struct arena *a = arena_new(0);
	const struct rows *page, *left;
	struct archive_row row;
	size_t at = 0;

	if (!r) {
		r = begin(l, rows[0], rows[1]);
		rows += 2;
	}
	page = rows[0];
	left = rows[1];
	for (size_t i = 0; i < page->count; i++) {
		r->after = row_int(page, i, 0);
		if (archive_read(a, &l->home, page, i, &row))
			write_row(l, r, &row, waits(l, &row) || is_among(left, &at, row.id));
	}
	if (page->count == PAGE)
		return true;
	buf_put_lit(l->out, "</archive>\n");
	return false;
}

/* ---- Read --------------------------------------------------------------------------------------- */

struct arriving_archive {
	struct home home; /* stands for the account's; number 0: no message came yet */
	int64_t number; /* the one in the ids, if it can be kept; 0: it cannot */
	int64_t last; /* id */
	bool is_asked; /* whether number is free */
	bool knows_rows; /* a file of our own */
};

/* The id that the message had, if it is one of this deployment: then it holds the time, too. */
static bool
open_id(const struct arriving *a, const struct xml *result, msec_t at, int64_t *id, int64_t *number)
{
	const char *text = xml_get(result, "id");

	return text && archive_id_open(a->home->worker, text, id, number) &&
	       archive_time(*id) == at;
}

static int64_t
next_id(struct arriving *a, struct arriving_archive *r, const struct xml *result, msec_t at)
{
	int64_t id, number;

	if (r->number == 0 || !open_id(a, result, at, &id, &number) || number != r->number)
		id = archive_id_at(at) + 1;
	if (id <= r->last)
		id = r->last + 1;
	r->last = id;
	return id;
}

/* The first message: what number the owner has. */
static enum portable_taken
begin_rows(struct arriving *a, struct arriving_archive *r, const struct xml *result, msec_t at)
{
	struct asks asks = { .arena = a->arena };
	int64_t id, number;

	if (!r->is_asked && open_id(a, result, at, &id, &number)) {
		r->is_asked = true;
		r->number = number;
		a->question = archive_number_owner(a->arena, number);
		return PORTABLE_ASKS;
	}
	if (a->answer && a->answer->count > 0)
		r->number = 0;
	r->home = archive_begin(a->home, &asks, r->number);
	asks.arena = NULL;
	arriving_add_all(a, &asks);
	return PORTABLE_TAKEN;
}

static const struct stanza *
read_message(const struct arriving *a, const struct xml *message)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	AUTO(stanza_unref) const struct stanza *whole = NULL;
	struct arena *arena = arena_new(0);
	struct problem ignored;
	struct jid own = a->home->jid;

	s = stanza_parse(&arena, xml_copy(arena, message), JID_NONE, NULL, &ignored, NULL);
	if (!s || s->type == MESSAGE_ERROR)
		return NULL;
	whole = stanza_readdress(
		s, jid_is_none(s->from) ? own : s->from, jid_is_none(s->to) ? own : s->to);
	if (!jid_eq_bare(whole->from, own) && !jid_eq_bare(whole->to, own))
		return NULL;
	return archive_stamp(a->home, whole, 0);
}

static unsigned
flags_of(const struct arriving *a, const struct stanza *s)
{
	bool from_me = jid_eq_bare(s->from, a->home->jid), to_me = jid_eq_bare(s->to, a->home->jid);
	unsigned flags = from_me ? ARCHIVE_OUT : 0;

	if (from_me && to_me)
		flags |= ARCHIVE_SELF;
	if (stanza_child(s, NS_RETRACT, "retracted"))
		flags |= ARCHIVE_RETRACTED;
	else if (content_is_news(s, content_of(s)))
		flags |= ARCHIVE_COUNTS;
	if (s->type == MESSAGE_GROUPCHAT)
		flags |= ARCHIVE_GROUPCHAT;
	return flags;
}

static void
put(struct arriving *a, struct arriving_archive *r, const struct xml *result,
	const struct stanza *s, msec_t at)
{
	const struct xml *row = xml_child(result, NS_PIE_OWN, "row");
	struct archive_entry e = { .flags = flags_of(a, s), .stanza = s };
	struct asks asks = ASKS_NONE;

	e.id = next_id(a, r, result, at);
	e.peer = e.flags & ARCHIVE_OUT ? s->to : s->from;
	mam_refer(&e);
	archive_put(&r->home, &asks, &e);
	if (text_eq(xml_get(row, "left"), "true"))
		archive_leave(&r->home, &asks, e.id);
	if (text_eq(xml_get(row, "seen"), "true"))
		archive_seen(&r->home, &asks, e.peer, e.id);
	arriving_add_all(a, &asks);
}

static enum portable_taken
take_result(struct arriving *a, struct arriving_archive *r, const struct xml *x)
{
	const struct xml *forwarded = xml_child(x, NS_FORWARD, "forwarded");
	const struct xml *message = xml_child(forwarded, NS_CLIENT, "message");
	const char *stamp = xml_get(xml_child(forwarded, NS_DELAY, "delay"), "stamp");
	AUTO(stanza_unref) const struct stanza *s = NULL;
	msec_t at;

	if (!message || !stamp || !datetime_parse(str_trim(str_of(stamp)), &at))
		return arriving_refuse(a, "an archived message without content or time");
	if (at <= 0 || at > clock_wall() + HOURS(1))
		return arriving_refuse(a, "an archived message of a time that is to come");
	if (r->home.number == 0 && begin_rows(a, r, x, at) == PORTABLE_ASKS)
		return PORTABLE_ASKS;
	s = read_message(a, message);
	if (!s)
		return arriving_refuse(
			a, "an archived message that is damaged, an error, or of others");
	put(a, r, x, s, at);
	return PORTABLE_TAKEN;
}

static enum portable_taken
take_prefs(struct arriving *a, const struct xml *x)
{
	AUTO(buf_fini) struct buf text = BUF_INIT;

	if (!prefs_are_good(x))
		return arriving_refuse(a, "preferences of archiving that make no sense");
	kept_write(&text, x);
	arriving_add(a, &mam_prefs_queries[PREFS_PUT],
		ARGS(of_jid(a->home->jid), of_str(buf_str(&text))));
	return PORTABLE_NOTED;
}

static enum portable_taken
take(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	struct arriving_archive *r = state;

	if (!within)
		return take_prefs(a, x);
	if (xml_is(x, NS_PIE_OWN, "rows")) {
		r->knows_rows = a->knows_left = true;
		return PORTABLE_NOTED;
	}
	if (!xml_is(x, NS_MAM, "result"))
		return arriving_refuse(a, "something in an archive that is no message");
	if (xml_get(within, "node"))
		return arriving_refuse(a, "the archive of a node");
	return take_result(a, r, x);
}

static void
finish(struct arriving *a, void *state)
{
	const struct arriving_archive *r = state;
	struct asks asks = ASKS_NONE;

	if (r->home.number == 0)
		return;
	archive_delivered(&r->home, &asks, r->last);
	if (!r->knows_rows)
		archive_seen_all(&r->home, &asks);
	arriving_add_all(a, &asks);
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &mam_prefs_queries[PREFS_DELETE], &owner, 1);
	archive_delete(h, asks);
}

static const struct portable_tag tags[] = {
	{ NS_MAM, "prefs", PORTABLE_WHOLE },
	{ NS_PIE_MAM, "archive", PORTABLE_CHILDREN },
	{ NULL, NULL, PORTABLE_WHOLE },
};

const struct portable mam_portable = {
	.name = "archive",
	.counted = "archived messages",
	.order = 70,
	.tags = tags,
	.state_size = sizeof(struct arriving_archive),
	.ask = ask,
	.write = write,
	.take = take,
	.finish = finish,
	.clear = clear,
};
