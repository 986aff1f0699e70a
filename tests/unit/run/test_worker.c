/*
 * Workers and their mail: order for each writer, nothing lost with several threads, wake-ups of
 * sleeping workers, what is put off to the end of the turn, and an end that opens all mail.
 *
 * Runs on: its own process
 */
#include "run/worker.h"

#include "base/mem.h"
#include "run/place.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WORKERS = 3, WRITERS = 4, EACH = 20000, HOPS = 5000, BALLS = 8 };

struct note {
	struct mail mail;
	unsigned writer, number;
};

static unsigned seen[WORKERS][WRITERS];
static atomic_uint opened, disorder;
static sem_t done;

static void
start(void)
{
	struct err e;

	sem_init(&done, 0, 0);
	ck_assert_msg(workers_init(WORKERS, &e), "%s", e.text);
}

static void
stop(void)
{
	workers_stop();
	workers_fini();
}

static void
wait_done(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 60;
	ck_assert_int_eq(sem_timedwait(&done, &t), 0);
}

static void
note_open(struct worker *w, struct mail *m)
{
	struct note *n = CONTAINER(m, struct note, mail);
	unsigned *last = &seen[worker_index(w)][n->writer];

	if (!worker_is_here(w) || n->number != *last + 1)
		atomic_fetch_add(&disorder, 1);
	*last = n->number;
	mem_free(&n);
	if (atomic_fetch_add(&opened, 1) + 1 == WORKERS * WRITERS * EACH)
		sem_post(&done);
}

static void *
write_notes(void *arg)
{
	unsigned *writer = arg;

	for (unsigned i = 1; i <= EACH; i++) {
		for (unsigned to = 0; to < WORKERS; to++) {
			struct note *n = MEM_NEW(struct note);

			n->mail.open = note_open;
			n->writer = *writer;
			n->number = i;
			worker_post(NULL, worker_at(to), &n->mail);
		}
	}
	return NULL;
}

START_TEST(mail_of_threads_keeps_its_order_and_is_not_lost)
{
	pthread_t threads[WRITERS];
	unsigned numbers[WRITERS];

	start();
	workers_start();
	for (unsigned i = 0; i < WRITERS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_notes, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	wait_done();
	stop();
	ck_assert_uint_eq(atomic_load(&opened), WORKERS * WRITERS * EACH);
	ck_assert_uint_eq(atomic_load(&disorder), 0);
}

END_TEST

/* ---- Between workers -------------------------------------------------------- */

struct ball {
	struct mail mail;
	unsigned hops;
};

static atomic_uint balls;

static void
ball_open(struct worker *w, struct mail *m)
{
	struct ball *b = CONTAINER(m, struct ball, mail);

	if (b->hops++ < HOPS) {
		/* To itself now and then: that must not be opened inside the post. */
		unsigned to = (worker_index(w) + (b->hops % 3 == 0 ? 0 : 1)) % WORKERS;

		worker_post(w, worker_at(to), m);
		return;
	}
	mem_free(&b);
	if (atomic_fetch_add(&balls, 1) + 1 == BALLS)
		sem_post(&done);
}

START_TEST(mail_goes_round_between_workers)
{
	start();
	for (unsigned i = 0; i < BALLS; i++) {
		struct ball *b = MEM_NEW(struct ball);

		b->mail.open = ball_open;
		/* Before the threads run: it waits for them. */
		worker_post(NULL, worker_at(i % WORKERS), &b->mail);
	}
	workers_start();
	wait_done();
	stop();
	ck_assert_uint_eq(atomic_load(&balls), BALLS);
}

END_TEST

struct seq {
	struct mail mail;
	unsigned number;
};

static unsigned seq_last[WORKERS], seq_bad;

static void
seq_open(struct worker *w, struct mail *m)
{
	struct seq *s = CONTAINER(m, struct seq, mail);

	if (s->number != ++seq_last[worker_index(w)])
		seq_bad++;
	mem_free(&s);
}

static void
seq_send(struct worker *w, struct mail *m)
{
	(void)m;
	for (unsigned i = 1; i <= 1000; i++) {
		struct seq *s = MEM_NEW(struct seq);

		s->mail.open = seq_open;
		s->number = i;
		worker_post(w, worker_at(1), &s->mail);
	}
}

START_TEST(stopping_opens_all_mail_first)
{
	struct mail go = { NULL, seq_send };

	start();
	workers_start();
	worker_post(NULL, worker_at(0), &go);
	stop();
	ck_assert_uint_eq(seq_last[1], 1000);
	ck_assert_uint_eq(seq_bad, 0);
}

END_TEST

/* ---- Order within a turn ---------------------------------------------------- */

static char trace[16];
static unsigned trace_len;

static void
trace_add(char c)
{
	if (trace_len < sizeof(trace) - 1)
		trace[trace_len++] = c;
}

struct put_off {
	struct later later;
	char c;
};

static struct put_off offs[4] = { { .c = '0' }, { .c = '1' }, { .c = '2' }, { .c = '3' } };

static void
off_run(struct worker *w, struct later *l)
{
	struct put_off *o = CONTAINER(l, struct put_off, later);

	trace_add(o->c);
	if (o->c == '0') {
		worker_not_later(w, &offs[1].later);
		worker_later(w, &offs[3].later);
	}
	if (o->c == '3')
		sem_post(&done);
}

static void
inner_open(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	trace_add('i');
}

static struct mail inner = { NULL, inner_open };

static void
outer_open(struct worker *w, struct mail *m)
{
	(void)m;
	for (size_t i = 0; i < COUNT(offs); i++)
		offs[i].later.run = off_run;
	worker_later(w, &offs[0].later);
	worker_later(w, &offs[1].later);
	worker_later(w, &offs[1].later);
	worker_later(w, &offs[2].later);
	worker_later(w, &offs[3].later);
	worker_not_later(w, &offs[3].later);
	worker_post(w, w, &inner);
	trace_add('o');
}

START_TEST(a_turn_opens_mail_then_runs_what_was_put_off)
{
	struct mail outer = { NULL, outer_open };

	start();
	workers_start();
	worker_post(NULL, worker_at(0), &outer);
	wait_done();
	stop();
	ck_assert_str_eq(trace, "oi023");
}

END_TEST

static void
count_here(struct worker *w, void *arg)
{
	atomic_uint *n = arg;

	if (worker_is_here(w))
		atomic_fetch_add(n, 1);
}

START_TEST(each_worker_is_asked_on_its_thread)
{
	atomic_uint n = 0;

	start();
	ck_assert(worker_is_here(worker_at(0)));
	workers_start();
	for (int i = 0; i < 100; i++)
		workers_each(count_here, &n);
	ck_assert(!worker_is_here(worker_at(0)));
	ck_assert_uint_eq(n, 100 * WORKERS);
	stop();
}

END_TEST

START_TEST(slots_keep_what_layers_put_there)
{
	int x;

	start();
	ck_assert_ptr_null(worker_get(worker_at(1), WORKER_HOMES));
	worker_set(worker_at(1), WORKER_HOMES, &x);
	ck_assert_ptr_eq(worker_get(worker_at(1), WORKER_HOMES), &x);
	ck_assert_ptr_null(worker_get(worker_at(0), WORKER_HOMES));
	stop();
}

END_TEST

START_TEST(places_are_stable_and_spread)
{
	unsigned at[WORKERS] = { 0 };
	char jid[32];

	start();
	for (int i = 0; i < 3000; i++) {
		struct str s = { jid, (size_t)snprintf(jid, sizeof(jid), "user%d@example.org", i) };
		struct worker *w = place_of(s);

		ck_assert_ptr_eq(w, place_of(s));
		at[worker_index(w)]++;
	}
	for (int i = 0; i < WORKERS; i++)
		ck_assert_msg(at[i] > 800 && at[i] < 1200, "worker %d got %u of 3000", i, at[i]);
	stop();
}

END_TEST

Suite *suite_worker(void);

Suite *
suite_worker(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, mail_of_threads_keeps_its_order_and_is_not_lost);
	tcase_add_test(t, mail_goes_round_between_workers);
	tcase_add_test(t, stopping_opens_all_mail_first);
	tcase_add_test(t, a_turn_opens_mail_then_runs_what_was_put_off);
	tcase_add_test(t, each_worker_is_asked_on_its_thread);
	tcase_add_test(t, slots_keep_what_layers_put_there);
	tcase_add_test(t, places_are_stable_and_spread);
	suite_add_tcase(s, t);
	return s;
}
