/*
 * test_strophe_chat.c -- two clients of libstrophe become contacts, see each other and chat, also
 * while one of them is away; and ask the server what clients ask.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "tests/lib/report.h"
#include "tests/lib/strophe.h"

#include <stdio.h>
#include <string.h>

#define ALICE "alice@localhost"
#define BOB "bob@localhost"
#define HELLO "안녕하세요 👋🏽 봉수"
#define ANSWER "네, 반갑습니다 🔥🏔️ < & > \" '"
#define ANSWER_IN_XML "네, 반갑습니다 🔥🏔️ &lt; &amp; &gt;"
#define LETTER "한"
#define BODY_MAX 100000 /* characters */

static struct server server;

static void
roster(struct client *alice, struct client *bob)
{
	client_send(alice, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
	check(client_expect(alice, "<iq", "id=\"r\"", "jabber:iq:roster") != NULL,
		"the roster is there");
	client_send(bob, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
	check(client_expect(bob, "<iq", "id=\"r\"", "jabber:iq:roster") != NULL, "and the other's");
	client_send(alice, "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='" BOB
			   "' name='밥'><group>친구</group></item></query></iq>");
	check(client_expect(alice, "<iq", "type=\"set\"", BOB, "밥", "친구", "\"none\"") != NULL,
		"a contact is pushed");
	check(client_expect(alice, "<iq", "id=\"s\"", "type=\"result\"") != NULL, "and answered");
}

static void
one_way(struct client *from, struct client *to, const char *from_jid, const char *to_jid)
{
	client_send(from, "<presence type='subscribe' to='%s'/>", to_jid);
	check(client_expect(from, "<iq", "type=\"set\"", to_jid, "ask=\"subscribe\"") != NULL,
		"%s: the request is in the roster", from_jid);
	check(client_expect(to, "<presence", "type=\"subscribe\"", from_jid) != NULL, "%s: gets it",
		to_jid);
	client_send(to, "<presence type='subscribed' to='%s'/>", from_jid);
	check(client_expect(from, "<presence", "type=\"subscribed\"", to_jid) != NULL,
		"%s: is let in", from_jid);
	check(client_expect(from, "<presence", client_jid(to)) != NULL, "%s: sees %s", from_jid,
		to_jid);
}

static void
chat(struct client *alice, struct client *bob)
{
	client_send(alice, "<message type='chat' to='" BOB "'><body>" HELLO "</body></message>");
	check(client_expect(bob, "<message", client_jid(alice), "type=\"chat\"", HELLO) != NULL,
		"a message in Korean with emoji");
	client_send(bob, "<message type='chat' to='%s'><body>%s</body></message>",
		client_jid(alice), "네, 반갑습니다 🔥🏔️ &lt; &amp; > \" '");
	check(client_expect(alice, "<message", client_jid(bob), ANSWER_IN_XML) != NULL,
		"and the answer to the full address");
}

/* That many Hangul syllables. */
static void
send_long(struct client *from, size_t count)
{
	size_t size = strlen(LETTER);
	char *body = mem_new(count * size + 1);

	for (size_t i = 0; i < count; i++)
		memcpy(body + i * size, LETTER, size);
	client_send(from, "<message type='chat' to='" BOB "' id='long'><body>%s</body></message>",
		body);
	mem_free(&body);
}

static void
long_messages(struct client *alice, struct client *bob)
{
	const char *got, *body;

	send_long(alice, BODY_MAX);
	got = client_expect(bob, "<message", "id=\"long\"");
	body = got ? strstr(got, "<body>") : NULL;
	check(body && strspn(body + strlen("<body>"), LETTER) == BODY_MAX * strlen(LETTER),
		"%d syllables arrive", BODY_MAX);
	send_long(alice, BODY_MAX + 1);
	check(client_expect(alice, "<message", "type=\"error\"", "id=\"long\"") != NULL,
		"one more is refused");
	check(client_settle(alice), "and the stream goes on");
}

static void
offline(struct client *alice, struct client **bob)
{
	client_free(bob);
	check(client_expect(alice, "<presence", "type=\"unavailable\"", BOB) != NULL,
		"bob is seen to go");
	for (int i = 1; i <= 3; i++)
		client_send(alice,
			"<message type='chat' to='" BOB "'><body>나중에 %d</body></message>", i);
	check(client_settle(alice), "messages for later");
	*bob = client_new(&server, BOB "/later", "secret", WITH_DIRECT_TLS);
	check(client_online(*bob) && client_available(*bob), "bob comes back");
	for (int i = 1; i <= 3; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "나중에 %d<", i);
		check(client_expect(*bob, "<message", text, "urn:xmpp:delay", "stamp=\"2") != NULL,
			"gets message %d with its time", i);
	}
	check(client_expect(alice, "<presence", client_jid(*bob)) != NULL, "and is seen again");
}

/* What a client asks, and what the answer contains. */
static void
questions(struct client *c)
{
	static const struct {
		const char *type, *to, *payload, *answer;
	} rows[] = {
		{ "get", "localhost", "<ping xmlns='urn:xmpp:ping'/>", "type=\"result\"" },
		{ "get", "localhost", "<query xmlns='jabber:iq:version'/>", "<name>Bongsu</name>" },
		{ "get", "localhost", "<time xmlns='urn:xmpp:time'/>", "<utc>2" },
		{ "get", "localhost", "<query xmlns='jabber:iq:last'/>", "seconds=" },
		{ "get", BOB, "<query xmlns='jabber:iq:last'/>", "seconds=\"0\"" },
		{ "get", "localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
			"category=\"server\"" },
		{ "get", ALICE, "<query xmlns='http://jabber.org/protocol/disco#info'/>",
			"type=\"registered\"" },
		{ "set", ALICE, "<vCard xmlns='vcard-temp'><FN>앨리스</FN></vCard>",
			"type=\"result\"" },
		{ "get", ALICE, "<vCard xmlns='vcard-temp'/>", "<FN>앨리스</FN>" },
		{ "set", ALICE,
			"<query xmlns='jabber:iq:private'><a xmlns='urn:a'><b>비밀</b></a></query>",
			"type=\"result\"" },
		{ "get", ALICE, "<query xmlns='jabber:iq:private'><a xmlns='urn:a'/></query>",
			"<b>비밀</b>" },
		{ "set", ALICE, "<unknown xmlns='urn:unknown'/>", "<service-unavailable" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "id=\"q%zu\"", i);
		client_send(c, "<iq type='%s' to='%s' id='q%zu'>%s</iq>", rows[i].type, rows[i].to,
			i, rows[i].payload);
		check(client_expect(c, "<iq", id, rows[i].answer) != NULL, "%s to %s",
			rows[i].payload, rows[i].to);
	}
}

static void
blocking(struct client *alice, struct client *bob)
{
	client_send(alice,
		"<iq type='set' id='block'><block xmlns='urn:xmpp:blocking'><item jid='" BOB
		"'/></block></iq>");
	check(client_expect(alice, "<iq", "id=\"block\"", "type=\"result\"") != NULL,
		"bob is blocked");
	check(client_expect(bob, "<presence", "type=\"unavailable\"", ALICE) != NULL,
		"and sees alice go");
	client_send(bob, "<message type='chat' to='" ALICE "' id='no'><body>?</body></message>");
	check(client_expect(bob, "<message", "type=\"error\"", "<service-unavailable") != NULL,
		"his messages come back");
	client_send(alice, "<iq type='set' id='free'><unblock xmlns='urn:xmpp:blocking'/></iq>");
	check(client_expect(alice, "<iq", "id=\"free\"", "type=\"result\"") != NULL,
		"nobody is blocked any more");
	check(client_expect(bob, "<presence", client_jid(alice)) != NULL,
		"and bob sees alice again");
	check(!client_has(alice, "<body>?</body>"), "alice got nothing of it");
}

int
main(void)
{
	struct client *alice, *bob;

	if (!check(server_start(&server, NULL), "the server starts"))
		return report();
	check(ctl("register", "alice", "localhost", "secret"), "alice has an account");
	check(ctl("register", "bob", "localhost", "secret"), "bob has one");
	alice = client_new(&server, ALICE "/desk", "secret", WITH_STARTTLS);
	bob = client_new(&server, BOB "/phone", "secret", WITH_DIRECT_TLS);
	if (check(client_online(alice) && client_online(bob), "both log in")) {
		check(client_available(alice) && client_available(bob), "both are available");
		roster(alice, bob);
		one_way(alice, bob, ALICE, BOB);
		one_way(bob, alice, BOB, ALICE);
		chat(alice, bob);
		long_messages(alice, bob);
		offline(alice, &bob);
		questions(alice);
		blocking(alice, bob);
	}
	client_free(&alice);
	client_free(&bob);
	check(server_stop(&server), "the server ends well");
	return report();
}
