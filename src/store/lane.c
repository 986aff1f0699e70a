/*
 * lane.c -- one storage thread: its queue, its connection, its commits.
 *
 * The thread takes what waits, as far as the bounds of a group allow, runs it in one transaction,
 * commits, and only then answers.  While it commits, the next group gathers.
 * What hits the transaction (group.h) rolls the group back, and the same requests are tried again in
 * the same order: at once, after a pause, or on a new connection, as the driver says.  After a
 * failure the group shrinks to one request and grows again with success, so that a request which
 * breaks every connection can be told from the others: it is given half of its time, so that what
 * waits behind it has the rest.
 *
 * Runs on: main (start, stop), any thread (put), the storage thread (the rest).
 */
#include "store/lane.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "store/group.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	QUEUE_MAX = 65536, /* requests */
	QUEUE_BYTES_MAX = 128 * 1024 * 1024,
	GROUP_BYTES_MAX = 8 * 1024 * 1024,
	PAUSE_FIRST = 20, /* milliseconds */
	PAUSE_MAX = 1000,
	AGAIN_MAX = 3, /* times at once, then with a pause */
	BROKE_MAX = 4, /* connections lost with one request, then it is to blame */
};

struct lane {
	const struct driver *driver;
	const struct config *config;
	pthread_t thread;
	/* What other threads see; under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct chain in;
	size_t waiting, bytes; /* not answered yet */
	bool stopping;
	msec_t stop_at; /* mono */
	/* The storage thread's own. */
	struct db *db; /* NULL: not connected */
	struct chain todo; /* taken, not answered */
	size_t limit; /* requests in the next group */
	bool one_by_one; /* a bulk insert failed in this group */
	unsigned again;
	msec_t pause; /* the last one; 0: all is well */
	msec_t away_since; /* mono; 0: not away */
	bool away_writing; /* only writes failed so far: the disk is full, for example */
	msec_t last_stop; /* stop_at as last seen; 0: not stopping */
};

static size_t
group_size(const struct lane *l)
{
	size_t n = 0, bytes = 0;

	for (const struct request *r = l->todo.first; r && n < l->limit; r = r->next) {
		bytes += r->bytes;
		if (n > 0 && bytes > GROUP_BYTES_MAX)
			break;
		n++;
	}
	return n;
}

/* ---- Answers ----------------------------------------------------------------- */

/* They count as waiting until their answers are in the mail. */
static void
finish(struct lane *l, struct chain *done)
{
	size_t count = done->count, bytes = done->bytes;

	requests_answer(done);
	pthread_mutex_lock(&l->lock);
	l->waiting -= count;
	l->bytes -= bytes;
	pthread_mutex_unlock(&l->lock);
}

static void
finish_first(struct lane *l, size_t n)
{
	struct chain done = { NULL, NULL, 0, 0 };
	size_t calls = 0;

	for (size_t i = 0; i < n; i++) {
		calls += l->todo.first->count;
		chain_add(&done, chain_take(&l->todo));
	}
	metric_add(METRIC_COMMITS, 1);
	metric_add(METRIC_QUERIES, calls);
	finish(l, &done);
}

static msec_t
deadline(const struct lane *l, const struct request *r)
{
	msec_t at = r->broke < BROKE_MAX ? r->deadline : r->deadline - l->config->store.timeout / 2;

	return l->last_stop && l->last_stop < at ? l->last_stop : at;
}

/* Deadlines stand in the order of the queue. */
static void
expire(struct lane *l)
{
	struct chain late = { NULL, NULL, 0, 0 };
	msec_t now = clock_mono();

	while (l->todo.first && deadline(l, l->todo.first) <= now) {
		struct request *r = chain_take(&l->todo);

		request_clear(r);
		r->result = STORE_AWAY;
		chain_add(&late, r);
	}
	if (!late.first)
		return;
	metric_add(METRIC_QUERIES_FAILED, late.count);
	log_warn(AREA_STORE, NULL, "%zu requests failed: the database did not take them in time",
		late.count);
	finish(l, &late);
}

/* ---- The thread -------------------------------------------------------------- */

static void
add_msec(struct timespec *t, msec_t ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_sec += ms / 1000;
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
}

/* Sleeps longer each time, but not past the next deadline; the stopping of the lane ends it. */
static void
pause_a_while(struct lane *l)
{
	msec_t left = l->todo.first ? deadline(l, l->todo.first) - clock_mono() : PAUSE_MAX;
	struct timespec until;
	bool was;

	l->pause = l->pause ? l->pause * 2 : PAUSE_FIRST;
	if (l->pause > PAUSE_MAX)
		l->pause = PAUSE_MAX;
	if (left > l->pause)
		left = l->pause;
	if (left <= 0)
		return;
	add_msec(&until, left);
	pthread_mutex_lock(&l->lock);
	was = l->stopping;
	while (l->stopping == was && pthread_cond_timedwait(&l->wake, &l->lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&l->lock);
}

/* writing: what failed was a group with writes, so reads may still succeed. */
static void
on_away(struct lane *l, bool writing, const struct err *e)
{
	if (!l->away_since) {
		l->away_since = clock_mono();
		l->away_writing = writing;
		log_error(AREA_STORE, NULL, "the database is away: %s", e->text);
	} else {
		l->away_writing = l->away_writing && writing;
		log_debug(AREA_STORE, NULL, "the database is still away: %s", e->text);
	}
}

static void
on_success(struct lane *l, bool writing)
{
	if (l->away_since && (writing || !l->away_writing)) {
		log_info(AREA_STORE, NULL,
			"the database is back after %.1f s, %zu requests waiting",
			(double)(clock_mono() - l->away_since) / 1000, l->todo.count);
		l->away_since = 0;
	}
	l->pause = 0;
	l->again = 0;
	l->one_by_one = false;
	l->limit = l->limit * 4 < GROUP_MAX ? l->limit * 4 : GROUP_MAX;
}

static void
on_failure(struct lane *l, enum outcome o, bool writing, const struct err *e)
{
	switch (o) {
	case DB_OK:
	case DB_DUPLICATE:
	case DB_REFUSED:
		break;
	case DB_AGAIN:
		log_debug(AREA_STORE, NULL, "a transaction is tried again: %s", e->text);
		if (++l->again < AGAIN_MAX)
			return;
		l->limit = 1;
		pause_a_while(l);
		return;
	case DB_LATER:
		on_away(l, writing, e);
		l->limit = 1;
		pause_a_while(l);
		return;
	case DB_LOST:
		on_away(l, writing, e);
		l->limit = 1;
		l->driver->close(&l->db);
		/* The first new connection is tried at once. */
		if (l->pause)
			pause_a_while(l);
		else
			l->pause = PAUSE_FIRST / 2;
		return;
	}
	assert(!"a statement's failure is its request's");
}

/* Waits for work.  False: all is done and the lane stops. */
static bool
take(struct lane *l)
{
	bool more;

	pthread_mutex_lock(&l->lock);
	while (!l->in.first && !l->todo.first && !l->stopping)
		pthread_cond_wait(&l->wake, &l->lock);
	chain_append(&l->todo, &l->in);
	l->last_stop = l->stopping ? l->stop_at : 0;
	more = l->todo.first != NULL;
	pthread_mutex_unlock(&l->lock);
	return more;
}

static void
turn(struct lane *l)
{
	struct err e = { "" };
	enum outcome o = DB_OK;
	struct group g;
	bool writing;

	expire(l);
	if (!l->todo.first)
		return;
	if (!l->db)
		o = lane_connect(l->driver, l->config, &l->db, &e);
	if (o != DB_OK) {
		on_away(l, false, &e);
		pause_a_while(l);
		return;
	}
	g = (struct group){ l->driver, l->db, l->todo.first, group_size(l), l->one_by_one };
	writing = group_writes(&g);
	o = group_run(&g, writing ? DB_WRITE : DB_READ, &e);
	l->one_by_one = g.one_by_one;
	if (o == DB_LOST && g.count == 1)
		l->todo.first->broke++;
	if (o == DB_OK) {
		on_success(l, writing);
		finish_first(l, g.count);
	} else {
		on_failure(l, o, writing, &e);
	}
}

static void *
lane_main(void *arg)
{
	struct lane *l = arg;

	while (take(l))
		turn(l);
	l->driver->close(&l->db);
	return NULL;
}

/* ---- From outside ------------------------------------------------------------ */

enum outcome
lane_connect(const struct driver *driver, const struct config *c, struct db **out, struct err *e)
{
	size_t count;
	const struct statement *list = statements_get(&count);
	struct db *db = NULL;
	enum outcome o = driver->open(c, c->store.timeout, &db, e);

	for (size_t i = 0; o == DB_OK && i < count; i++) {
		o = driver->prepare(db, (unsigned)i, list[i].sql, e);
		if (o != DB_OK)
			(void)err_wrap(e, "query %s", list[i].query->name);
	}
	if (o != DB_OK) {
		driver->close(&db);
		return o;
	}
	*out = db;
	return DB_OK;
}

struct lane *
lane_start(const struct driver *driver, const struct config *c, struct db *db)
{
	struct lane *l = MEM_NEW(struct lane);
	pthread_condattr_t attr;

	l->driver = driver;
	l->config = c;
	l->db = db;
	l->limit = GROUP_MAX;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&l->thread, NULL, lane_main, l) != 0) {
		log_error(AREA_STORE, NULL, "cannot start a storage thread");
		abort();
	}
	pthread_setname_np(l->thread, "store");
	return l;
}

bool
lane_put(struct lane *l, struct request *r)
{
	bool taken, first;

	r->deadline = clock_mono() + l->config->store.timeout;
	pthread_mutex_lock(&l->lock);
	taken = !l->stopping &&
		(!r->w || (l->waiting < QUEUE_MAX && l->bytes + r->bytes <= QUEUE_BYTES_MAX));
	first = !l->in.first;
	if (taken) {
		l->waiting++;
		l->bytes += r->bytes;
		chain_add(&l->in, r);
		if (first)
			pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
	return taken;
}

void
lane_stopping(struct lane *l, msec_t patience)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	l->stop_at = clock_mono() + patience;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

void
lane_join(struct lane *l)
{
	pthread_join(l->thread, NULL);
	assert(lane_waiting(l) == 0);
}

void
lane_free(struct lane **lp)
{
	struct lane *l = *lp;

	if (!l)
		return;
	*lp = NULL;
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	mem_free(&l);
}

size_t
lane_waiting(struct lane *l)
{
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = l->waiting;
	pthread_mutex_unlock(&l->lock);
	return n;
}
