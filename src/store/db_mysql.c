/*
 * db_mysql.c -- MariaDB, by its Connector/C.
 *
 * One connection with its prepared statements.  All texts are sent and read as bytes; the tables
 * have no columns with a collation.  READ COMMITTED, so that an insert locks nothing but its row.
 * Time-outs end the wait for a server that is there but silent.  Many rows of one INSERT go in one
 * packet (bulk), as far as the server's max_allowed_packet lets them.
 *
 * Runs on: the storage thread; main (open, migrations).
 */
#include "store/driver.h"

#include "base/arena.h"
#include "base/mem.h"

#include <assert.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <string.h>

enum { PARAMS_MAX = 64, CONNECT_TIMEOUT = 5, STATEMENTS_FIRST = 64, PACKET_SPARE = 16 * 1024 };

/* Galera: the node is not ready to take queries. */
enum { ER_NODE_NOT_READY = 1047 };

struct column {
	bool is_int;
	my_bool is_null;
	long long i;
	unsigned long length;
};

struct statement_my {
	MYSQL_STMT *stmt;
	unsigned long params;
	unsigned columns;
	struct column *column;
	MYSQL_BIND *binds; /* of columns */
};

struct db {
	MYSQL *mysql;
	struct statement_my *statements;
	size_t count, room;
	size_t packet; /* bytes that one packet may have */
	bool bulk;
};

/* ---- Failures ---------------------------------------------------------------- */

static enum outcome
classify_code(unsigned code)
{
	switch (code) {
	case ER_DUP_ENTRY:
	case ER_DUP_ENTRY_WITH_KEY_NAME:
	case ER_DUP_KEY:
		return DB_DUPLICATE;
	case ER_LOCK_DEADLOCK:
	case ER_LOCK_WAIT_TIMEOUT:
	case ER_CHECKREAD:
	case ER_TABLE_DEF_CHANGED:
	case ER_QUERY_INTERRUPTED:
		return DB_AGAIN;
	case ER_RECORD_FILE_FULL:
	case ER_DISK_FULL:
	case ER_ERROR_ON_WRITE:
	case ER_GET_ERRNO:
	case ER_OPTION_PREVENTS_STATEMENT: /* read_only */
	case ER_READ_ONLY_MODE:
	case ER_OUT_OF_RESOURCES:
	case ER_OUTOFMEMORY:
		return DB_LATER;
	case ER_SERVER_SHUTDOWN:
	case ER_NORMAL_SHUTDOWN:
	case ER_CONNECTION_KILLED:
	case ER_NODE_NOT_READY:
	case ER_NET_PACKET_TOO_LARGE:
	case ER_NET_READ_ERROR:
	case ER_NET_READ_INTERRUPTED:
	case ER_NET_ERROR_ON_WRITE:
	case ER_NET_WRITE_INTERRUPTED:
	case ER_UNKNOWN_STMT_HANDLER:
	case ER_NEED_REPREPARE:
	case ER_ERROR_DURING_COMMIT:
		return DB_LOST;
	default:
		return code >= CR_MIN_ERROR && code <= CR_MAX_ERROR ? DB_LOST : DB_REFUSED;
	}
}

static enum outcome
failed(MYSQL *m, struct err *e)
{
	(void)err_set(e, "%s (MariaDB %u)", mysql_error(m), mysql_errno(m));
	return classify_code(mysql_errno(m));
}

static enum outcome
failed_stmt(MYSQL_STMT *s, struct err *e)
{
	(void)err_set(e, "%s (MariaDB %u)", mysql_stmt_error(s), mysql_stmt_errno(s));
	return classify_code(mysql_stmt_errno(s));
}

/* A statement in text; rows are thrown away. */
static enum outcome
script_mysql(struct db *db, struct str sql, struct err *e)
{
	MYSQL_RES *rows;

	if (mysql_real_query(db->mysql, sql.p, (unsigned long)sql.n) != 0)
		return failed(db->mysql, e);
	rows = mysql_store_result(db->mysql);
	if (rows)
		mysql_free_result(rows);
	else if (mysql_errno(db->mysql) != 0)
		return failed(db->mysql, e);
	return DB_OK;
}

/* A statement of ours that is refused found another state than it must: start anew. */
static enum outcome
execute(struct db *db, struct str sql, struct err *e)
{
	enum outcome o = script_mysql(db, sql, e);

	return o == DB_REFUSED || o == DB_DUPLICATE ? DB_LOST : o;
}

/* One number; DB_REFUSED if there is none. */
static enum outcome
ask_number(struct db *db, const char *sql, uint64_t *out, struct err *e)
{
	MYSQL_RES *rows;
	MYSQL_ROW row;
	enum outcome o = DB_REFUSED;

	if (mysql_query(db->mysql, sql) != 0)
		return failed(db->mysql, e);
	rows = mysql_store_result(db->mysql);
	if (!rows)
		return failed(db->mysql, e);
	row = mysql_fetch_row(rows);
	if (row && str_uint(str_of(row[0]), UINT64_MAX, out))
		o = DB_OK;
	else
		(void)err_set(e, "no number from: %s", sql);
	mysql_free_result(rows);
	return o;
}

/* ---- Open and close ---------------------------------------------------------- */

static const char *const settings[] = {
	"SET NAMES utf8mb4",
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	"SET SESSION wait_timeout = 31536000",
	"SET SESSION innodb_lock_wait_timeout = 10",
};

static void
drop_statement(struct statement_my *s)
{
	if (s->stmt)
		mysql_stmt_close(s->stmt);
	mem_free(&s->column);
	mem_free(&s->binds);
}

static void
close_mysql(struct db **dbp)
{
	struct db *db = *dbp;

	if (!db)
		return;
	*dbp = NULL;
	for (size_t i = 0; i < db->count; i++)
		drop_statement(&db->statements[i]);
	mem_free(&db->statements);
	if (db->mysql)
		mysql_close(db->mysql);
	mem_free(&db);
}

static void
set_timeouts(MYSQL *m, msec_t patience)
{
	unsigned seconds = (unsigned)(patience / 2000), connect = CONNECT_TIMEOUT;

	if (patience == 0) {
		mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
		return;
	}
	if (seconds < 1)
		seconds = 1;
	if (connect > seconds)
		connect = seconds;
	mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
	mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &seconds);
	mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
}

static bool
has_bulk(MYSQL *m)
{
	/* The connector writes an unsigned long here, whatever its manual says. */
	unsigned long caps = 0;

	if (!mariadb_connection(m) ||
		mariadb_get_infov(m, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &caps) != 0)
		return false;
	return (caps & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

static enum outcome
connect_mysql(struct db *db, const struct store_conf *c, msec_t patience, struct err *e)
{
	my_bool report_truncation = 0;
	uint64_t packet = 0;
	enum outcome o = DB_OK;

	db->mysql = mysql_init(NULL);
	if (!db->mysql) {
		(void)err_set(e, "no memory");
		return DB_LATER;
	}
	set_timeouts(db->mysql, patience);
	mysql_options(db->mysql, MYSQL_REPORT_DATA_TRUNCATION, &report_truncation);
	/* FOUND_ROWS: an UPDATE counts the rows it meets, as on SQLite. */
	if (!mysql_real_connect(db->mysql, c->socket ? NULL : c->host, c->user, c->password,
		    c->database, (unsigned)c->port, c->socket, CLIENT_FOUND_ROWS)) {
		(void)failed(db->mysql, e);
		return DB_LOST;
	}
	for (size_t i = 0; o == DB_OK && i < COUNT(settings); i++)
		o = script_mysql(db, str_of(settings[i]), e);
	if (o == DB_OK)
		o = ask_number(db, "SELECT @@max_allowed_packet", &packet, e);
	db->packet = packet > 2 * PACKET_SPARE ? (size_t)packet - PACKET_SPARE : PACKET_SPARE;
	db->bulk = o == DB_OK && has_bulk(db->mysql);
	return o;
}

/* What InnoDB promises at a commit hangs on the first; where there is a binary log, its recovery
 * believes that. */
static bool
is_durable_mysql(struct db *db, struct err *why)
{
	uint64_t flush = 0, binlog = 0, sync = 0;

	if (ask_number(db, "SELECT @@innodb_flush_log_at_trx_commit", &flush, why) != DB_OK ||
		ask_number(db, "SELECT @@log_bin", &binlog, why) != DB_OK ||
		ask_number(db, "SELECT @@sync_binlog", &sync, why) != DB_OK)
		return false;
	if (flush != 1 && flush != 3)
		return err_set(why, "MariaDB's innodb_flush_log_at_trx_commit is %u, not 1",
			(unsigned)flush);
	if (binlog && sync != 1)
		return err_set(why, "MariaDB has a binary log and its sync_binlog is %u, not 1",
			(unsigned)sync);
	return true;
}

static enum outcome
open_mysql(const struct config *c, msec_t patience, struct db **out, struct err *e)
{
	struct db *db = MEM_NEW(struct db);
	enum outcome o = connect_mysql(db, &c->store, patience, e);

	if (o != DB_OK)
		close_mysql(&db);
	*out = db;
	return o;
}

static bool
is_number(enum enum_field_types type)
{
	switch (type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR:
	case MYSQL_TYPE_FLOAT:
	case MYSQL_TYPE_DOUBLE:
	case MYSQL_TYPE_DECIMAL:
	case MYSQL_TYPE_NEWDECIMAL:
		return true;
	default:
		return false;
	}
}

/* Numbers are fetched with the row; texts afterwards, when their length is known. */
static void
make_columns(struct statement_my *s)
{
	MYSQL_RES *meta = mysql_stmt_result_metadata(s->stmt);
	const MYSQL_FIELD *fields;

	s->columns = mysql_stmt_field_count(s->stmt);
	if (!meta)
		return;
	fields = mysql_fetch_fields(meta);
	s->column = mem_new(s->columns * sizeof(*s->column));
	s->binds = mem_new(s->columns * sizeof(*s->binds));
	for (unsigned i = 0; i < s->columns; i++) {
		struct column *c = &s->column[i];
		MYSQL_BIND *b = &s->binds[i];

		c->is_int = is_number(fields[i].type);
		b->buffer_type = c->is_int ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
		b->buffer = c->is_int ? &c->i : NULL;
		b->buffer_length = c->is_int ? sizeof(c->i) : 0;
		b->is_null = &c->is_null;
		b->length = &c->length;
	}
	mysql_free_result(meta);
}

static enum outcome
prepare_mysql(struct db *db, unsigned number, const char *sql, struct err *e)
{
	struct statement_my *s;

	assert(number == db->count);
	if (db->count == db->room) {
		db->room = db->room ? db->room * 2 : STATEMENTS_FIRST;
		db->statements = mem_resize(db->statements, db->room * sizeof(*db->statements));
	}
	s = &db->statements[db->count];
	memset(s, 0, sizeof(*s));
	s->stmt = mysql_stmt_init(db->mysql);
	if (!s->stmt)
		return failed(db->mysql, e);
	db->count++;
	if (mysql_stmt_prepare(s->stmt, sql, (unsigned long)strlen(sql)) != 0)
		return failed_stmt(s->stmt, e);
	s->params = mysql_stmt_param_count(s->stmt);
	if (s->params > PARAMS_MAX) {
		(void)err_set(e, "more than %d parameters", PARAMS_MAX);
		return DB_REFUSED;
	}
	make_columns(s);
	return DB_OK;
}

/* ---- One statement ------------------------------------------------------------- */

static void
bind_value(MYSQL_BIND *b, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		b->buffer_type = MYSQL_TYPE_NULL;
		return;
	case VALUE_INT:
		b->buffer_type = MYSQL_TYPE_LONGLONG;
		b->buffer = (void *)(uintptr_t)&v->i;
		return;
	case VALUE_BYTES:
		b->buffer_type = MYSQL_TYPE_BLOB;
		b->buffer = (void *)(uintptr_t)v->s.p;
		b->buffer_length = (unsigned long)v->s.n;
		return;
	}
}

static enum outcome
bind_all(struct db *db, struct statement_my *s, const struct value *args, size_t count,
	struct err *e)
{
	MYSQL_BIND binds[PARAMS_MAX];
	size_t bytes = 0;

	if (s->params != count) {
		(void)err_set(e, "%zu arguments for %lu parameters", count, s->params);
		return DB_REFUSED;
	}
	if (count == 0)
		return DB_OK;
	memset(binds, 0, count * sizeof(*binds));
	for (size_t i = 0; i < count; i++) {
		bind_value(&binds[i], &args[i]);
		bytes += args[i].type == VALUE_BYTES ? args[i].s.n : 0;
	}
	if (bytes > db->packet) {
		/* The server would close the connection. */
		(void)err_set(e, "%zu bytes are more than max_allowed_packet", bytes);
		return DB_REFUSED;
	}
	return mysql_stmt_bind_param(s->stmt, binds) == 0 ? DB_OK : failed_stmt(s->stmt, e);
}

static bool
read_text(struct statement_my *s, unsigned at, struct value *v, struct result *out)
{
	MYSQL_BIND b;
	unsigned long length = s->column[at].length;
	char *text = result_text(out, length);

	if (!text)
		return false;
	*v = of_str((struct str){ text, length });
	if (length == 0)
		return true;
	memset(&b, 0, sizeof(b));
	b.buffer_type = MYSQL_TYPE_BLOB;
	b.buffer = text;
	b.buffer_length = length;
	b.length = &length;
	return mysql_stmt_fetch_column(s->stmt, &b, at, 0) == 0;
}

static bool
read_row(struct statement_my *s, struct result *out)
{
	struct value *row = result_row(out, s->columns);

	if (!row)
		return false;
	for (unsigned i = 0; i < s->columns; i++) {
		const struct column *c = &s->column[i];

		if (c->is_null)
			row[i] = (struct value){ VALUE_NULL, 0, STR_NONE };
		else if (c->is_int)
			row[i] = of_int(c->i);
		else if (!read_text(s, i, &row[i], out))
			return false;
	}
	return true;
}

static enum outcome
read_rows(struct statement_my *s, struct result *out, struct err *e)
{
	enum outcome o = DB_OK;
	int rc;

	if (mysql_stmt_bind_result(s->stmt, s->binds) != 0)
		return failed_stmt(s->stmt, e);
	while ((rc = mysql_stmt_fetch(s->stmt)) == 0 || rc == MYSQL_DATA_TRUNCATED) {
		if (!read_row(s, out)) {
			(void)err_set(e, "the result is too large");
			o = DB_REFUSED;
			break;
		}
	}
	if (o == DB_OK && rc != MYSQL_NO_DATA)
		o = failed_stmt(s->stmt, e);
	if (o != DB_LOST)
		mysql_stmt_free_result(s->stmt);
	return o;
}

static enum outcome
run_mysql(struct db *db, unsigned number, const struct value *args, size_t count,
	struct result *out, struct err *e)
{
	struct statement_my *s = &db->statements[number];
	enum outcome o;

	assert(number < db->count);
	o = bind_all(db, s, args, count, e);
	if (o != DB_OK)
		return o;
	if (mysql_stmt_execute(s->stmt) != 0)
		return failed_stmt(s->stmt, e);
	if (s->columns > 0)
		return read_rows(s, out, e);
	out->rows.changed = (int64_t)mysql_stmt_affected_rows(s->stmt);
	return DB_OK;
}

/* ---- Many rows ------------------------------------------------------------------ */

/* One parameter of all rows.  False if the rows differ in its type. */
static bool
bind_column(struct arena *a, MYSQL_BIND *b, const struct value *const *args, size_t at, size_t rows)
{
	char *indicator = arena_alloc(a, rows);
	long long *ints = ARENA_ARRAY(a, long long, rows);
	const char **texts = ARENA_ARRAY(a, const char *, rows);
	unsigned long *lengths = ARENA_ARRAY(a, unsigned long, rows);
	enum value_type type = VALUE_NULL;

	for (size_t i = 0; i < rows; i++) {
		const struct value *v = &args[i][at];

		if (v->type == VALUE_NULL) {
			indicator[i] = STMT_INDICATOR_NULL;
			continue;
		}
		if (type != VALUE_NULL && v->type != type)
			return false;
		type = v->type;
		ints[i] = v->i;
		texts[i] = v->s.p;
		lengths[i] = (unsigned long)v->s.n;
	}
	b->u.indicator = indicator;
	b->buffer_type = type == VALUE_INT ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
	b->buffer = type == VALUE_INT ? (void *)ints : (void *)texts;
	b->length = type == VALUE_INT ? NULL : lengths;
	return true;
}

static enum outcome
execute_bulk(struct statement_my *s, MYSQL_BIND *binds, size_t rows, struct err *e)
{
	unsigned size = (unsigned)rows, none = 0;
	enum outcome o = DB_OK;

	mysql_stmt_attr_set(s->stmt, STMT_ATTR_ARRAY_SIZE, &size);
	if (mysql_stmt_bind_param(s->stmt, binds) != 0 || mysql_stmt_execute(s->stmt) != 0)
		o = failed_stmt(s->stmt, e);
	else if (mysql_stmt_affected_rows(s->stmt) != rows)
		o = DB_REFUSED;
	mysql_stmt_attr_set(s->stmt, STMT_ATTR_ARRAY_SIZE, &none);
	return o;
}

static enum outcome
run_bulk(struct statement_my *s, const struct value *const *args, size_t count, size_t rows,
	struct err *e)
{
	MYSQL_BIND binds[PARAMS_MAX];
	struct arena *a = arena_new(rows * count * 32 + 512);
	enum outcome o = DB_REFUSED;
	size_t i;

	memset(binds, 0, count * sizeof(*binds));
	(void)err_set(e, "rows of different types");
	for (i = 0; i < count && bind_column(a, &binds[i], args, i, rows); i++)
		continue;
	if (i == count)
		o = execute_bulk(s, binds, rows, e);
	arena_free(&a);
	return o;
}

static enum outcome
run_singly(struct db *db, unsigned number, const struct value *const *args, size_t count,
	size_t rows, struct err *e)
{
	struct result ignored = { 0 };
	enum outcome o = DB_OK;

	for (size_t i = 0; o == DB_OK && i < rows; i++) {
		o = run_mysql(db, number, args[i], count, &ignored, e);
		result_clear(&ignored);
	}
	return o;
}

/* How many rows fit into a packet; at least one. */
static size_t
rows_of_packet(const struct db *db, const struct value *const *args, size_t count, size_t rows)
{
	size_t bytes = 0, n;

	for (n = 0; n < rows; n++) {
		for (size_t k = 0; k < count; k++)
			bytes += 16 + (args[n][k].type == VALUE_BYTES ? args[n][k].s.n : 0);
		if (bytes > db->packet)
			break;
	}
	return n > 0 ? n : 1;
}

static enum outcome
run_many_mysql(struct db *db, unsigned number, const struct value *const *args, size_t count,
	size_t rows, struct err *e)
{
	struct statement_my *s = &db->statements[number];
	enum outcome o = DB_OK;

	assert(number < db->count);
	if (s->params != count || count == 0 || !db->bulk)
		return run_singly(db, number, args, count, rows, e);
	while (o == DB_OK && rows > 0) {
		size_t n = rows_of_packet(db, args, count, rows);

		o = n > 1 ? run_bulk(s, args, count, n, e)
			  : run_singly(db, number, args, count, n, e);
		args += n;
		rows -= n;
	}
	return o;
}

/* What goes in one packet is one statement. */
static size_t
many_at_once_mysql(const struct db *db)
{
	return db->bulk ? db->packet : 0;
}

/* ---- Transactions ------------------------------------------------------------ */

static enum outcome
begin_mysql(struct db *db, enum intent intent, struct err *e)
{
	(void)intent;
	return execute(db, STR("BEGIN"), e);
}

static enum outcome
commit_mysql(struct db *db, struct err *e)
{
	return execute(db, STR("COMMIT"), e);
}

static enum outcome
rollback_mysql(struct db *db, struct err *e)
{
	return execute(db, STR("ROLLBACK"), e);
}

static enum outcome
mark_mysql(struct db *db, struct err *e)
{
	return execute(db, STR("SAVEPOINT request"), e);
}

static enum outcome
undo_mysql(struct db *db, struct err *e)
{
	return execute(db, STR("ROLLBACK TO SAVEPOINT request"), e);
}

/* ---- Migrations: under a lock that the server keeps for this connection --------- */

static enum outcome
migrate_begin_mysql(struct db *db, struct err *e)
{
	uint64_t got = 0;
	enum outcome o =
		ask_number(db, "SELECT GET_LOCK(CONCAT('bongsu ', MD5(DATABASE())), 60)", &got, e);

	if (o == DB_OK && got != 1) {
		(void)err_set(e, "another process has been migrating this database for a minute");
		return DB_LATER;
	}
	return o;
}

static enum outcome
migrate_end_mysql(struct db *db, bool ok, struct err *e)
{
	uint64_t released;

	(void)ok; /* what was made is made: each change of the schema is a transaction */
	return ask_number(
		db, "SELECT RELEASE_LOCK(CONCAT('bongsu ', MD5(DATABASE())))", &released, e);
}

const struct driver driver_mariadb = {
	.name = "mariadb",
	.open = open_mysql,
	.close = close_mysql,
	.is_durable = is_durable_mysql,
	.prepare = prepare_mysql,
	.run = run_mysql,
	.run_many = run_many_mysql,
	.many_at_once = many_at_once_mysql,
	.begin = begin_mysql,
	.commit = commit_mysql,
	.rollback = rollback_mysql,
	.mark = mark_mysql,
	.undo = undo_mysql,
	.script = script_mysql,
	.migrate_begin = migrate_begin_mysql,
	.migrate_end = migrate_end_mysql,
};
