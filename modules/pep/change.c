/*
 * change.c -- publishing and retracting.
 *
 * All items of a change are written in one transaction, with the node's row if it is new.  What is
 * in memory follows when that is committed, then events go out and the hook pep_published runs.
 *
 * The row of a node counts its items, so that the one that is too many is found without counting
 * thousands: a publication adds at most one item, and then the oldest goes if the count is above
 * max_items.  Items are made from the row of their node, and nodes from that of their account: what
 * arrives while those are being deleted leaves nothing behind.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

#include <string.h>

/* Statements of one operation. */
#define ASKS_OF_OP 4

/* What an operation asks of the store. */
struct pep_write {
	int64_t id;
	struct str payload;
	size_t deletes; /* the statement of a retraction that does */
};

struct batch {
	struct arena *arena;
	struct ask *list;
	size_t count;
};

static step_fn changed;

/* ---- Statements --------------------------------------------------------------------- */

static void
add(struct batch *asks, const struct query *q, const struct value *args, size_t n)
{
	struct value *copy = ARENA_ARRAY(asks->arena, struct value, n);

	memcpy(copy, args, n * sizeof(*args));
	asks->list[asks->count++] = (struct ask){ q, copy, n };
}

#define ADD(asks, query, ...) add((asks), &pep_queries[query], ARGS(__VA_ARGS__))

static void
add_node(struct batch *asks, struct value owner, const struct pep_node *n)
{
	struct buf config = BUF_INIT;

	pep_config_write(&config, &n->config);
	ADD(asks, PEP_NODE_PUT, of_int(n->number), of_text(n->name),
		of_text(arena_text(asks->arena, buf_text(&config))), owner);
	buf_fini(&config);
}

static void
add_publication(struct batch *asks, struct value owner, const struct pep_node *n,
	const struct pep_op *op, const struct pep_write *w)
{
	struct value number = of_int(n->number), max = of_int(n->config.max_items);

	ADD(asks, PEP_COUNT_ADD, owner, number, of_text(op->item), owner, number);
	ADD(asks, PEP_ITEM_PUT, of_int(w->id), of_text(op->item), of_int(clock_wall()),
		of_str(w->payload), owner, number);
	ADD(asks, PEP_TRIM, owner, number, owner, number, max);
	ADD(asks, PEP_SETTLE, max, max, owner, number, owner, number);
}

static void
add_retraction(struct batch *asks, struct value owner, const struct pep_node *n,
	const struct pep_op *op, struct pep_write *w)
{
	struct value number = of_int(n->number), max = of_int(n->config.max_items);

	ADD(asks, PEP_COUNT_TAKE, owner, number, of_text(op->item), owner, number);
	w->deletes = asks->count;
	ADD(asks, PEP_ITEM_DELETE, owner, number, of_text(op->item));
	ADD(asks, PEP_SETTLE, max, max, owner, number, owner, number);
}

static struct step
write_all(struct job *j, struct pep_change *c)
{
	struct batch asks = { j->arena,
		ARENA_ARRAY(j->arena, struct ask, ASKS_OF_OP * c->count + 2), 0 };
	const struct pep_node *n = c->at;
	struct value owner = of_jid(j->owner);

	if (!n->stored)
		add_node(&asks, owner, n);
	for (size_t i = 0; i < c->count; i++) {
		if (!c->ops[i].payload)
			add_retraction(&asks, owner, n, &c->ops[i], &c->writes[i]);
		else if (n->config.persist_items)
			add_publication(&asks, owner, n, &c->ops[i], &c->writes[i]);
	}
	c->newest = asks.count;
	ADD(&asks, PEP_NEWEST, owner, of_int(n->number));
	return job_query_else(j, changed, asks.list, asks.count);
}

/* ---- Begin --------------------------------------------------------------------------- */

static bool
is_name(const char *name)
{
	return name && name[0] && strlen(name) <= PEP_NAME_MAX;
}

/* Reads what is to be written; NULL, or what pubsub#errors says of it. */
static const char *
prepare(struct job *j, struct pep_change *c)
{
	AUTO(buf_fini) struct buf bytes = BUF_INIT;

	c->writes = ARENA_ARRAY(j->arena, struct pep_write, c->count);
	for (size_t i = 0; i < c->count; i++) {
		struct pep_write *w = &c->writes[i];

		if (!is_name(c->ops[i].item))
			return "item-required";
		if (!c->ops[i].payload)
			continue;
		buf_clear(&bytes);
		kept_write(&bytes, c->ops[i].payload);
		w->payload.n = buf_len(&bytes);
		if (w->payload.n > (size_t)pep_options(j->host)->max_item)
			return "payload-too-big";
		w->payload.p = arena_str(j->arena, buf_str(&bytes));
		w->id = home_next_id(&j->account->home);
	}
	return NULL;
}

/* The node, made if it is new; NULL if there are too many. */
static struct pep_node *
node_for(struct job *j, const struct pep_change *c)
{
	struct pep_node *n = pep_node_find(j->account, c->node);
	struct pep_config dflt;

	if (n)
		return n;
	if (pep_of(j->account)->nodes.count >= (size_t)pep_options(j->host)->max_nodes)
		return NULL;
	n = pep_node_add(pep_of(j->account), str_of(c->node), home_next_id(&j->account->home));
	dflt = pep_config_default(j->arena);
	pep_node_configure(n, c->config ? c->config : &dflt);
	return n;
}

struct step
pep_change(struct job *j, struct pep_change *c)
{
	const char *fault = is_name(c->node) ? prepare(j, c) : "nodeid-required";

	if (text_eq(fault, "payload-too-big"))
		return pep_error(j, COND_NOT_ACCEPTABLE, fault);
	if (fault)
		return pep_error(j, COND_BAD_REQUEST, fault);
	c->at = node_for(j, c);
	if (!c->at)
		return pep_error(j, COND_POLICY_VIOLATION, "max-nodes-exceeded");
	c->state = j->state;
	j->state = c;
	pep_node_begin(c->at);
	return write_all(j, c);
}

/* ---- Committed ----------------------------------------------------------------------- */

static void
tell(struct account *a, const struct pep_node *n, const struct pep_op *op)
{
	struct arena *arena;
	struct xml *event, *items;

	if (!n->config.deliver_notifications || (!op->payload && (op->silent || !op->existed)))
		return;
	arena = arena_new(0);
	event = pep_event_new(arena);
	items = pep_items_xml(arena, event, NS_PUBSUB_EVENT, n);
	if (op->payload)
		pep_item_xml(arena, items, NS_PUBSUB_EVENT, op->item,
			n->config.deliver_payloads ? op->payload : NULL);
	else
		xml_attr(arena, xml_add(arena, items, NS_PUBSUB_EVENT, "retract"), "id", op->item);
	pep_tell(a, n, &arena, event);
}

static void
tell_modules(struct job *j, const struct pep_node *n, const struct pep_op *op)
{
	struct pep_event ev = { .head = { j->worker, j->host },
		.account = j->account,
		.node = n->name,
		.item = op->item,
		.payload = op->payload };

	if (op->payload || op->existed)
		(void)hook_pep_published(&ev); /* it is done, nobody can stop it */
}

/* Memory follows the store, whose newest item is in rows. */
static void
follow(struct pep_node *n, const struct rows *newest)
{
	n->stored = true;
	if (newest->count == 0)
		pep_node_last(n, 0, 0, NULL, STR_NONE);
	else
		pep_node_last(n, row_int(newest, 0, 0), row_int(newest, 0, 1),
			row_str(newest, 0, 2).p, row_str(newest, 0, 3));
}

static struct step
failed(struct job *j, struct pep_node *n)
{
	if (!n->stored && n->under_way == 1 && !n->gone)
		pep_node_remove(pep_of(j->account), n);
	pep_node_end(n);
	return pep_error(j, COND_RESOURCE_CONSTRAINT, NULL);
}

static struct step
changed(struct job *j)
{
	struct pep_change *c = j->state;
	struct pep_node *n = c->at;

	j->state = c->state;
	if (j->outcome != STORE_OK)
		return failed(j, n);
	for (size_t i = 0; i < c->count; i++)
		c->ops[i].existed =
			!c->ops[i].payload && j->results[c->writes[i].deletes]->changed > 0;
	if (!n->gone) {
		follow(n, j->results[c->newest]);
		for (size_t i = 0; i < c->count; i++)
			tell(j->account, n, &c->ops[i]);
		for (size_t i = 0; i < c->count; i++)
			tell_modules(j, n, &c->ops[i]);
	}
	pep_node_end(n);
	return job_behind(j, c->next);
}
