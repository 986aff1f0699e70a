/*
 * Requests to the main thread: each is taken once and answered on the worker that asked.
 *
 * Runs on: the test process
 */
#include "run/control.h"

#include "base/attr.h"
#include "tests/unit/suite.h"

#include <poll.h>
#include <stdatomic.h>

static atomic_int answered, agreed;

static void
on_answer(struct worker *w, struct mail *m)
{
	struct control *c = (struct control *)m;

	ck_assert(worker_is_here(w));
	atomic_fetch_add(&agreed, c->ok);
	atomic_fetch_add(&answered, 1);
}

static struct control requests[70];
static int refused;

static void
ask_all(struct worker *w, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(requests); i++) {
		requests[i] = (struct control){
			.mail.open = on_answer, .worker = w, .what = CONTROL_RELOAD
		};
		refused += !control_ask(&requests[i]);
	}
}

static void
nothing(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

START_TEST(requests_are_taken_in_order_and_answered)
{
	struct pollfd fd = { .events = POLLIN };
	struct control *c;
	struct err e;

	ck_assert_msg(workers_init(1, &e), "%s", e.text);
	workers_start();
	ck_assert_msg(control_init(&e), "%s", e.text);
	fd.fd = control_fd();
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
	workers_each(ask_all, NULL);
	ck_assert_int_eq(refused, 6);
	ck_assert_int_eq(poll(&fd, 1, 5000), 1);
	for (int i = 0; i < 60; i++) {
		c = control_take();
		ck_assert_ptr_eq(c, &requests[i]);
		control_answer(c, i % 2 == 0);
		ck_assert_int_eq(poll(&fd, 1, 0), 1);
	}
	control_fini(); /* Answers the four that wait. */
	workers_each(nothing, NULL);
	ck_assert_int_eq(atomic_load(&answered), 64);
	ck_assert_int_eq(atomic_load(&agreed), 30);
	ck_assert(!control_ask(&requests[0]));
	ck_assert_ptr_null(control_take());
	workers_stop();
	workers_fini();
}

END_TEST

START_TEST(nothing_waits_after_the_last_was_taken)
{
	struct pollfd fd = { .events = POLLIN };
	struct err e;

	ck_assert_msg(workers_init(1, &e), "%s", e.text);
	ck_assert_msg(control_init(&e), "%s", e.text);
	requests[0] = (struct control){
		.mail.open = on_answer, .worker = worker_at(0), .what = CONTROL_STOP
	};
	ck_assert(control_ask(&requests[0]));
	ck_assert_ptr_eq(control_take(), &requests[0]);
	fd.fd = control_fd();
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
	ck_assert_ptr_null(control_take());
	control_fini();
	workers_fini();
}

END_TEST

SUITE_OF(control, requests_are_taken_in_order_and_answered, nothing_waits_after_the_last_was_taken)
