/*
 * register.c -- registration with a room, and nicks that are reserved (XEP-0045 7.10, 9.9).
 *
 * In an open room whoever registers becomes a member at once; in a members-only one the admins who
 * are there are asked, by a form that they send back.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#define FIELD_NICK "muc#register_roomnick"
#define FIELD_ALLOW "muc#register_allow"
#define FIELD_JID "muc#register_jid"

static step_fn registered, approved;

/* ---- Asked by whoever wants to belong -------------------------------------------------------------- */

static bool
may_register(const struct room *room, struct jid who)
{
	return may(room->config, MAY_REGISTER, ROLE_NONE, room_affiliation(room, who));
}

struct step
register_get(struct job *j)
{
	const struct room *room = room_of(j->home);
	const struct affiliate *one = affiliate_find(room, jid_bare_str(j->stanza->from));
	struct xml *query = xml_new(j->arena, NS_REGISTER, "query"), *x, *field;

	if (!may_register(room, j->stanza->from))
		return iq_error(j, COND_NOT_ALLOWED, "this room takes no registrations");
	if (one && one->affiliation >= AFF_MEMBER && one->nick) {
		xml_add(j->arena, query, NS_REGISTER, "registered");
		xml_add_text(j->arena, query, NS_REGISTER, "username", one->nick);
		return iq_result(j, query);
	}
	xml_add_text(j->arena, query, NS_REGISTER, "instructions", "Fill in the form.");
	x = form_new(j->arena, FORM_FORM, FORM_REGISTER);
	form_head(j->arena, x, "Registration", "Choose the nick that is yours in this room.");
	field = form_add(j->arena, x, FORM_TEXT_SINGLE, FIELD_NICK, NULL);
	form_label(j->arena, field, "Nick");
	form_require(j->arena, field);
	xml_adopt(query, x);
	return iq_result(j, query);
}

/* XEP-0045 9.9: those who may decide, and are here, get it as a form. */
static void
ask_admins(struct room *room, struct jid who, const char *nick)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct arena *a = arena_new(0);
	struct xml *x = form_new(a, FORM_FORM, FORM_REGISTER);

	form_head(a, x, "Registration request", "Somebody wants to become a member.");
	form_label(a, form_add(a, x, FORM_JID_SINGLE, FIELD_JID, jid_text(a, who)), "Address");
	form_label(a, form_add(a, x, FORM_TEXT_SINGLE, FIELD_NICK, nick), "Nick");
	form_label(a, form_add(a, x, FORM_BOOLEAN, FIELD_ALLOW, "0"), "Allow it?");
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, JID_NONE, NULL, x);
	for_each_occupant(o, room)
	{
		if (may(room->config, MAY_EDIT_MEMBERS, o->role, o->affiliation))
			room_send_occupant(room, o, s);
	}
}

bool
room_nick_taken(const struct room *room, struct jid who, const char *nick)
{
	const struct affiliate *one = affiliate_by_nick(room, nick);
	const struct occupant *o = occupant_find(room, str_of(nick));

	if (one && !str_is(jid_full(who), one->jid))
		return true;
	return o && !jid_eq(o->bare, who);
}

static struct step
set_nick(struct job *j, struct jid who, enum affiliation to, const char *nick)
{
	struct change_set *set = ARENA_NEW(j->arena, struct change_set);
	enum cond c;

	set->list[set->count++] = (struct affiliation_change){
		.who = who, .to = to, .nick = nick, .keeps_role = true
	};
	c = changes_check(room_of(j->home), set);
	if (c)
		return iq_error(j, c, NULL);
	j->state = set;
	return changes_write(j, set, registered, NULL, 0);
}

static struct step
registered(struct job *j)
{
	struct step answered = iq_result(j, NULL);

	changes_apply(room_of(j->home), j->state);
	return answered;
}

/* He who is admin or owner keeps that, and only gives up the nick. */
static struct step
withdraw(struct job *j, struct jid who)
{
	const struct affiliate *one = affiliate_find(room_of(j->home), jid_full(who));

	if (!one || one->affiliation < AFF_MEMBER)
		return iq_error(j, COND_REGISTRATION_REQUIRED, "you are not registered");
	return set_nick(j, who, one->affiliation == AFF_MEMBER ? AFF_NONE : one->affiliation, NULL);
}

static const char *
nick_of(struct job *j, struct problem *why)
{
	const struct xml *username = xml_child(iq_child(j), NS_REGISTER, "username");
	const char *nick = username ? arena_str(j->arena, xml_text_of(j->arena, username)) : NULL;
	struct form form;

	if (!nick && !form_submitted(j->arena, iq_child(j), &form, why))
		return NULL;
	if (!nick && !form_is(&form, FORM_REGISTER)) {
		(void)problem(why, COND_BAD_REQUEST, "that is another form");
		return NULL;
	}
	nick = nick ? nick : form_value(&form, FIELD_NICK);
	nick = nick ? jid_prep_resource(j->arena, str_of(nick)) : NULL;
	if (!nick || !*nick)
		(void)problem(why, COND_NOT_ACCEPTABLE, "the nick is not allowed");
	return why->cond ? NULL : nick;
}

struct step
register_set(struct job *j)
{
	struct room *room = room_of(j->home);
	struct jid who = jid_bare(jid_copy(j->arena, jid_bare(j->stanza->from)));
	enum affiliation is = room_affiliation(room, who);
	struct problem why = { COND_NONE, NULL };
	const char *nick;

	if (xml_child(iq_child(j), NS_REGISTER, "remove"))
		return withdraw(j, who);
	if (!may_register(room, who))
		return iq_error(j, COND_NOT_ALLOWED, "this room takes no registrations");
	nick = nick_of(j, &why);
	if (!nick)
		return iq_refuse(j, &why);
	if (room_nick_taken(room, who, nick))
		return iq_error(j, COND_CONFLICT, "that nick is taken");
	if (is >= AFF_MEMBER || !room->config->membersonly)
		return set_nick(j, who, is > AFF_MEMBER ? is : AFF_MEMBER, nick);
	ask_admins(room, who, nick);
	return iq_result(j, NULL);
}

/* ---- Answered by an admin ---------------------------------------------------------------------------- */

static struct step
approved(struct job *j)
{
	changes_apply(room_of(j->home), j->state);
	return job_done(j);
}

struct step
register_approve(struct job *j)
{
	struct room *room = room_of(j->home);
	struct change_set *set = ARENA_NEW(j->arena, struct change_set);
	struct affiliation_change *c = &set->list[0];
	struct problem why = { COND_BAD_REQUEST, NULL };
	struct form form;
	const char *jid, *nick;
	bool allowed;

	if (!form_read(j->arena, stanza_child(j->stanza, NS_DATA_FORM, "x"), &form, &why) ||
		!form_bool(form_value(&form, FIELD_ALLOW), &allowed) || !allowed)
		return job_done(j);
	jid = form_value(&form, FIELD_JID);
	nick = form_value(&form, FIELD_NICK);
	if (!jid || jid_parse(j->arena, str_of(jid), &c->who) != JID_OK || c->who.local == 0)
		return job_done(j);
	c->who = jid_bare(jid_copy(j->arena, jid_bare(c->who)));
	c->to = AFF_MEMBER;
	c->nick = nick ? jid_prep_resource(j->arena, str_of(nick)) : NULL;
	set->count = 1;
	set->actor = standing_of(room, j->stanza->from);
	set->actor_bare = jid_bare(j->stanza->from);
	why.cond = changes_check(room, set);
	if (why.cond) {
		route_bounce(j->worker, j->stanza, why.cond, NULL, NULL);
		return job_done(j);
	}
	j->state = set;
	return changes_write(j, set, approved, NULL, 0);
}
