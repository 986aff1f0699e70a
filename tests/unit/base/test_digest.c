/*
 * Digests: published vectors (FIPS 180, RFC 2202, RFC 4231, RFC 6070, RFC 7914), from several
 * threads.
 *
 * Runs on: the test process, and threads of its own
 */
#include "base/digest.h"

#include "base/attr.h"
#include "base/encode.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <string.h>

static void
check(enum digest d, const uint8_t *out, const char *hex, const char *what)
{
	struct arena *a = arena_new(0);
	char *got = hex_encode(a, out, digest_size(d));

	ck_assert_msg(strcmp(got, hex) == 0, "%s: %s", what, got);
	arena_free(&a);
}

START_TEST(digests_of_short_texts)
{
	static const struct {
		enum digest d;
		const char *in, *hex;
	} rows[] = {
		{ DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ DIGEST_SHA256, "abc",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ DIGEST_SHA256, "",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ DIGEST_SHA512, "abc",
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	};

	uint8_t out[DIGEST_MAX];

	ck_assert_uint_eq(digest_size(DIGEST_SHA1), 20);
	ck_assert_uint_eq(digest_size(DIGEST_SHA256), 32);
	ck_assert_uint_eq(digest_size(DIGEST_SHA512), 64);
	for (size_t i = 0; i < COUNT(rows); i++) {
		digest_of(rows[i].d, str_of(rows[i].in), out);
		check(rows[i].d, out, rows[i].hex, rows[i].in);
	}
	digest_of(DIGEST_SHA1, STR_NONE, out);
	check(DIGEST_SHA1, out, rows[0].hex, "no text");
}

END_TEST

static void
check_hmacs(void)
{
	static const struct {
		enum digest d;
		const char *key, *in, *hex;
	} rows[] = {
		{ DIGEST_SHA1, "Jefe", "what do ya want for nothing?",
			"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
		{ DIGEST_SHA256, "Jefe", "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ DIGEST_SHA512, "Jefe", "what do ya want for nothing?",
			"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
		/* No key, after another key: nothing of the one before may be left. */
		{ DIGEST_SHA256, NULL, "",
			"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
		{ DIGEST_SHA1, "", "", "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d" },
	};

	uint8_t out[DIGEST_MAX];
	char key[131];

	for (size_t i = 0; i < COUNT(rows); i++) {
		digest_hmac(rows[i].d, str_of(rows[i].key), str_of(rows[i].in), out);
		check(rows[i].d, out, rows[i].hex, rows[i].in);
	}
	/* RFC 4231 4.7: a key longer than a block. */
	memset(key, 0xaa, sizeof(key));
	digest_hmac(DIGEST_SHA256, (struct str){ key, sizeof(key) },
		STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	check(DIGEST_SHA256, out,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "long key");
}

START_TEST(hmacs_with_short_long_and_no_keys)
{
	check_hmacs();
}

END_TEST

START_TEST(pbkdf2_vectors)
{
	uint8_t out[DIGEST_MAX];

	digest_pbkdf2(DIGEST_SHA1, STR("password"), STR("salt"), 1, out);
	check(DIGEST_SHA1, out, "0c60c80f961f0e71f3a9b524af6012062fe037a6", "1 round");
	digest_pbkdf2(DIGEST_SHA1, STR("password"), STR("salt"), 4096, out);
	check(DIGEST_SHA1, out, "4b007901b765489abead49d926f721d065a429c1", "4096 rounds");
	/* RFC 7914 11: the first 32 of its 64 bytes. */
	digest_pbkdf2(DIGEST_SHA256, STR("passwd"), STR("salt"), 1, out);
	check(DIGEST_SHA256, out,
		"55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc", "sha256");
	digest_pbkdf2(DIGEST_SHA512, STR("password"), STR("salt"), 1, out);
	check(DIGEST_SHA512, out,
		"867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
		"c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
		"sha512");
}

END_TEST

static void *
hash_a_lot(void *arg)
{
	for (int i = 0; i < 200; i++)
		check_hmacs();
	return arg;
}

START_TEST(threads_do_not_disturb_each_other)
{
	pthread_t threads[3];

	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hash_a_lot, NULL), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
}

END_TEST

START_TEST(same_compares_every_byte)
{
	ck_assert(digest_same("abc", "abc", 3));
	ck_assert(!digest_same("abc", "abd", 3));
	ck_assert(!digest_same("abc", "xbc", 3));
	ck_assert(digest_same("abc", "abd", 2));
	ck_assert(digest_same(NULL, NULL, 0));
}

END_TEST

SUITE_OF(digest, digests_of_short_texts, hmacs_with_short_long_and_no_keys, pbkdf2_vectors,
	threads_do_not_disturb_each_other, same_compares_every_byte)
