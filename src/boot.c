/*
 * boot.c -- the order in which the server starts and stops.
 *
 * One table of stages, which start from the first to the last.  Stopping goes the other way, twice:
 * first each stage comes to rest while the workers still run (nobody is accepted, streams end, the
 * store commits), then the workers' threads end, then each stage gives back what it holds.  A start
 * that fails half-way stops what was up by the same way. So what a stage needs stands above it, and
 * nobody outlives what he uses.
 *
 * Runs on: main.
 */
#include "boot.h"

#include "admin/command.h"
#include "base/clock.h"
#include "base/log.h"
#include "home/archive.h"
#include "home/credential.h"
#include "home/gate.h"
#include "home/job.h"
#include "home/portable.h"
#include "home/restart.h"
#include "home/trace.h"
#include "hook/hook.h"
#include "http/http.h"
#include "module/registry.h"
#include "net/listener.h"
#include "net/net.h"
#include "run/chore.h"
#include "run/control.h"
#include "run/data_dir.h"
#include "run/notify.h"
#include "store/store.h"
#include "stream/c2s.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>

/* Key derivations that may wait; each takes milliseconds, and a login that would wait for
 * seconds is told to try later. */
#define CHORES_WAITING_MAX 1000
/* How long stopping waits for the store, then for clients to close their streams. */
#define FLUSH_MAX SECONDS(10)
#define GOODBYE_MAX SECONDS(3)
#define WAIT_STEP 2
/* Open files that are enough for most; a lower limit is worth a warning. */
#define FILES_WANTED 65536

struct stage {
	const char *name;
	bool (*start)(struct server *s, struct err *e); /* may be NULL */
	void (*rest)(struct server *s); /* with workers, if they ran; may be NULL */
	void (*stop)(struct server *s); /* without; may be NULL */
};

/* ---- Before a configuration ----------------------------------------------------- */

bool
boot_declare(const char *path, struct err *e)
{
	struct arena *a = arena_new(0);
	const char *folder = path ? config_modules_dir(a, path) : NULL;
	bool done;

	config_on_free(tls_release);
	config_on_free(registry_unload);
	config_check_tls(tls_check);
	http_declare();
	registry_builtin();
	done = !folder || registry_load_folder(folder, e);
	arena_free(&a);
	return done;
}

struct config *
boot_load(const char *path, config_fault_fn *fault, void *ctx)
{
	struct config *c = config_load(path, fault, ctx);
	char line[sizeof(((struct err *)NULL)->text) + 256];
	struct err e;

	if (c && (!tls_prepare(c, &e) || !registry_load(c, &e))) {
		(void)snprintf(line, sizeof(line), "%s: %s", path, e.text);
		fault(line, ctx);
		config_unref(&c);
	}
	return c;
}

bool
boot_log(const struct log_conf *log, struct err *e)
{
	if (!log_open(log->file, (enum log_format)log->format, e))
		return false;
	log_set_all((enum log_level)log->level);
	for (size_t i = 0; log->areas && log->areas[i]; i++) {
		struct str rest = str_of(log->areas[i]);
		struct str name = str_cut(&rest, '=');
		char text[32];
		enum log_area area;
		enum log_level level;

		(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
		if (log_area_parse(text, &area) && log_level_parse(rest.p, &level))
			log_set_level(area, level);
	}
	return true;
}

/* ---- Stages ------------------------------------------------------------------------ */

static bool
start_data_dir(struct server *s, struct err *e)
{
	return data_dir_take(s->config->data_dir, e);
}

static void
stop_data_dir(struct server *s)
{
	(void)s;
	data_dir_release();
}

/* Cores that this process may use, which in a container are not those of the machine. */
static unsigned
cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static bool
start_workers(struct server *s, struct err *e)
{
	unsigned count = s->config->workers > 0 ? (unsigned)s->config->workers : cores();

	if (!workers_init(count, e))
		return false;
	config_publish(s->config);
	return true;
}

static void
stop_workers(struct server *s)
{
	(void)s;
	config_withdraw();
	workers_fini();
}

/* What modules and the core declare, before anything that reads the tables. */
static bool
start_tables(struct server *s, struct err *e)
{
	(void)s;
	(void)e;
	iqs_init();
	credential_register();
	portables_init();
	commands_init();
	registry_register();
	return true;
}

static bool
start_homes(struct server *s, struct err *e)
{
	(void)s;
	(void)e;
	homes_init();
	return true;
}

static void
stop_homes(struct server *s)
{
	(void)s;
	for (unsigned i = 0; i < workers_count(); i++) {
		jobs_fini(worker_at(i));
		homes_fini(worker_at(i));
	}
	archive_fini();
	trace_fini();
}

static bool
start_net(struct server *s, struct err *e)
{
	(void)s;
	(void)e;
	net_init(FILES_WANTED);
	return true;
}

static void
stop_net(struct server *s)
{
	(void)s;
	net_fini();
}

static bool
start_store(struct server *s, struct err *e)
{
	return store_open(s->config, e);
}

static void
rest_store(struct server *s)
{
	(void)s;
	store_close();
}

static bool
start_archive(struct server *s, struct err *e)
{
	(void)s;
	return archive_init(e);
}

/* Those of before a restart. */
static bool
start_sessions(struct server *s, struct err *e)
{
	(void)s;
	return restart_init(e);
}

static bool
start_credentials(struct server *s, struct err *e)
{
	(void)s;
	return credential_init(e);
}

/* Each derivation uses a core alone, so one thread for each worker is as fast as it gets. */
static bool
start_chores(struct server *s, struct err *e)
{
	(void)s;
	return chores_start(workers_count(), CHORES_WAITING_MAX, e);
}

static void
rest_chores(struct server *s)
{
	(void)s;
	chores_stop();
}

static bool
start_modules(struct server *s, struct err *e)
{
	(void)s;
	return registry_start(e);
}

static void
stop_modules(struct server *s)
{
	(void)s;
	registry_stop();
}

static bool
start_control(struct server *s, struct err *e)
{
	(void)s;
	return control_init(e);
}

static void
rest_control(struct server *s)
{
	(void)s;
	control_fini();
}

static bool
start_streams(struct server *s, struct err *e)
{
	(void)s;
	(void)e;
	c2s_init();
	return true;
}

static void
stop_streams(struct server *s)
{
	(void)s;
	for (unsigned i = 0; i < workers_count(); i++)
		c2s_fini(worker_at(i));
}

static bool
start_http(struct server *s, struct err *e)
{
	(void)s;
	(void)e;
	http_init();
	return true;
}

static void
shut_down_http(struct worker *w, void *arg)
{
	(void)arg;
	http_shutdown(w);
}

/* Streams have ended: what is left are connections between requests. */
static void
rest_http(struct server *s)
{
	if (s->running)
		workers_each(shut_down_http, NULL);
}

static void
stop_http(struct server *s)
{
	(void)s;
	for (unsigned i = 0; i < workers_count(); i++)
		http_fini(worker_at(i));
}

/* ---- Clients at the end ---------------------------------------------------------------- */

static void
pause_ms(long n)
{
	struct timespec t = { 0, n * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void
quiet_streams(struct worker *w, void *arg)
{
	(void)arg;
	c2s_quiet(w);
}

static void
shut_down_streams(struct worker *w, void *arg)
{
	(void)arg;
	c2s_shutdown(w);
}

static void
count_streams(struct worker *w, void *arg)
{
	(void)__atomic_add_fetch((size_t *)arg, c2s_count(w), __ATOMIC_RELAXED);
}

static size_t
streams_open(void)
{
	size_t n = 0;

	workers_each(count_streams, &n);
	return n;
}

static void
nothing(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

static void
count_gates(struct worker *w, void *arg)
{
	(void)__atomic_add_fetch((size_t *)arg, gates_waiting(w), __ATOMIC_RELAXED);
}

/* What is under way between workers arrives, and what that asks of the store is committed; what
 * waited for that goes on, until nothing waits. */
static void
settle(void)
{
	msec_t until = clock_mono() + FLUSH_MAX;
	size_t waiting;

	do {
		while (store_waiting() > 0 && clock_mono() < until)
			pause_ms(WAIT_STEP);
		for (int hop = 0; hop < 3; hop++)
			workers_each(nothing, NULL);
		waiting = 0;
		workers_each(count_gates, &waiting);
	} while ((waiting > 0 || store_waiting() > 0) && clock_mono() < until);
}

static void
tell_modules(struct worker *w, void *arg)
{
	struct worker_event ev = { { w, NULL } };

	(void)arg;
	(void)hook_server_stops(&ev); /* nothing to stop */
}

static void
write_sessions(struct worker *w, void *arg)
{
	if (restart_write(w))
		__atomic_store_n((bool *)arg, true, __ATOMIC_RELAXED);
}

/* What modules and sessions want to find again at the next start. */
static void
keep_state(void)
{
	bool more;

	settle();
	workers_each(tell_modules, NULL);
	do {
		more = false;
		workers_each(write_sessions, &more);
		settle();
	} while (more);
}

/* Clients are told of the end when what they sent is on disk; then they have a moment to hear
 * it. */
static void
rest_clients(struct server *s)
{
	msec_t until;
	size_t n;

	if (!s->running)
		return;
	workers_each(quiet_streams, NULL); /* or whoever sends all the time keeps it from the end */
	settle();
	workers_each(shut_down_streams, NULL);
	until = clock_mono() + GOODBYE_MAX;
	while ((n = streams_open()) > 0 && clock_mono() < until)
		pause_ms(WAIT_STEP);
	if (n > 0)
		log_info(AREA_SERVER, NULL, "cut off %zu clients that did not close their streams",
			n);
	keep_state();
}

static bool
start_listeners(struct server *s, struct err *e)
{
	if (!listeners_open(s->config, e))
		return false;
	if (control_socket_open(s->config->control_socket, e))
		return true;
	listeners_close();
	return false;
}

static void
rest_listeners(struct server *s)
{
	(void)s;
	listeners_close();
}

static bool
start_threads(struct server *s, struct err *e)
{
	(void)e;
	workers_start();
	s->running = true;
	restart_begin();
	return true;
}

static const struct stage stages[] = {
	{ "data_dir", start_data_dir, NULL, stop_data_dir },
	{ "workers", start_workers, NULL, stop_workers },
	{ "tables", start_tables, NULL, NULL },
	{ "homes", start_homes, NULL, stop_homes },
	{ "streams", start_streams, NULL, stop_streams },
	{ "http", start_http, rest_http, stop_http },
	{ "net", start_net, NULL, stop_net },
	{ "store", start_store, rest_store, NULL },
	{ "archive", start_archive, NULL, NULL },
	{ "sessions", start_sessions, NULL, NULL },
	{ "credentials", start_credentials, NULL, NULL },
	{ "chores", start_chores, rest_chores, NULL },
	{ "modules", start_modules, NULL, stop_modules },
	{ "control", start_control, rest_control, NULL },
	{ "clients", NULL, rest_clients, NULL },
	{ "listeners", start_listeners, rest_listeners, NULL },
	{ "threads", start_threads, NULL, NULL },
};

/* ---- Start and stop ---------------------------------------------------------------- */

static void
add_listener(const struct listen_conf *l, unsigned port, void *ctx)
{
	struct buf *b = ctx;

	buf_printf(b, "%s %s %s port %u", buf_len(b) > 0 ? "," : "", l->service, l->address, port);
}

static void
announce(void)
{
	struct buf b = BUF_INIT;

	listeners_each(add_listener, &b);
	log_info(AREA_SERVER, NULL, "ready:%s", buf_len(&b) > 0 ? buf_text(&b) : " no listeners");
	buf_fini(&b);
	(void)notify_send("READY=1");
}

bool
boot_start(struct server *s, struct err *e)
{
	log_info(AREA_SERVER, NULL, "starting bongsud %s with %s", PACKAGE_VERSION, s->path);
	for (s->started = 0; s->started < COUNT(stages); s->started++) {
		log_debug(AREA_SERVER, NULL, "starting %s", stages[s->started].name);
		if (stages[s->started].start && !stages[s->started].start(s, e)) {
			boot_stop(s);
			return false;
		}
	}
	announce();
	return true;
}

void
boot_stop(struct server *s)
{
	for (unsigned i = s->started; i-- > 0;) {
		log_debug(AREA_SERVER, NULL, "stopping %s", stages[i].name);
		if (stages[i].rest)
			stages[i].rest(s);
	}
	workers_stop();
	s->running = false;
	for (unsigned i = s->started; i-- > 0;) {
		if (stages[i].stop)
			stages[i].stop(s);
	}
	s->started = 0;
}
