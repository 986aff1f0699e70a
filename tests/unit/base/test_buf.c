/*
 * Buffers: what is written comes out in order, whatever is consumed in between.
 *
 * Runs on: the test process
 */
#include "base/buf.h"

#include "tests/unit/suite.h"

#include <string.h>

START_TEST(an_empty_buffer_costs_nothing_and_reads_as_nothing)
{
	struct buf b = BUF_INIT;

	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert_ptr_nonnull(buf_bytes(&b));
	buf_put(&b, NULL, 0);
	buf_put_str(&b, STR_NONE);
	ck_assert_ptr_null(b.mem);
	ck_assert_str_eq(buf_text(&b), "");
	buf_fini(&b);
	buf_fini(&b);
}

END_TEST

START_TEST(the_writers_append)
{
	struct buf b = BUF_INIT;

	buf_put(&b, "ab", 2);
	buf_put_str(&b, STR("cd"));
	buf_put_text(&b, "ef");
	buf_put_text(&b, NULL);
	buf_put_lit(&b, "gh");
	buf_put_char(&b, 'i');
	buf_printf(&b, "%03d", 7);
	ck_assert_str_eq(buf_text(&b), "abcdefghi007");
	ck_assert_uint_eq(buf_len(&b), 12);
	ck_assert(str_is(buf_str(&b), "abcdefghi007"));
	buf_fini(&b);
}

END_TEST

START_TEST(printf_grows_for_long_texts)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%300d", 1); /* more than the first memory */
	buf_printf(&b, "%70000d", 2);
	ck_assert_uint_eq(buf_len(&b), 70300);
	ck_assert_int_eq(buf_bytes(&b)[299], '1');
	ck_assert_int_eq(buf_bytes(&b)[70299], '2');
	buf_fini(&b);
}

END_TEST

START_TEST(taking_and_putting_keeps_the_order)
{
	struct buf b = BUF_INIT;
	unsigned char in = 0, out = 0;
	size_t cap, wrong = 0;

	/* A queue that never holds more than 3000 bytes must not grow without end. */
	for (int turn = 0; turn < 20000; turn++) {
		size_t put = (size_t)turn * 37 % 500, take = (size_t)turn * 53 % 520;
		char *room;

		if (buf_len(&b) + put > 3000)
			put = 0;
		room = buf_room(&b, put);
		for (size_t i = 0; i < put; i++)
			room[i] = (char)in++;
		buf_added(&b, put);
		if (take > buf_len(&b))
			take = buf_len(&b);
		for (size_t i = 0; i < take; i++)
			wrong += (unsigned char)buf_bytes(&b)[i] != out++;
		buf_take(&b, take);
	}
	cap = b.cap;
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_le(cap, 16384);
	buf_fini(&b);
}

END_TEST

START_TEST(an_emptied_buffer_starts_again_at_zero)
{
	struct buf b = BUF_INIT;

	buf_put_lit(&b, "abc");
	buf_take(&b, 2);
	ck_assert_str_eq(buf_text(&b), "c");
	buf_shrink(&b);
	ck_assert_ptr_nonnull(b.mem); /* not empty: stays */
	buf_take(&b, 1);
	ck_assert_uint_eq(b.start, 0);
	ck_assert_uint_eq(b.end, 0);
	buf_put_lit(&b, "d");
	buf_clear(&b);
	ck_assert_uint_eq(buf_len(&b), 0);
	buf_shrink(&b);
	ck_assert_ptr_null(b.mem);
	ck_assert_uint_eq(b.cap, 0);
}

END_TEST

SUITE_OF(buf, an_empty_buffer_costs_nothing_and_reads_as_nothing, the_writers_append,
	printf_grows_for_long_texts, taking_and_putting_keeps_the_order,
	an_emptied_buffer_starts_again_at_zero)
