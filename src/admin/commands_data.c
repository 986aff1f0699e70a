/*
 * commands_data.c -- what is kept for an account is deleted, and the account stays.
 *
 * Its sessions are closed and no resource can be bound meanwhile, so that nothing in memory or in a
 * client is about rows that are gone; then the rows of the parts (home/portable.h) are deleted, and the
 * account is loaded anew.
 *
 * Runs on: the account's home.
 */
#include "admin/command_own.h"

#include "home/portable.h"
#include "home/roster.h"

#include <string.h>

#define WAIT 20
/* So often for sessions to end. */
#define TRIES 1500

struct data_args {
	const char *user, *host, *what;
};

static const struct field data_fields[] = {
	TEXT_FIELD(struct data_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	TEXT_FIELD(struct data_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Its virtual host"),
	TEXT_FIELD(struct data_args, what, .dflt = "all",
		.doc = "archive, blocking, last, offline, pep, private, roster, vcard, or all of these"),
	END_FIELDS,
};

struct deleting {
	const char *what; /* NULL: all */
	unsigned tries;
};

static step_fn wait_for_sessions, deleted, load_again, loaded;

static bool
is_part(const char *what)
{
	size_t count;
	const struct portable *const *parts = portables_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (parts[i]->clear && strcmp(parts[i]->name, what) == 0)
			return true;
	}
	return false;
}

static struct step
delete_run(struct job *j)
{
	const char *what = CALL_ARGS(j, struct data_args)->what;
	struct deleting *d = ARENA_NEW(j->arena, struct deleting);

	d->what = strcmp(what, "all") == 0 ? NULL : what;
	j->state = d;
	if (d->what && !is_part(d->what))
		return call_error(j, "bad_request", "'%s' is nothing that is kept", what);
	if (j->account->reserved)
		return call_error(j, "conflict", "something else deletes or imports data there");
	j->account->reserved = true;
	for_each_session(s, j->account)
		session_close(s, STREAM_COND_RESET, "Data of the account is deleted");
	return wait_for_sessions(j);
}

static struct step
wait_for_sessions(struct job *j)
{
	struct deleting *d = j->state;
	struct ask *asks;
	size_t count;

	if (j->account->sessions_count > 0 && d->tries++ < TRIES)
		return job_sleep(j, wait_for_sessions, WAIT);
	if (j->account->sessions_count > 0) {
		j->account->reserved = false;
		return call_error(j, "unavailable", "its sessions do not end");
	}
	count = portable_clear(j->arena, j->home, d->what, &asks);
	return job_query_else(j, deleted, asks, count);
}

static struct step
deleted(struct job *j)
{
	const struct deleting *d = j->state;

	if (j->outcome != STORE_OK) {
		j->account->reserved = false;
		return call_error(j, "unavailable", "the store is away; nothing was deleted");
	}
	if (!d->what || strcmp(d->what, "roster") == 0)
		roster_leave_all(j->account);
	return load_again(j);
}

static struct step
load_again(struct job *j)
{
	return account_ask_again(j, loaded);
}

static struct step
loaded(struct job *j)
{
	const struct deleting *d = j->state;

	/* Until the account is loaded, nobody may see what memory has of it. */
	if (!account_take_again(j))
		return job_sleep(j, load_again, SECONDS(1));
	j->account->reserved = false;
	call_line(j, "Deleted of %.*s: %s", STR_ARG(jid_full(j->owner)), d->what ? d->what : "all");
	return call_done(j);
}

#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_data[] = {
	{ "delete_user_data", "accounts", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(data), delete_run, NULL,
		"Delete what is kept for an account, or a part of it; the account stays",
		"delete_user_data alice example.org archive" },
	END_COMMANDS,
};
