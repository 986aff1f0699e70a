/*
 * commands_process.c -- contacts of all rosters that are of some kind: listed, or deleted.
 *
 * Accounts come from the store, page by page, and the rows of those that are meant.  What is to be
 * deleted is deleted at the account's home, as delete_rosteritem does.
 *
 * Runs on: the worker where the call began; the accounts' homes.
 */
#include "admin/command_own.h"

#include "home/roster.h"

#include <fnmatch.h>

#define PAGE 500
#define WAIT 20

enum { USERS, ITEMS, PENDING };

const struct query commands_process_queries[] = {
	[USERS] = { "admin_roster_users",
		"SELECT owner FROM account WHERE owner > ? ORDER BY owner LIMIT ?", NULL },
	[ITEMS] = { "admin_roster_items",
		"SELECT contact, subscription, ask FROM roster WHERE owner = ? AND removed = 0",
		NULL },
	[PENDING] = { "admin_roster_pending", "SELECT contact FROM pending WHERE owner = ?", NULL },
	END_QUERIES,
};

/* ---- Arguments ------------------------------------------------------------------------------- */

enum { ACTION_LIST, ACTION_DELETE };

static const char *const actions[] = { [ACTION_LIST] = "list", [ACTION_DELETE] = "delete", NULL };

struct process_args {
	int64_t action;
	const char *subs, *asks, *users, *contacts;
};

static const struct field process_fields[] = {
	ENUM_FIELD(struct process_args, action, .choices = actions, .flags = FIELD_REQUIRED,
		.doc = "What becomes of them"),
	TEXT_FIELD(struct process_args, subs, .min = 1, .max = 100, .flags = FIELD_REQUIRED,
		.doc = "Subscriptions with : between them: none, from, to, both; or any"),
	TEXT_FIELD(struct process_args, asks, .min = 1, .max = 100, .flags = FIELD_REQUIRED,
		.doc = "Requests that wait, with : between them: none, out, in; or any"),
	TEXT_FIELD(struct process_args, users, .min = 1, .max = 3000, .flags = FIELD_REQUIRED,
		.doc = "Accounts with : between them, in which * and ? stand for others; or any"),
	TEXT_FIELD(struct process_args, contacts, .min = 1, .max = 3000, .flags = FIELD_REQUIRED,
		.doc = "Contacts in the same way"),
	END_FIELDS,
};

static const char *const subs_names[] = {
	[SUB_NONE] = "none", [SUB_TO] = "to", [SUB_FROM] = "from", [SUB_BOTH] = "both", NULL
};

enum { ASK_NONE, ASK_OUT, ASK_IN };

static const char *const ask_names[] = {
	[ASK_NONE] = "none", [ASK_OUT] = "out", [ASK_IN] = "in", NULL
};

struct process {
	unsigned subs, asks; /* bits */
	const char *const *users, *const *contacts; /* patterns; NULL: any */
	struct arena *page; /* of owners */
	struct jid *owners;
	size_t count, at;
	const char *after; /* the page's last */
	bool is_last;
	struct arena *one; /* of an account's contacts */
	struct jid *found;
	size_t found_count, found_at;
};

static step_fn ask_users, users_page, next_user, items_read, delete_here, delete_next;

/* The bits of the names with : between them; 0: one is none of them. */
static unsigned
bits_of(const char *text, const char *const *names)
{
	struct str rest = str_of(text);
	unsigned bits = 0, bit;

	if (text_eq(text, "any"))
		return ~0u;
	while (rest.p) {
		struct str one = str_cut(&rest, ':');

		bit = 0;
		for (unsigned i = 0; names[i]; i++)
			bit |= str_is(one, names[i]) ? 1u << i : 0;
		if (!bit)
			return 0;
		bits |= bit;
	}
	return bits;
}

/* The patterns in a, NULL at the end; «any»: NULL. */
static const char *const *
patterns_of(struct arena *a, const char *text)
{
	struct str rest = str_of(text);
	const char **out;
	size_t n = 0;

	if (text_eq(text, "any"))
		return NULL;
	out = ARENA_ARRAY(a, const char *, rest.n + 2);
	while (rest.p)
		out[n++] = arena_str(a, str_cut(&rest, ':'));
	return out;
}

static bool
is_meant(const char *const *patterns, const char *jid)
{
	for (; patterns && *patterns; patterns++) {
		if (fnmatch(*patterns, jid, 0) == 0)
			return true;
	}
	return !patterns;
}

static void
drop(void *state)
{
	struct process *p = state;

	arena_free(&p->page);
	arena_free(&p->one);
}

static struct step
process_run(struct job *j)
{
	const struct process_args *a = CALL_ARGS(j, struct process_args);
	struct process *p = ARENA_NEW(j->arena, struct process);

	p->subs = bits_of(a->subs, subs_names);
	p->asks = bits_of(a->asks, ask_names);
	if (!p->subs)
		return call_error(
			j, "bad_request", "'%s' is not none, from, to, both or any", a->subs);
	if (!p->asks)
		return call_error(j, "bad_request", "'%s' is not none, out, in or any", a->asks);
	p->users = patterns_of(j->arena, a->users);
	p->contacts = patterns_of(j->arena, a->contacts);
	p->after = "";
	j->state = p;
	arena_keep(j->arena, drop, p);
	return ask_users(j);
}

/* ---- Accounts -------------------------------------------------------------------------------- */

static struct step
ask_users(struct job *j)
{
	const struct process *p = j->state;

	return job_query(j, users_page, &commands_process_queries[USERS],
		ARGS(of_text(p->after), of_int(PAGE)));
}

static struct step
users_page(struct job *j)
{
	struct process *p = j->state;
	size_t count = j->rows->count;

	arena_free(&p->page);
	p->page = arena_new(0);
	p->owners = ARENA_ARRAY(p->page, struct jid, count + 1);
	p->count = p->at = 0;
	p->is_last = count < PAGE;
	p->after = count > 0 ? arena_str(p->page, row_str(j->rows, count - 1, 0)) : "";
	for (size_t i = 0; i < count; i++) {
		if (is_meant(p->users, row_str(j->rows, i, 0).p))
			p->count += jid_parse(p->page, row_str(j->rows, i, 0),
					    &p->owners[p->count]) == JID_OK;
	}
	return next_user(j);
}

static struct step
next_user(struct job *j)
{
	const struct process *p = j->state;
	struct value owner;

	if (p->at == p->count)
		return p->is_last ? call_done(j) : ask_users(j);
	owner = of_jid(p->owners[p->at]);
	return job_query_all(j, items_read,
		(const struct ask[]){ { &commands_process_queries[ITEMS], &owner, 1 },
			{ &commands_process_queries[PENDING], &owner, 1 } },
		2);
}

/* ---- Contacts -------------------------------------------------------------------------------- */

static bool
is_in(const struct rows *rows, struct str contact)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (str_eq(row_str(rows, i, 0), contact))
			return true;
	}
	return false;
}

static void
take(struct job *j, struct str contact, int64_t subscription, bool out, bool in)
{
	struct process *p = j->state;
	unsigned asks = (out ? 1u << ASK_OUT : 0) | (in ? 1u << ASK_IN : 0);
	struct jid *found = &p->found[p->found_count];

	if (subscription < SUB_NONE || subscription > SUB_BOTH || !(p->subs & 1u << subscription) ||
		!(p->asks & (asks ? asks : 1u << ASK_NONE)) || !is_meant(p->contacts, contact.p) ||
		jid_parse(p->one, contact, found) != JID_OK)
		return;
	CALL_ROW(j, jid_text(p->one, p->owners[p->at]), jid_text(p->one, *found));
	p->found_count++;
}

static struct step
items_read(struct job *j)
{
	const struct process_args *a = CALL_ARGS(j, struct process_args);
	struct process *p = j->state;
	const struct rows *items = j->results[0], *pending = j->results[1];

	arena_free(&p->one);
	p->one = arena_new(0);
	p->found = ARENA_ARRAY(p->one, struct jid, items->count + pending->count + 1);
	p->found_count = p->found_at = 0;
	for (size_t i = 0; i < items->count; i++)
		take(j, row_str(items, i, 0), row_int(items, i, 1), row_int(items, i, 2) != 0,
			is_in(pending, row_str(items, i, 0)));
	for (size_t i = 0; i < pending->count; i++) {
		if (!is_in(items, row_str(pending, i, 0)))
			take(j, row_str(pending, i, 0), SUB_NONE, false, true);
	}
	p->at++;
	if (a->action == ACTION_DELETE && p->found_count > 0)
		return job_go_to(j, delete_here, p->owners[p->at - 1]);
	if (a->action == ACTION_DELETE)
		return next_user(j);
	return call_flush(j) ? job_sleep(j, next_user, WAIT) : next_user(j);
}

static struct step
delete_here(struct job *j)
{
	return j->account->exists ? delete_next(j) : next_user(j);
}

static struct step
delete_next(struct job *j)
{
	struct process *p = j->state;

	if (p->found_at == p->found_count)
		return next_user(j);
	return roster_admin_remove(j, delete_next, p->found[p->found_at++]);
}

/* ---- The table ------------------------------------------------------------------------------- */

const struct command commands_process[] = {
	{ "process_rosteritems", "roster", COMMAND_WRITE, process_fields,
		sizeof(struct process_args), process_run, "user\tcontact",
		"List or delete the contacts of all rosters that are of some kind",
		"process_rosteritems list none any '*@example.org' '*@*.test'" },
	END_COMMANDS,
};
