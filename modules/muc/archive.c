/*
 * archive.c -- the history of a room, for ever (XEP-0313 6.1.2, XEP-0425 4, XEP-0424 4).
 *
 * What is stored is what was said to all, without the stanza-id, which follows from the row, and
 * with an <x/> of muc#user as its last child that has the speaker's address: it is taken off again
 * for those who may not see addresses.  A row's peer is the speaker's account, so that what others
 * said can be counted.
 *
 * Who may enter may read: banned people never, strangers not in a members-only room, and in one with
 * a password only members and those who are there.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <string.h>

#include "xep/content.h"

#define PAGE 50
#define PAGE_MAX 250
#define X_OPEN "<x xmlns='" NS_MUC_USER "'>"
#define X_CLOSE "</x>"

const char *
room_id_text(struct arena *a, const struct room *room, int64_t id)
{
	char text[ARCHIVE_ID_SIZE];

	archive_id_write(&room->home, id, text);
	return arena_text(a, text);
}

/* ---- Write -------------------------------------------------------------------------------------- */

bool
room_is_news(const struct stanza *s)
{
	unsigned content = content_of(s);

	return (content & (CONTENT_BODY | CONTENT_ENCRYPTED)) &&
	       !(content & (CONTENT_CORRECTION | CONTENT_RETRACTION | CONTENT_REACTION));
}

bool
room_is_history(const struct stanza *s)
{
	unsigned content = content_of(s);

	if (content & (CONTENT_NO_STORE | CONTENT_NO_PERMANENT_STORE))
		return false;
	return content & (CONTENT_BODY | CONTENT_SUBJECT | CONTENT_ENCRYPTED | CONTENT_REACTION |
				 CONTENT_CORRECTION | CONTENT_RETRACTION | CONTENT_STORE);
}

/* As it is stored: without the room's id, with the speaker's address. */
static const struct stanza *
stored(const struct room *room, const struct saying *what)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct xml *x = user_x(a), *item = xml_add(a, x, NS_MUC_USER, "item");
	struct standing who = standing_of(room, what->speaker);
	AUTO(stanza_unref)
	const struct stanza *plain = archive_stamp(&room->home, what->message, 0);

	xml_attr(a, item, "jid", jid_text(a, what->speaker));
	xml_attr(a, item, "affiliation", affiliation_name(who.affiliation));
	xml_attr(a, item, "role", role_name(who.role));
	return stanza_remake(plain, plain->from, room->home.jid, NULL, NULL, x);
}

static const char *
origin_of(const struct stanza *s)
{
	const char *id = xml_get(stanza_child(s, NS_SID, "origin-id"), "id");

	return id && *id ? id : NULL;
}

void
room_archive(struct room *room, struct saying *what, struct asks *asks)
{
	AUTO(stanza_unref) const struct stanza *s = stored(room, what);
	const char *origin = origin_of(s), *id = origin ? origin : s->id;
	struct archive_entry e = { .id = what->id,
		.peer = what->speaker,
		.flags = ARCHIVE_GROUPCHAT,
		.reference = id ? archive_reference(id, room->home.jid) : 0,
		.stanza = s };

	if (origin)
		e.flags |= ARCHIVE_ORIGIN;
	if (what->counts)
		e.flags |= ARCHIVE_COUNTS;
	if (what->once && origin)
		e.once_since = archive_id_at(clock_wall() - DAYS(1) - HOURS(1)) + 1;
	archive_put(&room->home, asks, &e);
	what->found = archive_find_put(&room->home, asks, &e);
}

/* ---- The last messages, for those who enter ---------------------------------------------------------- */

static bool
is_x(const struct xml *child, void *ctx)
{
	(void)ctx;
	return xml_is(child, NS_MUC_USER, "x");
}

static void
remember(struct room *room, struct arena *a, const struct archive_row *row)
{
	const struct stanza *s = archive_row_stanza(row), *said;
	struct xml *sid = xml_new(a, NS_SID, "stanza-id");

	if (!s)
		return;
	xml_attr(a, sid, "by", jid_text(a, room->home.jid));
	xml_attr(a, sid, "id", room_id_text(a, room, row->id));
	said = stanza_remake(s, s->from, JID_NONE, is_x, NULL, sid);
	history_add(room, said, archive_time(row->id), row->id);
	stanza_unref(&said);
	stanza_unref(&s);
}

static void
got_history(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct room *room = ctx;
	struct arena *a = arena_new(0);
	struct archive_row row;

	(void)w;
	(void)count;
	/* Those who are in the room since before a restart may have said some of it already. */
	if (result == STORE_OK && rows[0]->count > 0)
		history_drop(room);
	room->remembers = true;
	for (size_t i = result == STORE_OK ? rows[0]->count : 0; i > 0; i--) {
		if (archive_read(a, &room->home, rows[0], i - 1, &row) &&
			(row.flags & ARCHIVE_COUNTS))
			remember(room, a, &row);
	}
	arena_free(&a);
	room->writing = false;
	room_go_on(room);
	home_unpin(&room->home);
}

void
history_load(struct room *room)
{
	struct archive_range range = { .before = INT64_MAX, .backwards = true };
	struct arena *a = arena_new(0);
	struct ask ask;

	room->remembers = room->writing = true;
	range.limit = (unsigned)room->config->maxhistoryfetch;
	ask = archive_page(a, &room->home, &range);
	home_pin(&room->home);
	store_ask(room->home.worker, room_key(room), &ask, 1, got_history, room);
	arena_free(&a);
}

/* ---- Read ----------------------------------------------------------------------------------------------- */

static bool
may_read(const struct room *room, struct jid who)
{
	const struct room_config *c = room->config;
	enum affiliation a = room_affiliation(room, who);

	if (!may(c, MAY_ENTER, ROLE_NONE, a))
		return false;
	return !c->passwordprotectedroom || a >= AFF_MEMBER || occupant_of_bare(room, who);
}

struct room_view {
	struct archive_view view;
	struct room *room;
	bool sees_jids;
	struct str from; /* room/nick that alone is meant, or STR_NONE */
	const char *jid; /* the account that alone is meant, or NULL */
};

static bool
is_there(const struct job *j)
{
	(void)j;
	return true;
}

/* Whoever asks is elsewhere; a page is bounded, and so are pages at the same time. */
static bool
is_ready(const struct job *j)
{
	(void)j;
	return true;
}

static void
send_row(struct job *j, const struct stanza *s)
{
	const struct stanza *out = stanza_ref(s);

	route(j->worker, &out, NULL);
}

/* With a nick all rows are looked through; with an account only those of its hash. */
static bool
narrow(struct job *j, const struct archive_view *view, struct archive_range *range)
{
	struct room_view *v = CONTAINER(&view->page, struct room_view, view.page);
	struct jid with = range->with;

	if (jid_is_none(with))
		return true;
	if (jid_eq_bare(with, j->owner)) {
		v->from = jid_full(with);
		range->with = JID_NONE;
		return true;
	}
	v->jid = arena_str(j->arena, jid_full(with));
	return v->sees_jids;
}

/* The address in the <x/> that was added when it was stored. */
static struct str
x_of(const struct archive_row *row)
{
	const char *at = row->bytes.p, *end = row->bytes.p + row->bytes.n, *last = NULL;

	while ((at = memmem(at, (size_t)(end - at), X_OPEN, sizeof(X_OPEN) - 1)) != NULL)
		last = at++;
	if (!last)
		return STR_NONE;
	at = memmem(last, (size_t)(end - last), X_CLOSE, sizeof(X_CLOSE) - 1);
	return at ? (struct str){ last, (size_t)(at - last) + sizeof(X_CLOSE) - 1 } : STR_NONE;
}

static bool
is_from(const struct archive_row *row, struct str from)
{
	AUTO(stanza_unref) const struct stanza *s = archive_row_stanza(row);

	if (!s)
		return false;
	return str_eq(from, jid_full(s->from)) || str_eq(from, jid_bare_str(s->from));
}

static bool
is_by(const struct archive_row *row, const char *jid)
{
	AUTO(stanza_unref) const struct stanza *s = archive_row_stanza(row);
	const struct xml *x = s ? stanza_child(s, NS_MUC_USER, "x") : NULL;
	const char *by = xml_get(xml_child(x, NS_MUC_USER, "item"), "jid");
	size_t n = strlen(jid);

	return by && strncmp(by, jid, n) == 0 && (by[n] == '\0' || by[n] == '/');
}

static bool
is_meant(const struct job *j, const struct archive_view *view, const struct archive_row *row)
{
	const struct room_view *v = CONTAINER(&view->page, const struct room_view, view.page);

	(void)j;
	if (v->from.p)
		return is_from(row, v->from);
	return !v->jid || is_by(row, v->jid);
}

static void
show(const struct archive_view *view, const struct archive_row *row, struct buf *out)
{
	const struct room_view *v = CONTAINER(&view->page, const struct room_view, view.page);
	struct str x = v->sees_jids ? STR_NONE : x_of(row);

	if (!x.p) {
		buf_put_str(out, row->bytes);
		return;
	}
	buf_put(out, row->bytes.p, (size_t)(x.p - row->bytes.p));
	buf_put(out, x.p + x.n, row->bytes.n - (size_t)(x.p - row->bytes.p) - x.n);
}

struct step
room_history(struct job *j)
{
	struct room *room = room_of(j->home);
	struct room_view *v = ARENA_NEW(j->arena, struct room_view);
	const struct occupant *o = occupant_of_bare(room, j->stanza->from);

	if (!may_read(room, j->stanza->from))
		return iq_error(j, COND_FORBIDDEN, NULL);
	*v = (struct room_view){ .view = { .page = PAGE,
					 .page_max = PAGE_MAX,
					 .is_there = is_there,
					 .is_ready = is_ready,
					 .send = send_row,
					 .narrow = narrow,
					 .is_meant = is_meant,
					 .show = show },
		.room = room,
		.sees_jids = room->config->whois == WHOIS_ANYONE || (o && sees_jids(room, o)) ||
			     room_affiliation(room, j->stanza->from) >= AFF_ADMIN };
	return archive_query(j, &v->view);
}

struct step
room_history_form(struct job *j)
{
	if (!may_read(room_of(j->home), j->stanza->from))
		return iq_error(j, COND_FORBIDDEN, NULL);
	return archive_query_form(j);
}

struct step
room_history_bounds(struct job *j)
{
	if (!may_read(room_of(j->home), j->stanza->from))
		return iq_error(j, COND_FORBIDDEN, NULL);
	return archive_query_metadata(j);
}
