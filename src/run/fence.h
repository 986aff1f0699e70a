/*
 * fence.h -- to know when what was posted to other workers has been opened.
 *
 * Mail from one worker to another keeps its order, so who wants to know puts a mail of its own behind
 * the rest.  That is how a worker is kept from filling another's mailbox: who caused mail may not
 * cause more before the fence is passed.
 *
 * Runs on: the worker that raises it; the last that opens its mail (passed).
 */
#ifndef RUN_FENCE_H
#define RUN_FENCE_H

struct worker;

/* Embed in what is to be known then. */
struct fence {
	unsigned missing; /* fence.c's */
	void (*passed)(
		struct worker *w, struct fence *f); /* whoever it is given to owns the whole */
};

/* Runs f->passed once, on some worker, when all mail that w posted to others in this turn is opened:
 * at once if there is none.  Mail to itself does not count: it is opened in the same turn. */
void fence_raise(struct worker *w, struct fence *f);

#endif
