/*
 * commands_push.c -- the same contacts for many rosters.
 *
 * Contacts come from a file (template.h) or are all accounts of a host.  Each roster is changed at its
 * account's home, a contact after the other, and what is there already as it should be is left alone;
 * so a command can be repeated after something broke off.
 *
 * Runs on: the worker where the call began; the accounts' homes.
 */
#include "admin/command_own.h"

#include "admin/template.h"
#include "home/presence.h"
#include "home/roster.h"

#include <inttypes.h>

#define FILE_MAX ((size_t)1024 * 1024)
/* Everybody knows everybody: the work grows with the square. */
#define PEOPLE_MAX 200
#define CONTACTS_MAX 5000

enum { USERS_OF };

const struct query commands_push_queries[] = {
	[USERS_OF] = { "admin_users_of", "SELECT owner FROM account WHERE host = ? LIMIT ?", NULL },
	END_QUERIES,
};

/* ---- Arguments ----------------------------------------------------------------------------- */

struct push_args {
	const char *file, *user, *host;
};

struct push_all_args {
	const char *file;
};

struct alltoall_args {
	const char *host, *group;
};

static const struct field push_fields[] = {
	CALL_FILE_FIELD(struct push_args),
	TEXT_FIELD(struct push_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	TEXT_FIELD(struct push_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Its virtual host"),
	END_FIELDS,
};

static const struct field push_all_fields[] = { CALL_FILE_FIELD(struct push_all_args), END_FIELDS };

static const struct field alltoall_fields[] = {
	TEXT_FIELD(struct alltoall_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Virtual host"),
	TEXT_FIELD(struct alltoall_args, group, .min = 1, .max = 1023, .flags = FIELD_REQUIRED,
		.doc = "Group of the contacts"),
	END_FIELDS,
};

/* ---- What is pushed ------------------------------------------------------------------------ */

struct contact {
	struct jid jid;
	const char *nick;
	const char *groups[2]; /* one and NULL, or NULL */
};

struct push {
	struct contact *contacts;
	size_t count;
	struct jid *owners; /* whose rosters */
	size_t owners_count, owner_at, contact_at;
	bool one; /* a single roster: its account must exist */
	bool saw_me; /* the contact, before */
	int64_t changed, missing;
};

static step_fn next_owner, at_owner, next_contact, contact_put, users_listed;
static call_text_fn with_template, with_templates;

static struct push *
push_new(struct job *j)
{
	struct push *p = ARENA_NEW(j->arena, struct push);

	j->state = p;
	return p;
}

/* False: *ended says why. */
static bool
read_contacts(struct job *j, struct str text, size_t most, struct step *ended)
{
	struct push *p = j->state;
	struct template_contact *list;
	struct err why;

	if (!template_parse(j->arena, text, most, &list, &p->count, &why)) {
		*ended = call_error(j, "bad_request", "%s", why.text);
		return false;
	}
	p->contacts = ARENA_ARRAY(j->arena, struct contact, p->count + 1);
	for (size_t i = 0; i < p->count; i++) {
		struct contact *c = &p->contacts[i];

		if (!*list[i].user || jid_make(j->arena, str_of(list[i].user), str_of(list[i].host),
					      STR_NONE, &c->jid) != JID_OK) {
			*ended = call_error(j, "bad_request", "line %zu: '%s@%s' is not an address",
				list[i].line, list[i].user, list[i].host);
			return false;
		}
		c->nick = list[i].nick;
		c->groups[0] = *list[i].group ? list[i].group : NULL;
	}
	return true;
}

static void
own_contacts(struct job *j)
{
	struct push *p = j->state;

	p->owners = ARENA_ARRAY(j->arena, struct jid, p->count + 1);
	p->owners_count = p->count;
	for (size_t i = 0; i < p->count; i++)
		p->owners[i] = p->contacts[i].jid;
}

static struct step
push_run(struct job *j)
{
	const struct push_args *a = CALL_ARGS(j, struct push_args);
	const struct host *h = find_host(j, a->host);
	struct push *p = push_new(j);

	if (!h)
		return no_host(j, a->host);
	p->owners = ARENA_NEW(j->arena, struct jid);
	p->owners_count = 1;
	p->one = true;
	if (jid_make(j->arena, str_of(a->user), str_of(h->name), STR_NONE, p->owners) != JID_OK)
		return call_error(j, "invalid_jid", "'%s' cannot be the name of a user", a->user);
	return call_read_file(j, a->file, FILE_MAX, with_template);
}

static struct step
with_template(struct job *j, struct str text)
{
	struct step ended;

	return read_contacts(j, text, CONTACTS_MAX, &ended) ? next_owner(j) : ended;
}

static struct step
push_all_run(struct job *j)
{
	(void)push_new(j);
	return call_read_file(
		j, CALL_ARGS(j, struct push_all_args)->file, FILE_MAX, with_templates);
}

static struct step
with_templates(struct job *j, struct str text)
{
	struct step ended;

	if (!read_contacts(j, text, PEOPLE_MAX, &ended))
		return ended;
	own_contacts(j);
	return next_owner(j);
}

static struct step
alltoall_run(struct job *j)
{
	const struct alltoall_args *a = CALL_ARGS(j, struct alltoall_args);
	const struct host *h = find_host(j, a->host);

	if (!h)
		return no_host(j, a->host);
	(void)push_new(j);
	return job_query(j, users_listed, &commands_push_queries[USERS_OF],
		ARGS(of_text(h->name), of_int(PEOPLE_MAX + 1)));
}

static struct step
users_listed(struct job *j)
{
	const struct alltoall_args *a = CALL_ARGS(j, struct alltoall_args);
	struct push *p = j->state;

	if (j->rows->count > PEOPLE_MAX)
		return call_error(j, "too_many", "the host has more than %d accounts", PEOPLE_MAX);
	p->contacts = ARENA_ARRAY(j->arena, struct contact, j->rows->count + 1);
	for (size_t i = 0; i < j->rows->count; i++) {
		struct contact *c = &p->contacts[p->count];

		if (jid_parse(j->arena, row_str(j->rows, i, 0), &c->jid) != JID_OK)
			continue;
		c->nick = arena_str(j->arena, jid_local(c->jid));
		c->groups[0] = a->group;
		p->count++;
	}
	own_contacts(j);
	return next_owner(j);
}

/* ---- One roster after the other ------------------------------------------------------------- */

/* Contacts at other servers have no roster here. */
static bool
is_ours(const struct job *j, struct jid who)
{
	return config_host(config_of(j->worker), jid_domain(who)) != NULL;
}

static struct step
next_owner(struct job *j)
{
	struct push *p = j->state;

	p->contact_at = 0;
	for (; p->owner_at < p->owners_count; p->owner_at++) {
		if (is_ours(j, p->owners[p->owner_at]))
			return job_go_to(j, at_owner, p->owners[p->owner_at++]);
		p->missing++;
	}
	if (p->one)
		return call_done(j);
	call_line(j, "Changed rosters: %" PRId64, p->changed);
	if (p->missing > 0)
		call_line(j, "Accounts that are not here: %" PRId64, p->missing);
	return call_done(j);
}

static struct step
at_owner(struct job *j)
{
	struct push *p = j->state;

	if (j->account->exists) {
		p->changed++;
		return next_contact(j);
	}
	if (p->one)
		return call_error(
			j, "not_found", "User %.*s does not exist", STR_ARG(jid_full(j->owner)));
	p->missing++;
	return next_owner(j);
}

static bool
is_as_wanted(const struct account *a, const struct contact *c)
{
	const struct roster_item *i = roster_find(a, c->jid);
	const char *name = i && i->name ? i->name : "";
	const char *group = i && i->groups ? i->groups[0] : NULL;

	if (!i || !i->in_roster || i->ask || i->subscription != SUB_BOTH ||
		!text_eq(name, c->nick) || !text_eq(group, c->groups[0]))
		return false;
	return !group || !i->groups[1];
}

static struct step
next_contact(struct job *j)
{
	struct push *p = j->state;

	while (p->contact_at < p->count) {
		const struct contact *c = &p->contacts[p->contact_at];

		if (!jid_eq(c->jid, j->owner) && !is_as_wanted(j->account, c)) {
			p->saw_me = roster_sees_me(roster_find(j->account, c->jid));
			return roster_admin_set(
				j, contact_put, c->jid, c->nick, c->groups, SUB_BOTH);
		}
		p->contact_at++;
	}
	return next_owner(j);
}

static struct step
contact_put(struct job *j)
{
	struct push *p = j->state;
	const struct contact *c = &p->contacts[p->contact_at++];

	if (!p->saw_me)
		presence_show_to(j->account, c->jid);
	return next_contact(j);
}

/* ---- The table ------------------------------------------------------------------------------- */

#define TAG "roster"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_push[] = {
	{ "push_roster", TAG, COMMAND_WRITE, ARGS_OF(push), push_run, NULL,
		"Add the contacts of a file to an account's roster, with subscription both",
		"push_roster team.txt alice example.org" },
	{ "push_roster_all", TAG, COMMAND_WRITE, ARGS_OF(push_all), push_all_run, NULL,
		"Make the accounts of a file, 200 at most, contacts of each other",
		"push_roster_all team.txt" },
	{ "push_alltoall", TAG, COMMAND_WRITE, ARGS_OF(alltoall), alltoall_run, NULL,
		"Make all accounts of a host, 200 at most, contacts of each other",
		"push_alltoall example.org Everybody" },
	END_COMMANDS,
};
