/*
 * Hashes of entity capabilities: the examples of XEP-0115, order, and what must not be hashed.
 *
 * Runs on: its own process
 */
#include "tests/unit/suite.h"
#include "tests/unit/xep/xep_test.h"
#include "xep/caps.h"
#include "xep/form.h"

#include <string.h>

#define QUERY(inside) "<query xmlns='http://jabber.org/protocol/disco#info'>" inside "</query>"
#define FEATURE(var) "<feature var='" var "'/>"
#define CLIENT "<identity category='client' type='pc'/>"
#define FORM(type, inside)                                                                         \
	"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>" type \
	"</value></field>" inside "</x>"
#define FOUR                                                                                       \
	FEATURE("http://jabber.org/protocol/caps")                                                 \
	FEATURE("http://jabber.org/protocol/disco#info")                                           \
	FEATURE("http://jabber.org/protocol/disco#items")                                          \
	FEATURE("http://jabber.org/protocol/muc")

static const char *
ver_of(struct arena *a, const char *query)
{
	return caps_ver(a, xml_of(a, query), DIGEST_SHA1);
}

static const struct {
	const char *query, *ver;
} examples[] = {
	/* XEP-0115 5.2 */
	{ QUERY("<identity category='client' type='pc' name='Exodus 0.9.1'/>" FOUR),
		"QgayPKawpkPSDYmwT/WM94uAlu0=" },
	/* XEP-0115 5.3 */
	{ QUERY("<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
		"<identity xml:lang='el' category='client' name='\u03a8 0.11' type='pc'/>" FOUR
		"<x xmlns='jabber:x:data' type='result'>"
		"<field var='FORM_TYPE' type='hidden'>"
		"<value>urn:xmpp:dataforms:softwareinfo</value></field>"
		"<field var='ip_version' type='text-multi'><value>ipv4</value>"
		"<value>ipv6</value></field><field var='os'><value>Mac</value></field>"
		"<field var='os_version'><value>10.5.1</value></field>"
		"<field var='software'><value>Psi</value></field>"
		"<field var='software_version'><value>0.11</value></field></x>"),
		"q07IKJEyjvHSyhy//CH0CxmKi8w=" },
};

START_TEST(the_examples_have_their_hash)
{
	struct arena *a = arena_new(0);

	ck_assert_str_eq(ver_of(a, examples[_i].query), examples[_i].ver);
	arena_free(&a);
}

END_TEST

/* Pairs that differ in order only. */
static const char *const same[][2] = {
	{ QUERY(CLIENT FEATURE("a") FEATURE("b")), QUERY(FEATURE("b") CLIENT FEATURE("a")) },
	{ QUERY("<identity category='a' type='b'/><identity category='a' type='b-c'/>"),
		QUERY("<identity category='a' type='b-c'/><identity category='a' type='b'/>") },
	{ QUERY(FORM("a", "<field var='x'><value>1</value><value>2</value></field>")
			  FORM("a:b", "<field var='y'/>")),
		QUERY(FORM("a:b", "<field var='y'/>") FORM(
			"a", "<field var='x'><value>2</value><value>1</value></field>")) },
	{ QUERY(FORM("a", "<field var='x'/><field var='x:y'/>")),
		QUERY(FORM("a", "<field var='x:y'/><field var='x'/>")) },
	/* a form whose type is not hidden does not count */
	{ QUERY(CLIENT),
		QUERY(CLIENT "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'>"
			     "<value>a</value></field></x>") },
	{ QUERY(CLIENT), QUERY(CLIENT "<x xmlns='jabber:x:data' type='result'><field var='a'>"
				      "<value>a</value></field></x>") },
};

START_TEST(order_makes_no_difference)
{
	struct arena *a = arena_new(0);

	ck_assert_str_eq(ver_of(a, same[_i][0]), ver_of(a, same[_i][1]));
	arena_free(&a);
}

END_TEST

static const char *const ill_formed[] = {
	QUERY(CLIENT CLIENT),
	QUERY(FEATURE("a") FEATURE("a")),
	QUERY("<feature/>"),
	QUERY(FEATURE("a&lt;b")),
	QUERY("<identity category='client' type='pc' name='a&lt;b'/>"),
	QUERY("<identity category='client/pc' type='b'/>"),
	QUERY(FORM("a", "") FORM("a", "")),
	QUERY(FORM("a</value><value>b", "")),
	QUERY(FORM("a", "<field var='b&lt;'/>")),
	QUERY(FORM("a", "<field var='b'><value>&lt;</value></field>")),
	QUERY(FORM("a", "<field var='b'/><field var='b'/>")),
};

START_TEST(what_is_ill_formed_has_no_hash)
{
	struct arena *a = arena_new(0);

	ck_assert_ptr_null(ver_of(a, ill_formed[_i]));
	arena_free(&a);
}

END_TEST

START_TEST(parts_are_bounded)
{
	struct arena *a = arena_new(0);
	struct xml *query = xml_new(a, NS_DISCO_INFO, "query");

	for (size_t i = 0; i < CAPS_PARTS_MAX; i++)
		xml_attr(a, xml_add(a, query, NS_DISCO_INFO, "feature"), "var",
			arena_printf(a, "%zu", i));
	ck_assert_ptr_nonnull(caps_ver(a, query, DIGEST_SHA256));
	xml_attr(a, xml_add(a, query, NS_DISCO_INFO, "feature"), "var", "one more");
	ck_assert_ptr_null(caps_ver(a, query, DIGEST_SHA256));
	arena_free(&a);
}

END_TEST

#define C(attributes) "<c xmlns='http://jabber.org/protocol/caps' " attributes "/>"

START_TEST(old_and_foreign_capabilities_are_not_read)
{
	struct arena *a = arena_new(0);
	struct caps c;

	ck_assert(caps_read(xml_of(a, C("hash='sha-1' node='n' ver='v'")), &c));
	ck_assert(c.hash == DIGEST_SHA1 && strcmp(c.node, "n") == 0 && strcmp(c.ver, "v") == 0);
	ck_assert(!caps_read(xml_of(a, C("node='n' ver='0.9' ext='a b'")), &c));
	ck_assert(!caps_read(xml_of(a, C("hash='md5' node='n' ver='v'")), &c));
	ck_assert(!caps_read(xml_of(a, C("hash='sha-1' ver='v'")), &c));
	ck_assert(!caps_read(xml_of(a, C("hash='sha-1' node='n'")), &c));
	ck_assert(!caps_read(NULL, &c));
	arena_free(&a);
}

END_TEST

Suite *
suite_caps(void)
{
	Suite *suite = suite_create("caps");
	TCase *tcase = tcase_create("caps");

	tcase_add_loop_test(tcase, the_examples_have_their_hash, 0, COUNT(examples));
	tcase_add_loop_test(tcase, order_makes_no_difference, 0, COUNT(same));
	tcase_add_loop_test(tcase, what_is_ill_formed_has_no_hash, 0, COUNT(ill_formed));
	tcase_add_test(tcase, parts_are_bounded);
	tcase_add_test(tcase, old_and_foreign_capabilities_are_not_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
