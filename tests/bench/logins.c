/*
 * logins.c -- what a login costs, what an idle connection holds, and making accounts.
 *
 * These three only bring connections up.  Memory is the difference between two
 * looks at the server: the first after some connections came and went, so that
 * what is allocated once for all (code pages, pools, caches) is not blamed on
 * the connections; the second after a time of silence, so that a server may
 * collect its garbage.
 *
 * Runs on: the one thread of the load generator.
 */
#include "crowd.h"
#include "hist.h"
#include "scenario.h"

#include <stdio.h>

struct span_of_time {
	struct proc_cost cost;
	uint64_t when;
	double own;
};

static bool
begin(const struct crowd *w, struct span_of_time *t)
{
	t->own = proc_own_cpu();
	t->when = clock_ns();
	return crowd_look(w, &t->cost);
}

static bool
report_logins(const char *name, const struct crowd *w, const struct span_of_time *from)
{
	struct span_of_time to;
	double wall;

	if (!begin(w, &to))
		return false;
	wall = (double)(to.when - from->when) / 1e9;
	printf("%s logins=%u wall_s=%.2f per_s=%.0f", name, w->ready, wall, w->ready / wall);
	crowd_print_cpu(w, &from->cost, &to.cost);
	if (w->options->pid)
		printf(" cpu_ms_each=%.3f", proc_cpu(&from->cost, &to.cost) * 1000 / w->ready);
	printf(" client_cpu_s=%.2f ref_us=%.2f\n", to.own - from->own, proc_reference());
	fflush(stdout);
	return true;
}

static int
run_logins(const struct options *o, enum goal goal, enum ending ending, const char *name)
{
	struct span_of_time from;
	struct crowd w;
	bool ok;

	crowd_init(&w, o, o->count);
	w.plan.goal = goal;
	w.ending = ending;
	ok = begin(&w, &from) && crowd_login(&w, o->count) && report_logins(name, &w, &from);
	crowd_fini(&w);
	return ok ? 0 : 1;
}

int
scenario_register(const struct options *o)
{
	return run_logins(o, GOAL_ACCOUNT, ENDING_CLOSE, "register");
}

int
scenario_logins(const struct options *o)
{
	if (!crowd_warm_up(o))
		return 1;
	return run_logins(o, GOAL_PRESENT, o->ending, "logins");
}

/* Bytes for each connection, of which there may be more than memory grew by. */
static double
each(uint64_t before, uint64_t after, unsigned n)
{
	return ((double)after - (double)before) / n;
}

static bool
measure_memory(struct crowd *w)
{
	struct proc_cost before, after, quiet;
	const struct options *o = w->options;
	struct span_of_time from;

	if (!proc_memory(o->pid, &before) || !begin(w, &from))
		return false;
	if (!crowd_login(w, o->count) || !report_logins("memory-logins", w, &from))
		return false;
	if (!crowd_look(w, &quiet) || !crowd_for(w, o->idle) || !proc_memory(o->pid, &after))
		return false;
	printf("memory connections=%u rss_each=%.0f pss_each=%.0f rss_before=%llu rss_after=%llu "
	       "threads=%u idle_s=%u idle_cpu_s=%.2f\n",
		w->ready, each(before.rss, after.rss, w->ready),
		each(before.pss, after.pss, w->ready), (unsigned long long)before.rss,
		(unsigned long long)after.rss, after.threads, o->idle, proc_cpu(&quiet, &after));
	return true;
}

int
scenario_memory(const struct options *o)
{
	struct crowd w;
	bool ok;

	if (!o->pid) {
		fprintf(stderr, "bench: memory: --pid is needed\n");
		return 2;
	}
	if (!crowd_warm_up(o))
		return 1;
	crowd_init(&w, o, o->count);
	w.plan.goal = GOAL_PRESENT;
	ok = measure_memory(&w);
	crowd_fini(&w);
	return ok ? 0 : 1;
}
