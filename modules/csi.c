/*
 * csi.c -- XEP-0352: a phone whose user looks elsewhere is not woken for what can wait.
 *
 * While a client says that it is inactive, presence, chat states on their own and headlines (with
 * them what pubsub nodes publish) are held back; of each sender, or node of a sender, only the
 * latest is kept, in the order in which the latest came.  Anything else goes out at once, after
 * what is held.  What is held was not sent: stream management counts it when it is.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"

#include <string.h>

#define NS_CSI "urn:xmpp:csi:0"
#define NS_PUBSUB_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_CARBONS "urn:xmpp:carbons:2"

/* Of one session; with more, all goes out. */
#define HELD_MAX 500
#define HELD_BYTES_MAX ((size_t)256 * 1024)

struct held {
	struct list link; /* phone->held */
	struct hash_node node; /* phone->by_key */
	const struct stanza *stanza;
	size_t size;
	char key[];
};

/* A session that is inactive. */
struct phone {
	struct phone *next;
	struct worker *worker;
	uint32_t slot, generation;
	struct list held; /* oldest first */
	struct hash by_key;
	size_t bytes;
};

struct csi {
	struct phone *phones;
};

MODULE_SLOT(struct csi)

/* ---- What can wait ---------------------------------------------------------------------- */

/* Nothing but a chat state: of the children of a message. */
static bool
is_lone_state(const struct xml *children)
{
	bool state = false;

	for (const struct xml *x = children; x; x = x->next) {
		if (text_eq(x->ns, NS_CHATSTATES))
			state = true;
		else if (x->name && !text_eq(x->name, "thread") && !text_eq(x->ns, NS_HINTS))
			return false;
	}
	return state;
}

/* The message in a copy of another device's, or NULL. */
static const struct xml *
copied(const struct stanza *s)
{
	const struct xml *x = stanza_child(s, NS_CARBONS, NULL);

	x = x ? xml_child(x, NS_FORWARD, "forwarded") : NULL;
	return x ? xml_child(x, NS_CLIENT, "message") : NULL;
}

/* The node whose event it is, or NULL. */
static const char *
node_of(const struct stanza *s)
{
	const struct xml *event = stanza_child(s, NS_PUBSUB_EVENT, "event");
	const struct xml *items = event ? xml_child(event, NS_PUBSUB_EVENT, NULL) : NULL;

	return items ? xml_get(items, "node") : NULL;
}

static const char *
attribute(const struct xml *x, const char *name)
{
	const char *value = xml_get(x, name);

	return value ? value : "";
}

/* What a later one of the same key replaces, in a; NULL: it cannot wait. */
static const char *
key_of(struct arena *a, const struct stanza *s)
{
	const char *from = jid_text(a, s->from), *node;
	const struct xml *copy;

	switch (s->kind) {
	case STANZA_IQ:
		return NULL;
	case STANZA_PRESENCE:
		return s->type == PRESENCE_AVAILABLE || s->type == PRESENCE_UNAVAILABLE
			       ? arena_printf(a, "presence %s", from)
			       : NULL;
	case STANZA_MESSAGE:
		break;
	}
	if (s->type == MESSAGE_ERROR || stanza_child(s, NS_CLIENT, "body"))
		return NULL;
	node = node_of(s);
	if (node && str_starts(str_of(node), STR("urn:xmpp:mucsub:")))
		return NULL; /* each says something else: what was said in a room */
	if (node)
		return arena_printf(a, "node %s %s", from, node);
	if (s->type == MESSAGE_HEADLINE)
		return arena_printf(a, "headline %s %s", from, s->id ? s->id : "");
	if (is_lone_state(s->children))
		return arena_printf(a, "state %s", from);
	copy = copied(s);
	if (copy && is_lone_state(copy->first))
		return arena_printf(
			a, "copy %s %s", attribute(copy, "from"), attribute(copy, "to"));
	return NULL;
}

/* ---- Held ----------------------------------------------------------------------------------- */

static void
held_drop(struct phone *p, struct held *h)
{
	list_remove(&h->link);
	hash_remove(&p->by_key, &h->node);
	p->bytes -= h->size;
	stanza_unref(&h->stanza);
	mem_free(&h);
}

static void
hold(struct phone *p, const struct stanza *s, const char *key)
{
	struct str name = str_of(key);
	struct hash_node *old = hash_find(&p->by_key, name);
	struct held *h;

	if (old)
		held_drop(p, CONTAINER(old, struct held, node));
	h = mem_new(sizeof(*h) + name.n + 1);
	memcpy(h->key, name.p, name.n);
	h->stanza = stanza_ref(s);
	h->size = stanza_size(s);
	p->bytes += h->size;
	list_append(&p->held, &h->link);
	hash_add(&p->by_key, &h->node, (struct str){ h->key, name.n });
}

static struct phone *
phone_of(const struct session *s)
{
	struct phone *p = slot_of(s->account)->phones;

	while (p && (p->slot != s->slot || p->generation != s->generation))
		p = p->next;
	return p;
}

/* Sends all, oldest first. */
static void
let_go(struct phone *p, struct session *s)
{
	struct held *h;

	s->filters--; /* it is this that looks */
	while ((h = list_first(&p->held, struct held, link)) != NULL) {
		AUTO(stanza_unref) const struct stanza *stanza = stanza_ref(h->stanza);

		held_drop(p, h);
		session_send(s, stanza);
	}
	s->filters++;
}

static void
phone_free(struct csi *c, struct phone *p)
{
	struct session *s = session_find(p->worker, p->slot, p->generation);
	struct phone **at = &c->phones;
	struct held *h;

	while ((h = list_first(&p->held, struct held, link)) != NULL)
		held_drop(p, h);
	hash_fini(&p->by_key);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (s)
		s->filters--;
	mem_free(&p);
}

/* ---- What clients say ----------------------------------------------------------------------- */

static void
become_inactive(struct session *s)
{
	struct csi *c = slot_of(s->account);
	struct phone *p;

	if (phone_of(s))
		return;
	p = MEM_NEW(struct phone);
	p->worker = s->worker;
	p->slot = s->slot;
	p->generation = s->generation;
	list_init(&p->held);
	hash_init(&p->by_key);
	p->next = c->phones;
	c->phones = p;
	s->filters++;
}

static void
become_active(struct session *s)
{
	struct phone *p = phone_of(s);

	if (!p)
		return;
	let_go(p, s);
	phone_free(slot_of(s->account), p);
}

static enum verdict
on_element(struct element_event *ev)
{
	if (xml_is(ev->element, NS_CSI, "inactive"))
		become_inactive(ev->session);
	else if (xml_is(ev->element, NS_CSI, "active"))
		become_active(ev->session);
	else
		return PASS;
	return STOP;
}

/* XEP-0352 5: after a resumption the client is active until it says otherwise. */
static enum verdict
on_flush(struct session_event *ev)
{
	become_active(ev->session);
	return PASS;
}

static enum verdict
on_ended(struct session_event *ev)
{
	struct phone *p = phone_of(ev->session);

	if (p)
		phone_free(slot_of(ev->account), p);
	return PASS;
}

/* ---- What goes out ---------------------------------------------------------------------------- */

static enum verdict
on_out(struct out_event *ev)
{
	AUTO(arena_free) struct arena *arena = NULL;
	struct phone *p = phone_of(ev->session);
	const char *key;

	if (!p)
		return PASS;
	arena = arena_new(0);
	key = key_of(arena, ev->stanza);
	if (!key) {
		let_go(p, ev->session);
		return PASS;
	}
	hold(p, ev->stanza, key);
	if (p->by_key.count > HELD_MAX || p->bytes > HELD_BYTES_MAX)
		let_go(p, ev->session);
	return STOP;
}

static void
wake(struct session *s, void *host)
{
	if (host_owns(host, s->jid))
		become_active(s);
}

/* Nobody would let it go later. */
static enum verdict
on_changing(struct config_event *ev)
{
	if (module_goes_off(ev, &module_state_))
		sessions_each(ev->head.worker, wake, (void *)(uintptr_t)ev->head.host);
	return PASS;
}

static enum verdict
on_features(struct features_event *ev)
{
	if (ev->stream->authenticated)
		xml_add(ev->arena, ev->features, NS_CSI, "csi");
	return PASS;
}

static void
drop(void *slot)
{
	struct csi *c = slot;

	while (c->phones)
		phone_free(c, c->phones);
}

static const struct slot slot = { .size = sizeof(struct csi), .drop = drop };

MODULE(csi) = {
	IDENTITY(csi),
	.summary = "Holds back what an inactive client need not be woken for",
	.xeps = XEPS({ 352, "1.0.0", XEP_COMPLETE, NULL }),
	.hooks =
		(const struct hook[]){
			ON(stream_features, ORDER_NORMAL, on_features),
			ON(client_element, ORDER_NORMAL, on_element),
			ON(session_out, ORDER_NORMAL, on_out),
			ON(session_flush, ORDER_FILTER, on_flush),
			ON(session_ended, ORDER_NORMAL, on_ended),
			ON(config_changing, ORDER_NORMAL, on_changing),
			END_HOOKS,
		},
	.slot = &slot,
};
