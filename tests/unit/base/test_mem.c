/*
 * Memory: copies, and what freeing and wiping leave.
 *
 * Runs on: the test process
 */
#include "base/mem.h"

#include "tests/unit/suite.h"

START_TEST(new_memory_is_zero_and_freeing_clears_the_pointer)
{
	unsigned char *p = mem_new(100);

	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(p[i], 0);
	p[99] = 7;
	p = mem_resize(p, 10000);
	ck_assert_uint_eq(p[99], 7);
	mem_free(&p);
	ck_assert_ptr_null(p);
	mem_free(&p);
	mem_free_secret(&p, 10);
	p = mem_new(0);
	ck_assert_ptr_nonnull(p);
	mem_free_secret(&p, 0);
	ck_assert_ptr_null(p);
}

END_TEST

START_TEST(copies_are_their_own_and_nothing_stays_nothing)
{
	char text[] = "abc", *copy = mem_copy_text(text);

	text[0] = 'x';
	ck_assert_str_eq(copy, "abc");
	mem_free(&copy);
	copy = mem_copy_str((struct str){ "abc", 2 });
	ck_assert_str_eq(copy, "ab");
	mem_free(&copy);
	ck_assert_ptr_null(mem_copy_text(NULL));
	ck_assert_ptr_null(mem_copy_str(STR_NONE));
}

END_TEST

START_TEST(wiping_overwrites_exactly_n_bytes)
{
	char text[] = "password!";

	mem_wipe(text, 8);
	ck_assert_mem_eq(text, "\0\0\0\0\0\0\0\0!", 9);
	mem_wipe(NULL, 0);
}

END_TEST

SUITE_OF(mem, new_memory_is_zero_and_freeing_clears_the_pointer,
	copies_are_their_own_and_nothing_stays_nothing, wiping_overwrites_exactly_n_bytes)
