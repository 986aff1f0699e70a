/*
 * role.c -- roles that last over visits (XEP-0045 5.1).
 *
 * In a moderated room the role that somebody is given there is kept with the bare address: who was
 * muted stays so, and who was given voice need not ask again.  A kick takes back what was given and
 * not what was taken; whoever decides on somebody's affiliation decides on the role, too.  While the
 * room is not moderated, what is kept rests.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

/* That a room keeps; more, and the oldest is forgotten. */
#define KEPT_MAX 1000

struct kept {
	struct hash_node node; /* room->kept, by jid */
	struct list link; /* room->kept_order, oldest first */
	char *jid; /* bare */
	enum role role;
};

static struct kept *
find(const struct room *room, struct str jid)
{
	struct hash_node *n = hash_find(&room->kept, jid);

	return n ? CONTAINER(n, struct kept, node) : NULL;
}

static void
drop(struct room *room, struct kept *k)
{
	hash_remove(&room->kept, &k->node);
	list_remove(&k->link);
	mem_free(&k->jid);
	mem_free(&k);
}

void
roles_drop(struct room *room)
{
	list_for_each(k, &room->kept_order, struct kept, link) drop(room, k);
}

enum role
room_role(const struct room *room, struct jid who, enum affiliation a)
{
	bool lasts = room->config->moderatedroom && (a == AFF_NONE || a == AFF_MEMBER);
	const struct kept *k = lasts ? find(room, jid_bare_str(who)) : NULL;

	return k ? k->role : role_on_entry(room->config, a);
}

/* ---- In memory ---------------------------------------------------------------------------- */

static void
set(struct room *room, struct str jid, enum role role)
{
	struct kept *k = find(room, jid);

	if (k) {
		list_remove(&k->link);
	} else {
		k = MEM_NEW(struct kept);
		k->jid = mem_copy_str(jid);
		hash_add(&room->kept, &k->node, str_of(k->jid));
	}
	k->role = role;
	list_append(&room->kept_order, &k->link);
}

static void
forget_oldest(struct room *room)
{
	struct kept *oldest;
	struct ask ask;

	while (room->kept.count > KEPT_MAX) {
		oldest = list_first(&room->kept_order, struct kept, link);
		ask = (struct ask){ &room_queries[ROLE_FORGET],
			ARGS(of_jid(room->home.jid), of_text(oldest->jid), of_int(ROLE_NONE)) };
		store_ask(room->home.worker, room_key(room), &ask, 1, NULL, NULL);
		drop(room, oldest);
	}
}

void
roles_take(struct room *room, const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		int64_t role = row_int(rows, i, 1);

		if (role > ROLE_NONE && role < ROLE_COUNT)
			set(room, row_str(rows, i, 0), (enum role)role);
	}
}

void
role_forget(struct room *room, struct str jid, enum role above)
{
	struct kept *k = find(room, jid);

	if (k && k->role > above)
		drop(room, k);
}

/* A role of o is worth remembering. */
static bool
lasts(const struct room *room, const struct occupant *o)
{
	return room->config->moderatedroom && o->affiliation < AFF_ADMIN;
}

void
role_keep(struct room *room, const struct occupant *o, enum role role)
{
	if (!lasts(room, o))
		return;
	if (role == ROLE_NONE) {
		role_forget(room, jid_full(o->bare), ROLE_VISITOR);
		return;
	}
	set(room, jid_full(o->bare), role);
	forget_oldest(room);
}

/* ---- In the store ------------------------------------------------------------------------------ */

static struct ask
forget_ask(const struct room *room, struct arena *a, struct jid who, enum role above)
{
	return room_ask(a, ROLE_FORGET, ARGS(of_jid(room->home.jid), of_jid(who), of_int(above)));
}

size_t
role_asks(const struct room *room, struct arena *a, struct ask *out,
	const struct affiliation_change *c)
{
	const struct occupant *o = c->is_role ? occupant_find(room, str_of(c->nick)) : NULL;

	if (!c->is_role) {
		/* Another item of the same request may be writing one that memory does not have yet. */
		if (c->keeps_role || (room->kept.count == 0 && !room->config->moderatedroom))
			return 0;
		out[0] = forget_ask(room, a, c->who, ROLE_NONE);
		return 1;
	}
	if (!o || !lasts(room, o))
		return 0;
	if (c->role == ROLE_NONE)
		out[0] = forget_ask(room, a, o->bare, ROLE_VISITOR);
	else
		out[0] = room_ask(a, ROLE_PUT,
			ARGS(of_jid(room->home.jid), of_jid(o->bare), of_int(c->role),
				of_int(clock_wall())));
	return 1;
}
