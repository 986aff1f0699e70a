/*
 * Chores: done on another thread, finished on the worker, refused when too many wait.
 *
 * Runs on: its own process
 */
#include "run/chore.h"

#include <check.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

enum { BOUND = 4, EXTRA = 3 };

struct sum {
	struct chore chore;
	int in, out;
};

static struct sum sums[1 + BOUND + EXTRA];
static sem_t started, go, done;
static atomic_int finished, refused, wrong;

static void
wait_for(sem_t *s)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 30;
	ck_assert_int_eq(sem_timedwait(s, &t), 0);
}

static void
sum_work(struct chore *c)
{
	struct sum *s = CONTAINER(c, struct sum, chore);

	if (worker_is_here(c->worker))
		atomic_fetch_add(&wrong, 1);
	sem_post(&started);
	sem_wait(&go);
	s->out = s->in * 2;
}

static void
sum_done(struct worker *w, struct mail *m)
{
	struct chore *c = CONTAINER(m, struct chore, mail);
	struct sum *s = CONTAINER(c, struct sum, chore);

	if (!worker_is_here(w) || s->out != 2 * s->in)
		atomic_fetch_add(&wrong, 1);
	atomic_fetch_add(&finished, 1);
	sem_post(&done);
}

static bool
post(struct worker *w, int i)
{
	sums[i].in = i + 1;
	sums[i].chore.worker = w;
	sums[i].chore.mail.open = sum_done;
	sums[i].chore.work = sum_work;
	return chore_post(&sums[i].chore);
}

static void
post_first(struct worker *w, struct mail *m)
{
	(void)m;
	if (!post(w, 0))
		atomic_fetch_add(&refused, 100);
}

static void
post_rest(struct worker *w, struct mail *m)
{
	(void)m;
	for (int i = 1; i < (int)COUNT(sums); i++) {
		if (!post(w, i))
			atomic_fetch_add(&refused, 1);
	}
	sem_post(&done);
}

START_TEST(chores_are_bounded_and_come_back)
{
	struct mail first = { NULL, post_first }, rest = { NULL, post_rest };
	struct err e;

	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	sem_init(&done, 0, 0);
	ck_assert(workers_init(1, &e));
	workers_start();
	ck_assert_msg(chores_start(1, BOUND, &e), "%s", e.text);
	worker_post(NULL, worker_at(0), &first);
	wait_for(&started); /* the only thread is busy: from now on they wait */
	worker_post(NULL, worker_at(0), &rest);
	wait_for(&done);
	ck_assert_int_eq(refused, EXTRA);
	for (int i = 0; i < 1 + BOUND; i++)
		sem_post(&go);
	chores_stop(); /* finishes what is queued */
	workers_stop();
	ck_assert_int_eq(finished, 1 + BOUND);
	ck_assert_int_eq(wrong, 0);
	workers_fini();
}

END_TEST

START_TEST(without_threads_chores_are_refused)
{
	struct err e;

	ck_assert(workers_init(1, &e));
	ck_assert(!post(worker_at(0), 0));
	ck_assert(chores_start(2, 10, &e));
	chores_stop();
	ck_assert(!post(worker_at(0), 0));
	workers_fini();
}

END_TEST

Suite *suite_chore(void);

Suite *
suite_chore(void)
{
	Suite *s = suite_create("chore");
	TCase *t = tcase_create("chore");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, chores_are_bounded_and_come_back);
	tcase_add_test(t, without_threads_chores_are_refused);
	suite_add_tcase(s, t);
	return s;
}
