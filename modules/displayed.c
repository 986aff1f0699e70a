/*
 * displayed.c -- XEP-0490: what was read is published for the user's own devices, and a client may let
 * the server do that with the message that tells the other side.
 *
 * The <displayed/> of such a message never leaves the server.  It is published with the configuration that
 * the specification asks for; to a node that others could read nothing is published.
 *
 * Runs on: the account's home.
 */
#include "module.h"

#include "modules/pep/pep.h"

#define NS_DISPLAYED "urn:xmpp:mds:displayed:0"
#define NS_ASSIST "urn:xmpp:mds:server-assist:0"

struct assist {
	struct pep_config config;
	struct pep_op op;
	struct pep_change change;
};

static step_fn publish, published;

/* The state lives in *arena (taken). */
static void
start_publishing(struct account *a, struct arena **arena, struct jid chat, const struct xml *x)
{
	struct assist *t = ARENA_NEW(*arena, struct assist);

	t->config = pep_config_private(*arena);
	t->op = (struct pep_op){ .item = jid_text(*arena, chat), .payload = xml_copy(*arena, x) };
	t->change = (struct pep_change){ .node = NS_DISPLAYED,
		.config = &t->config,
		.ops = &t->op,
		.count = 1,
		.next = published };
	job_start(a, NULL, arena, t, publish);
}

static struct step
publish(struct job *j)
{
	struct assist *t = j->state;

	return pep_change(j, &t->change);
}

static struct step
published(struct job *j)
{
	return job_done(j);
}

static bool
is_safe(const struct account *a)
{
	const struct pep_node *n = pep_node_find(a, NS_DISPLAYED);

	return !n || n->config.access_model == PEP_WHITELIST;
}

/* What is left if nothing else was in it goes nowhere. */
static enum verdict
on_sent(struct message_event *ev)
{
	const struct xml *x = stanza_child(ev->stanza, NS_DISPLAYED, "displayed");
	struct arena *arena;

	if (!x || !pep_is_on(ev->head.host))
		return PASS;
	if (is_safe(ev->account)) {
		arena = arena_new(0);
		start_publishing(ev->account, &arena, ev->stanza->to, x);
	}
	event_replace(ev, stanza_without(ev->stanza, NS_DISPLAYED, "displayed", NULL, NULL));
	if (ev->stanza->children)
		return PASS;
	receipt_give(ev->head.worker, ev->receipt);
	return STOP;
}

static enum verdict
on_disco_info(struct disco_event *ev)
{
	pep_add_feature(ev, NS_ASSIST);
	return PASS;
}

MODULE(displayed) = {
	IDENTITY(displayed),
	.summary = "Publishes what was read for the user's other devices",
	.xeps = XEPS({ 490, "1.0.1", XEP_COMPLETE, NULL }),
	.hooks =
		(const struct hook[]){
			ON(message_sent, ORDER_FILTER, on_sent),
			ON(disco_info, ORDER_NORMAL, on_disco_info),
			END_HOOKS,
		},
};
