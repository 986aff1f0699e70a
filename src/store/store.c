/*
 * store.c -- the door to the storage threads.
 *
 * Queries and migrations are registered first; store_open brings the schema up to date, connects
 * once for each storage thread (a lane) and starts them.  A request goes to the lane that its key
 * names, so what has the same key stays in order.
 *
 * Runs on: main (open, close), workers (ask).
 */
#include "store/lane.h"
#include "store/migrate.h"
#include "store/secret.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { TABLES_MAX = 128, SETS_MAX = 128, LANES_MAX = 64, LANES_LEAST = 2, LANES_SOME = 16 };

/* How long store_close waits for a database that is away. */
static const msec_t CLOSE_PATIENCE = 10000;

/* A registered table of queries; its rows have the numbers from first on. */
struct table {
	const struct query *queries;
	size_t count;
	unsigned first;
};

static struct table tables[TABLES_MAX];
static size_t tables_count;
static struct migration_set sets[SETS_MAX]; /* without the core's */
static size_t sets_count;

/* While open. */
static struct statement *statements;
static size_t statements_count;
static struct config config; /* the store's part of it */
static struct arena *config_texts;
static bool opened;

/* From the first store_open on: a worker that asks too late finds a lane that is stopping. */
static struct lane *lanes[LANES_MAX];
static size_t lanes_count;

/* ---- Statements -------------------------------------------------------------- */

void
store_add_queries(const struct query *queries)
{
	struct table *t = &tables[tables_count];

	for (size_t i = 0; i < tables_count; i++) {
		if (tables[i].queries == queries)
			return;
	}
	assert(tables_count < TABLES_MAX && !opened);
	t->queries = queries;
	t->count = 0;
	while (queries[t->count].name)
		t->count++;
	t->first = tables_count ? tables[tables_count - 1].first +
					  (unsigned)tables[tables_count - 1].count
				: 0;
	tables_count++;
}

bool
statement_find(const struct query *q, unsigned *number)
{
	for (size_t i = 0; i < tables_count; i++) {
		const struct table *t = &tables[i];

		if (q >= t->queries && q < t->queries + t->count) {
			*number = t->first + (unsigned)(q - t->queries);
			return *number < statements_count;
		}
	}
	return false;
}

const struct statement *
statements_get(size_t *count)
{
	*count = statements_count;
	return statements;
}

/* A driver may send several of them as one: they insert one row each and say nothing about rows
 * that exist. */
static bool
is_plain_insert(const char *sql)
{
	return strncasecmp(sql, "INSERT INTO ", 12) == 0 && !strcasestr(sql, "SELECT") &&
	       !strcasestr(sql, "ON DUPLICATE") && !strcasestr(sql, "RETURNING");
}

static void
collect_statements(enum store_driver driver)
{
	struct statement *s;

	statements_count = 0;
	for (size_t i = 0; i < tables_count; i++)
		statements_count += tables[i].count;
	s = statements = mem_new((statements_count + 1) * sizeof(*statements));
	for (size_t i = 0; i < tables_count; i++) {
		for (size_t k = 0; k < tables[i].count; k++, s++) {
			const struct query *q = &tables[i].queries[k];

			s->query = q;
			s->sql = driver == STORE_MARIADB && q->mariadb ? q->mariadb : q->sql;
			while (isspace((unsigned char)*s->sql))
				s->sql++;
			s->writes = strncasecmp(s->sql, "SELECT", 6) != 0;
			s->bulk = is_plain_insert(s->sql);
		}
	}
}

/* ---- Migrations -------------------------------------------------------------- */

void
store_add_migrations(const char *owner, const struct migration *list, size_t count)
{
	for (size_t i = 0; i < sets_count; i++) {
		if (text_eq(sets[i].owner, owner)) {
			sets[i] = (struct migration_set){ owner, list, count };
			return;
		}
	}
	assert(sets_count < SETS_MAX);
	sets[sets_count++] = (struct migration_set){ owner, list, count };
}

static const struct driver *
driver_of(const struct config *c)
{
	return c->store.driver == STORE_MARIADB ? &driver_mariadb : &driver_sqlite;
}

bool
store_migrate(const struct config *c, struct err *e)
{
	struct migration_set all[SETS_MAX + 1] = { { "core", core_migrations,
		core_migrations_count } };
	size_t count = 1;

	for (size_t i = 0; i < sets_count; i++)
		all[count++] = sets[i];
	return migrate_all(driver_of(c), c, all, count, e);
}

/* ---- Open and close ---------------------------------------------------------- */

/* The snapshot may go while the store is open. */
static void
copy_config(const struct config *c)
{
	struct store_conf *s = &config.store;

	config_texts = arena_new(0);
	memset(&config, 0, sizeof(config));
	*s = c->store;
	s->socket = arena_text(config_texts, s->socket);
	s->host = arena_text(config_texts, s->host);
	s->user = arena_text(config_texts, s->user);
	s->password = arena_secret(config_texts, str_of(s->password));
	s->database = arena_text(config_texts, s->database);
	config.data_dir = arena_text(config_texts, c->data_dir);
}

/* What an earlier store_open left. */
static void
forget(void)
{
	for (size_t i = 0; i < lanes_count; i++)
		lane_free(&lanes[i]);
	lanes_count = 0;
	mem_free(&statements);
	statements_count = 0;
	arena_free(&config_texts);
}

/* Once, at the start: it is for the administrator to decide. */
static void
warn_if_weak(const struct driver *driver, struct db *db)
{
	struct err why;

	if (!driver->is_durable(db, &why))
		log_warn(AREA_STORE, NULL,
			"what is acknowledged may be lost when the machine fails: %s", why.text);
}

/* Few, so that each commit has many rows to share its cost. */
static size_t
threads_of(const struct driver *driver, const struct config *c)
{
	size_t some = workers_count() / 2;

	if (driver == &driver_sqlite)
		return 1;
	if (c->store.threads > 0)
		return c->store.threads < LANES_MAX ? (size_t)c->store.threads : LANES_MAX;
	return some < LANES_LEAST ? LANES_LEAST : some < LANES_SOME ? some : LANES_SOME;
}

bool
store_open(const struct config *c, struct err *e)
{
	const struct driver *driver = driver_of(c);
	size_t threads = threads_of(driver, c);
	struct db *db[LANES_MAX] = { NULL };

	assert(!opened);
	store_add_queries(secret_queries);
	forget();
	if (!store_migrate(c, e))
		return false;
	copy_config(c);
	collect_statements((enum store_driver)c->store.driver);
	for (size_t i = 0; i < threads; i++) {
		if (lane_connect(driver, &config, &db[i], e) != DB_OK) {
			while (i-- > 0)
				driver->close(&db[i]);
			forget();
			return false;
		}
	}
	opened = true;
	warn_if_weak(driver, db[0]);
	for (size_t i = 0; i < threads; i++)
		lanes[i] = lane_start(driver, &config, db[i]);
	lanes_count = threads;
	log_info(AREA_STORE, NULL, "opened %s with %zu storage threads", driver->name, threads);
	return true;
}

void
store_close(void)
{
	if (!opened)
		return;
	for (size_t i = 0; i < lanes_count; i++)
		lane_stopping(lanes[i], CLOSE_PATIENCE);
	for (size_t i = 0; i < lanes_count; i++)
		lane_join(lanes[i]);
	arena_free(&config_texts);
	opened = false;
	log_info(AREA_STORE, NULL, "closed");
}

size_t
store_waiting(void)
{
	size_t n = 0;

	for (size_t i = 0; i < lanes_count; i++)
		n += lane_waiting(lanes[i]);
	return n;
}

/* ---- Ask --------------------------------------------------------------------- */

void
store_ask(struct worker *w, uint64_t key, const struct ask *asks, size_t count, store_done_fn *done,
	void *ctx)
{
	struct request *r = request_new(w, asks, count, done, ctx);

	if (r->unknown)
		log_error(AREA_STORE, NULL, "a query that was never registered was asked for: %s",
			asks[0].query->name);
	if (lanes_count > 0 && lane_put(lanes[key % lanes_count], r))
		return;
	log_warn(AREA_STORE, NULL,
		"a request was turned away: the queue of the store is full or closed");
	r->result = STORE_AWAY;
	request_refuse(r);
}
