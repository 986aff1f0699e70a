/*
 * place.h -- where an entity's home is.
 *
 * Runs on: any thread, once workers exist.
 */
#ifndef RUN_PLACE_H
#define RUN_PLACE_H

#include "base/str.h"
#include "run/worker.h"

/* The worker that is the home of a bare JID (prepared text). */
struct worker *place_of(struct str bare);

#endif
