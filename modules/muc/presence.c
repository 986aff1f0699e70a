/*
 * presence.c -- who is told of whom, and what (XEP-0045 7.2, 7.6, 7.7, 7.14).
 *
 * Presence of an occupant is made at most three times for a change: for those who see real
 * addresses, for the others, and for the occupant's own devices, with the status codes that are
 * meant for them.  The first two are kept until something about the occupant changes, so that who
 * enters later costs envelopes only.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Most of what a device hears when it enters, beside others' presence and history. */
#define ENTER_EXTRA 4

struct jid
room_jid(struct arena *a, const struct room *room, const char *nick)
{
	return jid_with_resource(a, room->home.jid, str_of(nick));
}

bool
sees_jids(const struct room *room, const struct occupant *viewer)
{
	return room->config->whois == WHOIS_ANYONE || viewer->role == ROLE_MODERATOR;
}

bool
is_logged(const struct room_config *c)
{
	return c->enablearchiving && !c->membersonly && !c->passwordprotectedroom;
}

/* ---- Pieces ------------------------------------------------------------------------------- */

struct xml *
user_x(struct arena *a)
{
	return xml_new(a, NS_MUC_USER, "x");
}

void
user_status(struct arena *a, struct xml *x, unsigned code)
{
	xml_attrf(a, xml_add(a, x, NS_MUC_USER, "status"), "code", "%u", code);
}

static void
statuses(struct arena *a, struct xml *x, const unsigned *codes)
{
	for (; codes && *codes; codes++)
		user_status(a, x, *codes);
}

void
mav_add(const struct room *room, struct arena *a, struct xml *x)
{
	struct xml *mav;

	if (!room->told_since)
		return;
	mav = xml_add(a, x, NS_MAV, "mav");
	xml_attrf(a, mav, "since", "%" PRIx64, room->told_since);
	xml_attrf(a, mav, "until", "%" PRIx64, room->version);
}

struct xml *
occupant_id(struct arena *a, const char *id)
{
	struct xml *x = xml_new(a, NS_OCCUPANT_ID, "occupant-id");

	xml_attr(a, x, "id", id);
	return x;
}

bool
is_of_room(const struct xml *child, void *room)
{
	const struct room *r = room;

	if (xml_is(child, NS_DELAY, "delay"))
		return str_eq(str_of(xml_get(child, "from")), jid_full(r->home.jid));
	if (xml_is(child, NS_SID, "stanza-id"))
		return str_eq(str_of(xml_get(child, "by")), jid_full(r->home.jid));
	return xml_is(child, NS_MUC, NULL) || xml_is(child, NS_MUC_USER, NULL) ||
	       xml_is(child, NS_OCCUPANT_ID, NULL) || xml_is(child, NS_HATS, NULL) ||
	       xml_is(child, NS_MAV, NULL);
}

/* ---- Presence of one ---------------------------------------------------------------------------- */

struct showing {
	bool with_jid;
	enum affiliation affiliation;
	enum role role;
	const char *nick; /* a new one; or NULL */
	const char *reason, *actor;
	const unsigned *codes, *more_codes;
	bool self; /* 110 */
	const char *until; /* XEP-0463: the version; or NULL */
};

static void
add_item(struct arena *a, struct xml *x, const struct visit *v, const struct showing *how)
{
	struct xml *item = xml_add(a, x, NS_MUC_USER, "item");

	xml_attr(a, item, "affiliation", affiliation_name(how->affiliation));
	xml_attr(a, item, "role", role_name(how->role));
	if (how->with_jid)
		xml_attr(a, item, "jid", jid_text(a, v->full));
	xml_attr(a, item, "nick", how->nick);
	if (how->actor)
		xml_attr(a, xml_add(a, item, NS_MUC_USER, "actor"), "nick", how->actor);
	if (how->reason)
		xml_add_text(a, item, NS_MUC_USER, "reason", how->reason);
}

/* base as the room shows it of the device v. */
static const struct stanza *
make(const struct room *room, const struct visit *v, const struct stanza *base,
	const struct showing *how)
{
	const struct occupant *o = v->occupant;
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct xml *all = xml_new(a, NS_CLIENT, "all"), *x = user_x(a), *hats;

	xml_adopt(all, x);
	if (how->until)
		xml_attr(a, xml_add(a, x, NS_MAV, "mav"), "until", how->until);
	else
		mav_add(room, a, x);
	add_item(a, x, v, how);
	statuses(a, x, how->codes);
	statuses(a, x, how->more_codes);
	if (how->self)
		user_status(a, x, 110);
	xml_adopt(all, occupant_id(a, o->id));
	hats = base->type == PRESENCE_AVAILABLE ? hats_of(room, a, o->bare) : NULL;
	if (hats)
		xml_adopt(all, hats);
	return stanza_remake(base, room_jid(a, room, o->nick), JID_NONE, is_of_room,
		(void *)(uintptr_t)room, all->first);
}

void
presence_forget(struct occupant *o)
{
	stanza_unref(&o->shown[false]);
	stanza_unref(&o->shown[true]);
}

/* As everybody, or everybody who sees addresses, sees it now. */
static const struct stanza *
shown(const struct room *room, struct occupant *o, bool with_jid)
{
	const struct visit *v = occupant_visit(o);

	if (!o->shown[with_jid])
		o->shown[with_jid] = make(room, v, v->presence,
			&(const struct showing){ .with_jid = with_jid,
				.affiliation = o->affiliation,
				.role = o->role });
	return o->shown[with_jid];
}

/* ---- To whom ------------------------------------------------------------------------------------- */

struct audience {
	struct jid *to;
	size_t count;
};

/* The devices of others: those who see addresses, or those who do not. */
static struct audience
others(const struct room *room, const struct occupant *but, bool seers, struct arena *a)
{
	struct audience all = { ARENA_ARRAY(a, struct jid, room->visits.count + 1), 0 };

	for_each_occupant(o, room)
	{
		if (o == but || sees_jids(room, o) != seers)
			continue;
		for_each_visit(v, o) all.to[all.count++] = v->full;
	}
	return all;
}

/* o's devices; only that one, if it is named; not that one. */
static struct audience
devices(const struct occupant *o, const struct visit *only, const struct visit *but,
	struct arena *a)
{
	struct audience all = { NULL, 0 };

	for_each_visit(v, o) all.count++;
	all.to = ARENA_ARRAY(a, struct jid, all.count + 1);
	all.count = 0;
	for_each_visit(v, o)
	{
		if ((!only || v == only) && v != but)
			all.to[all.count++] = v->full;
	}
	return all;
}

static void
send_to(const struct room *room, const struct stanza *s, struct audience all)
{
	route_many(room->home.worker, s, all.to, all.count);
}

void
room_send_all(struct room *room, const struct stanza *s)
{
	AUTO(arena_free) struct arena *a = arena_new(room->visits.count * sizeof(struct jid) + 128);
	struct audience all = { ARENA_ARRAY(a, struct jid, room->visits.count + 1), 0 };

	for_each_occupant(o, room)
	{
		for_each_visit(v, o) all.to[all.count++] = v->full;
	}
	send_to(room, s, all);
}

void
room_send_seers(struct room *room, const struct stanza *s)
{
	AUTO(arena_free) struct arena *a = arena_new(0);

	send_to(room, s, others(room, NULL, true, a));
}

void
room_send_occupant(struct room *room, const struct occupant *o, const struct stanza *s)
{
	AUTO(arena_free) struct arena *a = arena_new(0);

	send_to(room, s, devices(o, NULL, NULL, a));
}

/* ---- Changes ----------------------------------------------------------------------------------------- */

static bool
is_shown(const struct room *room, const struct occupant *o)
{
	return may(room->config, MAY_SHOW_PRESENCE, o->role, o->affiliation);
}

static void
broadcast_to(struct room *room, struct occupant *o, bool seers, const char *reason,
	const char *actor, struct arena *a)
{
	const struct visit *v = occupant_visit(o);
	struct audience all = others(room, o, seers, a);
	const struct stanza *told;

	if (all.count == 0)
		return;
	if (!reason && !actor && !room->told_since) {
		send_to(room, shown(room, o, seers), all);
		return;
	}
	told = make(room, v, v->presence,
		&(const struct showing){ .with_jid = seers,
			.affiliation = o->affiliation,
			.role = o->role,
			.reason = reason,
			.actor = actor });
	send_to(room, told, all);
	stanza_unref(&told);
}

void
presence_broadcast(struct room *room, struct occupant *o, const struct visit *knows,
	const char *reason, const char *actor)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	const struct visit *v = occupant_visit(o);
	AUTO(stanza_unref)
	const struct stanza *own = make(room, v, v->presence,
		&(const struct showing){ .with_jid = true,
			.affiliation = o->affiliation,
			.role = o->role,
			.reason = reason,
			.actor = actor,
			.self = true });

	presence_forget(o);
	send_to(room, own, devices(o, NULL, knows, a));
	if (!is_shown(room, o))
		return;
	broadcast_to(room, o, true, reason, actor, a);
	broadcast_to(room, o, false, reason, actor, a);
	if (room->subscribers > 0)
		room_event(
			room, EVENT_PRESENCE, shown(room, o, room->config->whois == WHOIS_ANYONE));
}

void
presence_gone(struct room *room, struct occupant *o, struct visit *v, const struct removal *why,
	const char *new_nick, bool to_others)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	AUTO(stanza_unref)
	const struct stanza *base =
		why->presence ? stanza_ref(why->presence)
			      : stanza_new(NULL, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, JID_NONE,
					JID_NONE, NULL, NULL);
	const struct visit *of = v ? v : occupant_visit(o);
	struct showing how = { .with_jid = true,
		.affiliation = why->shown ? why->affiliation : o->affiliation,
		.role = new_nick ? o->role : ROLE_NONE,
		.nick = new_nick,
		.reason = why->reason,
		.actor = why->actor_nick,
		.codes = why->codes,
		.self = true };
	const struct stanza *s = make(room, of, base, &how);

	send_to(room, s, devices(o, v, NULL, a));
	stanza_unref(&s);
	if (!to_others || !is_shown(room, o))
		return;
	how.self = false;
	for (unsigned seers = 0; seers < 2; seers++) {
		struct audience all = others(room, o, seers != 0, a);

		if (all.count == 0)
			continue;
		how.with_jid = seers != 0;
		s = make(room, of, base, &how);
		send_to(room, s, all);
		stanza_unref(&s);
	}
	if (room->subscribers == 0)
		return;
	how.with_jid = room->config->whois == WHOIS_ANYONE;
	s = make(room, of, base, &how);
	room_event(room, EVENT_PRESENCE, s);
	if (!new_nick)
		room_event(room, EVENT_PARTICIPANTS, s);
	stanza_unref(&s);
}

void
presence_came(struct room *room, struct occupant *o)
{
	if (room->subscribers > 0 && is_shown(room, o))
		room_event(room, EVENT_PARTICIPANTS,
			shown(room, o, room->config->whois == WHOIS_ANYONE));
}

/* ---- Entering ------------------------------------------------------------------------------------------ */

struct series {
	const struct stanza **list;
	size_t count;
	const struct stanza *own[ENTER_EXTRA]; /* to be dropped */
	size_t own_count;
};

static void
put_own(struct series *all, const struct stanza *s)
{
	assert(all->own_count < ENTER_EXTRA);
	all->own[all->own_count++] = s;
	all->list[all->count++] = s;
}

/* XEP-0463 5.1: what changed since the version that the client knows.  Nothing if it is current. */
static void
put_affiliations(struct room *room, struct visit *v, const struct xml *join, struct series *all)
{
	const struct xml *mav = xml_child(join, NS_MAV, "mav");
	const char *since = mav ? xml_get(mav, "since") : NULL;
	int64_t known = since ? (int64_t)strtoull(since, NULL, 16) : 0;
	const struct occupant *o = v->occupant;
	struct arena *a;
	struct xml *x, *out;

	if (!mav || known == room->version)
		return;
	a = arena_new(0);
	if (!may(room->config, MAY_LIST_MEMBERS, o->role, o->affiliation)) {
		x = xml_new(a, NS_CLIENT, "error");
		xml_attr(a, x, "type", "auth");
		xml_attr(a, x, "by", jid_text(a, room->home.jid));
		xml_add(a, x, NS_STANZA_ERRORS, "forbidden");
		put_own(all, stanza_new(&a, STANZA_MESSAGE, MESSAGE_ERROR, room->home.jid, JID_NONE,
				     NULL, x));
		return;
	}
	if (known < room->version_floor || known > room->version)
		known = 0;
	x = user_x(a);
	out = xml_add(a, x, NS_MAV, "mav");
	if (known > 0)
		xml_attr(a, out, "since", since);
	xml_attrf(a, out, "until", "%" PRIx64, room->version);
	changes_since(room, a, x, known);
	put_own(all,
		stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, JID_NONE, NULL, x));
}

static void
put_others(struct room *room, struct visit *v, struct series *all)
{
	bool seer = sees_jids(room, v->occupant);

	for_each_occupant(o, room)
	{
		if (o != v->occupant && is_shown(room, o))
			all->list[all->count++] = shown(room, o, seer);
	}
}

static void
put_self(struct room *room, struct visit *v, const struct xml *join, const unsigned *codes,
	struct series *all)
{
	const struct room_config *c = room->config;
	unsigned of_room[3] = { 0 }, n = 0;
	char until[24];

	if (c->whois == WHOIS_ANYONE)
		of_room[n++] = 100;
	if (is_logged(c))
		of_room[n++] = 170;
	snprintf(until, sizeof(until), "%" PRIx64, room->version);
	put_own(all, make(room, v, v->presence,
			     &(const struct showing){ .with_jid = true,
				     .affiliation = v->occupant->affiliation,
				     .role = v->occupant->role,
				     .codes = of_room,
				     .more_codes = codes,
				     .until = xml_child(join, NS_MAV, "mav") ? until : NULL,
				     .self = true }));
}

void
presence_enter(struct room *room, struct visit *v, const struct xml *join, const unsigned *codes)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	const struct stanza **history;
	size_t count = history_for(room, a, join, &history);
	struct series all = { ARENA_ARRAY(a, const struct stanza *,
				      room->occupants.count + count + ENTER_EXTRA),
		0, { NULL }, 0 };

	put_affiliations(room, v, join, &all);
	put_others(room, v, &all);
	put_self(room, v, join, codes, &all);
	for (size_t i = 0; i < count; i++)
		all.list[all.count++] = history[i];
	put_own(&all, subject_for(room));
	if (room->avatar)
		put_own(&all, room_avatar_shown(room));
	route_series(room->home.worker, all.list, all.count, v->full);
	for (size_t i = 0; i < all.own_count; i++)
		stanza_unref(&all.own[i]);
}

void
presence_unsynced(struct room *room, const struct stanza *s)
{
	static const unsigned codes[] = { 110, 307, 333, 0 };
	struct arena *a = arena_new(0);
	struct xml *all = xml_new(a, NS_CLIENT, "all"), *x = user_x(a),
		   *item = xml_add(a, x, NS_MUC_USER, "item");
	char id[OCCUPANT_ID_SIZE];
	const struct stanza *out;

	xml_adopt(all, x);
	xml_attr(a, item, "affiliation",
		affiliation_name(room->exists ? room_affiliation(room, s->from) : AFF_NONE));
	xml_attr(a, item, "role", "none");
	statuses(a, x, codes);
	if (room->exists) {
		occupant_make_id(room, s->from, id);
		xml_adopt(all, occupant_id(a, arena_text(a, id)));
	}
	out = stanza_new(
		&a, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, s->to, s->from, s->id, all->first);
	route(room->home.worker, &out, NULL);
}
