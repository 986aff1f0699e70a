/*
 * Maps that threads share: found and forgotten, in the order of their use, by many at once.
 *
 * Runs on: the test process, and threads of its own
 */
#include "base/shards.h"

#include "base/mem.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>

enum { THREADS = 4, KEYS = 200, ROUNDS = 50 };

struct thing {
	struct shard_entry entry;
	char key[16];
	unsigned count;
};

static struct shards things = SHARDS_INIT;

static struct thing *
thing_of(struct shard_entry *e)
{
	return e ? CONTAINER(e, struct thing, entry) : NULL;
}

static struct thing *
add(struct shard *s, const char *key)
{
	struct thing *t = MEM_NEW(struct thing);

	snprintf(t->key, sizeof(t->key), "%s", key);
	shard_add(s, &t->entry, str_of(t->key));
	return t;
}

static void
drop(struct shard *s, struct shard_entry *e)
{
	struct thing *t = thing_of(e);

	shard_remove(s, e);
	mem_free(&t);
}

START_TEST(what_was_added_is_found_until_it_is_removed)
{
	struct shard *s = shard_enter(&things, STR("a"));

	ck_assert_ptr_null(shard_find(s, STR("a")));
	ck_assert_ptr_null(shard_oldest(s));
	add(s, "a")->count = 7;
	shard_leave(s);
	s = shard_enter(&things, STR("a"));
	ck_assert_uint_eq(thing_of(shard_find(s, STR("a")))->count, 7);
	ck_assert_uint_eq(shard_count(s), 1);
	drop(s, shard_find(s, STR("a")));
	ck_assert_ptr_null(shard_find(s, STR("a")));
	ck_assert_uint_eq(shard_count(s), 0);
	ck_assert_ptr_null(s->map.slots);
	shard_leave(s);
}

END_TEST

START_TEST(the_oldest_is_the_one_not_used_for_longest)
{
	struct shard *s = shard_enter(&things, STR("x"));
	struct thing *first = add(s, "x1"), *second = add(s, "x2");

	ck_assert_ptr_eq(shard_oldest(s), &first->entry);
	shard_touch(s, &first->entry);
	ck_assert_ptr_eq(shard_oldest(s), &second->entry);
	drop(s, &second->entry);
	ck_assert_ptr_eq(shard_oldest(s), &first->entry);
	shard_leave(s);
	shards_clear(&things, drop);
	ck_assert_ptr_null(shard_oldest(s));
}

END_TEST

static void *
count_all(void *arg)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < KEYS; i++) {
			char key[16];
			struct shard *s;
			struct thing *t;

			snprintf(key, sizeof(key), "key-%d", i);
			s = shard_enter(&things, str_of(key));
			t = thing_of(shard_find(s, str_of(key)));
			(t ? t : add(s, key))->count++;
			shard_leave(s);
		}
	}
	return arg;
}

static unsigned spread, total;

static void
drop_counted(struct shard *s, struct shard_entry *e)
{
	spread += shard_count(s) == 1;
	total++;
	ck_assert_uint_eq(thing_of(e)->count, THREADS * ROUNDS);
	drop(s, e);
}

START_TEST(threads_share_it)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_all, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	spread = total = 0;
	shards_clear(&things, drop_counted);
	ck_assert_uint_eq(total, KEYS);
	ck_assert_uint_gt(spread, 1);
}

END_TEST

SUITE_OF(shards, what_was_added_is_found_until_it_is_removed,
	the_oldest_is_the_one_not_used_for_longest, threads_share_it)
