/*
 * Arenas: alignment, chunks, copies, and what runs when they end.
 *
 * Runs on: the test process
 */
#include "base/arena.h"

#include "base/buf.h"
#include "tests/unit/suite.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

START_TEST(a_small_arena_is_one_block)
{
	struct arena *a = arena_new(512);

	ck_assert_uint_eq(arena_size(a), 512);
	for (int i = 0; i < 6; i++)
		(void)arena_alloc(a, 64);
	ck_assert_uint_eq(arena_size(a), 512);
	arena_free(&a);
	ck_assert_ptr_null(a);
	arena_free(&a);
}

END_TEST

START_TEST(chunks_double_up_to_64k)
{
	struct arena *a = arena_new(512);
	size_t was = arena_size(a), largest = 0;

	for (int i = 0; i < 4000; i++) {
		(void)arena_alloc(a, 100);
		if (arena_size(a) - was > largest)
			largest = arena_size(a) - was;
		was = arena_size(a);
	}
	ck_assert_uint_eq(largest, 64 * 1024);
	/* 400 KB of blocks: no more than a chunk and the rounding goes to waste. */
	ck_assert_uint_lt(was, 4000 * 104 + 2 * 64 * 1024);
	arena_free(&a);
}

END_TEST

START_TEST(blocks_are_aligned_zeroed_and_apart)
{
	struct arena *a = arena_new(200);
	unsigned char *blocks[300];

	for (size_t i = 0; i < 300; i++) {
		size_t size = i * 7 % 130;

		(void)arena_text(a, "x"); /* texts leave the pointer odd */
		blocks[i] = arena_alloc(a, size);
		ck_assert_uint_eq((uintptr_t)blocks[i] % (size % 16 == 0 ? 16 : 8), 0);
		for (size_t j = 0; j < size; j++)
			ck_assert_uint_eq(blocks[i][j], 0);
		memset(blocks[i], (int)i, size);
	}
	for (size_t i = 0; i < 300; i++) {
		for (size_t j = 0; j < i * 7 % 130; j++)
			ck_assert_uint_eq(blocks[i][j], (unsigned char)i);
	}
	arena_free(&a);
}

END_TEST

START_TEST(a_large_block_keeps_the_rest_of_the_chunk)
{
	struct arena *a = arena_new(1024);
	char *before = arena_alloc(a, 8), *large = arena_alloc(a, 1 << 20);
	char *after = arena_alloc(a, 8);

	memset(large, 1, 1 << 20);
	ck_assert_ptr_eq(after, before + 8);
	ck_assert_uint_lt(arena_size(a), (1 << 20) + 2048);
	arena_free(&a);
}

END_TEST

START_TEST(copies_end_in_nul)
{
	struct arena *a = arena_new(0);
	char *text;

	ck_assert_str_eq(arena_text(a, "abc"), "abc");
	ck_assert_ptr_null(arena_text(a, NULL));
	ck_assert_str_eq(arena_str(a, (struct str){ "abcdef", 3 }), "abc");
	ck_assert_ptr_null(arena_str(a, STR_NONE));
	ck_assert_str_eq(arena_str(a, STR("")), "");
	ck_assert_str_eq(arena_printf(a, "%s-%d", "n", 7), "n-7");
	text = arena_printf(a, "%5000d", 7);
	ck_assert_uint_eq(strlen(text), 5000);
	arena_free(&a);
}

END_TEST

static struct buf notes;

static void
note_letter(void *object)
{
	buf_put_text(&notes, object);
}

START_TEST(what_was_kept_is_dropped_last_first)
{
	struct arena *a = arena_new(0);

	arena_keep(a, note_letter, arena_text(a, "a"));
	arena_keep(a, note_letter, arena_text(a, "b"));
	arena_keep(a, note_letter, arena_text(a, "c"));
	arena_free(&a);
	ck_assert_str_eq(buf_text(&notes), "cba");
	buf_fini(&notes);
}

END_TEST

/* A place in an arena, looked at twice while the arena is freed. */
struct place {
	const char *at;
	char seen[8];
};

static void
look(void *object)
{
	struct place *p = object;

	memcpy(p->seen, p->at, sizeof(p->seen));
}

START_TEST(a_secret_is_overwritten_before_its_memory_goes)
{
	struct arena *a = arena_new(0);
	struct place before = { NULL, "" }, after = { NULL, "" };

	arena_keep(a, look, &after); /* registered first, runs last */
	before.at = after.at = arena_secret(a, STR("hunter2"));
	arena_keep(a, look, &before);
	ck_assert_ptr_null(arena_secret(a, STR_NONE));
	arena_free(&a);
	ck_assert_str_eq(before.seen, "hunter2");
	ck_assert_mem_eq(after.seen, "\0\0\0\0\0\0\0\0", 8);
}

END_TEST

START_TEST(an_array_that_overflows_aborts)
{
	struct arena *a = arena_new(0);

	(void)ARENA_ARRAY(a, uint64_t, SIZE_MAX / 4);
	arena_free(&a);
}

END_TEST

Suite *
suite_arena(void)
{
	Suite *suite = suite_make(
		"arena", (const TTest *const[]){ a_small_arena_is_one_block,
				 chunks_double_up_to_64k, blocks_are_aligned_zeroed_and_apart,
				 a_large_block_keeps_the_rest_of_the_chunk, copies_end_in_nul,
				 what_was_kept_is_dropped_last_first,
				 a_secret_is_overwritten_before_its_memory_goes, NULL });
	TCase *aborts = tcase_create("aborts");

	tcase_add_test_raise_signal(aborts, an_array_that_overflows_aborts, SIGABRT);
	suite_add_tcase(suite, aborts);
	return suite;
}
