/*
 * test_strophe_login.c -- libstrophe gets in, or is told why not: STARTTLS and direct TLS,
 * wrong passwords, a resource that is taken, in-band registration, a changed password.
 *
 * Runs on: its own process
 */
#include "tests/lib/report.h"
#include "tests/lib/strophe.h"

#include <string.h>
#include <strophe.h>

#define SET "<iq type='set' id='%s'><query xmlns='jabber:iq:register'>"

static struct server server;

static void
logs_in(const char *what, enum security how)
{
	struct client *c = client_new(&server, "alice@localhost/desk", "secret", how);

	check(client_online(c), "%s: logged in", what);
	check(client_is_secured(c), "%s: over TLS", what);
	check(client_jid(c) && strcmp(client_jid(c), "alice@localhost/desk") == 0,
		"%s: with the resource that it wanted", what);
	check(client_settle(c), "%s: the server answers", what);
	client_free(&c);
}

static void
is_refused(const char *what, const char *jid, const char *password)
{
	struct client *c = client_new(&server, jid, password, WITH_STARTTLS);

	check(!client_online(c) && client_gone(c), "%s is refused", what);
	client_free(&c);
}

static void
resources(void)
{
	struct client *any = client_new(&server, "alice@localhost", "secret", WITH_STARTTLS);
	struct client *old, *new, *other;

	check(client_online(any) && strncmp(client_jid(any), "alice@localhost/", 16) == 0 &&
			client_jid(any)[16],
		"the server chooses a resource");
	old = client_new(&server, "alice@localhost/phone", "secret", WITH_DIRECT_TLS);
	other = client_new(&server, "alice@localhost/desk", "secret", WITH_STARTTLS);
	check(client_online(old) && client_online(other), "two resources at a time");
	new = client_new(&server, "alice@localhost/phone", "secret", WITH_STARTTLS);
	check(client_online(new), "the newer one gets the resource");
	check(client_gone(old) && client_stream_error(old) == XMPP_SE_CONFLICT,
		"the older one is told of the conflict");
	check(client_settle(new) && client_settle(other) && client_settle(any), "the others go on");
	client_free(&any);
	client_free(&old);
	client_free(&new);
	client_free(&other);
}

static void
registration(void)
{
	struct client *c = client_new(&server, "localhost", NULL, WITH_DIRECT_TLS);

	check(client_expect(c, "features", "http://jabber.org/features/iq-register") != NULL,
		"registration is offered");
	client_send(c, "<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>");
	check(client_expect(c, "<iq", "type=\"result\"", "<username/>", "<password/>") != NULL,
		"name and password are asked for");
	client_send(c, SET "<username>alice</username><password>x</password></query></iq>", "1");
	check(client_expect(c, "<iq", "type=\"error\"", "<conflict") != NULL,
		"a name that is taken");
	client_send(c, SET "<username>봉수</username><password>비밀</password></query></iq>", "2");
	check(client_expect(c, "<iq", "id=\"2\"", "type=\"result\"") != NULL, "an account is made");
	client_free(&c);
	c = client_new(&server, "봉수@localhost/r", "비밀", WITH_STARTTLS);
	check(client_online(c), "which logs in");
	client_send(
		c, SET "<username>봉수</username><password>새 비밀</password></query></iq>", "3");
	check(client_expect(c, "<iq", "id=\"3\"", "type=\"result\"") != NULL,
		"its password is changed");
	client_free(&c);
	is_refused("the old password", "봉수@localhost", "비밀");
	c = client_new(&server, "봉수@localhost/r", "새 비밀", WITH_STARTTLS);
	check(client_online(c), "the new password is taken");
	client_send(c, SET "<remove/></query></iq>", "4");
	check(client_expect(c, "<iq", "id=\"4\"", "type=\"result\"") != NULL,
		"the account is removed");
	check(client_gone(c) && client_stream_error(c) == XMPP_SE_NOT_AUTHORIZED,
		"and its stream ends");
	client_free(&c);
	is_refused("the removed account", "봉수@localhost", "새 비밀");
}

int
main(void)
{
	if (!check(server_start(&server, "modules: {register: {open: true}}\n"),
		    "the server starts"))
		return report();
	check(ctl("register", "alice", "localhost", "secret"), "alice has an account");
	logs_in("STARTTLS", WITH_STARTTLS);
	logs_in("direct TLS", WITH_DIRECT_TLS);
	is_refused("a wrong password", "alice@localhost", "wrong");
	is_refused("an unknown user", "nobody@localhost", "secret");
	resources();
	registration();
	check(server_stop(&server), "the server ends well");
	return report();
}
