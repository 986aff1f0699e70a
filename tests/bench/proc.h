/*
 * proc.h -- what a server costs: processor time and memory of its processes.
 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdbool.h>
#include <stdint.h>

/* One look at a process and all its descendants. */
struct proc_cost {
	double user, system; /* seconds of all threads, ended ones and waited-for children too */
	uint64_t rss, pss; /* bytes */
	unsigned processes, threads;
};

/* Look at the process tree under pid.  False, with a line on stderr, when it is gone.
 * Memory is only read with proc_memory(), since smaps is slow. */
bool proc_look(int pid, struct proc_cost *out);

/* Like proc_look(), and read memory from smaps_rollup. */
bool proc_memory(int pid, struct proc_cost *out);

/* Processor seconds between two looks. */
double proc_cpu(const struct proc_cost *from, const struct proc_cost *to);

/* Processor seconds of the load generator itself. */
double proc_own_cpu(void);

/* Microseconds that one round of a fixed piece of work takes now: the host's speed varies by
 * a factor of two, and this tells whether two runs met the same machine. */
double proc_reference(void);

#endif
