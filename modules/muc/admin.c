/*
 * admin.c -- lists of roles and affiliations, and their changes (XEP-0045 8.2 to 9.9, 10.3 to 10.8).
 *
 * A request may change several; it is done as a whole or not at all.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

static step_fn admin_done;

/* ---- Lists ---------------------------------------------------------------------------------- */

static bool
may_list(const struct room *room, struct standing who, const char *affiliation, const char *role)
{
	enum privilege p;

	if (affiliation)
		p = text_eq(affiliation, "outcast") ? MAY_BAN : MAY_LIST_MEMBERS;
	else
		p = text_eq(role, "moderator") ? MAY_EDIT_MODERATORS : MAY_SET_VOICE;
	return may(room->config, p, who.role, who.affiliation);
}

static void
list_affiliation(const struct room *room, struct arena *a, struct xml *query, enum affiliation of)
{
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);
		struct xml *item;

		if (one->affiliation != of)
			continue;
		item = xml_add(a, query, NS_MUC_ADMIN, "item");
		xml_attr(a, item, "affiliation", affiliation_name(of));
		xml_attr(a, item, "jid", one->jid);
		xml_attr(a, item, "nick", one->nick);
		if (one->reason)
			xml_add_text(a, item, NS_MUC_ADMIN, "reason", one->reason);
	}
}

static void
list_role(const struct room *room, struct arena *a, struct xml *query, enum role of)
{
	for_each_occupant(o, room)
	{
		struct xml *item;

		if (o->role != of)
			continue;
		item = xml_add(a, query, NS_MUC_ADMIN, "item");
		xml_attr(a, item, "affiliation", affiliation_name(o->affiliation));
		xml_attr(a, item, "jid", jid_text(a, occupant_visit(o)->full));
		xml_attr(a, item, "nick", o->nick);
		xml_attr(a, item, "role", role_name(of));
	}
}

struct step
admin_get(struct job *j)
{
	const struct room *room = room_of(j->home);
	const struct xml *item = xml_child(iq_child(j), NS_MUC_ADMIN, "item");
	const char *affiliation = xml_get(item, "affiliation"), *role = xml_get(item, "role");
	struct standing who = standing_of(room, j->stanza->from);
	struct xml *query = xml_new(j->arena, NS_MUC_ADMIN, "query");
	enum affiliation a = AFF_NONE;
	enum role of = ROLE_NONE;

	if (!item || !affiliation == !role || xml_next(item, NS_MUC_ADMIN, "item"))
		return iq_error(j, COND_BAD_REQUEST, "one list at a time");
	if ((affiliation && (!affiliation_parse(affiliation, &a) || a == AFF_NONE)) ||
		(role && (!role_parse(role, &of) || of == ROLE_NONE)))
		return iq_error(j, COND_BAD_REQUEST, "there is no such list");
	if (!may_list(room, who, affiliation, role))
		return iq_error(j, COND_FORBIDDEN, NULL);
	if (affiliation)
		list_affiliation(room, j->arena, query, a);
	else
		list_role(room, j->arena, query, of);
	return iq_result(j, query);
}

/* ---- Changes ------------------------------------------------------------------------------------ */

/* Whom an item is about: its jid, or who has its nick. */
static bool
read_who(const struct room *room, struct arena *a, const struct xml *item,
	struct affiliation_change *c, struct problem *why)
{
	const char *jid = xml_get(item, "jid"), *nick = xml_get(item, "nick");
	const struct occupant *o = !jid && nick ? occupant_find(room, str_of(nick)) : NULL;

	if (jid && jid_parse(a, str_of(jid), &c->who) != JID_OK)
		return problem(why, COND_JID_MALFORMED, "the jid is not an address");
	if (!jid && !nick)
		return problem(why, COND_BAD_REQUEST, "an item needs a jid or a nick");
	if (!jid && !o)
		return problem(why, COND_ITEM_NOT_FOUND, "nobody here has that nick");
	c->who = jid_bare(jid_copy(a, jid_bare(o ? o->bare : c->who)));
	if (c->who.local == 0 && c->to > AFF_NONE)
		return problem(why, COND_NOT_ALLOWED, "a domain can only be banned");
	return true;
}

static bool
read_affiliation(const struct room *room, struct arena *a, const struct xml *item,
	struct affiliation_change *c, struct problem *why)
{
	const char *nick = xml_get(item, "nick");
	const struct affiliate *was;

	if (!affiliation_parse(xml_get(item, "affiliation"), &c->to))
		return problem(why, COND_BAD_REQUEST, "there is no such affiliation");
	if (!read_who(room, a, item, c, why))
		return false;
	was = affiliate_find(room, jid_full(c->who));
	if (c->to >= AFF_MEMBER)
		c->nick = was && was->nick ? arena_text(a, was->nick) : NULL;
	if (nick && !*nick)
		c->nick = NULL;
	else if (c->to >= AFF_MEMBER && nick && xml_get(item, "jid")) {
		c->nick = jid_prep_resource(a, str_of(nick));
		if (!c->nick)
			return problem(why, COND_JID_MALFORMED, "the nick is not allowed");
	}
	return true;
}

static bool
read_role(
	struct arena *a, const struct xml *item, struct affiliation_change *c, struct problem *why)
{
	const char *nick = xml_get(item, "nick");

	c->is_role = true;
	c->nick = nick ? jid_prep_resource(a, str_of(nick)) : NULL;
	if (!c->nick || !role_parse(xml_get(item, "role"), &c->role))
		return problem(why, COND_BAD_REQUEST, "a role needs a nick and one of the roles");
	return true;
}

static bool
read_item(const struct room *room, struct arena *a, const struct xml *item,
	struct affiliation_change *c, struct problem *why)
{
	const struct xml *reason = xml_child(item, NS_MUC_ADMIN, "reason");
	bool by_role = xml_get(item, "role"), by_affiliation = xml_get(item, "affiliation");

	if (by_role == by_affiliation)
		return problem(why, COND_BAD_REQUEST, "an item has a role or an affiliation");
	if (reason)
		c->reason = arena_str(a, utf8_cut(xml_text_of(a, reason), 1000));
	return by_role ? read_role(a, item, c, why) : read_affiliation(room, a, item, c, why);
}

static bool
read_changes(struct job *j, struct change_set *set, struct problem *why)
{
	const struct room *room = room_of(j->home);
	const struct visit *v = visit_find(room, j->stanza->from);

	set->actor = standing_of(room, j->stanza->from);
	set->actor_bare = jid_bare(j->stanza->from);
	set->actor_nick = v ? arena_text(j->arena, v->occupant->nick) : NULL;
	for (const struct xml *x = xml_child(iq_child(j), NS_MUC_ADMIN, "item"); x;
		x = xml_next(x, NS_MUC_ADMIN, "item")) {
		if (set->count == CHANGES_MAX)
			return problem(why, COND_NOT_ACCEPTABLE, "too many changes at once");
		if (!read_item(room, j->arena, x, &set->list[set->count++], why))
			return false;
	}
	if (set->count == 0)
		return problem(why, COND_BAD_REQUEST, "nothing to change");
	return true;
}

struct step
admin_set(struct job *j)
{
	struct change_set *set = ARENA_NEW(j->arena, struct change_set);
	struct problem why = { COND_NONE, NULL };
	enum cond c;

	if (!read_changes(j, set, &why))
		return iq_refuse(j, &why);
	c = changes_check(room_of(j->home), set);
	if (c)
		return iq_error(j, c, NULL);
	j->state = set;
	return changes_write(j, set, admin_done, NULL, 0);
}

static struct step
admin_done(struct job *j)
{
	struct step answered = iq_result(j, NULL);

	changes_apply(room_of(j->home), j->state);
	return answered;
}
