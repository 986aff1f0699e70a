/*
 * place.c -- where an entity's home is.
 *
 * One node: the hash picks the worker.  The hash is the same in each process and for ever, so that
 * nodes of a cluster agree about it.
 *
 * Runs on: any thread, once workers exist.
 */
#include "run/place.h"

#include "base/hash.h"

struct worker *
place_of(struct str bare)
{
	return worker_at((unsigned)(hash_stable(bare.p, bare.n) % workers_count()));
}
