/*
 * hook.c -- the tables behind hook.h.
 *
 * One row of handlers a hook, sorted by their order; handlers of equal order run in the order of
 * registration.  All is written before workers start and only read afterwards, so runners need no
 * lock.
 *
 * Runs on: main (hook_add), any worker (the runners).
 */
#include "hook/hook.h"

#include "config/config.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#define HANDLERS_MAX 32 /* of one hook */

struct handler {
	int order;
	unsigned module; /* UINT_MAX: on every host */
	union hook_fn fn;
};

static struct row {
	unsigned count;
	struct handler handlers[HANDLERS_MAX];
} rows[HOOK_COUNT];

void
hook_add(const struct hook *h, unsigned module)
{
	struct row *row;
	unsigned i;

	assert(h->id < HOOK_COUNT);
	row = &rows[h->id];
	assert(row->count < HANDLERS_MAX);
	for (i = row->count++; i > 0 && row->handlers[i - 1].order > h->order; i--)
		row->handlers[i] = row->handlers[i - 1];
	row->handlers[i] = (struct handler){ h->order, module, h->fn };
}

bool
hook_has(enum hook_id id)
{
	return rows[id].count > 0;
}

const char *
hook_name(enum hook_id id)
{
	static const char *const names[] = {
#define HOOK(name, event, at, meaning) #name,
#include "hook/hooks.def"
#undef HOOK
	};

	return id < HOOK_COUNT ? names[id] : "";
}

/* An event that is about no host (NULL) is for every module. */
static inline bool
is_on(const struct handler *h, const struct host *host)
{
	return h->module == UINT_MAX || !host || host_runs(host, h->module);
}

#define HOOK(name, event, at, meaning)                                                             \
	enum verdict hook_##name(struct event *ev)                                                 \
	{                                                                                          \
		const struct row *row = &rows[HOOK_##name];                                        \
                                                                                                   \
		for (unsigned i = 0; i < row->count; i++) {                                        \
			const struct handler *h = &row->handlers[i];                               \
                                                                                                   \
			if (is_on(h, ev->head.host) && h->fn.name(ev) == STOP)                     \
				return STOP;                                                       \
		}                                                                                  \
		return PASS;                                                                       \
	}
#include "hook/hooks.def"
#undef HOOK
