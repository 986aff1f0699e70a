/*
 * commands_nick.c -- nicks that are reserved in a room (XEP-0045 7.10).
 *
 * Elsewhere a nick is registered with a whole service; here each room has its own.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/commands.h"

#include <string.h>

/* ---- Arguments --------------------------------------------------------------------------- */

#define SERVICE_FIELD(T)                                                                           \
	TEXT_FIELD(T, service, .min = 1, .flags = FIELD_REQUIRED,                                  \
		.doc = "Address of the room, such as tea@conference.example.org")

struct nick_args {
	const char *nick, *user, *host, *service;
};

static const struct field nick_fields[] = {
	TEXT_FIELD(struct nick_args, nick, .min = 1, .max = 1023, .flags = FIELD_REQUIRED,
		.doc = "What only this account may be called"),
	USER_FIELDS(struct nick_args),
	SERVICE_FIELD(struct nick_args),
	END_FIELDS,
};

struct nick_of_args {
	const char *user, *host, *service;
};

static const struct field nick_of_fields[] = {
	USER_FIELDS(struct nick_of_args),
	SERVICE_FIELD(struct nick_of_args),
	END_FIELDS,
};

struct nicks_args {
	const char *service;
};

static const struct field nicks_fields[] = { SERVICE_FIELD(struct nicks_args), END_FIELDS };

/* ---- To the room ------------------------------------------------------------------------------ */

static step_fn nick_register, nick_unregister, nick_tell, nicks_list;

static struct step
at_nicks(struct job *j, const char *service, step_fn *next)
{
	struct str domain = str_of(service), name = str_cut(&domain, '@');

	if (!domain.p || name.n == 0)
		return call_error(j, "bad_request",
			"nicks are registered with a room: '%s' is not the address of one",
			service);
	return call_at_room(
		j, arena_str(j->arena, name), arena_str(j->arena, domain), ROOM_THERE, next);
}

/* Whose nick it is about, in *who, and his entry (NULL: he has none).  False: *ended says why. */
static bool
whose(struct job *j, const char *user, const char *host, struct jid *who,
	const struct affiliate **one, struct step *ended)
{
	if (jid_make(j->arena, str_of(user), str_of(host), STR_NONE, who) != JID_OK) {
		*ended = call_error(j, "invalid_jid", "'%s@%s' is not an address", user, host);
		return false;
	}
	*one = affiliate_find(room_of(j->home), jid_full(*who));
	return true;
}

static struct step
nick_register_run(struct job *j)
{
	return at_nicks(j, CALL_ARGS(j, struct nick_args)->service, nick_register);
}

static struct step
nick_register(struct job *j)
{
	const struct nick_args *a = CALL_ARGS(j, struct nick_args);
	const struct room *room = room_of(j->home);
	struct change_set *all = ARENA_NEW(j->arena, struct change_set);
	struct affiliation_change *c = &all->list[all->count++];
	const struct affiliate *one;
	struct step ended;
	enum affiliation is;

	if (!whose(j, a->user, a->host, &c->who, &one, &ended))
		return ended;
	is = room_affiliation(room, c->who);
	if (is == AFF_OUTCAST)
		return call_error(j, "not_allowed", "%.*s is banned from the room",
			STR_ARG(jid_full(c->who)));
	c->nick = jid_prep_resource(j->arena, str_of(a->nick));
	if (!c->nick || !c->nick[strspn(c->nick, " ")])
		return call_error(j, "bad_request", "'%s' cannot be a nick", a->nick);
	if (room_nick_taken(room, c->who, c->nick))
		return call_error(j, "conflict", "that nick is another's");
	c->to = is > AFF_MEMBER ? is : AFF_MEMBER;
	c->keeps_role = true;
	return call_write_changes(j, all);
}

static struct step
nick_unregister_run(struct job *j)
{
	return at_nicks(j, CALL_ARGS(j, struct nick_of_args)->service, nick_unregister);
}

static struct step
no_nick(struct job *j, struct jid who)
{
	return call_error(j, "not_found", "%.*s has no nick in that room", STR_ARG(jid_full(who)));
}

/* He stays a member. */
static struct step
nick_unregister(struct job *j)
{
	const struct nick_of_args *a = CALL_ARGS(j, struct nick_of_args);
	struct change_set *all = ARENA_NEW(j->arena, struct change_set);
	struct affiliation_change *c = &all->list[all->count++];
	const struct affiliate *one;
	struct step ended;

	if (!whose(j, a->user, a->host, &c->who, &one, &ended))
		return ended;
	if (!one || !one->nick)
		return no_nick(j, c->who);
	c->to = one->affiliation;
	c->keeps_role = true;
	return call_write_changes(j, all);
}

static struct step
nick_tell_run(struct job *j)
{
	return at_nicks(j, CALL_ARGS(j, struct nick_of_args)->service, nick_tell);
}

static struct step
nick_tell(struct job *j)
{
	const struct nick_of_args *a = CALL_ARGS(j, struct nick_of_args);
	const struct affiliate *one;
	struct step ended;
	struct jid who;

	if (!whose(j, a->user, a->host, &who, &one, &ended))
		return ended;
	if (!one || !one->nick)
		return no_nick(j, who);
	call_line(j, "%s", one->nick);
	return call_done(j);
}

static struct step
nicks_run(struct job *j)
{
	return at_nicks(j, CALL_ARGS(j, struct nicks_args)->service, nicks_list);
}

static struct step
nicks_list(struct job *j)
{
	for_each_affiliate(n, room_of(j->home))
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);
		struct str host = str_of(one->jid), user = str_cut(&host, '@');

		if (one->nick)
			CALL_ROW(j, arena_str(j->arena, user), host.p, one->nick);
	}
	return call_done(j);
}

/* ---- The table ------------------------------------------------------------------------------------ */

const struct command nick_commands[] = {
	{ "muc_register_nick", MUC_TAG, COMMAND_WRITE, ARGS_OF(nick), nick_register_run, NULL,
		"Reserve a nick in a room for an account, which becomes a member if it is none",
		"muc_register_nick Ali alice example.org tea@conference.example.org" },
	{ "muc_unregister_nick", MUC_TAG, COMMAND_WRITE, ARGS_OF(nick_of), nick_unregister_run,
		NULL, "Free the nick that an account has in a room; it stays a member",
		"muc_unregister_nick alice example.org tea@conference.example.org" },
	{ "muc_get_registered_nick", MUC_TAG, 0, ARGS_OF(nick_of), nick_tell_run, NULL,
		"Print the nick that an account has in a room",
		"muc_get_registered_nick alice example.org tea@conference.example.org" },
	{ "muc_get_registered_nicks", MUC_TAG, 0, ARGS_OF(nicks), nicks_run, "user\thost\tnick",
		"List the nicks that are reserved in a room",
		"muc_get_registered_nicks tea@conference.example.org" },
	END_COMMANDS,
};
