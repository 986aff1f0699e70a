/*
 * inserts.c -- the bare bound of archives: rows inserted in bulk, by nothing but the database's
 * own client library.
 *
 *	inserts mariadb SOCKET USER PASSWORD DATABASE BLOB SECONDS
 *	inserts sqlite FILE BLOB SECONDS
 *
 * Rows are those of the archive: 200 owners in turn, ids that grow, the same columns and index, a
 * blob of BLOB random bytes.  MariaDB: a table like the server's, which must be there; two
 * connections, each binds 1,000 rows to a statement and commits.  SQLite: one writer, 1,000 rows a
 * transaction, write-ahead log with full synchronisation.
 *
 * Runs on: main, and a thread for each connection.
 */
#include <mysql.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 1000, OWNERS = 200, BLOB_MAX = 4096, WRITERS = 2 };

static char noise[BLOB_MAX + 65536];

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
make_noise(void)
{
	srand48(1);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)lrand48();
}

/* Owners' numbers are spread over the whole range, as random ones are. */
static int64_t
owner_of(uint64_t row)
{
	return (int64_t)((row % OWNERS + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 1);
}

static int64_t
id_of(uint64_t row)
{
	return (int64_t)(UINT64_C(1700000000000) << 20) + (int64_t)row;
}

static int
report(uint64_t rows, double wall)
{
	printf("inserts rows=%llu wall_s=%.2f per_s=%.0f\n", (unsigned long long)rows, wall,
		(double)rows / wall);
	return rows > 0 ? 0 : 1;
}

/* ---- MariaDB ------------------------------------------------------------------------- */

struct writer {
	pthread_t thread;
	char **words; /* socket, user, password, database */
	unsigned number;
	unsigned long blob;
	double until;
	uint64_t rows;
	bool ok;
};

struct columns {
	int64_t owner[BATCH], id[BATCH], reference[BATCH];
	int32_t peer[BATCH], flags[BATCH], dictionary[BATCH];
	char *stanza[BATCH];
	unsigned long length[BATCH];
};

static void
fill(struct columns *c, const struct writer *w)
{
	for (unsigned i = 0; i < BATCH; i++) {
		uint64_t row = (w->rows + i) * WRITERS + w->number;

		c->owner[i] = owner_of(row);
		c->id[i] = id_of(row);
		c->reference[i] = (int64_t)(row * UINT64_C(0xff51afd7ed558ccd) >> 1);
		c->peer[i] = (int32_t)(owner_of(row + 1) >> 32);
		c->flags[i] = 66;
		c->dictionary[i] = 1;
		c->stanza[i] = noise + row % 65536;
		c->length[i] = w->blob;
	}
}

static MYSQL_STMT *
prepare(MYSQL *m, struct columns *c)
{
	static const char sql[] =
		"INSERT INTO bare_archive (owner, id, peer, flags, reference, dictionary, "
		"stanza) VALUES (?, ?, ?, ?, ?, ?, ?)";

	const struct {
		enum enum_field_types type;
		void *data;
	} binds[] = {
		{ MYSQL_TYPE_LONGLONG, c->owner },
		{ MYSQL_TYPE_LONGLONG, c->id },
		{ MYSQL_TYPE_LONG, c->peer },
		{ MYSQL_TYPE_LONG, c->flags },
		{ MYSQL_TYPE_LONGLONG, c->reference },
		{ MYSQL_TYPE_LONG, c->dictionary },
		{ MYSQL_TYPE_BLOB, c->stanza },
	};

	MYSQL_STMT *s = mysql_stmt_init(m);
	MYSQL_BIND b[sizeof(binds) / sizeof(binds[0])];
	unsigned size = BATCH;

	memset(b, 0, sizeof(b));
	for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
		b[i].buffer_type = binds[i].type;
		b[i].buffer = binds[i].data;
	}
	b[6].length = c->length;
	mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &size);
	if (mysql_stmt_prepare(s, sql, sizeof(sql) - 1) || mysql_stmt_bind_param(s, b)) {
		fprintf(stderr, "inserts: %s\n", mysql_stmt_error(s));
		mysql_stmt_close(s);
		return NULL;
	}
	return s;
}

static void *
write_rows(void *arg)
{
	struct writer *w = arg;
	struct columns *c = calloc(1, sizeof(*c));
	MYSQL *m = mysql_init(NULL);
	MYSQL_STMT *s = NULL;

	w->ok = c && mysql_real_connect(
			     m, NULL, w->words[1], w->words[2], w->words[3], 0, w->words[0], 0);
	if (!w->ok)
		fprintf(stderr, "inserts: %s\n", mysql_error(m));
	if (w->ok)
		w->ok = !mysql_autocommit(m, 0) && (s = prepare(m, c)) != NULL;
	while (w->ok && now() < w->until) {
		fill(c, w);
		w->ok = !mysql_stmt_execute(s) && !mysql_commit(m);
		if (w->ok)
			w->rows += BATCH;
		else
			fprintf(stderr, "inserts: %s\n", mysql_error(m));
	}
	if (s)
		mysql_stmt_close(s);
	mysql_close(m);
	free(c);
	return NULL;
}

static bool
make_table(char **words)
{
	static const char *const sql[] = {
		"DROP TABLE IF EXISTS bare_archive",
		"CREATE TABLE bare_archive LIKE archive",
	};
	MYSQL *m = mysql_init(NULL);
	bool ok = mysql_real_connect(m, NULL, words[1], words[2], words[3], 0, words[0], 0) != NULL;

	for (size_t i = 0; ok && i < sizeof(sql) / sizeof(sql[0]); i++)
		ok = !mysql_query(m, sql[i]);
	if (!ok)
		fprintf(stderr, "inserts: %s\n", mysql_error(m));
	mysql_close(m);
	return ok;
}

static int
run_mariadb(char **words)
{
	struct writer writers[WRITERS];
	double begin = now(), until = begin + strtod(words[5], NULL);
	uint64_t rows = 0;
	bool ok = make_table(words);

	for (unsigned i = 0; ok && i < WRITERS; i++) {
		writers[i] = (struct writer){ .words = words,
			.number = i,
			.blob = strtoul(words[4], NULL, 10),
			.until = until };
		pthread_create(&writers[i].thread, NULL, write_rows, &writers[i]);
	}
	for (unsigned i = 0; ok && i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		rows += writers[i].ok ? writers[i].rows : 0;
	}
	return report(rows, now() - begin);
}

/* ---- SQLite ---------------------------------------------------------------------------- */

static bool
insert(sqlite3_stmt *s, uint64_t row, int blob)
{
	sqlite3_bind_int64(s, 1, owner_of(row));
	sqlite3_bind_int64(s, 2, id_of(row));
	sqlite3_bind_int64(s, 3, owner_of(row + 1) >> 32);
	sqlite3_bind_int64(s, 4, 66);
	sqlite3_bind_int64(s, 5, (int64_t)(row * UINT64_C(0xff51afd7ed558ccd) >> 1));
	sqlite3_bind_int64(s, 6, 1);
	sqlite3_bind_blob(s, 7, noise + row % 65536, blob, SQLITE_STATIC);
	return sqlite3_step(s) == SQLITE_DONE && sqlite3_reset(s) == SQLITE_OK;
}

static int
run_sqlite(char **words)
{
	static const char setup[] =
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
		"PRAGMA wal_autocheckpoint=4000; DROP TABLE IF EXISTS bare_archive;"
		"CREATE TABLE bare_archive (owner INTEGER NOT NULL, id INTEGER NOT NULL, peer INTEGER NOT NULL, "
		"flags INTEGER NOT NULL, reference INTEGER, dictionary INTEGER NOT NULL, "
		"stanza BLOB NOT NULL, PRIMARY KEY (owner, id)) WITHOUT ROWID;"
		"CREATE INDEX bare_peer ON bare_archive (owner, peer, id)";
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	double begin, until;
	uint64_t rows = 0;
	bool ok = sqlite3_open(words[0], &db) == SQLITE_OK &&
		  sqlite3_exec(db, setup, NULL, NULL, NULL) == SQLITE_OK &&
		  sqlite3_prepare_v2(db, "INSERT INTO bare_archive VALUES (?, ?, ?, ?, ?, ?, ?)",
			  -1, &s, NULL) == SQLITE_OK;

	begin = now();
	until = begin + strtod(words[2], NULL);
	while (ok && now() < until) {
		ok = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
		for (unsigned i = 0; ok && i < BATCH; i++)
			ok = insert(s, rows + i, (int)strtoul(words[1], NULL, 10));
		ok = ok && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
		rows += ok ? BATCH : 0;
	}
	if (!ok)
		fprintf(stderr, "inserts: %s\n", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return report(rows, now() - begin);
}

int
main(int argc, char **argv)
{
	bool mariadb = argc == 8 && strcmp(argv[1], "mariadb") == 0;
	bool sqlite = argc == 5 && strcmp(argv[1], "sqlite") == 0;

	if ((!mariadb && !sqlite) || strtoul(argv[mariadb ? 6 : 3], NULL, 10) > BLOB_MAX) {
		fprintf(stderr,
			"usage: inserts mariadb SOCKET USER PASSWORD DATABASE BLOB SECONDS\n"
			"       inserts sqlite FILE BLOB SECONDS\n");
		return 2;
	}
	make_noise();
	return mariadb ? run_mariadb(argv + 2) : run_sqlite(argv + 2);
}
