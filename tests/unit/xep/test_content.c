/*
 * What messages have in them, and whether that is for history, for later, or news.
 *
 * Runs on: its own process
 */
#include "xep/content.h"

#include "base/buf.h"
#include "tests/unit/suite.h"

#define BODY "<body>x</body>"
#define HINT(name) "<" name " xmlns='urn:xmpp:hints'/>"
#define STATE "<active xmlns='http://jabber.org/protocol/chatstates'/>"

/* H history, L for later, N news. */
static const struct {
	const char *type, *inside, *is;
} rows[] = {
	{ "chat", BODY, "HLN" },
	{ "normal", BODY, "HLN" },
	{ "groupchat", BODY, "" },
	{ "headline", BODY, "" },
	{ "error", BODY, "" },
	{ "chat", "", "" },
	{ "chat", STATE, "" },
	{ "chat", STATE "<thread>1</thread>", "" },
	{ "chat", STATE BODY, "HLN" },
	{ "chat", "<subject>x</subject>", "L" },
	{ "chat", "<x xmlns='urn:example'/>", "L" },
	{ "chat", BODY HINT("no-store"), "N" },
	{ "chat", BODY HINT("no-permanent-store"), "LN" },
	{ "chat", STATE HINT("store"), "HL" },
	{ "error", BODY HINT("store"), "" },
	{ "chat", HINT("no-copy"), "" },
	{ "chat", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>", "HLN" },
	{ "chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", "HL" },
	{ "chat", "<request xmlns='urn:xmpp:receipts'/>", "L" },
	{ "chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", "HL" },
	{ "chat", "<markable xmlns='urn:xmpp:chat-markers:0'/>", "L" },
	{ "chat", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>" BODY, "HL" },
	{ "chat", "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>" BODY, "HL" },
	{ "chat", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>" BODY, "HL" },
	{ "normal", "<x xmlns='jabber:x:conference' jid='a@b'/>", "HL" },
	{ "normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
		"HL" },
	{ "normal", "<x xmlns='http://jabber.org/protocol/muc#user'><status code='1'/></x>", "L" },
	{ "chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", "HL" },
};

START_TEST(rules_of_what_is_kept)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	AUTO(stanza_unref) const struct stanza *s = NULL;
	char is[4], *at = is;
	unsigned content;

	buf_printf(&b, "<message xmlns='jabber:client' to='a@b' from='c@d' type='%s'>%s</message>",
		rows[_i].type, rows[_i].inside);
	s = stanza_read(buf_str(&b));
	ck_assert_ptr_nonnull(s);
	content = content_of(s);
	if (content_is_history(s, content))
		*at++ = 'H';
	if (content_is_for_later(s, content))
		*at++ = 'L';
	if (content_is_news(s, content))
		*at++ = 'N';
	*at = '\0';
	ck_assert_msg(
		strcmp(is, rows[_i].is) == 0, "%s %s: %s", rows[_i].type, rows[_i].inside, is);
}

END_TEST

Suite *
suite_content(void)
{
	Suite *suite = suite_create("content");
	TCase *tcase = tcase_create("content");

	tcase_add_loop_test(tcase, rules_of_what_is_kept, 0, COUNT(rows));
	suite_add_tcase(suite, tcase);
	return suite;
}
