/*
 * What a storage thread does when its database fails: a driver over SQLite's that fails as it is
 * told to. Commits whose end nobody knows, deadlocks, a full disk, a request that breaks each
 * transaction, bulk inserts, and the bound of the queue.
 *
 * Runs on: its own process
 */
#include "tests/unit/store/bench.h"
#include "tests/unit/suite.h"

#include "base/mem.h"
#include "base/metric.h"
#include "store/lane.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#define OWNER of_text("romeo@montague.lit")

enum { POISON = 13 };

/* What the driver does wrong; set before the lane starts. */
static struct {
	int commits_lost_after; /* so many commits happen, but are reported as lost */
	int commits_lost_before;
	int runs_lost_after;
	enum outcome run, commit; /* with these outcomes... */
	int run_times, commit_times; /* ...so many times */
	bool poison; /* a row with this id breaks the connection */
} faults;

static atomic_int opens, bulks, commits, at_gate;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct driver driver;
static struct lane *lane;
static struct config config;

/* ---- The driver ------------------------------------------------------------------ */

static enum outcome
faulty_open(const struct config *c, msec_t patience, struct db **out, struct err *e)
{
	atomic_fetch_add(&opens, 1);
	return driver_sqlite.open(c, patience, out, e);
}

static enum outcome
faulty_run(struct db *db, unsigned number, const struct value *args, size_t count,
	struct result *out, struct err *e)
{
	enum outcome o;

	(void)err_set(e, "as told");
	if (faults.run_times > 0) {
		faults.run_times--;
		return faults.run;
	}
	if (faults.poison && count == 3 && args[1].i == POISON)
		return DB_LOST;
	o = driver_sqlite.run(db, number, args, count, out, e);
	if (o == DB_OK && faults.runs_lost_after > 0) {
		faults.runs_lost_after--;
		return DB_LOST;
	}
	return o;
}

static enum outcome
faulty_run_many(struct db *db, unsigned number, const struct value *const *args, size_t count,
	size_t rows, struct err *e)
{
	struct result none = { 0 };
	enum outcome o = DB_OK;

	atomic_fetch_add(&bulks, 1);
	for (size_t i = 0; o == DB_OK && i < rows; i++)
		o = faulty_run(db, number, args[i], count, &none, e);
	return o;
}

static enum outcome
faulty_begin(struct db *db, enum intent intent, struct err *e)
{
	atomic_fetch_add(&at_gate, 1);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	atomic_fetch_sub(&at_gate, 1);
	return driver_sqlite.begin(db, intent, e);
}

static enum outcome
faulty_commit(struct db *db, struct err *e)
{
	enum outcome o;

	(void)err_set(e, "as told");
	if (faults.commit_times > 0) {
		faults.commit_times--;
		return faults.commit;
	}
	if (faults.commits_lost_before > 0) {
		faults.commits_lost_before--;
		return DB_LOST;
	}
	o = driver_sqlite.commit(db, e);
	if (o == DB_OK && faults.commits_lost_after > 0) {
		faults.commits_lost_after--;
		return DB_LOST;
	}
	return o;
}

/* ---- Fixture ----------------------------------------------------------------------- */

static void
setup(void)
{
	bench_use(STORE_SQLITE);
	bench_open(0); /* makes the tables and the list of statements */
	store_close();
	memset(&faults, 0, sizeof(faults));
	driver = driver_sqlite;
	driver.open = faulty_open;
	driver.run = faulty_run;
	driver.begin = faulty_begin;
	driver.commit = faulty_commit;
	config = *bench_config_used();
}

static void
start(msec_t timeout)
{
	struct db *db;
	struct err e = { "" };

	config.store.timeout = timeout;
	ck_assert_msg(lane_connect(&driver, &config, &db, &e) == DB_OK, "%s", e.text);
	lane = lane_start(&driver, &config, db);
}

static void
stop(void)
{
	if (!lane)
		return;
	lane_stopping(lane, 10000);
	lane_join(lane);
	lane_free(&lane);
}

static void
teardown(void)
{
	stop();
	bench_clean();
}

static void
put(struct answer *a, const struct ask *asks, size_t count)
{
	ck_assert(lane_put(lane, bench_request(NULL, a, asks, count)));
}

static void
put_later(struct answer *answers, int64_t id, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct ask ask = ASK(T_ADD, OWNER, of_int(id + (int64_t)i), of_text("x"));

		put(&answers[i], &ask, 1);
	}
}

/* Puts rows id..id+n-1 while the thread waits at the gate with another request, so that they are
 * one group. */
static void
put_group(struct answer *answers, int64_t id, size_t n)
{
	static struct answer before;
	const struct ask nothing[] = { ASK(T_DELETE, of_text("nobody")),
		ASK(T_DELETE, of_text("nobody")) };

	pthread_mutex_lock(&gate);
	put(&before, nothing, COUNT(nothing));
	while (atomic_load(&at_gate) == 0)
		sched_yield();
	put_later(answers, id, n);
	pthread_mutex_unlock(&gate);
	ck_assert(bench_wait(&before));
}

static void
check_all(struct answer *answers, size_t n, enum store_result expected)
{
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(bench_wait(&answers[i]), "no answer to %zu", i);
		ck_assert_msg(
			answers[i].result == expected, "request %zu: %d", i, answers[i].result);
	}
}

static int64_t
count_rows(void)
{
	int64_t n;

	stop();
	bench_reopen();
	n = bench_count();
	store_close();
	return n;
}

/* ---- Commits whose end is not known -------------------------------------------------- */

enum { GROUP = 50 };

static struct answer all[GROUP];

START_TEST(a_commit_that_happened_is_not_done_twice)
{
	faults.commits_lost_after = 2;
	start(30000);
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(atomic_load(&opens), 3);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(a_commit_that_did_not_happen_is_done_again)
{
	faults.commits_lost_before = 2;
	start(30000);
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(a_single_statement_that_happened_is_not_done_twice)
{
	const struct ask ask = ASK(T_ADD, OWNER, of_int(1), of_text("x"));

	faults.runs_lost_after = 1;
	start(30000);
	put(&all[0], &ask, 1);
	check_all(all, 1, STORE_OK);
	ck_assert_int_eq(all[0].rows[0].rows.changed, 1);
	put(&all[1], &ask, 1);
	check_all(all + 1, 1, STORE_DUPLICATE);
	ck_assert_int_eq(count_rows(), 1);
}

END_TEST

START_TEST(a_request_of_several_statements_that_happened_is_not_done_twice)
{
	const struct ask asks[] = {
		ASK(T_ADD, OWNER, of_int(1), of_text("x")),
		ASK(T_ADD, OWNER, of_int(2), of_text("x")),
	};

	faults.commits_lost_after = 1;
	start(30000);
	put(&all[0], asks, COUNT(asks));
	check_all(all, 1, STORE_OK);
	ck_assert_int_eq(count_rows(), 2);
}

END_TEST

START_TEST(a_duplicate_is_one_after_a_failure_before_the_commit)
{
	const struct ask ask = ASK(T_ADD, OWNER, of_int(1), of_text("x"));

	start(30000);
	put(&all[0], &ask, 1);
	check_all(all, 1, STORE_OK);
	faults.run = DB_AGAIN;
	faults.run_times = 1;
	put_group(all, 1, 3);
	check_all(all, 1, STORE_DUPLICATE);
	check_all(all + 1, 2, STORE_OK);
	ck_assert_int_eq(count_rows(), 3);
}

END_TEST

/* ---- Transactions that fail ---------------------------------------------------------- */

START_TEST(a_deadlock_is_tried_again)
{
	faults.run = faults.commit = DB_AGAIN;
	faults.run_times = faults.commit_times = 4;
	start(30000);
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(a_full_disk_is_tried_again)
{
	faults.run = faults.commit = DB_LATER;
	faults.run_times = faults.commit_times = 3;
	start(30000);
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(atomic_load(&opens), 1);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(what_cannot_be_done_in_time_is_away)
{
	faults.run = DB_LATER;
	faults.run_times = 1 << 30;
	start(300);
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_AWAY);
	while (lane_waiting(lane) > 0)
		sched_yield();
}

END_TEST

START_TEST(a_request_that_breaks_each_transaction_fails_alone)
{
	faults.poison = true;
	start(1500);
	put_group(all, 0, GROUP);
	check_all(all, POISON, STORE_OK);
	check_all(all + POISON, 1, STORE_AWAY);
	check_all(all + POISON + 1, GROUP - POISON - 1, STORE_OK);
	ck_assert_int_eq(count_rows(), GROUP - 1);
}

END_TEST

START_TEST(stopping_does_not_wait_for_ever)
{
	faults.run = DB_LATER;
	faults.run_times = 1 << 30;
	start(600000);
	put_later(all, 0, GROUP);
	lane_stopping(lane, 200);
	lane_join(lane);
	lane_free(&lane);
	check_all(all, GROUP, STORE_AWAY);
}

END_TEST

/* ---- Bulk ------------------------------------------------------------------------------ */

START_TEST(equal_inserts_go_in_bulk)
{
	driver.run_many = faulty_run_many;
	start(30000);
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(atomic_load(&bulks), 1);
	ck_assert_int_eq(all[GROUP - 1].rows[0].rows.changed, 1);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(a_bulk_insert_that_fails_is_done_one_by_one)
{
	driver.run_many = faulty_run_many;
	start(30000);
	put_group(all, 7, 1);
	check_all(all, 1, STORE_OK);
	put_group(all, 0, GROUP);
	check_all(all, 7, STORE_OK);
	check_all(all + 7, 1, STORE_DUPLICATE);
	check_all(all + 8, GROUP - 8, STORE_OK);
	ck_assert_int_eq(atomic_load(&bulks), 1);
	put_group(all, 100, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(atomic_load(&bulks), 2);
	ck_assert_int_eq(count_rows(), 2 * GROUP);
}

END_TEST

/* All or nothing, as MariaDB does one statement. */
static enum outcome
faulty_run_statement(struct db *db, unsigned number, const struct value *const *args, size_t count,
	size_t rows, struct err *e)
{
	struct err ignored;
	enum outcome o = driver_sqlite.begin(db, DB_WRITE, e);

	if (o == DB_OK)
		o = faulty_run_many(db, number, args, count, rows, e);
	if (o == DB_OK)
		o = driver_sqlite.commit(db, e);
	else
		(void)driver_sqlite.rollback(db, &ignored);
	if (o == DB_OK && faults.commits_lost_after > 0) {
		faults.commits_lost_after--;
		return DB_LOST;
	}
	return o;
}

static size_t
plenty(const struct db *db)
{
	(void)db;
	return 1 << 20;
}

static enum outcome
counted_commit(struct db *db, struct err *e)
{
	atomic_fetch_add(&commits, 1);
	return driver_sqlite.commit(db, e);
}

static void
start_statements(void)
{
	driver.run_many = faulty_run_statement;
	driver.many_at_once = plenty;
	driver.commit = counted_commit;
	start(30000);
}

START_TEST(equal_inserts_alone_need_no_transaction)
{
	start_statements();
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(atomic_load(&bulks), 1);
	/* Of what went before them. */
	ck_assert_int_eq(atomic_load(&commits), 1);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(a_bulk_that_happened_is_not_done_twice)
{
	faults.commits_lost_after = 1;
	start_statements();
	put_group(all, 0, GROUP);
	check_all(all, GROUP, STORE_OK);
	ck_assert_int_eq(atomic_load(&bulks), 1);
	ck_assert_int_eq(atomic_load(&opens), 2);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

START_TEST(a_bulk_alone_that_fails_is_done_one_by_one)
{
	start_statements();
	put_group(all, 7, 1);
	check_all(all, 1, STORE_OK);
	put_group(all, 0, GROUP);
	check_all(all, 7, STORE_OK);
	check_all(all + 7, 1, STORE_DUPLICATE);
	check_all(all + 8, GROUP - 8, STORE_OK);
	ck_assert_int_eq(count_rows(), GROUP);
}

END_TEST

/* ---- The bound of the queue -------------------------------------------------------------- */

START_TEST(a_full_queue_takes_no_more)
{
	enum { MORE_THAN_FIT = 70000 };
	const struct ask ask = ASK(T_DELETE, of_text("nobody"));
	const struct ask two[] = { ask, ask };
	struct answer *many = mem_new(MORE_THAN_FIT * sizeof(*many));
	struct request *r;
	struct err e;
	size_t n = 0;

	ck_assert(workers_init(1, &e));
	start(60000);
	pthread_mutex_lock(&gate);
	for (;;) {
		r = bench_request(worker_at(0), &many[n], two, COUNT(two));
		if (n == MORE_THAN_FIT - 1 || !lane_put(lane, r))
			break;
		n++;
	}
	ck_assert_uint_ge(n, 10000);
	ck_assert_uint_lt(n, MORE_THAN_FIT - 1);
	request_free(&r);
	ck_assert_uint_eq(lane_waiting(lane), n);
	pthread_mutex_unlock(&gate);
	stop();
	workers_start();
	workers_stop();
	workers_fini();
	check_all(many, n, STORE_OK);
	mem_free(&many);
}

END_TEST

static Suite *
suite_of(const TTest *const *tests)
{
	Suite *suite = suite_create("lane");
	TCase *tcase = tcase_create("faults");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
	return suite;
}

Suite *
suite_lane(void)
{
	static const TTest *tests[20];
	size_t n = 0;

	tests[n++] = a_commit_that_happened_is_not_done_twice;
	tests[n++] = a_commit_that_did_not_happen_is_done_again;
	tests[n++] = a_single_statement_that_happened_is_not_done_twice;
	tests[n++] = a_request_of_several_statements_that_happened_is_not_done_twice;
	tests[n++] = a_duplicate_is_one_after_a_failure_before_the_commit;
	tests[n++] = a_deadlock_is_tried_again;
	tests[n++] = a_full_disk_is_tried_again;
	tests[n++] = what_cannot_be_done_in_time_is_away;
	tests[n++] = a_request_that_breaks_each_transaction_fails_alone;
	tests[n++] = stopping_does_not_wait_for_ever;
	tests[n++] = equal_inserts_go_in_bulk;
	tests[n++] = equal_inserts_alone_need_no_transaction;
	tests[n++] = a_bulk_that_happened_is_not_done_twice;
	tests[n++] = a_bulk_alone_that_fails_is_done_one_by_one;
	tests[n++] = a_bulk_insert_that_fails_is_done_one_by_one;
	tests[n++] = a_full_queue_takes_no_more;
	return suite_of(tests);
}
