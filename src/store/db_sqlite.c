/*
 * db_sqlite.c -- the embedded database: one file in data_dir, one connection.
 *
 * WAL with synchronous=FULL: a commit is on disk when it returns, and a process that dies at any
 * moment leaves a file that the next one opens.  Text that is well-formed is stored as TEXT, all
 * else as BLOB, so that equal bytes are always equal values, and a person can read the tables with
 * the sqlite3 tool.
 *
 * Runs on: the storage thread; main (open, migrations).
 */
#include "store/driver.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MAX = 2000, BUSY_PAUSE = 5, STATEMENTS_FIRST = 64 };

struct db {
	sqlite3 *sqlite;
	sqlite3_stmt **statements;
	size_t count, room;
	bool full; /* the disk was, when something was written last */
	sqlite3_stmt *begin_read, *begin_write, *commit, *rollback, *mark, *undo, *forget;
};

/* ---- Failures ---------------------------------------------------------------- */

static enum outcome
classify(struct db *db, struct err *e)
{
	int code = sqlite3_extended_errcode(db->sqlite);

	(void)err_set(e, "%s (SQLite %d)", sqlite3_errmsg(db->sqlite), code);
	if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
		code == SQLITE_CONSTRAINT_ROWID)
		return DB_DUPLICATE;
	switch (code & 0xff) {
	case SQLITE_FULL:
		db->full = true;
		return DB_LATER;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
		return DB_LATER;
	case SQLITE_INTERRUPT:
	case SQLITE_ABORT:
		return DB_AGAIN;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		/* A new connection reads the file anew. */
		return DB_LOST;
	default:
		return DB_REFUSED;
	}
}

/* A statement without parameters and rows. */
static enum outcome
execute(struct db *db, sqlite3_stmt *s, struct err *e)
{
	enum outcome o = DB_OK;
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		continue;
	if (rc != SQLITE_DONE)
		o = classify(db, e);
	sqlite3_reset(s);
	/* A statement of ours that is refused found another state than it must: start anew. */
	return o == DB_REFUSED ? DB_LOST : o;
}

/* ---- Open and close ---------------------------------------------------------- */

static const char *const settings[] = {
	"PRAGMA journal_mode=WAL",
	"PRAGMA synchronous=FULL",
	"PRAGMA cache_size=-8192", /* KiB */
	"PRAGMA wal_autocheckpoint=4000", /* pages: 16 MB */
	"PRAGMA journal_size_limit=67108864",
	"PRAGMA temp_store=MEMORY",
	"PRAGMA trusted_schema=OFF",
};

static bool
prepare(struct db *db, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) ==
	       SQLITE_OK;
}

static bool
prepare_own(struct db *db)
{
	return prepare(db, "BEGIN", &db->begin_read) &&
	       prepare(db, "BEGIN IMMEDIATE", &db->begin_write) &&
	       prepare(db, "COMMIT", &db->commit) && prepare(db, "ROLLBACK", &db->rollback) &&
	       prepare(db, "SAVEPOINT request", &db->mark) &&
	       prepare(db, "ROLLBACK TO request", &db->undo) &&
	       prepare(db, "RELEASE request", &db->forget);
}

static void
close_sqlite(struct db **dbp)
{
	struct db *db = *dbp;
	sqlite3_stmt *s;

	if (!db)
		return;
	*dbp = NULL;
	while ((s = sqlite3_next_stmt(db->sqlite, NULL)) != NULL)
		sqlite3_finalize(s);
	sqlite3_close(db->sqlite);
	mem_free(&db->statements);
	mem_free(&db);
}

/* The file holds keys of passwords: it is its owner's alone. */
static bool
make_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(e, "open %s", path);
	close(fd);
	return true;
}

/* While another process makes the same file, SQLite may say that it is busy without having
 * waited. */
static enum outcome
apply_setting(struct db *db, const char *sql, msec_t busy, struct err *e)
{
	msec_t until = clock_mono() + busy;
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	while ((rc & 0xff) == SQLITE_BUSY && clock_mono() < until) {
		sqlite3_sleep(BUSY_PAUSE);
		rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
	}
	return rc == SQLITE_OK ? DB_OK : classify(db, e);
}

static enum outcome
connect_sqlite(struct db *db, const char *path, msec_t patience, struct err *e)
{
	msec_t busy =
		patience > 0 && patience / 4 < BUSY_TIMEOUT_MAX ? patience / 4 : BUSY_TIMEOUT_MAX;
	enum outcome o = DB_OK;

	if (!make_file(path, e))
		return DB_LATER;
	if (sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		o = classify(db, e);
	if (o == DB_OK) {
		sqlite3_extended_result_codes(db->sqlite, 1);
		sqlite3_busy_timeout(db->sqlite, (int)busy);
	}
	for (size_t i = 0; o == DB_OK && i < COUNT(settings); i++)
		o = apply_setting(db, settings[i], busy, e);
	if (o == DB_OK && !prepare_own(db))
		o = classify(db, e);
	return o;
}

static enum outcome
open_sqlite(const struct config *c, msec_t patience, struct db **out, struct err *e)
{
	struct arena *a = arena_new(0);
	const char *path = arena_printf(a, "%s/bongsu.sqlite", c->data_dir);
	struct db *db = MEM_NEW(struct db);
	enum outcome o = connect_sqlite(db, path, patience, e);

	if (o != DB_OK) {
		(void)err_wrap(e, "%s", path);
		close_sqlite(&db);
	}
	*out = db;
	arena_free(&a);
	return o;
}

/* The text of a pragma's value. */
static bool
pragma_is(struct db *db, const char *sql, const char *value, struct err *why)
{
	sqlite3_stmt *s = NULL;
	const char *got = NULL;
	bool same;

	if (prepare(db, sql, &s) && sqlite3_step(s) == SQLITE_ROW)
		got = (const char *)sqlite3_column_text(s, 0);
	same = got && text_eq(got, value);
	if (!same)
		(void)err_set(why, "%s gives %s, not %s", sql, got ? got : "nothing", value);
	sqlite3_finalize(s);
	return same;
}

/* The file may be on a disk where SQLite has no write-ahead log. */
static bool
is_durable_sqlite(struct db *db, struct err *why)
{
	return pragma_is(db, "PRAGMA journal_mode", "wal", why) &&
	       pragma_is(db, "PRAGMA synchronous", "2", why);
}

static enum outcome
prepare_sqlite(struct db *db, unsigned number, const char *sql, struct err *e)
{
	assert(number == db->count);
	if (db->count == db->room) {
		db->room = db->room ? db->room * 2 : STATEMENTS_FIRST;
		db->statements = mem_resize(db->statements, db->room * sizeof(*db->statements));
	}
	db->statements[number] = NULL;
	if (!prepare(db, sql, &db->statements[number]))
		return classify(db, e);
	if (!db->statements[number]) {
		(void)err_set(e, "an empty statement");
		return DB_REFUSED;
	}
	db->count++;
	return DB_OK;
}

/* ---- Statements -------------------------------------------------------------- */

static int
bind_one(sqlite3_stmt *s, int at, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		return sqlite3_bind_null(s, at);
	case VALUE_INT:
		return sqlite3_bind_int64(s, at, v->i);
	case VALUE_BYTES:
		break;
	}
	if (utf8_is_xml(v->s))
		return sqlite3_bind_text64(s, at, v->s.p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite3_bind_blob64(s, at, v->s.p, v->s.n, SQLITE_STATIC);
}

static enum outcome
bind_all(struct db *db, sqlite3_stmt *s, const struct value *args, size_t count, struct err *e)
{
	if ((size_t)sqlite3_bind_parameter_count(s) != count) {
		(void)err_set(e, "%zu arguments for %d parameters", count,
			sqlite3_bind_parameter_count(s));
		return DB_REFUSED;
	}
	for (size_t i = 0; i < count; i++) {
		if (bind_one(s, (int)i + 1, &args[i]) != SQLITE_OK)
			return classify(db, e);
	}
	return DB_OK;
}

static bool
read_cell(sqlite3_stmt *s, int at, struct value *v, struct result *out)
{
	const void *bytes;
	size_t n;
	char *copy;

	switch (sqlite3_column_type(s, at)) {
	case SQLITE_NULL:
		*v = (struct value){ VALUE_NULL, 0, STR_NONE };
		return true;
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		*v = of_int(sqlite3_column_int64(s, at));
		return true;
	default:
		break;
	}
	bytes = sqlite3_column_blob(s, at);
	n = (size_t)sqlite3_column_bytes(s, at);
	copy = result_text(out, n);
	if (!copy)
		return false;
	if (n > 0)
		memcpy(copy, bytes, n);
	*v = of_str((struct str){ copy, n });
	return true;
}

static bool
read_row(sqlite3_stmt *s, struct result *out)
{
	int columns = sqlite3_column_count(s);
	struct value *row = result_row(out, (size_t)columns);

	if (!row)
		return false;
	for (int i = 0; i < columns; i++) {
		if (!read_cell(s, i, &row[i], out))
			return false;
	}
	return true;
}

static enum outcome
step(struct db *db, sqlite3_stmt *s, struct result *out, struct err *e)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (!read_row(s, out)) {
			(void)err_set(e, "the result is too large");
			return DB_REFUSED;
		}
	}
	if (rc != SQLITE_DONE)
		return classify(db, e);
	if (!sqlite3_stmt_readonly(s))
		out->rows.changed = sqlite3_changes(db->sqlite);
	return DB_OK;
}

/* Before the next try: a full disk has room inside the write-ahead log, if that can be copied into
 * the file. */
static void
make_room(struct db *db)
{
	if (!db->full || !sqlite3_get_autocommit(db->sqlite))
		return;
	db->full = false;
	(void)sqlite3_wal_checkpoint_v2(
		db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL); /* or there is none */
}

static enum outcome
run_sqlite(struct db *db, unsigned number, const struct value *args, size_t count,
	struct result *out, struct err *e)
{
	sqlite3_stmt *s;
	enum outcome o;

	assert(number < db->count);
	s = db->statements[number];
	make_room(db);
	o = bind_all(db, s, args, count, e);
	if (o == DB_OK)
		o = step(db, s, out, e);
	sqlite3_reset(s);
	return o;
}

/* ---- Transactions ------------------------------------------------------------ */

static enum outcome
begin_sqlite(struct db *db, enum intent intent, struct err *e)
{
	make_room(db);
	return execute(db, intent == DB_WRITE ? db->begin_write : db->begin_read, e);
}

static enum outcome
commit_sqlite(struct db *db, struct err *e)
{
	return execute(db, db->commit, e);
}

static enum outcome
rollback_sqlite(struct db *db, struct err *e)
{
	return sqlite3_get_autocommit(db->sqlite) ? DB_OK : execute(db, db->rollback, e);
}

static enum outcome
mark_sqlite(struct db *db, struct err *e)
{
	return execute(db, db->mark, e);
}

static enum outcome
forget_sqlite(struct db *db, struct err *e)
{
	return execute(db, db->forget, e);
}

static enum outcome
undo_sqlite(struct db *db, struct err *e)
{
	enum outcome o = execute(db, db->undo, e);

	return o == DB_OK ? execute(db, db->forget, e) : o;
}

/* ---- Migrations: all of them in one transaction ------------------------------- */

static enum outcome
script_sqlite(struct db *db, struct str sql, struct err *e)
{
	sqlite3_stmt *s = NULL;
	enum outcome o = DB_OK;

	if (sqlite3_prepare_v2(db->sqlite, sql.p, (int)sql.n, &s, NULL) != SQLITE_OK)
		return classify(db, e);
	while (sqlite3_step(s) == SQLITE_ROW)
		continue;
	if (sqlite3_reset(s) != SQLITE_OK)
		o = classify(db, e);
	sqlite3_finalize(s);
	return o;
}

static enum outcome
migrate_begin_sqlite(struct db *db, struct err *e)
{
	/* Another process may be at it; it will take a while on a large file. */
	sqlite3_busy_timeout(db->sqlite, 60000);
	return script_sqlite(db, STR("BEGIN EXCLUSIVE"), e);
}

static enum outcome
migrate_end_sqlite(struct db *db, bool ok, struct err *e)
{
	return ok ? commit_sqlite(db, e) : rollback_sqlite(db, e);
}

const struct driver driver_sqlite = {
	.name = "sqlite",
	.open = open_sqlite,
	.close = close_sqlite,
	.is_durable = is_durable_sqlite,
	.prepare = prepare_sqlite,
	.run = run_sqlite,
	.begin = begin_sqlite,
	.commit = commit_sqlite,
	.rollback = rollback_sqlite,
	.mark = mark_sqlite,
	.undo = undo_sqlite,
	.forget = forget_sqlite,
	.script = script_sqlite,
	.migrate_begin = migrate_begin_sqlite,
	.migrate_end = migrate_end_sqlite,
};
