/*
 * portable.c -- messages that wait for the next login, in files of XEP-0227.
 *
 * Those in the archive are written as copies, too, since other servers know no pointers; what is
 * read of a file in which the archive itself tells what waits leaves these copies out.
 *
 * Runs on: where a file is written or read.
 */
#include "offline.h"

#define PAGE 100

enum source { KEPT, LEFT, RECEIVED, SOURCES };

struct leaving_messages {
	enum source source;
	int64_t after;
	bool is_open; /* <offline-messages> is written */
};

/* ---- Write --------------------------------------------------------------------------- */

static void
ask(struct leaving *l, struct asks *asks)
{
	static const struct leaving_messages first;
	const struct leaving_messages *m = l->state ? l->state : &first;
	struct archive_range range = { .after = l->home.delivered > m->after ? l->home.delivered
									     : m->after,
		.before = INT64_MAX,
		.received = true,
		.limit = PAGE };

	switch (m->source) {
	case KEPT:
		asks_add(asks, &offline_queries[OFFLINE_AFTER],
			ARGS(of_jid(l->home.jid), of_int(m->after)));
		break;
	case LEFT:
		asks->list[asks->count++] =
			archive_left_page(asks_arena(asks), &l->home, m->after, PAGE);
		break;
	case RECEIVED:
	case SOURCES:
		asks->list[asks->count++] = archive_page(asks_arena(asks), &l->home, &range);
		break;
	}
}

static const struct stanza *
read_row(struct leaving *l, struct arena *a, enum source source, const struct rows *rows, size_t i,
	msec_t *at)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct archive_row row;

	if (source == KEPT) {
		*at = row_int(rows, i, 1);
		return stanza_read(row_str(rows, i, 2));
	}
	if (!archive_read(a, &l->home, rows, i, &row))
		return NULL;
	*at = archive_time(row.id);
	s = archive_row_stanza(&row);
	return s ? archive_stamp(&l->home, s, row.id) : NULL;
}

static void
write_message(struct leaving *l, const struct stanza *s, msec_t at)
{
	AUTO(stanza_unref) const struct stanza *delayed = NULL;
	struct arena *a = arena_new(0);
	struct xml *delay = xml_new(a, NS_DELAY, "delay");
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, at);
	xml_attr(a, delay, "from", arena_str(a, jid_domain(l->home.jid)));
	xml_attr(a, delay, "stamp", stamp);
	delayed = stanza_child(s, NS_DELAY, "delay") ? stanza_ref(s) : stanza_beside(s, delay);
	stanza_write_alone(l->out, delayed);
	buf_put_char(l->out, '\n');
	arena_free(&a);
}

static bool
write(struct leaving *l, const struct rows *const *rows)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct leaving_messages *m = l->state;
	msec_t at = 0;

	if (!m)
		l->state = m = ARENA_NEW(l->arena, struct leaving_messages);
	if (rows[0]->count > 0 && !m->is_open) {
		buf_put_lit(l->out, "<offline-messages>\n");
		m->is_open = true;
	}
	for (size_t i = 0; i < rows[0]->count; i++) {
		AUTO(stanza_unref)
		const struct stanza *s = read_row(l, a, m->source, rows[0], i, &at);

		m->after = row_int(rows[0], i, 0);
		if (s)
			write_message(l, s, at);
	}
	if (rows[0]->count < PAGE) {
		m->source++;
		m->after = 0;
	}
	if (m->source < (l->home.number != 0 ? SOURCES : LEFT))
		return true;
	if (m->is_open)
		buf_put_lit(l->out, "</offline-messages>\n");
	return false;
}

/* ---- Read ------------------------------------------------------------------------------- */

static bool
is_archived(const struct arriving *a, const struct stanza *s)
{
	for (const struct xml *x = stanza_child(s, NS_SID, "stanza-id"); x;
		x = xml_next(x, NS_SID, "stanza-id")) {
		if (str_eq(str_of(xml_get(x, "by")), jid_full(a->home->jid)))
			return true;
	}
	return false;
}

static enum portable_taken
take(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	AUTO(stanza_unref) const struct stanza *own = NULL;
	AUTO(stanza_unref) const struct stanza *clean = NULL;
	AUTO(buf_fini) struct buf text = BUF_INIT;
	struct arena *arena = arena_new(0);
	struct problem ignored;
	const char *stamp;
	msec_t at;

	(void)state;
	(void)within;
	s = stanza_parse(&arena, xml_copy(arena, x), JID_NONE, NULL, &ignored, NULL);
	if (!s || s->kind != STANZA_MESSAGE || jid_is_none(s->from))
		return arriving_refuse(a, "an offline message that is none, or without a sender");
	if (a->knows_left && is_archived(a, s))
		return arriving_refuse(a, NULL);
	own = stanza_readdress(s, s->from, jid_eq_bare(s->to, a->home->jid) ? s->to : a->home->jid);
	clean = archive_stamp(a->home, own, 0);
	stamp = xml_get(stanza_child(clean, NS_DELAY, "delay"), "stamp");
	if (!stamp || !datetime_parse(str_trim(str_of(stamp)), &at))
		at = clock_wall();
	stanza_write_alone(&text, clean);
	arriving_add(a, &offline_queries[OFFLINE_PUT],
		ARGS(of_jid(a->home->jid), of_int(home_next_id(a->home)), of_int(at),
			of_str(buf_str(&text))));
	return PORTABLE_TAKEN;
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &offline_queries[OFFLINE_CLEAR], &owner, 1);
	archive_left_done(h, asks, INT64_MAX);
	archive_delivered(h, asks, h->last_id);
}

static const struct portable_tag tags[] = {
	{ NS_PIE, "offline-messages", PORTABLE_CHILDREN },
	{ NULL, NULL, PORTABLE_WHOLE },
};

const struct portable offline_portable = {
	.name = "offline",
	.counted = "offline messages",
	.order = 80,
	.tags = tags,
	.ask = ask,
	.write = write,
	.take = take,
	.clear = clear,
};
