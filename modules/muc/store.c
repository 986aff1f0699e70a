/*
 * store.c -- a room's rows.
 *
 * One request loads a room.  Each change is one request that has all its statements; memory follows
 * when it is committed.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <stdio.h>

#define MEMBERS                                                                                    \
	" (SELECT COUNT(*) FROM muc_affiliation WHERE owner = muc_room.owner AND affiliation > 1)"

#define FOUND                                                                                      \
	"SELECT owner, title, description, members, open FROM muc_room WHERE service = ? AND "     \
	"listed = 1 AND members >= ? AND ((? <> 0 AND title LIKE ? ESCAPE '!') OR "                \
	"(? <> 0 AND description LIKE ? ESCAPE '!') OR (? <> 0 AND owner LIKE ? ESCAPE '!')) AND "
#define MATCHES(column) "CONVERT(" column " USING utf8mb4) LIKE CONVERT(? USING utf8mb4) ESCAPE '!'"
#define FOUND_MARIADB(index)                                                                       \
	"SELECT owner, title, description, members, open FROM muc_room" index                      \
	" WHERE service = ? AND listed = 1 AND members >= ? AND ((? <> 0 AND " MATCHES(            \
		"title") ") OR (? <> 0 AND " MATCHES("description") ") OR (? <> 0 AND " MATCHES("owner") ")) AND "

/* In pages of the primary key, not by sorting all rooms of the service for each page. */
#define BY_OWNER " WHERE +service = ? AND owner > ?"
#define BY_OWNER_MARIADB " FORCE INDEX (PRIMARY) WHERE service = ? AND owner > ?"
#define UNSAID                                                                                     \
	" AND NOT EXISTS (SELECT 1 FROM home_number AS n JOIN archive AS a"                        \
	" ON a.owner = n.number WHERE n.owner = muc_room.owner)"

const struct query room_queries[] = {
	[ROOM_LOAD] = { "muc_load",
		"SELECT created, used, secret, options, version, version_floor, subject, "
		"subject_at, hats, avatar FROM muc_room WHERE owner = ?",
		NULL },
	[ROOM_LOAD_AFFILIATIONS] = { "muc_load_affiliations",
		"SELECT jid, affiliation, nick, reason, version, events FROM muc_affiliation "
		"WHERE owner = ?",
		NULL },
	[ROOM_LOAD_OCCUPANTS] = { "muc_load_occupants",
		"SELECT jid, nick, role, presence FROM muc_occupant WHERE owner = ?", NULL },
	[ROOM_LOAD_ROLES] = { "muc_load_roles",
		"SELECT jid, role FROM muc_role WHERE owner = ? ORDER BY at", NULL },
	[ROOM_PUT] = { "muc_put",
		"REPLACE INTO muc_room (owner, service, created, used, secret, persistent, listed, "
		"open, title, description, options, members) VALUES "
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		NULL },
	[ROOM_SET_CONFIG] = { "muc_set_config",
		"UPDATE muc_room SET persistent = ?, listed = ?, open = ?, title = ?, "
		"description = ?, options = ? WHERE owner = ?",
		NULL },
	[ROOM_SET_SUBJECT] = { "muc_set_subject",
		"UPDATE muc_room SET subject = ?, subject_at = ? WHERE owner = ?", NULL },
	[ROOM_SET_HATS] = { "muc_set_hats", "UPDATE muc_room SET hats = ? WHERE owner = ?", NULL },
	[ROOM_SET_VCARD] = { "muc_set_vcard",
		"UPDATE muc_room SET vcard = ?, avatar = ? WHERE owner = ?", NULL },
	[ROOM_GET_VCARD] = { "muc_get_vcard", "SELECT vcard FROM muc_room WHERE owner = ?", NULL },
	[ROOM_SET_USED] = { "muc_set_used", "UPDATE muc_room SET used = ? WHERE owner = ?", NULL },
	[ROOM_DELETE] = { "muc_delete", "DELETE FROM muc_room WHERE owner = ?", NULL },
	[ROOM_DELETE_AFFILIATIONS] = { "muc_delete_affiliations",
		"DELETE FROM muc_affiliation WHERE owner = ?", NULL },
	[ROOM_DELETE_MEMBER] = { "muc_delete_member",
		"DELETE FROM muc_member WHERE owner = ? AND room = ?", NULL },
	[ROOM_DELETE_OCCUPANTS] = { "muc_delete_occupants",
		"DELETE FROM muc_occupant WHERE owner = ?", NULL },
	[ROOM_DELETE_ROLES] = { "muc_delete_roles", "DELETE FROM muc_role WHERE owner = ?", NULL },
	[ROOM_PUT_OCCUPANT] = { "muc_put_occupant",
		"REPLACE INTO muc_occupant (owner, jid, nick, role, presence) VALUES "
		"(?, ?, ?, ?, ?)",
		NULL },
	[AFFILIATION_PUT] = { "muc_put_affiliation",
		"REPLACE INTO muc_affiliation (owner, jid, affiliation, nick, reason, version, events) "
		"VALUES (?, ?, ?, ?, ?, ?, ?)",
		NULL },
	[AFFILIATION_VERSION] = { "muc_affiliation_version",
		"UPDATE muc_room SET version = ?, members =" MEMBERS " WHERE owner = ?", NULL },
	[MEMBER_PUT] = { "muc_put_member",
		"INSERT INTO muc_member (owner, room, affiliation, nick, since, events)"
		" VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (owner, room) DO UPDATE SET affiliation = excluded.affiliation,"
		" nick = excluded.nick, events = excluded.events",
		"INSERT INTO muc_member (owner, room, affiliation, nick, since, events)"
		" VALUES (?, ?, ?, ?, ?, ?)"
		" ON DUPLICATE KEY UPDATE affiliation = VALUES(affiliation), nick = VALUES(nick),"
		" events = VALUES(events)" },
	[MEMBER_ROOMS] = { "muc_member_rooms",
		"SELECT m.room, n.number, m.since FROM muc_member AS m JOIN home_number AS n"
		" ON n.owner = m.room WHERE m.owner = ?",
		NULL },
	[MEMBER_LIST] = { "muc_member_list",
		"SELECT room, affiliation, nick, events FROM muc_member WHERE owner = ? ORDER BY room",
		NULL },
	[ACCOUNT_LEAVES] = { "muc_account_leaves",
		"DELETE FROM muc_affiliation WHERE jid = ? AND affiliation > 0 AND owner IN "
		"(SELECT room FROM muc_member WHERE owner = ?)",
		/* Which would look through the affiliations of all rooms. */
		"DELETE a FROM muc_affiliation AS a JOIN muc_member AS m ON a.owner = m.room "
		"WHERE a.jid = ? AND a.affiliation > 0 AND m.owner = ?" },
	[ACCOUNT_FORGETS] = { "muc_account_forgets", "DELETE FROM muc_member WHERE owner = ?",
		NULL },
	/* Who was muted is not heard again by another account of that name; nor is anybody heard
	 * because of what the last one was given. */
	[ACCOUNT_FORGETS_ROLES] = { "muc_account_forgets_roles",
		"DELETE FROM muc_role WHERE jid = ? AND role > ?", NULL },
	[ROLE_PUT] = { "muc_put_role",
		"REPLACE INTO muc_role (owner, jid, role, at) VALUES (?, ?, ?, ?)", NULL },
	[ROLE_FORGET] = { "muc_forget_role",
		"DELETE FROM muc_role WHERE owner = ? AND jid = ? AND role > ?", NULL },
	[ROOM_LIST_PUBLIC] = { "muc_list_public",
		"SELECT owner, title FROM muc_room WHERE service = ? AND listed = 1 AND owner > ? "
		"ORDER BY owner LIMIT ?",
		"SELECT owner, title FROM muc_room" BY_OWNER_MARIADB " AND listed = 1 "
		"ORDER BY owner LIMIT ?" },
	[ROOM_LIST_ALL] = { "muc_list",
		"SELECT owner, title, listed, used FROM muc_room" BY_OWNER
		" ORDER BY owner LIMIT ?",
		"SELECT owner, title, listed, used FROM muc_room" BY_OWNER_MARIADB
		" ORDER BY owner LIMIT ?" },
	[ROOM_COUNT_OWNED] = { "muc_count_owned",
		"SELECT COUNT(*) FROM muc_member WHERE owner = ? AND affiliation = ?", NULL },
	[ROOM_SEARCH] = { "muc_search", FOUND "owner > ? ORDER BY owner LIMIT ?",
		FOUND_MARIADB(" FORCE INDEX (PRIMARY)") "owner > ? ORDER BY owner LIMIT ?" },
	[ROOM_SEARCH_BY_USERS] = { "muc_search_by_users",
		FOUND "1 = 1 ORDER BY members DESC, owner LIMIT ? OFFSET ?",
		FOUND_MARIADB("") "1 = 1 ORDER BY members DESC, owner LIMIT ? OFFSET ?" },
	[ROOM_UNUSED] = { "muc_unused",
		"SELECT owner FROM muc_room" BY_OWNER " AND used < ? ORDER BY owner LIMIT ?",
		"SELECT owner FROM muc_room" BY_OWNER_MARIADB
		" AND used < ? ORDER BY owner LIMIT ?" },
	[ROOM_EMPTY] = { "muc_empty",
		"SELECT owner FROM muc_room" BY_OWNER UNSAID " ORDER BY owner LIMIT ?",
		"SELECT owner FROM muc_room" BY_OWNER_MARIADB UNSAID " ORDER BY owner LIMIT ?" },
	END_QUERIES,
};

/* ---- Load ----------------------------------------------------------------------------- */

static void
take_affiliations(struct room *room, const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		int64_t a = row_int(rows, i, 1);
		const char *nick = row_str(rows, i, 2).p, *reason = row_str(rows, i, 3).p;

		if (a < AFF_OUTCAST || a >= AFF_COUNT)
			continue;
		affiliate_set(room, row_str(rows, i, 0), (enum affiliation)a, nick, reason,
			row_int(rows, i, 4));
		affiliate_subscribe(room, affiliate_find(room, row_str(rows, i, 0)),
			(unsigned)row_int(rows, i, 5));
	}
}

void
room_take(struct room *room, const struct rows *const *rows)
{
	const struct rows *r = rows[ROOM_LOAD];
	struct arena *a = arena_new(1024);
	struct room_config *c = ARENA_NEW(a, struct room_config);
	struct str subject;

	room->exists = true;
	room->created = row_int(r, 0, 0);
	room->used = row_int(r, 0, 1);
	snprintf(room->secret, sizeof(room->secret), "%.*s", STR_ARG(row_str(r, 0, 2)));
	config_restore(c, a, row_str(r, 0, 3));
	room_set_config(room, &a, c);
	room->version = row_int(r, 0, 4);
	room->version_floor = row_int(r, 0, 5);
	subject = row_str(r, 0, 6);
	room->subject = subject.n > 0 ? stanza_read(subject) : NULL;
	room->subject_at = row_int(r, 0, 7);
	hats_restore(room, row_str(r, 0, 8));
	if (row_str(r, 0, 9).n > 0)
		room->avatar = mem_copy_str(row_str(r, 0, 9));
	take_affiliations(room, rows[ROOM_LOAD_AFFILIATIONS]);
	roles_take(room, rows[ROOM_LOAD_ROLES]);
}

/* ---- Write ---------------------------------------------------------------------------- */

static struct value
text_or_empty(const char *text)
{
	return of_text(text ? text : "");
}

static struct ask
ask_of(struct arena *a, enum room_query q, const struct value *args, size_t count)
{
	struct value *copy = ARENA_ARRAY(a, struct value, count);

	for (size_t i = 0; i < count; i++)
		copy[i] = args[i];
	return (struct ask){ &room_queries[q], copy, count };
}

static struct str
options_of(struct arena *a, const struct room_config *c)
{
	struct buf b = BUF_INIT;
	struct str text;

	config_store(c, &b);
	text = (struct str){ arena_str(a, buf_str(&b)), buf_len(&b) };
	buf_fini(&b);
	return text;
}

struct ask
room_ask(struct arena *a, enum room_query q, const struct value *args, size_t count)
{
	return ask_of(a, q, args, count);
}

struct ask
room_put_ask(const struct room *room, struct arena *a, const struct room_config *c)
{
	return ask_of(a, ROOM_PUT,
		ARGS(of_jid(room->home.jid), of_str(jid_domain(room->home.jid)),
			of_int(room->created), of_int(clock_wall()), of_text(room->secret),
			of_int(c->persistentroom), of_int(c->publicroom),
			of_int(!c->membersonly && !c->passwordprotectedroom),
			text_or_empty(c->roomname), text_or_empty(c->roomdesc),
			of_str(options_of(a, c)), of_int(1)));
}

struct ask
room_config_ask(const struct room *room, struct arena *a, const struct room_config *c)
{
	return ask_of(a, ROOM_SET_CONFIG,
		ARGS(of_int(c->persistentroom), of_int(c->publicroom),
			of_int(!c->membersonly && !c->passwordprotectedroom),
			text_or_empty(c->roomname), text_or_empty(c->roomdesc),
			of_str(options_of(a, c)), of_jid(room->home.jid)));
}

static void
drop_asks(void *asks)
{
	asks_fini(asks);
}

/* What becomes of the archive; returns how many. */
static size_t
archive_asks(struct room *room, struct arena *a, struct ask *out)
{
	struct asks *asks = ARENA_NEW(a, struct asks);
	const struct muc_options *o = room_options(room);

	arena_keep(a, drop_asks, asks);
	if (!o || o->keep_destroyed)
		archive_retire(&room->home, asks);
	else
		archive_delete(&room->home, asks);
	for (size_t i = 0; i < asks->count; i++)
		out[i] = asks->list[i];
	return asks->count;
}

size_t
room_delete_asks(struct room *room, struct arena *a, struct ask **out)
{
	struct value owner = of_jid(room->home.jid);
	struct ask *asks = ARENA_ARRAY(a, struct ask, room->affiliates.count + 6);
	size_t n = archive_asks(room, a, asks);

	asks[n++] = ask_of(a, ROOM_DELETE, &owner, 1);
	asks[n++] = ask_of(a, ROOM_DELETE_AFFILIATIONS, &owner, 1);
	asks[n++] = ask_of(a, ROOM_DELETE_OCCUPANTS, &owner, 1);
	asks[n++] = ask_of(a, ROOM_DELETE_ROLES, &owner, 1);
	for_each_affiliate(node, room)
	{
		const struct affiliate *one = CONTAINER(node, struct affiliate, node);

		if (one->affiliation >= AFF_MEMBER || one->nick)
			asks[n++] = ask_of(a, ROOM_DELETE_MEMBER, ARGS(of_text(one->jid), owner));
	}
	*out = asks;
	return n;
}

size_t
affiliate_asks(struct room *room, struct arena *a, struct ask *asks,
	const struct affiliation_change *c, int64_t version)
{
	struct value owner = of_jid(room->home.jid), jid = of_jid(c->who),
		     nick = text_or_empty(c->nick), events;
	const struct affiliate *was = affiliate_find(room, jid_full(c->who));
	size_t n = 0;

	events = of_int(c->sets_events ? c->events : was && c->to >= AFF_MEMBER ? was->events : 0);
	asks[n++] = ask_of(a, AFFILIATION_PUT,
		ARGS(owner, jid, of_int(c->to), nick, text_or_empty(c->reason), of_int(version),
			events));
	if (c->to >= AFF_MEMBER)
		asks[n++] = ask_of(a, MEMBER_PUT,
			ARGS(jid, owner, of_int(c->to), nick, of_int(home_next_id(&room->home)),
				events));
	else if (c->who.local > 0)
		asks[n++] = ask_of(a, ROOM_DELETE_MEMBER, ARGS(jid, owner));
	return n;
}
