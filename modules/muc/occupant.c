/*
 * occupant.c -- entering, changing the nick, leaving (XEP-0045 7.1 to 7.2, 7.6, 7.14).
 *
 * An occupant is a nick; the devices of one account may share it, and are its visits.  Others see
 * the presence of the device that sent it last.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <stdio.h>
#include <string.h>

/* Admins and owners who may enter a full room (XEP-0045 7.2.9). */
#define ROOM_FOR_ADMINS 10
/* Of a presence, which every occupant gets. */
#define PRESENCE_BYTES_MAX ((size_t)16 * 1024)
/* Devices that share a nick. */
#define VISITS_MAX 50

/* ---- Find ---------------------------------------------------------------------------------- */

struct occupant *
occupant_find(const struct room *room, struct str nick)
{
	struct hash_node *n = nick.p ? hash_find(&room->occupants, nick) : NULL;

	return n ? CONTAINER(n, struct occupant, node) : NULL;
}

struct visit *
visit_find(const struct room *room, struct jid full)
{
	struct hash_node *n = hash_find(&room->visits, jid_full(full));

	return n ? CONTAINER(n, struct visit, node) : NULL;
}

struct occupant *
occupant_of_bare(const struct room *room, struct jid bare)
{
	for_each_occupant(o, room)
	{
		if (jid_eq_bare(o->bare, bare))
			return o;
	}
	return NULL;
}

void
occupant_make_id(const struct room *room, struct jid bare, char out[OCCUPANT_ID_SIZE])
{
	uint8_t mac[DIGEST_MAX];

	digest_hmac(DIGEST_SHA256, str_of(room->secret), jid_bare_str(bare), mac);
	for (size_t i = 0; i < OCCUPANT_ID_SIZE / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

/* ---- Make and drop ----------------------------------------------------------------------------- */

static struct jid
own_jid(struct jid j)
{
	j.text = mem_copy_str(jid_full(j));
	return j;
}

static struct occupant *
occupant_new(struct room *room, struct jid bare, const char *nick, enum role role)
{
	struct occupant *o = MEM_NEW(struct occupant);

	o->bare = own_jid(jid_bare(bare));
	o->nick = mem_copy_text(nick);
	o->affiliation = room_affiliation(room, bare);
	o->role = role;
	occupant_make_id(room, bare, o->id);
	list_init(&o->visits);
	list_append(&room->order, &o->link);
	hash_add(&room->occupants, &o->node, str_of(o->nick));
	return o;
}

static void
occupant_drop(struct room *room, struct occupant *o)
{
	hash_remove(&room->occupants, &o->node);
	list_remove(&o->link);
	presence_forget(o);
	mem_free(&o->bare.text);
	mem_free(&o->nick);
	mem_free(&o);
}

static void
visit_drop(struct room *room, struct visit *v)
{
	hash_remove(&room->visits, &v->node);
	list_remove(&v->link);
	presence_forget(v->occupant);
	stanza_unref(&v->presence);
	mem_free(&v->full.text);
	mem_free(&v);
	home_unpin(&room->home);
}

struct visit *
visit_add(struct room *room, struct jid full, const char *nick, enum role role,
	const struct stanza *presence)
{
	struct occupant *o = occupant_find(room, str_of(nick));
	struct visit *v = MEM_NEW(struct visit);

	v->occupant = o ? o : occupant_new(room, full, nick, role);
	v->full = own_jid(full);
	v->presence = stanza_ref(presence);
	v->number = ++room->last_visit;
	list_append(&v->occupant->visits, &v->link);
	hash_add(&room->visits, &v->node, jid_full(v->full));
	presence_forget(v->occupant);
	home_pin(&room->home);
	return v;
}

void
occupants_drop(struct room *room)
{
	for_each_occupant(o, room)
	{
		for_each_visit(v, o) visit_drop(room, v);
		occupant_drop(room, o);
	}
}

/* ---- Leave ------------------------------------------------------------------------------------------ */

void
visit_remove(struct room *room, struct visit *v, const struct removal *why)
{
	struct occupant *o = v->occupant;
	bool was_seen = occupant_visit(o) == v, last = o->visits.next == o->visits.prev;

	presence_gone(room, o, v, why, NULL, last);
	visit_drop(room, v);
	if (last)
		occupant_drop(room, o);
	else if (was_seen)
		presence_broadcast(room, o, NULL, NULL, NULL);
}

void
occupant_remove(struct room *room, struct occupant *o, const struct removal *why)
{
	presence_gone(room, o, NULL, why, NULL, true);
	for_each_visit(v, o) visit_drop(room, v);
	occupant_drop(room, o);
}

static void
leave(struct room *room, const struct stanza *s)
{
	struct visit *v = visit_find(room, s->from);
	struct removal why = { .presence = s };

	if (!v)
		return;
	/* XEP-0045 10.1.3: it was being made, and is not any more. */
	if (room->locked && room->visits.count == 1) {
		room_tell_destroyed(room, NULL, NULL, NULL);
		return;
	}
	visit_remove(room, v, &why);
	room_emptied(room);
}

void
visit_bounced(struct room *room, const struct stanza *error)
{
	static const char *const gone[] = { "gone", "item-not-found", "recipient-unavailable",
		"redirect", "remote-server-not-found", "remote-server-timeout",
		"service-unavailable", "jid-malformed", "subscription-required" };
	const struct xml *e = stanza_child(error, NS_CLIENT, "error");
	struct visit *v = visit_find(room, error->from);
	struct removal why = { .codes = { 333 } };

	for (size_t i = 0; v && e && i < COUNT(gone); i++) {
		if (!xml_child(e, NS_STANZA_ERRORS, gone[i]))
			continue;
		visit_remove(room, v, &why);
		room_emptied(room);
		return;
	}
}

/* ---- Enter -------------------------------------------------------------------------------------------- */

struct entry {
	const struct stanza *presence;
	const struct xml *x; /* of NS_MUC */
	const char *nick;
	bool assigned; /* the nick, by the room */
	bool makes; /* a new room */
	struct arena *arena;
};

static bool
is_local(const struct room *room, struct jid who)
{
	return config_host(config_of(room->home.worker), jid_domain(who)) != NULL;
}

static bool
may_create(const struct room *room, struct jid who, struct problem *why)
{
	if (!is_local(room, who) || room_options(room)->create == CREATE_NOBODY)
		return problem(why, COND_NOT_ALLOWED, "new rooms may not be made here");
	return true;
}

static bool
has_password(const struct room *room, const struct entry *e)
{
	const struct xml *p = xml_child(e->x, NS_MUC, "password");

	return p && str_is(xml_text_of(e->arena, p), room->config->roomsecret);
}

/* XEP-0045 18.1: a nick of blanks is none. */
static bool
is_blank(const char *nick)
{
	return nick[strspn(nick, " \t")] == '\0';
}

/* XEP-0045 7.2.3: where nicks are locked, who registered enters under that one. */
static void
assign_nick(const struct room *room, struct entry *e)
{
	const struct affiliate *self =
		room->exists && room->config->locknicks
			? affiliate_find(room, jid_bare_str(e->presence->from))
			: NULL;

	if (!self || !self->nick || text_eq(self->nick, e->nick))
		return;
	e->nick = self->nick;
	e->assigned = true;
}

static bool
check_nick(const struct room *room, const struct entry *e, struct problem *why)
{
	struct jid who = e->presence->from;
	const struct occupant *o = occupant_find(room, str_of(e->nick));
	const struct affiliate *other = affiliate_by_nick(room, e->nick);
	const struct affiliate *self = affiliate_find(room, jid_bare_str(who));

	if (is_blank(e->nick))
		return problem(why, COND_NOT_ACCEPTABLE, "a nick needs something to see");
	if (o && !jid_eq_bare(o->bare, who))
		return problem(why, COND_CONFLICT, "that nick is taken");
	if (other && other != self)
		return problem(why, COND_CONFLICT, "that nick is reserved");
	if (room->config->locknicks && self && self->nick && !text_eq(self->nick, e->nick))
		return problem(why, COND_NOT_ACCEPTABLE, "you have another nick in this room");
	return true;
}

static bool
has_space(const struct room *room, const struct entry *e, enum affiliation a)
{
	const struct occupant *o = occupant_find(room, str_of(e->nick));
	int64_t most = room_max_users(room);
	size_t devices = 0;

	if (o) {
		for_each_visit(v, o) devices++;
		return devices < VISITS_MAX;
	}
	if (a >= AFF_ADMIN)
		most += ROOM_FOR_ADMINS;
	return (int64_t)room->occupants.count < most;
}

static bool
check_entry(const struct room *room, const struct entry *e, struct problem *why)
{
	enum affiliation a = room_affiliation(room, e->presence->from);
	const struct room_config *c = room->config;

	if (!may(c, MAY_ENTER_OPEN, ROLE_NONE, a))
		return problem(why, COND_FORBIDDEN, "you are banned from this room");
	if (room->locked && a != AFF_OWNER)
		return problem(why, COND_ITEM_NOT_FOUND, "the room is not ready yet");
	if (!may(c, MAY_ENTER, ROLE_NONE, a))
		return problem(why, COND_REGISTRATION_REQUIRED, "only members may enter");
	if (c->passwordprotectedroom && a != AFF_OWNER && !has_password(room, e))
		return problem(why, COND_NOT_AUTHORIZED, "the room has a password");
	if (!check_nick(room, e, why))
		return false;
	if (!has_space(room, e, a))
		return problem(why, COND_SERVICE_UNAVAILABLE, "the room is full");
	return true;
}

/* What the device said, as from its place in the room. */
static const struct stanza *
own_presence(const struct room *room, const struct entry *e)
{
	return stanza_remake(e->presence, room_jid(e->arena, room, e->nick), JID_NONE, is_of_room,
		(void *)(uintptr_t)room, NULL);
}

/* Status codes for who enters, 0 at the end. */
static void
codes_of(const struct entry *e, unsigned out[3])
{
	unsigned n = 0;

	if (e->makes)
		out[n++] = 201;
	if (e->assigned)
		out[n++] = 210;
	out[n] = 0;
}

static void
enter(struct room *room, const struct entry *e)
{
	unsigned codes[3];
	struct jid from = e->presence->from;
	AUTO(stanza_unref) const struct stanza *p = own_presence(room, e);
	enum role role = room_role(room, from, room_affiliation(room, from));
	struct visit *v = visit_add(room, from, e->nick, role, p);

	codes_of(e, codes);
	presence_enter(room, v, e->x, codes);
	presence_broadcast(room, v->occupant, v, NULL, NULL);
	if (v->occupant->visits.next == &v->link && v->occupant->visits.prev == &v->link)
		presence_came(room, v->occupant);
}

static void
join(struct room *room, struct entry *e)
{
	struct jid from = e->presence->from;
	struct problem why = { COND_NONE, NULL };

	e->makes = !room->exists;
	if (e->makes && !may_create(room, from, &why)) {
		route_bounce(room->home.worker, e->presence, why.cond, why.text, NULL);
		return;
	}
	if (e->makes) {
		room_make(room);
		affiliate_set(room, jid_bare_str(from), AFF_OWNER, NULL, NULL, room->version);
	}
	if (check_entry(room, e, &why))
		enter(room, e);
	else
		route_bounce(room->home.worker, e->presence, why.cond, why.text, NULL);
	room_emptied(room);
}

/* ---- What those say who are in ------------------------------------------------------------------------------ */

static bool
is_same(const struct stanza *one, const struct stanza *other)
{
	AUTO(buf_fini) struct buf a = BUF_INIT;
	AUTO(buf_fini) struct buf b = BUF_INIT;

	stanza_write(&a, one);
	stanza_write(&b, other);
	return str_eq(buf_str(&a), buf_str(&b));
}

/* The presence of v is e's from now on, and v is the device that others see. */
static void
renew(struct room *room, struct visit *v, const struct entry *e)
{
	stanza_unref(&v->presence);
	v->presence = own_presence(room, e);
	list_remove(&v->link);
	list_append(&v->occupant->visits, &v->link);
	presence_forget(v->occupant);
}

/* XEP-0045 7.2.1: a client that lost track enters again. */
static void
enter_again(struct room *room, struct visit *v, const struct entry *e)
{
	const struct stanza *was = stanza_ref(v->presence);
	unsigned codes[3];

	renew(room, v, e);
	codes_of(e, codes);
	presence_enter(room, v, e->x, codes);
	if (!is_same(was, v->presence))
		presence_broadcast(room, v->occupant, v, NULL, NULL);
	stanza_unref(&was);
}

/* All devices of the nick follow. */
static void
rename_to(struct room *room, struct occupant *o, struct visit *v, const struct entry *e)
{
	struct removal why = { .codes = { 303 } };

	presence_gone(room, o, NULL, &why, e->nick, true);
	hash_remove(&room->occupants, &o->node);
	mem_free(&o->nick);
	o->nick = mem_copy_text(e->nick);
	hash_add(&room->occupants, &o->node, str_of(o->nick));
	renew(room, v, e);
	presence_broadcast(room, o, NULL, NULL, NULL);
}

static void
change_nick(struct room *room, struct visit *v, const struct entry *e)
{
	struct occupant *o = v->occupant;
	struct problem why = { COND_NONE, NULL };

	if (!may(room->config, MAY_CHANGE_NICK, o->role, o->affiliation))
		(void)problem(&why, COND_NOT_ACCEPTABLE, "nicks cannot be changed in this room");
	else if (occupant_find(room, str_of(e->nick)))
		(void)problem(&why, COND_CONFLICT, "that nick is taken");
	else if (check_nick(room, e, &why)) {
		rename_to(room, o, v, e);
		return;
	}
	route_bounce(room->home.worker, e->presence, why.cond, why.text, NULL);
}

static void
available(struct room *room, const struct stanza *s)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct entry e = { .presence = s,
		.x = stanza_child(s, NS_MUC, "x"),
		.nick = arena_str(a, jid_resource(s->to)),
		.arena = a };
	struct visit *v = visit_find(room, s->from);

	if (e.x && jid_is_full(s->to))
		assign_nick(room, &e);
	if (!jid_is_full(s->to)) {
		route_bounce(room->home.worker, s, COND_JID_MALFORMED, "a room needs a nick", NULL);
	} else if (stanza_size(s) > PRESENCE_BYTES_MAX) {
		route_bounce(room->home.worker, s, COND_POLICY_VIOLATION,
			"the presence is too big for a room", NULL);
	} else if (v && !text_eq(v->occupant->nick, e.nick)) {
		change_nick(room, v, &e);
	} else if (v && e.x) {
		enter_again(room, v, &e);
	} else if (v) {
		renew(room, v, &e);
		presence_broadcast(room, v->occupant, NULL, NULL, NULL);
	} else if (e.x) {
		join(room, &e);
	} else {
		presence_unsynced(room, s);
	}
}

void
muc_presence(struct room *room, const struct stanza *s, const struct receipt *r)
{
	switch ((enum presence_type)s->type) {
	case PRESENCE_AVAILABLE:
		available(room, s);
		break;
	case PRESENCE_UNAVAILABLE:
		leave(room, s);
		break;
	case PRESENCE_ERROR:
		visit_bounced(room, s);
		break;
	case PRESENCE_PROBE:
	case PRESENCE_SUBSCRIBE:
	case PRESENCE_SUBSCRIBED:
	case PRESENCE_UNSUBSCRIBE:
	case PRESENCE_UNSUBSCRIBED:
		break;
	}
	receipt_give(room->home.worker, r);
}
