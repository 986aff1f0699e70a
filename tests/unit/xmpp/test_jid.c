/*
 * Addresses: what is allowed, what it becomes, and the views of it.  The examples of RFC 7622 3.5
 * are here with the outcome of the stringprep profiles, which is not always PRECIS's.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "xmpp/jid.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

Suite *suite_jid(void);

static struct arena *a;

static void
setup(void)
{
	a = arena_new(0);
}

static void
teardown(void)
{
	arena_free(&a);
}

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *in, *out; /* out NULL: as in */
	enum jid_fault fault;
} rows[] = {
	/* ---- RFC 7622 3.5, table 1 ---- */
	{ "juliet@example.com", NULL, JID_OK },
	{ "juliet@example.com/foo", NULL, JID_OK },
	{ "juliet@example.com/foo bar", NULL, JID_OK },
	{ "juliet@example.com/foo@bar", NULL, JID_OK },
	{ "foo\\20bar@example.com", NULL, JID_OK },
	{ "fussball@example.com", NULL, JID_OK },
	{ "fu\xc3\x9f"
	  "ball@example.com",
		"fussball@example.com", JID_OK },
	{ "\xcf\x80@example.com", NULL, JID_OK }, /* pi */
	{ "\xce\xa3@example.com/foo", "\xcf\x83@example.com/foo", JID_OK }, /* capital sigma */
	{ "\xcf\x83@example.com/foo", NULL, JID_OK }, /* small sigma */
	{ "\xcf\x82@example.com/foo", "\xcf\x83@example.com/foo", JID_OK }, /* final sigma */
	{ "king@example.com/\xe2\x99\x9a", NULL, JID_OK }, /* black king */
	{ "example.com", NULL, JID_OK },
	{ "example.com/foobar", NULL, JID_OK },
	{ "a.example.com/b@example.net", NULL, JID_OK },
	/* ---- table 2 ---- */
	{ "\"juliet\"@example.com", NULL, JID_BAD_LOCAL },
	{ "foo bar@example.com", NULL, JID_BAD_LOCAL },
	{ "juliet@example.com/ foo", NULL, JID_OK }, /* resourceprep lets it be */
	{ "<@example.com/>", NULL, JID_BAD_LOCAL },
	{ "@example.com/", NULL, JID_BAD_LOCAL },
	{ "henry\xe2\x85\xa3@example.com", "henryiv@example.com", JID_OK }, /* roman four */
	{ "\xe2\x99\x9a@example.com", NULL, JID_OK }, /* a symbol, which nodeprep allows */
	{ "juliet@", NULL, JID_BAD_DOMAIN },
	{ "/foobar", NULL, JID_BAD_DOMAIN },
	/* ---- parts ---- */
	{ "", NULL, JID_BAD_DOMAIN },
	{ "@", NULL, JID_BAD_LOCAL },
	{ "/", NULL, JID_BAD_DOMAIN },
	{ "a@b/", NULL, JID_BAD_RESOURCE },
	{ "a@/c", NULL, JID_BAD_DOMAIN },
	{ "a@b@c", NULL, JID_BAD_DOMAIN },
	{ "a@b/c/d", NULL, JID_OK },
	{ "a@b/c@d/e", NULL, JID_OK },
	{ "b/c@d", NULL, JID_OK },
	/* ---- localparts ---- */
	{ "Romeo@example.com", "romeo@example.com", JID_OK },
	{ "a&b@c", NULL, JID_BAD_LOCAL },
	{ "a'b@c", NULL, JID_BAD_LOCAL },
	{ "a:b@c", NULL, JID_BAD_LOCAL },
	{ "a>b@c", NULL, JID_BAD_LOCAL },
	{ "a\x7f@c", NULL, JID_BAD_LOCAL },
	{ "a\tb@c", NULL, JID_BAD_LOCAL },
	{ "!#$%()*+,-.;=?[\\]^_`{|}~@c", NULL, JID_OK },
	{ "\xef\xbc\xa0@c", NULL, JID_BAD_LOCAL }, /* full-width @ */
	{ "\xef\xbc\xa1@c", "a@c", JID_OK }, /* full-width A */
	{ "\xc2\xa0@c", NULL, JID_BAD_LOCAL }, /* no-break space */
	{ "\xec\xb6\x98\xed\x96\xa5@c", NULL, JID_OK },
	{ "\xe1\x84\x80\xe1\x85\xa1@c", "\xea\xb0\x80@c", JID_OK }, /* jamo are composed */
	{ "\xd7\x90\xd7\x91@c", NULL, JID_OK },
	{ "a\xd7\x90@c", NULL, JID_BAD_LOCAL }, /* both directions */
	{ "\xc2\xad@c", NULL, JID_BAD_LOCAL }, /* maps to nothing */
	{ "\xff@c", NULL, JID_BAD_LOCAL },
	{ "\xc0\xaf@c", NULL, JID_BAD_LOCAL },
	{ "\xed\xa0\x80@c", NULL, JID_BAD_LOCAL },
	{ "\xf0\x9f\x98\x80@c", NULL, JID_OK }, /* newer than the profile */
	/* ---- domains ---- */
	{ "EXAMPLE.com", "example.com", JID_OK },
	{ "example.com.", "example.com", JID_OK },
	{ "example.com..", NULL, JID_BAD_DOMAIN },
	{ ".", NULL, JID_BAD_DOMAIN },
	{ ".com", NULL, JID_BAD_DOMAIN },
	{ "a..b", NULL, JID_BAD_DOMAIN },
	{ "-a.b", NULL, JID_BAD_DOMAIN },
	{ "a-.b", NULL, JID_BAD_DOMAIN },
	{ "a_b", NULL, JID_BAD_DOMAIN },
	{ "a b", NULL, JID_BAD_DOMAIN },
	{ "a%b", NULL, JID_BAD_DOMAIN },
	{ LABEL_63 ".b", NULL, JID_OK },
	{ LABEL_63 "a.b", NULL, JID_BAD_DOMAIN },
	{ "127.0.0.1", NULL, JID_OK },
	{ "[::1]", NULL, JID_OK },
	{ "[2001:DB8:0:0::1]/r", "[2001:db8::1]/r", JID_OK },
	{ "[::1", NULL, JID_BAD_DOMAIN },
	{ "[]", NULL, JID_BAD_DOMAIN },
	{ "[::g]", NULL, JID_BAD_DOMAIN },
	{ "b\xc3\xbc"
	  "cher.example",
		NULL, JID_OK },
	{ "B\xc3\x9c"
	  "CHER.example",
		"b\xc3\xbc"
		"cher.example",
		JID_OK },
	{ "xn--bcher-kva.example",
		"b\xc3\xbc"
		"cher.example",
		JID_OK },
	{ "XN--BCHER-KVA.example",
		"b\xc3\xbc"
		"cher.example",
		JID_OK },
	{ "xn--.example", NULL, JID_BAD_DOMAIN },
	{ "a\xe3\x80\x82"
	  "b",
		"a.b", JID_OK }, /* ideographic full stop */
	{ "a\xe2\x84\x80"
	  "b",
		NULL, JID_BAD_DOMAIN }, /* a/c */
	{ "\xff", NULL, JID_BAD_DOMAIN },
	{ "\xed\x95\x9c\xea\xb5\xad.kr", NULL, JID_OK },
	/* ---- resources ---- */
	{ "c/Foo", NULL, JID_OK },
	{ "c/\"&'/:<>@ ", NULL, JID_OK },
	{ "c/a\nb", NULL, JID_BAD_RESOURCE },
	{ "c/\x7f", NULL, JID_BAD_RESOURCE },
	{ "c/\xf0\x9f\x93\xb1", NULL, JID_OK },
	{ "c/\xef\xbc\xa1", "c/A", JID_OK },
	{ "c/\xc3", NULL, JID_BAD_RESOURCE },
};

START_TEST(an_address_is_prepared)
{
	const char *expected = rows[_i].out ? rows[_i].out : rows[_i].in;
	struct jid j = JID_NONE, again;
	enum jid_fault fault = jid_parse(a, str_of(rows[_i].in), &j);

	ck_assert_msg(fault == rows[_i].fault, "%s: fault %d, expected %d", rows[_i].in, fault,
		rows[_i].fault);
	if (fault != JID_OK) {
		ck_assert(jid_is_none(j));
		return;
	}
	ck_assert_msg(str_is(jid_full(j), expected), "%s became %s, expected %s", rows[_i].in,
		jid_text(a, j), expected);
	ck_assert_int_eq(jid_parse(a, jid_full(j), &again), JID_OK);
	ck_assert(jid_eq(j, again));
	ck_assert_int_eq(jid_make(a, jid_local(j), jid_domain(j), jid_resource(j), &again), JID_OK);
	ck_assert(jid_eq(j, again));
}

END_TEST

static struct str
filled(size_t n)
{
	char *s = arena_alloc(a, n + 1);

	memset(s, 'a', n);
	return (struct str){ s, n };
}

/* Labels of one letter. */
static struct str
long_domain(size_t n)
{
	struct str s = filled(n);

	for (size_t i = 1; i < n; i += 2)
		((char *)s.p)[i] = '.';
	return s;
}

START_TEST(a_part_has_at_most_1023_bytes)
{
	struct str ok = filled(JID_PART_MAX), over = filled(JID_PART_MAX + 1), none = STR_NONE;
	struct str domain = long_domain(JID_PART_MAX), long_one = long_domain(JID_PART_MAX + 2);
	struct jid j, back;

	ck_assert_int_eq(jid_make(a, ok, domain, ok, &j), JID_OK);
	ck_assert_uint_eq(jid_full(j).n, JID_MAX);
	ck_assert_int_eq(jid_parse(a, jid_full(j), &back), JID_OK);
	ck_assert(jid_eq(j, back));
	ck_assert_int_eq(jid_make(a, over, STR("c"), none, &j), JID_BAD_LOCAL);
	ck_assert_int_eq(jid_make(a, none, long_one, none, &j), JID_BAD_DOMAIN);
	ck_assert_int_eq(jid_make(a, none, STR("c"), over, &j), JID_BAD_RESOURCE);
	ck_assert_int_eq(jid_parse(a, filled(100000), &j), JID_BAD_DOMAIN);
}

END_TEST

/* U+FDFA is three bytes, and 33 when it is prepared: what counts is the result. */
START_TEST(length_counts_after_preparation)
{
	struct buf {
		char text[3 * 32];
	} b;
	struct jid j;

	for (size_t i = 0; i < 32; i++)
		memcpy(b.text + 3 * i, "\xef\xb7\xba", 3);
	ck_assert_int_eq(
		jid_make(a, STR_NONE, STR("c"), (struct str){ b.text, 3 * 31 }, &j), JID_OK);
	ck_assert_uint_eq(j.resource, 33 * 31);
	ck_assert_int_eq(jid_make(a, STR_NONE, STR("c"), (struct str){ b.text, 3 * 32 }, &j),
		JID_BAD_RESOURCE);
}

END_TEST

START_TEST(views_borrow)
{
	struct jid j, bare, host;

	ck_assert_int_eq(jid_parse(a, STR("romeo@montague.example/orchard"), &j), JID_OK);
	bare = jid_bare(j);
	host = jid_host(j);
	ck_assert(jid_is_full(j) && !jid_is_full(bare) && !jid_is_none(bare));
	ck_assert(str_is(jid_local(j), "romeo"));
	ck_assert(str_is(jid_domain(j), "montague.example"));
	ck_assert(str_is(jid_resource(j), "orchard"));
	ck_assert(str_is(jid_bare_str(j), "romeo@montague.example"));
	ck_assert(str_is(jid_full(bare), "romeo@montague.example"));
	ck_assert(str_is(jid_full(host), "montague.example"));
	ck_assert_ptr_null(jid_local(host).p);
	ck_assert_ptr_null(jid_resource(bare).p);
	ck_assert(jid_eq_bare(j, bare) && !jid_eq(j, bare) && !jid_eq_bare(host, bare));
	ck_assert(jid_eq(jid_with_resource(a, bare, STR("orchard")), j));
	ck_assert(str_is(jid_full(jid_with_resource(a, host, STR("x"))), "montague.example/x"));
	ck_assert(jid_eq(jid_copy(a, bare), bare));
	ck_assert_str_eq(jid_text(a, bare), "romeo@montague.example");
	ck_assert(jid_is_none(jid_bare(JID_NONE)) && jid_is_none(jid_host(JID_NONE)));
	ck_assert(jid_is_none(jid_copy(a, JID_NONE)));
	ck_assert(jid_eq(JID_NONE, JID_NONE) && !jid_eq(JID_NONE, j));
	ck_assert_ptr_null(jid_full(JID_NONE).p);
}

END_TEST

START_TEST(equal_lengths_are_not_equal_addresses)
{
	struct jid x, y;

	ck_assert_int_eq(jid_parse(a, STR("ab@c/d"), &x), JID_OK);
	ck_assert_int_eq(jid_parse(a, STR("a.bc/d"), &y), JID_OK);
	ck_assert(!jid_eq(x, y) && !jid_eq_bare(x, y));
	ck_assert_int_eq(jid_parse(a, STR("ab@c/e"), &y), JID_OK);
	ck_assert(!jid_eq(x, y) && jid_eq_bare(x, y));
	ck_assert_int_eq(jid_parse(a, STR("ab@cd"), &y), JID_OK);
	ck_assert(!jid_eq(x, y) && !jid_eq_bare(x, y));
}

END_TEST

static const struct {
	const char *in, *out; /* NULL: refused */
} passwords[] = {
	{ "secret", "secret" },
	{ "pass word \"&'<>@/", "pass word \"&'<>@/" },
	{ "I\xc2\xadX", "IX" }, /* RFC 4013 3 */
	{ "user", "user" },
	{ "USER", "USER" },
	{ "\xc2\xaa", "a" },
	{ "\xe2\x85\xa8", "IX" },
	{ "\x07", NULL },
	{ "\xd8\xa7\x31", NULL },
	{ "", NULL },
	{ "\xc2\xad", NULL },
	{ "\xf0\x9f\x98\x80", NULL }, /* unassigned for the profile */
	{ "\xed\x95\x9c\xea\xb8\x80", "\xed\x95\x9c\xea\xb8\x80" },
	{ "\xff", NULL },
};

START_TEST(passwords_follow_saslprep)
{
	const char *got = jid_prep_password(a, str_of(passwords[_i].in));

	ck_assert(text_eq(got, passwords[_i].out));
}

END_TEST

START_TEST(parts_are_prepared_alone)
{
	ck_assert_str_eq(jid_prep_local(a, STR("Romeo")), "romeo");
	ck_assert_ptr_null(jid_prep_local(a, STR("ro meo")));
	ck_assert_ptr_null(jid_prep_local(a, STR("ro@meo")));
	ck_assert_ptr_null(jid_prep_local(a, STR("")));
	ck_assert_str_eq(jid_prep_domain(a, STR("LocalHost")), "localhost");
	ck_assert_ptr_null(jid_prep_domain(a, STR("a/b")));
	ck_assert_str_eq(jid_prep_resource(a, STR("Orchard 1/2")), "Orchard 1/2");
	ck_assert_ptr_null(jid_prep_resource(a, STR("")));
	ck_assert_ptr_null(jid_prep_local(a, (struct str){ "a\0b", 3 }));
	ck_assert_ptr_null(jid_prep_resource(a, (struct str){ "\0", 1 }));
}

END_TEST

/* libidn must not need a lock. */
static void *
prepare_much(void *result)
{
	bool *ok = result;

	*ok = true;
	for (int i = 0; i < 300; i++) {
		struct arena *mine = arena_new(0);
		struct jid j;

		*ok = *ok &&
		      jid_parse(mine,
			      STR("B\xc3\xbc@B\xc3\x9c"
				  "CHER.example/\xef\xbc\xa1"),
			      &j) == JID_OK &&
		      str_is(jid_full(j), "b\xc3\xbc@b\xc3\xbc"
					  "cher.example/A");
		arena_free(&mine);
	}
	return NULL;
}

START_TEST(threads_prepare_at_once)
{
	pthread_t threads[4];
	bool ok[4];

	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, prepare_much, &ok[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		ck_assert(ok[i]);
	}
}

END_TEST

Suite *
suite_jid(void)
{
	Suite *s = suite_create("jid");
	TCase *t = tcase_create("jid");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, an_address_is_prepared, 0, COUNT(rows));
	tcase_add_test(t, a_part_has_at_most_1023_bytes);
	tcase_add_test(t, length_counts_after_preparation);
	tcase_add_test(t, views_borrow);
	tcase_add_test(t, equal_lengths_are_not_equal_addresses);
	tcase_add_loop_test(t, passwords_follow_saslprep, 0, COUNT(passwords));
	tcase_add_test(t, parts_are_prepared_alone);
	tcase_add_test(t, threads_prepare_at_once);
	suite_add_tcase(s, t);
	return s;
}
