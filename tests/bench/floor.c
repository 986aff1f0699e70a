/*
 * floor.c -- what a message costs when a server does nothing with it.
 *
 * A child process accepts two TCP connections for each pair and copies the bytes
 * of the first to the second: one read, and one write for each peer in a turn of
 * its loop.  No XML, no TLS, no routing: what is measured is the kernel's part,
 * below which no server can go on this machine.  Figures of the messages
 * scenario are to be read against it.
 *
 * Runs on: the one thread of the load generator, and its child.
 */
#include "buf.h"
#include "hist.h"
#include "proc.h"
#include "scenario.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 512, CHUNK = 65536 };

struct floor_pair {
	int from, to;
	size_t pending; /* child: bytes to copy; parent: bytes of messages that arrived */
	char *text;
};

struct floor_run {
	const struct options *o;
	struct floor_pair *pairs;
	int epoll, listener;
	struct sockaddr_in address;
	uint64_t delivered;
};

static void
fail(const char *what)
{
	perror(what);
	exit(2);
}

static void
open_listener(struct floor_run *r)
{
	socklen_t n;

	r->address.sin_family = AF_INET;
	r->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->listener = socket(AF_INET, SOCK_STREAM, 0);
	n = sizeof(r->address);
	if (r->listener < 0 ||
		bind(r->listener, (struct sockaddr *)&r->address, sizeof(r->address)) < 0 ||
		listen(r->listener, 16) < 0 ||
		getsockname(r->listener, (struct sockaddr *)&r->address, &n) < 0)
		fail("bench: listen");
}

static void
watch(const struct floor_run *r, int fd, struct floor_pair *p)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		fail("bench: epoll");
}

static int
take_connection(const struct floor_run *r)
{
	int fd, one;

	fd = accept(r->listener, NULL, NULL);
	if (fd < 0)
		fail("bench: accept");
	one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int
make_connection(const struct floor_run *r)
{
	int fd, one;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&r->address, sizeof(r->address)) < 0)
		fail("bench: connect");
	one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* The child: copy until it is killed.  A pair never has more under way than a socket takes. */
static void
serve(struct floor_run *r)
{
	struct epoll_event events[EVENTS];
	struct floor_pair *p;
	ssize_t n;
	int count;

	r->epoll = epoll_create1(0);
	for (unsigned i = 0; i < r->o->count; i++) {
		r->pairs[i].from = take_connection(r);
		r->pairs[i].to = take_connection(r);
		r->pairs[i].text = bench_alloc(CHUNK);
		watch(r, r->pairs[i].from, &r->pairs[i]);
	}
	for (;;) {
		count = epoll_wait(r->epoll, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			p = events[i].data.ptr;
			n = read(p->from, p->text, CHUNK);
			if (n <= 0)
				exit(0);
			p->pending = (size_t)n;
		}
		for (int i = 0; i < count; i++) {
			p = events[i].data.ptr;
			if (write(p->to, p->text, p->pending) != (ssize_t)p->pending)
				fail("bench: write");
		}
	}
}

static void
send_messages(const struct floor_run *r, const struct floor_pair *p, size_t count)
{
	static char data[CHUNK];

	if (write(p->from, data, count * r->o->size) != (ssize_t)(count * r->o->size))
		fail("bench: write");
}

/* The client: for every message that arrives another one leaves. */
static void
load(struct floor_run *r, double seconds)
{
	static char data[CHUNK];
	struct epoll_event events[EVENTS];
	struct floor_pair *p;
	uint64_t end;
	ssize_t n;
	size_t whole;
	int count;

	end = clock_ns() + (uint64_t)(seconds * 1e9);
	while (clock_ns() < end) {
		count = epoll_wait(r->epoll, events, EVENTS, 100);
		for (int i = 0; i < count; i++) {
			p = events[i].data.ptr;
			n = read(p->to, data, sizeof(data));
			if (n <= 0)
				fail("bench: read");
			p->pending += (size_t)n;
			whole = p->pending / r->o->size;
			p->pending %= r->o->size;
			r->delivered += whole;
			if (whole)
				send_messages(r, p, whole);
		}
	}
}

static bool
measure(struct floor_run *r, int child)
{
	struct proc_cost from, to;
	uint64_t begin, before;
	double wall, cpu;

	r->epoll = epoll_create1(0);
	for (unsigned i = 0; i < r->o->count; i++) {
		r->pairs[i].from = make_connection(r);
		r->pairs[i].to = make_connection(r);
		watch(r, r->pairs[i].to, &r->pairs[i]);
	}
	for (unsigned i = 0; i < r->o->count; i++)
		send_messages(r, &r->pairs[i], r->o->window);
	load(r, r->o->settle);
	if (!proc_look(child, &from))
		return false;
	before = r->delivered;
	begin = clock_ns();
	load(r, r->o->seconds);
	wall = (double)(clock_ns() - begin) / 1e9;
	if (!proc_look(child, &to))
		return false;
	cpu = proc_cpu(&from, &to);
	before = r->delivered - before;
	printf("floor pairs=%u window=%u size=%u delivered=%llu wall_s=%.2f per_s=%.0f cpu_s=%.2f "
	       "per_cpu_s=%.0f ref_us=%.2f\n",
		r->o->count, r->o->window, r->o->size, (unsigned long long)before, wall,
		(double)before / wall, cpu, (double)before / cpu, proc_reference());
	return true;
}

int
scenario_floor(const struct options *o)
{
	struct floor_run r = { .o = o };
	int child;
	bool ok;

	if ((size_t)o->window * o->size > CHUNK) {
		fprintf(stderr, "bench: floor: at most %d bytes under way\n", CHUNK);
		return 2;
	}
	r.pairs = bench_alloc(o->count * sizeof(*r.pairs));
	open_listener(&r);
	child = fork();
	if (child < 0)
		fail("bench: fork");
	if (child == 0)
		serve(&r);
	ok = measure(&r, child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	free(r.pairs);
	return ok ? 0 : 1;
}
