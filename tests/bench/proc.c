/*
 * proc.c -- what a server costs: processor time and memory of its processes.
 *
 * The kernel scales utime + stime to the precise run time, so their sum is good
 * to a tick (10 ms) however short the bursts were.  A server may fork, so all
 * descendants count: they are found by walking /proc once, which is done only
 * at the borders of a measurement.
 *
 * Runs on: the one thread of the load generator.
 */
#include "proc.h"
#include "hist.h"

#include <ctype.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_PROCESSES = 4096 };

struct row {
	int pid, parent;
	unsigned threads;
	double user, system;
	bool ours;
};

static struct row rows[MAX_PROCESSES];

/* Read /proc/PID/stat; the name may hold anything, so fields count from the last ')'. */
static bool
read_stat(int pid, struct row *out)
{
	unsigned long u, s;
	char path[64], text[1024];
	long cu, cs, threads, tick;
	const char *p;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	p = strrchr(text, ')');
	if (!p)
		return false;
	if (sscanf(p + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld",
		    &out->parent, &u, &s, &cu, &cs, &threads) != 6)
		return false;
	tick = sysconf(_SC_CLK_TCK);
	out->pid = pid;
	out->threads = (unsigned)threads;
	out->user = (double)(u + (unsigned long)cu) / (double)tick;
	out->system = (double)(s + (unsigned long)cs) / (double)tick;
	out->ours = false;
	return true;
}

static size_t
read_all(void)
{
	struct dirent *d;
	size_t n;
	DIR *dir;

	n = 0;
	dir = opendir("/proc");
	if (!dir)
		return 0;
	while ((d = readdir(dir)) && n < MAX_PROCESSES)
		if (isdigit((unsigned char)d->d_name[0]))
			n += read_stat((int)strtol(d->d_name, NULL, 10), &rows[n]);
	closedir(dir);
	return n;
}

/* Mark pid and its descendants among the first n rows; returns how many there are. */
static size_t
mark_tree(int pid, size_t n)
{
	size_t marked, before;

	marked = 0;
	for (size_t i = 0; i < n; i++)
		if (rows[i].pid == pid)
			rows[i].ours = ++marked;
	do {
		before = marked;
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n && !rows[i].ours; j++)
				if (rows[j].ours && rows[j].pid == rows[i].parent)
					rows[i].ours = ++marked;
	} while (marked > before);
	return marked;
}

static void
add_memory(int pid, struct proc_cost *out)
{
	char path[64], line[256];
	unsigned long kb;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Rss: %lu kB", &kb) == 1)
			out->rss += kb * 1024;
		else if (sscanf(line, "Pss: %lu kB", &kb) == 1)
			out->pss += kb * 1024;
	}
	fclose(f);
}

static bool
look(int pid, struct proc_cost *out, bool (*with)(int, struct proc_cost *))
{
	size_t n;

	memset(out, 0, sizeof(*out));
	n = read_all();
	if (!mark_tree(pid, n)) {
		fprintf(stderr, "bench: the server's process %d is gone\n", pid);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].ours)
			continue;
		out->processes++;
		out->threads += rows[i].threads;
		out->user += rows[i].user;
		out->system += rows[i].system;
		if (with)
			(void)with(rows[i].pid, out); /* one that just ended has no memory */
	}
	return true;
}

static bool
with_memory(int pid, struct proc_cost *out)
{
	add_memory(pid, out);
	return true;
}

bool
proc_look(int pid, struct proc_cost *out)
{
	return look(pid, out, NULL);
}

bool
proc_memory(int pid, struct proc_cost *out)
{
	return look(pid, out, with_memory);
}

double
proc_cpu(const struct proc_cost *from, const struct proc_cost *to)
{
	return to->user + to->system - from->user - from->system;
}

double
proc_own_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

double
proc_reference(void)
{
	enum { ROUNDS = 2000 };

	unsigned char block[1024] = { 0 }, hash[EVP_MAX_MD_SIZE];
	double before;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		return 0;
	before = proc_own_cpu();
	for (int i = 0; i < ROUNDS; i++) {
		EVP_Digest(block, sizeof(block), hash, NULL, EVP_sha256(), NULL);
		if (write(fd[0], block, 300) != 300 || read(fd[1], block, 300) != 300)
			break;
	}
	before = proc_own_cpu() - before;
	close(fd[0]);
	close(fd[1]);
	return before * 1e6 / ROUNDS;
}
