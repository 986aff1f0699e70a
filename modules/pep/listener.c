/*
 * listener.c -- sessions, and the nodes whose events they want (XEP-0115, XEP-0060 9.2).
 *
 * A listener belongs to a session that has broadcast presence with capabilities.  What they stand
 * for is a `client`, which all sessions with the same hash share; the first of them is asked, once,
 * and what it says is believed only if it has that hash.  Each worker knows clients for itself;
 * those that no session has are forgotten, the longest unused first, when there are too many.
 * An answer that has another hash, or capabilities without one, count for that session alone.
 *
 * Until it is known what a session wants, events for it wait, up to a bound; with more it is greeted
 * anew, which says what is newest.  A session without a connection is asked when it has one again.
 *
 * Whether a session was greeted is a mark of it, and so outlives a restart, as what it wants does
 * not: it is asked again.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

#include "xep/caps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clients of one worker that no session has. */
#define CLIENTS_IDLE_MAX 1000
/* Nodes that one client may want. */
#define WANTS_MAX 256
/* Events that wait for one session. */
#define QUEUE_MAX 32
#define ANSWER_TIMEOUT SECONDS(60)
/* Questions that one session has not answered; with more its capabilities do not count. */
#define QUESTIONS_MAX 8

struct client {
	struct hash_node by_key;
	char *key; /* NULL: of one session alone */
	enum digest hash;
	char *ver;
	unsigned refs;
	bool known, asking;
	struct list idle; /* of its worker; when refs is 0 */
	struct list waiting; /* struct listener.waiting, until it is known */
	struct arena *texts;
	const char **wants; /* sorted */
	size_t count;
};

struct listener {
	struct list link, waiting;
	/* Its session, by number: an answer may come when that is over. */
	struct worker *worker;
	uint32_t slot, generation;
	struct client *client; /* NULL: it wants nothing */
	char *disco_node; /* whose info is asked for, or NULL: the client's as such */
	unsigned questions; /* that it has not answered */
	const struct stanza *queue[QUEUE_MAX];
	unsigned queued;
};

static struct clients {
	struct hash by_key;
	struct list idle; /* longest unused first */
	size_t idle_count;
} clients[WORKERS_MAX]; /* by worker */

static uint64_t greeted; /* mark of a session: was sent what is newest, since it became available */
static bool closing; /* accounts, and with them sessions, are dropped after the module stopped */

/* ---- Clients ------------------------------------------------------------------------------ */

static struct clients *
clients_of(const struct worker *w)
{
	return &clients[worker_index(w)];
}

static void
client_free(struct clients *all, struct client *c)
{
	if (c->key)
		hash_remove(&all->by_key, &c->by_key);
	arena_free(&c->texts);
	mem_free(&c->key);
	mem_free(&c->ver);
	mem_free(&c);
	if (closing && all->by_key.count == 0)
		hash_fini(&all->by_key);
}

static struct client *
client_ref(struct clients *all, struct client *c)
{
	if (c->refs++ == 0 && list_linked(&c->idle)) {
		list_remove(&c->idle);
		all->idle_count--;
	}
	return c;
}

static void
client_unref(struct clients *all, struct client *c)
{
	struct client *oldest;

	if (--c->refs > 0)
		return;
	if (!c->key || !c->known || closing) {
		client_free(all, c);
		return;
	}
	list_append(&all->idle, &c->idle);
	if (all->idle_count++ < CLIENTS_IDLE_MAX)
		return;
	oldest = list_first(&all->idle, struct client, idle);
	list_remove(&oldest->idle);
	all->idle_count--;
	client_free(all, oldest);
}

static struct client *
client_new(void)
{
	struct client *c = MEM_NEW(struct client);

	list_init(&c->waiting);
	list_init(&c->idle);
	return c;
}

/* The client of a presence's <c/>, referenced; NULL if it has none. */
static struct client *
client_get(struct clients *all, const struct stanza *presence)
{
	const struct xml *x = stanza_child(presence, NS_CAPS, "c");
	char key[2048];
	struct caps caps;
	struct hash_node *n;
	struct client *c;
	int length;

	if (!x)
		return NULL;
	if (!caps_read(x, &caps))
		return client_ref(all, client_new());
	length = snprintf(key, sizeof(key), "%u %s", (unsigned)caps.hash, caps.ver);
	if (length < 0 || (size_t)length >= sizeof(key))
		return NULL;
	n = hash_find(&all->by_key, str_of(key));
	if (n)
		return client_ref(all, CONTAINER(n, struct client, by_key));
	c = client_new();
	c->key = mem_copy_text(key);
	c->hash = caps.hash;
	c->ver = mem_copy_text(caps.ver);
	hash_add(&all->by_key, &c->by_key, str_of(c->key));
	return client_ref(all, c);
}

static bool
client_wants(const struct client *c, const char *node)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(node, c->wants[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes what it wants from its disco#info result. */
static void
client_learn(struct client *c, const struct xml *query)
{
	static const struct str suffix = { "+notify", 7 };

	c->known = true;
	c->texts = arena_new(0);
	c->wants = ARENA_ARRAY(c->texts, const char *, WANTS_MAX);
	for (const struct xml *x = xml_child(query, NS_DISCO_INFO, "feature");
		x && c->count < WANTS_MAX; x = xml_next(x, NS_DISCO_INFO, "feature")) {
		struct str var = str_of(xml_get(x, "var"));

		if (var.n <= suffix.n || var.n > PEP_NAME_MAX + suffix.n || !str_ends(var, suffix))
			continue;
		var.n -= suffix.n;
		c->wants[c->count++] = arena_str(c->texts, var);
	}
	qsort(c->wants, c->count, sizeof(*c->wants), compare);
}

/* ---- Listeners -------------------------------------------------------------------------------- */

/* NULL: it is gone. */
static struct session *
session_of(const struct listener *l)
{
	return session_find(l->worker, l->slot, l->generation);
}

static struct listener *
listener_find(const struct account *a, const struct session *s)
{
	list_for_each(l, &pep_of(a)->listeners, struct listener, link)
	{
		if (l->slot == s->slot && l->generation == s->generation)
			return l;
	}
	return NULL;
}

static void
queue_clear(struct listener *l)
{
	for (unsigned i = 0; i < l->queued; i++)
		stanza_unref(&l->queue[i]);
	l->queued = 0;
}

static void
listener_leave(struct listener *l)
{
	queue_clear(l);
	list_remove(&l->waiting);
	if (l->client)
		client_unref(clients_of(l->worker), l->client);
	l->client = NULL;
}

static void
send_to(struct session *s, const struct stanza *event)
{
	AUTO(stanza_unref)
	const struct stanza *own = stanza_readdress(event, event->from, s->jid);

	session_send(s, own);
}

static const char *
node_of(const struct stanza *event)
{
	const struct xml *x = stanza_child(event, NS_PUBSUB_EVENT, "event");

	return xml_get(xml_child(x, NS_PUBSUB_EVENT, NULL), "node");
}

/* What it wants is known: what waited goes out, and, if it has come online, what it missed. */
static void
listener_ready(struct listener *l)
{
	struct session *s = session_of(l);

	for (unsigned i = 0; s && i < l->queued; i++) {
		if (client_wants(l->client, node_of(l->queue[i])))
			send_to(s, l->queue[i]);
	}
	queue_clear(l);
	if (!s || (s->marks & greeted) || !s->available)
		return;
	s->marks |= greeted;
	pep_greet(s->account, s);
}

static void
listener_free(struct listener **l)
{
	listener_leave(*l);
	list_remove(&(*l)->link);
	mem_free(&(*l)->disco_node);
	mem_free(l);
}

void
pep_listener_end(struct account *a, const struct session *s)
{
	struct listener *l = listener_find(a, s);

	if (l)
		listener_free(&l);
}

void
pep_listeners_drop(struct pep *p)
{
	list_for_each(l, &p->listeners, struct listener, link)
	{
		struct listener *gone = l;

		listener_free(&gone);
	}
}

/* ---- Asking ------------------------------------------------------------------------------------- */

static void answered(struct account *a, struct session *s, const struct stanza *reply, void *ctx);

static void
ask(struct session *s, struct listener *l)
{
	struct arena *arena = arena_new(0);
	struct xml *query = xml_new(arena, NS_DISCO_INFO, "query");

	xml_attr(arena, query, "node", l->disco_node);
	l->questions++;
	l->client->asking = true;
	session_ask(s, IQ_GET, query, ANSWER_TIMEOUT, answered,
		client_ref(clients_of(l->worker), l->client));
	arena_free(&arena);
}

/* The first of those that wait and are there. */
static void
ask_next(struct client *c)
{
	list_for_each(l, &c->waiting, struct listener, waiting)
	{
		struct session *s = session_of(l);

		if (s && s->outlet) {
			ask(s, l);
			return;
		}
	}
}

/* Is the client's own word, by its hash or because it is taken for nobody else's. */
static bool
is_true(const struct client *c, const struct xml *query)
{
	struct arena *arena = arena_new(0);
	bool ok = !c->key || text_eq(caps_ver(arena, query, c->hash), c->ver);

	arena_free(&arena);
	return ok;
}

static void
tell_waiting(struct client *c)
{
	for (;;) {
		struct listener *l = list_first(&c->waiting, struct listener, waiting);

		if (!l)
			return;
		list_remove(&l->waiting);
		listener_ready(l);
	}
}

/* It did not say, or not what its hash stands for; then query counts for it alone. */
static void
mistrust(struct listener *l, const struct xml *query)
{
	struct clients *all = clients_of(l->worker);

	list_remove(&l->waiting);
	client_unref(all, l->client);
	l->client = NULL;
	if (!query) {
		queue_clear(l);
		return;
	}
	l->client = client_ref(all, client_new());
	client_learn(l->client, query);
	listener_ready(l);
}

static void
answered(struct account *a, struct session *s, const struct stanza *reply, void *ctx)
{
	struct client *c = ctx;
	struct worker *w = s->worker;
	struct listener *l = listener_find(a, s);
	const struct xml *query = reply && reply->type == IQ_RESULT
					  ? stanza_child(reply, NS_DISCO_INFO, "query")
					  : NULL;

	if (l)
		l->questions--;
	c->asking = false;
	if (!c->known && query && is_true(c, query)) {
		client_learn(c, query);
		tell_waiting(c);
	} else if (!c->known) {
		if (l && l->client == c && (query || s->outlet))
			mistrust(l, query);
		ask_next(c);
	}
	client_unref(clients_of(w), c);
}

/* ---- Presence ------------------------------------------------------------------------------------- */

static void
remember_node(struct listener *l, const struct stanza *presence)
{
	struct caps caps;
	char node[2048];

	mem_free(&l->disco_node);
	if (!caps_read(stanza_child(presence, NS_CAPS, "c"), &caps))
		return;
	if (snprintf(node, sizeof(node), "%s#%s", caps.node, caps.ver) < (int)sizeof(node))
		l->disco_node = mem_copy_text(node);
}

static struct listener *
listener_get(struct session *s)
{
	struct listener *l = listener_find(s->account, s);

	if (l)
		return l;
	l = MEM_NEW(struct listener);
	l->worker = s->worker;
	l->slot = s->slot;
	l->generation = s->generation;
	list_init(&l->waiting);
	list_append(&pep_of(s->account)->listeners, &l->link);
	return l;
}

void
pep_listen(struct session *s, const struct stanza *presence)
{
	struct listener *l = listener_get(s);
	struct client *c = client_get(clients_of(s->worker), presence);

	if (c == l->client) {
		if (c)
			client_unref(clients_of(s->worker), c);
		return;
	}
	listener_leave(l);
	if (!c)
		return;
	l->client = c;
	if (c->known) {
		listener_ready(l);
	} else if (l->questions == QUESTIONS_MAX) {
		listener_leave(l);
	} else {
		remember_node(l, presence);
		list_append(&c->waiting, &l->waiting);
		if (!c->asking && s->outlet)
			ask(s, l);
	}
}

void
pep_listener_revived(struct session *s)
{
	if (s->presence)
		pep_listen(s, s->presence);
}

void
pep_listener_flush(struct session *s)
{
	struct listener *l = listener_find(s->account, s);

	if (!l || !l->client || l->client->known)
		return;
	if (!s->outlet && l->queued > 0)
		s->marks &= ~greeted; /* the queue does not outlive the restart */
	else if (s->outlet && !l->client->asking && l->questions < QUESTIONS_MAX)
		ask(s, l);
}

void
pep_listener_online(struct session *s)
{
	struct listener *l = listener_find(s->account, s);

	if (l && l->client && l->client->known)
		listener_ready(l);
}

void
pep_listener_begin(struct session *s)
{
	pep_listen(s, s->presence);
	pep_listener_flush(s);
	pep_listener_online(s);
}

void
pep_listener_offline(struct session *s)
{
	struct listener *l = listener_find(s->account, s);

	s->marks &= ~greeted;
	if (l)
		queue_clear(l);
}

/* ---- Events ----------------------------------------------------------------------------------------- */

bool
pep_listener_wants(const struct account *a, const struct session *s, const char *node)
{
	const struct listener *l = listener_find(a, s);

	return l && l->client && l->client->known && client_wants(l->client, node);
}

const char *const *
pep_listener_nodes(const struct account *a, const struct session *s, size_t *count)
{
	const struct listener *l = listener_find(a, s);

	*count = 0;
	if (!l || !l->client || !l->client->known)
		return NULL;
	*count = l->client->count;
	return l->client->wants;
}

bool
pep_is_wanted(const struct account *a, const char *node)
{
	list_for_each(l, &pep_of(a)->listeners, struct listener, link)
	{
		if (l->client && (!l->client->known || client_wants(l->client, node)))
			return true;
	}
	return false;
}

static void
tell(struct session *s, const char *node, const struct stanza *event)
{
	struct listener *l = listener_find(s->account, s);

	if (!l || !l->client)
		return;
	if (l->client->known && client_wants(l->client, node))
		send_to(s, event);
	else if (!l->client->known && l->queued < QUEUE_MAX)
		l->queue[l->queued++] = stanza_ref(event);
	else if (!l->client->known)
		s->marks &= ~greeted;
}

void
pep_listeners_tell(struct account *a, const char *node, const struct stanza *event)
{
	for_each_session(s, a) {
		if (s->available && !s->ending)
			tell(s, node, event);
	}
}

/* ---- Start and stop ----------------------------------------------------------------------------------- */

void
pep_listeners_start(void)
{
	greeted = session_mark_add("pep-greeted");
	closing = false;
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		hash_init(&clients[i].by_key);
		list_init(&clients[i].idle);
		clients[i].idle_count = 0;
	}
}

void
pep_listeners_stop(void)
{
	closing = true;
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		list_for_each(c, &clients[i].idle, struct client, idle) client_free(&clients[i], c);
	}
}
