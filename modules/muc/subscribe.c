/*
 * subscribe.c -- events for members who are not in the room, as clients of ejabberd ask for them
 * (MUC/Sub, urn:xmpp:mucsub:0).
 *
 * Affiliation is subscription here: who subscribes becomes a member, as by registration, and says which
 * events are sent to its bare address while it is not in the room.  An event is one stanza for all
 * who get it, and is kept nowhere: what was said is in the room's archive, which members may read.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include "xep/forward.h"

#define NODES NS_MUCSUB ":nodes:"
#define NS_PUBSUB_EVENT "http://jabber.org/protocol/pubsub#event"

static const char *const nodes[] = {

#define EVENT(name, node, doc) NODES node,
#include "modules/muc/event.def"
#undef EVENT
};

static step_fn subscribed, unsubscribed;

unsigned
room_event_bit(const char *node)
{
	for (unsigned i = 0; i < COUNT(nodes); i++)
		if (text_eq(node, nodes[i]))
			return 1u << i;
	return 0;
}

void
room_event_nodes(struct arena *a, struct xml *to, unsigned events)
{
	for (unsigned i = 0; i < COUNT(nodes); i++)
		if (events & 1u << i)
			xml_attr(a, xml_add(a, to, NS_MUCSUB, "event"), "node", nodes[i]);
}

/* ---- Events ------------------------------------------------------------------------------------- */

static struct jid *
receivers(const struct room *room, struct arena *a, enum muc_event event, size_t *count)
{
	struct jid *to = ARENA_ARRAY(a, struct jid, room->subscribers);

	*count = 0;
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);

		if (one->events & 1u << event &&
			jid_parse(a, str_of(one->jid), &to[*count]) == JID_OK &&
			!occupant_of_bare(room, to[*count]))
			++*count;
	}
	return to;
}

void
room_event(struct room *room, enum muc_event event, const struct stanza *s)
{
	AUTO(arena_free) struct arena *addresses = NULL;
	AUTO(stanza_unref) const struct stanza *out = NULL;
	struct arena *a;
	struct xml *x, *items, *item;
	struct jid *to;
	size_t count;
	char id[RAND_ID_SIZE];

	if (room->subscribers == 0)
		return;
	addresses = arena_new(0);
	to = receivers(room, addresses, event, &count);
	if (count == 0)
		return;
	a = arena_new(0);
	x = xml_new(a, NS_PUBSUB_EVENT, "event");
	items = xml_add(a, x, NS_PUBSUB_EVENT, "items");
	item = xml_add(a, items, NS_PUBSUB_EVENT, "item");
	rand_id(id);
	xml_attr(a, items, "node", nodes[event]);
	xml_attr(a, item, "id", id);
	xml_adopt(item, forward_write(a, s, 0)->first);
	x->next = xml_new(a, NS_HINTS, "no-store");
	out = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, JID_NONE, id, x);
	route_many(room->home.worker, out, to, count);
}

/* ---- Who it is about ------------------------------------------------------------------------------- */

static bool
is_bare_of(const struct job *j, const char *jid, struct jid *who)
{
	return jid_parse(j->arena, str_of(jid), who) == JID_OK && who->local > 0;
}

/* The account itself, or whom an admin names. */
static bool
read_who(struct job *j, struct jid *who, struct problem *why)
{
	const struct room *room = room_of(j->home);
	struct standing asker = standing_of(room, j->stanza->from);
	const char *jid = xml_get(iq_child(j), "jid");

	*who = j->stanza->from;
	if (jid && !is_bare_of(j, jid, who))
		return problem(why, COND_JID_MALFORMED, "the jid is not an address");
	*who = jid_bare(jid_copy(j->arena, jid_bare(*who)));
	if (!jid_eq_bare(*who, j->stanza->from) &&
		!may(room->config, MAY_EDIT_MEMBERS, asker.role, asker.affiliation))
		return problem(why, COND_FORBIDDEN, "only admins do that for others");
	return true;
}

/* ---- Subscribe ---------------------------------------------------------------------------------------- */

static bool
may_subscribe(const struct job *j, struct jid who, struct problem *why)
{
	const struct room *room = room_of(j->home);
	const struct room_config *c = room->config;
	enum affiliation a = room_affiliation(room, who);
	bool self = jid_eq_bare(who, j->stanza->from);

	if (a == AFF_OUTCAST)
		return problem(why, COND_FORBIDDEN, "banned people do not subscribe");
	if (a >= AFF_MEMBER || !self)
		return true;
	if (c->membersonly)
		return problem(why, COND_REGISTRATION_REQUIRED, "only members may subscribe");
	if (!may(c, MAY_REGISTER, ROLE_NONE, a))
		return problem(why, COND_NOT_ALLOWED, "this room takes no subscriptions");
	if (c->passwordprotectedroom && !text_eq(xml_get(iq_child(j), "password"), c->roomsecret))
		return problem(why, COND_NOT_AUTHORIZED, "the room has a password");
	return true;
}

static bool
read_subscription(struct job *j, struct change_set *set, struct problem *why)
{
	const struct room *room = room_of(j->home);
	struct affiliation_change *c = &set->list[set->count++];
	const char *nick = xml_get(iq_child(j), "nick");
	enum affiliation is;

	if (!read_who(j, &c->who, why) || !may_subscribe(j, c->who, why))
		return false;
	for (const struct xml *x = xml_child(iq_child(j), NS_MUCSUB, "event"); x;
		x = xml_next(x, NS_MUCSUB, "event"))
		c->events |= room_event_bit(xml_get(x, "node"));
	nick = nick ? jid_prep_resource(j->arena, str_of(nick)) : NULL;
	if (!nick || !c->events)
		return problem(why, COND_BAD_REQUEST, "a subscription needs a nick and events");
	if (room_nick_taken(room, c->who, nick))
		return problem(why, COND_CONFLICT, "that nick is taken");
	is = room_affiliation(room, c->who);
	c->to = is > AFF_MEMBER ? is : AFF_MEMBER;
	c->nick = nick;
	c->sets_events = c->keeps_role = true;
	return true;
}

struct step
subscribe_set(struct job *j)
{
	struct change_set *set = ARENA_NEW(j->arena, struct change_set);
	struct problem why = { COND_NONE, NULL };

	if (!read_subscription(j, set, &why) ||
		(why.cond = changes_check(room_of(j->home), set)) != COND_NONE)
		return iq_refuse(j, &why);
	j->state = set;
	return changes_write(j, set, subscribed, NULL, 0);
}

static struct step
subscribed(struct job *j)
{
	const struct change_set *set = j->state;
	struct xml *answer = xml_new(j->arena, NS_MUCSUB, "subscribe");
	struct step answered;

	xml_attr(j->arena, answer, "nick", set->list[0].nick);
	room_event_nodes(j->arena, answer, set->list[0].events);
	answered = iq_result(j, answer);
	changes_apply(room_of(j->home), set);
	return answered;
}

/* ---- Unsubscribe ------------------------------------------------------------------------------------------ */

/* He stays a member. */
struct step
unsubscribe_set(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct change_set *set = ARENA_NEW(j->arena, struct change_set);
	struct affiliation_change *c = &set->list[set->count++];
	struct problem why = { COND_NONE, NULL };
	const struct affiliate *is;

	if (!read_who(j, &c->who, &why))
		return iq_refuse(j, &why);
	is = affiliate_find(room, jid_full(c->who));
	if (!is || !is->events)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such subscription");
	c->to = is->affiliation;
	c->nick = is->nick ? arena_text(j->arena, is->nick) : NULL;
	c->sets_events = c->keeps_role = true;
	j->state = set;
	return changes_write(j, set, unsubscribed, NULL, 0);
}

static struct step
unsubscribed(struct job *j)
{
	const struct change_set *set = j->state;
	struct step answered = iq_result(j, NULL);

	changes_apply(room_of(j->home), set);
	return answered;
}

/* ---- Lists --------------------------------------------------------------------------------------------------- */

/* For moderators, and for members where they may list members. */
struct step
subscriptions_get(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct standing who = standing_of(room, j->stanza->from);
	struct xml *list = xml_new(j->arena, NS_MUCSUB, "subscriptions");

	if (who.role != ROLE_MODERATOR &&
		!may(room->config, MAY_LIST_MEMBERS, who.role, who.affiliation))
		return iq_error(j, COND_FORBIDDEN, NULL);
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);
		struct xml *x;

		if (!one->events)
			continue;
		x = xml_add(j->arena, list, NS_MUCSUB, "subscription");
		xml_attr(j->arena, x, "jid", one->jid);
		xml_attr(j->arena, x, "nick", one->nick);
		room_event_nodes(j->arena, x, one->events);
	}
	return iq_result(j, list);
}
