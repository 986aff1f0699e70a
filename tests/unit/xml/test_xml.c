/*
 * Trees: finding, building, copying; and how they are written.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "xml/parse.h"

#include <check.h>
#include <string.h>

Suite *suite_xml(void);

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

static const char *
text_of(const struct xml *x, const char *default_ns)
{
	struct buf b = BUF_INIT;
	const char *copy;

	xml_write(&b, x, default_ns);
	copy = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return copy;
}

/* The only child of a stanza-like element. */
static const struct xml *
tree(const char *bytes)
{
	struct parser *p = parser_new();
	struct arena *own = NULL;
	const struct xml *x;
	struct xml *copy;

	parser_resume(p, STR_NONE);
	parser_feed(p, bytes, strlen(bytes));
	ck_assert_int_eq(parser_next(p, &own, &x), PARSED_ELEMENT);
	copy = xml_copy(a, x);
	arena_free(&own);
	parser_free(&p);
	return copy;
}

START_TEST(children_are_found_by_name_and_namespace)
{
	const struct xml *x = tree("<r>t<a/>u<b xmlns='urn:b'/><a i='2'/></r>"), *c;

	ck_assert(xml_is(x, NS_CLIENT, "r"));
	ck_assert(xml_is(x, NULL, "r"));
	ck_assert(xml_is(x, NS_CLIENT, NULL));
	ck_assert(!xml_is(x, "urn:b", "r"));
	ck_assert(!xml_is(NULL, NULL, NULL));
	ck_assert(!xml_is(x->first, NULL, NULL)); /* text */
	c = xml_child(x, NULL, "a");
	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_null(xml_get(c, "i"));
	c = xml_next(c, NULL, "a");
	ck_assert_str_eq(xml_get(c, "i"), "2");
	ck_assert_ptr_null(xml_next(c, NULL, NULL));
	ck_assert_ptr_nonnull(xml_child(x, "urn:b", NULL));
	ck_assert_ptr_null(xml_child(x, "urn:b", "a"));
	ck_assert_uint_eq(xml_count(x), 3);
	ck_assert_uint_eq(xml_count(c), 0);
}

END_TEST

START_TEST(the_loop_sees_elements_only)
{
	const struct xml *x = tree("<r>t<a/>u<b/>v</r>");
	char seen[8] = "";

	xml_for_each(c, x) strncat(seen, c->name, 1);
	ck_assert_str_eq(seen, "ab");
}

END_TEST

START_TEST(attributes_are_found_by_namespace)
{
	const struct xml *x = tree("<r xmlns:p='urn:p' p:id='1' xml:lang='de' lang='x'/>");

	ck_assert_ptr_null(xml_get(x, "id"));
	ck_assert_str_eq(xml_get(x, "lang"), "x");
	ck_assert_str_eq(xml_lang(x), "de");
	ck_assert_ptr_null(xml_lang(tree("<r lang='x'/>")));
}

END_TEST

START_TEST(text_is_joined)
{
	ck_assert(str_is(xml_text_of(a, NULL), ""));
	ck_assert(!xml_get(NULL, "a") && !xml_child(NULL, NULL, NULL) && !xml_lang(NULL));
	ck_assert_uint_eq(xml_count(NULL), 0);
	ck_assert(str_is(xml_text_of(a, tree("<r/>")), ""));
	ck_assert(str_is(xml_text_of(a, tree("<r><b>no</b></r>")), ""));
	ck_assert(str_is(xml_text_of(a, tree("<r>one</r>")), "one"));
	ck_assert(str_is(
		xml_text_of(a, tree("<r>one<b>no</b> two&amp;<c/>three</r>")), "one two&three"));
}

END_TEST

START_TEST(a_built_tree_is_written)
{
	struct xml *x = xml_new(a, "urn:x", "x"), *c;

	xml_attr(a, x, "a", "1 < 2");
	xml_attr(a, x, "none", NULL);
	xml_attrf(a, x, "n", "%d-%s", 7, "y");
	xml_attr_ns(a, x, NS_XML, "lang", "en");
	c = xml_add(a, x, "urn:x", "c");
	xml_text(a, c, STR("t&"));
	xml_text(a, c, STR(""));
	xml_add_text(a, x, NS_CLIENT, "d", NULL);
	xml_add_text(a, x, "", "e", "");
	xml_adopt(x, xml_new(a, "urn:x", "f"));
	ck_assert_str_eq(text_of(x, NS_CLIENT),
		"<x xmlns='urn:x' a='1 &lt; 2' n='7-y' xml:lang='en'><c>t&amp;</c>"
		"<d xmlns='jabber:client'/><e xmlns=''/><f/></x>");
	ck_assert_str_eq(text_of(c, "urn:x"), "<c>t&amp;</c>");
	ck_assert_str_eq(text_of(c, NULL), "<c xmlns='urn:x'>t&amp;</c>");
}

END_TEST

START_TEST(attributes_get_prefixes)
{
	struct xml *x = xml_new(a, NS_CLIENT, "x");

	xml_attr(a, x, "a", "0");
	xml_attr_ns(a, x, "urn:1", "a", "1");
	xml_attr_ns(a, x, "urn:2", "a", "2");
	xml_attr_ns(a, x, "urn:1", "b", "3");
	ck_assert_str_eq(text_of(x, NS_CLIENT),
		"<x a='0' xmlns:ns1='urn:1' ns1:a='1' xmlns:ns2='urn:2' ns2:a='2' ns1:b='3'/>");
	ck_assert_str_eq(text_of(tree(text_of(x, NS_CLIENT)), NS_CLIENT), text_of(x, NS_CLIENT));
}

END_TEST

START_TEST(a_copy_is_deep)
{
	struct arena *other = arena_new(0);
	char name[] = "name", ns[] = "urn:ns";
	struct xml *x = xml_new(other, ns, name), *copy;

	xml_attr(other, x, name, "v");
	xml_text(other, x, STR("t"));
	xml_add_text(other, x, ns, name, "u");
	copy = xml_copy(a, x);
	arena_free(&other);
	memset(name, '!', 4);
	memset(ns, '!', 6);
	ck_assert_str_eq(text_of(copy, "urn:ns"), "<name name='v'>t<name>u</name></name>");
}

END_TEST

/* What a reader would change is escaped; all else stays. */
START_TEST(escapes_survive_a_reader)
{
	struct xml *x = xml_new(a, NS_CLIENT, "x");
	const struct xml *back;
	static const char hard[] = "<>&'\"\t\n\r ]]>\xea\xb0\x80\xf0\x9f\x98\x80&amp;";

	xml_attr(a, x, "a", hard);
	xml_text(a, x, str_of(hard));
	back = tree(text_of(x, NS_CLIENT));
	ck_assert_str_eq(xml_get(back, "a"), hard);
	ck_assert(str_is(xml_text_of(a, back), hard));
}

END_TEST

static const char *const round_trips[] = {
	"<a/>",
	"<a>text</a>",
	"<a b='c'>x<d/>y<e xmlns='urn:e'><f/><g xmlns='jabber:client'/></e>z</a>",
	"<a xmlns='urn:a'><b xmlns=''><c xmlns='urn:a'/></b></a>",
	"<a xml:lang='en'><xml:b><c/></xml:b></a>",
	"<a xmlns='it&apos;s &lt;odd&gt;'/>",
};

START_TEST(a_written_tree_reads_the_same)
{
	ck_assert_str_eq(text_of(tree(round_trips[_i]), NS_CLIENT), round_trips[_i]);
}

END_TEST

Suite *
suite_xml(void)
{
	Suite *s = suite_create("xml");
	TCase *t = tcase_create("xml");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, children_are_found_by_name_and_namespace);
	tcase_add_test(t, the_loop_sees_elements_only);
	tcase_add_test(t, attributes_are_found_by_namespace);
	tcase_add_test(t, text_is_joined);
	tcase_add_test(t, a_built_tree_is_written);
	tcase_add_test(t, attributes_get_prefixes);
	tcase_add_test(t, a_copy_is_deep);
	tcase_add_test(t, escapes_survive_a_reader);
	tcase_add_loop_test(t, a_written_tree_reads_the_same, 0, COUNT(round_trips));
	suite_add_tcase(s, t);
	return s;
}
