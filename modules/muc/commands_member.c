/*
 * commands_member.c -- what administrators do with those who belong to a room.
 *
 * To subscribe to a room is to be a member of it: what is said there counts for members whether they
 * are in it or not.
 *
 * Runs on: the room's home, or the worker where the call began.
 */
#include "modules/muc/commands.h"

/* ---- Affiliations -------------------------------------------------------------------------------------- */

static step_fn affiliations_list;

static struct step
affiliations_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, affiliations_list);
}

static struct step
affiliations_list(struct job *j)
{
	for_each_affiliate(n, room_of(j->home))
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);

		if (one->affiliation != AFF_NONE)
			CALL_ROW(j, one->jid, affiliation_name(one->affiliation), one->reason);
	}
	return call_done(j);
}

struct jid_args {
	const char *room, *service, *jid;
};

static const struct field jid_fields[] = {
	ROOM_FIELDS(struct jid_args),
	TEXT_FIELD(struct jid_args, jid, .min = 1, .flags = FIELD_REQUIRED, .doc = "Whose"),
	END_FIELDS,
};

static step_fn affiliation_show;

static struct step
affiliation_run(struct job *j)
{
	const struct jid_args *a = CALL_ARGS(j, struct jid_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, affiliation_show);
}

static struct step
affiliation_show(struct job *j)
{
	const struct jid_args *a = CALL_ARGS(j, struct jid_args);
	struct jid who;

	if (jid_parse(j->arena, str_of(a->jid), &who) != JID_OK)
		return call_error(j, "invalid_jid", "'%s' is not an address", a->jid);
	call_line(j, "%s", affiliation_name(room_affiliation(room_of(j->home), who)));
	return call_done(j);
}

/* ---- Change one ---------------------------------------------------------------------------------------------- */

static const char *const affiliation_names[] = { [AFF_OUTCAST] = "outcast",
	[AFF_NONE] = "none",
	[AFF_MEMBER] = "member",
	[AFF_ADMIN] = "admin",
	[AFF_OWNER] = "owner",
	NULL };

struct set_args {
	const char *room, *service, *user, *host;
	int64_t affiliation;
};

static const struct field set_fields[] = {
	ROOM_FIELDS(struct set_args),
	USER_FIELDS(struct set_args),
	ENUM_FIELD(struct set_args, affiliation, .choices = affiliation_names,
		.flags = FIELD_REQUIRED, .doc = "What it becomes"),
	END_FIELDS,
};

struct subscribe_args {
	const char *user, *host, *nick, *room, *service;
	const char *const *nodes;
};

static const struct field subscribe_fields[] = {
	USER_FIELDS(struct subscribe_args),
	TEXT_FIELD(struct subscribe_args, nick, .flags = FIELD_REQUIRED,
		.doc = "The nick that is reserved for it; may be empty"),
	ROOM_FIELDS(struct subscribe_args),
	LIST_FIELD(struct subscribe_args, nodes, .max = 16,
		.doc = "Events to be sent, such as urn:xmpp:mucsub:nodes:messages; none: it is a member only"),
	END_FIELDS,
};

struct unsubscribe_args {
	const char *user, *host, *room, *service;
};

static const struct field unsubscribe_fields[] = {
	USER_FIELDS(struct unsubscribe_args),
	ROOM_FIELDS(struct unsubscribe_args),
	END_FIELDS,
};

struct many_args {
	const char *room, *service;
	const char *const *users, *const *nodes;
};

static const struct field many_fields[] = {
	LIST_FIELD(struct many_args, users, .max = CHANGES_MAX, .flags = FIELD_REQUIRED,
		.doc = "Accounts as user@host:nick, with commas between them; the nick may be left out"),
	ROOM_FIELDS(struct many_args),
	LIST_FIELD(struct many_args, nodes, .max = 16,
		.doc = "Events to be sent, such as urn:xmpp:mucsub:nodes:messages; none: it is a member only"),
	END_FIELDS,
};

static step_fn set, subscribe, subscribe_all, unsubscribe, changed;

/* c->who becomes that; nick NULL or empty: he keeps the one that he has. */
static void
fill(struct job *j, struct affiliation_change *c, enum affiliation to, const char *nick)
{
	const struct affiliate *was = affiliate_find(room_of(j->home), jid_full(c->who));

	c->to = to;
	if (nick && *nick)
		c->nick = jid_prep_resource(j->arena, str_of(nick));
	else if (was && was->nick && to >= AFF_MEMBER)
		c->nick = arena_text(j->arena, was->nick);
}

struct step
call_write_changes(struct job *j, struct change_set *all)
{
	enum cond why = changes_check(room_of(j->home), all);

	if (why == COND_RESOURCE_CONSTRAINT)
		return call_error(j, "too_many", "the room has as many members as it may have");
	if (why)
		return call_error(j, "conflict", "that nick is another's");
	j->state = all;
	return changes_write(j, all, changed, NULL, 0);
}

static struct step
change(struct job *j, const char *user, const char *host, enum affiliation to)
{
	struct change_set *all = ARENA_NEW(j->arena, struct change_set);
	struct affiliation_change *c = &all->list[all->count++];

	if (jid_make(j->arena, str_of(user), str_of(host), STR_NONE, &c->who) != JID_OK)
		return call_error(j, "invalid_jid", "'%s@%s' is not an address", user, host);
	fill(j, c, to, NULL);
	return call_write_changes(j, all);
}

/* Without nodes it gets no events, but is a member. */
static void
set_events(struct affiliation_change *c, const char *const *nodes)
{
	c->sets_events = nodes && *nodes;
	for (; nodes && *nodes; nodes++)
		c->events |= room_event_bit(*nodes);
}

static struct step
changed(struct job *j)
{
	changes_apply(room_of(j->home), j->state);
	return call_done(j);
}

static struct step
set_run(struct job *j)
{
	const struct set_args *a = CALL_ARGS(j, struct set_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, set);
}

static struct step
set(struct job *j)
{
	const struct set_args *a = CALL_ARGS(j, struct set_args);

	return change(j, a->user, a->host, (enum affiliation)a->affiliation);
}

static struct step
subscribe_run(struct job *j)
{
	const struct subscribe_args *a = CALL_ARGS(j, struct subscribe_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, subscribe);
}

static struct step
subscribe(struct job *j)
{
	const struct subscribe_args *a = CALL_ARGS(j, struct subscribe_args);
	struct change_set *all = ARENA_NEW(j->arena, struct change_set);
	struct affiliation_change *c = &all->list[all->count++];
	enum affiliation is;

	if (jid_make(j->arena, str_of(a->user), str_of(a->host), STR_NONE, &c->who) != JID_OK)
		return call_error(j, "invalid_jid", "'%s@%s' is not an address", a->user, a->host);
	is = room_affiliation(room_of(j->home), c->who);
	fill(j, c, is > AFF_MEMBER ? is : AFF_MEMBER, a->nick);
	set_events(c, a->nodes);
	return call_write_changes(j, all);
}

static struct step
subscribe_many_run(struct job *j)
{
	const struct many_args *a = CALL_ARGS(j, struct many_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, subscribe_all);
}

/* All or none. */
static struct step
subscribe_all(struct job *j)
{
	const struct many_args *a = CALL_ARGS(j, struct many_args);
	struct change_set *all = ARENA_NEW(j->arena, struct change_set);

	for (size_t i = 0; a->users && a->users[i]; i++) {
		struct affiliation_change *c = &all->list[all->count++];
		struct str nick = str_of(a->users[i]), jid = str_cut(&nick, ':');
		enum affiliation is;

		if (jid_parse(j->arena, jid, &c->who) != JID_OK || c->who.local == 0 ||
			jid_is_full(c->who))
			return call_error(
				j, "invalid_jid", "'%s' is not user@host:nick", a->users[i]);
		is = room_affiliation(room_of(j->home), c->who);
		fill(j, c, is > AFF_MEMBER ? is : AFF_MEMBER,
			nick.p ? arena_str(j->arena, nick) : NULL);
		set_events(c, a->nodes);
	}
	return call_write_changes(j, all);
}

static struct step
unsubscribe_run(struct job *j)
{
	const struct unsubscribe_args *a = CALL_ARGS(j, struct unsubscribe_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, unsubscribe);
}

static struct step
unsubscribe(struct job *j)
{
	const struct unsubscribe_args *a = CALL_ARGS(j, struct unsubscribe_args);

	return change(j, a->user, a->host, AFF_NONE);
}

static step_fn subscribers_list;

static struct step
subscribers_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, subscribers_list);
}

static struct step
subscribers_list(struct job *j)
{
	for_each_affiliate(n, room_of(j->home))
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);

		if (one->affiliation >= AFF_MEMBER)
			CALL_ROW(j, one->jid);
	}
	return call_done(j);
}

/* ---- Rooms of an account -------------------------------------------------------------------------------------- */

struct user_args {
	const char *user, *host;
};

static const struct field user_fields[] = { USER_FIELDS(struct user_args), END_FIELDS };

static step_fn rooms_list, subscriptions_list;

static struct step
ask_rooms(struct job *j, step_fn *next)
{
	const struct user_args *a = CALL_ARGS(j, struct user_args);
	struct jid who;

	if (jid_make(j->arena, str_of(a->user), str_of(a->host), STR_NONE, &who) != JID_OK)
		return call_error(j, "invalid_jid", "'%s@%s' is not an address", a->user, a->host);
	return job_query(j, next, &room_queries[MEMBER_LIST], ARGS(of_jid(who)));
}

static struct step
rooms_run(struct job *j)
{
	return ask_rooms(j, rooms_list);
}

static struct step
rooms_list(struct job *j)
{
	for (size_t i = 0; i < j->rows->count; i++)
		CALL_ROW(j, row_str(j->rows, i, 0).p);
	return call_done(j);
}

static struct step
subscriptions_run(struct job *j)
{
	return ask_rooms(j, subscriptions_list);
}

/* With commas between them. */
static const char *
nodes_text(struct arena *a, unsigned events)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	struct xml *all = xml_new(a, NS_MUCSUB, "all");

	room_event_nodes(a, all, events);
	xml_for_each(x, all)
	{
		buf_printf(&b, "%s%s", buf_len(&b) > 0 ? "," : "", xml_get(x, "node"));
	}
	return arena_str(a, buf_str(&b));
}

static struct step
subscriptions_list(struct job *j)
{
	for (size_t i = 0; i < j->rows->count; i++)
		CALL_ROW(j, row_str(j->rows, i, 0).p, row_str(j->rows, i, 2).p,
			affiliation_name((enum affiliation)row_int(j->rows, i, 1)),
			nodes_text(j->arena, (unsigned)row_int(j->rows, i, 3)));
	return call_done(j);
}

/* ---- Invitations -------------------------------------------------------------------------------------------------- */

struct invite_args {
	const char *room, *service, *password, *reason;
	const char *const *users;
};

static const struct field invite_fields[] = {
	ROOM_FIELDS(struct invite_args),
	TEXT_FIELD(struct invite_args, password, .flags = FIELD_REQUIRED | FIELD_SECRET,
		.doc = "Of the room; none: no password"),
	TEXT_FIELD(struct invite_args, reason, .flags = FIELD_REQUIRED,
		.doc = "What the guests read; none: nothing"),
	LIST_FIELD(struct invite_args, users, .max = 1000, .flags = FIELD_REQUIRED,
		.doc = "Addresses with commas between them"),
	END_FIELDS,
};

static step_fn invite;

static struct step
invite_run(struct job *j)
{
	const struct invite_args *a = CALL_ARGS(j, struct invite_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, invite);
}

static const char *
unless_none(const char *text)
{
	return text && *text && !text_eq(text, "none") ? text : NULL;
}

static struct step
invite(struct job *j)
{
	const struct invite_args *a = CALL_ARGS(j, struct invite_args);
	struct jid to;

	for (size_t i = 0; a->users && a->users[i]; i++) {
		struct arena *arena = arena_new(0);
		struct xml *x = xml_new(arena, NS_CONFERENCE, "x");
		const struct stanza *s;

		xml_attr(arena, x, "jid", jid_text(arena, j->owner));
		xml_attr(arena, x, "password", unless_none(a->password));
		xml_attr(arena, x, "reason", unless_none(a->reason));
		if (jid_parse(j->arena, str_of(a->users[i]), &to) != JID_OK || to.local == 0) {
			arena_free(&arena);
			return call_error(j, "invalid_jid", "'%s' is not an address", a->users[i]);
		}
		s = stanza_new(&arena, STANZA_MESSAGE, MESSAGE_NORMAL, j->owner, to, NULL, x);
		route(j->worker, &s, NULL);
	}
	return call_done(j);
}

/* ---- The table ----------------------------------------------------------------------------------------------------- */

const struct command member_commands[] = {
	{ "get_room_affiliations", MUC_TAG, 0, ARGS_OF(room), affiliations_run,
		"jid\taffiliation\treason", "List who belongs to a room or is banned from it",
		"get_room_affiliations tea conference.example.org" },
	{ "get_room_affiliation", MUC_TAG, 0, ARGS_OF(jid), affiliation_run, NULL,
		"Show somebody's affiliation with a room",
		"get_room_affiliation tea conference.example.org alice@example.org" },
	{ "set_room_affiliation", MUC_TAG, COMMAND_WRITE, ARGS_OF(set), set_run, NULL,
		"Change somebody's affiliation with a room",
		"set_room_affiliation tea conference.example.org alice example.org member" },
	{ "subscribe_room", MUC_TAG, COMMAND_WRITE, ARGS_OF(subscribe), subscribe_run, NULL,
		"Make an account a member of a room",
		"subscribe_room alice example.org Alice tea conference.example.org" },
	{ "subscribe_room_many", MUC_TAG, COMMAND_WRITE, ARGS_OF(many), subscribe_many_run, NULL,
		"Make accounts members of a room, all of them or none",
		"subscribe_room_many alice@example.org:Alice,bob@example.org:Bob tea "
		"conference.example.org" },
	{ "unsubscribe_room", MUC_TAG, COMMAND_WRITE, ARGS_OF(unsubscribe), unsubscribe_run, NULL,
		"End the membership of an account",
		"unsubscribe_room alice example.org tea conference.example.org" },
	{ "get_subscribers", MUC_TAG, 0, ARGS_OF(room), subscribers_run, "jid",
		"List the members, admins and owners of a room",
		"get_subscribers tea conference.example.org" },
	{ "get_user_rooms", MUC_TAG, 0, ARGS_OF(user), rooms_run, "room",
		"List the rooms that an account belongs to", "get_user_rooms alice example.org" },
	{ "get_user_subscriptions", MUC_TAG, 0, ARGS_OF(user), subscriptions_run,
		"room\tnick\taffiliation\tevents",
		"List the rooms of an account with its nicks there",
		"get_user_subscriptions alice example.org" },
	{ "send_direct_invitation", MUC_TAG, COMMAND_WRITE | COMMAND_SECRET, ARGS_OF(invite),
		invite_run, NULL, "Invite users to a room (XEP-0249)",
		"send_direct_invitation tea conference.example.org none Come alice@example.org" },
	END_COMMANDS,
};
