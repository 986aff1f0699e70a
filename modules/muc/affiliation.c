/*
 * affiliation.c -- who belongs to a room (XEP-0045 5.2), and what others hear when that changes.
 *
 * A row with affiliation «none» stays for a while, so that XEP-0463 can tell of a removal.  A change
 * is checked, written, and only then done in memory and told, all items of a request together.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

/* Rows of «none» that are kept. */
#define FORGOTTEN_MAX 200

/* ---- The map ---------------------------------------------------------------------------- */

struct affiliate *
affiliate_find(const struct room *room, struct str jid)
{
	struct hash_node *n = hash_find(&room->affiliates, jid);

	return n ? CONTAINER(n, struct affiliate, node) : NULL;
}

enum affiliation
room_affiliation(const struct room *room, struct jid who)
{
	const struct affiliate *a = affiliate_find(room, jid_bare_str(who));

	if (a && a->affiliation != AFF_NONE)
		return a->affiliation;
	a = affiliate_find(room, jid_domain(who));
	return a && a->affiliation == AFF_OUTCAST ? AFF_OUTCAST : AFF_NONE;
}

struct affiliate *
affiliate_by_nick(const struct room *room, const char *nick)
{
	for_each_affiliate(n, room)
	{
		struct affiliate *a = CONTAINER(n, struct affiliate, node);

		if (a->nick && text_eq(a->nick, nick))
			return a;
	}
	return NULL;
}

/* to may be what is there. */
static void
set_text(char **text, const char *to)
{
	char *copy = to && *to ? mem_copy_text(to) : NULL;

	mem_free(text);
	*text = copy;
}

void
affiliate_set(struct room *room, struct str jid, enum affiliation to, const char *nick,
	const char *reason, int64_t version)
{
	struct affiliate *a = affiliate_find(room, jid);

	if (!a) {
		a = MEM_NEW(struct affiliate);
		a->jid = mem_copy_str(jid);
		hash_add(&room->affiliates, &a->node, str_of(a->jid));
	} else {
		room->count_of[a->affiliation]--;
	}
	a->affiliation = to;
	a->version = version;
	room->count_of[to]++;
	set_text(&a->nick, to == AFF_OUTCAST ? NULL : nick);
	set_text(&a->reason, reason);
	if (to < AFF_MEMBER)
		affiliate_subscribe(room, a, 0);
}

void
affiliate_subscribe(struct room *room, struct affiliate *a, unsigned events)
{
	room->subscribers -= a->events != 0;
	room->subscribers += events != 0;
	a->events = events;
}

static void
affiliate_drop(struct room *room, struct affiliate *a)
{
	hash_remove(&room->affiliates, &a->node);
	affiliate_subscribe(room, a, 0);
	room->count_of[a->affiliation]--;
	mem_free(&a->jid);
	mem_free(&a->nick);
	mem_free(&a->reason);
	mem_free(&a);
}

void
affiliates_drop(struct room *room)
{
	struct hash_node *n;

	while ((n = hash_next(&room->affiliates, NULL)) != NULL)
		affiliate_drop(room, CONTAINER(n, struct affiliate, node));
}

/* ---- Check --------------------------------------------------------------------------------- */

static int64_t
members_of(const int count_of[AFF_COUNT])
{
	return count_of[AFF_MEMBER] + count_of[AFF_ADMIN] + count_of[AFF_OWNER];
}

static enum cond
check_affiliation(const struct room *room, const struct change_set *set,
	const struct affiliation_change *c, int count_of[AFF_COUNT])
{
	const struct muc_options *o = muc_options(room_host(room));
	enum affiliation was = room_affiliation(room, c->who);
	const struct affiliate *owner_of_nick = c->nick ? affiliate_by_nick(room, c->nick) : NULL;
	bool self = jid_eq(c->who, set->actor_bare);
	enum cond why = COND_NONE;

	if (!jid_is_none(set->actor_bare))
		why = may_set_affiliation(
			set->actor.affiliation, was, c->to, self, (unsigned)count_of[AFF_OWNER]);
	if (why)
		return why;
	if (owner_of_nick && !str_is(jid_full(c->who), owner_of_nick->jid))
		return COND_CONFLICT;
	count_of[was]--;
	count_of[c->to]++;
	if (was < AFF_MEMBER && c->to >= AFF_MEMBER &&
		members_of(count_of) > room_max_members(room))
		return COND_RESOURCE_CONSTRAINT;
	if (c->to == AFF_OUTCAST && count_of[AFF_OUTCAST] > o->max_banned)
		return COND_RESOURCE_CONSTRAINT;
	return COND_NONE;
}

static enum cond
check_role(
	const struct room *room, const struct change_set *set, const struct affiliation_change *c)
{
	const struct occupant *o = occupant_find(room, str_of(c->nick));

	if (!o)
		return COND_ITEM_NOT_FOUND;
	if (jid_is_none(set->actor_bare))
		return COND_NONE;
	return may_set_role(
		room->config, set->actor, (struct standing){ o->affiliation, o->role }, c->role);
}

enum cond
changes_check(const struct room *room, const struct change_set *set)
{
	int count_of[AFF_COUNT];
	enum cond why = COND_NONE;

	for (unsigned i = 0; i < AFF_COUNT; i++)
		count_of[i] = (int)room->count_of[i];
	for (size_t i = 0; i < set->count && !why; i++) {
		const struct affiliation_change *c = &set->list[i];

		why = c->is_role ? check_role(room, set, c)
				 : check_affiliation(room, set, c, count_of);
	}
	return why;
}

/* ---- Write ----------------------------------------------------------------------------------- */

struct step
changes_write(
	struct job *j, struct change_set *set, step_fn *next, const struct ask *more, size_t count)
{
	struct room *room = room_of(j->home);
	struct ask *asks =
		ARENA_ARRAY(j->arena, struct ask, set->count * (AFFILIATE_ASKS + 1) + count + 1);
	msec_t now = clock_wall();
	size_t n = 0;

	set->version = now > room->version ? now : room->version + 1;
	for (size_t i = 0; i < set->count; i++) {
		if (!set->list[i].is_role)
			n += affiliate_asks(room, j->arena, asks + n, &set->list[i], set->version);
	}
	if (n > 0)
		asks[n++] = room_ask(j->arena, AFFILIATION_VERSION,
			ARGS(of_int(set->version), of_jid(room->home.jid)));
	for (size_t i = 0; i < set->count; i++)
		n += role_asks(room, j->arena, asks + n, &set->list[i]);
	for (size_t i = 0; i < count; i++)
		asks[n++] = more[i];
	return n > 0 ? room_write(j, next, asks, n) : next(j);
}

/* ---- Tell ------------------------------------------------------------------------------------ */

/* The role that goes with a new affiliation. */
static enum role
role_after(const struct room *room, const struct occupant *o, enum affiliation to)
{
	if (to >= AFF_ADMIN)
		return ROLE_MODERATOR;
	if (o->affiliation >= AFF_ADMIN)
		return room_role(room, o->bare, to);
	if (to == AFF_MEMBER && o->role == ROLE_VISITOR)
		return room_role(room, o->bare, to);
	return o->role;
}

static void
present(struct room *room, const struct change_set *set, const struct affiliation_change *c,
	struct occupant *o, enum affiliation to)
{
	struct removal why = {
		.reason = c->reason, .actor_nick = set->actor_nick, .shown = true, .affiliation = to
	};

	if (to == AFF_OUTCAST || (to == AFF_NONE && room->config->membersonly)) {
		why.codes[0] = to == AFF_OUTCAST ? 301 : 321;
		occupant_remove(room, o, &why);
		return;
	}
	o->role = role_after(room, o, to);
	o->affiliation = to;
	presence_broadcast(room, o, NULL, c->reason, set->actor_nick);
}

static void
item_of(struct arena *a, struct xml *x, const struct affiliation_change *c)
{
	struct xml *item = xml_add(a, x, NS_MUC_USER, "item");

	xml_attr(a, item, "affiliation", affiliation_name(c->to));
	xml_attr(a, item, "jid", jid_text(a, c->who));
	xml_attr(a, item, "nick", c->nick);
	xml_attr(a, item, "role", "none");
	if (c->reason)
		xml_add_text(a, item, NS_MUC_USER, "reason", c->reason);
}

/* Nobody of that address is here: those who may know hear of it (XEP-0045 9.3 ff.). */
static void
absent(struct room *room, const struct affiliation_change *c)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct arena *a = arena_new(0);
	struct xml *x = user_x(a);

	mav_add(room, a, x);
	item_of(a, x, c);
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, JID_NONE, NULL, x);
	room_send_seers(room, s);
	if (room->config->whois == WHOIS_ANYONE)
		room_event(room, EVENT_AFFILIATIONS, s);
}

/* XEP-0045 9.5: who becomes a member of a members-only room is invited by the one who did it. */
static void
invite_member(struct room *room, const struct change_set *set, const struct affiliation_change *c,
	enum affiliation was)
{
	if (room->config->membersonly && c->to == AFF_MEMBER && was == AFF_NONE && !set->invited &&
		!jid_is_none(set->actor_bare) && !jid_eq(set->actor_bare, c->who))
		room_invite(room, set->actor_bare, c->who, c->reason, NULL);
}

/* Status 101: the one it is about. */
static void
tell_absent(struct room *room, const struct affiliation_change *c, enum affiliation was)
{
	struct arena *a;
	struct xml *x;
	const struct stanza *s;

	if (c->who.local == 0 || c->to == was || (c->to < AFF_MEMBER && was < AFF_MEMBER))
		return;
	a = arena_new(0);
	x = user_x(a);
	item_of(a, x, c);
	user_status(a, x, 101);
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, c->who, NULL, x);
	route(room->home.worker, &s, NULL);
}

static bool
is_meant(const struct affiliation_change *c, const struct occupant *o)
{
	if (c->who.local == 0)
		return c->to == AFF_OUTCAST && str_eq(jid_domain(o->bare), jid_full(c->who));
	return jid_eq(o->bare, c->who);
}

static void
apply_affiliation(
	struct room *room, const struct change_set *set, const struct affiliation_change *c)
{
	enum affiliation was = room_affiliation(room, c->who);
	struct affiliate *one = affiliate_find(room, jid_full(c->who));
	bool found = false, same = one && one->affiliation == c->to && text_eq(one->nick, c->nick);

	affiliate_set(room, jid_full(c->who), c->to, c->nick, c->reason, set->version);
	if (!c->keeps_role)
		role_forget(room, jid_full(c->who), ROLE_NONE);
	if (c->sets_events)
		affiliate_subscribe(room, affiliate_find(room, jid_full(c->who)), c->events);
	if (c->sets_events && same)
		return; /* nobody else is concerned */
	for_each_occupant(o, room)
	{
		enum affiliation to = room_affiliation(room, o->bare);

		if (!is_meant(c, o) || (to == o->affiliation && to != c->to))
			continue;
		found = true;
		present(room, set, c, o, to);
	}
	if (found)
		return;
	absent(room, c);
	tell_absent(room, c, was);
	invite_member(room, set, c, was);
}

static void
apply_role(struct room *room, const struct change_set *set, const struct affiliation_change *c)
{
	struct occupant *o = occupant_find(room, str_of(c->nick));
	struct removal why = {
		.codes = { 307 }, .reason = c->reason, .actor_nick = set->actor_nick
	};

	if (!o)
		return;
	role_keep(room, o, c->role);
	if (c->role == ROLE_NONE) {
		occupant_remove(room, o, &why);
		return;
	}
	o->role = c->role;
	o->asked = false;
	presence_broadcast(room, o, NULL, c->reason, set->actor_nick);
}

/* The oldest removals need not be told for ever. */
static void
forget_removed(struct room *room)
{
	while (room->count_of[AFF_NONE] > FORGOTTEN_MAX) {
		struct affiliate *oldest = NULL;

		for_each_affiliate(n, room)
		{
			struct affiliate *a = CONTAINER(n, struct affiliate, node);

			if (a->affiliation == AFF_NONE && !a->nick &&
				(!oldest || a->version < oldest->version))
				oldest = a;
		}
		if (!oldest)
			return;
		room->version_floor = oldest->version;
		affiliate_drop(room, oldest);
	}
}

void
changes_apply(struct room *room, const struct change_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct affiliation_change *c = &set->list[i];

		if (c->is_role) {
			apply_role(room, set, c);
			continue;
		}
		room->told_since = room->version;
		room->version = set->version;
		apply_affiliation(room, set, c);
		room->told_since = 0;
	}
	forget_removed(room);
	room_emptied(room);
}

/* ---- XEP-0463 ----------------------------------------------------------------------------------- */

void
changes_since(const struct room *room, struct arena *a, struct xml *x, int64_t version)
{
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);
		struct xml *item;

		if (one->version <= version || (version == 0 && one->affiliation == AFF_NONE))
			continue;
		item = xml_add(a, x, NS_MUC_USER, "item");
		xml_attr(a, item, "jid", one->jid);
		xml_attr(a, item, "affiliation", affiliation_name(one->affiliation));
	}
}
