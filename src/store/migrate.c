/*
 * migrate.c -- bringing the schema up to date.
 *
 * Table schema_migrations says what was applied: owner (core or a module), number, name, time.
 * Under the driver's lock, each set is compared with it: a migration that the database has and the
 * program does not know means that a newer program was here, and is refused; one that the database
 * lacks is applied and written down.
 *
 * Runs on: main.
 */
#include "store/migrate.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <string.h>

/* Numbers of the statements that are prepared here. */
enum { APPLIED, APPLY };

static const char make_table[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations (owner VARBINARY(64) NOT NULL,"
	" number INTEGER NOT NULL, name VARBINARY(64) NOT NULL, applied BIGINT NOT NULL,"
	" PRIMARY KEY (owner, number))";

static const char *const statements[] = {
	[APPLIED] = "SELECT number, name FROM schema_migrations WHERE owner = ? ORDER BY number",
	[APPLY] =
		"INSERT INTO schema_migrations (owner, number, name, applied) VALUES (?, ?, ?, ?)",
};

static bool
run_script(const struct driver *driver, struct db *db, const char *sql, struct err *e)
{
	struct str rest = str_of(sql);

	while (rest.n > 0) {
		const char *end = memmem(rest.p, rest.n, ";\n", 2);
		struct str one = { rest.p, end ? (size_t)(end - rest.p) : rest.n };

		rest.p += one.n;
		rest.n -= one.n;
		if (end) {
			rest.p += 2;
			rest.n -= 2;
		}
		one = str_trim(one);
		if (one.n > 0 && driver->script(db, one, e) != DB_OK)
			return false;
	}
	return true;
}

static const struct migration *
find(const struct migration_set *set, int64_t number)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->list[i].number == number)
			return &set->list[i];
	}
	return NULL;
}

/* Are the rows of schema_migrations all known to this program? */
static bool
check_known(const struct migration_set *set, const struct rows *rows, struct err *e)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct migration *m = find(set, row_int(rows, i, 0));
		struct str name = row_str(rows, i, 1);

		if (!m)
			return err_set(e,
				"the database was made by a newer program: its migration %s %lld (%.*s) is not known here",
				set->owner, (long long)row_int(rows, i, 0), STR_ARG(name));
		if (!str_is(name, m->name))
			return err_set(e,
				"migration %s %u is \"%.*s\" in the database, but \"%s\" in this program",
				set->owner, m->number, STR_ARG(name), m->name);
	}
	return true;
}

static bool
is_applied(const struct rows *rows, unsigned number)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (row_int(rows, i, 0) == number)
			return true;
	}
	return false;
}

static bool
apply(const struct driver *driver, struct db *db, const char *owner, const struct migration *m,
	struct err *e)
{
	const struct value args[] = { of_text(owner), of_int(m->number), of_text(m->name),
		of_int(clock_wall()) };
	struct result none = { 0 };
	bool ok = run_script(driver, db, driver == &driver_sqlite ? m->sqlite : m->mariadb, e) &&
		  driver->run(db, APPLY, args, COUNT(args), &none, e) == DB_OK;

	result_clear(&none);
	if (!ok)
		return err_wrap(e, "migration %s %u (%s)", owner, m->number, m->name);
	log_info(AREA_STORE, NULL, "applied migration %s %u (%s)", owner, m->number, m->name);
	return true;
}

static bool
migrate_set(
	const struct driver *driver, struct db *db, const struct migration_set *set, struct err *e)
{
	const struct value args[] = { of_text(set->owner) };
	struct result applied = { 0 };
	bool ok = driver->run(db, APPLIED, args, COUNT(args), &applied, e) == DB_OK &&
		  check_known(set, &applied.rows, e);

	for (size_t i = 0; ok && i < set->count; i++) {
		assert(i == 0 || set->list[i].number > set->list[i - 1].number);
		if (!is_applied(&applied.rows, set->list[i].number))
			ok = apply(driver, db, set->owner, &set->list[i], e);
	}
	result_clear(&applied);
	return ok;
}

static bool
migrate_locked(const struct driver *driver, struct db *db, const struct migration_set *sets,
	size_t count, struct err *e)
{
	if (driver->script(db, STR(make_table), e) != DB_OK)
		return false;
	for (unsigned i = 0; i < COUNT(statements); i++) {
		if (driver->prepare(db, i, statements[i], e) != DB_OK)
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (!migrate_set(driver, db, &sets[i], e))
			return false;
	}
	return true;
}

bool
migrate_all(const struct driver *driver, const struct config *c, const struct migration_set *sets,
	size_t count, struct err *e)
{
	struct db *db = NULL;
	struct err second;
	bool ok;

	if (driver->open(c, 0, &db, e) != DB_OK)
		return false;
	ok = driver->migrate_begin(db, e) == DB_OK;
	if (ok) {
		ok = migrate_locked(driver, db, sets, count, e);
		if (driver->migrate_end(db, ok, ok ? e : &second) != DB_OK)
			ok = false;
	}
	driver->close(&db);
	return ok;
}
