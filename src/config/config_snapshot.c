/*
 * config_snapshot.c -- who holds which snapshot.
 *
 * A snapshot never changes.  Each worker has a reference to one in its slot, and changes over to
 * another when it is told to.  The old snapshot goes with its last reader.
 *
 * Runs on: main (publish, withdraw), any thread (ref, unref), the worker (config_of, config_adopt).
 */
#include "base/mem.h"
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>

#define ON_FREE_MAX 8

static void (*on_free[ON_FREE_MAX])(struct config *c);
static unsigned on_free_count;

void
config_on_free(void (*fn)(struct config *c))
{
	for (unsigned i = 0; i < on_free_count; i++) {
		if (on_free[i] == fn)
			return;
	}
	assert(on_free_count < ON_FREE_MAX);
	on_free[on_free_count++] = fn;
}

struct config *
config_ref(struct config *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void
config_unref(struct config **c)
{
	struct config *old = *c;
	struct arena *a;

	*c = NULL;
	if (!old || __atomic_sub_fetch(&old->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (unsigned i = 0; i < on_free_count; i++)
		on_free[i](old);
	a = old->arena;
	arena_free(&a);
}

const struct config *
config_of(const struct worker *w)
{
	return worker_get(w, WORKER_CONFIG);
}

static void
take(struct worker *w, struct config *c)
{
	struct config *old = worker_get(w, WORKER_CONFIG);

	worker_set(w, WORKER_CONFIG, c);
	config_unref(&old);
}

void
config_adopt(struct worker *w, struct config *c)
{
	assert(worker_is_here(w));
	take(w, config_ref(c));
}

void
config_publish(struct config *c)
{
	for (unsigned i = 0; i < workers_count(); i++)
		config_adopt(worker_at(i), c);
}

void
config_withdraw(void)
{
	for (unsigned i = 0; i < workers_count(); i++)
		take(worker_at(i), NULL);
}
