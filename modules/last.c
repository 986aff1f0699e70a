/*
 * last.c -- XEP-0012: how long the server runs, and since when an account is away.
 *
 * The core remembers in memory when the last session of an account became unavailable, and loads
 * that with the account; this module writes it down, and tells it to those who may see the
 * account's presence.  The row is made from the account's own, so that a session which ends while
 * its account is being deleted leaves nothing behind.
 *
 * Runs on: the account's home; for the host's uptime any worker.
 */
#include "module/module.h"

/* 9999-12-31T23:59:59Z in seconds. */
#define TIMESTAMP_MAX 253402300799
#define STATUS_MAX 1000

enum { LAST_PUT };

static const struct query queries[] = {
	[LAST_PUT] = { "last_put",
		"REPLACE INTO last_activity (owner, at, status) SELECT owner, ?, ? FROM account "
		"WHERE owner = ?",
		NULL },
	END_QUERIES,
};

static msec_t started; /* monotonic; written by start only */

/* ---- Remembering ----------------------------------------------------------------- */

static struct step
kept(struct job *j)
{
	return j->call ? call_done(j) : job_done(j);
}

static struct step
keep(struct job *j)
{
	const struct account *a = j->account;

	return job_query(j, kept, &queries[LAST_PUT],
		ARGS(of_int(a->last_unavailable), of_text(a->last_status ? a->last_status : ""),
			of_jid(j->owner)));
}

static enum verdict
on_unavailable(struct session_event *ev)
{
	if (ev->account->exists && ev->account->available_count == 0)
		job_start(ev->account, NULL, NULL, NULL, keep);
	return PASS;
}

/* ---- Telling ---------------------------------------------------------------------- */

static struct step
answer(struct job *j, msec_t ago, const char *status)
{
	struct xml *query = xml_new(j->arena, NS_LAST, "query");

	xml_attrf(j->arena, query, "seconds", "%lld", (long long)(ago > 0 ? ago / 1000 : 0));
	if (status)
		xml_text(j->arena, query, str_of(status));
	return iq_result(j, query);
}

static struct step
uptime(struct job *j)
{
	return answer(j, clock_mono() - started, NULL);
}

static struct step
of_account(struct job *j)
{
	const struct account *a = j->account;

	if (!account_shares_presence(a, jid_bare(j->stanza->from)))
		return iq_error(j, COND_FORBIDDEN, NULL);
	if (a->sessions_count > 0)
		return answer(j, 0, NULL);
	if (a->last_unavailable == 0)
		return iq_error(j, COND_ITEM_NOT_FOUND, "never seen online");
	return answer(j, clock_wall() - a->last_unavailable, a->last_status);
}

/* ---- Commands --------------------------------------------------------------------- */

struct get_args {
	const char *user, *host;
};

static const struct field get_fields[] = {
	TEXT_FIELD(struct get_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	TEXT_FIELD(struct get_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Its virtual host"),
	END_FIELDS,
};

static struct step
get_run(struct job *j)
{
	const struct account *a = j->account;
	bool online = a->sessions_count > 0;
	bool known = online || a->last_unavailable > 0;
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, online || !known ? clock_wall() : a->last_unavailable);
	CALL_ROW(j, stamp, online ? "ONLINE" : known ? a->last_status : "NOT FOUND");
	return call_done(j);
}

struct set_args {
	const char *user, *host;
	int64_t timestamp;
	const char *status;
};

static const struct field set_fields[] = {
	TEXT_FIELD(struct set_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	TEXT_FIELD(struct set_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Its virtual host"),
	INT_FIELD(struct set_args, timestamp, .min = 1, .max = TIMESTAMP_MAX,
		.flags = FIELD_REQUIRED, .doc = "When it was last online, in seconds since 1970"),
	TEXT_FIELD(struct set_args, status, .max = STATUS_MAX, .flags = FIELD_REQUIRED,
		.doc = "Text of its last presence"),
	END_FIELDS,
};

static struct step
set_run(struct job *j)
{
	const struct set_args *args = CALL_ARGS(j, struct set_args);
	struct account *a = j->account;

	a->last_unavailable = args->timestamp * 1000;
	mem_free(&a->last_status);
	a->last_status = mem_copy_str(str_of(args->status));
	return keep(j);
}

static const struct command commands[] = {
	{ "get_last", "last", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST | COMMAND_ONE_ROW, get_fields,
		sizeof(struct get_args), get_run, "timestamp\tstatus",
		"Tell when an account was last online, and the status that it left",
		"get_last alice example.org" },
	{ "set_last", "last", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, set_fields,
		sizeof(struct set_args), set_run, NULL,
		"Set when an account was last online, and the status that it left",
		"set_last alice example.org 1700000000 'on holiday'" },
	END_COMMANDS,
};

static bool
start(struct err *e)
{
	(void)e;
	started = clock_mono();
	return true;
}

MODULE(last) = {
	IDENTITY(last),
	.summary = "Tells how long the server runs and since when users are away",
	.xeps = XEPS({ 12, "2.0", XEP_COMPLETE, NULL }),
	.features = FEATURES(NS_LAST),
	.account_features = FEATURES(NS_LAST),
	.iqs =
		(const struct iq_handler[]){
			{ NS_LAST, "query", ON_GET, TO_HOST, uptime },
			{ NS_LAST, "query", ON_GET, TO_SELF | TO_ACCOUNT | TO_NOBODY, of_account },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(session_unavailable, ORDER_OBSERVE, on_unavailable),
			END_HOOKS,
		},
	.queries = queries,
	.commands = commands,
	.start = start,
};
