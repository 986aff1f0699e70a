/*
 * worker.c -- one thread, one libevent loop, one mailbox.
 *
 * A turn (worker.h says its order) waits only if nothing is left to do here: no mail, nothing put
 * off, and a box that was empty when it was told that we go to sleep.  What a turn's mail posts to
 * its own worker is opened in the same turn for a few rounds, so that a stanza that changes hands
 * twice is still written with the rest of the turn; after that sockets get their chance first.
 *
 * Mail to other workers gathers in one list for each of them until the end of the turn.
 *
 * Before workers_start and after workers_stop the main thread stands in for all of them:
 * worker_is_here is true there, so objects can be made and dropped.  Mail that was under way
 * between workers while they stopped is opened by workers_stop itself; none is lost.
 *
 * Runs on: main thread (workers_*), the worker (the rest), any thread (worker_post with from NULL).
 */
#include "run/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "run/worker_own.h"

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAIL_ROUNDS = 8, /* of mail to oneself in one turn */
	STOP_ROUNDS = 1000, /* of mail that begets mail when all stop */
};

static struct worker *workers;
static unsigned count;
static atomic_bool running, stopping;
static _Thread_local const struct worker *here;

/* worker_now of a running worker reads the clock once a turn: w->now is 0 until it did. */

/* ---- A turn ----------------------------------------------------------------- */

static void
open_mail(struct worker *w, struct mails *l)
{
	struct mail *m;

	while ((m = mails_pop(l)) != NULL)
		m->open(w, m);
}

static void
open_all(struct worker *w)
{
	struct mails round;

	mailbox_take(&w->box, &w->mail);
	for (int i = 0; i < MAIL_ROUNDS && !mails_empty(&w->mail); i++) {
		mails_init(&round);
		mails_join(&round, &w->mail);
		open_mail(w, &round);
	}
}

static void
run_later(struct worker *w)
{
	struct later *list = w->later, *l;

	w->later = NULL;
	w->later_last = &w->later;
	if (list)
		list->link = &list;
	while ((l = list) != NULL) {
		list = l->next;
		if (list)
			list->link = &list;
		l->link = NULL;
		l->run(w, l);
	}
}

static void
hand_over(struct worker *w)
{
	for (unsigned i = 0; i < w->out_count; i++) {
		unsigned to = w->out_to[i];

		mailbox_put(&workers[to].box, &w->out[to]);
	}
	w->out_count = 0;
}

static bool
has_work(const struct worker *w)
{
	return !mails_empty(&w->mail) || w->later != NULL;
}

/* All but the waiting; also what main does for a worker after the end. */
static void
work(struct worker *w)
{
	open_all(w);
	run_later(w);
	hand_over(w);
}

static void
turn(struct worker *w)
{
	int flags = EVLOOP_ONCE;

	if (has_work(w) || atomic_load(&stopping) || !mailbox_sleep(&w->box))
		flags |= EVLOOP_NONBLOCK;
	else
		timers_arm(w);
	w->now = 0;
	event_base_loop(w->base, flags);
	timers_run(w);
	work(w);
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	here = w;
	while (!atomic_load(&stopping))
		turn(w);
	for (int i = 0; i < STOP_ROUNDS; i++) {
		turn(w);
		if (!has_work(w) && mailbox_sleep(&w->box))
			break;
	}
	return NULL;
}

static void
on_box(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	mailbox_woken(&w->box);
}

/* ---- All workers ------------------------------------------------------------ */

static bool
worker_init(struct worker *w, unsigned index, struct err *e)
{
	struct event_config *options = event_config_new();

	/* Only its own thread touches the base. */
	event_config_set_flag(options, EVENT_BASE_FLAG_NOLOCK);
	w->base = event_base_new_with_config(options);
	event_config_free(options);
	if (!w->base)
		return err_set(e, "libevent could not make an event loop");
	if (!mailbox_init(&w->box, e)) {
		event_base_free(w->base);
		w->base = NULL;
		return false;
	}
	w->index = index;
	mails_init(&w->mail);
	w->later_last = &w->later;
	w->out = mem_new(count * sizeof(*w->out));
	w->out_to = mem_new(count * sizeof(*w->out_to));
	for (unsigned i = 0; i < count; i++)
		mails_init(&w->out[i]);
	event_assign(&w->box_event, w->base, w->box.fd, EV_READ | EV_PERSIST, on_box, w);
	event_add(&w->box_event, NULL);
	timers_init(w);
	return true;
}

static void
worker_fini(struct worker *w)
{
	if (!w->base)
		return;
	timers_fini(w);
	event_del(&w->box_event);
	mailbox_fini(&w->box);
	event_base_free(w->base);
	mem_free(&w->out);
	mem_free(&w->out_to);
}

bool
workers_init(unsigned n, struct err *e)
{
	assert(workers == NULL);
	assert(n > 0 && n <= WORKERS_MAX);
	count = n;
	workers = mem_new(n * sizeof(*workers));
	for (unsigned i = 0; i < n; i++) {
		if (!worker_init(&workers[i], i, e)) {
			workers_fini();
			return err_wrap(e, "worker %u", i);
		}
	}
	return true;
}

void
workers_start(void)
{
	sigset_t all, was;
	char name[24];
	int fault;

	atomic_store(&stopping, false);
	atomic_store(&running, true);
	/* Signals are main's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	for (unsigned i = 0; i < count; i++) {
		fault = pthread_create(&workers[i].thread, NULL, run, &workers[i]);
		if (fault != 0) {
			log_error(AREA_SERVER, NULL, "could not start worker %u: %s", i,
				strerror(fault));
			abort();
		}
		snprintf(name, sizeof(name), "worker-%u", i);
		pthread_setname_np(workers[i].thread, name);
	}
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

static bool
work_left(struct worker *w)
{
	mailbox_take(&w->box, &w->mail);
	return has_work(w);
}

void
workers_stop(void)
{
	bool again = true;

	if (!atomic_load(&running))
		return;
	atomic_store(&stopping, true);
	for (unsigned i = 0; i < count; i++)
		mailbox_wake(&workers[i].box);
	for (unsigned i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	atomic_store(&running, false);
	for (int round = 0; round < STOP_ROUNDS && again; round++) {
		again = false;
		for (unsigned i = 0; i < count; i++) {
			if (work_left(&workers[i])) {
				work(&workers[i]);
				again = true;
			}
		}
	}
}

void
workers_fini(void)
{
	for (unsigned i = 0; i < count; i++)
		worker_fini(&workers[i]);
	mem_free(&workers);
	count = 0;
}

unsigned
workers_count(void)
{
	return count;
}

struct worker *
worker_at(unsigned index)
{
	assert(index < count);
	return &workers[index];
}

struct each {
	struct mail mail;
	void (*fn)(struct worker *w, void *arg);
	void *arg;

	struct gate {
		pthread_mutex_t lock;
		pthread_cond_t open;
		unsigned missing;
	} * gate;
};

static void
each_here(struct worker *w, struct mail *m)
{
	struct each *e = CONTAINER(m, struct each, mail);
	struct gate *g = e->gate;

	e->fn(w, e->arg);
	pthread_mutex_lock(&g->lock);
	if (--g->missing == 0)
		pthread_cond_signal(&g->open);
	pthread_mutex_unlock(&g->lock);
}

void
workers_each(void (*fn)(struct worker *w, void *arg), void *arg)
{
	struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, count };
	struct each *all = mem_new(count * sizeof(*all));

	assert(here == NULL && atomic_load(&running));
	for (unsigned i = 0; i < count; i++) {
		all[i] = (struct each){ { NULL, each_here }, fn, arg, &gate };
		worker_post(NULL, &workers[i], &all[i].mail);
	}
	pthread_mutex_lock(&gate.lock);
	while (gate.missing > 0)
		pthread_cond_wait(&gate.open, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	mem_free(&all);
}

/* ---- One worker ------------------------------------------------------------- */

unsigned
worker_index(const struct worker *w)
{
	return w->index;
}

struct event_base *
worker_base(struct worker *w)
{
	return w->base;
}

void
worker_post(struct worker *from, struct worker *to, struct mail *m)
{
	struct mails one;

	if (from == NULL) {
		mails_init(&one);
		mails_add(&one, m);
		mailbox_put(&to->box, &one);
		return;
	}
	assert(worker_is_here(from));
	if (from == to) {
		mails_add(&to->mail, m);
		return;
	}
	if (mails_empty(&from->out[to->index]))
		from->out_to[from->out_count++] = to->index;
	mails_add(&from->out[to->index], m);
	metric_add(METRIC_MAILS, 1);
}

void
worker_later(struct worker *w, struct later *l)
{
	if (l->link)
		return;
	l->next = NULL;
	l->link = w->later_last;
	*w->later_last = l;
	w->later_last = &l->next;
}

void
worker_not_later(struct worker *w, struct later *l)
{
	if (!l->link)
		return;
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	else if (w->later_last == &l->next)
		w->later_last = l->link;
	l->link = NULL;
}

bool
worker_is_here(const struct worker *w)
{
	return here ? here == w : !atomic_load(&running);
}

msec_t
worker_now(const struct worker *w)
{
	struct worker *own = &workers[w->index];

	assert(worker_is_here(w));
	if (!here)
		return clock_mono();
	if (own->now == 0)
		own->now = clock_mono();
	return own->now;
}

void *
worker_get(const struct worker *w, enum worker_slot slot)
{
	return w->slots[slot];
}

void
worker_set(struct worker *w, enum worker_slot slot, void *p)
{
	w->slots[slot] = p;
}
