/*
 * commands_old.c -- accounts by when they were last there.
 *
 * The last activity is when the last session became unavailable, else when the account was made; who
 * is connected is active.
 *
 * Runs on: the worker where the call began; those of the accounts.
 */
#include "admin/command_own.h"

#include "home/credential.h"

/* Rows of one page. */
#define PAGE 200

enum { OLD_USERS, ACTIVE_COUNT };

const struct query commands_old_queries[] = {
	[OLD_USERS] = { "admin_old_users",
		"SELECT a.owner FROM account a LEFT JOIN last_activity l ON l.owner = a.owner"
		" WHERE a.host = ? AND a.owner > ? AND COALESCE(l.at, a.created) < ?"
		" ORDER BY a.owner LIMIT 200",
		NULL },
	[ACTIVE_COUNT] = { "admin_active_count",
		"SELECT COUNT(*) FROM account a JOIN last_activity l ON l.owner = a.owner"
		" WHERE a.host = ? AND l.at >= ?",
		NULL },
	END_QUERIES,
};

struct days_args {
	int64_t days;
};

struct host_args {
	const char *host;
	int64_t days;
};

#define DAYS_FIELD(T)                                                                              \
	INT_FIELD(T, days, .min = 0, .max = 36500, .flags = FIELD_REQUIRED,                        \
		.doc = "So many days without activity")

static const struct field days_fields[] = { DAYS_FIELD(struct days_args), END_FIELDS };

static const struct field host_fields[] = {
	TEXT_FIELD(
		struct host_args, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Virtual host"),
	DAYS_FIELD(struct host_args),
	END_FIELDS,
};

/* ---- Delete -------------------------------------------------------------------------------- */

struct old {
	const char *const *hosts; /* NULL: end */
	msec_t before;
	const char *after; /* owner */
	struct arena *page; /* of users */
	struct jid *users;
	size_t count, at;
	bool is_last; /* page of the host */
	unsigned long deleted;
	struct buf names;
};

static step_fn ask, listed, next_user, at_home, removed;

static void
drop(void *p)
{
	struct old *o = p;

	arena_free(&o->page);
	buf_fini(&o->names);
}

static struct step
begin(struct job *j, const char *const *hosts, int64_t days)
{
	struct old *o = ARENA_NEW(j->arena, struct old);

	o->hosts = hosts;
	o->before = clock_wall() - DAYS(days);
	o->after = "";
	j->state = o;
	arena_keep(j->arena, drop, o);
	return ask(j);
}

static struct step
old_run(struct job *j)
{
	const struct config *c = config_of(j->worker);
	const char **hosts = ARENA_ARRAY(j->arena, const char *, c->hosts_count + 1);

	for (size_t i = 0; i < c->hosts_count; i++)
		hosts[i] = arena_text(j->arena, c->hosts[i]->name);
	return begin(j, hosts, CALL_ARGS(j, struct days_args)->days);
}

static struct step
old_vhost_run(struct job *j)
{
	const struct host_args *a = CALL_ARGS(j, struct host_args);
	const char **hosts = ARENA_ARRAY(j->arena, const char *, 2);
	const struct host *host = find_host(j, a->host);

	if (!host)
		return no_host(j, a->host);
	hosts[0] = arena_text(j->arena, host->name);
	return begin(j, hosts, a->days);
}

static struct step
ask(struct job *j)
{
	struct old *o = j->state;

	if (!*o->hosts) {
		call_line(j, "Deleted %lu users: [%s]", o->deleted, buf_text(&o->names));
		return call_done(j);
	}
	return job_query(j, listed, &commands_old_queries[OLD_USERS],
		ARGS(of_text(*o->hosts), of_text(o->after), of_int(o->before)));
}

static struct step
listed(struct job *j)
{
	struct old *o = j->state;
	size_t count = j->rows->count;

	arena_free(&o->page);
	o->page = arena_new(0);
	o->users = ARENA_ARRAY(o->page, struct jid, count + 1);
	o->count = o->at = 0;
	for (size_t i = 0; i < count; i++)
		o->count +=
			jid_parse(o->page, row_str(j->rows, i, 0), &o->users[o->count]) == JID_OK;
	o->is_last = count < PAGE;
	o->after = o->is_last ? "" : arena_str(j->arena, row_str(j->rows, count - 1, 0));
	return next_user(j);
}

static struct step
next_user(struct job *j)
{
	struct old *o = j->state;

	if (o->at < o->count)
		return job_go_to(j, at_home, o->users[o->at++]);
	o->hosts += o->is_last;
	return ask(j);
}

static struct step
at_home(struct job *j)
{
	if (!j->account->exists || j->account->sessions_count > 0)
		return next_user(j);
	return credential_remove(j, removed, j->owner);
}

static struct step
removed(struct job *j)
{
	struct old *o = j->state;

	if (credential_result_of(j) == CREDENTIAL_AWAY)
		return call_error(
			j, "unavailable", "the store is away; %lu users were deleted", o->deleted);
	if (credential_result_of(j) == CREDENTIAL_OK)
		buf_printf(&o->names, "%s%.*s", o->deleted++ > 0 ? ", " : "",
			STR_ARG(jid_full(j->owner)));
	return next_user(j);
}

/* ---- Count ------------------------------------------------------------------------------------ */

static step_fn counted;

static struct step
active_run(struct job *j)
{
	const struct host_args *a = CALL_ARGS(j, struct host_args);
	const struct host *host = find_host(j, a->host);

	return host ? job_query(j, counted, &commands_old_queries[ACTIVE_COUNT],
			      ARGS(of_text(host->name), of_int(clock_wall() - DAYS(a->days))))
		    : no_host(j, a->host);
}

static struct step
counted(struct job *j)
{
	call_number(j, row_int(j->rows, 0, 0));
	return call_done(j);
}

/* ---- The table --------------------------------------------------------------------------------- */

#define TAG "accounts"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_old[] = {
	{ "delete_old_users", TAG, COMMAND_WRITE, ARGS_OF(days), old_run, NULL,
		"Delete the accounts that were not used for so many days and are not connected",
		"delete_old_users 365" },
	{ "delete_old_users_vhost", TAG, COMMAND_WRITE, ARGS_OF(host), old_vhost_run, NULL,
		"The same with the accounts of one host",
		"delete_old_users_vhost example.org 365" },
	{ "num_active_users", TAG, 0, ARGS_OF(host), active_run, NULL,
		"Count the accounts that were last used within so many days",
		"num_active_users example.org 30" },
	END_COMMANDS,
};
