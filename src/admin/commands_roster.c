/*
 * commands_roster.c -- rosters, read and changed without asking anybody.
 *
 * Runs on: the account's home.
 */
#include "admin/command_own.h"

#include "home/presence.h"
#include "home/roster.h"

/* ---- Arguments ------------------------------------------------------------------------ */

struct account_args {
	const char *user, *host;
};

struct contact_args {
	const char *localuser, *localhost, *user, *host;
};

struct item_args {
	const char *localuser, *localhost, *user, *host, *nick;
	const char *const *groups;
	int64_t subs;
};

static const char *const subs_names[] = {
	[SUB_NONE] = "none", [SUB_TO] = "to", [SUB_FROM] = "from", [SUB_BOTH] = "both", NULL
};

static const struct field account_fields[] = {
	TEXT_FIELD(struct account_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	TEXT_FIELD(struct account_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Its virtual host"),
	END_FIELDS,
};

#define CONTACT_FIELDS(T)                                                                          \
	TEXT_FIELD(T, localuser, .min = 1, .flags = FIELD_REQUIRED, .doc = "Whose roster it is"),  \
		TEXT_FIELD(T, localhost, .min = 1, .flags = FIELD_REQUIRED,                        \
			.doc = "Virtual host of that account"),                                    \
		TEXT_FIELD(T, user, .flags = FIELD_REQUIRED,                                       \
			.doc = "The contact's name; empty: the contact is a domain"),              \
		TEXT_FIELD(                                                                        \
			T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "The contact's domain")

static const struct field contact_fields[] = { CONTACT_FIELDS(struct contact_args), END_FIELDS };

static const struct field item_fields[] = {
	CONTACT_FIELDS(struct item_args),
	TEXT_FIELD(struct item_args, nick, .max = 1023, .flags = FIELD_REQUIRED,
		.doc = "The name that is shown; may be empty"),
	LIST_FIELD(struct item_args, groups, .max = 32, .flags = FIELD_REQUIRED,
		.doc = "Groups, with commas between them; may be empty"),
	ENUM_FIELD(struct item_args, subs, .choices = subs_names, .flags = FIELD_REQUIRED,
		.doc = "Who sees whose presence"),
	END_FIELDS,
};

/* ---- Read ------------------------------------------------------------------------------ */

/* What an administrator sees as an entry: also somebody who waits for an answer. */
static bool
is_listed(const struct roster_item *i)
{
	return i->in_roster || i->pending;
}

static const char *
pending_of(const struct roster_item *i)
{
	if (i->ask)
		return i->pending ? "both" : "out";
	return i->pending ? "in" : "none";
}

/* One a line, for a cell of kind list. */
static const char *
groups_of(struct arena *a, const struct roster_item *i)
{
	struct buf b = BUF_INIT;
	const char *text;

	for (size_t k = 0; i->groups && i->groups[k]; k++)
		buf_printf(&b, "%s%s", k > 0 ? "\n" : "", i->groups[k]);
	text = arena_text(a, buf_text(&b));
	buf_fini(&b);
	return text;
}

#define for_each_item(it, roster)                                                                  \
	for (struct hash_node *it = hash_next(&(roster)->items, NULL); it;                         \
		it = hash_next(&(roster)->items, it))

static struct step
get_roster_run(struct job *j)
{
	for_each_item(n, j->account->roster)
	{
		const struct roster_item *i = CONTAINER(n, struct roster_item, node);

		if (is_listed(i))
			CALL_ROW(j, jid_text(j->arena, i->contact), i->name,
				subs_names[i->subscription], pending_of(i), groups_of(j->arena, i));
	}
	return call_done(j);
}

static struct step
count_run(struct job *j)
{
	int64_t count = 0;

	for_each_item(n, j->account->roster) count +=
		is_listed(CONTAINER(n, struct roster_item, node));
	call_number(j, count);
	return call_done(j);
}

/* ---- Change ------------------------------------------------------------------------------ */

static bool
contact_of(struct job *j, const char *user, const char *host, struct jid *contact)
{
	struct str local = *user ? str_of(user) : STR_NONE;

	return jid_make(j->arena, local, str_of(host), STR_NONE, contact) == JID_OK;
}

struct change {
	struct jid contact;
	bool saw_me; /* before */
};

/* Presence follows the subscription. */
static struct step
item_added(struct job *j)
{
	const struct change *c = j->state;
	bool sees_me = roster_sees_me(roster_find(j->account, c->contact));

	if (sees_me && !c->saw_me)
		presence_show_to(j->account, c->contact);
	else if (!sees_me && c->saw_me)
		presence_hide_from(j->account, c->contact);
	return call_done(j);
}

static struct step
add_run(struct job *j)
{
	const struct item_args *a = CALL_ARGS(j, struct item_args);
	struct change *c = ARENA_NEW(j->arena, struct change);

	if (!contact_of(j, a->user, a->host, &c->contact))
		return call_error(j, "invalid_jid", "'%s@%s' is not an address", a->user, a->host);
	if (jid_eq(c->contact, j->owner))
		return call_error(j, "bad_request", "an account is not a contact of its own");
	c->saw_me = roster_sees_me(roster_find(j->account, c->contact));
	j->state = c;
	return roster_admin_set(
		j, item_added, c->contact, a->nick, a->groups, (enum subscription)a->subs);
}

static struct step
item_deleted(struct job *j)
{
	return call_done(j);
}

static struct step
delete_run(struct job *j)
{
	const struct contact_args *a = CALL_ARGS(j, struct contact_args);
	const struct roster_item *i;
	struct jid contact;

	if (!contact_of(j, a->user, a->host, &contact))
		return call_error(j, "invalid_jid", "'%s@%s' is not an address", a->user, a->host);
	i = roster_find(j->account, contact);
	if (!i || !i->in_roster)
		return call_error(j, "not_found", "%.*s is not in the roster of %.*s",
			STR_ARG(jid_full(contact)), STR_ARG(jid_full(j->owner)));
	return roster_admin_remove(j, item_deleted, contact);
}

/* ---- The table ----------------------------------------------------------------------------- */

#define TAG "roster"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_roster[] = {
	{ "get_roster", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(account),
		get_roster_run, "jid\tnick\tsubscription\tpending\tgroups:list",
		"List the contacts of an account and who waits for its answer",
		"get_roster alice example.org" },
	{ "get_roster_count", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(account),
		count_run, NULL, "Count what get_roster lists",
		"get_roster_count alice example.org" },
	{ "add_rosteritem", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(item), add_run, NULL,
		"Add a contact to an account's roster or replace it; the contact's own roster stays as "
		"it is",
		"add_rosteritem alice example.org bob example.org Bob Friends,Team both" },
	{ "delete_rosteritem", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(contact), delete_run, NULL,
		"Remove a contact from an account's roster and end the subscriptions",
		"delete_rosteritem alice example.org bob example.org" },
	END_COMMANDS,
};
