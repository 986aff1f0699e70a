/*
 * gate.h -- what must be on disk before it goes on, and the order of what passes a home.
 *
 * A stanza that a home takes responsibility for may need statements committed before it is routed
 * or delivered.  It waits in the home's gate until they are, and what comes after it waits behind
 * it, whatever it is: so a home passes stanzas on in the order in which it got them.  What has
 * nothing to commit and finds nothing ahead passes at once.  The gate is bounded: who brings
 * stanzas asks gate_is_full first and refuses them with an error of type wait.
 *
 * Runs on: the home's worker.
 */
#ifndef HOME_GATE_H
#define HOME_GATE_H

#include "home/home.h"
#include "store/asks.h"

/* What may wait in one gate. */
#define GATE_COUNT_MAX 4096
#define GATE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* What passes. */
struct passage {
	const struct stanza *stanza; /* referenced while it waits; NULL: only a turn in the queue */
	struct receipt receipt; /* owed by go */
	int64_t place; /* see struct message_event */
	int64_t archive_id; /* of this home's archive; 0: not archived */
	bool again; /* its sender said it before: nothing to store or deliver, but to be answered */
	/* The first statement inserts its row only if it is not there; if it was, `again` becomes
	 * true. */
	bool once;
	/* 1 + the number of the statement that finds the row which was there, as (id, ...): then its id
	 * becomes archive_id.  0: none does. */
	unsigned found;
	void *ctx;
	/* For go: STORE_OK, or why its statements are not on disk (perhaps they are: the store was
	 * lost while it committed). */
	enum store_result result;
};

/* Runs exactly once for each passage, in order; at the end of the process with STORE_AWAY. */
typedef void passage_fn(struct home *h, const struct passage *p);

/* Takes *p in: asks (may be NULL or empty) are one request, which is asked for at once; go runs
 * when it is answered and nothing is ahead: inside the call if that is so already. */
void gate_pass(struct home *h, const struct passage *p, const struct asks *asks, passage_fn *go);
/* No more may come in. */
bool gate_is_full(const struct home *h);
/* What waits in all gates of a worker. */
size_t gates_waiting(const struct worker *w);
/* For home.c: what waits passes with STORE_AWAY. */
void gate_drop(struct home *h);

#endif
