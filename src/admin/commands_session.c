/*
 * commands_session.c -- who is connected, and closing sessions.
 *
 * What is asked of one account runs at its home; what is asked of all visits one worker after the
 * other.
 *
 * Runs on: the worker of the job.
 */
#include "admin/command_own.h"

#include "home/presence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Arguments ------------------------------------------------------------------------ */

struct account_args {
	const char *user, *host;
};

struct host_args {
	const char *host;
};

struct session_args {
	const char *user, *host, *resource, *reason;
};

struct presence_args {
	const char *user, *host, *resource, *status;
	int64_t type, show, priority;
};

struct number_args {
	const char *user, *host;
	int64_t num;
};

struct status_args {
	int64_t status;
};

struct host_status_args {
	const char *host;
	int64_t status;
};

static const char *const shows[] = { "available", "away", "chat", "dnd", "xa", NULL };

enum { TYPE_AVAILABLE, TYPE_UNAVAILABLE };

static const char *const types[] = {
	[TYPE_AVAILABLE] = "available", [TYPE_UNAVAILABLE] = "unavailable", NULL
};

#define USER_FIELDS(T)                                                                             \
	TEXT_FIELD(T, user, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the account"),      \
		TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Its virtual host")

static const struct field account_fields[] = { USER_FIELDS(struct account_args), END_FIELDS };

static const struct field host_fields[] = {
	TEXT_FIELD(
		struct host_args, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Virtual host"),
	END_FIELDS,
};

static const struct field session_fields[] = {
	USER_FIELDS(struct session_args),
	TEXT_FIELD(struct session_args, resource, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Resource of the session"),
	TEXT_FIELD(struct session_args, reason, .max = 1000, .flags = FIELD_REQUIRED,
		.doc = "What the client is told"),
	END_FIELDS,
};

static const struct field presence_fields[] = {
	USER_FIELDS(struct presence_args),
	TEXT_FIELD(struct presence_args, resource, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Resource of the session"),
	ENUM_FIELD(struct presence_args, type, .choices = types, .flags = FIELD_REQUIRED,
		.doc = "Is it there?"),
	ENUM_FIELD(struct presence_args, show, .choices = shows, .flags = FIELD_REQUIRED,
		.doc = "What contacts see; of no meaning when unavailable"),
	TEXT_FIELD(struct presence_args, status, .max = 1000, .flags = FIELD_REQUIRED,
		.doc = "Text that they see; may be empty"),
	INT_FIELD(struct presence_args, priority, .min = -128, .max = 127, .flags = FIELD_REQUIRED,
		.doc = "Of the session; negative: it gets no messages to the account"),
	END_FIELDS,
};

static const struct field number_fields[] = {
	USER_FIELDS(struct number_args),
	INT_FIELD(struct number_args, num, .min = 1, .max = 10000, .flags = FIELD_REQUIRED,
		.doc = "Which one, in the order of user_resources"),
	END_FIELDS,
};

static const struct field status_fields[] = {
	ENUM_FIELD(struct status_args, status, .choices = shows, .flags = FIELD_REQUIRED,
		.doc = "Kind of presence"),
	END_FIELDS,
};

static const struct field host_status_fields[] = {
	TEXT_FIELD(struct host_status_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Virtual host"),
	ENUM_FIELD(struct host_status_args, status, .choices = shows, .flags = FIELD_REQUIRED,
		.doc = "Kind of presence"),
	END_FIELDS,
};

/* ---- What there is to tell of a session ------------------------------------------------- */

static const char *
cell(struct arena *a, const struct xml *x)
{
	struct str text = xml_text_of(a, x);

	return arena_str(a, text);
}

/* «available», «away»...: RFC 6121 4.7.2.1. */
static const char *
show_of(struct arena *a, const struct session *s)
{
	const char *show;

	if (!s->available || !s->presence)
		return "unavailable";
	show = cell(a, stanza_child(s->presence, NS_CLIENT, "show"));
	return *show ? show : "available";
}

static const char *
status_of(struct arena *a, const struct session *s)
{
	if (!s->available || !s->presence)
		return "";
	return cell(a, stanza_child(s->presence, NS_CLIENT, "status"));
}

struct told {
	char ip[ADDR_TEXT], port[8], priority[8], uptime[24];
	const char *connection, *node, *status, *resource, *statustext, *jid;
};

static void
tell(struct arena *a, const struct session *s, struct told *t)
{
	addr_text(&s->stream->peer, t->ip);
	(void)snprintf(t->port, sizeof(t->port), "%u", s->stream->peer.port);
	(void)snprintf(t->priority, sizeof(t->priority), "%d", s->priority);
	(void)snprintf(t->uptime, sizeof(t->uptime), "%" PRId64,
		(clock_wall() - s->bound_at) / SECONDS(1));
	t->connection = s->stream->transport;
	t->node = node_name(a);
	t->status = show_of(a, s);
	t->resource = arena_str(a, jid_resource(s->jid));
	t->statustext = status_of(a, s);
	t->jid = jid_text(a, s->jid);
}

static bool
is_over(const struct session *s)
{
	return s->ending || !s->account;
}

/* ---- Of one account ---------------------------------------------------------------------- */

static struct step
sessions_info_run(struct job *j)
{
	struct told t;

	for_each_session(s, j->account) {
		if (is_over(s))
			continue;
		tell(j->arena, s, &t);
		CALL_ROW(j, t.connection, t.ip, t.port, t.priority, t.node, t.uptime, t.status,
			t.resource, t.statustext);
	}
	return call_done(j);
}

static struct step
resources_run(struct job *j)
{
	for_each_session(s, j->account)
		if (!is_over(s))
			CALL_ROW(j, arena_str(j->arena, jid_resource(s->jid)));
	return call_done(j);
}

static struct step
num_resources_run(struct job *j)
{
	int64_t n = 0;

	for_each_session(s, j->account)
		n += !is_over(s);
	call_number(j, n);
	return call_done(j);
}

static struct step
resource_num_run(struct job *j)
{
	int64_t left = CALL_ARGS(j, struct number_args)->num;

	for_each_session(s, j->account) {
		if (is_over(s) || --left > 0)
			continue;
		call_line(j, "%s", arena_str(j->arena, jid_resource(s->jid)));
		return call_done(j);
	}
	return call_error(
		j, "bad_request", "%.*s has not so many sessions", STR_ARG(jid_full(j->owner)));
}

/* Of the session with the highest priority. */
static struct step
presence_run(struct job *j)
{
	const struct session *best = NULL;

	for_each_session(s, j->account) {
		if (!is_over(s) && s->available && (!best || s->priority > best->priority))
			best = s;
	}
	if (best)
		CALL_ROW(j, jid_text(j->arena, best->jid), show_of(j->arena, best),
			status_of(j->arena, best));
	else
		CALL_ROW(j, jid_text(j->arena, j->owner), "unavailable", j->account->last_status);
	return call_done(j);
}

static struct step
kick_user_run(struct job *j)
{
	unsigned n = 0;

	for_each_session(s, j->account) {
		if (is_over(s))
			continue;
		session_close(s, STREAM_COND_POLICY_VIOLATION, "Kicked by an administrator");
		n++;
	}
	call_line(j, "Kicked sessions: %u", n);
	return call_done(j);
}

static struct step
kick_session_run(struct job *j)
{
	const struct session_args *a = CALL_ARGS(j, struct session_args);
	const char *resource = jid_prep_resource(j->arena, str_of(a->resource));
	struct session *s = resource ? account_session(j->account, str_of(resource)) : NULL;

	if (!s || is_over(s))
		return call_error(j, "not_found", "%.*s has no session %s",
			STR_ARG(jid_full(j->owner)), a->resource);
	session_close(s, STREAM_COND_POLICY_VIOLATION, a->reason);
	return call_done(j);
}

/* What the client said beside them, such as its capabilities, stays. */
static const struct stanza *
other_presence(const struct session *s, const struct presence_args *a)
{
	static const char *const replaced[] = { "show", "status", "priority" };
	struct arena *arena = arena_new(0);
	struct xml *all = xml_new(arena, NS_CLIENT, "presence");

	if (a->show > 0)
		xml_add_text(arena, all, NS_CLIENT, "show", shows[a->show]);
	if (*a->status)
		xml_add_text(arena, all, NS_CLIENT, "status", a->status);
	if (a->priority != 0)
		xml_add_text(arena, all, NS_CLIENT, "priority",
			arena_printf(arena, "%" PRId64, a->priority));
	for (const struct xml *x = s->presence ? s->presence->children : NULL; x; x = x->next) {
		bool own = !x->name;

		for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++)
			own = own || xml_is(x, NS_CLIENT, replaced[i]);
		if (!own)
			xml_adopt(all, xml_copy(arena, x));
	}
	return stanza_new(
		&arena, STANZA_PRESENCE, PRESENCE_AVAILABLE, s->jid, JID_NONE, NULL, all->first);
}

static const struct stanza *
no_presence(const struct session *s, const char *status)
{
	struct arena *arena = arena_new(0);
	struct xml *all = xml_new(arena, NS_CLIENT, "presence");

	if (*status)
		xml_add_text(arena, all, NS_CLIENT, "status", status);
	return stanza_new(
		&arena, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, s->jid, JID_NONE, NULL, all->first);
}

/* As if the client had sent it. */
static struct step
set_presence_run(struct job *j)
{
	const struct presence_args *a = CALL_ARGS(j, struct presence_args);
	const char *resource = jid_prep_resource(j->arena, str_of(a->resource));
	struct session *s = resource ? account_session(j->account, str_of(resource)) : NULL;
	AUTO(stanza_unref) const struct stanza *p = NULL;

	if (!s || is_over(s))
		return call_error(j, "not_found", "%.*s has no session %s",
			STR_ARG(jid_full(j->owner)), a->resource);
	p = a->type == TYPE_AVAILABLE ? other_presence(s, a) : no_presence(s, a->status);
	presence_out(s, p, NO_RECEIPT);
	return call_done(j);
}

/* ---- Of all ------------------------------------------------------------------------------- */

struct visit {
	struct job *job;
	const char *host; /* prepared; NULL: all */
	const char *show; /* only sessions with that; NULL: all */
	int64_t count;
	void (*each)(struct visit *v, struct session *s);
	step_fn *done;
};

static bool
shows_that(const struct session *s, const char *show)
{
	struct arena *a = arena_new(0);
	bool same = strcmp(show_of(a, s), show) == 0;

	arena_free(&a);
	return same;
}

static void
look(struct session *s, void *ctx)
{
	struct visit *v = ctx;

	if (is_over(s) || (v->host && !str_is(jid_domain(s->jid), v->host)))
		return;
	if (v->show && !shows_that(s, v->show))
		return;
	v->count++;
	if (v->each)
		v->each(v, s);
}

static void
look_around(struct job *j)
{
	sessions_each(j->worker, look, j->state);
}

static struct step
finish(struct job *j)
{
	return call_done(j);
}

static struct step
finish_number(struct job *j)
{
	const struct visit *v = j->state;

	call_number(j, v->count);
	return call_done(j);
}

/* host and show as in struct visit; each may be NULL: only counts. */
static struct step
visit_all(struct job *j, const char *host, const char *show,
	void (*each)(struct visit *v, struct session *s), step_fn *done)
{
	struct visit *v = ARENA_NEW(j->arena, struct visit);

	*v = (struct visit){ .job = j, .host = host, .show = show, .each = each };
	j->state = v;
	return job_visit(j, look_around, done);
}

static struct step
visit_host(struct job *j, void (*each)(struct visit *v, struct session *s), step_fn *done)
{
	const char *name = CALL_ARGS(j, struct host_args)->host;
	const struct host *host = find_host(j, name);

	return host ? visit_all(j, arena_text(j->arena, host->name), NULL, each, done)
		    : no_host(j, name);
}

static void
list_jid(struct visit *v, struct session *s)
{
	char text[JID_MAX + 1];

	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(jid_full(s->jid)));
	CALL_ROW(v->job, text);
}

static void
list_info(struct visit *v, struct session *s)
{
	struct arena *a = arena_new(0);
	struct told t;

	tell(a, s, &t);
	CALL_ROW(v->job, t.jid, t.connection, t.ip, t.port, t.priority, t.node, t.uptime, t.status,
		t.resource, t.statustext);
	arena_free(&a);
}

static void
kick(struct visit *v, struct session *s)
{
	(void)v;
	session_close(s, STREAM_COND_POLICY_VIOLATION, "Kicked by an administrator");
}

static struct step
connected_run(struct job *j)
{
	return visit_all(j, NULL, NULL, list_jid, finish);
}

static struct step
connected_info_run(struct job *j)
{
	return visit_all(j, NULL, NULL, list_info, finish);
}

static struct step
connected_number_run(struct job *j)
{
	return visit_all(j, NULL, NULL, NULL, finish_number);
}

static struct step
connected_vhost_run(struct job *j)
{
	return visit_host(j, list_jid, finish);
}

static struct step
kick_users_run(struct job *j)
{
	return visit_host(j, kick, finish_number);
}

/* ---- By presence --------------------------------------------------------------------------- */

static void
list_status(struct visit *v, struct session *s)
{
	struct arena *a = arena_new(0);
	struct told t;

	tell(a, s, &t);
	CALL_ROW(v->job, t.jid, t.priority, t.statustext);
	arena_free(&a);
}

static struct step
visit_status(struct job *j, void (*each)(struct visit *v, struct session *s), step_fn *done)
{
	return visit_all(j, NULL, shows[CALL_ARGS(j, struct status_args)->status], each, done);
}

static struct step
visit_host_status(struct job *j, void (*each)(struct visit *v, struct session *s), step_fn *done)
{
	const struct host_status_args *args = CALL_ARGS(j, struct host_status_args);
	const struct host *host = find_host(j, args->host);

	return host ? visit_all(
			      j, arena_text(j->arena, host->name), shows[args->status], each, done)
		    : no_host(j, args->host);
}

static struct step
status_num_run(struct job *j)
{
	return visit_status(j, NULL, finish_number);
}

static struct step
status_num_host_run(struct job *j)
{
	return visit_host_status(j, NULL, finish_number);
}

static struct step
status_list_run(struct job *j)
{
	return visit_status(j, list_status, finish);
}

static struct step
status_list_host_run(struct job *j)
{
	return visit_host_status(j, list_status, finish);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define TAG "sessions"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)
#define INFO                                                                                       \
	"connection\tip\tport:int\tpriority:int\tnode\tuptime:int\tstatus\tresource\tstatustext"

const struct command commands_session[] = {
	{ "connected_users", TAG, 0, NULL, 0, connected_run, "jid", "List all sessions",
		"connected_users" },
	{ "connected_users_info", TAG, 0, NULL, 0, connected_info_run, "jid\t" INFO,
		"List all sessions with what is known of them", "connected_users_info" },
	{ "connected_users_number", TAG, 0, NULL, 0, connected_number_run, NULL,
		"Count all sessions", "connected_users_number" },
	{ "connected_users_vhost", TAG, 0, ARGS_OF(host), connected_vhost_run, "jid",
		"List the sessions of a host", "connected_users_vhost example.org" },
	{ "user_sessions_info", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(account),
		sessions_info_run, INFO, "List the sessions of an account",
		"user_sessions_info alice example.org" },
	{ "user_resources", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(account),
		resources_run, "resource", "List the connected resources of an account",
		"user_resources alice example.org" },
	{ "num_resources", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(account),
		num_resources_run, NULL, "Count the connected resources of an account",
		"num_resources alice example.org" },
	{ "resource_num", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(number),
		resource_num_run, NULL, "Print one of the connected resources of an account",
		"resource_num alice example.org 2" },
	{ "status_num", TAG, 0, ARGS_OF(status), status_num_run, NULL,
		"Count the sessions with that presence", "status_num dnd" },
	{ "status_num_host", TAG, 0, ARGS_OF(host_status), status_num_host_run, NULL,
		"Count the sessions of a host with that presence",
		"status_num_host example.org dnd" },
	{ "status_list", TAG, 0, ARGS_OF(status), status_list_run, "jid\tpriority:int\tstatus",
		"List the sessions with that presence", "status_list dnd" },
	{ "status_list_host", TAG, 0, ARGS_OF(host_status), status_list_host_run,
		"jid\tpriority:int\tstatus", "List the sessions of a host with that presence",
		"status_list_host example.org dnd" },
	{ "get_presence", TAG, COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST | COMMAND_ONE_ROW,
		ARGS_OF(account), presence_run, "jid\tshow\tstatus",
		"Print the presence of an account's session with the highest priority",
		"get_presence alice example.org" },
	{ "kick_user", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(account), kick_user_run, NULL, "Close all sessions of an account",
		"kick_user alice example.org" },
	{ "kick_users", TAG, COMMAND_WRITE, ARGS_OF(host), kick_users_run, NULL,
		"Close all sessions of a host and print how many there were",
		"kick_users example.org" },
	{ "set_presence", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(presence), set_presence_run, NULL,
		"Set the presence of a session, until its client sends another",
		"set_presence alice example.org phone available away Busy 0" },
	{ "kick_session", TAG, COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		ARGS_OF(session), kick_session_run, NULL, "Close one session of an account",
		"kick_session alice example.org phone 'lost device'" },
	END_COMMANDS,
};
