/*
 * store.h -- asynchronous queries on storage threads; two drivers, one behaviour.
 *
 * A request is one or several statements that happen together or not at all.  Requests with the
 * same key run in the order in which they were asked; each storage thread takes all that waits as
 * one transaction (bounded), so that while one commit is under way, what arrives gathers for the
 * next.  Results are mailed to the asking worker after the commit: a result means «on disk».  A
 * database that is away is tried again until the request's time-out, then the request fails with
 * `retry` true; a statement that the database refuses fails alone.  The queue is bounded: beyond
 * that requests fail at once.
 *
 * Runs on: main (open, close), workers (ask), storage threads (drivers).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "config/config.h"
#include "run/worker.h"
#include "xmpp/jid.h"

/* A named statement.  Parameters are ?; `mariadb` only where the dialects differ.  Rows of a
 * table `struct query queries[]` end with END_QUERIES. */
struct query {
	const char *name; /* for logs: "roster_load" */
	const char *sql;
	const char *mariadb; /* NULL: sql */
};

#define END_QUERIES                                                                                \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}

enum value_type { VALUE_NULL, VALUE_INT, VALUE_BYTES };

struct value {
	enum value_type type;
	int64_t i;
	struct str s;
};

static inline struct value
of_int(int64_t i)
{
	return (struct value){ VALUE_INT, i, STR_NONE };
}

/* Text or blob; borrowed until the ask returns.  p NULL: NULL. */
static inline struct value
of_str(struct str s)
{
	return (struct value){ s.p ? VALUE_BYTES : VALUE_NULL, 0, s };
}

static inline struct value
of_text(const char *text)
{
	return of_str(str_of(text));
}

/* The whole address. */
static inline struct value
of_jid(struct jid j)
{
	return of_str(jid_full(j));
}

/* ---- Results: read-only, owned by the request ------------------------------- */

struct rows {
	size_t count, columns;
	const struct value *cells; /* row by row */
	int64_t changed; /* rows inserted, updated or deleted */
};

int64_t row_int(const struct rows *r, size_t row, size_t column); /* NULL: 0 */
/* NUL-terminated too (the NUL is not counted). NULL: STR_NONE. */
struct str row_str(const struct rows *r, size_t row, size_t column);
bool row_is_null(const struct rows *r, size_t row, size_t column);

/* ---- Ask -------------------------------------------------------------------- */

enum store_result {
	STORE_OK,
	STORE_DUPLICATE, /* a primary or unique key exists already */
	STORE_REFUSED, /* the statement is wrong or breaks a constraint: a bug, logged */
	STORE_AWAY, /* the database or the disk is not available (in time); later it may be */
};

struct ask {
	const struct query *query;
	const struct value *args;
	size_t count;
};

struct request;
/* On the asking worker.  rows[i] belongs to asks[i]; NULL unless STORE_OK.  All is freed when it
 * returns. */
typedef void store_done_fn(struct worker *w, void *ctx, enum store_result result,
	const struct rows *const *rows, size_t count);

/* key orders requests (hash_stable of the bare JID, for example); args are copied.  done may be
 * NULL.  w may be NULL (main thread, before start): then done runs on the storage thread. */
void store_ask(struct worker *w, uint64_t key, const struct ask *asks, size_t count,
	store_done_fn *done, void *ctx);

/* ---- Start and stop; main ---------------------------------------------------- */

/* Queries of the core and of modules, prepared on each storage thread when it connects; before
 * store_open. */
void store_add_queries(const struct query *queries);

/* A set of numbered migrations: the core's or a module's.  Files are embedded at build time from
 * sql/<driver>/NNNN_name.sql; name is «core» or the module's. */
struct migration {
	unsigned number;
	const char *name;
	const char *sqlite, *mariadb; /* statements separated by ";\n" */
};

void store_add_migrations(const char *owner, const struct migration *list, size_t count);

/* Connects, applies migrations, starts the threads. */
MUST_CHECK bool store_open(const struct config *c, struct err *e);
/* Finishes and commits what is queued, then closes. */
void store_close(void);
/* Blocking, for start-up and tools, on the calling thread with a connection of its own. */
MUST_CHECK bool store_migrate(const struct config *c, struct err *e);
/* Waiting requests of all threads. */
size_t store_waiting(void);

#endif
