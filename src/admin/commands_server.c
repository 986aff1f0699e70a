/*
 * commands_server.c -- the server as a whole: is it well, stop, reload, logs, counters,
 * certificates.
 *
 * Runs on: the worker where the call began.
 */
#include "admin/command_own.h"

#include "base/log.h"
#include "base/metric.h"
#include "net/net.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static msec_t started; /* mono */

void
commands_server_start(void)
{
	started = clock_mono();
}

const char *
node_name(struct arena *a)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		(void)snprintf(host, sizeof(host), "localhost");
	return arena_printf(a, "bongsud@%s", host);
}

/* ---- Arguments ------------------------------------------------------------------------- */

struct topic_args {
	const char *topic;
};

struct stats_args {
	const char *name;
};

struct stats_host_args {
	const char *name, *host;
};

struct level_args {
	const char *loglevel, *area;
};

static const struct field topic_fields[] = {
	TEXT_FIELD(struct topic_args, topic,
		.doc = "A command, a tag, a pattern such as 'regist*', or one of: tags, commands"),
	END_FIELDS,
};

static const struct field stats_fields[] = {
	TEXT_FIELD(struct stats_args, name, .doc = "One of those that are printed without it"),
	END_FIELDS,
};

static const struct field stats_host_fields[] = {
	TEXT_FIELD(struct stats_host_args, name, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "registeredusers or onlineusers"),
	TEXT_FIELD(struct stats_host_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Virtual host"),
	END_FIELDS,
};

static const struct field level_fields[] = {
	TEXT_FIELD(struct level_args, loglevel, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "none, error, warn, info, debug or trace, or a number from 0 to 5"),
	TEXT_FIELD(struct level_args, area, .doc = "Only this area of the log, such as c2s"),
	END_FIELDS,
};

/* ---- State ------------------------------------------------------------------------------ */

static struct step
status_run(struct job *j)
{
	call_line(j, "The node '%s' is started with status: started", node_name(j->arena));
	call_line(j, "bongsud %s is running in that node", PACKAGE_VERSION);
	return call_done(j);
}

/* What main answered. */
struct asked {
	const struct control *said;
};

static struct step
done_by_main(struct job *j)
{
	const struct asked *asked = j->state;
	struct str rest = asked->said->lines.end > 0 ? buf_str(&asked->said->lines) : STR_NONE;

	while (rest.p) {
		struct str line = str_cut(&rest, '\n');

		if (line.n > 0)
			call_line(j, "%.*s", STR_ARG(line));
	}
	return call_done(j);
}

static struct step
ask_main(struct job *j, step_fn *next, enum control_what what)
{
	struct asked *asked = ARENA_NEW(j->arena, struct asked);

	j->state = asked;
	return job_control(j, next, what, &asked->said);
}

static struct step
stop_run(struct job *j)
{
	return ask_main(j, done_by_main, CONTROL_STOP);
}

static struct step
restart_run(struct job *j)
{
	return ask_main(j, done_by_main, CONTROL_RESTART);
}

static struct step
reloaded(struct job *j)
{
	const struct asked *asked = j->state;
	struct step done = done_by_main(j);

	return asked->said->ok
		       ? done
		       : call_error(j, "invalid_configuration",
				 "the configuration has faults; the old one stays in force");
}

static struct step
reload_run(struct job *j)
{
	return ask_main(j, reloaded, CONTROL_RELOAD);
}

static struct step
reopened(struct job *j)
{
	const struct asked *asked = j->state;
	struct str why = asked->said->ok ? STR_NONE : str_trim(buf_str(&asked->said->lines));

	return asked->said->ok ? call_done(j) : call_error(j, "log", "%.*s", STR_ARG(why));
}

static struct step
reopen_run(struct job *j)
{
	return ask_main(j, reopened, CONTROL_REOPEN_LOG);
}

/* ---- Log -------------------------------------------------------------------------------- */

/* Numbers and names as ejabberdctl has them are understood, too. */
static bool
level_of(const char *text, enum log_level *level)
{
	static const struct {
		const char *name;
		enum log_level level;
	} others[] = {
		{ "critical", LOG_LEVEL_ERROR },
		{ "warning", LOG_LEVEL_WARN },
		{ "notice", LOG_LEVEL_INFO },
	};

	uint64_t number;

	if (str_uint(str_of(text), LOG_LEVEL_TRACE, &number)) {
		*level = (enum log_level)number;
		return true;
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		if (strcmp(others[i].name, text) == 0) {
			*level = others[i].level;
			return true;
		}
	}
	return log_level_parse(text, level);
}

static struct step
get_loglevel_run(struct job *j)
{
	call_line(j, "%s", log_level_name(log_level_of(AREA_SERVER)));
	return call_done(j);
}

static struct step
set_loglevel_run(struct job *j)
{
	const struct level_args *a = CALL_ARGS(j, struct level_args);
	enum log_level level;
	enum log_area area;

	if (!level_of(a->loglevel, &level))
		return call_error(j, "bad_request",
			"'%s' is not one of: none, error, warn, info, debug, trace", a->loglevel);
	if (a->area && !log_area_parse(a->area, &area))
		return call_error(j, "bad_request", "the log has no area '%s'", a->area);
	if (a->area)
		log_set_level(area, level);
	else
		log_set_all(level);
	return call_done(j);
}

/* ---- Counters ----------------------------------------------------------------------------- */

enum server_query { COUNT_USERS, COUNT_USERS_OF_HOST };

const struct query commands_server_queries[] = {
	[COUNT_USERS] = { "admin_count_users", "SELECT COUNT(*) FROM account", NULL },
	[COUNT_USERS_OF_HOST] = { "admin_count_users_of_host",
		"SELECT COUNT(*) FROM account WHERE host = ?", NULL },
	END_QUERIES,
};

/* What there is to know beside the counters. */
enum figure { REGISTERED, ONLINE, ONLINE_NODE, UPTIME, PROCESSES, FIGURES };

static const char *const figure_names[FIGURES] = { "registeredusers", "onlineusers",
	"onlineusersnode", "uptimeseconds", "processes" };

struct stats {
	const char *name; /* NULL: all */
	const char *host; /* prepared; NULL: all */
	int64_t figures[FIGURES];
};

static step_fn stats_run, stats_host_run, stats_count, stats_visit, stats_print;

static int64_t
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int64_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n > 2 ? n - 2 : 1; /* without . and .. */
}

static bool
is_stat(const char *name)
{
	for (size_t i = 0; i < FIGURES; i++) {
		if (strcmp(figure_names[i], name) == 0)
			return true;
	}
	for (int m = 0; m < METRIC_COUNT; m++) {
		if (strcmp(metric_name((enum metric)m), name) == 0)
			return true;
	}
	return false;
}

static struct step
stats_begin(struct job *j, const char *name, const char *host)
{
	struct stats *s = ARENA_NEW(j->arena, struct stats);

	if (name && !is_stat(name))
		return call_error(
			j, "not_found", "'%s' is not counted; `stats` lists what is", name);
	s->name = name;
	s->host = host;
	j->state = s;
	return stats_count(j);
}

static struct step
stats_run(struct job *j)
{
	return stats_begin(j, CALL_ARGS(j, struct stats_args)->name, NULL);
}

static struct step
stats_host_run(struct job *j)
{
	const struct stats_host_args *a = CALL_ARGS(j, struct stats_host_args);
	const struct host *host = find_host(j, a->host);

	if (!host)
		return no_host(j, a->host);
	if (strcmp(a->name, figure_names[REGISTERED]) != 0 &&
		strcmp(a->name, figure_names[ONLINE]) != 0)
		return call_error(j, "not_found",
			"'%s' is not counted by host; registeredusers and onlineusers are",
			a->name);
	return stats_begin(j, a->name, arena_text(j->arena, host->name));
}

static struct step
stats_count(struct job *j)
{
	const struct stats *s = j->state;

	if (s->host)
		return job_query(j, stats_visit, &commands_server_queries[COUNT_USERS_OF_HOST],
			ARGS(of_text(s->host)));
	return job_query(j, stats_visit, &commands_server_queries[COUNT_USERS], NO_ARGS);
}

static void
count_session(struct session *session, void *ctx)
{
	struct stats *s = ctx;

	if (!s->host || str_is(jid_domain(session->jid), s->host))
		s->figures[ONLINE]++;
}

static void
count_sessions(struct job *j)
{
	sessions_each(j->worker, count_session, j->state);
}

static struct step
stats_visit(struct job *j)
{
	struct stats *s = j->state;

	s->figures[REGISTERED] = row_int(j->rows, 0, 0);
	return job_visit(j, count_sessions, stats_print);
}

static void
print_stat(struct job *j, const char *name, int64_t value, json_t *all)
{
	const struct stats *s = j->state;

	if (!s->name)
		call_line(j, "%s\t%" PRId64, name, value);
	else if (strcmp(s->name, name) == 0)
		call_number(j, value);
	(void)json_object_set_new(all, name, json_integer(value));
}

static struct step
stats_print(struct job *j)
{
	struct stats *s = j->state;
	json_t *all = json_object();

	s->figures[ONLINE_NODE] = s->figures[ONLINE];
	s->figures[UPTIME] = (clock_mono() - started) / SECONDS(1);
	s->figures[PROCESSES] = threads();
	for (size_t i = 0; i < FIGURES; i++)
		print_stat(j, figure_names[i], s->figures[i], all);
	for (int m = 0; m < METRIC_COUNT; m++)
		print_stat(
			j, metric_name((enum metric)m), (int64_t)metric_read((enum metric)m), all);
	if (s->name)
		json_decref(all);
	else
		call_json(j, all);
	return call_done(j);
}

/* ---- Certificates --------------------------------------------------------------------------- */

static struct step
certificates_run(struct job *j)
{
	const struct config *c = config_of(j->worker);
	char left[16];
	int days;

	for (size_t i = 0; i < c->hosts_count; i++) {
		const struct host *h = c->hosts[i];

		if (!tls_days_left(h, &days))
			continue;
		(void)snprintf(left, sizeof(left), "%d", days);
		CALL_ROW(j, h->name, h->tls.certificate, left);
	}
	return call_done(j);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define TAG "server"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_server[] = {
	{ "help", TAG, 0, ARGS_OF(topic), help_run, NULL, "List commands, or explain one",
		"help register" },
	{ "status", TAG, 0, NULL, 0, status_run, NULL, "Tell that the server runs, and its version",
		"status" },
	{ "stop", TAG, COMMAND_WRITE, NULL, 0, stop_run, NULL,
		"Stop the server: streams end, what is to be written is written", "stop" },
	{ "restart", TAG, COMMAND_WRITE, NULL, 0, restart_run, NULL,
		"Stop the server and start it again in the same process; clients with stream management "
		"resume their sessions",
		"restart" },
	{ "reload_config", TAG, COMMAND_WRITE, NULL, 0, reload_run, NULL,
		"Read the configuration and the certificates again, and print what changed; with any "
		"fault the old ones stay",
		"reload_config" },
	{ "reopen_log", TAG, COMMAND_WRITE, NULL, 0, reopen_run, NULL,
		"Open the log file again after it was rotated away", "reopen_log" },
	{ "get_loglevel", TAG, 0, NULL, 0, get_loglevel_run, NULL, "Print the level of the log",
		"get_loglevel" },
	{ "set_loglevel", TAG, COMMAND_WRITE, ARGS_OF(level), set_loglevel_run, NULL,
		"Set the level of the log until the next reload", "set_loglevel debug c2s" },
	{ "stats", TAG, 0, ARGS_OF(stats), stats_run, NULL, "Print one count, or all of them",
		"stats onlineusers" },
	{ "stats_host", TAG, 0, ARGS_OF(stats_host), stats_host_run, NULL,
		"Print one count of a host", "stats_host onlineusers example.org" },
	{ "list_certificates", TAG, 0, NULL, 0, certificates_run, "domain\tfile\tdays:int",
		"List the certificates of the hosts and the days until they end",
		"list_certificates" },
	END_COMMANDS,
};
