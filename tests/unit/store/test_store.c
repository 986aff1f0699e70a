/*
 * The store, the same tests on both databases: what is stored comes back as it was, requests of one
 * key keep their order, a request is all or nothing, a failure is its request's alone, and what was
 * confirmed survives kill -9.
 *
 * Runs on: its own process
 */
#include "tests/unit/store/bench.h"
#include "tests/unit/suite.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/metric.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER of_text("romeo@montague.lit")

static void
setup(void)
{
	bench_open(0);
}

static void
teardown(void)
{
	bench_close();
}

static void
add(int64_t id, const char *body)
{
	struct answer a;

	ck_assert_int_eq(bench_run(T_ADD, ARGS(OWNER, of_int(id), of_text(body)), &a), STORE_OK);
	answer_clear(&a);
}

/* ---- Values ------------------------------------------------------------------ */

static void
check_round_trip(int64_t id, struct str body)
{
	struct answer a;
	struct str got;

	ck_assert_int_eq(bench_run(T_ADD, ARGS(OWNER, of_int(id), of_str(body)), &a), STORE_OK);
	ck_assert_int_eq(a.rows[0].rows.changed, 1);
	ck_assert_int_eq(bench_run(T_GET, ARGS(OWNER), &a), STORE_OK);
	ck_assert_uint_eq(a.rows[0].rows.count, 1);
	ck_assert_uint_eq(a.rows[0].rows.columns, 2);
	ck_assert_int_eq(row_int(&a.rows[0].rows, 0, 0), id);
	got = row_str(&a.rows[0].rows, 0, 1);
	ck_assert_uint_eq(got.n, body.n);
	ck_assert(memcmp(got.p, body.p, body.n) == 0 && got.p[got.n] == '\0');
	answer_clear(&a);
	ck_assert_int_eq(bench_run(T_DELETE, ARGS(OWNER), &a), STORE_OK);
	ck_assert_int_eq(a.rows[0].rows.changed, 1);
	answer_clear(&a);
}

START_TEST(values_come_back_as_they_were)
{
	char every[512], *large = mem_new(1024 * 1024);

	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (char)i;
	for (size_t i = 0; i < 1024 * 1024; i++)
		large[i] = (char)(i * 31 >> 3);
	check_round_trip(1, STR("<message/>"));
	check_round_trip(0, STR(""));
	check_round_trip(-1, STR("\xea\xb0\x95\xeb\x82\xa8\xf0\x9f\x94\xa5 \"'\\%_;\n"));
	check_round_trip(INT64_MAX, (struct str){ every, sizeof(every) });
	check_round_trip(INT64_MIN, STR("a\0b"));
	check_round_trip(2, (struct str){ large, 1024 * 1024 });
	check_round_trip(3, STR("12345"));
	mem_free(&large);
}

END_TEST

START_TEST(rows_are_counted)
{
	struct answer a;

	ck_assert_int_eq(bench_run(T_GET, ARGS(OWNER), &a), STORE_OK);
	ck_assert_uint_eq(a.rows[0].rows.count, 0);
	add(1, "a");
	add(2, "b");
	ck_assert_int_eq(bench_run(T_SET, ARGS(of_text("a"), OWNER, of_int(1)), &a), STORE_OK);
	ck_assert_int_eq(a.rows[0].rows.changed, 1); /* also if nothing is new */
	ck_assert_int_eq(bench_run(T_SET, ARGS(of_text("a"), OWNER, of_int(7)), &a), STORE_OK);
	ck_assert_int_eq(a.rows[0].rows.changed, 0);
	ck_assert_int_eq(bench_run(T_REPLACE, ARGS(OWNER, of_int(1), of_text("c")), &a), STORE_OK);
	ck_assert_int_ge(a.rows[0].rows.changed, 1);
	ck_assert_int_eq(bench_run(T_DELETE, ARGS(OWNER), &a), STORE_OK);
	ck_assert_int_eq(a.rows[0].rows.changed, 2);
}

END_TEST

START_TEST(many_rows_come_in_order)
{
	enum { MANY = 3000 };
	struct answer *all = mem_new(MANY * sizeof(*all)), a;

	for (int i = 0; i < MANY; i++) {
		const struct ask ask = ASK(T_ADD, OWNER, of_int(MANY - i), of_text("body"));

		bench_ask(&all[i], 1, &ask, 1);
	}
	for (int i = 0; i < MANY; i++)
		ck_assert(bench_wait(&all[i]) && all[i].result == STORE_OK &&
			  all[i].rows[0].rows.changed == 1);
	ck_assert_int_eq(bench_run(T_GET, ARGS(OWNER), &a), STORE_OK);
	ck_assert_uint_eq(a.rows[0].rows.count, MANY);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(row_int(&a.rows[0].rows, i, 0), (int64_t)i + 1);
	answer_clear(&a);
	mem_free(&all);
}

END_TEST

START_TEST(rows_of_a_group_may_have_nulls_and_different_types)
{
	enum { MANY = 400 };
	static struct answer all[MANY];
	const struct value notes[] = { of_str(STR_NONE), of_text("note"), of_text(""), of_int(7) };
	struct answer a;

	for (int i = 0; i < MANY; i++) {
		/* numbers only in the last quarter: before, the rows can go in bulk */
		const struct ask ask =
			ASK(T_ADD_NOTE, OWNER, of_int(i), notes[i % (i < MANY / 4 * 3 ? 3 : 4)]);

		bench_ask(&all[i], 1, &ask, 1);
	}
	for (int i = 0; i < MANY; i++)
		ck_assert(bench_wait(&all[i]) && all[i].result == STORE_OK);
	ck_assert_int_eq(bench_run(T_NOTES, ARGS(OWNER), &a), STORE_OK);
	ck_assert_uint_eq(a.rows[0].rows.count, MANY);
	for (int i = 0; i < MANY; i++) {
		int kind = i % (i < MANY / 4 * 3 ? 3 : 4);
		struct str note = row_str(&a.rows[0].rows, (size_t)i, 0);

		ck_assert_int_eq(row_is_null(&a.rows[0].rows, (size_t)i, 0), kind == 0);
		if (kind == 1 || kind == 2)
			ck_assert(str_is(note, kind == 1 ? "note" : ""));
	}
	answer_clear(&a);
}

END_TEST

/* ---- Order and groups ---------------------------------------------------------- */

START_TEST(requests_of_one_key_keep_their_order)
{
	enum { KEYS = 5, EACH = 200 };
	static struct answer all[KEYS][EACH];
	struct answer a;
	char owner[KEYS][8];

	for (int k = 0; k < KEYS; k++)
		snprintf(owner[k], sizeof(owner[k]), "o%d@h", k);
	for (int i = 0; i < EACH; i++) {
		for (int k = 0; k < KEYS; k++) {
			struct str o = str_of(owner[k]);
			const struct ask ask = ASK(T_ADD_LIST, of_str(o), of_int(i), of_str(o));

			bench_ask(&all[k][i], hash_stable(o.p, o.n), &ask, 1);
		}
	}
	for (int k = 0; k < KEYS; k++) {
		ck_assert(bench_wait(&all[k][EACH - 1]));
		for (int i = 0; i < EACH; i++)
			ck_assert(bench_answered(&all[k][i]) && all[k][i].result == STORE_OK);
		ck_assert_int_eq(bench_run(T_LIST, ARGS(of_text(owner[k])), &a), STORE_OK);
		ck_assert_uint_eq(a.rows[0].rows.count, EACH);
		for (size_t i = 0; i < EACH; i++)
			ck_assert_int_eq(row_int(&a.rows[0].rows, i, 0), (int64_t)i);
		answer_clear(&a);
	}
}

END_TEST

START_TEST(what_waits_is_committed_together)
{
	enum { MANY = 2000 };
	static struct answer all[MANY];
	uint64_t before = metric_read(METRIC_COMMITS);

	for (int i = 0; i < MANY; i++) {
		const struct ask ask =
			ASK(i % 2 ? T_ADD : T_ADD_NO_BULK, OWNER, of_int(i), of_text("x"));

		bench_ask(&all[i], (uint64_t)i, &ask, 1);
	}
	for (int i = 0; i < MANY; i++)
		ck_assert(bench_wait(&all[i]) && all[i].result == STORE_OK);
	while (store_waiting() > 0)
		sched_yield();
	ck_assert_int_eq(bench_count(), MANY);
	ck_assert_uint_lt(metric_read(METRIC_COMMITS) - before, MANY / 2);
}

END_TEST

START_TEST(a_duplicate_fails_alone)
{
	enum { MANY = 600 };
	static struct answer all[MANY];

	for (int i = 0; i < MANY; i++) {
		const struct ask ask =
			ASK(T_ADD, OWNER, of_int(i % 5 == 4 ? i - 1 : i), of_text("x"));

		bench_ask(&all[i], 3, &ask, 1);
	}
	for (int i = 0; i < MANY; i++) {
		ck_assert(bench_wait(&all[i]));
		ck_assert_msg(all[i].result == (i % 5 == 4 ? STORE_DUPLICATE : STORE_OK),
			"request %d: %d", i, all[i].result);
	}
	ck_assert_int_eq(bench_count(), MANY / 5 * 4);
}

END_TEST

START_TEST(a_request_is_all_or_nothing)
{
	enum { MANY = 90 };
	static struct answer all[MANY];

	add(1000, "there already");
	for (int i = 0; i < MANY; i++) {
		const struct ask good[] = {
			ASK(T_ADD, OWNER, of_int(i), of_text("1")),
			ASK(T_ADD, OWNER, of_int(i + 2000), of_text("2")),
			ASK(T_SET, of_text("3"), OWNER, of_int(i)),
		};
		const struct ask duplicate[] = {
			ASK(T_ADD, OWNER, of_int(i), of_text("1")),
			ASK(T_ADD, OWNER, of_int(1000), of_text("2")),
			ASK(T_DELETE, OWNER),
		};
		const struct ask refused[] = {
			ASK(T_DELETE, OWNER),
			ASK(T_BAD, OWNER, of_int(i)),
		};

		bench_ask(&all[i], 0,
			i % 3 == 0   ? good
			: i % 3 == 1 ? duplicate
				     : refused,
			i % 3 == 2 ? 2 : 3);
	}
	for (int i = 0; i < MANY; i++) {
		ck_assert(bench_wait(&all[i]));
		ck_assert_int_eq(all[i].result, i % 3 == 0   ? STORE_OK
						: i % 3 == 1 ? STORE_DUPLICATE
							     : STORE_REFUSED);
	}
	ck_assert_uint_eq(all[0].count, 3);
	ck_assert_int_eq(all[0].rows[2].rows.changed, 1);
	ck_assert_int_eq(bench_count(), 1 + MANY / 3 * 2);
}

END_TEST

START_TEST(a_wrong_request_is_refused_alone)
{
	static const struct query stranger = { "stranger", "SELECT 1", NULL };
	const struct ask unknown = { &stranger, NULL, 0 };
	struct answer bad, wrong, strange, good;
	const struct ask asks[] = {
		ASK(T_BAD, OWNER, of_int(1)),
		ASK(T_ADD, OWNER, of_int(1)), /* an argument is missing */
		ASK(T_ADD, OWNER, of_int(1), of_text("body")),
	};

	bench_ask(&bad, 0, &asks[0], 1);
	bench_ask(&wrong, 0, &asks[1], 1);
	bench_ask(&strange, 0, &unknown, 1);
	bench_ask(&good, 0, &asks[2], 1);
	ck_assert(bench_wait(&good) && good.result == STORE_OK);
	ck_assert(bench_answered(&bad) && bad.result == STORE_REFUSED);
	ck_assert(bench_answered(&wrong) && wrong.result == STORE_REFUSED);
	ck_assert(bench_answered(&strange) && strange.result == STORE_REFUSED);
	ck_assert_int_eq(bench_count(), 1);
}

END_TEST

START_TEST(closing_commits_what_waits)
{
	enum { MANY = 1500 };
	static struct answer all[MANY];

	for (int i = 0; i < MANY; i++) {
		const struct ask ask = ASK(T_ADD, OWNER, of_int(i), of_text("x"));

		bench_ask(&all[i], (uint64_t)i, &ask, 1);
	}
	bench_reopen();
	for (int i = 0; i < MANY; i++)
		ck_assert(bench_answered(&all[i]) && all[i].result == STORE_OK);
	ck_assert_int_eq(bench_count(), MANY);
}

END_TEST

START_TEST(who_asks_too_late_is_told)
{
	const struct ask ask = { &bench_queries[T_COUNT], NULL, 0 };
	struct answer a;

	store_close();
	bench_ask(&a, 0, &ask, 1);
	ck_assert(bench_answered(&a) && a.result == STORE_AWAY);
	bench_reopen();
}

END_TEST

/* ---- Workers ------------------------------------------------------------------- */

enum { EACH_WORKER = 300, WORKERS = 3 };

static atomic_int answered, misplaced, unordered;
static int last_seen[WORKERS];

static void
on_worker_answer(struct worker *w, void *ctx, enum store_result result,
	const struct rows *const *rows, size_t count)
{
	int *number = ctx;

	if (!worker_is_here(w) || result != STORE_OK || count != 1 || rows[0]->changed != 1)
		atomic_fetch_add(&misplaced, 1);
	if (*number != last_seen[worker_index(w)]++)
		atomic_fetch_add(&unordered, 1);
	mem_free(&number);
	atomic_fetch_add(&answered, 1);
}

static void
ask_from_worker(struct worker *w, void *arg)
{
	unsigned k = worker_index(w);

	(void)arg;
	for (int i = 0; i < EACH_WORKER; i++) {
		int *number = MEM_NEW(int);
		const struct ask ask = ASK(T_ADD, of_text("worker"),
			of_int((int64_t)k * EACH_WORKER + i), of_text("x"));

		*number = i;
		store_ask(w, k, &ask, 1, on_worker_answer, number);
	}
}

START_TEST(answers_reach_the_worker_that_asked)
{
	struct err e;

	ck_assert(workers_init(WORKERS, &e));
	workers_start();
	workers_each(ask_from_worker, NULL);
	store_close(); /* mails all answers */
	workers_stop(); /* opens them */
	workers_fini();
	ck_assert_int_eq(atomic_load(&answered), WORKERS * EACH_WORKER);
	ck_assert_int_eq(atomic_load(&misplaced), 0);
	ck_assert_int_eq(atomic_load(&unordered), 0);
	bench_reopen();
	ck_assert_int_eq(bench_count(), WORKERS * EACH_WORKER);
}

END_TEST

/* ---- kill -9 --------------------------------------------------------------------- */

static int confirm_fd;

static void
on_confirmed(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	int id = (int)(intptr_t)ctx;

	(void)w, (void)rows, (void)count;
	if (result == STORE_OK && write(confirm_fd, &id, sizeof(id)) != (ssize_t)sizeof(id))
		_exit(1);
}

static void
write_for_ever(void)
{
	bench_reopen();
	for (int i = 0;; i++) {
		const struct ask ask = ASK(T_ADD, OWNER, of_int(i), of_text("confirmed"));

		while (store_waiting() > 500)
			usleep(100);
		store_ask(NULL, (uint64_t)i, &ask, 1, on_confirmed, (void *)(intptr_t)i);
	}
}

START_TEST(what_was_confirmed_survives_kill_9)
{
	enum { ENOUGH = 3000 };

	int pipes[2], id, count = 0;
	static bool seen[1000000];
	struct answer a;
	pid_t writer;

	store_close();
	ck_assert_int_eq(pipe(pipes), 0);
	writer = fork();
	if (writer == 0) {
		confirm_fd = pipes[1];
		write_for_ever();
	}
	close(pipes[1]);
	while (read(pipes[0], &id, sizeof(id)) == (ssize_t)sizeof(id) && id < (int)sizeof(seen)) {
		seen[id] = true;
		if (++count == ENOUGH)
			kill(writer, SIGKILL);
	}
	waitpid(writer, NULL, 0);
	ck_assert_int_ge(count, ENOUGH);
	bench_reopen();
	ck_assert_int_eq(bench_run(T_GET, ARGS(OWNER), &a), STORE_OK);
	for (size_t i = 0; i < a.rows[0].rows.count; i++)
		seen[row_int(&a.rows[0].rows, i, 0)] = false;
	for (size_t i = 0; i < sizeof(seen); i++)
		ck_assert_msg(!seen[i], "row %zu was confirmed and is lost", i);
	answer_clear(&a);
}

END_TEST

Suite *
suite_store(void)
{
	static const TTest *tests[16];
	size_t n = 0;

	tests[n++] = values_come_back_as_they_were;
	tests[n++] = rows_are_counted;
	tests[n++] = many_rows_come_in_order;
	tests[n++] = rows_of_a_group_may_have_nulls_and_different_types;
	tests[n++] = requests_of_one_key_keep_their_order;
	tests[n++] = what_waits_is_committed_together;
	tests[n++] = a_duplicate_fails_alone;
	tests[n++] = a_request_is_all_or_nothing;
	tests[n++] = a_wrong_request_is_refused_alone;
	tests[n++] = closing_commits_what_waits;
	tests[n++] = who_asks_too_late_is_told;
	tests[n++] = answers_reach_the_worker_that_asked;
	tests[n++] = what_was_confirmed_survives_kill_9;
	return bench_suite("store", setup, teardown, tests);
}
