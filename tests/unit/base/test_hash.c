/*
 * Maps: finding, removing while walking, and the two kinds of hash.
 *
 * Runs on: the test process
 */
#include "base/hash.h"

#include "base/attr.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 5000 };

struct thing {
	struct hash_node node;
	char key[16];
	int seen;
};

static struct thing things[MANY];

static void
fill(struct hash *h)
{
	hash_init(h);
	for (int i = 0; i < MANY; i++) {
		snprintf(things[i].key, sizeof(things[i].key), "key-%d", i);
		things[i].seen = 0;
		hash_add(h, &things[i].node, str_of(things[i].key));
	}
}

START_TEST(what_was_added_is_found_and_nothing_else)
{
	struct hash h;

	fill(&h);
	ck_assert_uint_eq(h.count, MANY);
	for (int i = 0; i < MANY; i++)
		ck_assert_ptr_eq(hash_find(&h, str_of(things[i].key)), &things[i].node);
	ck_assert_ptr_null(hash_find(&h, STR("key-")));
	ck_assert_ptr_null(hash_find(&h, STR("key-5000")));
	for (int i = 0; i < MANY; i += 2)
		hash_remove(&h, &things[i].node);
	ck_assert_uint_eq(h.count, MANY / 2);
	for (int i = 0; i < MANY; i++)
		ck_assert((hash_find(&h, str_of(things[i].key)) != NULL) == (i % 2 == 1));
	hash_fini(&h);
}

END_TEST

START_TEST(an_empty_map_has_no_table)
{
	struct hash h;
	struct thing t = { .key = "" };

	hash_init(&h);
	ck_assert_ptr_null(h.slots);
	ck_assert_ptr_null(hash_find(&h, STR("a")));
	ck_assert_ptr_null(hash_next(&h, NULL));
	hash_add(&h, &t.node, STR_NONE);
	ck_assert_ptr_eq(hash_find(&h, STR("")), &t.node);
	hash_remove(&h, &t.node);
	ck_assert_ptr_null(hash_next(&h, NULL));
	hash_fini(&h);
	ck_assert_ptr_null(h.slots);
}

END_TEST

START_TEST(walking_meets_each_once_and_may_remove_it)
{
	struct hash h;
	struct hash_node *n;
	int left = 0;

	fill(&h);
	for (n = hash_next(&h, NULL); n; n = hash_next(&h, n)) {
		struct thing *t = CONTAINER(n, struct thing, node);

		ck_assert_int_eq(t->seen++, 0);
		if ((t - things) % 3 == 0)
			hash_remove(&h, n);
	}
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(things[i].seen, 1);
	for (n = hash_next(&h, NULL); n; n = hash_next(&h, n))
		left++;
	ck_assert_int_eq(left, MANY - (MANY + 2) / 3);
	ck_assert_uint_eq(h.count, (size_t)left);
	hash_fini(&h);
}

END_TEST

START_TEST(the_stable_hash_never_changes)
{
	/* Homes are placed by it: every node of every version must agree.  The values are those of
	 * XXH3_64bits without a seed. */
	ck_assert_uint_eq(hash_stable("", 0), 0x2d06800538d394c2u);
	ck_assert_uint_eq(hash_stable(NULL, 0), 0x2d06800538d394c2u);
	ck_assert_uint_eq(
		hash_stable("alice@example.org", 17), hash_stable("alice@example.org", 17));
	ck_assert_uint_ne(
		hash_stable("alice@example.org", 17), hash_stable("alice@example.com", 17));
}

END_TEST

START_TEST(the_seeded_hash_differs_from_the_stable_one)
{
	ck_assert_uint_eq(hash_bytes("abc", 3), hash_bytes("abc", 3));
	ck_assert_uint_ne(hash_bytes("abc", 3), hash_bytes("abd", 3));
	ck_assert_uint_ne(hash_bytes("abc", 3), hash_stable("abc", 3));
}

END_TEST

SUITE_OF(hash, what_was_added_is_found_and_nothing_else, an_empty_map_has_no_table,
	walking_meets_each_once_and_may_remove_it, the_stable_hash_never_changes,
	the_seeded_hash_differs_from_the_stable_one)
