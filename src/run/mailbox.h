/*
 * mailbox.h -- the queue through which other threads reach a worker.
 *
 * Runs on: any thread (put), the owning worker (the rest).
 */
#ifndef RUN_MAILBOX_H
#define RUN_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mail;

/* Mails in the order they were put; zero is empty only after mails_init. */
struct mails {
	struct mail *first, **last;
};

void mails_init(struct mails *l);
void mails_add(struct mails *l, struct mail *m);
/* Moves all of `from` behind `to`. */
void mails_join(struct mails *to, struct mails *from);
/* The first, taken off; NULL: none. */
struct mail *mails_pop(struct mails *l);

static inline bool
mails_empty(const struct mails *l)
{
	return l->first == NULL;
}

struct mailbox {
	pthread_mutex_t lock;
	struct mails mails;
	bool asleep; /* the reader waits (or is about to) and must be woken */
	int fd; /* eventfd that wakes it */
};

MUST_CHECK bool mailbox_init(struct mailbox *b, struct err *e);
void mailbox_fini(struct mailbox *b);
/* Moves all of l into the box: one lock, and one wake-up if the reader is asleep. */
void mailbox_put(struct mailbox *b, struct mails *l);
/* Moves what is there behind `to`; from now on puts need not wake the reader. */
void mailbox_take(struct mailbox *b, struct mails *to);
/* True: the box is empty, and the next put writes to fd.  False: there is mail, do not wait. */
bool mailbox_sleep(struct mailbox *b);
/* Wakes the reader without mail. */
void mailbox_wake(struct mailbox *b);
/* fd became readable: empties it. */
void mailbox_woken(struct mailbox *b);

#endif
