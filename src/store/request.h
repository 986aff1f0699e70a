/*
 * request.h -- one question to the store, from the ask to the answer.
 *
 * It belongs to the lane from lane_put until its answer is given, then to whoever opens the mail.
 * One block of memory holds it with its calls, their arguments and their results; rows have memory
 * of their own.
 *
 * Runs on: workers (made, answered), storage threads (run).
 */
#ifndef STORE_REQUEST_H
#define STORE_REQUEST_H

#include "store/rows.h"
#include "store/store.h"

struct call {
	unsigned number; /* the statement's */
	size_t count;
	const struct value *args;
};

struct request {
	struct mail mail; /* the first of a chain of answers to one worker */
	struct request *next; /* in a queue or in that chain */
	struct worker *w;
	store_done_fn *done;
	void *ctx;
	msec_t deadline; /* mono */
	size_t bytes;
	bool unknown; /* names a query that was never registered */
	bool maybe; /* was in a commit that ended without an answer */
	unsigned broke; /* connections lost while it was alone in its group */
	enum store_result result;
	size_t count;
	struct call *calls;
	struct result *results;
};

struct chain {
	struct request *first, *last;
	size_t count, bytes;
};

static inline void
chain_add(struct chain *c, struct request *r)
{
	r->next = NULL;
	if (c->last)
		c->last->next = r;
	else
		c->first = r;
	c->last = r;
	c->count++;
	c->bytes += r->bytes;
}

static inline struct request *
chain_take(struct chain *c)
{
	struct request *r = c->first;

	if (!r)
		return NULL;
	c->first = r->next;
	if (!c->first)
		c->last = NULL;
	c->count--;
	c->bytes -= r->bytes;
	r->next = NULL;
	return r;
}

/* Moves all of *from to the end of *to. */
static inline void
chain_append(struct chain *to, struct chain *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->count += from->count;
	to->bytes += from->bytes;
	*from = (struct chain){ NULL, NULL, 0, 0 };
}

/* Copies the arguments. */
struct request *request_new(
	struct worker *w, const struct ask *asks, size_t count, store_done_fn *done, void *ctx);
void request_free(struct request **r);
/* Forgets results that it has. */
void request_clear(struct request *r);
/* Gives the answers, each in its worker's mail (one mail a worker and chain), or at once where
 * no worker asked. */
void requests_answer(struct chain *c);
/* On the asking worker or thread: the answer in r->result, without a lane. */
void request_refuse(struct request *r);

/* ---- Registered statements --------------------------------------------------- */

struct statement {
	const struct query *query;
	const char *sql; /* in the driver's dialect */
	bool writes;
	bool bulk; /* a plain INSERT of one row */
};

/* False if it was never registered.  Fixed while the store is open. */
bool statement_find(const struct query *q, unsigned *number);
const struct statement *statements_get(size_t *count);

#endif
