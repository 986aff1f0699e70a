/*
 * restart.h -- sessions that are kept over a restart of the server.
 *
 * When the server stops, the sessions that can be resumed (XEP-0198) are written to the store with
 * all that they are; when it starts, their accounts are loaded, and the sessions with them, before
 * anything else sees the account.  So contacts and rooms do not see them leave, and a client that
 * resumes finds nothing missing.
 *
 * Runs on: main (init, begin), the accounts' homes (the rest).
 */
#ifndef HOME_RESTART_H
#define HOME_RESTART_H

#include "home/account.h"

/* What of an account's sessions is kept at most; those that are too much end. */
#define RESTART_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define RESTART_QUEUE_MAX ((size_t)12 * 1024 * 1024)

extern const struct query restart_queries[];

/* Main, after store_open and before workers start: which accounts have sessions in the store. */
MUST_CHECK bool restart_init(struct err *e);
/* Main, when workers run: loads these accounts, some at a time. */
void restart_begin(void);
/* At the end, when clients have gone and the store still works: writes sessions that wait, as many
 * as should be under way to the store at a time.  True: there are more. */
bool restart_write(struct worker *w);
/* At the end, with homes_fini. */
void restart_fini(struct worker *w);

/* ---- For account.c and router.c ------------------------------------------------- */

/* The account has sessions in the store. */
bool restart_waits(const struct worker *w, struct str bare);
/* Adds the statements that read and delete them, and what takes the rows of the first of them. */
#define RESTART_ASKS 2
void restart_ask(const struct account *a, const struct value *owner, struct ask *asks);
void restart_loaded(struct account *a, const struct rows *rows);

#endif
