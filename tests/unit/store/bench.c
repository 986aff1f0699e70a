/*
 * bench.c -- a store for a test: a database of its own, and questions that wait for their answers.
 *
 * Runs on: the test process
 */
#include "tests/unit/store/bench.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/request.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SCRIPT SOURCE_DIR "/contrib/mariadb"

const struct query bench_queries[] = {
	[T_ADD] = { "t_add", "INSERT INTO t (owner, id, body) VALUES (?, ?, ?)", NULL },
	[T_ADD_NO_BULK] = { "t_add_no_bulk", " INSERT  INTO t (owner, id, body) VALUES (?, ?, ?)",
		NULL },
	[T_GET] = { "t_get", "SELECT id, body FROM t WHERE owner = ? ORDER BY id", NULL },
	[T_COUNT] = { "t_count", "SELECT COUNT(*) FROM t", NULL },
	[T_SET] = { "t_set", "UPDATE t SET body = ? WHERE owner = ? AND id = ?", NULL },
	[T_REPLACE] = { "t_replace", "REPLACE INTO t (owner, id, body) VALUES (?, ?, ?)", NULL },
	[T_DELETE] = { "t_delete", "DELETE FROM t WHERE owner = ?", NULL },
	[T_ADD_LIST] = { "t_add_list",
		"INSERT INTO list (owner, place, number) SELECT ?, ?, COUNT(*) FROM list WHERE owner = ?",
		NULL },
	[T_LIST] = { "t_list", "SELECT place, number FROM list WHERE owner = ? ORDER BY number",
		NULL },
	[T_ADD_NOTE] = { "t_add_note",
		"INSERT INTO t (owner, id, body, note) VALUES (?, ?, 'x', ?)", NULL },
	[T_NOTES] = { "t_notes", "SELECT note FROM t WHERE owner = ? ORDER BY id", NULL },
	[T_BAD] = { "t_bad", "INSERT INTO t (owner, id, body) VALUES (?, ?, NULL)", NULL },
	END_QUERIES,
};

static const struct migration migrations[] = {
	{ 1, "tables",
		"CREATE TABLE t (owner TEXT NOT NULL, id INTEGER NOT NULL, body BLOB NOT NULL, note BLOB,"
		" PRIMARY KEY (owner, id));\n"
		"CREATE TABLE list (owner TEXT NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL,"
		" PRIMARY KEY (owner, number));\n",
		"CREATE TABLE t (owner VARBINARY(2047) NOT NULL, id BIGINT NOT NULL, body MEDIUMBLOB NOT NULL, note BLOB,"
		" PRIMARY KEY (owner, id));\n"
		"CREATE TABLE list (owner VARBINARY(2047) NOT NULL, place BIGINT NOT NULL, number BIGINT NOT NULL,"
		" PRIMARY KEY (owner, number));\n" },
};

/* ---- A private MariaDB ------------------------------------------------------- */

static char server_dir[64];
static pid_t server; /* 0: not started by this process */
static pid_t maker; /* of the folder */

static const char *
user(void)
{
	const struct passwd *p = getpwuid(geteuid());

	return p ? p->pw_name : "root";
}

static pid_t
spawn(const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static bool
run(const char *const *argv)
{
	pid_t pid = spawn(argv);
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *
mariadb_missing(void)
{
	static const char look[] =
		"PATH=$PATH:/usr/sbin; command -v mariadbd mariadb-install-db mariadb >/dev/null";

	if (getenv("NO_MARIADB"))
		return "NO_MARIADB is set";
	return run((const char *const[]){ "sh", "-c", look, NULL }) ? NULL
								    : "MariaDB is not installed";
}

void
mariadb_kill(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static void
remove_folder(void)
{
	if (getpid() != maker)
		return;
	mariadb_kill();
	(void)run((const char *const[]){ "rm", "-rf", server_dir, NULL });
}

bool
mariadb_init(void)
{
	if (maker)
		return true;
	snprintf(server_dir, sizeof(server_dir), "/tmp/bongsu-store-XXXXXX");
	if (!mkdtemp(server_dir))
		return false;
	maker = getpid();
	atexit(remove_folder);
	return run((const char *const[]){ SCRIPT, "init", server_dir, NULL });
}

bool
mariadb_start(void)
{
	char command[256];

	if (!mariadb_init())
		return false;
	if (server > 0)
		return true;
	server = spawn((const char *const[]){ SCRIPT, "serve", server_dir, NULL });
	snprintf(command, sizeof(command), "%s ready %s store >/dev/null", SCRIPT, server_dir);
	return run((const char *const[]){ "sh", "-c", command, NULL });
}

/* Of any thread of the server: the letter that proc(5) gives a state. */
static bool
has_thread_not_in(char state)
{
	char path[64], name[400], line[256];
	bool found = false;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)server);
	tasks = opendir(path);
	ck_assert_ptr_nonnull(tasks);
	for (struct dirent *e; !found && (e = readdir(tasks)) != NULL;) {
		const char *end;
		FILE *f;

		(void)snprintf(name, sizeof(name), "%s/%s/stat", path, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(name, "r");
		if (!f)
			continue;
		end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
		found = end && end[1] == ' ' && end[2] != state;
		fclose(f);
	}
	closedir(tasks);
	return found;
}

void
mariadb_signal(int signal)
{
	kill(server, signal);
	/* A stop takes until each thread has noticed. */
	for (int i = 0; signal == SIGSTOP && has_thread_not_in('T'); i++) {
		ck_assert_int_lt(i, 5000);
		usleep(1000);
	}
}

void
mariadb_sql(const char *sql)
{
	ck_assert(run((const char *const[]){
		SCRIPT, "sql", server_dir, "--delimiter=//", "-e", sql, NULL }));
}

/* ---- The database of one test -------------------------------------------------- */

static enum store_driver driver;
static struct config config;
static char data_dir[64], socket_path[96];
static bool is_open;

void
bench_use(enum store_driver d)
{
	driver = d;
}

struct config *
bench_config(void)
{
	if (!getenv("STORE_LOG"))
		log_set_all(LOG_LEVEL_NONE);
	memset(&config, 0, sizeof(config));
	snprintf(data_dir, sizeof(data_dir), "/tmp/bongsu-data-XXXXXX");
	ck_assert(mkdtemp(data_dir));
	config.data_dir = data_dir;
	config.store.driver = driver;
	config.store.threads = 4;
	config.store.timeout = 30000;
	if (driver == STORE_MARIADB) {
		snprintf(socket_path, sizeof(socket_path), "%s/mariadb.sock", server_dir);
		config.store.socket = socket_path;
		config.store.user = user();
		config.store.database = "store";
		mariadb_sql("DROP DATABASE IF EXISTS store; CREATE DATABASE store");
	}
	return &config;
}

const struct config *
bench_config_used(void)
{
	return &config;
}

void
bench_clean(void)
{
	(void)run((const char *const[]){ "rm", "-rf", data_dir, NULL });
}

static void
open_store(void)
{
	struct err e = { "" };

	store_add_queries(bench_queries);
	store_add_migrations("bench", migrations, COUNT(migrations));
	ck_assert_msg(store_open(&config, &e), "%s", e.text);
	is_open = true;
}

void
bench_open(msec_t timeout)
{
	(void)bench_config();
	if (timeout)
		config.store.timeout = timeout;
	open_store();
}

void
bench_reopen(void)
{
	if (is_open)
		store_close();
	open_store();
}

void
bench_close(void)
{
	store_close();
	is_open = false;
	bench_clean();
}

static void
use_sqlite(void)
{
	driver = STORE_SQLITE;
}

static void
use_mariadb(void)
{
	driver = STORE_MARIADB;
	ck_assert(mariadb_start());
}

static void
add_case(Suite *suite, const char *name, SFun begin, SFun setup, SFun teardown,
	const TTest *const *tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_unchecked_fixture(tcase, begin, NULL);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
}

Suite *
bench_suite(const char *name, SFun setup, SFun teardown, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	const char *why = mariadb_missing();

	add_case(suite, "sqlite", use_sqlite, setup, teardown, tests);
	if (why)
		printf("SKIP %s on MariaDB: %s\n", name, why);
	else
		add_case(suite, "mariadb", use_mariadb, setup, teardown, tests);
	return suite;
}

/* ---- Questions ------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;

static void
copy_rows(struct result *to, const struct rows *from)
{
	to->rows.changed = from->changed;
	for (size_t i = 0; i < from->count; i++) {
		struct value *row = result_row(to, from->columns);

		for (size_t k = 0; k < from->columns; k++) {
			const struct value *v = &from->cells[i * from->columns + k];
			char *copy;

			row[k] = *v;
			if (v->type != VALUE_BYTES)
				continue;
			copy = result_text(to, v->s.n);
			ck_assert_ptr_nonnull(copy);
			memcpy(copy, v->s.p, v->s.n);
			row[k].s.p = copy;
		}
	}
}

static void
on_answer(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct answer *a = ctx;

	pthread_mutex_lock(&lock);
	a->result = result;
	a->count = count;
	a->worker = w;
	for (size_t i = 0; rows && i < count && i < COUNT(a->rows); i++)
		copy_rows(&a->rows[i], rows[i]);
	a->done = true;
	pthread_cond_broadcast(&came);
	pthread_mutex_unlock(&lock);
}

struct request *
bench_request(struct worker *w, struct answer *a, const struct ask *asks, size_t count)
{
	memset(a, 0, sizeof(*a));
	return request_new(w, asks, count, on_answer, a);
}

void
bench_ask(struct answer *a, uint64_t key, const struct ask *asks, size_t count)
{
	memset(a, 0, sizeof(*a));
	store_ask(NULL, key, asks, count, on_answer, a);
}

bool
bench_wait(struct answer *a)
{
	struct timespec until;
	int rc = 0;
	bool done;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	pthread_mutex_lock(&lock);
	while (!a->done && rc == 0)
		rc = pthread_cond_timedwait(&came, &lock, &until);
	done = a->done;
	pthread_mutex_unlock(&lock);
	return done;
}

bool
bench_answered(struct answer *a)
{
	bool done;

	pthread_mutex_lock(&lock);
	done = a->done;
	pthread_mutex_unlock(&lock);
	return done;
}

void
answer_clear(struct answer *a)
{
	for (size_t i = 0; i < COUNT(a->rows); i++)
		result_clear(&a->rows[i]);
}

enum store_result
bench_run(enum bench_query q, const struct value *args, size_t count, struct answer *a)
{
	const struct ask ask = { &bench_queries[q], args, count };

	bench_ask(a, 0, &ask, 1);
	ck_assert_msg(bench_wait(a), "no answer to %s", bench_queries[q].name);
	return a->result;
}

int64_t
bench_count(void)
{
	struct answer a;
	int64_t n;

	ck_assert_int_eq(bench_run(T_COUNT, NULL, 0, &a), STORE_OK);
	n = row_int(&a.rows[0].rows, 0, 0);
	answer_clear(&a);
	return n;
}
