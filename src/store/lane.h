/*
 * lane.h -- one storage thread: its queue, its connection, its commits.
 *
 * Runs on: main (start, stop, free), any thread (put), the storage thread (the rest).
 */
#ifndef STORE_LANE_H
#define STORE_LANE_H

#include "store/driver.h"
#include "store/request.h"

struct lane;

/* Takes db, on which all statements are prepared.  c must live as long as the lane, its texts
 * until lane_join. */
struct lane *lane_start(const struct driver *driver, const struct config *c, struct db *db);
/* Takes r and answers it in time.  False (r untouched) if the queue is full or the lane is
 * stopping; a request without a worker is taken even if it is full. */
MUST_CHECK bool lane_put(struct lane *l, struct request *r);
/* What waits gets `patience` to be committed; what is left then fails.  No more is taken. */
void lane_stopping(struct lane *l, msec_t patience);
/* Waits for the end of the thread. */
void lane_join(struct lane *l);
void lane_free(struct lane **l);
/* Requests that are not answered yet. */
size_t lane_waiting(struct lane *l);

/* Connects and prepares every registered statement. */
MUST_CHECK enum outcome lane_connect(
	const struct driver *driver, const struct config *c, struct db **out, struct err *e);

#endif
