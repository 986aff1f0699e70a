/*
 * Random bytes: all of the memory is filled, ids have their form and differ.
 *
 * Runs on: the test process
 */
#include "base/rand.h"

#include "tests/unit/suite.h"

#include <string.h>

START_TEST(every_byte_is_filled_and_no_more)
{
	static unsigned char bytes[200001];
	size_t counts[256] = { 0 };

	rand_bytes(bytes, sizeof(bytes) - 1);
	rand_bytes(bytes, 0);
	ck_assert_uint_eq(bytes[sizeof(bytes) - 1], 0);
	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		counts[bytes[i]]++;
	/* 781 of each value on average, deviation 28: ten deviations do not happen. */
	for (int i = 0; i < 256; i++)
		ck_assert(counts[i] > 500 && counts[i] < 1070);
}

END_TEST

START_TEST(ids_are_16_base32_digits_and_differ)
{
	char ids[200][RAND_ID_SIZE];

	for (int i = 0; i < 200; i++) {
		rand_id(ids[i]);
		ck_assert_uint_eq(strlen(ids[i]), 16);
		ck_assert_uint_eq(strspn(ids[i], "abcdefghijklmnopqrstuvwxyz234567"), 16);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(ids[i], ids[j]);
	}
	ck_assert_uint_ne(rand_u64(), rand_u64());
}

END_TEST

SUITE_OF(rand, every_byte_is_filled_and_no_more, ids_are_16_base32_digits_and_differ)
