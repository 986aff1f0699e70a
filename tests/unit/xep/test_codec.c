/*
 * What every payload format keeps: an element that is read and written stays the same when that is
 * done again, and unknown elements and attributes in it do no harm.
 *
 * Runs on: its own process
 */
#include "tests/unit/suite.h"
#include "tests/unit/xep/xep_test.h"
#include "xep/codec.h"

#include <string.h>

/* An element of each codec; one with what nobody knows is made of it. */
static const struct {
	const char *name, *text;
} examples[] = {
	{ "form",
		"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
		"<value>urn:xmpp:mam:2</value></field><field var='with'><value>juliet@capulet.lit"
		"</value></field><field type='fixed'><value>a</value><value>b</value></field></x>" },
	{ "form", "<x xmlns='jabber:x:data' type='cancel'/>" },
	{ "rsm", "<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><after>a</after>"
		 "<before>b</before></set>" },
	{ "rsm", "<set xmlns='http://jabber.org/protocol/rsm'><before/></set>" },
	{ "caps", "<c xmlns='http://jabber.org/protocol/caps' hash='sha-256' node='http://a' "
		  "ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>" },
};

static const struct codec *
codec_named(const char *name)
{
	const struct codec *c = codecs;

	while (c->name && strcmp(c->name, name) != 0)
		c++;
	ck_assert_msg(c->name != NULL, "no codec is called %s", name);
	return c;
}

START_TEST(what_is_read_is_written)
{
	struct arena *a = arena_new(0);
	const struct xml *x = xml_of(a, examples[_i].text);
	const struct xml *again = codec_named(examples[_i].name)->again(a, x);

	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(text_of(a, again), examples[_i].text);
	arena_free(&a);
}

END_TEST

START_TEST(what_is_unknown_is_passed_over)
{
	struct arena *a = arena_new(0);
	struct xml *x = xml_copy(a, xml_of(a, examples[_i].text));
	const struct xml *again;

	xml_attr(a, x, "unknown", "1");
	xml_attr_ns(a, x, "urn:example:unknown", "attribute", "1");
	xml_add_text(a, x, "urn:example:unknown", "child", "text");
	again = codec_named(examples[_i].name)->again(a, x);
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(text_of(a, again), examples[_i].text);
	arena_free(&a);
}

END_TEST

START_TEST(no_codec_takes_what_is_not_its_own)
{
	struct arena *a = arena_new(0);
	const struct xml *x = xml_of(a, "<other xmlns='urn:example:other' type='submit'/>");

	for (const struct codec *c = codecs; c->name; c++)
		ck_assert_msg(!c->again(a, x), "%s", c->name);
	arena_free(&a);
}

END_TEST

START_TEST(every_codec_has_an_example)
{
	for (const struct codec *c = codecs; c->name; c++) {
		size_t i = 0;

		while (i < COUNT(examples) && strcmp(examples[i].name, c->name) != 0)
			i++;
		ck_assert_msg(i < COUNT(examples), "%s", c->name);
	}
}

END_TEST

Suite *
suite_codec(void)
{
	Suite *suite = suite_create("codec");
	TCase *tcase = tcase_create("codec");

	tcase_add_loop_test(tcase, what_is_read_is_written, 0, COUNT(examples));
	tcase_add_loop_test(tcase, what_is_unknown_is_passed_over, 0, COUNT(examples));
	tcase_add_test(tcase, no_codec_takes_what_is_not_its_own);
	tcase_add_test(tcase, every_codec_has_an_example);
	suite_add_tcase(suite, tcase);
	return suite;
}
