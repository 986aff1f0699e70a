/*
 * bookmarks.h -- for private.c: bookmarks in private XML are those that are published (XEP-0402).
 *
 * Runs on: the account's home.
 */
#ifndef MODULES_BOOKMARKS_H
#define MODULES_BOOKMARKS_H

#include "module.h"

#define NS_BOOKMARKS "storage:bookmarks"

/* x is an element of private XML that holds bookmarks, and they are kept elsewhere on that host. */
bool bookmarks_has(const struct host *h, const struct xml *x);
/* Goes on at next with *out (in the job's arena): like kept, but with the account's bookmarks in
 * place of those in it.  j->state survives it. */
MUST_CHECK struct step bookmarks_read(
	struct job *j, const struct xml *kept, const struct xml **out, step_fn *next);
/* Makes the account's bookmarks those that are in x: what differs is published, what is missing
 * retracted.  j->state survives it. */
MUST_CHECK struct step bookmarks_write(struct job *j, const struct xml *x, step_fn *next);
/* The same while a file is read: x becomes published bookmarks, unless the file has these, too. */
void bookmarks_arrive(struct arriving *a, const struct xml *x);

#endif
