/*
 * Every statement of the core and of the modules that are built in finds what it needs by an index,
 * and in order, by the word of the database: none reads a whole table or sorts what it read, but for
 * those that are named here with the reason.
 *
 * SQLite plans without looking at the data.  MariaDB is given rows first, and asked for values that
 * are among them; otherwise it says that there is nothing, and nothing about how it would look.
 *
 * Runs on: its own process
 */
#include "admin/command.h"
#include "base/mem.h"
#include "home/credential.h"
#include "home/home.h"
#include "home/portable.h"
#include "module/registry.h"
#include "store/lane.h"
#include "tests/unit/store/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ARGS_MAX = 32, SQLITE = 1, MARIADB = 2 };

/* Statements that may. */
static const struct {
	const char *name;
	unsigned where; /* of SQLITE, MARIADB */
	const char *because;
} allowed[] = {
	{ "admin_count_users", SQLITE | MARIADB, "counts them all, for administrators" },
	{ "kept_owners", SQLITE, "reads all of them at the start, when those are few" },
	{ "kept_take", SQLITE | MARIADB, "sorts the sessions of an account" },
	{ "private_all", MARIADB, "sorts the elements of an account, for export" },
	{ "muc_load_roles", SQLITE | MARIADB, "sorts the roles kept in a room" },
	{ "muc_member_list", MARIADB, "sorts the rooms of an account" },
	{ "muc_search_by_users", SQLITE | MARIADB, "sorts rooms by what changes all the time" },
	{ "archive_find", SQLITE | MARIADB, "sorts what it found, seldom more than one" },
	{ "archive_talks", SQLITE | MARIADB, "sorts the conversations of an account" },
	/* By a unique index, says MariaDB, which looks there for the plan and finds the answer. */
	{ "pep_item_id", MARIADB, "there is none" },
	{ "pep_item_get", MARIADB, "there is none" },
	{ "home_number_insert", MARIADB, "there is one" },
};

static bool used[COUNT(allowed)];

static const struct driver *driver;
static struct db *db;
static unsigned prepared;

static unsigned
here(void)
{
	return driver == &driver_sqlite ? SQLITE : MARIADB;
}

/* ---- Rows for MariaDB ---------------------------------------------------------------- */

/* One INSERT for each table, of 4,000 rows.  Columns of keys have few values, which come together in
 * all ways; small integers have four, and all other columns as many as there are rows. */
static const char fill[] =
	"WITH k AS (SELECT table_name, column_name, seq_in_index AS place, COUNT(*) OVER"
	" (PARTITION BY table_name) AS places FROM information_schema.statistics"
	" WHERE table_schema = DATABASE() AND index_name = 'PRIMARY'),"
	" other AS (SELECT DISTINCT table_name, column_name FROM information_schema.statistics"
	" WHERE table_schema = DATABASE() AND non_unique AND seq_in_index = 1 AND table_name NOT IN"
	" (SELECT table_name FROM information_schema.columns WHERE column_default LIKE '%sha2%'))"
	" SELECT CONCAT('INSERT INTO ', c.table_name, ' (', GROUP_CONCAT(c.column_name), ') SELECT ',"
	" GROUP_CONCAT(CASE WHEN c.data_type = 'tinyint' THEN '(seq DIV 20) % 4'"
	" WHEN k.places = 1 THEN 'seq' WHEN k.place = 1 THEN 'seq % 20'"
	" WHEN k.place = 2 AND k.places = 2 THEN 'seq DIV 20' WHEN k.place = 2 THEN '(seq DIV 20) % 20'"
	" WHEN k.place = 3 THEN 'seq DIV 400' WHEN other.column_name IS NOT NULL THEN 'seq % 20'"
	" ELSE 'seq' END), ' FROM seq_0_to_3999') FROM information_schema.columns c"
	" LEFT JOIN k USING (table_name, column_name) LEFT JOIN other USING (table_name, column_name)"
	" WHERE c.table_schema = DATABASE() AND c.table_name <> 'schema_migrations'"
	" AND COALESCE(c.column_default, '') NOT LIKE '%sha2%' GROUP BY c.table_name";

static const char analyze[] =
	"SELECT CONCAT('ANALYZE TABLE ', table_name) FROM information_schema.tables"
	" WHERE table_schema = DATABASE()";

/* Runs a statement; rows may be NULL. */
static void
run(const char *sql, const struct value *args, size_t count, struct result *rows)
{
	struct result own = { 0 };
	struct err e = { "" };
	unsigned number = prepared++;

	ck_assert_msg(driver->prepare(db, number, sql, &e) == DB_OK, "%s: %s", sql, e.text);
	ck_assert_msg(driver->run(db, number, args, count, rows ? rows : &own, &e) == DB_OK,
		"%s: %s", sql, e.text);
	result_clear(&own);
}

static void
run_each(const char *sql)
{
	struct result list = { 0 };

	run(sql, NULL, 0, &list);
	ck_assert_uint_gt(list.rows.count, 20);
	for (size_t i = 0; i < list.rows.count; i++)
		run(row_str(&list.rows, i, 0).p, NULL, 0, NULL);
	result_clear(&list);
}

/* ---- Plans ------------------------------------------------------------------------------ */

/* Is it what a subquery of this plan made? */
static bool
is_made(const struct rows *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct str rest = row_str(plan, i, 3), word = str_cut(&rest, ' ');

		if ((str_is(word, "CO-ROUTINE") || str_is(word, "MATERIALIZE")) &&
			str_is(rest, name))
			return true;
	}
	return false;
}

/* What is wrong with a line of a plan, or NULL. */
static const char *
fault_sqlite(const struct rows *plan, size_t row)
{
	const char *line = row_str(plan, row, 3).p;
	bool scans = strncmp(line, "SCAN ", 5) == 0 && !strstr(line, "CONSTANT ROW") &&
		     !is_made(plan, line + 5);

	return scans || strstr(line, "TEMP B-TREE") || strstr(line, "AUTOMATIC") ? line : NULL;
}

static const char *
fault_mariadb(const struct rows *plan, size_t row)
{
	static char text[512];
	const char *select = row_str(plan, row, 1).p, *table = row_str(plan, row, 2).p,
		   *type = row_str(plan, row, 3).p, *extra = row_str(plan, row, 9).p;
	bool scans = type && table[0] != '<' && (text_eq(type, "ALL") || text_eq(type, "index")) &&
		     !text_eq(select, "INSERT"); /* the table that it goes to */
	bool works = extra && (strstr(extra, "filesort") || strstr(extra, "temporary"));
	bool silent = extra && strstr(extra, "Impossible WHERE");

	(void)snprintf(text, sizeof(text), "%s: %s; %s", table ? table : "", type ? type : "",
		extra ? extra : "");
	return scans || works || silent ? text : NULL;
}

/* A value that is there for each ?, and a number for a LIMIT. */
static size_t
make_args(const char *sql, bool same, struct value *args)
{
	static const char *const values[] = { "7", "8", "9", "10", "11", "12", "13", "14" };
	size_t n = 0;

	for (const char *p = sql; (p = strchr(p, '?')) != NULL; p++) {
		bool limit = p - sql > 6 && strncasecmp(p - 6, "LIMIT ", 6) == 0;

		if (p[1] >= '0' && p[1] <= '0' + (int)n)
			continue; /* a number that was there before */
		ck_assert_uint_lt(n, ARGS_MAX);
		args[n] = limit ? of_int(10) : of_text(values[same ? 0 : n % COUNT(values)]);
		n++;
	}
	return n;
}

/* Says what is at fault in its plan. */
static void
explain(const struct statement *s, bool same, struct buf *faults)
{
	struct value args[ARGS_MAX];
	struct result plan = { 0 };
	size_t count = make_args(s->sql, same, args);
	struct buf sql = BUF_INIT;

	buf_printf(&sql, "EXPLAIN %s%s", driver == &driver_sqlite ? "QUERY PLAN " : "", s->sql);
	run(buf_text(&sql), args, count, &plan);
	for (size_t i = 0; i < plan.rows.count; i++) {
		const char *fault = driver == &driver_sqlite ? fault_sqlite(&plan.rows, i)
							     : fault_mariadb(&plan.rows, i);

		if (fault)
			buf_printf(faults, "\n%s: %s", s->query->name, fault);
	}
	result_clear(&plan);
	buf_fini(&sql);
}

static bool
is_allowed(const char *name)
{
	for (size_t i = 0; i < COUNT(allowed); i++) {
		if (text_eq(allowed[i].name, name) && (allowed[i].where & here()))
			return used[i] = true;
	}
	return false;
}

/* With values that fit a range, or else with an owner that is the same all over. */
static void
judge(const struct statement *s, struct buf *faults)
{
	struct buf found = BUF_INIT;

	explain(s, false, &found);
	if (strstr(buf_text(&found), "Impossible")) {
		buf_clear(&found);
		explain(s, true, &found);
	}
	if (buf_len(&found) > 0 && !is_allowed(s->query->name))
		buf_put_str(faults, buf_str(&found));
	buf_fini(&found);
}

static void
setup(void)
{
	struct err e = { "" };

	credential_register();
	portables_init();
	commands_init();
	registry_builtin();
	registry_register();
	homes_init();
	(void)bench_config();
	ck_assert_msg(store_open(bench_config_used(), &e), "%s", e.text);
	driver = bench_config_used()->store.driver == STORE_SQLITE ? &driver_sqlite
								   : &driver_mariadb;
	ck_assert_msg(driver->open(bench_config_used(), 0, &db, &e) == DB_OK, "%s", e.text);
	prepared = 0;
	if (driver == &driver_mariadb) {
		/* No guesses from a sample. */
		mariadb_sql("SET GLOBAL innodb_stats_persistent_sample_pages = 100000");
		run("SET group_concat_max_len = 100000", NULL, 0, NULL);
		run_each(fill);
		run_each(analyze);
	}
}

static void
teardown(void)
{
	driver->close(&db);
	bench_close();
}

START_TEST(statements_find_what_they_need)
{
	size_t count;
	const struct statement *list = statements_get(&count);
	struct buf faults = BUF_INIT;

	ck_assert_uint_gt(count, 100);
	for (size_t i = 0; i < count; i++)
		judge(&list[i], &faults);
	for (size_t i = 0; i < COUNT(allowed); i++) {
		if ((allowed[i].where & here()) && !used[i])
			buf_printf(&faults, "\n%s: is allowed for nothing", allowed[i].name);
	}
	ck_assert_msg(buf_len(&faults) == 0, "%s", buf_text(&faults));
	buf_fini(&faults);
}

END_TEST

Suite *suite_plans(void);

Suite *
suite_plans(void)
{
	static const TTest *tests[2];

	tests[0] = statements_find_what_they_need;
	return bench_suite("plans", setup, teardown, tests);
}
