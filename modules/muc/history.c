/*
 * history.c -- what a room still has in memory of what was said (XEP-0045 7.2.13, 7.2.14).
 *
 * A ring of the last messages, with which those who enter are served without a question to the
 * store.  It is filled from the archive when the first one enters.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

/* Of one room's ring. */
#define BYTES_MAX ((size_t)1024 * 1024)

static struct remembered *
at(const struct room *room, size_t i)
{
	return &room->history[(room->history_first + i) % room->history_room];
}

static void
make_ring(struct room *room)
{
	int64_t most = room->config->maxhistoryfetch;

	if (room->history || most <= 0)
		return;
	room->history_room = (size_t)most;
	room->history = mem_new(room->history_room * sizeof(*room->history));
}

static void
drop_oldest(struct room *room)
{
	room->history_bytes -= stanza_size(at(room, 0)->message);
	stanza_unref(&at(room, 0)->message);
	room->history_first = (room->history_first + 1) % room->history_room;
	room->history_count--;
}

void
history_add(struct room *room, const struct stanza *message, msec_t when, int64_t id)
{
	struct remembered *slot;

	make_ring(room);
	if (!room->history)
		return;
	room->history_bytes += stanza_size(message);
	while (room->history_count == room->history_room ||
		(room->history_count > 0 && room->history_bytes > BYTES_MAX))
		drop_oldest(room);
	slot = at(room, room->history_count++);
	*slot = (struct remembered){ stanza_ref(message), when, id };
}

void
history_drop(struct room *room)
{
	while (room->history_count > 0)
		drop_oldest(room);
	room->history_first = room->history_room = 0;
	room->remembers = false;
	mem_free(&room->history);
}

void
history_forget(struct room *room, int64_t id)
{
	size_t kept = 0;

	for (size_t i = 0; i < room->history_count; i++) {
		struct remembered *r = at(room, i);

		if (r->id == id) {
			room->history_bytes -= stanza_size(r->message);
			stanza_unref(&r->message);
		} else {
			*at(room, kept++) = *r;
		}
	}
	room->history_count = kept;
}

/* ---- What somebody asks for ------------------------------------------------------------------ */

struct wish {
	int64_t chars, stanzas; /* -1: any */
	msec_t since; /* wall */
};

static int64_t
number(const struct xml *x, const char *name)
{
	const char *text = x ? xml_get(x, name) : NULL;
	int64_t n;

	return text && str_int(str_of(text), 0, INT32_MAX, &n) ? n : -1;
}

static struct wish
read_wish(const struct xml *join)
{
	const struct xml *x = join ? xml_child(join, NS_MUC, "history") : NULL;
	const char *since = x ? xml_get(x, "since") : NULL;
	struct wish wish = { number(x, "maxchars"), number(x, "maxstanzas"), 0 };
	int64_t seconds = number(x, "seconds");
	msec_t at;

	if (since && datetime_parse(str_of(since), &at))
		wish.since = at;
	if (seconds >= 0 && clock_wall() - SECONDS(seconds) > wish.since)
		wish.since = clock_wall() - SECONDS(seconds);
	return wish;
}

static const struct stanza *
delayed(const struct room *room, struct arena *a, const struct remembered *r)
{
	struct xml *delay = xml_new(a, NS_DELAY, "delay");
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, r->at);
	xml_attr(a, delay, "from", jid_text(a, room->home.jid));
	xml_attr(a, delay, "stamp", stamp);
	return stanza_beside(r->message, delay);
}

static void
drop_stanza(void *s)
{
	const struct stanza *one = s;

	stanza_unref(&one);
}

/* Of the whole stanza (XEP-0045 7.2.13). */
static int64_t
characters(const struct stanza *s)
{
	AUTO(buf_fini) struct buf written = BUF_INIT;

	stanza_write_alone(&written, s);
	return (int64_t)buf_len(&written);
}

size_t
history_for(struct room *room, struct arena *a, const struct xml *join, const struct stanza ***out)
{
	struct wish wish = read_wish(join);
	size_t count = room->history_count, first = count;
	size_t most = (size_t)room->config->maxhistoryfetch;

	if (count > most)
		count = most;
	if (wish.stanzas >= 0 && count > (size_t)wish.stanzas)
		count = (size_t)wish.stanzas;
	*out = ARENA_ARRAY(a, const struct stanza *, room->history_count + 1);
	while (count > 0 && first > 0) {
		const struct remembered *r = at(room, first - 1);
		const struct stanza *s;

		if (r->at < wish.since)
			break;
		s = delayed(room, a, r);
		arena_keep(a, drop_stanza, (void *)(uintptr_t)s);
		if (wish.chars >= 0 && (wish.chars -= characters(s)) < 0)
			break;
		(*out)[--first] = s;
		count--;
	}
	*out += first;
	return room->history_count - first;
}

/* ---- The subject -------------------------------------------------------------------------------- */

const struct stanza *
subject_for(struct room *room)
{
	struct remembered last = { room->subject, room->subject_at, 0 };
	struct arena *a = arena_new(0);
	const struct stanza *s;

	if (room->subject) {
		s = delayed(room, a, &last);
		arena_free(&a);
		return s;
	}
	return stanza_new(&a, STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->home.jid, JID_NONE, NULL,
		xml_new(a, NS_CLIENT, "subject"));
}
