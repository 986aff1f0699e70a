/*
 * chore.c -- costly pure work (key derivation) on threads of its own.
 *
 * One queue with a lock and a condition for all threads; the queue is short by intent, since what
 * waits longer than a client does is wasted.  The result travels as the chore's own mail.
 *
 * Runs on: main (start, stop), any worker (post), a chore thread (work).
 */
#include "run/chore.h"

#include "base/mem.h"
#include "run/mailbox.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER;
static struct mails queue = { NULL, &queue.first };
static unsigned waiting, max;
static bool ending;
static pthread_t *threads;
static unsigned threads_count;

/* The next one, or NULL at the end. */
static struct chore *
take(void)
{
	struct mail *m;

	pthread_mutex_lock(&lock);
	while (mails_empty(&queue) && !ending)
		pthread_cond_wait(&some, &lock);
	m = mails_pop(&queue);
	if (m)
		waiting--;
	pthread_mutex_unlock(&lock);
	return m ? CONTAINER(m, struct chore, mail) : NULL;
}

static void *
run(void *arg)
{
	struct chore *c;

	(void)arg;
	while ((c = take()) != NULL) {
		c->work(c);
		worker_post(NULL, c->worker, &c->mail);
	}
	return NULL;
}

bool
chores_start(unsigned count, unsigned queue_max, struct err *e)
{
	sigset_t all, was;
	int fault = 0;

	assert(threads == NULL && count > 0);
	max = queue_max;
	ending = false;
	threads = mem_new(count * sizeof(*threads));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	for (threads_count = 0; threads_count < count && fault == 0; threads_count++) {
		fault = pthread_create(&threads[threads_count], NULL, run, NULL);
		if (fault != 0)
			break;
		pthread_setname_np(threads[threads_count], "chore");
	}
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (fault != 0) {
		chores_stop();
		return err_set(e, "could not start a chore thread: %s", strerror(fault));
	}
	return true;
}

void
chores_stop(void)
{
	pthread_mutex_lock(&lock);
	ending = true;
	pthread_cond_broadcast(&some);
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < threads_count; i++)
		pthread_join(threads[i], NULL);
	threads_count = 0;
	mem_free(&threads);
}

bool
chore_post(struct chore *c)
{
	bool room;

	pthread_mutex_lock(&lock);
	room = waiting < max && !ending;
	if (room) {
		mails_add(&queue, &c->mail);
		waiting++;
		pthread_cond_signal(&some);
	}
	pthread_mutex_unlock(&lock);
	return room;
}
