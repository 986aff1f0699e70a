/*
 * test_strophe_rooms.c -- three clients of libstrophe in a room: it is made, they meet and talk in
 * Korean, one has two devices, one is kicked, and the history is there for who comes later.
 *
 * Runs on: its own process
 */
#include "tests/lib/report.h"
#include "tests/lib/strophe.h"

#include <stddef.h>

#define ROOM "다과회@conference.localhost"
#define MUC "http://jabber.org/protocol/muc"
#define HELLO "안녕하세요 👋🏽"

static struct server server;

static void
join(struct client *c, const char *nick)
{
	client_send(c, "<presence to='" ROOM "/%s'><x xmlns='" MUC "'/></presence>", nick);
	check(client_expect(c, "<presence", nick, "code=\"110\"") != NULL, "%s is in", nick);
	check(client_expect(c, "<message", "<subject", ROOM) != NULL, "%s gets the subject", nick);
}

static void
meet(struct client *alice, struct client *bob)
{
	client_send(alice, "<presence to='" ROOM "/앨리스'><x xmlns='" MUC "'/></presence>");
	check(client_expect(alice, "<presence", "code=\"201\"", "code=\"110\"") != NULL,
		"a room with a Korean name is made");
	client_send(alice, "<iq type='set' id='c' to='" ROOM "'><query xmlns='" MUC
			   "#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>");
	check(client_expect(alice, "<iq", "id=\"c\"", "type=\"result\"") != NULL, "and opened");
	join(bob, "밥");
	check(client_expect(bob, "<presence", "/앨리스", "moderator") != NULL,
		"who sees the maker");
	check(client_expect(alice, "<presence", "/밥", client_jid(bob)) != NULL,
		"who sees the guest, and his address");
}

static void
talk(struct client *alice, struct client *bob, struct client *tablet)
{
	join(tablet, "밥");
	client_send(alice,
		"<message type='groupchat' to='" ROOM "' id='h'><body>" HELLO "</body></message>");
	check(client_expect(alice, "<message", "id=\"h\"", "urn:xmpp:sid:0") != NULL,
		"what one says comes back");
	check(client_expect(bob, "<message", "id=\"h\"", HELLO) != NULL, "and to the others");
	check(client_expect(tablet, "<message", "id=\"h\"", HELLO) != NULL,
		"on all of their devices");
	client_send(
		alice, "<message type='chat' to='" ROOM "/밥' id='w'><body>비밀</body></message>");
	check(client_expect(bob, "<message", "id=\"w\"", "비밀") != NULL &&
			client_expect(tablet, "<message", "id=\"w\"", "비밀") != NULL,
		"so does what is whispered");
}

static void
kick(struct client *alice, struct client *bob, struct client *tablet)
{
	client_send(alice, "<iq type='set' id='k' to='" ROOM "'><query xmlns='" MUC
			   "#admin'><item nick='밥' role='none'/></query></iq>");
	check(client_expect(alice, "<iq", "id=\"k\"", "type=\"result\"") != NULL, "one is kicked");
	check(client_expect(bob, "<presence", "unavailable", "code=\"307\"") != NULL &&
			client_expect(tablet, "<presence", "unavailable", "code=\"307\"") != NULL,
		"with all devices");
	join(bob, "밥");
	check(client_expect(bob, "<message", "id=\"h\"", HELLO, "urn:xmpp:delay") != NULL,
		"who comes back hears what was said");
}

int
main(void)
{
	struct client *alice, *bob, *tablet;

	if (!check(server_start(&server, ""), "the server starts"))
		return report();
	check(ctl("register", "alice", "localhost", "secret") &&
			ctl("register", "bob", "localhost", "secret"),
		"accounts");
	alice = client_new(&server, "alice@localhost/a", "secret", WITH_STARTTLS);
	bob = client_new(&server, "bob@localhost/b", "secret", WITH_STARTTLS);
	tablet = client_new(&server, "bob@localhost/t", "secret", WITH_DIRECT_TLS);
	if (check(client_online(alice) && client_online(bob) && client_online(tablet),
		    "three clients log in")) {
		meet(alice, bob);
		talk(alice, bob, tablet);
		kick(alice, bob, tablet);
	}
	client_free(&alice);
	client_free(&bob);
	client_free(&tablet);
	check(server_stop(&server), "the server stops");
	return report();
}
