/*
 * bench.h -- a store for a test: a database of its own, and questions that wait for their answers.
 *
 * Runs on: the test process
 */
#ifndef UNIT_STORE_BENCH_H
#define UNIT_STORE_BENCH_H

#include "store/rows.h"
#include "store/store.h"

#include <check.h>

/* ---- A private MariaDB: one folder for all suites of this process ---------------- */

/* NULL, or why there is none: printed by the suite, whose MariaDB tests are left out then. */
const char *mariadb_missing(void);
/* Makes its folder, once; removed when this process ends. */
bool mariadb_init(void);
/* Starts it there, unless it runs, and waits until it answers. */
bool mariadb_start(void);
/* Ends it without warning; what was committed stays in its folder.  By the process that started
 * it. */
void mariadb_kill(void);
/* SIGSTOP and SIGCONT: it is there, but says nothing. */
void mariadb_signal(int signal);
/* As its administrator, waits for the end. */
void mariadb_sql(const char *sql);

/* ---- The database of one test -------------------------------------------------- */

/* Which database the tests that follow use. */
void bench_use(enum store_driver driver);
/* An empty database and a configuration for it. */
struct config *bench_config(void);
/* That configuration again. */
const struct config *bench_config_used(void);
/* Removes what bench_config made. */
void bench_clean(void);
/* bench_config and store_open with the queries below; time-out as given (0: 30 s). */
void bench_open(msec_t timeout);
void bench_close(void);
/* Closes and opens again, on the same data. */
void bench_reopen(void);
/* The same tests on each database, in one suite; all fork. */
Suite *bench_suite(
	const char *name, void (*setup)(void), void (*teardown)(void), const TTest *const *tests);

/* ---- Questions ------------------------------------------------------------------- */

enum bench_query {
	T_ADD, /* owner, id, body: into the table t */
	T_ADD_NO_BULK, /* the same, written so that it is never sent in bulk */
	T_GET, /* owner: id, body in the order of ids */
	T_COUNT, /* how many rows in all */
	T_SET, /* body, owner, id */
	T_REPLACE, /* owner, id, body */
	T_DELETE, /* owner */
	T_ADD_LIST, /* owner, place, owner again: the next number of that owner's list */
	T_LIST, /* owner: place, number */
	T_ADD_NOTE, /* owner, id, note: a column that may be NULL */
	T_NOTES, /* owner: note in the order of ids */
	T_BAD, /* owner, id: fails when it runs, a NULL where none may be */
	BENCH_QUERIES,
};

extern const struct query bench_queries[];

struct answer {
	bool done;
	enum store_result result;
	size_t count; /* of rows objects */
	struct result rows[4];
	struct worker *worker;
};

#ifndef ARGS /* home/job.h has the same */
#define ARGS(...)                                                                                  \
	((const struct value[]){ __VA_ARGS__ }), COUNT(((const struct value[]){ __VA_ARGS__ }))
#endif
#define ASK(n, ...)                                                                                \
	{                                                                                          \
		&bench_queries[n], ARGS(__VA_ARGS__)                                               \
	}

/* The request that bench_ask makes, for a lane of the test's own. */
struct request *bench_request(
	struct worker *w, struct answer *a, const struct ask *asks, size_t count);
/* Asks; the answer comes later. */
void bench_ask(struct answer *a, uint64_t key, const struct ask *asks, size_t count);
/* True when it has come; false after 60 seconds. */
bool bench_wait(struct answer *a);
/* Has it come? */
bool bench_answered(struct answer *a);
void answer_clear(struct answer *a);
/* Asks one statement and waits. */
enum store_result bench_run(
	enum bench_query q, const struct value *args, size_t count, struct answer *a);
/* The number of rows in t. */
int64_t bench_count(void);

#endif
