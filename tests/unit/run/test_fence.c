/*
 * Fences: passed when all that was posted before is opened, and not before.
 *
 * Runs on: its own process
 */
#include "run/fence.h"

#include "run/worker.h"

#include <check.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { WORKERS = 3 };

static struct fence fence;
static struct mail stop_sign, notes[WORKERS];
static atomic_uint opened, passed;
static sem_t stands, go_on, noted, over;

static void
start(void)
{
	struct err e;

	sem_init(&stands, 0, 0);
	sem_init(&go_on, 0, 0);
	sem_init(&noted, 0, 0);
	sem_init(&over, 0, 0);
	opened = passed = 0;
	ck_assert_msg(workers_init(WORKERS, &e), "%s", e.text);
	workers_start();
}

static void
stop(void)
{
	workers_stop();
	workers_fini();
}

static void
stand(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	sem_post(&stands);
	sem_wait(&go_on);
}

static void
note(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	opened++;
	sem_post(&noted);
}

static void
mark(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	sem_post(&noted);
}

static void
on_passed(struct worker *w, struct fence *f)
{
	ck_assert(worker_is_here(w) && f == &fence);
	passed = opened + 1;
	sem_post(&over);
}

static void
post_and_raise(struct worker *w, struct mail *m)
{
	(void)m;
	fence.passed = on_passed;
	for (unsigned i = 0; i < WORKERS; i++) {
		notes[i].open = note;
		if (worker_at(i) != w)
			worker_post(w, worker_at(i), &notes[i]);
	}
	fence_raise(w, &fence);
}

static void
raise_alone(struct worker *w, struct mail *m)
{
	(void)m;
	notes[0].open = note;
	worker_post(w, w, &notes[0]);
	fence.passed = on_passed;
	fence_raise(w, &fence);
}

START_TEST(is_passed_when_everybody_has_opened_what_came_before)
{
	static struct mail begin = { NULL, post_and_raise }, marker = { NULL, mark };

	start();
	stop_sign.open = stand;
	worker_post(NULL, worker_at(1), &stop_sign);
	sem_wait(&stands);
	worker_post(NULL, worker_at(0), &begin);
	sem_wait(&noted);
	worker_post(NULL, worker_at(2), &marker); /* behind what worker 0 posted there */
	sem_wait(&noted);
	ck_assert_uint_eq(passed, 0);
	sem_post(&go_on);
	sem_wait(&over);
	ck_assert_uint_eq(passed, WORKERS - 1 + 1);
	stop();
}

END_TEST

START_TEST(is_passed_at_once_if_nothing_was_posted_to_others)
{
	static struct mail begin = { NULL, raise_alone };

	start();
	worker_post(NULL, worker_at(2), &begin);
	sem_wait(&over);
	ck_assert_uint_eq(passed, 1);
	stop();
}

END_TEST

Suite *suite_fence(void);

Suite *
suite_fence(void)
{
	Suite *s = suite_create("fence");
	TCase *t = tcase_create("fence");

	tcase_add_test(t, is_passed_when_everybody_has_opened_what_came_before);
	tcase_add_test(t, is_passed_at_once_if_nothing_was_posted_to_others);
	suite_add_tcase(s, t);
	return s;
}
