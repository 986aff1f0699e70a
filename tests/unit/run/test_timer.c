/*
 * Timers of a worker: they fire in order and not early, can be moved and stopped, also from within
 * each other, and wake a worker that sleeps.
 *
 * Runs on: its own process
 */
#include "run/timer.h"

#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

enum { MANY = 500 };

struct alarm {
	struct timer timer;
	msec_t want, set;
};

static struct alarm alarms[MANY];
static unsigned fired, early, disorder;
static msec_t latest;
static sem_t done;

static void
start(void)
{
	struct err e;

	sem_init(&done, 0, 0);
	ck_assert_msg(workers_init(1, &e), "%s", e.text);
	workers_start();
}

static void
wait_done(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 30;
	ck_assert_int_eq(sem_timedwait(&done, &t), 0);
	workers_stop();
	workers_fini();
}

static void
on_alarm(struct worker *w, struct timer *t)
{
	struct alarm *a = CONTAINER(t, struct alarm, timer);

	ck_assert(!timer_is_set(t));
	if (clock_mono() < a->set + a->want)
		early++;
	if (t->due < latest)
		disorder++;
	latest = t->due;
	/* Stops one that was not due yet, now and then. */
	if (fired++ % 10 == 0) {
		for (int i = 0; i < MANY; i++) {
			if (timer_is_set(&alarms[i].timer)) {
				timer_clear(w, &alarms[i].timer);
				fired++;
				break;
			}
		}
	}
	if (fired == MANY)
		sem_post(&done);
}

static void
set_many(struct worker *w, struct mail *m)
{
	(void)m;
	for (int i = 0; i < MANY; i++) {
		alarms[i].set = worker_now(w);
		alarms[i].want = rand() % 100;
		timer_set(w, &alarms[i].timer, rand() % 1000, on_alarm);
		timer_set(w, &alarms[i].timer, alarms[i].want, on_alarm);
	}
}

START_TEST(timers_fire_in_order_and_not_early)
{
	struct mail go = { NULL, set_many };

	start();
	worker_post(NULL, worker_at(0), &go);
	wait_done();
	ck_assert_uint_eq(fired, MANY);
	/* By the clock of the turn that set them: setting many takes a while. */
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_eq(disorder, 0);
}

END_TEST

static void
on_again(struct worker *w, struct timer *t)
{
	if (++fired == 5)
		sem_post(&done);
	else
		timer_set(w, t, 0, on_again);
}

static void
set_one(struct worker *w, struct mail *m)
{
	(void)m;
	/* The later one is armed first; the earlier one must still wake the loop. */
	timer_set(w, &alarms[0].timer, 20000, on_again);
	timer_set(w, &alarms[1].timer, 5, on_again);
}

START_TEST(a_timer_can_set_itself_again)
{
	struct mail go = { NULL, set_one };

	start();
	worker_post(NULL, worker_at(0), &go);
	wait_done();
	ck_assert_uint_eq(fired, 5);
}

END_TEST

static void
clear_all(struct worker *w, struct mail *m)
{
	(void)m;
	for (int i = 0; i < MANY; i++)
		timer_set(w, &alarms[i].timer, 1 + rand() % 5, on_again);
	for (int i = MANY - 1; i >= 0; i--)
		timer_clear(w, &alarms[i].timer);
	timer_clear(w, &alarms[0].timer);
	timer_set(w, &alarms[MANY - 1].timer, 30, on_alarm);
	fired = MANY - 1;
	alarms[MANY - 1].set = clock_mono();
}

START_TEST(stopped_timers_do_not_fire)
{
	struct mail go = { NULL, clear_all };

	start();
	worker_post(NULL, worker_at(0), &go);
	wait_done();
	ck_assert_uint_eq(fired, MANY);
}

END_TEST

Suite *suite_timer(void);

Suite *
suite_timer(void)
{
	Suite *s = suite_create("timer");
	TCase *t = tcase_create("timer");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, timers_fire_in_order_and_not_early);
	tcase_add_test(t, a_timer_can_set_itself_again);
	tcase_add_test(t, stopped_timers_do_not_fire);
	suite_add_tcase(s, t);
	return s;
}
