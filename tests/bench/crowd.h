/*
 * crowd.h -- many connections on one loop, and waiting for what they do.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "conn.h"
#include "proc.h"

#include <stdbool.h>
#include <stdint.h>

struct crowd {
	const struct options *options;
	struct conn_plan plan; /* set goal, on_stanza, owner before crowd_login() */
	struct conn *conns;
	unsigned size; /* number of conns */
	unsigned accounts; /* connection i uses account first + i % accounts */
	enum ending ending;

	unsigned started, ready, lost;
	unsigned until; /* connections to be started in this login */
	uint64_t progress; /* when a server last said something */
	struct conn *dirty;

	uint64_t due; /* when on_due is called, 0: never */
	void (*on_due)(struct crowd *w, uint64_t now);
	void *data; /* the scenario's own */
};

/* Make a crowd of size connections, none of them open. */
void crowd_init(struct crowd *w, const struct options *o, unsigned size);

/* Close everything and free it. */
void crowd_fini(struct crowd *w);

/* Connect count more connections, options->parallel at a time, and wait until all are ready.
 * False, with a line on stderr, when one was lost or nothing moved for options->stall s. */
bool crowd_login(struct crowd *w, unsigned count);

/* Close all connections and forget that they were there. */
void crowd_logout(struct crowd *w);

/* Let options->warm connections come and go, so that what a server does once (load code, fill
 * pools) is not measured. */
bool crowd_warm_up(const struct options *o);

/* Run the loop until done(w) is true; the same failures as crowd_login(). */
bool crowd_until(struct crowd *w, bool (*done)(const struct crowd *w));

/* Run the loop for some seconds; false when a connection was lost. */
bool crowd_for(struct crowd *w, double seconds);

/* Print what the server spent between two looks as " cpu_s=... user_s=... system_s=...", or
 * nothing when no process is known. */
void crowd_print_cpu(
	const struct crowd *w, const struct proc_cost *from, const struct proc_cost *to);

/* Look at the server's process and its database's; true and zeros when none is known. */
bool crowd_look(const struct crowd *w, struct proc_cost *out);

#endif
