/*
 * list.c -- XEP-0430: the conversations of an account, the newest first.
 *
 * Conversations are those of the account's archive, and the rooms that modules name (hook
 * conversations).  Four questions to the store: who there is and how far each was read; where each
 * ends; how much of each is unread; the newest messages of those that are asked for.  The answer is
 * bounded in number and bytes; a client that wants more asks for the next page (XEP-0059).
 *
 * Runs on: the account's home.
 */
#include "modules/inbox/inbox.h"

#include "xep/rsm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The newest so many are looked at. */
#define TALKS_MAX 2000
/* A page ends when its messages are more than that. */
#define PAGE_BYTES ((size_t)256 * 1024)

struct talk {
	struct home room; /* number 0: a conversation of the account's own archive */
	int64_t peer, seen;
	int64_t last, said; /* newest row, newest message; 0: none */
	int64_t unread;
	size_t twin; /* of the account's own archive: 1 + the place of the room of that address; or 0 */
};

struct listing {
	struct rsm rsm;
	bool unread_only, plain; /* plain: without messages */
	struct talk *talks;
	size_t count, total, unread_talks, unread;
	size_t first, shown; /* of the page */
};

static step_fn list, talks_known, ends_known, unread_known, messages_known;

/* ---- Who there is ------------------------------------------------------------------------ */

static bool
is_true(const char *text)
{
	return text_eq(text, "true") || text_eq(text, "1");
}

static bool
is_false(const char *text)
{
	return text_eq(text, "false") || text_eq(text, "0");
}

struct step
inbox_list(struct job *j)
{
	struct listing *l = ARENA_NEW(j->arena, struct listing);
	const struct xml *child = iq_child(j);
	struct problem why = { COND_NONE, NULL };

	if (!rsm_read(j->arena, child, &l->rsm, &why))
		return iq_refuse(j, &why);
	l->unread_only = is_true(xml_get(child, "unread-only"));
	l->plain = is_false(xml_get(child, "messages"));
	j->state = l;
	/* Behind what the client sent before and is on its way here: a note to oneself. */
	return job_go_to(j, list, j->owner);
}

static struct step
list(struct job *j)
{
	struct listing *l = j->state;
	struct home *home = &j->account->home;
	struct conversations_event ev = { .head = { j->worker, j->host }, .account = j->account };
	struct step next;

	ev.asks = ARENA_NEW(j->arena, struct asks);
	(void)hook_conversations(&ev); /* nobody stops it */
	ev.asks->list[ev.asks->count++] = archive_seen_list(j->arena, home);
	ev.asks->list[ev.asks->count++] = archive_talks(j->arena, home, TALKS_MAX);
	next = job_query_all(j, talks_known, ev.asks->list, ev.asks->count);
	l->count = ev.asks->count; /* of results, until they are read */
	asks_fini(ev.asks);
	return next;
}

/* The rows are in the order of their peers. */
static int64_t
seen_of(const struct rows *seen, int64_t peer)
{
	size_t from = 0, to = seen->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int64_t here = row_int(seen, middle, 0);

		if (here == peer)
			return row_int(seen, middle, 1);
		if (here < peer)
			from = middle + 1;
		else
			to = middle;
	}
	return 0;
}

static void
add_rooms(struct job *j, struct listing *l, const struct rows *rooms, const struct rows *seen)
{
	for (size_t i = 0; i < rooms->count && l->count < TALKS_MAX; i++) {
		struct talk *t = &l->talks[l->count];
		int64_t since = row_int(rooms, i, 2);
		struct jid jid;

		if (jid_parse(j->arena, row_str(rooms, i, 0), &jid) != JID_OK)
			continue;
		t->room = archive_elsewhere(&j->account->home, jid, row_int(rooms, i, 1));
		t->peer = archive_peer(jid);
		t->seen = seen_of(seen, t->peer);
		if (t->seen < since)
			t->seen = since;
		l->count++;
	}
}

/* What came from a room apart from what was said there to all: invitations, private messages. */
static size_t
twin_of(const struct listing *l, size_t rooms, int64_t peer)
{
	for (size_t i = 0; i < rooms; i++)
		if (l->talks[i].peer == peer)
			return i + 1;
	return 0;
}

static void
add_own(struct listing *l, const struct rows *own, const struct rows *seen)
{
	size_t rooms = l->count;

	for (size_t i = 0; i < own->count && l->count < TALKS_MAX; i++) {
		struct talk *t = &l->talks[l->count++];

		t->peer = row_int(own, i, 0);
		t->last = row_int(own, i, 1);
		t->seen = seen_of(seen, t->peer);
		t->twin = twin_of(l, rooms, t->peer);
	}
}

/* ---- Where each ends, and what is unread ---------------------------------------------------- */

static struct step
answer(struct job *j, struct listing *l)
{
	struct xml *fin = xml_new(j->arena, NS_INBOX, "fin");
	char first[32] = "", last[32] = "";

	if (l->shown > 0) {
		(void)snprintf(first, sizeof(first), "%" PRIx64, l->talks[l->first].last);
		(void)snprintf(
			last, sizeof(last), "%" PRIx64, l->talks[l->first + l->shown - 1].last);
	}
	xml_attr(j->arena, fin, "total", arena_printf(j->arena, "%zu", l->total));
	xml_attr(j->arena, fin, "unread", arena_printf(j->arena, "%zu", l->unread_talks));
	xml_attr(j->arena, fin, "all-unread", arena_printf(j->arena, "%zu", l->unread));
	xml_adopt(
		fin, rsm_write(j->arena, l->shown > 0 ? arena_text(j->arena, first) : NULL,
			     l->shown > 0 ? arena_text(j->arena, last) : NULL, (int64_t)l->count));
	return iq_result(j, fin);
}

static struct step
talks_known(struct job *j)
{
	struct listing *l = j->state;
	size_t results = l->count;
	const struct rows *seen = j->results[results - 2];
	struct ask *asks;

	l->count = 0;
	l->talks = ARENA_ARRAY(j->arena, struct talk, TALKS_MAX);
	for (size_t i = 0; i + 2 < results; i++)
		add_rooms(j, l, j->results[i], seen);
	add_own(l, j->results[results - 1], seen);
	if (l->count == 0)
		return answer(j, l);
	asks = ARENA_ARRAY(j->arena, struct ask, l->count);
	for (size_t i = 0; i < l->count; i++) {
		const struct talk *t = &l->talks[i];

		asks[i] = t->room.number ? archive_room_ends(j->arena, &t->room, j->owner, t->seen)
					 : archive_talk_ends(
						   j->arena, &j->account->home, t->peer, t->seen);
	}
	return job_query_all(j, ends_known, asks, l->count);
}

static struct step
ends_known(struct job *j)
{
	struct listing *l = j->state;
	struct ask *asks = ARENA_ARRAY(j->arena, struct ask, l->count);

	for (size_t i = 0; i < l->count; i++) {
		struct talk *t = &l->talks[i];
		int64_t own = row_int(j->results[i], 0, 1);

		t->said = row_int(j->results[i], 0, 0);
		if (t->room.number)
			t->last = t->said;
		if (own > t->seen)
			t->seen = own;
		asks[i] = t->room.number
				  ? archive_room_unread(j->arena, &t->room, j->owner, t->seen)
				  : archive_talk_unread(
					    j->arena, &j->account->home, t->peer, t->seen);
	}
	return job_query_all(j, unread_known, asks, l->count);
}

/* ---- The page ------------------------------------------------------------------------------- */

static int
newest_first(const void *a, const void *b)
{
	const struct talk *x = a, *y = b;

	return x->last < y->last ? 1 : x->last > y->last ? -1 : 0;
}

/* One address is one conversation, which ends where the newer message of both is: an invitation is none. */
static void
merge(struct listing *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct talk *own = &l->talks[i], *room = &l->talks[own->twin ? own->twin - 1 : i];
		struct talk *newer = own->said > room->said || room->last == 0 ? own : room;
		struct talk *older = newer == own ? room : own;

		if (!own->twin)
			continue;
		newer->unread += older->unread;
		older->last = 0;
	}
}

/* Rooms where nobody said anything are no conversations; and what the client does not want goes. */
static void
sift(struct listing *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct talk *t = &l->talks[i];

		if (t->last == 0)
			continue;
		l->total++;
		l->unread += (size_t)t->unread;
		l->unread_talks += t->unread > 0;
		if (t->unread > 0 || !l->unread_only)
			l->talks[kept++] = *t;
	}
	l->count = kept;
	qsort(l->talks, l->count, sizeof(*l->talks), newest_first);
}

/* False: an item that was never given. */
static bool
choose_page(const struct job *j, struct listing *l)
{
	const struct inbox_options *o = inbox_options(j->host);
	const char *mark = l->rsm.after ? l->rsm.after : l->rsm.before;
	size_t max = (size_t)o->page;
	size_t end = l->count;
	int64_t at = 0;
	char *rest = NULL;

	if (l->rsm.has_max)
		max = l->rsm.max < o->page_max ? l->rsm.max : (size_t)o->page_max;
	if (mark && *mark) {
		at = strtoll(mark, &rest, 16);
		if (*rest || at <= 0)
			return false;
	}
	if (l->rsm.after) {
		while (l->first < l->count && l->talks[l->first].last >= at)
			l->first++;
	} else if (l->rsm.before) {
		for (end = 0; end < l->count && (at == 0 || l->talks[end].last > at); end++)
			;
		l->first = end > max ? end - max : 0;
	}
	l->shown = end - l->first < max ? end - l->first : max;
	return true;
}

static const struct home *
archive_with(const struct job *j, const struct talk *t)
{
	return t->room.number ? &t->room : &j->account->home;
}

static struct step
unread_known(struct job *j)
{
	struct listing *l = j->state;
	struct ask *asks;

	for (size_t i = 0; i < l->count; i++)
		l->talks[i].unread = row_int(j->results[i], 0, 0);
	merge(l);
	sift(l);
	if (!choose_page(j, l))
		return iq_error(j, COND_ITEM_NOT_FOUND, NULL);
	if (l->shown == 0)
		return answer(j, l);
	asks = ARENA_ARRAY(j->arena, struct ask, l->shown);
	for (size_t i = 0; i < l->shown; i++) {
		const struct talk *t = &l->talks[l->first + i];

		asks[i] = archive_get(j->arena, archive_with(j, t), t->said ? t->said : t->last);
	}
	return job_query_all(j, messages_known, asks, l->shown);
}

/* ---- What is sent ------------------------------------------------------------------------------ */

/* Whom the account talks with there; JID_NONE if the row is damaged. */
static struct jid
other_side(struct job *j, const struct talk *t, const struct archive_row *row)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct jid other;

	if (t->room.number)
		return t->room.jid;
	s = archive_row_stanza(row);
	if (!s)
		return JID_NONE;
	other = row->flags & ARCHIVE_OUT ? s->to : s->from;
	return jid_copy(j->arena, jid_bare(jid_is_none(other) ? j->owner : other));
}

static void
write_result(const struct job *j, const struct archive_row *row, const char *id, struct buf *b)
{
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, archive_time(row->id));
	buf_put_lit(b, "<result xmlns='" NS_MAM "' queryid='");
	xml_escape_attr(b, str_of(j->stanza->id));
	buf_printf(b,
		"' id='%s'><forwarded xmlns='" NS_FORWARD "'><delay xmlns='" NS_DELAY
		"' stamp='%s'/>",
		id, stamp);
	buf_put_str(b, row->bytes);
	buf_put_lit(b, "</forwarded></result>");
}

/* The size of what was sent; 0: nothing. */
static size_t
send_talk(struct job *j, const struct listing *l, const struct talk *t, const struct rows *rows)
{
	const struct home *home = archive_with(j, t);
	AUTO(buf_fini) struct buf b = BUF_INIT;
	AUTO(stanza_unref) const struct stanza *s = NULL;
	char last[ARCHIVE_ID_SIZE], said[ARCHIVE_ID_SIZE];
	struct archive_row row;
	struct jid other;

	if (rows->count == 0 || !archive_read(j->arena, home, rows, 0, &row))
		return 0;
	other = other_side(j, t, &row);
	if (jid_is_none(other))
		return 0;
	archive_id_write(home, t->last, last);
	archive_id_write(home, row.id, said);
	buf_put_lit(&b, "<entry xmlns='" NS_INBOX "' jid='");
	xml_escape_attr(&b, jid_full(other));
	buf_printf(&b, "' unread='%" PRId64 "' id='%s'/>", t->unread, last);
	if (t->said && !l->plain)
		write_result(j, &row, said, &b);
	s = stanza_new_written(
		STANZA_MESSAGE, MESSAGE_NORMAL, j->owner, j->stanza->from, buf_str(&b));
	session_send(j->session, s);
	return buf_len(&b);
}

static struct step
messages_known(struct job *j)
{
	struct listing *l = j->state;
	size_t bytes = 0, i = 0;

	if (!j->session)
		return job_done(j);
	for (; i < l->shown && bytes < PAGE_BYTES; i++)
		bytes += send_talk(j, l, &l->talks[l->first + i], j->results[i]);
	l->shown = i;
	return answer(j, l);
}
