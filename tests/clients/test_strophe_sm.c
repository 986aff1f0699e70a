/*
 * test_strophe_sm.c -- libstrophe's own stream management (XEP-0198): its connection is cut, the
 * server goes down and comes back, and neither side of a chat loses, doubles or reorders anything.
 *
 * Runs on: its own process
 */
#include "tests/lib/report.h"
#include "tests/lib/strophe.h"

#include <stdio.h>
#include <string.h>

#define ALICE "alice@localhost/phone"
#define BOB "bob@localhost/desk"

static struct server server;

/* From one to the other: n messages, numbered. */
static void
say(struct client *c, const char *to, const char *what, int n)
{
	for (int i = 0; i < n; i++)
		client_send(c,
			"<message type='chat' to='%s' id='%s%d'><body>%s %d</body></message>", to,
			what, i, what, i);
}

/* They came, in order, and once. */
static bool
heard(struct client *c, const char *what, int n)
{
	char id[64];

	for (int i = 0; i < n; i++) {
		const char *next = client_expect(c, "<message", "<body>");

		(void)snprintf(id, sizeof(id), "id=\"%s%d\"", what, i);
		if (!next || !strstr(next, id))
			return check(
				false, "%s: %s instead of %s", what, next ? next : "nothing", id);
	}
	return client_settle(c) && !client_has(c, "<body>");
}

static void
cut(struct client *alice, struct client *bob)
{
	say(alice, BOB, "before", 3);
	check(heard(bob, "before", 3), "both chat");
	client_cut(alice);
	say(bob, "alice@localhost", "away", 20);
	check(client_settle(bob), "one's connection is cut, the other goes on");
	client_again(alice, &server, "secret");
	check(client_online(alice), "it comes back");
	check(heard(alice, "away", 20), "and gets what was said, in order and once");
	say(alice, BOB, "after", 3);
	check(heard(bob, "after", 3), "it goes on");
	say(bob, ALICE, "again", 3);
	check(heard(alice, "again", 3), "both ways");
	check(!client_has(bob, "unavailable"), "and nobody saw it go");
}

/* What the server did not acknowledge, and did not get, is sent again. */
static void
unacknowledged(struct client *alice, struct client *bob)
{
	say(alice, BOB, "sent", 20);
	client_flush(alice);
	client_cut(alice);
	client_again(alice, &server, "secret");
	check(client_online(alice), "it is cut while it speaks, and comes back");
	check(heard(bob, "sent", 20), "and what it said arrives in order and once");
}

static void
restart(struct client *alice, struct client *bob)
{
	check(client_settle(alice) && client_settle(bob), "all is quiet");
	client_cut(alice);
	say(bob, "alice@localhost", "late", 5);
	check(client_settle(bob), "something is said to who is away");
	check(server_stop(&server) && client_gone(bob), "the server stops");
	check(server_start(&server, ""), "and starts again");
	client_again(alice, &server, "secret");
	client_again(bob, &server, "secret");
	check(client_online(alice) && client_online(bob), "both come back");
	check(heard(alice, "late", 5), "it is there");
	say(alice, BOB, "here", 5);
	check(heard(bob, "here", 5), "the chat goes on");
}

/* The session is over: the library binds another. */
static void
over(struct client *alice, struct client *bob)
{
	static const char *const kept[] = { "id=\"kept0\"", "id=\"kept1\"", "id=\"kept2\"" };

	client_cut(alice);
	check(ctl("kick_session", "alice", "localhost", "phone", "over"), "a session is ended");
	say(bob, "alice@localhost", "kept", 3);
	check(client_settle(bob), "something is said");
	client_again(alice, &server, "secret");
	check(client_online(alice), "who cannot resume logs in anew");
	client_send(alice, "<presence/>");
	/* What it had and did not acknowledge yet may come again before. */
	for (int i = 0; i < 3; i++)
		check(client_expect(alice, "<message", kept[i], "urn:xmpp:delay") != NULL,
			"and gets what was kept: %s", kept[i]);
}

int
main(void)
{
	struct client *alice, *bob;

	if (!check(server_start(&server, ""), "the server starts"))
		return report();
	check(ctl("register", "alice", "localhost", "secret") &&
			ctl("register", "bob", "localhost", "secret"),
		"accounts");
	alice = client_new(&server, ALICE, "secret", WITH_STARTTLS);
	bob = client_new(&server, BOB, "secret", WITH_STARTTLS);
	if (check(client_online(alice) && client_online(bob), "two clients log in")) {
		check(client_available(alice) && client_available(bob), "and are available");
		client_send(alice, "<presence to='" BOB "'/>");
		check(client_expect(bob, "<presence", ALICE) != NULL, "one sees the other");
		cut(alice, bob);
		unacknowledged(alice, bob);
		restart(alice, bob);
		over(alice, bob);
	}
	client_free(&alice);
	client_free(&bob);
	check(server_stop(&server), "the server stops");
	return report();
}
