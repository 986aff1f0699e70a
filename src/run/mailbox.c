/*
 * mailbox.c -- the queue through which other threads reach a worker.
 *
 * Many writers, one reader.  A writer links a whole list behind the box's under the lock, and
 * writes to the eventfd only if the reader said that it goes to sleep; the reader says so under the
 * same lock and only while the box is empty, so no wake-up is lost and none is made for a reader
 * that is at work.  Order is kept for each writer, not between writers.
 *
 * Runs on: any thread (put), the owning worker (the rest).
 */
#include "run/mailbox.h"

#include "run/worker.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

void
mails_init(struct mails *l)
{
	l->first = NULL;
	l->last = &l->first;
}

void
mails_add(struct mails *l, struct mail *m)
{
	m->next = NULL;
	*l->last = m;
	l->last = &m->next;
}

void
mails_join(struct mails *to, struct mails *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	mails_init(from);
}

struct mail *
mails_pop(struct mails *l)
{
	struct mail *m = l->first;

	if (!m)
		return NULL;
	l->first = m->next;
	if (!l->first)
		l->last = &l->first;
	m->next = NULL;
	return m;
}

bool
mailbox_init(struct mailbox *b, struct err *e)
{
	mails_init(&b->mails);
	b->asleep = false;
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->fd < 0)
		return err_errno(e, "eventfd");
	pthread_mutex_init(&b->lock, NULL);
	return true;
}

void
mailbox_fini(struct mailbox *b)
{
	close(b->fd);
	pthread_mutex_destroy(&b->lock);
}

void
mailbox_wake(struct mailbox *b)
{
	static const uint64_t one = 1;

	/* EAGAIN means that 2^64-2 wake-ups wait already: it will wake. */
	while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void
mailbox_woken(struct mailbox *b)
{
	uint64_t count;

	while (read(b->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

void
mailbox_put(struct mailbox *b, struct mails *l)
{
	bool wake;

	if (mails_empty(l))
		return;
	pthread_mutex_lock(&b->lock);
	mails_join(&b->mails, l);
	wake = b->asleep;
	b->asleep = false;
	pthread_mutex_unlock(&b->lock);
	if (wake)
		mailbox_wake(b);
}

void
mailbox_take(struct mailbox *b, struct mails *to)
{
	pthread_mutex_lock(&b->lock);
	mails_join(to, &b->mails);
	b->asleep = false;
	pthread_mutex_unlock(&b->lock);
}

bool
mailbox_sleep(struct mailbox *b)
{
	bool empty;

	pthread_mutex_lock(&b->lock);
	empty = mails_empty(&b->mails);
	b->asleep = empty;
	pthread_mutex_unlock(&b->lock);
	return empty;
}
