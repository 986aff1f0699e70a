/*
 * Credentials: the vectors of RFC 5802 and RFC 7677, accounts made, changed, checked and deleted in
 * a real store, and users that do not exist looking like those that do.
 *
 * Runs on: its own process
 */
#include "tests/unit/home/job_test.h"
#include "tests/unit/suite.h"

#include "base/encode.h"
#include "base/mem.h"
#include "run/place.h"

#include <string.h>

/* ---- Keys ------------------------------------------------------------------------------ */

/* One exchange: the server's side is computed from what is stored. */
static const struct vector {
	enum digest digest;
	const char *salt;
	unsigned iterations;
	const char *auth_message, *proof, *signature;
} vectors[] = {
	{
		DIGEST_SHA1,
		"QSXCR+Q6sek8bf92",
		4096,
		"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
		"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	},
	{
		DIGEST_SHA256,
		"W22ZaJ0SNY7soEsUEjb6gQ==",
		4096,
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
		"i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	},
};

static void
decode(struct arena *a, const char *text, struct str *out)
{
	ck_assert(base64_decode(a, str_of(text), out));
}

static void
check_vector(struct arena *a, const struct vector *v, size_t row)
{
	size_t size = digest_size(v->digest);
	struct str salt, proof, signature;
	uint8_t mac[DIGEST_MAX], client_key[DIGEST_MAX], stored[DIGEST_MAX];
	struct scram_keys k;

	decode(a, v->salt, &salt);
	decode(a, v->proof, &proof);
	decode(a, v->signature, &signature);
	scram_keys_make(
		&k, v->digest, STR("pencil"), v->iterations, (const uint8_t *)salt.p, salt.n);
	digest_hmac(v->digest, (struct str){ (const char *)k.server_key, size },
		str_of(v->auth_message), mac);
	ck_assert_msg(signature.n == size && memcmp(mac, signature.p, size) == 0,
		"row %zu: ServerKey", row);
	digest_hmac(v->digest, (struct str){ (const char *)k.stored_key, size },
		str_of(v->auth_message), mac);
	ck_assert_uint_eq(proof.n, size);
	for (size_t i = 0; i < size; i++)
		client_key[i] = mac[i] ^ (uint8_t)proof.p[i];
	digest_of(v->digest, (struct str){ (const char *)client_key, size }, stored);
	ck_assert_msg(memcmp(stored, k.stored_key, size) == 0, "row %zu: StoredKey", row);
}

START_TEST(keys_are_those_of_the_rfcs)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(vectors); i++)
		check_vector(a, &vectors[i], i);
	arena_free(&a);
}

END_TEST

/* ---- Fetch ------------------------------------------------------------------------------- */

struct fetched {
	struct jid bare;
	enum digest digest;
	enum credential_result result;
	struct scram_keys keys;
	bool disabled;
	sem_t done;
};

static void
on_fetched(struct worker *w, void *ctx, enum credential_result result,
	const struct scram_keys *keys, bool disabled)
{
	struct fetched *f = ctx;

	(void)w;
	f->result = result;
	if (keys)
		f->keys = *keys;
	f->disabled = disabled;
	sem_post(&f->done);
}

static void
start_fetch(struct worker *w, void *arg)
{
	struct fetched *f = arg;

	credential_fetch(w, f->bare, f->digest, on_fetched, f);
}

static struct fetched
fetch(const char *bare, enum digest digest)
{
	static struct fetched f;

	memset(&f, 0, sizeof(f));
	f.bare = job_test_jid(bare);
	f.digest = digest;
	sem_init(&f.done, 0, 0);
	job_test_on(worker_at(1), start_fetch, &f);
	job_test_wait(&f.done);
	return f;
}

static void
check_password_fits(const struct scram_keys *k, const char *password, bool fits)
{
	struct scram_keys made;

	scram_keys_make(&made, k->digest, str_of(password), k->iterations, k->salt, k->salt_length);
	ck_assert_int_eq(memcmp(made.stored_key, k->stored_key, digest_size(k->digest)) == 0, fits);
	ck_assert_int_eq(memcmp(made.server_key, k->server_key, digest_size(k->digest)) == 0, fits);
}

START_TEST(an_account_has_keys_for_all_three_mechanisms)
{
	job_test_start(2, NULL, NULL);
	ck_assert_int_eq(
		job_test_credential(credential_create, "alice@a.test", "secret"), CREDENTIAL_OK);
	for (int d = 0; d < DIGEST_COUNT; d++) {
		struct fetched f = fetch("alice@a.test", (enum digest)d);

		ck_assert_int_eq(f.result, CREDENTIAL_OK);
		ck_assert(!f.disabled);
		ck_assert_uint_eq(f.keys.iterations, SCRAM_ITERATIONS);
		ck_assert_uint_eq(f.keys.salt_length, SCRAM_SALT);
		check_password_fits(&f.keys, "secret", true);
		check_password_fits(&f.keys, "Secret", false);
	}
	job_test_stop();
}

END_TEST

START_TEST(an_unknown_user_always_has_the_same_keys)
{
	struct fetched one, again, other, sha1, real;

	job_test_start(2, NULL, NULL);
	ck_assert_int_eq(
		job_test_credential(credential_create, "alice@a.test", "secret"), CREDENTIAL_OK);
	one = fetch("nobody@a.test", DIGEST_SHA256);
	again = fetch("nobody@a.test", DIGEST_SHA256);
	other = fetch("nobody@b.test", DIGEST_SHA256);
	sha1 = fetch("nobody@a.test", DIGEST_SHA1);
	real = fetch("alice@a.test", DIGEST_SHA256);
	ck_assert_int_eq(one.result, CREDENTIAL_NOT_FOUND);
	ck_assert_uint_eq(one.keys.iterations, real.keys.iterations);
	ck_assert_uint_eq(one.keys.salt_length, real.keys.salt_length);
	ck_assert_int_eq(memcmp(one.keys.salt, again.keys.salt, SCRAM_SALT), 0);
	ck_assert_int_eq(memcmp(one.keys.stored_key, again.keys.stored_key, DIGEST_MAX), 0);
	ck_assert_int_ne(memcmp(one.keys.salt, other.keys.salt, SCRAM_SALT), 0);
	ck_assert_int_ne(memcmp(one.keys.salt, sha1.keys.salt, SCRAM_SALT), 0);
	ck_assert_int_ne(memcmp(one.keys.salt, real.keys.salt, SCRAM_SALT), 0);
	job_test_stop();
}

END_TEST

START_TEST(the_secret_is_made_once)
{
	struct fetched before, after;
	struct err e;

	job_test_start(2, NULL, NULL);
	before = fetch("nobody@a.test", DIGEST_SHA1);
	ck_assert(credential_init(&e));
	after = fetch("nobody@a.test", DIGEST_SHA1);
	ck_assert_int_eq(memcmp(before.keys.salt, after.keys.salt, SCRAM_SALT), 0);
	job_test_stop();
}

END_TEST

/* ---- Jobs --------------------------------------------------------------------------------- */

static const struct row {
	credential_fn *fn; /* NULL: remove */
	const char *bare, *password;
	enum credential_result result;
} story[] = {
	{ credential_check, "alice@a.test", "secret", CREDENTIAL_NOT_FOUND },
	{ credential_change, "alice@a.test", "secret", CREDENTIAL_NOT_FOUND },
	{ NULL, "alice@a.test", NULL, CREDENTIAL_NOT_FOUND },
	{ credential_create, "alice@a.test", "", CREDENTIAL_BAD_PASSWORD },
	{ credential_create, "alice@a.test", "se\001cret", CREDENTIAL_BAD_PASSWORD },
	{ credential_create, "alice@a.test", "secret", CREDENTIAL_OK },
	{ credential_create, "alice@a.test", "other", CREDENTIAL_CONFLICT },
	{ credential_create, "alice@b.test", "other", CREDENTIAL_OK },
	{ credential_check, "alice@a.test", "secret", CREDENTIAL_OK },
	/* SASLprep: a soft hyphen is nothing. */
	{ credential_check, "alice@a.test", "sec\302\255ret", CREDENTIAL_OK },
	{ credential_check, "alice@a.test", "other", CREDENTIAL_WRONG },
	{ credential_check, "alice@a.test", "", CREDENTIAL_BAD_PASSWORD },
	{ credential_change, "alice@a.test", "", CREDENTIAL_BAD_PASSWORD },
	{ credential_change, "alice@a.test", "changed", CREDENTIAL_OK },
	{ credential_check, "alice@a.test", "secret", CREDENTIAL_WRONG },
	{ credential_check, "alice@a.test", "changed", CREDENTIAL_OK },
	{ credential_check, "alice@b.test", "other", CREDENTIAL_OK },
	{ NULL, "alice@a.test", NULL, CREDENTIAL_OK },
	{ NULL, "alice@a.test", NULL, CREDENTIAL_NOT_FOUND },
	{ credential_check, "alice@a.test", "changed", CREDENTIAL_NOT_FOUND },
	{ credential_create, "alice@a.test", "again", CREDENTIAL_OK },
	{ credential_check, "alice@a.test", "again", CREDENTIAL_OK },
	{ credential_check, "alice@b.test", "other", CREDENTIAL_OK },
};

START_TEST(accounts_are_made_checked_changed_and_deleted)
{
	job_test_start(4, NULL, NULL);
	for (size_t i = 0; i < COUNT(story); i++) {
		const struct row *r = &story[i];
		enum credential_result result = job_test_credential(r->fn, r->bare, r->password);

		ck_assert_msg(result == r->result, "row %zu: %d instead of %d", i, (int)result,
			(int)r->result);
	}
	job_test_stop();
}

END_TEST

static struct step
removed(struct job *j)
{
	return credential_result_of(j) == CREDENTIAL_OK
		       ? iq_result(j, NULL)
		       : iq_error(j, COND_INTERNAL_SERVER_ERROR, NULL);
}

static struct step
remove_me(struct job *j)
{
	return credential_remove(j, removed, j->owner);
}

static const struct iq_handler iqs[] = {
	{ "urn:test", "remove", ON_SET, TO_SELF, remove_me },
	END_IQS,
};

START_TEST(who_deletes_his_account_is_answered_and_all_his_streams_end)
{
	struct caller one, two;

	job_test_start(2, iqs, NULL);
	ck_assert_int_eq(
		job_test_credential(credential_create, "alice@a.test", "secret"), CREDENTIAL_OK);
	caller_bind(&one, "alice@a.test", "one");
	caller_bind(&two, "alice@a.test", "two");
	ck_assert_int_eq(two.bound, BIND_OK);
	caller_asks(&one, "set", NULL, "<remove xmlns='urn:test'/>", "type='result'");
	job_test_wait(&one.some);
	job_test_wait(&two.some);
	ck_assert_int_eq(one.closed, STREAM_COND_NOT_AUTHORIZED);
	ck_assert_int_eq(two.closed, STREAM_COND_NOT_AUTHORIZED);
	caller_leave(&one);
	caller_leave(&two);
	caller_bind(&one, "alice@a.test", "one");
	ck_assert_int_eq(one.bound, BIND_NO_ACCOUNT);
	ck_assert_int_eq(
		job_test_credential(credential_create, "alice@a.test", "secret"), CREDENTIAL_OK);
	caller_bind(&one, "alice@a.test", "one");
	ck_assert_int_eq(one.bound, BIND_OK);
	caller_leave(&one);
	job_test_stop();
}

END_TEST

/* Two at once: the store decides. */
static atomic_int made, conflicts;
static sem_t finished;

static struct step
race_done(struct job *j)
{
	atomic_fetch_add(credential_result_of(j) == CREDENTIAL_OK ? &made : &conflicts, 1);
	sem_post(&finished);
	return job_done(j);
}

static struct step
race(struct job *j)
{
	struct jid bare;

	if (jid_parse(j->arena, STR("bob@a.test"), &bare) != JID_OK)
		return job_done(j);
	return credential_create(j, race_done, bare, STR("secret"));
}

static void
start_race(struct worker *w, void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++)
		job_start_on(w, job_test_host(w, "a.test"), NULL, race);
}

START_TEST(of_several_registrations_one_succeeds)
{
	job_test_start(2, NULL, NULL);
	sem_init(&finished, 0, 0);
	job_test_on(worker_at(0), start_race, NULL);
	job_test_on(worker_at(1), start_race, NULL);
	for (int i = 0; i < 8; i++)
		job_test_wait(&finished);
	ck_assert_int_eq(made, 1);
	ck_assert_int_eq(conflicts, 7);
	job_test_stop();
}

END_TEST

Suite *
suite_credential(void)
{
	Suite *s = suite_create("credential");
	TCase *t = tcase_create("credential");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, keys_are_those_of_the_rfcs);
	tcase_add_test(t, an_account_has_keys_for_all_three_mechanisms);
	tcase_add_test(t, an_unknown_user_always_has_the_same_keys);
	tcase_add_test(t, the_secret_is_made_once);
	tcase_add_test(t, accounts_are_made_checked_changed_and_deleted);
	tcase_add_test(t, who_deletes_his_account_is_answered_and_all_his_streams_end);
	tcase_add_test(t, of_several_registrations_one_succeeds);
	suite_add_tcase(s, t);
	return s;
}
