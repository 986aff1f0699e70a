/*
 * commands_account.c -- accounts: make, delete, list, check, ban.
 *
 * Runs on: the worker of the job.
 */
#include "admin/command_own.h"

#include "home/credential.h"

#include <stdio.h>

/* Rows of one page of a list. */
#define PAGE 1000
/* How long a list waits for a slow reader between two looks. */
#define WAIT 20

enum account_query { USERS_OF_HOST, BANNED_OF_HOST, BANNED_COUNT, ACCOUNT_DISABLE };

const struct query commands_account_queries[] = {
	[USERS_OF_HOST] = { "admin_users",
		"SELECT owner FROM account WHERE host = ? AND owner > ? ORDER BY owner LIMIT 1000",
		NULL },
	[BANNED_OF_HOST] = { "admin_banned",
		"SELECT owner FROM account WHERE host = ? AND owner > ? AND disabled <> 0"
		" ORDER BY owner LIMIT 1000",
		NULL },
	[BANNED_COUNT] = { "admin_banned_count",
		"SELECT COUNT(*) FROM account WHERE host = ? AND disabled <> 0", NULL },
	[ACCOUNT_DISABLE] = { "admin_disable", "UPDATE account SET disabled = ? WHERE owner = ?",
		NULL },
	END_QUERIES,
};

/* ---- Arguments ---------------------------------------------------------------------- */

struct account_args {
	const char *user, *host;
};

struct password_args {
	const char *user, *host, *password;
};

struct reason_args {
	const char *user, *host, *reason;
};

struct host_args {
	const char *host;
};

#define USER_FIELDS(T)                                                                             \
	TEXT_FIELD(T, user, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the account"),      \
		TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Its virtual host")

static const struct field account_fields[] = { USER_FIELDS(struct account_args), END_FIELDS };

static const struct field password_fields[] = {
	USER_FIELDS(struct password_args),
	TEXT_FIELD(struct password_args, password, .min = 1, .flags = FIELD_REQUIRED | FIELD_SECRET,
		.doc = "Password"),
	END_FIELDS,
};

static const struct field reason_fields[] = {
	USER_FIELDS(struct reason_args),
	TEXT_FIELD(struct reason_args, reason, .max = 1000, .flags = FIELD_REQUIRED,
		.doc = "What the user is told"),
	END_FIELDS,
};

static const struct field host_fields[] = {
	TEXT_FIELD(
		struct host_args, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Virtual host"),
	END_FIELDS,
};

/* ---- Credentials --------------------------------------------------------------------- */

/* call_done with that line (NULL: none), or what went wrong. */
static struct step
credential_said(struct job *j, const char *done)
{
	struct str who = jid_full(j->owner);

	switch (credential_result_of(j)) {
	case CREDENTIAL_OK:
		break;
	case CREDENTIAL_CONFLICT:
		return call_error(j, "conflict", "User %.*s already registered", STR_ARG(who));
	case CREDENTIAL_NOT_FOUND:
		return call_error(j, "not_found", "User %.*s does not exist", STR_ARG(who));
	case CREDENTIAL_WRONG:
		return call_error(
			j, "wrong_password", "the password of %.*s is another one", STR_ARG(who));
	case CREDENTIAL_BAD_PASSWORD:
		return call_error(
			j, "bad_password", "the password is empty or has forbidden characters");
	case CREDENTIAL_AWAY:
		return call_error(j, "unavailable",
			"the store is away or the server too busy, try again later");
	}
	if (done)
		call_line(j, "User %.*s %s", STR_ARG(who), done);
	return call_done(j);
}

static struct str
password_of(const struct job *j)
{
	return str_of(CALL_ARGS(j, struct password_args)->password);
}

static struct step
registered(struct job *j)
{
	return credential_said(j, "successfully registered");
}

static struct step
register_run(struct job *j)
{
	return credential_create(j, registered, j->owner, password_of(j));
}

static struct step
changed(struct job *j)
{
	return credential_said(j, NULL);
}

static struct step
change_run(struct job *j)
{
	return credential_change(j, changed, j->owner, password_of(j));
}

static struct step
check_run(struct job *j)
{
	return credential_check(j, changed, j->owner, password_of(j));
}

static struct step
unregistered(struct job *j)
{
	return credential_said(j, "successfully unregistered");
}

static struct step
unregister_run(struct job *j)
{
	return credential_remove(j, unregistered, j->owner);
}

static struct step
check_account_run(struct job *j)
{
	return call_done(j);
}

/* ---- Lists ---------------------------------------------------------------------------- */

struct users {
	const char *host; /* prepared */
	const char *last; /* owner in the last row so far */
	enum account_query query;
};

static step_fn users_ask, users_page, users_wait;

static struct step
list_accounts(struct job *j, enum account_query query)
{
	const char *name = CALL_ARGS(j, struct host_args)->host;
	const struct host *host = find_host(j, name);
	struct users *u = ARENA_NEW(j->arena, struct users);

	if (!host)
		return no_host(j, name);
	u->host = arena_text(j->arena, host->name);
	u->last = "";
	u->query = query;
	j->state = u;
	return users_ask(j);
}

static struct step
users_run(struct job *j)
{
	return list_accounts(j, USERS_OF_HOST);
}

static struct step
users_ask(struct job *j)
{
	const struct users *u = j->state;

	return job_query(j, users_page, &commands_account_queries[u->query],
		ARGS(of_text(u->host), of_text(u->last)));
}

static struct step
users_page(struct job *j)
{
	struct users *u = j->state;
	size_t count = j->rows->count;
	char text[JID_MAX + 1];

	for (size_t i = 0; i < count; i++) {
		struct str owner = row_str(j->rows, i, 0), rest = owner;

		if (u->query == USERS_OF_HOST)
			owner = str_cut(&rest, '@');
		(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(owner));
		CALL_ROW(j, text);
	}
	if (count < PAGE)
		return call_done(j);
	u->last = arena_str(j->arena, row_str(j->rows, count - 1, 0));
	return call_flush(j) ? job_sleep(j, users_wait, WAIT) : users_ask(j);
}

/* The reader may have caught up. */
static struct step
users_wait(struct job *j)
{
	return call_flush(j) ? job_sleep(j, users_wait, WAIT) : users_ask(j);
}

static struct step
vhosts_run(struct job *j)
{
	const struct config *c = config_of(j->worker);

	for (size_t i = 0; i < c->hosts_count; i++)
		CALL_ROW(j, c->hosts[i]->name);
	return call_done(j);
}

/* ---- Ban ------------------------------------------------------------------------------- */

static struct step
disable(struct job *j, step_fn *next, int64_t disabled)
{
	return job_query(j, next, &commands_account_queries[ACCOUNT_DISABLE],
		ARGS(of_int(disabled), of_jid(j->owner)));
}

static struct step
banned(struct job *j)
{
	const char *reason = CALL_ARGS(j, struct reason_args)->reason;

	j->account->disabled = true;
	for_each_session(s, j->account)
		session_close(s, STREAM_COND_POLICY_VIOLATION, reason);
	return call_done(j);
}

static struct step
ban_run(struct job *j)
{
	return disable(j, banned, 1);
}

static struct step
unbanned(struct job *j)
{
	j->account->disabled = false;
	return call_done(j);
}

static struct step
unban_run(struct job *j)
{
	return disable(j, unbanned, 0);
}

static struct step
list_banned_run(struct job *j)
{
	return list_accounts(j, BANNED_OF_HOST);
}

static struct step
banned_counted(struct job *j)
{
	call_number(j, row_int(j->rows, 0, 0));
	return call_done(j);
}

static struct step
count_banned_run(struct job *j)
{
	const char *name = CALL_ARGS(j, struct host_args)->host;
	const struct host *host = find_host(j, name);

	return host ? job_query(j, banned_counted, &commands_account_queries[BANNED_COUNT],
			      ARGS(of_text(host->name)))
		    : no_host(j, name);
}

/* ---- The table --------------------------------------------------------------------------- */

#define TAG "accounts"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_account[] = {
	{ "register", TAG, COMMAND_WRITE | COMMAND_SECRET | COMMAND_AT_ACCOUNT, ARGS_OF(password),
		register_run, NULL, "Register an account", "register alice example.org secret" },
	{ "unregister", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT, ARGS_OF(account), unregister_run,
		NULL, "Delete an account and all that is kept for it",
		"unregister alice example.org" },
	{ "change_password", TAG, COMMAND_WRITE | COMMAND_SECRET | COMMAND_AT_ACCOUNT,
		ARGS_OF(password), change_run, NULL, "Set the password of an account",
		"change_password alice example.org -" },
	{ "check_account", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(account),
		check_account_run, NULL, "Tell by the exit code whether an account exists",
		"check_account alice example.org" },
	{ "check_password", TAG, COMMAND_SECRET | COMMAND_AT_ACCOUNT, ARGS_OF(password), check_run,
		NULL, "Tell by the exit code whether a password is right",
		"check_password alice example.org -" },
	{ "registered_users", TAG, 0, ARGS_OF(host), users_run, "user",
		"List the accounts of a host", "registered_users example.org" },
	{ "registered_vhosts", TAG, 0, NULL, 0, vhosts_run, "host", "List the virtual hosts",
		"registered_vhosts" },
	{ "ban_account", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(reason), ban_run, NULL,
		"Refuse logins to an account and close its sessions; its data stays",
		"ban_account mallory example.org 'sent spam'" },
	{ "unban_account", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(account), unban_run, NULL, "Allow logins to a banned account again",
		"unban_account mallory example.org" },
	{ "list_banned", TAG, 0, ARGS_OF(host), list_banned_run, "jid",
		"List the banned accounts of a host", "list_banned example.org" },
	{ "count_banned", TAG, 0, ARGS_OF(host), count_banned_run, NULL,
		"Count the banned accounts of a host", "count_banned example.org" },
	END_COMMANDS,
};
