/*
 * Counters: threads that live and threads that ended add up.
 *
 * Runs on: the test process, and threads of its own
 */
#include "base/metric.h"

#include "base/attr.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 4, TIMES = 20000 };

static pthread_barrier_t counted, go;

static void *
count(void *arg)
{
	for (int i = 0; i < TIMES; i++)
		metric_add(METRIC_STANZAS_IN, 2);
	metric_add(METRIC_BYTES_IN, UINT64_C(1) << 40);
	pthread_barrier_wait(&counted);
	pthread_barrier_wait(&go);
	return arg;
}

START_TEST(counts_survive_their_thread)
{
	pthread_t threads[THREADS];
	uint64_t before = metric_read(METRIC_STANZAS_IN), all = before + THREADS * TIMES * 2 + 1;

	pthread_barrier_init(&counted, NULL, THREADS + 1);
	pthread_barrier_init(&go, NULL, THREADS + 1);
	metric_add(METRIC_STANZAS_IN, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, count, NULL);
	ck_assert_uint_ge(metric_read(METRIC_STANZAS_IN), before + 1); /* while they count */
	pthread_barrier_wait(&counted);
	ck_assert_uint_eq(metric_read(METRIC_STANZAS_IN), all);
	pthread_barrier_wait(&go);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(metric_read(METRIC_STANZAS_IN), all);
	ck_assert_uint_eq(metric_read(METRIC_BYTES_IN), THREADS * (UINT64_C(1) << 40));
	ck_assert_uint_eq(metric_read(METRIC_BYTES_OUT), 0);
}

END_TEST

START_TEST(each_counter_has_its_own_name_and_help)
{
	for (int i = 0; i < METRIC_COUNT; i++) {
		const char *name = metric_name((enum metric)i);

		ck_assert_uint_eq(
			strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
		ck_assert_uint_gt(strlen(metric_help((enum metric)i)), 0);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(name, metric_name((enum metric)j));
	}
}

END_TEST

SUITE_OF(metric, counts_survive_their_thread, each_counter_has_its_own_name_and_help)
