/*
 * config_snapshot.c -- who holds which snapshot.
 *
 * A snapshot never changes.  Each worker has a reference to one in its slot; a new one comes by
 * mail, so a worker changes over between two turns and nothing on it ever sees two.  The old
 * snapshot goes with its last reader.
 *
 * Runs on: main (publish, withdraw), any thread (ref, unref), the worker (config_of).
 */
#include "base/mem.h"
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>

#define ON_FREE_MAX 8

struct news {
	struct mail mail;
	struct config *config;
};

static void (*on_free[ON_FREE_MAX])(struct config *c);
static unsigned on_free_count;
static bool published; /* Workers have one already: from then on by mail. */

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

static void
open_news(struct worker *w, struct mail *m)
{
	struct news *news = CONTAINER(m, struct news, mail);

	take(w, news->config);
	mem_free(&news);
}

void
config_publish(struct config *c)
{
	for (unsigned i = 0; i < workers_count(); i++) {
		struct news *news;

		if (!published) {
			take(worker_at(i), config_ref(c));
			continue;
		}
		news = MEM_NEW(struct news);
		news->mail.open = open_news;
		news->config = config_ref(c);
		worker_post(NULL, worker_at(i), &news->mail);
	}
	published = true;
}

void
config_withdraw(void)
{
	for (unsigned i = 0; i < workers_count(); i++)
		take(worker_at(i), NULL);
	published = false;
}
