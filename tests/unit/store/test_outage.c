/*
 * A database that goes away and comes back: MariaDB killed and started again under load, or stopped
 * without a word; an SQLite file that another process has locked, or that cannot grow.  Nothing
 * that was confirmed is lost, what waits is done when it is back, and what cannot wait is told so.
 *
 * Runs on: its own process
 */
#include "tests/unit/store/bench.h"
#include "tests/unit/suite.h"

#include "base/mem.h"
#include "store/driver.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OWNER of_text("romeo@montague.lit")

enum { MANY = 400 };

static struct answer all[MANY];

static void
ask_range(int from, int to)
{
	for (int i = from; i < to; i++) {
		const struct ask one = ASK(T_ADD, OWNER, of_int(i), of_text("x"));
		const struct ask two[] = { one,
			ASK(T_ADD, of_text("juliet@capulet.lit"), of_int(i), of_text("y")) };

		bench_ask(&all[i], (uint64_t)i, i % 3 ? &one : two, i % 3 ? 1 : 2);
	}
}

static void
check_range(int from, int to, enum store_result expected)
{
	for (int i = from; i < to; i++) {
		ck_assert_msg(bench_wait(&all[i]), "no answer to %d", i);
		ck_assert_msg(all[i].result == expected, "request %d: %d", i, all[i].result);
	}
}

static int64_t
rows_of(int n)
{
	return n + (n + 2) / 3;
}

/* ---- MariaDB ----------------------------------------------------------------------- */

static void
init_mariadb(void)
{
	bench_use(STORE_MARIADB);
	mariadb_kill();
	ck_assert(mariadb_init());
}

static void
start_mariadb(void)
{
	ck_assert(mariadb_start());
}

static void
end_mariadb(void)
{
	store_close();
	mariadb_kill();
	bench_clean();
}

START_TEST(requests_wait_for_a_database_that_was_killed)
{
	bench_open(60000);
	ask_range(0, MANY / 2);
	ck_assert(bench_wait(&all[10]));
	mariadb_kill();
	ask_range(MANY / 2, MANY);
	ck_assert(mariadb_start());
	check_range(0, MANY, STORE_OK);
	ck_assert_int_eq(bench_count(), rows_of(MANY));
}

END_TEST

START_TEST(what_cannot_wait_is_away_and_the_store_heals)
{
	bench_open(700);
	ask_range(0, 10);
	check_range(0, 10, STORE_OK);
	mariadb_kill();
	ask_range(10, 50);
	check_range(10, 50, STORE_AWAY);
	while (store_waiting() > 0)
		sched_yield();
	ck_assert(mariadb_start());
	ask_range(50, 100);
	check_range(50, 100, STORE_OK);
	ck_assert_int_eq(bench_count(), rows_of(10) + rows_of(100) - rows_of(50));
}

END_TEST

START_TEST(a_silent_database_is_away)
{
	bench_open(2000);
	ask_range(0, 10);
	check_range(0, 10, STORE_OK);
	mariadb_signal(SIGSTOP);
	ask_range(10, 50);
	check_range(10, 50, STORE_AWAY);
	mariadb_signal(SIGCONT);
	ask_range(100, 150);
	check_range(100, 150, STORE_OK);
}

END_TEST

START_TEST(a_connection_that_was_closed_is_made_again)
{
	bench_open(0);
	for (int i = 0; i < 3; i++) {
		mariadb_sql(
			"BEGIN NOT ATOMIC FOR c IN (SELECT id FROM information_schema.processlist"
			" WHERE id <> CONNECTION_ID() AND db = 'store') DO"
			" EXECUTE IMMEDIATE CONCAT('KILL ', c.id); END FOR; END");
		ask_range(i * 20, i * 20 + 20);
		check_range(i * 20, i * 20 + 20, STORE_OK);
	}
	ck_assert_int_eq(bench_count(), rows_of(60));
}

END_TEST

START_TEST(the_store_does_not_open_without_a_database)
{
	struct config *c;
	struct err e = { "" };

	c = bench_config();
	c->store.socket = "/nonexistent/socket";
	ck_assert(!store_open(c, &e));
	ck_assert_msg(strstr(e.text, "/nonexistent/socket"), "%s", e.text);
}

END_TEST

START_TEST(large_rows_are_cut_to_packets_or_refused)
{
	enum { LARGE = 700 * 1000, ROWS = 30 };

	static char body[3 * LARGE];

	memset(body, 'x', sizeof(body));
	(void)bench_config();
	mariadb_sql("SET GLOBAL max_allowed_packet = 2097152");
	bench_reopen();
	for (int i = 0; i < ROWS; i++) {
		const struct ask ask = ASK(T_ADD, OWNER, of_int(i),
			of_str((struct str){ body, i == 20 ? 3 * LARGE : LARGE }));

		bench_ask(&all[i], 0, &ask, 1);
	}
	check_range(0, 20, STORE_OK);
	check_range(20, 21, STORE_REFUSED);
	check_range(21, ROWS, STORE_OK);
	ck_assert_int_eq(bench_count(), ROWS - 1);
}

END_TEST

/* ---- SQLite -------------------------------------------------------------------------- */

static void
use_sqlite(void)
{
	bench_use(STORE_SQLITE);
}

static void
end_sqlite(void)
{
	store_close();
	bench_clean();
}

START_TEST(requests_wait_for_a_locked_file)
{
	struct db *other;
	struct err e = { "" };

	bench_open(600);
	ck_assert(driver_sqlite.open(bench_config_used(), 0, &other, &e) == DB_OK);
	ck_assert(driver_sqlite.begin(other, DB_WRITE, &e) == DB_OK);
	ask_range(0, 10);
	check_range(0, 10, STORE_AWAY);
	ask_range(10, 20);
	ck_assert(driver_sqlite.rollback(other, &e) == DB_OK);
	check_range(10, 20, STORE_OK);
	driver_sqlite.close(&other);
}

END_TEST

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(requests_wait_for_a_file_that_cannot_grow)
{
	static char body[100000];
	struct answer a;
	int stored = 0;

	memset(body, 'x', sizeof(body));
	signal(SIGXFSZ, SIG_IGN);
	bench_open(500);
	limit_files(2 * 1024 * 1024);
	for (int i = 0; i < 100; i++) {
		enum store_result result = bench_run(T_ADD,
			ARGS(OWNER, of_int(i), of_str((struct str){ body, sizeof(body) })), &a);

		if (result != STORE_OK) {
			ck_assert_int_eq(result, STORE_AWAY);
			break;
		}
		stored++;
	}
	ck_assert_int_gt(stored, 2);
	ck_assert_int_lt(stored, 100);
	ck_assert_int_eq(bench_count(), stored); /* reading goes on */
	ask_range(200, 210);
	limit_files(RLIM_INFINITY);
	check_range(200, 210, STORE_OK);
	bench_reopen();
	ck_assert_int_eq(bench_count(), stored + 10 + 3);
}

END_TEST

START_TEST(a_full_database_is_told_from_a_wrong_statement)
{
	static char body[100000];
	struct result none = { 0 };
	struct err e = { "" };
	struct db *db;
	enum outcome o = DB_OK;

	memset(body, 'x', sizeof(body));
	bench_open(0);
	ck_assert(driver_sqlite.open(bench_config_used(), 0, &db, &e) == DB_OK);
	ck_assert(driver_sqlite.prepare(db, 0, bench_queries[T_ADD].sql, &e) == DB_OK);
	ck_assert(driver_sqlite.script(db, STR("PRAGMA max_page_count = 200"), &e) == DB_OK);
	ck_assert(driver_sqlite.begin(db, DB_WRITE, &e) == DB_OK);
	for (int i = 0; o == DB_OK && i < 100; i++)
		o = driver_sqlite.run(db, 0,
			ARGS(OWNER, of_int(i), of_str((struct str){ body, sizeof(body) })), &none,
			&e);
	ck_assert_msg(o == DB_LATER, "%d: %s", o, e.text);
	ck_assert(driver_sqlite.rollback(db, &e) == DB_OK);
	ck_assert(driver_sqlite.script(db, STR("PRAGMA max_page_count = 20000"), &e) == DB_OK);
	ck_assert(driver_sqlite.begin(db, DB_WRITE, &e) == DB_OK);
	ck_assert(
		driver_sqlite.run(db, 0, ARGS(OWNER, of_int(0), of_text("x")), &none, &e) == DB_OK);
	ck_assert(driver_sqlite.commit(db, &e) == DB_OK);
	driver_sqlite.close(&db);
	ck_assert_int_eq(bench_count(), 1);
}

END_TEST

START_TEST(a_file_that_is_no_database_is_told)
{
	struct config *c = bench_config();
	struct err e = { "" };
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/bongsu.sqlite", c->data_dir);
	f = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", f);
	fclose(f);
	ck_assert(!store_open(c, &e));
	ck_assert_msg(strstr(e.text, "bongsu.sqlite"), "%s", e.text);
}

END_TEST

Suite *
suite_outage(void)
{
	Suite *suite = suite_create("outage");
	TCase *sqlite = tcase_create("sqlite"), *mariadb = tcase_create("mariadb");
	const char *why = mariadb_missing();

	tcase_add_unchecked_fixture(sqlite, use_sqlite, NULL);
	tcase_add_checked_fixture(sqlite, NULL, end_sqlite);
	tcase_set_timeout(sqlite, 100);
	tcase_add_test(sqlite, requests_wait_for_a_locked_file);
	tcase_add_test(sqlite, requests_wait_for_a_file_that_cannot_grow);
	tcase_add_test(sqlite, a_full_database_is_told_from_a_wrong_statement);
	tcase_add_test(sqlite, a_file_that_is_no_database_is_told);
	suite_add_tcase(suite, sqlite);
	if (why) {
		printf("SKIP outage on MariaDB: %s\n", why);
		return suite;
	}
	tcase_add_unchecked_fixture(mariadb, init_mariadb, NULL);
	tcase_add_checked_fixture(mariadb, start_mariadb, end_mariadb);
	tcase_set_timeout(mariadb, 100);
	tcase_add_test(mariadb, requests_wait_for_a_database_that_was_killed);
	tcase_add_test(mariadb, what_cannot_wait_is_away_and_the_store_heals);
	tcase_add_test(mariadb, a_silent_database_is_away);
	tcase_add_test(mariadb, a_connection_that_was_closed_is_made_again);
	tcase_add_test(mariadb, the_store_does_not_open_without_a_database);
	tcase_add_test(mariadb, large_rows_are_cut_to_packets_or_refused);
	suite_add_tcase(suite, mariadb);
	return suite;
}
