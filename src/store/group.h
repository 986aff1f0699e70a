/*
 * group.h -- requests in one transaction.
 *
 * Runs on: the storage thread.
 */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include "store/driver.h"
#include "store/request.h"

#define GROUP_MAX 1000 /* requests */

struct group {
	const struct driver *driver;
	struct db *db;
	struct request *first; /* of a chain */
	size_t count; /* at least 1, at most GROUP_MAX */
	bool one_by_one; /* rows are not inserted in bulk; set when that failed */
};

/* Is there anything but reads? */
bool group_writes(const struct group *g);
/* All of the requests, or none of them.  DB_OK: each has its result.  Else none of it happened, or,
 * with DB_LOST during a commit, nobody knows: then the requests are marked, and if one of their
 * inserts meets its own row next time, that is success. */
MUST_CHECK enum outcome group_run(struct group *g, enum intent intent, struct err *e);

#endif
