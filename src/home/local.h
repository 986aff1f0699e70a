/*
 * local.h -- what the home folder keeps for each worker.
 *
 * One struct in the worker's slot: its homes by bare JID, its sessions by number, and receipts that
 * gather until the turn ends.  For home.c, router.c, account.c and session.c only.
 *
 * Runs on: the worker.
 */
#ifndef HOME_LOCAL_H
#define HOME_LOCAL_H

#include "home/router.h"
#include "home/session.h"

struct receipts; /* router.c */
struct restart;

struct session_seat {
	struct session *session; /* NULL: free */
	uint32_t generation;
	uint32_t next_free; /* number + 1; 0: none */
};

struct local {
	struct hash homes; /* struct home.node */
	struct list idle; /* struct home.idle, least recently used first */
	size_t idle_count;
	struct session_seat *seats;
	uint32_t seats_count, seats_room, seats_free; /* seats_free: number + 1 of the first */
	size_t sessions_count;
	size_t gates_waiting; /* passages in all gates */
	struct receipts **receipts; /* by the index of the worker that is owed */
	struct later receipts_later;
	struct restart *restart; /* restart.c; NULL: no account waits for its sessions */
	bool closing; /* the end: nothing is routed any more */
};

static inline struct local *
local_of(const struct worker *w)
{
	return worker_get(w, WORKER_HOMES);
}

/* The home was needed: it lingers from now on. */
void home_touch(struct home *h);
void receipts_fini(struct local *l);
/* seat.c: gives s its slot and generation, and takes the seat back. */
void seat_take(struct session *s);
void seat_leave(struct session *s);
/* Ends every session of the account at once, and closes their streams. */
void sessions_end_all(struct account *a);
/* A session without a connection, of an account that is being loaded. */
struct session *session_revive(struct account *a, struct str resource);
/* To be dropped: gives back what account_load made. */
void sessions_fini(struct local *l);
/* account.c: queries of account_kind. */
extern const struct query account_queries[];
/* archive.c */
extern const struct query archive_queries[];

#endif
