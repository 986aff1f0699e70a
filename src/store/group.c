/*
 * group.c -- requests in one transaction.
 *
 * A statement that fails fails its request alone: what the others did stays.  Inserts of one row
 * each into the same table go to the database together.
 *
 * Runs on: the storage thread.
 */
#include "store/group.h"

#include "base/log.h"
#include "base/metric.h"

#include <assert.h>
#include <stdlib.h>

enum { BULK_LEAST = 2 /* rows */ };

static void
log_refused(const struct request *r, size_t call, const struct err *e)
{
	size_t count;
	const struct statement *list = statements_get(&count);

	metric_add(METRIC_QUERIES_FAILED, 1);
	log_error(AREA_STORE, NULL, "query %s was refused: %s",
		list[r->calls[call].number].query->name, e->text);
}

static bool
writes(const struct request *r)
{
	size_t count;
	const struct statement *list = statements_get(&count);

	for (size_t i = 0; i < r->count; i++) {
		if (!r->unknown && list[r->calls[i].number].writes)
			return true;
	}
	return false;
}

static enum outcome
run_calls(struct group *g, struct request *r, struct err *e)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct call *c = &r->calls[i];
		enum outcome o =
			g->driver->run(g->db, c->number, c->args, c->count, &r->results[i], e);

		if (o == DB_DUPLICATE && r->maybe) {
			r->results[i].rows.changed = 1;
			o = DB_OK;
		}
		if (o == DB_REFUSED)
			log_refused(r, i, e);
		if (o != DB_OK)
			return o;
	}
	return DB_OK;
}

/* DB_OK: r->result is set; else the transaction is broken. */
static enum outcome
run_request(struct group *g, struct request *r, struct err *e)
{
	bool marked = r->count > 1 && writes(r);
	enum outcome o;

	request_clear(r);
	if (r->unknown) {
		r->result = STORE_REFUSED;
		return DB_OK;
	}
	if (marked && (o = g->driver->mark(g->db, e)) != DB_OK)
		return o;
	o = run_calls(g, r, e);
	if (o == DB_OK) {
		r->result = STORE_OK;
		return marked && g->driver->forget ? g->driver->forget(g->db, e) : DB_OK;
	}
	if (o == DB_DUPLICATE || o == DB_REFUSED) {
		r->result = o == DB_DUPLICATE ? STORE_DUPLICATE : STORE_REFUSED;
		request_clear(r);
		return marked ? g->driver->undo(g->db, e) : DB_OK;
	}
	return o;
}

static bool
can_join_bulk(const struct request *r, const struct request *first)
{
	return r->count == 1 && !r->unknown && !r->maybe &&
	       r->calls[0].number == first->calls[0].number &&
	       r->calls[0].count == first->calls[0].count;
}

/* How many of the n requests from r on are one insert each into the same table. */
static size_t
bulk_length(const struct group *g, const struct request *r, size_t n)
{
	size_t count, length = 0;
	const struct statement *list = statements_get(&count);

	if (g->one_by_one || !g->driver->run_many || !can_join_bulk(r, r) ||
		!list[r->calls[0].number].bulk)
		return 0;
	for (const struct request *q = r; length < n && can_join_bulk(q, r); q = q->next)
		length++;
	return length >= BULK_LEAST ? length : 0;
}

/* In the order of the table's rows, by the numbers that they begin with: neighbours are cheaper. */
static int
compare_rows(const void *va, const void *vb)
{
	const struct value *a = *(const struct value *const *)va,
			   *b = *(const struct value *const *)vb;

	if (a[0].i != b[0].i)
		return a[0].i < b[0].i ? -1 : 1;
	return a[1].i < b[1].i ? -1 : a[1].i > b[1].i;
}

static enum outcome
run_bulk(struct group *g, struct request *first, size_t n, struct err *e)
{
	const struct value *args[GROUP_MAX];
	struct request *r = first;
	enum outcome o;

	for (size_t i = 0; i < n; i++, r = r->next)
		args[i] = r->calls[0].args;
	if (first->calls[0].count > 1)
		qsort(args, n, sizeof(args[0]), compare_rows);
	o = g->driver->run_many(g->db, first->calls[0].number, args, first->calls[0].count, n, e);
	if (o == DB_DUPLICATE || o == DB_REFUSED) {
		/* One of them is to blame: find out which. */
		g->one_by_one = true;
		return DB_AGAIN;
	}
	if (o != DB_OK)
		return o;
	r = first;
	for (size_t i = 0; i < n; i++, r = r->next) {
		request_clear(r);
		r->results[0].rows.changed = 1;
		r->result = STORE_OK;
	}
	return DB_OK;
}

static enum outcome
run_all(struct group *g, struct err *e)
{
	struct request *r = g->first;
	enum outcome o = DB_OK;

	for (size_t done = 0; done < g->count && o == DB_OK;) {
		size_t length = bulk_length(g, r, g->count - done);

		if (length > 0) {
			o = run_bulk(g, r, length, e);
		} else {
			o = run_request(g, r, e);
			length = 1;
		}
		for (size_t i = 0; i < length; i++)
			r = r->next;
		done += length;
	}
	return o;
}

static void
mark_maybe(struct group *g)
{
	struct request *r = g->first;

	for (size_t i = 0; i < g->count; i++, r = r->next)
		r->maybe = true;
}

/* All requests are one insert each into the same table, and few enough for one statement. */
static bool
is_one_bulk(const struct group *g)
{
	const struct request *r = g->first;
	size_t bytes = 0;

	if (!g->driver->many_at_once || bulk_length(g, r, g->count) < g->count)
		return false;
	for (size_t i = 0; i < g->count; i++, r = r->next)
		bytes += r->bytes;
	return bytes <= g->driver->many_at_once(g->db);
}

/* A statement alone is a transaction. */
static enum outcome
run_alone(struct group *g, struct err *e)
{
	enum outcome o =
		g->count == 1 ? run_request(g, g->first, e) : run_bulk(g, g->first, g->count, e);

	if (o == DB_LOST)
		mark_maybe(g);
	return o;
}

bool
group_writes(const struct group *g)
{
	const struct request *r = g->first;

	for (size_t i = 0; i < g->count; i++, r = r->next) {
		if (writes(r))
			return true;
	}
	return false;
}

enum outcome
group_run(struct group *g, enum intent intent, struct err *e)
{
	enum outcome o;
	struct err ignored;

	assert(g->count > 0 && g->count <= GROUP_MAX);
	if ((g->count == 1 && g->first->count == 1) || is_one_bulk(g))
		return run_alone(g, e);
	o = g->driver->begin(g->db, intent, e);
	if (o == DB_OK)
		o = run_all(g, e);
	if (o == DB_OK) {
		o = g->driver->commit(g->db, e);
		if (o == DB_LOST && intent == DB_WRITE)
			mark_maybe(g);
	}
	if (o != DB_OK && o != DB_LOST && g->driver->rollback(g->db, &ignored) != DB_OK)
		return DB_LOST;
	return o;
}
