/*
 * offline.h -- what the files of the module share.
 *
 * Runs on: the account's home.
 */
#ifndef MODULES_OFFLINE_H
#define MODULES_OFFLINE_H

#include "module.h"

struct offline {
	int64_t mark; /* received rows of the archive up to this id went to a client; home.delivered is
		       * what the store knows */
	int64_t due; /* the last received id that was to be delivered or kept */
	bool behind; /* perhaps there are received rows after the mark that nobody got */
	bool flushing; /* what waits is handed out: what comes waits behind it */
	bool paused; /* the job waits for a client that has too much to acknowledge */
	bool running; /* a job does it; else all who could get it wait to be resumed */
	bool resumes; /* sessions of before a restart are back: a hand-out may have been cut short */
	bool more; /* something was kept since the last page was asked for */
	int64_t kept_done, left_done; /* kept messages and pointers up to this id can go */
	int64_t boundary; /* what came later was not there when the flush began */
	/* Ids after the mark, in their order, of what went to another session meanwhile. */
	int64_t *passed;
	size_t passed_count;
	struct timer save;
	struct account *account;
};

enum offline_query {
	OFFLINE_PUT,
	OFFLINE_PAGE,
	OFFLINE_DONE,
	OFFLINE_COUNT,
	OFFLINE_AFTER,
	OFFLINE_CLEAR,
};

extern const struct query offline_queries[];

struct offline *offline_of(const struct account *a);

/* ---- offline.c ------------------------------------------------------------------- */

/* How far the mark may be written down: what a client may still not have got is not behind it. */
int64_t offline_safe_mark(const struct account *a);

/* That received row went to a session already; later asked only for later ones. */
bool offline_has_passed(struct offline *o, int64_t id);

/* ---- portable.c ------------------------------------------------------------------- */

extern const struct portable offline_portable;

/* ---- flush.c ---------------------------------------------------------------------- */

/* Gives what waits to a session that is ready, until nothing is left. */
void offline_flush(struct account *a);
/* A message to that address waits behind what is handed out; while nothing is, since the one that gets
 * the rest must come back first, one for another session need not. */
bool offline_waits_for(const struct account *a, struct jid to);

#endif
