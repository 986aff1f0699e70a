/*
 * Large documents to events: each row is fed whole and in pieces of every size, and must always give
 * the same events.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "xml/document.h"

#include <check.h>
#include <string.h>

Suite *suite_document(void);

static const struct parse_limits limits = { 200, 5, 6 };

/* How elements of these names are treated: `t...` is entered for tags, `w...` for whole children,
 * `s...` is skipped, others come whole. */
static void
drain(struct document *d, struct buf *log)
{
	const struct xml *x;
	struct arena *a;

	for (;;) {
		switch (document_next(d, &a, &x)) {
		case DOCUMENT_MORE:
			return;
		case DOCUMENT_TAG:
			buf_printf(log, "<%s:%s@%zu", x->ns, x->name, document_line(d));
			for (const struct xml_attr *at = x->attrs; at; at = at->next)
				buf_printf(log, " %s=%s", at->name, at->value);
			buf_put_lit(log, "> ");
			if (x->name[0] == 't')
				document_enter(d, DOCUMENT_TAGS);
			else if (x->name[0] == 'w')
				document_enter(d, DOCUMENT_WHOLE);
			else if (x->name[0] == 's')
				document_skip(d);
			break;
		case DOCUMENT_ELEMENT:
			xml_write(log, x, "");
			buf_printf(log, "@%zu ", document_line(d));
			break;
		case DOCUMENT_LEAVE:
			buf_put_lit(log, "/ ");
			break;
		case DOCUMENT_END:
			buf_put_lit(log, "$");
			return;
		case DOCUMENT_FAULT:
			buf_printf(log, "!%zu %s", document_line(d), document_why(d));
			return;
		}
		arena_free(&a);
	}
}

static void
read_in_pieces(const char *text, size_t step, struct buf *log)
{
	struct document *d = document_new(&limits);
	size_t n = strlen(text);

	for (size_t at = 0; at < n; at += step) {
		document_feed(d, text + at, step < n - at ? step : n - at);
		drain(d, log);
		if (strpbrk(buf_text(log), "!$"))
			break;
	}
	document_close(d);
	if (!strpbrk(buf_text(log), "!$"))
		drain(d, log);
	document_free(&d);
}

static const struct {
	const char *in, *out;
} rows[] = {
	{ "<t/>", "<:t@1> / $" },
	{ "<t></t>", "<:t@1> / $" },
	{ "<?xml version='1.0' encoding='UTF-8'?>\n<t>\n</t>\n", "<:t@2> / $" },
	{ "<?xml version='1.0'?><!-- one --><t><!-- two\n --><x/></t><!-- three -->",
		"<:t@1> <:x@2> <x/>@2 / $" },
	{ "<?xml version='1.0' encoding=\"latin1\"?><t/>", "!1 the encoding is not UTF-8" },
	{ "<x a='1'>b</x>", "<:x@1 a=1> <x a='1'>b</x>@1 $" },
	{ "<x/>", "<:x@1> <x/>@1 $" },
	{ "<t><x/><x>1</x><x/></t>", "<:t@1> <:x@1> <x/>@1 <:x@1> <x>1</x>@1 <:x@1> <x/>@1 / $" },
	{ "<t xmlns='urn:a' xmlns:b='urn:b'>\n<b:t><x/><b:y b:z='1'/></b:t>\n<t xmlns='urn:c' u='v'/></t>",
		"<urn:a:t@1> <urn:b:t@2> <urn:a:x@2> <x xmlns='urn:a'/>@2 <urn:b:y@2 z=1> "
		"<y xmlns='urn:b' xmlns:ns0='urn:b' ns0:z='1'/>@2 / <urn:c:t@3 u=v> / / $" },
	{ "<t><w>\n<t>1</t>\n<s><w/></s></w><x/></t>",
		"<:t@1> <:w@1> <t>1</t>@2 <s><w/></s>@3 / <:x@3> <x/>@3 / $" },
	{ "<t><w/><w></w></t>", "<:t@1> <:w@1> / <:w@1> / / $" },
	{ "<t><s/><s a='>'>text <x>y</x><![CDATA[</s>]]><!-- </s> --></s\n><x/></t>",
		"<:t@1> <:s@1> / <:s@1 a=>> / <:x@2> <x/>@2 / $" },
	{ "<s><a><b><c><d><e><f><g/></f></e></d></c></b></a></s>", "<:s@1> / $" },
	{ "<t>\n<x>", "<:t@1> <:x@2> !2 the file ends too early" },
	{ "<t>\n<s><x/>", "<:t@1> <:s@2> !2 the file ends too early" },
	{ "<t>\n<", "<:t@1> !2 the file ends too early" },
	{ "", "!1 the file ends too early" },
	{ "<t>\n\ntext</t>", "<:t@1> !3 there is text where elements are expected" },
	{ "<t></x>", "<:t@1> !1 an element ends here that does not begin" },
	{ "<t></tt>", "<:t@1> !1 an element ends here that does not begin" },
	{ "<t/><t/>", "<:t@1> / !1 something comes behind the end" },
	{ "<t/>x", "<:t@1> / !1 something comes behind the end" },
	{ "<t><t><t><t><t><t/></t></t></t></t></t>",
		"<:t@1> <:t@1> <:t@1> <:t@1> <:t@1> !1 elements are too deep, or have too many attributes" },
	{ "<t><p:x/></t>", "<:t@1> !1 the prefix of a name is not declared" },
	{ "<!DOCTYPE t [<!ENTITY a 'b'>]><t>&a;</t>",
		"!1 there is a comment inside of data, a document type, a processing instruction or an entity" },
	{ "<t><?php x?></t>",
		"<:t@1> !1 there is a comment inside of data, a document type, a processing instruction or an entity" },
	{ "<t><x>&a;</x></t>",
		"<:t@1> <:x@1> !1 there is a comment inside of data, a document type, a processing instruction or an entity" },
	{ "<t><x><y></x></y></t>", "<:t@1> <:x@1> !1 this is not well-formed XML" },
};

START_TEST(gives_the_same_events_in_pieces_of_any_size)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	read_in_pieces(rows[_i].in, strlen(rows[_i].in) + 1, &whole);
	ck_assert_msg(
		strcmp(buf_text(&whole), rows[_i].out) == 0, "row %d: %s", _i, buf_text(&whole));
	for (size_t step = 1; step <= strlen(rows[_i].in); step++) {
		buf_clear(&pieces);
		read_in_pieces(rows[_i].in, step, &pieces);
		ck_assert_msg(strcmp(buf_text(&pieces), rows[_i].out) == 0, "row %d by %zu: %s", _i,
			step, buf_text(&pieces));
	}
	buf_fini(&whole);
	buf_fini(&pieces);
}

END_TEST

START_TEST(bounds_what_comes_whole_but_not_what_is_skipped)
{
	struct buf in = BUF_INIT, log = BUF_INIT;

	buf_put_lit(&in, "<t><s>");
	for (int i = 0; i < 1000; i++)
		buf_put_lit(&in, "<x>text</x>");
	buf_put_lit(&in, "</s><x>");
	for (int i = 0; i < 30; i++)
		buf_put_lit(&in, "ten bytes.");
	buf_put_lit(&in, "</x></t>");
	read_in_pieces(buf_text(&in), 50, &log);
	ck_assert_str_eq(buf_text(&log), "<:t@1> <:s@1> / <:x@1> !1 an element is too large");
	buf_fini(&in);
	buf_fini(&log);
}

END_TEST

Suite *
suite_document(void)
{
	Suite *s = suite_create("document");
	TCase *t = tcase_create("document");

	tcase_add_loop_test(t, gives_the_same_events_in_pieces_of_any_size, 0, COUNT(rows));
	tcase_add_test(t, bounds_what_comes_whole_but_not_what_is_skipped);
	suite_add_tcase(s, t);
	return s;
}
