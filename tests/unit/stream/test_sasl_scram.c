/*
 * SCRAM on the server's side: the examples of RFC 5802 and RFC 7677, and everything that must be refused.
 *
 * Runs on: the test process
 */
#include "tests/unit/suite.h"

#include "base/encode.h"
#include "stream/sasl_scram.h"

#include <string.h>

struct vector {
	enum digest digest;
	const char *first, *nonce, *salt, *challenge, *final, *answer;
};

static const struct vector vectors[] = {
	{ DIGEST_SHA1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
		"QSXCR+Q6sek8bf92",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ DIGEST_SHA256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"W22ZaJ0SNY7soEsUEjb6gQ==",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static void
make_keys(struct arena *a, const struct vector *v, struct scram_keys *keys)
{
	struct str salt;

	ck_assert(base64_decode(a, str_of(v->salt), &salt));
	scram_keys_make(keys, v->digest, STR("pencil"), 4096, (const uint8_t *)salt.p, salt.n);
}

/* Up to the challenge. */
static void
begin(struct arena *a, const struct vector *v, struct scram *s, struct scram_keys *keys)
{
	memset(s, 0, sizeof(*s));
	s->arena = a;
	s->digest = v->digest;
	make_keys(a, v, keys);
	ck_assert_int_eq(scram_first(s, str_of(v->first)), SASL_COND_NONE);
	ck_assert_str_eq(s->user, "user");
	ck_assert_str_eq(scram_challenge(s, keys, v->nonce), v->challenge);
}

START_TEST(examples_of_the_rfcs)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct arena *a = arena_new(0);
		struct scram_keys keys;
		const char *answer = NULL;
		struct scram s;

		begin(a, &vectors[i], &s, &keys);
		ck_assert_int_eq(scram_final(&s, str_of(vectors[i].final), STR_NONE, &answer),
			SASL_COND_NONE);
		ck_assert_str_eq(answer, vectors[i].answer);
		arena_free(&a);
	}
}

END_TEST

START_TEST(each_byte_of_the_final_message_counts)
{
	const struct vector *v = &vectors[0];

	for (size_t i = 0; i < strlen(v->final); i++) {
		struct arena *a = arena_new(0);
		char *changed = arena_text(a, v->final);
		struct scram_keys keys;
		const char *answer = NULL;
		struct scram s;

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		begin(a, v, &s, &keys);
		ck_assert_msg(scram_final(&s, str_of(changed), STR_NONE, &answer) != SASL_COND_NONE,
			"byte %zu changed and still accepted", i);
		arena_free(&a);
	}
}

END_TEST

START_TEST(first_messages_that_are_refused)
{
	static const struct {
		const char *message;
		bool plus, plus_offered;
		enum sasl_cond expected;
	} rows[] = {
		{ "n,,n=user,r=abc", false, true, SASL_COND_NONE },
		{ "n,a=user@host,n=user,r=abc", false, false, SASL_COND_NONE },
		{ "y,,n=user,r=abc", false, false, SASL_COND_NONE },
		{ "y,,n=user,r=abc", false, true, SASL_COND_NOT_AUTHORIZED },
		{ "p=tls-exporter,,n=user,r=abc", true, true, SASL_COND_NONE },
		{ "n,,n=user,r=abc", true, true, SASL_COND_MALFORMED_REQUEST },
		{ "y,,n=user,r=abc", true, true, SASL_COND_MALFORMED_REQUEST },
		{ "p=tls-exporter,,n=user,r=abc", false, true, SASL_COND_MALFORMED_REQUEST },
		{ "p=,,n=user,r=abc", true, true, SASL_COND_MALFORMED_REQUEST },
		{ "", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,x,n=user,r=abc", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,m=ext,n=user,r=abc", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,n=,r=abc", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,n=a=b,r=abc", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,n=user", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,n=user,r=", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "n,,r=abc,n=user", false, false, SASL_COND_MALFORMED_REQUEST },
		{ "q,,n=user,r=abc", false, false, SASL_COND_MALFORMED_REQUEST },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(0);
		struct scram s = {
			.arena = a, .plus = rows[i].plus, .plus_offered = rows[i].plus_offered
		};

		ck_assert_msg(scram_first(&s, str_of(rows[i].message)) == rows[i].expected,
			"row %zu: %s", i, rows[i].message);
		arena_free(&a);
	}
}

END_TEST

START_TEST(names_are_decoded)
{
	struct arena *a = arena_new(0);
	struct scram s = { .arena = a };

	ck_assert_int_eq(scram_first(&s, STR("n,,n=a=2Cb=3Dc,r=abc")), SASL_COND_NONE);
	ck_assert_str_eq(s.user, "a,b=c");
	arena_free(&a);
}

END_TEST

SUITE_OF(sasl_scram, examples_of_the_rfcs, each_byte_of_the_final_message_counts,
	first_messages_that_are_refused, names_are_decoded)
