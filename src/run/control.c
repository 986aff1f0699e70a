/*
 * control.c -- requests to the main thread.
 *
 * Main sleeps in poll(2) for signals and for this list's eventfd, so that a command of an
 * administrator and a signal take the same way.  Requests are few (people type them); more than a
 * handful at a time are refused.
 *
 * Runs on: a worker (control_ask), main (the rest).
 */
#include "run/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAITING_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct control *first, **last = &first;
static unsigned waiting;
static int fd = -1; /* -1: main takes no requests */

bool
control_init(struct err *e)
{
	int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (made < 0)
		return err_errno(e, "eventfd");
	pthread_mutex_lock(&lock);
	fd = made;
	pthread_mutex_unlock(&lock);
	return true;
}

int
control_fd(void)
{
	return fd;
}

bool
control_ask(struct control *c)
{
	uint64_t one = 1;
	bool taken;

	c->next = NULL;
	pthread_mutex_lock(&lock);
	taken = fd >= 0 && waiting < WAITING_MAX;
	if (taken) {
		*last = c;
		last = &c->next;
		waiting++;
		if (write(fd, &one, sizeof(one)) < 0)
			taken = true; /* The counter is full, so main wakes anyway. */
	}
	pthread_mutex_unlock(&lock);
	return taken;
}

struct control *
control_take(void)
{
	struct control *c;
	uint64_t n;

	pthread_mutex_lock(&lock);
	c = first;
	if (c) {
		first = c->next;
		waiting--;
	}
	if (!first) {
		last = &first;
		if (fd >= 0 && read(fd, &n, sizeof(n)) < 0)
			n = 0; /* It was not signalled. */
	}
	pthread_mutex_unlock(&lock);
	return c;
}

void
control_answer(struct control *c, bool ok)
{
	c->ok = ok;
	worker_post(NULL, c->worker, &c->mail);
}

void
control_fini(void)
{
	struct control *c;

	pthread_mutex_lock(&lock);
	if (fd >= 0)
		(void)close(fd);
	fd = -1;
	pthread_mutex_unlock(&lock);
	while ((c = control_take()))
		control_answer(c, false);
}
