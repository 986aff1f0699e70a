/*
 * owner.c -- a room is configured and destroyed (XEP-0045 10.1, 10.2, 10.9).
 *
 * The first form that the maker submits opens the room; then its rows are written for the first
 * time.  Until then cancelling makes it as if it had never been.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#define FIELD_ADMINS "muc#roomconfig_roomadmins"
#define FIELD_OWNERS "muc#roomconfig_roomowners"
#define FIELD_BROADCAST "muc#roomconfig_presencebroadcast"

static step_fn owned, submit_first, configured, destroyed;

/* ---- The form ---------------------------------------------------------------------------------- */

static void
add_affiliated(const struct room *room, struct arena *a, struct xml *x, const char *var,
	enum affiliation of, const char *label)
{
	struct xml *field = form_add(a, x, FORM_JID_MULTI, var, NULL);

	form_label(a, field, label);
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);

		if (one->affiliation == of)
			form_add_value(a, field, one->jid);
	}
}

static void
add_broadcast(const struct room_config *c, struct arena *a, struct xml *x)
{
	struct xml *field = form_add(a, x, FORM_LIST_MULTI, FIELD_BROADCAST, NULL);

	form_label(a, field, "Roles for which presence is broadcast");
	form_add_option(a, field, NULL, "moderator");
	form_add_option(a, field, NULL, "participant");
	form_add_option(a, field, NULL, "visitor");
	if (c->presencemoderator)
		form_add_value(a, field, "moderator");
	if (c->presenceparticipant)
		form_add_value(a, field, "participant");
	if (c->presencevisitor)
		form_add_value(a, field, "visitor");
}

struct step
owner_get(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct standing who = standing_of(room, j->stanza->from);
	struct xml *query = xml_new(j->arena, NS_MUC_OWNER, "query"), *x;

	if (!may(room->config, MAY_CONFIGURE, who.role, who.affiliation))
		return iq_error(j, COND_FORBIDDEN, NULL);
	x = form_of(j->arena, &config_table, FORM_FORM, room->config);
	add_broadcast(room->config, j->arena, x);
	add_affiliated(room, j->arena, x, FIELD_ADMINS, AFF_ADMIN, "Admins");
	add_affiliated(room, j->arena, x, FIELD_OWNERS, AFF_OWNER, "Owners");
	xml_adopt(query, x);
	return iq_result(j, query);
}

/* ---- Submitted ------------------------------------------------------------------------------------ */

struct configuring {
	struct arena *arena; /* the new configuration's; taken when it is in force */
	struct room_config *config;
	struct change_set changes;
};

static void
drop_configuring(void *p)
{
	struct configuring *c = p;

	arena_free(&c->arena);
}

static void
read_broadcast(const struct form *f, struct room_config *c)
{
	const struct form_field *field = form_find(f, FIELD_BROADCAST);

	if (!field)
		return;
	c->presencemoderator = c->presenceparticipant = c->presencevisitor = false;
	for (size_t i = 0; i < field->count; i++) {
		c->presencemoderator |= text_eq(field->values[i], "moderator");
		c->presenceparticipant |= text_eq(field->values[i], "participant");
		c->presencevisitor |= text_eq(field->values[i], "visitor");
	}
}

static struct affiliation_change *
add_change(struct change_set *set)
{
	return set->count < CHANGES_MAX ? &set->list[set->count++] : NULL;
}

static bool
is_in(const struct form_field *field, const char *jid)
{
	for (size_t i = 0; i < field->count; i++)
		if (text_eq(field->values[i], jid))
			return true;
	return false;
}

/* Those whom the form names get the affiliation; those who had it and are not named lose it. */
static bool
read_affiliated(const struct room *room, struct arena *a, const struct form *f, const char *var,
	enum affiliation to, struct change_set *set, struct problem *why)
{
	const struct form_field *field = form_find(f, var);
	struct affiliation_change *c;

	for (size_t i = 0; field && i < field->count; i++) {
		struct jid who;

		if (jid_parse(a, str_of(field->values[i]), &who) != JID_OK || who.local == 0)
			return problem(why, COND_JID_MALFORMED, "an address is malformed");
		if (room_affiliation(room, who) == to)
			continue;
		c = add_change(set);
		if (!c)
			return problem(why, COND_NOT_ACCEPTABLE, "too many changes at once");
		*c = (struct affiliation_change){ .who = jid_copy(a, jid_bare(who)), .to = to };
	}
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);

		if (!field || one->affiliation != to || is_in(field, one->jid))
			continue;
		c = add_change(set);
		if (!c)
			return problem(why, COND_NOT_ACCEPTABLE, "too many changes at once");
		c->to = AFF_NONE;
		if (jid_parse(a, str_of(one->jid), &c->who) != JID_OK)
			return problem(why, COND_INTERNAL_SERVER_ERROR, NULL);
	}
	return true;
}

static bool
read_form(struct job *j, const struct form *f, struct configuring *c, struct problem *why)
{
	struct room *room = room_of(j->home);

	if (f->form_type && !form_is(f, FORM_CONFIG))
		return problem(why, COND_BAD_REQUEST, "that is another form");
	if (!form_apply(&config_table, f, c->config, c->arena, NULL, why))
		return false;
	read_broadcast(f, c->config);
	if (!config_check(c->config, why))
		return false;
	c->changes.actor = standing_of(room, j->stanza->from);
	c->changes.actor_bare = jid_bare(j->stanza->from);
	/* Owners first: the last one may be replaced. */
	if (!read_affiliated(room, j->arena, f, FIELD_OWNERS, AFF_OWNER, &c->changes, why) ||
		!read_affiliated(room, j->arena, f, FIELD_ADMINS, AFF_ADMIN, &c->changes, why))
		return false;
	why->cond = changes_check(room, &c->changes);
	return why->cond == COND_NONE;
}

/* The rows of a room that is opened. */
static size_t
opening_asks(struct room *room, struct arena *a, struct ask **out, const struct room_config *c)
{
	struct ask *asks = ARENA_ARRAY(a, struct ask, 2 + room->affiliates.count * AFFILIATE_ASKS);
	size_t n = 0;

	asks[n++] = room_put_ask(room, a, c);
	for_each_affiliate(node, room)
	{
		const struct affiliate *one = CONTAINER(node, struct affiliate, node);
		struct affiliation_change change = {
			.to = one->affiliation, .nick = one->nick, .reason = one->reason
		};

		if (jid_parse(a, str_of(one->jid), &change.who) == JID_OK)
			n += affiliate_asks(room, a, asks + n, &change, one->version);
	}
	asks[n++] = room_ask(
		a, AFFILIATION_VERSION, ARGS(of_int(room->version), of_jid(room->home.jid)));
	*out = asks;
	return n;
}

size_t
room_write_asks(struct room *room, struct arena *a, struct ask **out, const struct room_config *c)
{
	if (room->locked)
		return opening_asks(room, a, out, c);
	*out = ARENA_NEW(a, struct ask);
	**out = room_config_ask(room, a, c);
	return 1;
}

static struct step
submit(struct job *j, const struct form *f)
{
	struct room *room = room_of(j->home);
	struct configuring *c = ARENA_NEW(j->arena, struct configuring);
	struct problem why = { COND_NONE, NULL };
	struct ask *asks;
	size_t count;

	c->arena = arena_new(1024);
	arena_keep(j->arena, drop_configuring, c);
	c->config = config_copy(c->arena, room->config);
	if (!read_form(j, f, c, &why))
		return iq_refuse(j, &why);
	j->state = c;
	count = room_write_asks(room, j->arena, &asks, c->config);
	return changes_write(j, &c->changes, configured, asks, count);
}

/* ---- In force ----------------------------------------------------------------------------------------- */

/* XEP-0045 10.2.1. */
static void
tell_configured(struct room *room, const struct room_config *was)
{
	const struct room_config *is = room->config;
	unsigned codes[4], n = 0;
	bool other = false;

	for (const struct field *f = config_fields; f->name; f++)
		other |=
			f->offset != offsetof(struct room_config, whois) && !field_same(f, was, is);
	if (is_logged(was) != is_logged(is))
		codes[n++] = is_logged(is) ? 170 : 171;
	if (was->whois != is->whois)
		codes[n++] = is->whois == WHOIS_ANYONE ? 172 : 173;
	if (other)
		codes[n++] = 104;
	codes[n] = 0;
	if (n > 0)
		room_announce(room, codes);
}

static void
remove_strangers(struct room *room)
{
	struct removal why = { .codes = { 322 } };

	for_each_occupant(o, room)
	{
		if (o->affiliation < AFF_MEMBER)
			occupant_remove(room, o, &why);
	}
}

void
room_reconfigure(struct room *room, struct arena **a, struct room_config *c)
{
	struct arena *old = room->arena;
	const struct room_config *was = room->config;

	room->arena = NULL;
	room_set_config(room, a, c);
	for_each_occupant(o, room) presence_forget(o);
	if (!room->locked)
		tell_configured(room, was);
	room->locked = false;
	if (c->membersonly)
		remove_strangers(room);
	arena_free(&old);
}

static struct step
configured(struct job *j)
{
	struct room *room = room_of(j->home);
	struct configuring *c = j->state;
	struct step answered = iq_result(j, NULL);

	room_reconfigure(room, &c->arena, c->config);
	changes_apply(room, &c->changes);
	return answered;
}

/* ---- Destroyed ------------------------------------------------------------------------------------------- */

struct destruction {
	const char *instead, *reason, *password;
};

void
room_tell_destroyed(
	struct room *room, const char *instead, const char *reason, const char *password)
{
	for_each_occupant(o, room)
	{
		AUTO(arena_free) struct arena *own = arena_new(0);
		AUTO(stanza_unref) const struct stanza *s = NULL;
		struct arena *a = arena_new(0);
		struct xml *all = xml_new(a, NS_CLIENT, "all"), *x = user_x(a),
			   *item = xml_add(a, x, NS_MUC_USER, "item"),
			   *d = xml_add(a, x, NS_MUC_USER, "destroy");

		xml_attr(a, item, "affiliation", "none");
		xml_attr(a, item, "role", "none");
		xml_attr(a, d, "jid", instead);
		if (reason)
			xml_add_text(a, d, NS_MUC_USER, "reason", reason);
		if (password)
			xml_add_text(a, d, NS_MUC_USER, "password", password);
		user_status(a, x, 110);
		xml_adopt(all, x);
		xml_adopt(all, occupant_id(a, o->id));
		s = stanza_new(&a, STANZA_PRESENCE, PRESENCE_UNAVAILABLE,
			room_jid(own, room, o->nick), JID_NONE, NULL, all->first);
		room_send_occupant(room, o, s);
	}
	archive_retired(&room->home);
	room_reset(room);
}

static const char *
text_of(struct arena *a, const struct xml *parent, const char *name)
{
	const struct xml *x = xml_child(parent, NS_MUC_OWNER, name);

	return x ? arena_str(a, xml_text_of(a, x)) : NULL;
}

struct step
room_destroy(struct job *j, step_fn *next)
{
	struct room *room = room_of(j->home);
	struct ask *asks;
	size_t count;

	if (room->locked)
		return next(j);
	count = room_delete_asks(room, j->arena, &asks);
	return room_write(j, next, asks, count);
}

static struct step
destroy(struct job *j, const struct xml *x)
{
	const struct room *room = room_of(j->home);
	struct standing who = standing_of(room, j->stanza->from);
	struct destruction *d = ARENA_NEW(j->arena, struct destruction);

	if (!may(room->config, MAY_DESTROY, who.role, who.affiliation))
		return iq_error(j, COND_FORBIDDEN, NULL);
	d->instead = xml_get(x, "jid");
	d->reason = text_of(j->arena, x, "reason");
	d->password = text_of(j->arena, x, "password");
	j->state = d;
	return room_destroy(j, destroyed);
}

static struct step
destroyed(struct job *j)
{
	const struct destruction *d = j->state;
	struct step answered = iq_result(j, NULL);

	room_tell_destroyed(room_of(j->home), d->instead, d->reason, d->password);
	return answered;
}

/* ---- The request ------------------------------------------------------------------------------------------ */

static struct step
cancel(struct job *j)
{
	struct room *room = room_of(j->home);
	struct step answered = iq_result(j, NULL);

	if (room->locked)
		room_tell_destroyed(room, NULL, NULL, NULL);
	return answered;
}

struct step
owner_set(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct standing who = standing_of(room, j->stanza->from);
	const struct xml *x = xml_child(iq_child(j), NS_MUC_OWNER, "destroy");
	struct problem why = { COND_NONE, NULL };
	struct form form;

	if (x)
		return destroy(j, x);
	if (!may(room->config, MAY_CONFIGURE, who.role, who.affiliation))
		return iq_error(j, COND_FORBIDDEN, NULL);
	if (!form_submitted(j->arena, iq_child(j), &form, &why))
		return iq_refuse(j, &why);
	if (form.kind == FORM_CANCEL)
		return cancel(j);
	if (room->locked)
		return job_query(j, owned, &room_queries[ROOM_COUNT_OWNED],
			ARGS(of_str(jid_bare_str(j->stanza->from)), of_int(AFF_OWNER)));
	return submit(j, &form);
}

/* A new room: its maker has not too many yet. */
static struct step
owned(struct job *j)
{
	if (row_int(j->rows, 0, 0) >= muc_options(j->host)->max_owned)
		return iq_error(j, COND_RESOURCE_CONSTRAINT, "you own too many rooms");
	return room_enter(j, submit_first);
}

/* Meanwhile he may have left, or sent the form twice. */
static struct step
submit_first(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct problem why = { COND_NONE, NULL };
	struct form form;

	if (!room->exists || room_affiliation(room, j->stanza->from) != AFF_OWNER)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such room");
	if (!form_submitted(j->arena, iq_child(j), &form, &why))
		return iq_refuse(j, &why);
	return submit(j, &form);
}
