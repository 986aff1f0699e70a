/*
 * Stanzas: what is accepted, what is bounced and how, what is written; sharing between threads.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "xml/parse.h"
#include "xmpp/stanza.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

Suite *suite_stanza(void);

static struct arena *a; /* for texts of a test */
static struct jid romeo, juliet, server;

static void
setup(void)
{
	a = arena_new(0);
	ck_assert_int_eq(jid_parse(a, STR("romeo@m.lit/o'1"), &romeo), JID_OK);
	ck_assert_int_eq(jid_parse(a, STR("juliet@c.lit"), &juliet), JID_OK);
	ck_assert_int_eq(jid_parse(a, STR("m.lit"), &server), JID_OK);
}

static void
teardown(void)
{
	arena_free(&a);
}

static const char *
text_of(const struct stanza *s)
{
	struct buf b = BUF_INIT;
	const char *copy;

	stanza_write(&b, s);
	ck_assert_uint_le(buf_len(&b), stanza_size(s));
	copy = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return copy;
}

static const struct xml *
element(const char *bytes, struct arena **own)
{
	static const struct parse_limits limits = { 4 * 1024 * 1024, 64, 64 };
	struct parser *p = parser_new();
	const struct xml *x;

	parser_limit(p, &limits);
	parser_resume(p, STR_NONE);
	parser_feed(p, bytes, strlen(bytes));
	ck_assert_int_eq(parser_next(p, own, &x), PARSED_ELEMENT);
	parser_free(&p);
	return x;
}

static const struct stanza *
parse(const char *bytes, struct problem *why, const struct stanza **bounce)
{
	struct arena *own = NULL;
	const struct xml *x = element(bytes, &own);
	const struct stanza *s = stanza_parse(&own, x, romeo, "de", why, bounce);

	ck_assert_ptr_null(own);
	return s;
}

static const struct stanza *
good(const char *bytes)
{
	const struct stanza *s = parse(bytes, NULL, NULL);

	ck_assert_ptr_nonnull(s);
	return s;
}

/* ---- accepted ------------------------------------------------------------ */

#define ENVELOPE " from='romeo@m.lit/o&apos;1'"

static const struct {
	const char *in, *out;
} accepted[] = {
	{ "<message to='Juliet@C.lit' type='chat' id='1' xml:lang='en'><body>hi</body></message>",
		"<message to='juliet@c.lit'" ENVELOPE
		" id='1' type='chat' xml:lang='en'><body>hi</body></message>" },
	{ "<message to='c.lit'/>", "<message to='c.lit'" ENVELOPE " xml:lang='de'/>" },
	{ "<message to='c.lit' from='liar@evil.lit/x'/>",
		"<message to='c.lit'" ENVELOPE " xml:lang='de'/>" },
	{ "<message/>", "<message" ENVELOPE " xml:lang='de'/>" },
	{ "<message type='normal'/>", "<message" ENVELOPE " xml:lang='de'/>" },
	{ "<message type='strange'/>", "<message" ENVELOPE " xml:lang='de'/>" },
	{ "<message type=''/>", "<message" ENVELOPE " xml:lang='de'/>" },
	{ "<message type='groupchat'/>", "<message" ENVELOPE " type='groupchat' xml:lang='de'/>" },
	{ "<message type='headline'/>", "<message" ENVELOPE " type='headline' xml:lang='de'/>" },
	{ "<message type='error'><error type='cancel'/></message>",
		"<message" ENVELOPE
		" type='error' xml:lang='de'><error type='cancel'/></message>" },
	{ "<message id='&lt;&apos;'/>", "<message" ENVELOPE " id='&lt;&apos;' xml:lang='de'/>" },
	{ "<presence/>", "<presence" ENVELOPE " xml:lang='de'/>" },
	{ "<presence type='unavailable'/>",
		"<presence" ENVELOPE " type='unavailable' xml:lang='de'/>" },
	{ "<presence type='subscribe' to='c.lit'/>",
		"<presence to='c.lit'" ENVELOPE " type='subscribe' xml:lang='de'/>" },
	{ "<presence><show>away</show><priority>5</priority></presence>",
		"<presence" ENVELOPE
		" xml:lang='de'><show>away</show><priority>5</priority></presence>" },
	{ "<iq type='get' id='a'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<iq" ENVELOPE
		" id='a' type='get' xml:lang='de'><ping xmlns='urn:xmpp:ping'/></iq>" },
	{ "<iq type='set' id='a'> <x xmlns='urn:x'/> </iq>",
		"<iq" ENVELOPE " id='a' type='set' xml:lang='de'> <x xmlns='urn:x'/> </iq>" },
	{ "<iq type='result' id='a'/>", "<iq" ENVELOPE " id='a' type='result' xml:lang='de'/>" },
	{ "<iq type='result' id='a'><x xmlns='urn:x'/></iq>",
		"<iq" ENVELOPE " id='a' type='result' xml:lang='de'><x xmlns='urn:x'/></iq>" },
	{ "<iq type='error' id='a'><x xmlns='urn:x'/><error type='cancel'/></iq>",
		"<iq" ENVELOPE
		" id='a' type='error' xml:lang='de'><x xmlns='urn:x'/><error type='cancel'/></iq>" },
	/* What other streams would not understand is written anew. */
	{ "<message><body xmlns='jabber:client'>x</body></message>",
		"<message" ENVELOPE " xml:lang='de'><body>x</body></message>" },
	{ "<message xmlns:p='urn:p'><p:x p:y='1'><p:z/></p:x></message>",
		"<message" ENVELOPE
		" xml:lang='de'><x xmlns='urn:p' xmlns:ns0='urn:p' ns0:y='1'><z/></x></message>" },
	{ "<message><body><![CDATA[a < b]]></body></message>",
		"<message" ENVELOPE " xml:lang='de'><body>a &lt; b</body></message>" },
	{ "<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded></message>",
		"<message" ENVELOPE " xml:lang='de'><forwarded xmlns='urn:xmpp:forward:0'>"
		"<message xmlns='jabber:client'/></forwarded></message>" },
	{ "<c:message xmlns:c='jabber:client' xmlns='urn:x'><y/><c:body/></c:message>",
		"<message" ENVELOPE " xml:lang='de'><y xmlns='urn:x'/><body/></message>" },
};

START_TEST(a_good_stanza_is_written_back)
{
	const struct stanza *s = good(accepted[_i].in), *again;
	struct buf alone = BUF_INIT, second = BUF_INIT;

	ck_assert_str_eq(text_of(s), accepted[_i].out);
	stanza_write_alone(&alone, s);
	again = stanza_read(buf_str(&alone));
	ck_assert_ptr_nonnull(again);
	ck_assert_int_eq(again->kind, s->kind);
	ck_assert_int_eq(again->type, s->type);
	ck_assert(jid_eq(again->to, s->to) && jid_eq(again->from, s->from));
	ck_assert(text_eq(again->id, s->id) && text_eq(again->lang, s->lang));
	ck_assert_str_eq(text_of(again), accepted[_i].out);
	stanza_write_alone(&second, again);
	ck_assert(str_eq(buf_str(&alone), buf_str(&second)));
	stanza_unref(&again);
	stanza_unref(&s);
	buf_fini(&alone);
	buf_fini(&second);
}

END_TEST

START_TEST(an_own_from_is_used_without_a_stamp)
{
	struct arena *own = NULL;
	const struct xml *x = element("<message from='A@b/C'/>", &own);
	const struct stanza *s = stanza_parse(&own, x, JID_NONE, NULL, NULL, NULL);

	ck_assert_str_eq(text_of(s), "<message from='a@b/C'/>");
	stanza_unref(&s);
	x = element("<message from='@'/>", &own);
	ck_assert_ptr_null(stanza_parse(&own, x, JID_NONE, NULL, NULL, NULL));
}

END_TEST

/* ---- refused ------------------------------------------------------------- */

#define BOUNCE(type, cond, text)                                                                   \
	"<error type='" type "'><" cond " xmlns='" NS_STANZA_ERRORS "'/>" text "</error>"
#define BOUNCE_TEXT(text) "<text xmlns='" NS_STANZA_ERRORS "' xml:lang='en'>" text "</text>"
#define TO_ROMEO " to='romeo@m.lit/o&apos;1'"

static const struct {
	const char *in;
	enum cond cond;
	const char *bounce; /* NULL: none may be sent */
} refused[] = {
	{ "<message to='@' id='1'><body>x</body></message>", COND_JID_MALFORMED,
		"<message" TO_ROMEO
		" id='1' type='error'>" BOUNCE("modify", "jid-malformed", "") "</message>" },
	{ "<message to=''/>", COND_JID_MALFORMED,
		"<message" TO_ROMEO
		" type='error'>" BOUNCE("modify", "jid-malformed", "") "</message>" },
	{ "<message to='@' type='error'/>", COND_JID_MALFORMED, NULL },
	{ "<presence to='a b@c'/>", COND_JID_MALFORMED,
		"<presence" TO_ROMEO
		" type='error'>" BOUNCE("modify", "jid-malformed", "") "</presence>" },
	{ "<presence to='c.lit' type='busy'/>", COND_BAD_REQUEST,
		"<presence" TO_ROMEO " from='c.lit' type='error'>" BOUNCE(
			"modify", "bad-request", BOUNCE_TEXT("unknown type")) "</presence>" },
	{ "<presence type=''/>", COND_BAD_REQUEST,
		"<presence" TO_ROMEO " type='error'>" BOUNCE(
			"modify", "bad-request", BOUNCE_TEXT("unknown type")) "</presence>" },
	{ "<iq to='c.lit' id='1'><x/></iq>", COND_BAD_REQUEST,
		"<iq" TO_ROMEO " from='c.lit' id='1' type='error'>" BOUNCE(
			"modify", "bad-request", BOUNCE_TEXT("unknown type")) "</iq>" },
	{ "<iq id='1' type='put'><x/></iq>", COND_BAD_REQUEST,
		"<iq" TO_ROMEO " id='1' type='error'>" BOUNCE(
			"modify", "bad-request", BOUNCE_TEXT("unknown type")) "</iq>" },
	{ "<iq type='get'><x/></iq>", COND_BAD_REQUEST,
		"<iq" TO_ROMEO " type='error'>" BOUNCE(
			"modify", "bad-request", BOUNCE_TEXT("an iq needs an id")) "</iq>" },
	{ "<iq type='get' id='1'/>", COND_BAD_REQUEST,
		"<iq" TO_ROMEO " id='1' type='error'>" BOUNCE("modify", "bad-request",
			BOUNCE_TEXT("an iq request has exactly one child")) "</iq>" },
	{ "<iq type='set' id='1'><x/><y/></iq>", COND_BAD_REQUEST,
		"<iq" TO_ROMEO " id='1' type='error'>" BOUNCE("modify", "bad-request",
			BOUNCE_TEXT("an iq request has exactly one child")) "</iq>" },
	{ "<iq type='result' id='1'><x/><y/></iq>", COND_BAD_REQUEST, NULL },
	{ "<iq type='result'/>", COND_BAD_REQUEST, NULL },
	{ "<iq type='error'/>", COND_BAD_REQUEST, NULL },
	{ "<iq type='result' id='1' to='@'/>", COND_JID_MALFORMED, NULL },
	{ "<other/>", COND_BAD_REQUEST, NULL },
};

START_TEST(a_bad_stanza_is_bounced)
{
	const struct stanza *bounce = (const struct stanza *)&refused;
	struct problem why;

	ck_assert_ptr_null(parse(refused[_i].in, &why, &bounce));
	ck_assert_int_eq(why.cond, refused[_i].cond);
	ck_assert_int_eq(bounce == NULL, refused[_i].bounce == NULL);
	if (bounce)
		ck_assert_str_eq(text_of(bounce), refused[_i].bounce);
	stanza_unref(&bounce);
}

END_TEST

/* ---- the longest body ---------------------------------------------------- */

static const char *const characters[] = { "x", "\xed\x95\x9c", "\xf0\x9f\x98\x80", "&amp;",
	"\xc3\xa9" };

static char *
with_body(const char *character, size_t count)
{
	struct buf b = BUF_INIT;

	buf_put_lit(&b, "<message to='juliet@c.lit' id='1'><body>");
	for (size_t i = 0; i < count; i++)
		buf_put_text(&b, character);
	buf_put_lit(&b, "</body></message>");
	buf_text(&b);
	return b.mem;
}

START_TEST(a_body_of_100000_characters_passes)
{
	char *in = with_body(characters[_i], STANZA_BODY_MAX);
	const struct stanza *s = good(in), *back;
	struct buf b = BUF_INIT;

	stanza_write_alone(&b, s);
	back = stanza_read(buf_str(&b));
	ck_assert_ptr_nonnull(back);
	ck_assert(str_eq(xml_text_of(a, stanza_child(s, NS_CLIENT, "body")),
		xml_text_of(a, stanza_child(back, NS_CLIENT, "body"))));
	stanza_unref(&s);
	stanza_unref(&back);
	buf_fini(&b);
	mem_free(&in);
}

END_TEST

START_TEST(one_more_is_refused)
{
	char *in = with_body(characters[_i], STANZA_BODY_MAX + 1);
	const struct stanza *bounce = NULL;
	struct problem why;

	ck_assert_ptr_null(parse(in, &why, &bounce));
	ck_assert_int_eq(why.cond, COND_POLICY_VIOLATION);
	ck_assert_ptr_nonnull(bounce);
	ck_assert(jid_eq(bounce->to, romeo) && jid_eq(bounce->from, juliet));
	ck_assert_uint_lt(stanza_size(bounce), 1000); /* not the body once more */
	stanza_unref(&bounce);
	mem_free(&in);
}

END_TEST

START_TEST(each_body_counts)
{
	struct buf b = BUF_INIT;
	char *body = with_body("x", STANZA_BODY_MAX + 1);
	struct problem why;

	buf_put_lit(&b, "<message><body>short</body><body xml:lang='ko'>");
	buf_put_text(&b, strstr(body, "<body>") + 6);
	ck_assert_ptr_null(parse(buf_text(&b), &why, NULL));
	ck_assert_int_eq(why.cond, COND_POLICY_VIOLATION);
	buf_fini(&b);
	mem_free(&body);
}

END_TEST

/* ---- made by the server -------------------------------------------------- */

START_TEST(a_stanza_of_our_own)
{
	struct arena *own = arena_new(0);
	struct xml *first = xml_new(own, NS_CLIENT, "body"), *second = xml_new(own, "urn:x", "x");
	const struct stanza *s;
	char id[] = "id";

	xml_text(own, first, STR("a&b"));
	first->next = second;
	s = stanza_new(&own, STANZA_MESSAGE, MESSAGE_HEADLINE, server, romeo, id, first);
	ck_assert_ptr_null(own);
	memset(id, '!', 2);
	ck_assert_str_eq(text_of(s),
		"<message" TO_ROMEO
		" from='m.lit' id='id' type='headline'><body>a&amp;b</body><x xmlns='urn:x'/></message>");
	stanza_unref(&s);
	s = stanza_new(NULL, STANZA_PRESENCE, PRESENCE_UNAVAILABLE, server, romeo, NULL, NULL);
	ck_assert_str_eq(text_of(s), "<presence" TO_ROMEO " from='m.lit' type='unavailable'/>");
	ck_assert_ptr_null(s->payload);
	stanza_unref(&s);
	stanza_unref(&s);
}

END_TEST

#define CHAT "<message to='juliet@c.lit' id='1' type='chat' xml:lang='en'><body>hi</body></message>"

START_TEST(a_readdressed_stanza_outlives_the_first)
{
	const struct stanza *s = good(CHAT), *to_server = stanza_readdress(s, juliet, server),
			    *back = stanza_readdress(to_server, server, juliet), *none;

	stanza_unref(&s);
	stanza_unref(&to_server);
	ck_assert_str_eq(text_of(back),
		"<message to='juliet@c.lit' from='m.lit' id='1' type='chat' xml:lang='en'><body>hi</body></message>");
	none = stanza_readdress(back, JID_NONE, JID_NONE);
	stanza_unref(&back);
	ck_assert_str_eq(text_of(none),
		"<message id='1' type='chat' xml:lang='en'><body>hi</body></message>");
	stanza_unref(&none);
}

END_TEST

START_TEST(an_empty_stanza_can_be_readdressed)
{
	const struct stanza *s = good("<presence id='9'/>"),
			    *r = stanza_readdress(s, juliet, server);

	stanza_unref(&s);
	ck_assert_str_eq(
		text_of(r), "<presence to='m.lit' from='juliet@c.lit' id='9' xml:lang='de'/>");
	stanza_unref(&r);
}

END_TEST

START_TEST(what_is_beside_follows_the_payload)
{
	struct xml *x = xml_new(a, NS_DELAY, "delay"), *y = xml_new(a, NS_CLIENT, "y");
	const struct stanza *s = good(CHAT), *one, *two, *moved, *back;
	struct buf b = BUF_INIT;

	x->next = y;
	one = stanza_beside(s, x);
	two = stanza_beside(one, xml_new(a, "urn:z", "z"));
	moved = stanza_readdress(two, juliet, server);
	stanza_unref(&s);
	stanza_unref(&two);
	ck_assert_str_eq(text_of(one),
		"<message to='juliet@c.lit'" ENVELOPE " id='1' type='chat' xml:lang='en'>"
		"<body>hi</body><delay xmlns='urn:xmpp:delay'/><y/></message>");
	stanza_unref(&one);
	ck_assert_str_eq(text_of(moved),
		"<message to='m.lit' from='juliet@c.lit' id='1' type='chat' xml:lang='en'>"
		"<body>hi</body><delay xmlns='urn:xmpp:delay'/><y/><z xmlns='urn:z'/></message>");
	ck_assert_ptr_null(stanza_child(moved, NS_DELAY, "delay"));
	stanza_write_alone(&b, moved);
	back = stanza_read(buf_str(&b));
	ck_assert_ptr_nonnull(stanza_child(back, NS_DELAY, "delay"));
	stanza_unref(&back);
	stanza_unref(&moved);
	buf_fini(&b);
}

END_TEST

static bool
is_ours(const struct xml *x, void *ctx)
{
	return text_eq(xml_get(x, "by"), ctx);
}

START_TEST(children_can_be_left_out)
{
	static char by[] = "me";
	const struct stanza
		*s = good("<message id='1'><sid by='me'/><body>x</body><sid by='you'/></message>"),
		*some, *all, *same, *none;

	some = stanza_without(s, NULL, "sid", is_ours, by);
	all = stanza_without(s, NS_CLIENT, "sid", NULL, NULL);
	same = stanza_without(s, "urn:other", NULL, NULL, NULL);
	none = stanza_without(s, NULL, NULL, NULL, NULL);
	ck_assert_ptr_eq(s, same);
	stanza_unref(&s);
	stanza_unref(&same);
	ck_assert_str_eq(text_of(some),
		"<message" ENVELOPE
		" id='1' xml:lang='de'><body>x</body><sid by='you'/></message>");
	ck_assert_str_eq(
		text_of(all), "<message" ENVELOPE " id='1' xml:lang='de'><body>x</body></message>");
	ck_assert_str_eq(text_of(none), "<message" ENVELOPE " id='1' xml:lang='de'/>");
	stanza_unref(&some);
	stanza_unref(&all);
	stanza_unref(&none);
}

END_TEST

/* ---- answers ------------------------------------------------------------- */

#define REQUEST "<iq to='juliet@c.lit' id='q' type='get'><x xmlns='urn:x'/></iq>"

START_TEST(a_result_goes_back)
{
	const struct stanza *iq = good(REQUEST), *empty, *full;
	struct arena *own = arena_new(0);

	empty = stanza_result(iq, NULL, NULL);
	full = stanza_result(iq, &own, xml_new(own, "urn:x", "y"));
	ck_assert(stanza_is_request(iq) && !stanza_is_request(empty));
	stanza_unref(&iq);
	ck_assert_str_eq(
		text_of(empty), "<iq" TO_ROMEO " from='juliet@c.lit' id='q' type='result'/>");
	ck_assert_str_eq(text_of(full),
		"<iq" TO_ROMEO " from='juliet@c.lit' id='q' type='result'><y xmlns='urn:x'/></iq>");
	stanza_unref(&empty);
	stanza_unref(&full);
}

END_TEST

START_TEST(an_error_says_why)
{
	const struct stanza *iq = good(REQUEST), *error;

	error = stanza_error(iq, COND_ITEM_NOT_FOUND, "gone <away>", xml_new(a, "urn:app", "more"));
	ck_assert(stanza_is_error(error));
	ck_assert_str_eq(text_of(error),
		"<iq" TO_ROMEO " from='juliet@c.lit' id='q' type='error'><error type='cancel'>"
		"<item-not-found xmlns='" NS_STANZA_ERRORS "'/>"
		"<text xmlns='" NS_STANZA_ERRORS "' xml:lang='en'>gone &lt;away&gt;</text>"
		"<more xmlns='urn:app'/></error></iq>");
	ck_assert_ptr_null(stanza_error(error, COND_ITEM_NOT_FOUND, NULL, NULL));
	stanza_unref(&error);
	stanza_unref(&iq);
	iq = good("<iq type='result' id='1'/>");
	ck_assert_ptr_null(stanza_error(iq, COND_ITEM_NOT_FOUND, NULL, NULL));
	stanza_unref(&iq);
}

END_TEST

START_TEST(names_of_kinds_and_types)
{
	ck_assert_str_eq(stanza_name(STANZA_MESSAGE), "message");
	ck_assert_str_eq(stanza_name(STANZA_PRESENCE), "presence");
	ck_assert_str_eq(stanza_name(STANZA_IQ), "iq");
	ck_assert_str_eq(stanza_type_name(STANZA_MESSAGE, MESSAGE_NORMAL), "");
	ck_assert_str_eq(stanza_type_name(STANZA_PRESENCE, PRESENCE_PROBE), "probe");
	ck_assert_str_eq(stanza_type_name(STANZA_IQ, IQ_SET), "set");
}

END_TEST

/* ---- storage ------------------------------------------------------------- */

static const char *const damaged[] = {
	"",
	"<message xmlns='jabber:client'",
	"<message xmlns='jabber:client'>",
	"<message xmlns='jabber:client'/><a/>",
	"<message xmlns='jabber:client'/>x",
	"<message xmlns='urn:other'/>",
	"<other xmlns='jabber:client'/>",
	"<message xmlns='jabber:client' to='@'/>",
	"<iq xmlns='jabber:client' type='get'/>",
	"junk",
};

START_TEST(damaged_bytes_are_no_stanza)
{
	ck_assert_ptr_null(stanza_read(str_of(damaged[_i])));
}

END_TEST

/* ---- threads ------------------------------------------------------------- */

static void *
share(void *of)
{
	const struct stanza *s = of;

	for (int i = 0; i < 5000; i++) {
		const struct stanza *mine = stanza_ref(s),
				    *beside = stanza_beside(mine, mine->children),
				    *other = stanza_readdress(beside, s->from, s->to);
		struct buf b = BUF_INIT;

		stanza_unref(&mine);
		stanza_unref(&beside);
		stanza_write(&b, other);
		stanza_unref(&other);
		buf_fini(&b);
	}
	stanza_unref(&s);
	return NULL;
}

START_TEST(threads_share_a_stanza)
{
	const struct stanza *s = good(CHAT);
	pthread_t threads[4];

	for (size_t i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, share, (void *)(uintptr_t)stanza_ref(s)),
			0);
	stanza_unref(&s);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
}

END_TEST

Suite *
suite_stanza(void)
{
	Suite *s = suite_create("stanza");
	TCase *t = tcase_create("stanza");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_good_stanza_is_written_back, 0, COUNT(accepted));
	tcase_add_test(t, an_own_from_is_used_without_a_stamp);
	tcase_add_loop_test(t, a_bad_stanza_is_bounced, 0, COUNT(refused));
	tcase_add_loop_test(t, a_body_of_100000_characters_passes, 0, COUNT(characters));
	tcase_add_loop_test(t, one_more_is_refused, 0, COUNT(characters));
	tcase_add_test(t, each_body_counts);
	tcase_add_test(t, a_stanza_of_our_own);
	tcase_add_test(t, a_readdressed_stanza_outlives_the_first);
	tcase_add_test(t, an_empty_stanza_can_be_readdressed);
	tcase_add_test(t, what_is_beside_follows_the_payload);
	tcase_add_test(t, children_can_be_left_out);
	tcase_add_test(t, a_result_goes_back);
	tcase_add_test(t, an_error_says_why);
	tcase_add_test(t, names_of_kinds_and_types);
	tcase_add_loop_test(t, damaged_bytes_are_no_stanza, 0, COUNT(damaged));
	tcase_add_test(t, threads_share_a_stanza);
	suite_add_tcase(s, t);
	return s;
}
