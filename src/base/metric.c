/*
 * metric.c -- counters: one cell per thread, summed when read.
 *
 * Only its own thread writes a cell, so counting is a load and a store without a lock prefix.  The
 * cells of living threads are in a list; those of a thread that ends are added to the total.
 *
 * Runs on: any thread.
 */
#include "base/metric.h"

#include "base/list.h"

#include <pthread.h>
#include <stdbool.h>

struct cells {
	struct list list; /* under the lock: the neighbours write it too */
	bool entered; /* the thread's own */
	uint64_t counts[METRIC_COUNT];
};

static const struct {
	const char *name, *help;
} metrics[METRIC_COUNT] = {

#define METRIC(symbol, name, help) { name, help },
#include "base/metrics.def"
#undef METRIC
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list threads = { &threads, &threads };
static uint64_t ended[METRIC_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_end;
static _Thread_local struct cells mine;

static void
fold(void *arg)
{
	struct cells *c = arg;

	pthread_mutex_lock(&lock);
	for (int m = 0; m < METRIC_COUNT; m++) {
		ended[m] += c->counts[m];
		c->counts[m] = 0;
	}
	list_remove(&c->list);
	c->entered = false;
	pthread_mutex_unlock(&lock);
}

static void
make_key(void)
{
	pthread_key_create(&at_end, fold);
}

static void
enter(void)
{
	mine.entered = true;
	pthread_once(&once, make_key);
	pthread_setspecific(at_end, &mine);
	pthread_mutex_lock(&lock);
	list_append(&threads, &mine.list);
	pthread_mutex_unlock(&lock);
}

void
metric_add(enum metric m, uint64_t n)
{
	uint64_t *cell = &mine.counts[m];

	if (!mine.entered)
		enter();
	__atomic_store_n(cell, *cell + n, __ATOMIC_RELAXED);
}

uint64_t
metric_read(enum metric m)
{
	uint64_t sum;

	pthread_mutex_lock(&lock);
	sum = ended[m];
	list_for_each(c, &threads, struct cells, list) sum +=
		__atomic_load_n(&c->counts[m], __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	return sum;
}

const char *
metric_name(enum metric m)
{
	return metrics[m].name;
}

const char *
metric_help(enum metric m)
{
	return metrics[m].help;
}
