/*
 * event.c -- who is told.
 *
 * An event goes to the owner's sessions that want it, and, without looking at capabilities, once to
 * the bare JID of each contact who may read the node and whose home has PEP too: at that home the
 * contact's own sessions are known, with what they want, and pep.c hands it to them.  So nobody
 * needs to remember the sessions of others.
 *
 * What was published before a client came online is fetched in the same way: its home asks the
 * homes of all contacts whose presence it sees for the newest items of the nodes that the client
 * wants, by one stanza that all of them share, and each sends those that the client may read
 * straight to it.  That stanza is an iq result, so that it vanishes wherever nobody knows it.
 *
 * Contacts at other servers get none: this server keeps no presence of theirs, and so does not know
 * what they want.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

/* Of our own: names the nodes whose newest items the sender wants. */
#define NS_WANTED "urn:bongsu:pep:wanted:0"

struct xml *
pep_event_new(struct arena *a)
{
	return xml_new(a, NS_PUBSUB_EVENT, "event");
}

static const struct stanza *
message_of(const struct account *a, enum message_type type, struct arena **arena,
	const struct xml *children)
{
	char id[RAND_ID_SIZE];

	rand_id(id);
	return stanza_new(arena, STANZA_MESSAGE, (int)type, a->home.jid, JID_NONE, id, children);
}

/* ---- Live ------------------------------------------------------------------------------- */

/* A contact at one of our hosts where PEP is on; rooms have addresses, but no nodes. */
static bool
is_reachable(const struct account *a, struct jid contact)
{
	const struct host *h = config_host(config_of(a->home.worker), jid_domain(contact));

	return h && contact.local > 0 && pep_is_on(h);
}

static void
tell_contacts(struct account *a, const struct pep_node *n, const struct stanza *event)
{
	AUTO(arena_free) struct arena *arena = NULL;
	const struct hash *items = &a->roster->items;
	struct jid *to;
	size_t count = 0;

	if (items->count == 0 || (n->config.access_model == PEP_WHITELIST && !n->config.members))
		return;
	arena = arena_new(0);
	to = ARENA_ARRAY(arena, struct jid, items->count);
	for (struct hash_node *h = hash_next(items, NULL); h; h = hash_next(items, h)) {
		const struct roster_item *i = CONTAINER(h, struct roster_item, node);

		if (roster_sees_me(i) && pep_may_read(a, n, i->contact) &&
			is_reachable(a, i->contact) && presence_is_for(a, i))
			to[count++] = i->contact;
	}
	route_many(a->home.worker, event, to, count);
}

void
pep_tell(struct account *a, const struct pep_node *n, struct arena **arena, struct xml *event)
{
	enum message_type type = n->config.notification_type ? MESSAGE_HEADLINE : MESSAGE_NORMAL;
	AUTO(stanza_unref) const struct stanza *s = message_of(a, type, arena, event);

	pep_listeners_tell(a, n->name, s);
	tell_contacts(a, n, s);
}

void
pep_tell_own(struct account *a, const char *node, struct arena **arena, struct xml *event)
{
	AUTO(stanza_unref) const struct stanza *s = message_of(a, MESSAGE_HEADLINE, arena, event);

	pep_listeners_tell(a, node, s);
}

/* ---- The newest item ------------------------------------------------------------------------ */

/* To whom has come online, or at least to a new subscriber. */
static bool
is_sent_last(const struct pep_node *n, enum pep_send_last when)
{
	return n->last_id > 0 && n->config.deliver_notifications &&
	       n->config.send_last_published_item >= (int64_t)when;
}

/* The event with the newest item and the time at which it was published (XEP-0163 4.3.4). */
static const struct stanza *
last_event(const struct account *a, const struct pep_node *n, struct str payload)
{
	struct arena *arena = arena_new(0);
	struct xml *event = pep_event_new(arena), *delay = xml_new(arena, NS_DELAY, "delay");
	struct xml *items = pep_items_xml(arena, event, NS_PUBSUB_EVENT, n);
	char stamp[DATETIME_SIZE];

	pep_item_xml(arena, items, NS_PUBSUB_EVENT, arena_text(arena, n->last_item),
		n->config.deliver_payloads ? kept_read(arena, payload) : NULL);
	datetime_write(stamp, n->last_at);
	xml_attr(arena, delay, "stamp", stamp);
	event->next = delay;
	return message_of(a, MESSAGE_HEADLINE, &arena, event);
}

struct fetch {
	int64_t number; /* of the node */
	char *node;
	struct jid to;
};

static step_fn fetch, fetched;

static struct step
fetch(struct job *j)
{
	const struct fetch *f = j->state;

	return job_query(j, fetched, &pep_queries[PEP_PAGE],
		ARGS(of_jid(j->owner), of_int(f->number), of_int(INT64_MAX), of_int(1)));
}

static struct step
fetched(struct job *j)
{
	const struct fetch *f = j->state;
	struct pep_node *n = pep_node_find(j->account, f->node);
	const struct stanza *event, *out;

	if (!n || j->rows->count == 0 || row_int(j->rows, 0, 0) != n->last_id)
		return job_done(j); /* what came since was told already */
	event = last_event(j->account, n, row_str(j->rows, 0, 2));
	out = stanza_readdress(event, event->from, f->to);
	stanza_unref(&event);
	route(j->worker, &out, NO_RECEIPT);
	return job_done(j);
}

/* Sends the newest item to one client. */
static void
send_last(struct account *a, struct pep_node *n, struct jid to)
{
	struct arena *arena;
	struct fetch *f;
	const struct stanza *out;

	if (!n->last_payload) {
		arena = arena_new(0);
		f = ARENA_NEW(arena, struct fetch);
		*f = (struct fetch){ n->number, arena_text(arena, n->name), jid_copy(arena, to) };
		job_start(a, NULL, &arena, f, fetch);
		return;
	}
	if (!n->last_event)
		n->last_event = last_event(a, n, str_of(n->last_payload));
	out = stanza_readdress(n->last_event, a->home.jid, to);
	route(a->home.worker, &out, NO_RECEIPT);
}

/* ---- A client comes online -------------------------------------------------------------------- */

/* Asks contacts, or only one of them, for what the session wants. */
static void
ask_contacts(struct account *a, const struct session *s, const struct jid *only)
{
	AUTO(arena_free) struct arena *addresses = arena_new(0);
	AUTO(stanza_unref) const struct stanza *wanted = NULL;
	const struct hash *items = &a->roster->items;
	struct jid *to = ARENA_ARRAY(addresses, struct jid, items->count + 1);
	struct arena *arena;
	struct xml *x;
	size_t nodes_count, count = 0;
	const char *const *nodes = pep_listener_nodes(a, s, &nodes_count);

	if (only && is_reachable(a, *only))
		to[count++] = *only;
	for (struct hash_node *h = hash_next(items, NULL); h && !only; h = hash_next(items, h)) {
		const struct roster_item *i = CONTAINER(h, struct roster_item, node);

		if (roster_i_see(i) && is_reachable(a, i->contact) && presence_is_for(a, i))
			to[count++] = i->contact;
	}
	if (count == 0 || nodes_count == 0)
		return;
	arena = arena_new(0);
	x = xml_new(arena, NS_WANTED, "wanted");
	xml_attr(arena, x, "subscribed", only ? "true" : NULL);
	for (size_t i = 0; i < nodes_count; i++)
		xml_attr(arena, xml_add(arena, x, NS_WANTED, "node"), "name", nodes[i]);
	wanted = stanza_new(&arena, STANZA_IQ, IQ_RESULT, s->jid, JID_NONE, "wanted", x);
	route_many(a->home.worker, wanted, to, count);
}

void
pep_greet(struct account *a, struct session *s)
{
	const struct hash *nodes = &pep_of(a)->nodes;

	for (struct hash_node *h = hash_next(nodes, NULL); h; h = hash_next(nodes, h)) {
		struct pep_node *n = CONTAINER(h, struct pep_node, by_name);

		if (is_sent_last(n, PEP_ON_SUB_AND_PRESENCE) && pep_listener_wants(a, s, n->name))
			send_last(a, n, s->jid);
	}
	ask_contacts(a, s, NULL);
}

void
pep_ask_contact(struct account *a, struct jid contact)
{
	for_each_session(s, a) {
		if (s->available)
			ask_contacts(a, s, &contact);
	}
}

bool
pep_answer_wanted(struct account *a, const struct stanza *s)
{
	const struct xml *x = NULL;
	enum pep_send_last when;

	if (s->kind == STANZA_IQ && s->type == IQ_RESULT)
		x = stanza_child(s, NS_WANTED, "wanted");
	if (!x)
		return false;
	if (!is_reachable(a, s->from) || !jid_is_full(s->from))
		return true;
	when = xml_get(x, "subscribed") ? PEP_ON_SUB : PEP_ON_SUB_AND_PRESENCE;
	for (x = xml_child(x, NS_WANTED, "node"); x; x = xml_next(x, NS_WANTED, "node")) {
		struct pep_node *n = pep_node_find(a, xml_get(x, "name"));

		if (n && is_sent_last(n, when) && pep_may_read(a, n, s->from) &&
			account_shares_presence(a, jid_bare(s->from)))
			send_last(a, n, s->from);
	}
	return true;
}

bool
pep_take_event(struct account *a, const struct stanza *s)
{
	const struct xml *what;

	if (s->kind != STANZA_MESSAGE || jid_is_full(s->from) || jid_is_full(s->to))
		return false;
	what = xml_child(stanza_child(s, NS_PUBSUB_EVENT, "event"), NS_PUBSUB_EVENT, NULL);
	if (!what || !is_reachable(a, s->from))
		return false;
	if (xml_get(what, "node"))
		pep_listeners_tell(a, xml_get(what, "node"), s);
	return true;
}
