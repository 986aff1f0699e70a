/*
 * Streams to events: each row is fed whole, byte by byte, and cut in two at every position, and
 * must always give the same events.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "xml/parse.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

Suite *suite_parse(void);

#define HEAD "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
#define HEADX                                                                                      \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p'>"

static const struct parse_limits limits = { 2000, 5, 6 };

static const char *const faults[] = {
	[PARSE_OK] = "ok",
	[PARSE_NOT_WELL_FORMED] = "not-well-formed",
	[PARSE_RESTRICTED] = "restricted",
	[PARSE_BAD_ENCODING] = "encoding",
	[PARSE_BAD_PREFIX] = "prefix",
	[PARSE_STRAY_TEXT] = "stray",
	[PARSE_TOO_BIG] = "big",
	[PARSE_TOO_DEEP] = "deep",
};

/* Takes all events there are and notes them: H header, E element, $ end, ! fault. */
static void
drain(struct parser *p, struct buf *log)
{
	const struct xml *x;
	struct arena *a;

	for (;;) {
		switch (parser_next(p, &a, &x)) {
		case PARSED_MORE:
			return;
		case PARSED_HEADER:
			buf_put_lit(log, "H ");
			break;
		case PARSED_ELEMENT:
			buf_put_lit(log, "E ");
			xml_write(log, x, NS_CLIENT);
			buf_put_char(log, ' ');
			break;
		case PARSED_END:
			buf_put_lit(log, "$");
			return;
		case PARSED_FAULT:
			buf_printf(log, "!%s", faults[parser_fault(p)]);
			return;
		}
		arena_free(&a);
	}
}

static void
feed(struct parser *p, const char *bytes, size_t n, struct buf *log)
{
	if (n == 0 || strchr(buf_text(log), '$') || strchr(buf_text(log), '!'))
		return;
	parser_feed(p, bytes, n);
	drain(p, log);
}

static const struct {
	const char *in, *events;
} rows[] = {
	/* ---- headers ---- */
	{ HEAD, "H " },
	{ " \r\n" HEAD, "H " },
	{ "<?xml version='1.0'?>" HEAD, "H " },
	{ "<?xml version='1.0' encoding='utf-8'?>\n" HEAD, "H " },
	{ "\n<?xml version='1.0' encoding=\"UTF-8\" standalone='yes'?>" HEAD, "H " },
	{ "<?xml version='1.0' encoding='ISO-8859-1'?>" HEAD, "!encoding" },
	{ "<?xml version='1.0' encoding='UTF-16'?>" HEAD, "!encoding" },
	{ "\xfe\xff" HEAD, "!encoding" },
	{ "\xff\xfe" HEAD, "!encoding" },
	{ "\xfe" HEAD, "!not-well-formed" },
	{ "<?xml version='1.1'?>" HEAD, "H " },
	{ "<?xml version='2.0'?>" HEAD, "!not-well-formed" },
	{ "<?xml version='1.0'?><?xml version='1.0'?>" HEAD, "!restricted" },
	{ "<?xmlx version='1.0'?>" HEAD, "!restricted" },
	{ "<?php ?>" HEAD, "!restricted" },
	{ "<!DOCTYPE stream>" HEAD, "!restricted" },
	{ "<!-- x -->" HEAD, "!restricted" },
	{ "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]>" HEAD, "!restricted" },
	{ "\xef\xbb\xbf" HEAD, "!not-well-formed" },
	{ "hello" HEAD, "!not-well-formed" },
	{ "</stream:stream>", "!not-well-formed" },
	{ "<stream:stream xmlns='jabber:client'>", "!prefix" },
	{ "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' a='1' a='2'>",
		"!not-well-formed" },
	{ "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", "H $" },
	{ "<stream/>", "H $" },
	{ "<stream><a/></stream>", "H E <a xmlns=''/> $" },
	{ "< stream>", "!not-well-formed" },
	{ "GET / HTTP/1.1\r\n\r\n", "!not-well-formed" },
	/* ---- the end ---- */
	{ HEAD "</stream:stream>", "H $" },
	{ HEAD " </stream:stream \n> junk", "H $" },
	{ HEAD "</stream:stream x>", "H !not-well-formed" },
	{ HEAD "</stream:streams>", "H !not-well-formed" },
	{ HEAD "</stream>", "H !not-well-formed" },
	{ HEAD "<a/></stream:stream><b/>", "H E <a/> $" },
	/* ---- elements ---- */
	{ HEAD "<message/>", "H E <message/> " },
	{ HEAD "<message><body>hi</body></message>", "H E <message><body>hi</body></message> " },
	{ HEAD "<a/><b/>\n\t <c/>", "H E <a/> E <b/> E <c/> " },
	{ HEAD "<a b='1' c=\"2\"/>", "H E <a b='1' c='2'/> " },
	{ HEAD "<a b='>' c='/>' d=\"'\"/>", "H E <a b='&gt;' c='/&gt;' d='&apos;'/> " },
	{ HEAD "<a b='<'/>", "H !not-well-formed" },
	{ HEAD "<a>x &amp; &lt;y&gt; &quot;&apos; &#x41;&#66;</a>",
		"H E <a>x &amp; &lt;y&gt; \"' AB</a> " },
	{ HEAD "<a>1\r\n2\r3</a>", "H E <a>1\n2\n3</a> " },
	{ HEAD "<a b='1\n2\t3&#10;'/>", "H E <a b='1 2 3&#10;'/> " },
	{ HEAD "<a><![CDATA[<b/>&amp;]]]></a></a>",
		"H E <a>&lt;b/&gt;&amp;amp;]</a> !not-well-formed" },
	{ HEAD "<a><![CDATA[]]>b<![CDATA[c]]></a>", "H E <a>bc</a> " },
	{ HEAD "<a>\xef\xbb\xbf</a>", "H E <a>\xef\xbb\xbf</a> " },
	{ HEAD "<a xml:lang='ko'>\xea\xb0\x80</a>", "H E <a xml:lang='ko'>\xea\xb0\x80</a> " },
	/* ---- namespaces ---- */
	{ HEAD "<a xmlns='urn:a'><b/><c xmlns='urn:c'/><d xmlns=''/></a>",
		"H E <a xmlns='urn:a'><b/><c xmlns='urn:c'/><d xmlns=''/></a> " },
	{ HEAD "<x:a xmlns:x='urn:x'><x:b/><c/></x:a>",
		"H E <a xmlns='urn:x'><b/><c xmlns='jabber:client'/></a> " },
	{ HEAD "<a xmlns:x='urn:1'><x:b xmlns:x='urn:2'><x:c/></x:b><x:d/></a>",
		"H E <a><b xmlns='urn:2'><c/></b><d xmlns='urn:1'/></a> " },
	{ HEAD "<a xmlns:x='urn:x' x:b='1' b='2'/>",
		"H E <a xmlns:ns0='urn:x' ns0:b='1' b='2'/> " },
	{ HEAD "<stream:error/>", "H E <error xmlns='http://etherx.jabber.org/streams'/> " },
	{ HEADX "<p:a p:b='1'/>", "H E <a xmlns='urn:p' xmlns:ns0='urn:p' ns0:b='1'/> " },
	{ HEADX "<p:a xmlns:p='urn:q'/><p:a/>", "H E <a xmlns='urn:q'/> E <a xmlns='urn:p'/> " },
	{ HEAD "<p:a/>", "H !prefix" },
	{ HEAD "<a p:b='1'/>", "H !prefix" },
	{ HEAD "<a xmlns:p='urn:p'/><p:b/>", "H E <a/> !prefix" },
	{ HEAD "<a><b xmlns:p='urn:p'/><p:c/></a>", "H !prefix" },
	{ HEAD "<a xmlns:p=''/>", "H !not-well-formed" },
	{ HEAD "<a xmlns:xmlns='urn:a'/>", "H !not-well-formed" },
	{ HEAD "<a xmlns:xml='urn:a'/>", "H !not-well-formed" },
	{ HEAD "<a xmlns:b='http://www.w3.org/XML/1998/namespace'/>", "H !not-well-formed" },
	{ HEAD "<a xmlns='http://www.w3.org/2000/xmlns/'/>", "H !not-well-formed" },
	{ HEAD "<xmlns:a/>", "H !prefix" },
	{ HEAD "<a:/>", "H !not-well-formed" },
	{ HEAD "<:a/>", "H !not-well-formed" },
	{ HEADX "<p:a:b/>", "H !not-well-formed" },
	{ HEADX "<p:-b/>", "H !not-well-formed" },
	{ HEADX "<p:1/>", "H !not-well-formed" },
	{ HEAD "<a xmlns:b='urn:c' xmlns:d='urn:c' b:e='1' d:e='2'/>", "H !not-well-formed" },
	{ HEAD "<xml:a xml:b='1'/>", "H E <xml:a xml:b='1'/> " },
	/* ---- not well formed ---- */
	{ HEAD "<a></b>", "H !not-well-formed" },
	{ HEAD "<a><b></a></b>", "H !not-well-formed" },
	{ HEAD "<a b=1/>", "H !not-well-formed" },
	{ HEAD "<a b='1' b='2'/>", "H !not-well-formed" },
	{ HEAD "<a b='1'c='2'/>", "H !not-well-formed" },
	{ HEAD "<a <b/>", "H !not-well-formed" },
	{ HEAD "<a></a b='1'>", "H !not-well-formed" },
	{ HEAD "<>", "H " },
	{ HEAD "<></>", "H !not-well-formed" },
	{ HEAD "<a>]]></a>", "H !not-well-formed" },
	{ HEAD "<a>&#0;</a>", "H !not-well-formed" },
	{ HEAD "<a>&#xd800;</a>", "H !not-well-formed" },
	{ HEAD "<a>&#xfffe;</a>", "H !not-well-formed" },
	{ HEAD "<a>\x01</a>", "H !not-well-formed" },
	{ HEAD "<a>\xff</a>", "H !not-well-formed" },
	{ HEAD "<a>\xc0\x80</a>", "H !not-well-formed" },
	{ HEAD "<a>\xed\xa0\x80</a>", "H !not-well-formed" },
	{ HEAD "<a>\xef\xbf\xbf</a>", "H !not-well-formed" },
	{ HEAD "<a>\xf4\x90\x80\x80</a>", "H !not-well-formed" },
	{ HEAD "<a>&amp</a>", "H !not-well-formed" },
	{ HEAD "<a>&</a>", "H !not-well-formed" },
	/* ---- restricted (RFC 6120 11.1) ---- */
	{ HEAD "<a>&nbsp;</a>", "H !restricted" },
	{ HEAD "<a b='&foo;'/>", "H !restricted" },
	{ HEAD "<a><!-- x --></a>", "H !restricted" },
	{ HEAD "<a><?x y?></a>", "H !restricted" },
	{ HEAD "<!-- x -->", "H !restricted" },
	{ HEAD "<?x y?>", "H !restricted" },
	{ HEAD "<!DOCTYPE a>", "H !restricted" },
	{ HEAD "<a><!DOCTYPE a></a>", "H !restricted" },
	{ HEAD "<a/><?xml version='1.0'?>", "H E <a/> !restricted" },
	/* ---- between stanzas ---- */
	{ HEAD " \n\t\r ", "H " },
	{ HEAD "x", "H !stray" },
	{ HEAD "<a/>x<b/>", "H E <a/> !stray" },
	{ HEAD "&amp;", "H !stray" },
	{ HEAD "<![CDATA[x]]>", "H !stray" },
	{ HEAD "\xef\xbb\xbf", "H !stray" },
	/* ---- limits: depth 5, 6 attributes ---- */
	{ HEAD "<a><b><c><d><e/></d></c></b></a>", "H E <a><b><c><d><e/></d></c></b></a> " },
	{ HEAD "<a><b><c><d><e>x</e></d></c></b></a>",
		"H E <a><b><c><d><e>x</e></d></c></b></a> " },
	{ HEAD "<a><b><c><d><e><f/></e></d></c></b></a>", "H !deep" },
	{ HEAD "<a><b><c><d><e><f></f></e></d></c></b></a>", "H !deep" },
	{ HEAD "<z a='' b='' c='' d='' e='' f=''/>", "H E <z a='' b='' c='' d='' e='' f=''/> " },
	{ HEAD "<z a='' b='' c='' d='' e='' f='' g=''/>", "H !deep" },
	{ HEAD "<z xmlns:a='a' xmlns:b='a' xmlns:c='a' xmlns:d='a' xmlns:e='a' xmlns:f='a' g=''/>",
		"H !deep" },
	{ HEAD "<z xmlns:a='a' xmlns:b='a' xmlns:c='a'><z xmlns:d='a' xmlns:e='a' xmlns:f='a'/><z xmlns:d='a' d:g=''/></z>",
		"H E <z><z/><z xmlns:ns0='a' ns0:g=''/></z> " },
	{ HEAD "<z xmlns:a='a' xmlns:b='a' xmlns:c='a'><z xmlns:d='a' xmlns:e='a' xmlns:f='a' xmlns:g='a'/></z>",
		"H !deep" },
	/* ---- good elements before a fault are delivered ---- */
	{ HEAD "<a/><b/><c></d>", "H E <a/> E <b/> !not-well-formed" },
};

START_TEST(a_stream_gives_its_events)
{
	const char *in = rows[_i].in;
	size_t n = strlen(in);

	for (size_t cut = 0; cut <= n + 1; cut++) {
		struct parser *p = parser_new();
		struct buf log = BUF_INIT;

		parser_limit(p, &limits);
		if (cut <= n) {
			feed(p, in, cut, &log);
			feed(p, in + cut, n - cut, &log);
		} else {
			for (size_t i = 0; i < n; i++)
				feed(p, in + i, 1, &log);
		}
		ck_assert_msg(strcmp(buf_text(&log), rows[_i].events) == 0,
			"row %d %s cut at %zu: got %s, expected %s", _i, in, cut, buf_text(&log),
			rows[_i].events);
		buf_fini(&log);
		parser_free(&p);
	}
}

END_TEST

/* ---- size ---------------------------------------------------------------- */

/* A stream of the header and one message of `size` bytes; *n gets its length. */
static char *
sized(size_t size, size_t *n)
{
	static const char open[] = "<message><body>", close[] = "</body></message>";
	size_t head = strlen(HEAD), fill = size - strlen(open) - strlen(close);
	char *s = mem_new(head + size + 1), *at = s;

	memcpy(at, HEAD, head);
	at += head;
	memcpy(at, open, strlen(open));
	at += strlen(open);
	memset(at, 'x', fill);
	at += fill;
	memcpy(at, close, strlen(close));
	*n = head + size;
	return s;
}

static enum parsed
last_event(
	const char *in, size_t n, size_t step, const struct parse_limits *l, enum parse_fault *why)
{
	struct parser *p = parser_new();
	enum parsed got = PARSED_MORE;

	parser_limit(p, l);
	for (size_t at = 0; at < n && got != PARSED_FAULT; at += step) {
		const struct xml *x;
		struct arena *a = NULL;
		enum parsed e;

		parser_feed(p, in + at, n - at < step ? n - at : step);
		while ((e = parser_next(p, &a, &x)) != PARSED_MORE && e != PARSED_END) {
			got = e;
			arena_free(&a);
			if (e == PARSED_FAULT)
				break;
		}
	}
	*why = parser_fault(p);
	parser_free(&p);
	return got;
}

START_TEST(size_is_counted_from_bracket_to_bracket)
{
	static const size_t steps[] = { 1, 7, 100, 1000, 100000 };
	size_t n;
	enum parse_fault why;

	for (size_t i = 0; i < COUNT(steps); i++) {
		char *s = sized(limits.max_bytes, &n);

		ck_assert_int_eq(last_event(s, n, steps[i], &limits, &why), PARSED_ELEMENT);
		mem_free(&s);
		s = sized(limits.max_bytes + 1, &n);
		ck_assert_int_eq(last_event(s, n, steps[i], &limits, &why), PARSED_FAULT);
		ck_assert_int_eq(why, PARSE_TOO_BIG);
		mem_free(&s);
	}
}

END_TEST

/* Opens with `open`, then repeats `unit` until n bytes. */
static char *
repeated(const char *open, const char *unit, size_t n)
{
	struct buf b = BUF_INIT;

	buf_put_text(&b, HEAD);
	buf_put_text(&b, open);
	while (buf_len(&b) < n)
		buf_put_text(&b, unit);
	buf_text(&b);
	return b.mem;
}

static const struct {
	const char *open, *unit;
	enum parse_fault why;
} floods[] = {
	{ "", "                ", PARSE_OK }, /* white space between stanzas has no end */
	{ "<a>", "x", PARSE_TOO_BIG },
	{ "<a b='", "x", PARSE_TOO_BIG },
	{ "<a ", "b", PARSE_TOO_BIG },
	{ "<", "a", PARSE_TOO_BIG },
	{ "</", "a", PARSE_TOO_BIG },
	{ "<a><![CDATA[", "x", PARSE_TOO_BIG },
	{ "<a>", "<b>", PARSE_TOO_DEEP },
	{ "<a>", "<b/>", PARSE_TOO_BIG }, /* out of proportion before its bytes are too many */
	{ "<a>", "&amp;", PARSE_TOO_BIG },
};

START_TEST(a_flood_stops_at_the_limit)
{
	char *s = repeated(floods[_i].open, floods[_i].unit, 20 * limits.max_bytes);
	enum parse_fault why;

	last_event(s, strlen(s), 50, &limits, &why);
	ck_assert_msg(why == floods[_i].why, "row %d: %s", _i, faults[why]);
	mem_free(&s);
}

END_TEST

START_TEST(a_header_has_a_limit_too)
{
	struct buf b = BUF_INIT;
	enum parse_fault why;

	buf_put_lit(&b, "<?xml version='1.0'?><stream:stream a='");
	for (size_t i = 0; i < limits.max_bytes; i++)
		buf_put_char(&b, 'x');
	ck_assert_int_eq(last_event(buf_bytes(&b), buf_len(&b), 10, &limits, &why), PARSED_FAULT);
	ck_assert_int_eq(why, PARSE_TOO_BIG);
	buf_fini(&b);
}

END_TEST

/* One long namespace and many short names would be written as many long namespaces. */
START_TEST(namespaces_do_not_multiply)
{
	struct parse_limits l = { 100000, 5, 6 };
	struct buf b = BUF_INIT;
	enum parse_fault why;

	buf_put_lit(&b, HEAD "<a xmlns:x='");
	for (int i = 0; i < 1000; i++)
		buf_put_char(&b, 'x');
	buf_put_lit(&b, "'>");
	for (int i = 0; i < 200; i++)
		buf_put_lit(&b, "<x:y/>           ");
	buf_put_lit(&b, "</a>");
	ck_assert_int_eq(last_event(buf_bytes(&b), buf_len(&b), 4096, &l, &why), PARSED_FAULT);
	ck_assert_int_eq(why, PARSE_TOO_BIG);
	buf_fini(&b);
}

END_TEST

/* ---- state --------------------------------------------------------------- */

static void
expect(struct parser *p, const char *bytes, const char *events)
{
	struct buf log = BUF_INIT;

	parser_feed(p, bytes, strlen(bytes));
	drain(p, &log);
	ck_assert_str_eq(buf_text(&log), events);
	buf_fini(&log);
}

START_TEST(the_rest_is_raw)
{
	struct parser *p = parser_new();
	const struct xml *x;
	struct arena *a = NULL;
	static const char in[] =
		HEAD "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/> \x16\x03<&&";

	parser_feed(p, in, strlen(in));
	ck_assert_int_eq(parser_next(p, &a, &x), PARSED_HEADER);
	arena_free(&a);
	ck_assert_int_eq(parser_next(p, &a, &x), PARSED_ELEMENT);
	ck_assert(xml_is(x, NS_TLS, "starttls"));
	ck_assert(str_is(parser_rest(p), " \x16\x03<&&"));
	ck_assert(!parser_is_idle(p));
	arena_free(&a);
	parser_free(&p);
}

END_TEST

START_TEST(a_pipelined_stream_goes_on_after_a_restart)
{
	struct parser *p = parser_new();
	const struct xml *x;
	struct arena *a = NULL;
	static const char in[] = HEAD "<auth/><?xml version='1.0'?>" HEADX "<p:iq/>";

	parser_feed(p, in, strlen(in));
	ck_assert_int_eq(parser_next(p, &a, &x), PARSED_HEADER);
	arena_free(&a);
	ck_assert_int_eq(parser_next(p, &a, &x), PARSED_ELEMENT);
	arena_free(&a);
	parser_restart(p);
	expect(p, "", "H E <iq xmlns='urn:p'/> ");
	ck_assert_uint_eq(parser_count(p), 1);
	parser_free(&p);
}

END_TEST

START_TEST(a_reset_parser_forgets)
{
	struct parser *p = parser_new();

	expect(p, HEADX "<p:a/><b", "H E <a xmlns='urn:p'/> ");
	ck_assert(!parser_is_idle(p));
	parser_reset(p);
	ck_assert(!parser_is_idle(p)); /* a header is missing */
	ck_assert_uint_eq(parser_rest(p).n, 0);
	expect(p, HEAD "<p:a/>", "H !prefix");
	parser_reset(p);
	expect(p, HEAD "<a/>", "H E <a/> ");
	ck_assert(parser_is_idle(p));
	parser_free(&p);
}

END_TEST

static const struct {
	const char *header, *element, *events;
	bool plain;
} headers[] = {
	{ HEAD, "<a/>", "E <a/> ", true },
	{ "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' to='x' version='1.0' xml:lang='en' xmlns='jabber:client'>",
		"<stream:a/></stream:stream>", "E <a xmlns='http://etherx.jabber.org/streams'/> $",
		true },
	{ HEADX, "<p:a/></stream:stream>", "E <a xmlns='urn:p'/> $", false },
	{ "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>",
		"<s:a/></s:stream>", "E <a xmlns='http://etherx.jabber.org/streams'/> $", false },
	{ "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>",
		"</stream:stream>", "!not-well-formed", false },
	{ "<stream:stream xmlns='jabber:client' xmlns:stream='urn:other'>", "<stream:a/>",
		"E <a xmlns='urn:other'/> ", false },
	{ "<stream xmlns='http://etherx.jabber.org/streams' xmlns:q='a&quot;&apos;&amp;&lt;b'>",
		"<q:a/></stream>", "E <a xmlns='a&quot;&apos;&amp;&lt;b'/> $", false },
	{ "<stream>", "<a/>", "E <a xmlns=''/> ", false },
};

START_TEST(a_resumed_parser_knows_the_header)
{
	struct parser *p = parser_new(), *q = parser_new();
	char *kept;
	struct str header;

	parser_limit(q, &limits);
	expect(p, headers[_i].header, "H ");
	header = parser_header(p);
	ck_assert_int_eq(header.p == NULL, headers[_i].plain);
	kept = mem_copy_str(header);
	parser_free(&p);
	parser_resume(q, (struct str){ kept, header.n });
	ck_assert(parser_is_idle(q));
	ck_assert_uint_eq(parser_count(q), 0);
	expect(q, headers[_i].element, headers[_i].events);
	mem_free(&kept);
	parser_free(&q);
}

END_TEST

/* A header may say more in escapes than the limit lets in. */
START_TEST(a_long_header_can_be_resumed)
{
	struct parser *p = parser_new();
	struct buf b = BUF_INIT;

	parser_limit(p, &limits);
	buf_put_lit(&b, "<s xmlns:a='");
	for (int i = 0; i < 1900; i++)
		buf_put_char(&b, '"');
	buf_put_lit(&b, "'>");
	expect(p, buf_text(&b), "H ");
	ck_assert_uint_gt(parser_header(p).n, limits.max_bytes);
	buf_clear(&b);
	buf_put_str(&b, parser_header(p));
	parser_resume(p, buf_str(&b));
	expect(p, "<b/>", "E <b xmlns=''/> ");
	buf_fini(&b);
	parser_free(&p);
}

END_TEST

START_TEST(a_fault_stays_with_its_stream)
{
	struct parser *bad = parser_new(), *good = parser_new();

	expect(good, HEAD "<a", "H ");
	expect(bad, HEAD "<a></b>", "H !not-well-formed");
	expect(bad, "<c/>", "!not-well-formed");
	expect(good, "/>", "E <a/> ");
	parser_free(&bad);
	expect(good, "<b>", "");
	expect(good, "</b>", "E <b/> ");
	parser_free(&good);
}

END_TEST

/* Expat remembers each name until it is reset: it must be reset now and then. */
START_TEST(new_names_go_on_for_ever)
{
	struct parser *p = parser_new();
	char name[64], events[64];

	parser_resume(p, STR_NONE);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "<n%d a%d='1'/>", i, i);
		snprintf(events, sizeof(events), "E <n%d a%d='1'/> ", i, i);
		expect(p, name, events);
	}
	ck_assert_uint_eq(parser_count(p), 20000);
	parser_free(&p);
}

END_TEST

/* ---- as written ---------------------------------------------------------- */

static const struct {
	const char *in, *content; /* NULL: not usable as it was written */
} written[] = {
	{ "<message to='a'><body>x</body></message>", "<body>x</body>" },
	{ "<iq><query xmlns='jabber:iq:roster'/></iq>", "<query xmlns='jabber:iq:roster'/>" },
	{ "<message> <body\n>x &amp; &#x41;</body > </message >",
		" <body\n>x &amp; &#x41;</body > " },
	{ "<message><x xmlns='urn:x'><y xmlns='jabber:client'/></x></message>",
		"<x xmlns='urn:x'><y xmlns='jabber:client'/></x>" },
	{ "<message><body xml:lang='ko'>x</body></message>", "<body xml:lang='ko'>x</body>" },
	{ "<message xmlns='jabber:client'><body/></message>", "<body/>" },
	{ "<message/>", NULL },
	{ "<message></message>", NULL },
	{ "<a><body/></a>", NULL },
	{ "<message xmlns='urn:x'><body/></message>", NULL },
	{ "<message><body xmlns='jabber:client'/></message>", NULL },
	{ "<message><p:body/></message>", NULL },
	{ "<message><body p:a='1'/></message>", NULL },
	{ "<message><x:body xmlns:x='urn:x'/></message>", NULL },
	{ "<message><body><![CDATA[x]]></body></message>", NULL },
};

START_TEST(content_is_kept_as_written_where_it_may)
{
	struct parser *p = parser_new();
	const struct xml *x;
	struct arena *a = NULL;

	expect(p, HEADX, "H ");
	parser_feed(p, written[_i].in, strlen(written[_i].in));
	ck_assert_int_eq(parser_next(p, &a, &x), PARSED_ELEMENT);
	if (written[_i].content)
		ck_assert_str_eq(x->text.p, written[_i].content);
	else
		ck_assert_ptr_null(x->text.p);
	arena_free(&a);
	parser_free(&p);
}

END_TEST

START_TEST(a_usual_stanza_is_one_chunk)
{
	static const char in[] =
		"<message to='juliet@capulet.example/balcony' id='a1b2c3d4-e5f6-7890' type='chat'>"
		"<body>Wherefore art thou, Romeo? Deny thy father and refuse thy name.</body>"
		"<active xmlns='http://jabber.org/protocol/chatstates'/>"
		"<origin-id xmlns='urn:xmpp:sid:0' id='a1b2c3d4-e5f6-7890'/></message>";
	struct parser *p = parser_new();
	const struct xml *x;
	struct arena *a = NULL;
	size_t before;

	parser_resume(p, STR_NONE);
	parser_feed(p, in, strlen(in));
	ck_assert_int_eq(parser_next(p, &a, &x), PARSED_ELEMENT);
	before = arena_size(a);
	ck_assert_uint_lt(before, 4096);
	arena_alloc(a, 512); /* what the envelope needs */
	ck_assert_uint_eq(arena_size(a), before);
	arena_free(&a);
	parser_free(&p);
}

END_TEST

/* ---- threads ------------------------------------------------------------- */

static void *
parse_much(void *result)
{
	struct parser *p = parser_new();
	bool *ok = result;

	*ok = true;
	for (int i = 0; i < 2000; i++) {
		const struct xml *x;
		struct arena *a = NULL;

		parser_resume(p, STR_NONE);
		parser_feed(p, "<message><body>x</body></message>", 33);
		*ok = *ok && parser_next(p, &a, &x) == PARSED_ELEMENT && xml_count(x) == 1;
		arena_free(&a);
	}
	parser_free(&p);
	return NULL;
}

START_TEST(threads_parse_at_once)
{
	pthread_t threads[4];
	bool ok[4];

	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, parse_much, &ok[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		ck_assert(ok[i]);
	}
}

END_TEST

Suite *
suite_parse(void)
{
	Suite *s = suite_create("parse");
	TCase *t = tcase_create("parse");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_stream_gives_its_events, 0, COUNT(rows));
	tcase_add_test(t, size_is_counted_from_bracket_to_bracket);
	tcase_add_loop_test(t, a_flood_stops_at_the_limit, 0, COUNT(floods));
	tcase_add_test(t, a_header_has_a_limit_too);
	tcase_add_test(t, namespaces_do_not_multiply);
	tcase_add_test(t, the_rest_is_raw);
	tcase_add_test(t, a_pipelined_stream_goes_on_after_a_restart);
	tcase_add_test(t, a_reset_parser_forgets);
	tcase_add_loop_test(t, a_resumed_parser_knows_the_header, 0, COUNT(headers));
	tcase_add_test(t, a_long_header_can_be_resumed);
	tcase_add_test(t, a_fault_stays_with_its_stream);
	tcase_add_test(t, new_names_go_on_for_ever);
	tcase_add_loop_test(t, content_is_kept_as_written_where_it_may, 0, COUNT(written));
	tcase_add_test(t, a_usual_stanza_is_one_chunk);
	tcase_add_test(t, threads_parse_at_once);
	suite_add_tcase(s, t);
	return s;
}
