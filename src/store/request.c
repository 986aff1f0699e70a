/*
 * request.c -- requests and their way back to the worker that asked.
 *
 * A commit settles many requests at once; each worker gets them as one mail, a chain in the order
 * of the asking.
 *
 * Runs on: workers (made, answered), storage threads (run).
 */
#include "store/request.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { ROWS_ON_STACK = 16 };

static size_t
texts_size(const struct ask *asks, size_t count, size_t *values)
{
	size_t bytes = 0;

	*values = 0;
	for (size_t i = 0; i < count; i++) {
		*values += asks[i].count;
		for (size_t k = 0; k < asks[i].count; k++) {
			if (asks[i].args[k].type == VALUE_BYTES)
				bytes += asks[i].args[k].s.n;
		}
	}
	return bytes;
}

static struct value *
copy_args(const struct ask *a, struct value *to, char **text)
{
	for (size_t k = 0; k < a->count; k++) {
		*to = a->args[k];
		if (to->type == VALUE_BYTES) {
			if (to->s.n > 0)
				memcpy(*text, to->s.p, to->s.n);
			to->s.p = *text;
			*text += to->s.n;
		}
		to++;
	}
	return to;
}

struct request *
request_new(struct worker *w, const struct ask *asks, size_t count, store_done_fn *done, void *ctx)
{
	size_t values, bytes = texts_size(asks, count, &values);
	size_t size = sizeof(struct request) +
		      count * (sizeof(struct call) + sizeof(struct result)) +
		      values * sizeof(struct value) + bytes + 1;
	struct request *r = mem_new(size);
	struct value *at;
	char *text;

	assert(count > 0);
	r->w = w;
	r->done = done;
	r->ctx = ctx;
	r->bytes = size;
	r->count = count;
	r->results = (struct result *)(r + 1);
	r->calls = (struct call *)(r->results + count);
	at = (struct value *)(r->calls + count);
	text = (char *)(at + values);
	for (size_t i = 0; i < count; i++) {
		r->calls[i].count = asks[i].count;
		r->calls[i].args = at;
		at = copy_args(&asks[i], at, &text);
		if (!statement_find(asks[i].query, &r->calls[i].number))
			r->unknown = true;
	}
	return r;
}

void
request_clear(struct request *r)
{
	for (size_t i = 0; i < r->count; i++)
		result_clear(&r->results[i]);
}

void
request_free(struct request **rp)
{
	struct request *r = *rp;

	if (!r)
		return;
	*rp = NULL;
	request_clear(r);
	mem_free(&r);
}

static void
answer(struct request *r)
{
	const struct rows *few[ROWS_ON_STACK] = { NULL }, **rows = few;

	if (r->done && r->result == STORE_OK) {
		if (r->count > COUNT(few))
			rows = mem_new(r->count * sizeof(struct rows *));
		for (size_t i = 0; i < r->count; i++)
			rows[i] = &r->results[i].rows;
		r->done(r->w, r->ctx, STORE_OK, rows, r->count);
		if (rows != few)
			mem_free(&rows);
	} else if (r->done) {
		r->done(r->w, r->ctx, r->result, NULL, r->count);
	}
	request_free(&r);
}

static void
open_answers(struct worker *w, struct mail *m)
{
	struct request *r = CONTAINER(m, struct request, mail), *next;

	(void)w;
	for (; r; r = next) {
		next = r->next;
		answer(r);
	}
}

void
requests_answer(struct chain *c)
{
	struct chain by_worker[WORKERS_MAX] = { { NULL, NULL, 0, 0 } };
	unsigned asked[WORKERS_MAX] = { 0 }, count = 0, i;
	struct request *r;

	while ((r = chain_take(c)) != NULL) {
		if (!r->w || !r->done) {
			answer(r);
			continue;
		}
		i = worker_index(r->w);
		if (!by_worker[i].first)
			asked[count++] = i;
		chain_add(&by_worker[i], r);
	}
	for (i = 0; i < count; i++) {
		r = by_worker[asked[i]].first;
		r->mail.open = open_answers;
		worker_post(NULL, r->w, &r->mail);
	}
}

void
request_refuse(struct request *r)
{
	if (!r->w || !r->done) {
		answer(r);
		return;
	}
	r->next = NULL;
	r->mail.open = open_answers;
	worker_post(worker_is_here(r->w) ? r->w : NULL, r->w, &r->mail);
}
