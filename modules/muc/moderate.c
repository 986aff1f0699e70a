/*
 * moderate.c -- messages that are taken back: by a moderator (XEP-0425), by their author (XEP-0424).
 *
 * A tombstone takes the message's place in the archive, and it is no longer among those that are
 * told to who enters.  A moderation is itself a message of the room, written in the same
 * transaction.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

struct moderation {
	int64_t id; /* of the message */
	const char *nick, *occupant, *reason; /* the moderator's */
	struct jid who;
	struct saying what;
	const struct stanza *tombstone;
	unsigned flags; /* of the row */
};

static step_fn fetched, write_it, moderated, author_fetched, buried;

static void
drop(void *p)
{
	struct moderation *m = p;

	stanza_unref(&m->what.message);
	stanza_unref(&m->tombstone);
}

/* ---- The tombstone ---------------------------------------------------------------------------------- */

static bool
is_kept(const struct xml *child)
{
	return xml_is(child, NS_OCCUPANT_ID, "occupant-id") || xml_is(child, NS_MUC_USER, "x");
}

static bool
is_content(const struct xml *child, void *ctx)
{
	(void)ctx;
	return !is_kept(child) || xml_is(child, NS_MUC_USER, "x");
}

/* s with <retracted/> in the place of what it said. */
static const struct stanza *
tombstone_of(const struct stanza *s, struct arena *a, struct xml *retracted)
{
	struct xml *all = xml_new(a, NS_CLIENT, "all");
	const struct xml *x = stanza_child(s, NS_MUC_USER, "x");
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, clock_wall());
	xml_attr(a, retracted, "stamp", stamp);
	xml_adopt(all, retracted);
	if (x)
		xml_adopt(all, xml_copy(a, x)); /* stays the last one: see archive.c */
	return stanza_remake(s, s->from, s->to, is_content, NULL, all->first);
}

static struct xml *
moderated_by(struct arena *a, const struct room *room, const struct moderation *m)
{
	struct xml *x = xml_new(a, NS_MODERATE, "moderated");

	xml_attr(a, x, "by", jid_text(a, room_jid(a, room, m->nick)));
	xml_adopt(x, occupant_id(a, m->occupant));
	return x;
}

static void
add_reason(struct arena *a, struct xml *to, const char *reason)
{
	if (reason)
		xml_add_text(a, to, NS_RETRACT, "reason", reason);
}

/* ---- By a moderator ------------------------------------------------------------------------------------- */

/* The room's message to all: who took back which one. */
static const struct stanza *
announcement(const struct room *room, const struct moderation *m, int64_t id)
{
	struct arena *a = arena_new(0);
	struct xml *x = xml_new(a, NS_RETRACT, "retract");
	char own[RAND_ID_SIZE];
	const struct stanza *s, *stamped;

	rand_id(own);
	xml_attr(a, x, "id", room_id_text(a, room, m->id));
	xml_adopt(x, moderated_by(a, room, m));
	add_reason(a, x, m->reason);
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->home.jid, JID_NONE, own, x);
	stamped = archive_stamp(&room->home, s, id);
	stanza_unref(&s);
	return stamped;
}

struct step
moderate_set(struct job *j)
{
	const struct room *room = room_of(j->home);
	const struct visit *v = visit_find(room, j->stanza->from);
	const struct occupant *o = v ? v->occupant : NULL;
	const struct xml *child = iq_child(j), *reason = xml_child(child, NS_MODERATE, "reason");
	struct moderation *m = ARENA_NEW(j->arena, struct moderation);
	struct ask ask;

	if (!o || !may(room->config, MAY_MODERATE, o->role, o->affiliation))
		return iq_error(j, COND_FORBIDDEN, "only moderators take back messages of others");
	if (!xml_child(child, NS_RETRACT, "retract"))
		return iq_error(j, COND_FEATURE_NOT_IMPLEMENTED, "messages can be retracted");
	if (!archive_id_read(&room->home, xml_get(child, "id"), &m->id))
		return iq_error(j, COND_ITEM_NOT_FOUND, "no message has that id");
	m->nick = arena_text(j->arena, o->nick);
	m->occupant = arena_text(j->arena, o->id);
	m->who = jid_copy(j->arena, v->full);
	if (reason)
		m->reason = arena_str(j->arena, utf8_cut(xml_text_of(j->arena, reason), 1000));
	arena_keep(j->arena, drop, m);
	j->state = m;
	ask = archive_get(j->arena, &room->home, m->id);
	return job_query_all(j, fetched, &ask, 1);
}

static struct step
fetched(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct moderation *m = j->state;
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct archive_row row;
	struct xml *x;

	if (j->rows->count == 0 || !archive_read(j->arena, &room->home, j->rows, 0, &row))
		return iq_error(j, COND_ITEM_NOT_FOUND, "no message has that id");
	s = archive_row_stanza(&row);
	if (!s || !room->exists)
		return iq_error(j, COND_ITEM_NOT_FOUND, "no message has that id");
	x = xml_new(j->arena, NS_RETRACT, "retracted");
	xml_adopt(x, moderated_by(j->arena, room, m));
	add_reason(j->arena, x, m->reason);
	m->tombstone = tombstone_of(s, j->arena, x);
	m->flags = (row.flags | ARCHIVE_RETRACTED) & ~(unsigned)ARCHIVE_COUNTS;
	return room_enter(j, write_it);
}

static struct step
write_it(struct job *j)
{
	struct room *room = room_of(j->home);
	struct moderation *m = j->state;
	AUTO(asks_fini) struct asks asks = ASKS_NONE;

	if (!room->exists)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such room");
	m->what.id = home_next_id(&room->home);
	m->what.at = clock_wall();
	m->what.speaker = m->who;
	m->what.message = announcement(room, m, m->what.id);
	archive_replace(&room->home, &asks, m->id, m->flags, m->tombstone);
	room_archive(room, &m->what, &asks);
	return room_write(j, moderated, asks.list, asks.count);
}

static struct step
moderated(struct job *j)
{
	struct room *room = room_of(j->home);
	const struct moderation *m = j->state;

	history_forget(room, m->id);
	room_send_all(room, m->what.message);
	room_event(room, EVENT_MESSAGES, m->what.message);
	return iq_result(j, NULL);
}

/* ---- By its author ------------------------------------------------------------------------------------------ */

void
room_retract(struct room *room, const struct saying *what)
{
	const char *id = xml_get(stanza_child(what->message, NS_RETRACT, "retract"), "id");
	struct arena *a;
	struct moderation *m;
	int64_t row;

	if (!id || !archive_id_read(&room->home, id, &row))
		return;
	a = arena_new(0);
	m = ARENA_NEW(a, struct moderation);
	m->id = row;
	m->who = jid_copy(a, jid_bare(what->speaker));
	arena_keep(a, drop, m);
	job_start_at(&room->home, what->message, &a, m, author_look);
}

struct step
author_look(struct job *j)
{
	const struct moderation *m = j->state;
	struct ask ask = archive_get(j->arena, j->home, m->id);

	return job_query_all(j, author_fetched, &ask, 1);
}

static bool
is_author(const struct stanza *s, struct jid who)
{
	const struct xml *x = stanza_child(s, NS_MUC_USER, "x");
	const char *jid = xml_get(xml_child(x, NS_MUC_USER, "item"), "jid");
	struct str bare = jid ? str_of(jid) : STR_NONE;

	if (!jid)
		return false;
	bare = str_cut(&bare, '/');
	return str_eq(bare, jid_bare_str(who));
}

static struct step
author_fetched(struct job *j)
{
	struct moderation *m = j->state;
	AUTO(stanza_unref) const struct stanza *s = NULL;
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct archive_row row;
	struct xml *x;

	if (j->rows->count == 0 || !archive_read(j->arena, j->home, j->rows, 0, &row))
		return job_done(j);
	s = archive_row_stanza(&row);
	if (!s || !is_author(s, m->who) || (row.flags & ARCHIVE_RETRACTED))
		return job_done(j);
	x = xml_new(j->arena, NS_RETRACT, "retracted");
	xml_attr(j->arena, x, "id", j->stanza->id);
	m->tombstone = tombstone_of(s, j->arena, x);
	archive_replace(j->home, &asks, m->id,
		(row.flags | ARCHIVE_RETRACTED) & ~(unsigned)ARCHIVE_COUNTS, m->tombstone);
	return job_query_all(j, buried, asks.list, asks.count);
}

static struct step
buried(struct job *j)
{
	const struct moderation *m = j->state;

	history_forget(room_of(j->home), m->id);
	return job_done(j);
}
