/*
 * invite.c -- messages that the room passes on: invitations, declines, requests for voice
 * (XEP-0045 7.8.2, 7.13, 8.6).
 *
 * A direct invitation (XEP-0249) goes from user to user and does not come by here.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#define INVITES_MAX 20

#define FIELD_ROLE "muc#role"
#define FIELD_JID "muc#jid"
#define FIELD_NICK "muc#roomnick"
#define FIELD_ALLOW "muc#request_allow"

static step_fn invite_members, invited, approve_voice, voice_approved;

/* ---- Invitations --------------------------------------------------------------------------------------- */

struct invitation {
	struct jid to; /* as it was written */
	const struct xml *invite;
};

struct inviting {
	struct invitation list[INVITES_MAX];
	size_t count;
	struct change_set members; /* who becomes a member by it */
};

static const char *
reason_of(struct arena *a, const struct xml *x)
{
	const struct xml *reason = xml_child(x, NS_MUC_USER, "reason");

	return reason ? arena_str(a, utf8_cut(xml_text_of(a, reason), 1000)) : NULL;
}

void
room_invite(struct room *room, struct jid from, struct jid to, const char *reason,
	const struct xml *go_on)
{
	const struct room_config *c = room->config;
	struct arena *a = arena_new(0);
	struct xml *all = xml_new(a, NS_CLIENT, "all"), *x = user_x(a),
		   *invite = xml_add(a, x, NS_MUC_USER, "invite"),
		   *direct = xml_new(a, NS_CONFERENCE, "x");
	const struct stanza *s;

	xml_attr(a, invite, "from", jid_text(a, jid_bare(from)));
	if (reason)
		xml_add_text(a, invite, NS_MUC_USER, "reason", reason);
	if (go_on)
		xml_adopt(invite, xml_copy(a, go_on));
	xml_attr(a, direct, "jid", jid_text(a, room->home.jid));
	xml_attr(a, direct, "reason", reason);
	if (c->passwordprotectedroom) {
		xml_add_text(a, x, NS_MUC_USER, "password", c->roomsecret);
		xml_attr(a, direct, "password", c->roomsecret);
	}
	xml_adopt(all, x);
	xml_adopt(all, direct);
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, to, NULL, all->first);
	route(room->home.worker, &s, NULL);
}

static bool
read_invitations(struct job *j, struct inviting *in, struct problem *why)
{
	const struct room *room = room_of(j->home);
	const struct xml *x = stanza_child(j->stanza, NS_MUC_USER, "x");

	for (const struct xml *i = xml_child(x, NS_MUC_USER, "invite"); i;
		i = xml_next(i, NS_MUC_USER, "invite")) {
		struct invitation *one = &in->list[in->count];
		struct affiliation_change *c = &in->members.list[in->members.count];
		const char *to = xml_get(i, "to");

		if (in->count == INVITES_MAX)
			return problem(why, COND_NOT_ACCEPTABLE, "too many invitations at once");
		if (!to || jid_parse(j->arena, str_of(to), &one->to) != JID_OK)
			return problem(why, COND_JID_MALFORMED, "whom to invite is no address");
		one->invite = i;
		in->count++;
		if (!room->config->membersonly || one->to.local == 0 ||
			room_affiliation(room, one->to) != AFF_NONE)
			continue;
		c->who = jid_copy(j->arena, jid_bare(one->to));
		c->to = AFF_MEMBER;
		in->members.count++;
	}
	return true;
}

static bool
may_invite(const struct room *room, const struct visit *v, struct problem *why)
{
	const struct room_config *c = room->config;
	const struct occupant *o = v ? v->occupant : NULL;

	if (!o)
		return problem(why, COND_NOT_ACCEPTABLE, "you are not in this room");
	if (!may(c, MAY_INVITE, o->role, o->affiliation) ||
		(c->membersonly && !c->allowmemberinvites &&
			!may(c, MAY_EDIT_MEMBERS, o->role, o->affiliation)))
		return problem(why, COND_FORBIDDEN, "you may not invite others to this room");
	return true;
}

static struct step
invite_members(struct job *j)
{
	struct room *room = room_of(j->home);
	struct inviting *in = ARENA_NEW(j->arena, struct inviting);
	struct problem why = { COND_NONE, NULL };

	in->members.actor = standing_of(room, j->stanza->from);
	in->members.actor_bare = jid_bare(j->stanza->from);
	in->members.invited = true;
	/* Whom a member may invite, he makes a member. */
	if (room->config->allowmemberinvites && in->members.actor.affiliation == AFF_MEMBER)
		in->members.actor.affiliation = AFF_ADMIN;
	if (!may_invite(room, visit_find(room, j->stanza->from), &why) ||
		!read_invitations(j, in, &why) ||
		(why.cond = changes_check(room, &in->members)) != COND_NONE) {
		route_bounce(j->worker, j->stanza, why.cond, why.text, NULL);
		return job_done(j);
	}
	j->state = in;
	return changes_write(j, &in->members, invited, NULL, 0);
}

static struct step
invited(struct job *j)
{
	struct room *room = room_of(j->home);
	const struct inviting *in = j->state;

	changes_apply(room, &in->members);
	for (size_t i = 0; i < in->count; i++) {
		const struct xml *x = in->list[i].invite;

		room_invite(room, j->stanza->from, in->list[i].to, reason_of(j->arena, x),
			xml_child(x, NS_MUC_USER, "continue"));
	}
	return job_done(j);
}

/* ---- Declines --------------------------------------------------------------------------------------------- */

/* Only to those who belong here, lest the room carry messages for anybody. */
static void
decline(struct room *room, const struct stanza *s, const struct xml *decline)
{
	struct arena *a = arena_new(0);
	const char *text = xml_get(decline, "to"), *reason = reason_of(a, decline);
	struct xml *x = user_x(a), *out = xml_add(a, x, NS_MUC_USER, "decline");
	const struct stanza *message;
	struct jid to;

	if (!text || jid_parse(a, str_of(text), &to) != JID_OK ||
		(room_affiliation(room, to) < AFF_MEMBER && !occupant_of_bare(room, to))) {
		route_bounce(
			room->home.worker, s, COND_ITEM_NOT_FOUND, "he is not of this room", NULL);
		arena_free(&a);
		return;
	}
	xml_attr(a, out, "from", jid_text(a, jid_bare(s->from)));
	if (reason)
		xml_add_text(a, out, NS_MUC_USER, "reason", reason);
	message = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, to, NULL, x);
	route(room->home.worker, &message, NULL);
}

/* ---- Voice --------------------------------------------------------------------------------------------------- */

static void
ask_moderators(struct room *room, const struct visit *v)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct arena *a = arena_new(0);
	struct xml *x = form_new(a, FORM_FORM, NS_MUC_REQUEST);

	form_head(a, x, "Voice request", "To approve it, check «Grant voice?» and send the form.");
	form_label(a, form_add(a, x, FORM_TEXT_SINGLE, FIELD_ROLE, "participant"), "Role");
	form_label(a, form_add(a, x, FORM_JID_SINGLE, FIELD_JID, jid_text(a, v->full)), "Address");
	form_label(a, form_add(a, x, FORM_TEXT_SINGLE, FIELD_NICK, v->occupant->nick), "Nick");
	form_label(a, form_add(a, x, FORM_BOOLEAN, FIELD_ALLOW, "0"), "Grant voice?");
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid, JID_NONE, NULL, x);
	for_each_occupant(o, room)
	{
		if (may(room->config, MAY_SET_VOICE, o->role, o->affiliation))
			room_send_occupant(room, o, s);
	}
}

static enum cond
request_voice(struct room *room, const struct visit *v, const struct form *f)
{
	const char *role = form_value(f, FIELD_ROLE);

	if (!room->config->voicerequests)
		return COND_FORBIDDEN;
	if (!text_eq(role, "participant"))
		return COND_BAD_REQUEST;
	if (v->occupant->role == ROLE_VISITOR && !v->occupant->asked) {
		v->occupant->asked = true;
		ask_moderators(room, v);
	}
	return COND_NONE;
}

static struct step
voice_refused(struct job *j, enum cond c)
{
	if (c)
		route_bounce(j->worker, j->stanza, c, NULL, NULL);
	return job_done(j);
}

/* Whose form a moderator sends back, is given voice. */
static struct step
approve_voice(struct job *j)
{
	struct room *room = room_of(j->home);
	const struct visit *v = visit_find(room, j->stanza->from);
	struct change_set *set = ARENA_NEW(j->arena, struct change_set);
	struct occupant *o;
	struct problem why;
	struct form f;
	const char *nick;
	bool allowed;
	enum cond c;

	if (!v || !form_read(j->arena, stanza_child(j->stanza, NS_DATA_FORM, "x"), &f, &why))
		return job_done(j);
	nick = form_value(&f, FIELD_NICK);
	o = nick ? occupant_find(room, str_of(nick)) : NULL;
	if (!form_bool(form_value(&f, FIELD_ALLOW), &allowed))
		return voice_refused(j, COND_BAD_REQUEST);
	if (!o)
		return voice_refused(j, COND_ITEM_NOT_FOUND);
	o->asked = false;
	if (!allowed)
		return job_done(j);
	set->actor = (struct standing){ v->occupant->affiliation, v->occupant->role };
	set->actor_bare = jid_bare(j->stanza->from);
	set->list[set->count++] = (struct affiliation_change){
		.is_role = true, .nick = nick, .role = ROLE_PARTICIPANT
	};
	c = changes_check(room, set);
	if (c)
		return voice_refused(j, c);
	j->state = set;
	return changes_write(j, set, voice_approved, NULL, 0);
}

static struct step
voice_approved(struct job *j)
{
	changes_apply(room_of(j->home), j->state);
	return job_done(j);
}

static void
voice(struct room *room, const struct stanza *s, const struct form *f)
{
	const struct visit *v = visit_find(room, s->from);
	enum cond c;

	if (v && form_find(f, FIELD_ALLOW) &&
		may(room->config, MAY_SET_VOICE, v->occupant->role, v->occupant->affiliation)) {
		job_start_at(&room->home, s, NULL, NULL, approve_voice);
		return;
	}
	c = v ? request_voice(room, v, f) : COND_NOT_ACCEPTABLE;
	if (c)
		route_bounce(room->home.worker, s, c, NULL, NULL);
}

/* ---- All -------------------------------------------------------------------------------------------------------- */

static bool
is_form(struct room *room, const struct stanza *s)
{
	const struct xml *x = stanza_child(s, NS_DATA_FORM, "x");
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct problem why;
	struct form form;

	if (!x || !form_read(a, x, &form, &why))
		return false;
	if (form_is(&form, NS_MUC_REQUEST))
		voice(room, s, &form);
	else if (form_is(&form, FORM_REGISTER))
		job_start_at(&room->home, s, NULL, NULL, register_approve);
	else
		return false;
	return true;
}

bool
muc_mediated(struct room *room, const struct stanza *s, const struct receipt *r)
{
	const struct xml *x = stanza_child(s, NS_MUC_USER, "x");
	const struct xml *d = xml_child(x, NS_MUC_USER, "decline");

	if (xml_child(x, NS_MUC_USER, "invite"))
		job_start_at(&room->home, s, NULL, NULL, invite_members);
	else if (d)
		decline(room, s, d);
	else if (!is_form(room, s))
		return false;
	receipt_give(room->home.worker, r);
	return true;
}
