/*
 * crowd.c -- many connections on one loop, and waiting for what they do.
 *
 * A scenario is written top down: log in, wait, send, wait.  Each wait runs the
 * loop.  A turn takes all events, then writes what every connection gathered, so
 * a client that answers three stanzas does it with one write.  A lost
 * connection ends the run: a server that drops clients has no figures.
 *
 * Runs on: the one thread of the load generator.
 */
#include "crowd.h"
#include "hist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, MAX_WAIT_MS = 100, SHOWN_LOSSES = 3 };

static const uint64_t SECOND = 1000000000u;

static void
start_more(struct crowd *w)
{
	struct conn *c;

	while (w->started < w->until && w->started - w->ready - w->lost < w->options->parallel) {
		c = &w->conns[w->started];
		if (!conn_open(c, &w->plan, w->started,
			    w->options->first + w->started % w->accounts)) {
			perror("bench: connect");
			w->lost++;
		}
		w->started++;
	}
}

static void
on_ready(struct conn *c)
{
	struct crowd *w = c->plan->owner;

	w->ready++;
	if (w->ending == ENDING_CLOSE)
		conn_close(c);
	start_more(w);
}

static void
on_lost(struct conn *c, const char *why)
{
	struct crowd *w = c->plan->owner;

	if (w->lost++ < SHOWN_LOSSES)
		fprintf(stderr, "bench: connection %u, account %s%u: %s\n", c->number,
			w->options->prefix, c->account, why);
}

static void
on_dirty(struct conn *c)
{
	struct crowd *w = c->plan->owner;

	c->next_dirty = w->dirty;
	w->dirty = c;
}

void
crowd_init(struct crowd *w, const struct options *o, unsigned size)
{
	memset(w, 0, sizeof(*w));
	w->options = o;
	w->size = w->accounts = size;
	w->conns = bench_alloc(size * sizeof(*w->conns));
	w->plan.options = o;
	w->plan.owner = w;
	w->plan.on_ready = on_ready;
	w->plan.on_lost = on_lost;
	w->plan.on_dirty = on_dirty;
	w->plan.epoll = epoll_create1(EPOLL_CLOEXEC);
}

void
crowd_fini(struct crowd *w)
{
	crowd_logout(w);
	close(w->plan.epoll);
	free(w->conns);
	w->conns = NULL;
}

static void
flush(struct crowd *w)
{
	struct conn *c;

	while ((c = w->dirty)) {
		w->dirty = c->next_dirty;
		c->next_dirty = NULL;
		conn_flush(c);
	}
}

/* One turn: wait for events, but not past until or the next due time. */
static void
turn(struct crowd *w, uint64_t until)
{
	struct epoll_event events[EVENTS];
	struct timespec wait;
	uint64_t now, wake;
	int n;

	now = clock_ns();
	wake = now + MAX_WAIT_MS * (SECOND / 1000);
	if (until < wake)
		wake = until;
	if (w->due && w->due < wake)
		wake = w->due;
	wake = wake > now ? wake - now : 0;
	wait.tv_sec = 0;
	wait.tv_nsec = (long)wake;
	n = epoll_pwait2(w->plan.epoll, events, EVENTS, &wait, NULL);
	if (n < 0 && errno != EINTR) {
		perror("bench: epoll");
		exit(2);
	}
	now = clock_ns();
	for (int i = 0; i < n; i++)
		if (conn_event(events[i].data.ptr))
			w->progress = now;
	if (w->due && now >= w->due)
		w->on_due(w, now);
	flush(w);
}

bool
crowd_until(struct crowd *w, bool (*done)(const struct crowd *w))
{
	w->progress = clock_ns();
	flush(w);
	while (!done(w)) {
		if (w->lost)
			return false;
		turn(w, UINT64_MAX);
		if (clock_ns() - w->progress > w->options->stall * SECOND) {
			fprintf(stderr, "bench: nothing from the server for %u s\n",
				w->options->stall);
			return false;
		}
	}
	return true;
}

bool
crowd_for(struct crowd *w, double seconds)
{
	uint64_t end;

	end = clock_ns() + (uint64_t)(seconds * 1e9);
	flush(w);
	while (clock_ns() < end && !w->lost)
		turn(w, end);
	return !w->lost;
}

static bool
all_ready(const struct crowd *w)
{
	return w->ready == w->until;
}

bool
crowd_login(struct crowd *w, unsigned count)
{
	w->until = w->started + count;
	if (w->until > w->size)
		w->until = w->size;
	start_more(w);
	if (crowd_until(w, all_ready))
		return true;
	fprintf(stderr, "bench: %u of %u connections ready, %u lost\n", w->ready, w->until,
		w->lost);
	return false;
}

void
crowd_logout(struct crowd *w)
{
	for (unsigned i = 0; i < w->started; i++)
		conn_close(&w->conns[i]);
	flush(w);
	w->started = w->ready = w->lost = w->until = 0;
}

bool
crowd_warm_up(const struct options *o)
{
	struct crowd w;
	bool ok;

	if (!o->warm)
		return true;
	crowd_init(&w, o, o->warm < o->count ? o->warm : o->count);
	w.plan.goal = GOAL_PRESENT;
	ok = crowd_login(&w, w.size);
	crowd_logout(&w);
	ok = ok && crowd_for(&w, 1 + o->settle);
	crowd_fini(&w);
	return ok;
}

bool
crowd_look(const struct crowd *w, struct proc_cost *out)
{
	struct proc_cost database;

	memset(out, 0, sizeof(*out));
	if (w->options->pid && !proc_look(w->options->pid, out))
		return false;
	if (!w->options->database)
		return true;
	if (!proc_look(w->options->database, &database))
		return false;
	out->user += database.user;
	out->system += database.system;
	return true;
}

void
crowd_print_cpu(const struct crowd *w, const struct proc_cost *from, const struct proc_cost *to)
{
	if (!w->options->pid)
		return;
	printf(" cpu_s=%.2f user_s=%.2f system_s=%.2f", proc_cpu(from, to), to->user - from->user,
		to->system - from->system);
}
