/*
 * privilege.c -- who may what: roles, affiliations and their changes (XEP-0045 5).
 *
 * The tables of the XEP are privilege.def.  What one may do to another depends on both and is
 * decided by two functions below; nobody ever acts on somebody of a higher affiliation.
 *
 * Runs on: any thread; pure.
 */
#include "modules/muc/muc.h"

enum cell {
	NO,
	YES,
	SHOWN_VISITOR,
	SHOWN_PARTICIPANT,
	SHOWN_MODERATOR,
	UNLOCKED_NICKS,
	PM_ANYONE,
	PM_PARTICIPANTS,
	PM_MODERATORS,
	OPEN_INVITES,
	OPEN_SUBJECT,
	OPEN_ROOM,
	OPEN_REGISTRATION,
	NOT_HIDDEN,
};

/* ---- Tables --------------------------------------------------------------------- */

struct row {
	bool by_role;
	enum cell cells[AFF_COUNT];
};

static const struct row rows[PRIVILEGE_COUNT] = {

#define BY_ROLE(name, none, visitor, participant, moderator, doc)                                  \
	[MAY_##name] = { true, { none, visitor, participant, moderator } },
#define BY_AFFILIATION(name, outcast, none, member, admin, owner, doc)                             \
	[MAY_##name] = { false, { outcast, none, member, admin, owner } },
#include "modules/muc/privilege.def"
#undef BY_ROLE
#undef BY_AFFILIATION
};

static bool
decide(enum cell cell, const struct room_config *c)
{
	switch (cell) {
	case NO:
		return false;
	case YES:
		return true;
	case SHOWN_VISITOR:
		return c->presencevisitor;
	case SHOWN_PARTICIPANT:
		return c->presenceparticipant;
	case SHOWN_MODERATOR:
		return c->presencemoderator;
	case UNLOCKED_NICKS:
		return !c->locknicks;
	case PM_ANYONE:
		return c->allowpm == ALLOW_ANYONE;
	case PM_PARTICIPANTS:
		return c->allowpm == ALLOW_ANYONE || c->allowpm == ALLOW_PARTICIPANTS;
	case PM_MODERATORS:
		return c->allowpm != ALLOW_NONE;
	case OPEN_INVITES:
		return c->allowinvites;
	case OPEN_SUBJECT:
		return c->changesubject;
	case OPEN_ROOM:
		return !c->membersonly;
	case OPEN_REGISTRATION:
		return c->allowregister;
	case NOT_HIDDEN:
		return c->whois == WHOIS_ANYONE || c->getmemberlist <= ALLOW_PARTICIPANTS;
	}
	return false;
}

bool
may(const struct room_config *c, enum privilege p, enum role r, enum affiliation a)
{
	const struct row *row = &rows[p];

	return decide(row->by_role ? row->cells[r] : row->cells[a], c);
}

/* ---- Changes ---------------------------------------------------------------------- */

enum role
role_on_entry(const struct room_config *c, enum affiliation a)
{
	switch (a) {
	case AFF_OUTCAST:
		return ROLE_NONE;
	case AFF_NONE:
		return c->moderatedroom ? ROLE_VISITOR : ROLE_PARTICIPANT;
	case AFF_MEMBER:
		return ROLE_PARTICIPANT;
	case AFF_ADMIN:
	case AFF_OWNER:
		break;
	}
	return ROLE_MODERATOR;
}

/* XEP-0045 5.1.3, 8.2 to 8.4, 9.6, 9.7. */
enum cond
may_set_role(const struct room_config *c, struct standing actor, struct standing target,
	enum role wanted)
{
	bool edits_moderators = wanted == ROLE_MODERATOR || target.role == ROLE_MODERATOR;

	if (wanted == target.role)
		return COND_NONE;
	if (wanted == ROLE_NONE && !may(c, MAY_KICK, actor.role, actor.affiliation))
		return COND_FORBIDDEN;
	if (wanted != ROLE_NONE && !may(c, MAY_SET_VOICE, actor.role, actor.affiliation) &&
		!may(c, MAY_EDIT_MODERATORS, actor.role, actor.affiliation))
		return COND_FORBIDDEN;
	/* Admins and owners are moderators by right, and are not kicked by equals. */
	if (target.affiliation >= AFF_ADMIN &&
		(wanted != ROLE_NONE || actor.affiliation <= target.affiliation))
		return COND_NOT_ALLOWED;
	if (target.affiliation > actor.affiliation)
		return COND_NOT_ALLOWED;
	if (edits_moderators && wanted != ROLE_NONE &&
		!may(c, MAY_EDIT_MODERATORS, actor.role, actor.affiliation))
		return COND_FORBIDDEN;
	if (wanted == ROLE_NONE && target.role == ROLE_MODERATOR &&
		!may(c, MAY_EDIT_MODERATORS, actor.role, actor.affiliation))
		return COND_NOT_ALLOWED;
	return COND_NONE;
}

/* XEP-0045 5.2.2, 9.1 to 9.5, 10.3 to 10.8. */
enum cond
may_set_affiliation(enum affiliation actor, enum affiliation target, enum affiliation wanted,
	bool self, unsigned owners)
{
	enum affiliation higher = target > wanted ? target : wanted;

	if (actor < AFF_ADMIN)
		return COND_FORBIDDEN;
	if (self && wanted == AFF_OUTCAST)
		return COND_CONFLICT;
	if (target == AFF_OWNER && wanted != AFF_OWNER && owners <= 1)
		return actor == AFF_OWNER ? COND_CONFLICT : COND_NOT_ALLOWED;
	if (target > actor)
		return COND_NOT_ALLOWED;
	if (actor == AFF_OWNER || target == wanted)
		return COND_NONE;
	/* An admin: he may give up his own place, and edits members and bans. */
	if (self && wanted < AFF_ADMIN)
		return COND_NONE;
	if (target == AFF_ADMIN && wanted == AFF_OUTCAST)
		return COND_NOT_ALLOWED;
	return higher >= AFF_ADMIN ? COND_FORBIDDEN : COND_NONE;
}

/* ---- Names ------------------------------------------------------------------------ */

static const char *const affiliations[] = {
	[AFF_OUTCAST] = "outcast",
	[AFF_NONE] = "none",
	[AFF_MEMBER] = "member",
	[AFF_ADMIN] = "admin",
	[AFF_OWNER] = "owner",
};

static const char *const roles[] = {
	[ROLE_NONE] = "none",
	[ROLE_VISITOR] = "visitor",
	[ROLE_PARTICIPANT] = "participant",
	[ROLE_MODERATOR] = "moderator",
};

const char *
affiliation_name(enum affiliation a)
{
	return affiliations[a];
}

const char *
role_name(enum role r)
{
	return roles[r];
}

bool
affiliation_parse(const char *text, enum affiliation *out)
{
	for (size_t i = 0; i < AFF_COUNT; i++) {
		if (text_eq(text, affiliations[i])) {
			*out = (enum affiliation)i;
			return true;
		}
	}
	return false;
}

bool
role_parse(const char *text, enum role *out)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		if (text_eq(text, roles[i])) {
			*out = (enum role)i;
			return true;
		}
	}
	return false;
}
