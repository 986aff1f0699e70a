/*
 * The router: local, remote and nobody's addresses, a service of its own, one stanza for many, and
 * accounts in the cold.
 *
 * Runs on: its own process
 */
#include "home/router.h"

#include "run/place.h"
#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static struct client alice, bob, carol;

static void
start(unsigned workers)
{
	village_start(workers, (const char *const[]){ "alice@a.example", "bob@a.example",
				       "carol@b.example", NULL });
	client_bind(&alice, "alice@a.example", "phone");
}

static void
stop(void)
{
	client_end(&alice);
	client_end(&bob);
	client_end(&carol);
	village_stop();
}

START_TEST(remote_domains_are_not_found)
{
	start(2);
	client_send(&alice, "<message to='x@far.example' id='m1'/>");
	client_expect(&alice, "remote-server-not-found");
	client_expect(&alice, "from='x@far.example'");
	client_forget(&alice);
	client_send(&alice, "<iq to='far.example' type='get' id='q1'><q xmlns='x'/></iq>");
	client_expect(&alice, "remote-server-not-found");
	client_forget(&alice);
	client_send(&alice, "<message to='x@far.example' type='error' id='m2'><error/></message>");
	client_settle(&alice);
	ck_assert(!client_has(&alice, "remote-server-not-found"));
	stop();
}

END_TEST

START_TEST(the_domain_takes_no_messages)
{
	start(2);
	client_send(&alice, "<message to='b.example' id='m1'/>");
	client_expect(&alice, "service-unavailable");
	client_forget(&alice);
	client_send(&alice, "<iq to='a.example/x' type='get' id='q1'><q xmlns='x'/></iq>");
	client_expect(&alice, "service-unavailable");
	client_forget(&alice);
	client_send(&alice, "<message to='a.example' type='error' id='m2'><error/></message>");
	client_settle(&alice);
	ck_assert(!client_has(&alice, "service-unavailable"));
	stop();
}

END_TEST

START_TEST(accounts_of_another_host_are_local)
{
	start(2);
	client_bind(&carol, "carol@b.example", "desk");
	client_send(&alice, "<message to='carol@b.example/desk' id='m1'/>");
	client_expect(&carol, "id='m1'");
	stop();
}

END_TEST

static char bob_name[] = "bob@a.example";
static char carol_name[] = "carol@b.example";

static bool
is_cold(struct worker *w, void *arg)
{
	const char *bare = arg;

	return home_find(w, str_of(bare)) == NULL;
}

/* ---- One for many -------------------------------------------------------------------- */

static const char *many_names[] = { "bob@a.example/phone", "carol@b.example/desk", "x@far.example",
	"bob@a.example", "nobody@a.example" };

static struct jid
jid_at(const char *text)
{
	const char *at = strchr(text, '@'), *slash = strchr(text, '/');
	size_t n = strlen(text);

	return (struct jid){ text, (uint16_t)(at - text),
		(uint16_t)((slash ? slash : text + n) - at - 1),
		(uint16_t)(slash ? text + n - slash - 1 : 0) };
}

static void
send_many(struct worker *w, void *arg)
{
	int *kind = arg;
	struct jid to[COUNT(many_names)];
	const struct stanza *s = stanza_new(NULL, (enum stanza_kind) * kind, 0,
		jid_at("alice@a.example/phone"), JID_NONE, "many", NULL);

	for (size_t i = 0; i < COUNT(to); i++)
		to[i] = jid_at(many_names[i]);
	route_many(w, s, to, COUNT(to));
	route_many(w, s, to, 0);
	stanza_unref(&s);
}

START_TEST(one_stanza_reaches_many_with_their_own_address)
{
	int kind = STANZA_MESSAGE;

	start(3);
	client_bind(&bob, "bob@a.example", "phone");
	client_bind(&carol, "carol@b.example", "desk");
	client_available(&bob, 1);
	village_at("alice@a.example", send_many, &kind);
	client_expect(&bob, "to='bob@a.example/phone'");
	client_expect(&bob, "to='bob@a.example'");
	client_expect(&carol, "to='carol@b.example/desk'");
	client_expect(&alice, "remote-server-not-found");
	ck_assert(client_has(&bob, "id='many'") && client_has(&carol, "id='many'"));
	stop();
}

END_TEST

START_TEST(presence_does_not_wake_accounts)
{
	int kind = STANZA_PRESENCE;

	start(1);
	village_at("alice@a.example", send_many, &kind);
	client_settle(&alice);
	ck_assert(!client_has(&alice, "remote-server-not-found"));
	village_wait(bob_name, is_cold, bob_name);
	client_send(&alice, "<presence to='carol@b.example'/>");
	client_settle(&alice);
	village_wait(carol_name, is_cold, carol_name);
	stop();
}

END_TEST

/* ---- Held back ------------------------------------------------------------------------ */

static sem_t stands, go_on, seen;
static uint32_t under_way;

static void
stand(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	sem_post(&stands);
	sem_wait(&go_on);
}

static void
leave(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	session_receive(alice.session,
		stanza_read(STR("<presence xmlns='jabber:client' from='alice@a.example/phone' "
				"type='unavailable'/>")));
}

static void
look(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	under_way = window_open(&alice.session->window);
	sem_post(&seen);
}

static bool
is_settled(struct worker *w, void *arg)
{
	const struct client *c = arg;

	return worker_is_here(w) && window_open(&c->session->window) == 0;
}

/* Somebody whose home is on another worker than alice's. */
static struct worker *
far_from_alice(char name[64])
{
	struct worker *w;
	unsigned i = 0;

	do {
		snprintf(name, 64, "somebody%u@a.example", i++);
		w = place_of(str_of(name));
	} while (w == alice.worker);
	return w;
}

START_TEST(presence_is_under_way_until_the_others_opened_it)
{
	static struct mail stands_still = { NULL, stand }, leaves = { NULL, leave },
			   looks = { NULL, look };
	char name[64], text[128];
	struct worker *far;

	sem_init(&stands, 0, 0);
	sem_init(&go_on, 0, 0);
	sem_init(&seen, 0, 0);
	start(2);
	far = far_from_alice(name);
	client_send(&alice, "<presence/>");
	snprintf(text, sizeof(text), "<presence to='%s'/>", name);
	client_send(&alice, text);
	village_wait(alice.bare, is_settled, &alice);
	worker_post(NULL, far, &stands_still);
	sem_wait(&stands);
	worker_post(NULL, alice.worker, &leaves);
	worker_post(NULL, alice.worker, &looks);
	sem_wait(&seen);
	ck_assert_uint_eq(under_way, 1);
	sem_post(&go_on);
	village_wait(alice.bare, is_settled, &alice);
	stop();
}

END_TEST

/* ---- A service ------------------------------------------------------------------------- */

static atomic_uint hall_stanzas, hall_asked;

static void
hall_load(struct home *h)
{
	home_loaded(h);
}

static void
hall_stanza(struct home *h, const struct stanza *s, const struct receipt *r)
{
	ck_assert(str_is(jid_domain(s->to), "halls.example"));
	ck_assert_ptr_nonnull(home_host(h));
	atomic_fetch_add(&hall_stanzas, 1);
	receipt_give(h->worker, r);
}

static void
hall_drop(struct home *h)
{
	(void)h;
}

static void
hall_domain(
	struct worker *w, const struct host *host, const struct stanza *s, const struct receipt *r)
{
	ck_assert_str_eq(host->name, "a.example");
	atomic_fetch_add(&hall_asked, 1);
	route_bounce(w, s, COND_GONE, NULL, r);
}

static const struct host *
hall_host(const struct worker *w, struct str domain)
{
	(void)domain;
	return config_host(config_of(w), STR("a.example"));
}

START_TEST(a_service_has_homes_of_its_own)
{
	static const struct home_kind kind = { "hall", sizeof(struct home), SECONDS(60), hall_load,
		NULL, hall_stanza, hall_drop };

	service_add(&(struct service){ "halls.example", hall_host, &kind, hall_domain });
	start(2);
	client_send(&alice, "<message to='great@halls.example'/>");
	client_send(&alice, "<presence to='great@halls.example/me'/>");
	client_settle(&alice);
	ck_assert_uint_ge(atomic_load(&hall_stanzas), 1);
	client_send(&alice, "<iq to='halls.example' type='get' id='q1'><q xmlns='x'/></iq>");
	client_expect(&alice, "<gone");
	ck_assert_uint_eq(atomic_load(&hall_asked), 1);
	stop();
}

END_TEST

SUITE_OF(router, remote_domains_are_not_found, the_domain_takes_no_messages,
	accounts_of_another_host_are_local, one_stanza_reaches_many_with_their_own_address,
	presence_does_not_wake_accounts, presence_is_under_way_until_the_others_opened_it,
	a_service_has_homes_of_its_own)
