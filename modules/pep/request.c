/*
 * request.c -- what clients ask of an account's nodes (XEP-0060 5 to 8.1).
 *
 * The child of <pubsub/> says what is asked; a table says who may ask it.  Only the owner publishes.
 * Subscriptions are made by presence alone.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

#include <string.h>

static step_fn subscriptions, affiliations, subscribe, unsubscribe, options, subscribe_default;
static step_fn published, retracted, created;

/* To all but these the account is as a name that nobody registered. */
enum who { OWNER, CONTACTS, ALL };

static const struct verb {
	const char *name;
	enum iq_types type;
	enum who who;
	step_fn *run;
} verbs[] = {
	{ "items", ON_GET, ALL, pep_items },
	{ "publish", ON_SET, OWNER, pep_publish },
	{ "retract", ON_SET, OWNER, pep_retract },
	{ "create", ON_SET, OWNER, pep_create },
	{ "subscriptions", ON_GET, CONTACTS, subscriptions },
	{ "affiliations", ON_GET, CONTACTS, affiliations },
	{ "subscribe", ON_SET, ALL, subscribe },
	{ "unsubscribe", ON_SET, ALL, unsubscribe },
	{ "options", ON_GET, CONTACTS, options },
	{ "options", ON_SET, CONTACTS, options },
	{ "default", ON_GET, CONTACTS, subscribe_default },
};

struct step
pep_request(struct job *j)
{
	const struct xml *child = xml_child(iq_child(j), NS_PUBSUB, NULL);
	enum iq_types type = j->stanza->type == IQ_SET ? ON_SET : ON_GET;
	bool contact = account_shares_presence(j->account, jid_bare(j->stanza->from));

	for (size_t i = 0; child && i < COUNT(verbs); i++) {
		if (!text_eq(verbs[i].name, child->name) || verbs[i].type != type)
			continue;
		if (verbs[i].who != ALL && !contact)
			return pep_refuse(j, NULL);
		if (verbs[i].who == OWNER && !pep_is_own(j))
			return iq_error(j, COND_FORBIDDEN, NULL);
		return verbs[i].run(j);
	}
	return contact ? iq_error(j, COND_BAD_REQUEST, "there is no such request")
		       : pep_refuse(j, NULL);
}

static const struct xml *
asked(const struct job *j, const char *name)
{
	return xml_child(iq_child(j), NS_PUBSUB, name);
}

/* ---- Options -------------------------------------------------------------------------- */

/* A form in the request, applied to a configuration. */
struct asked_config {
	struct pep_config config;
	uint64_t given;
	bool unknown; /* has a field that no node has */
};

/* False if the form is wrong; there may be none. */
static bool
read_config(struct job *j, const struct xml *parent, const char *form_type,
	struct asked_config *out, struct problem *why)
{
	struct form form;

	out->config = pep_config_default(j->arena);
	if (!parent || xml_count(parent) == 0)
		return true;
	if (!form_submitted(j->arena, parent, &form, why))
		return false;
	if (form.form_type && !form_is(&form, form_type))
		return problem(why, COND_BAD_REQUEST, "the data form is of another type");
	for (size_t i = 0; i < form.count; i++)
		out->unknown |=
			form.fields[i].var && !form_table_find(&pep_form, form.fields[i].var);
	return pep_config_apply(j->arena, &form, &out->config, &out->given, why);
}

static struct step
refuse_config(struct job *j, const struct problem *why)
{
	return why->text && strstr(why->text, "pubsub#access_model")
		       ? pep_error(j, why->cond, "unsupported-access-model")
		       : iq_refuse(j, why);
}

/* ---- Publish (7.1) ---------------------------------------------------------------------- */

/* The one payload of the item, or NULL with what pubsub#errors says of it. */
static const struct xml *
read_item(const struct xml *publish, const struct xml **item, const char **fault)
{
	const struct xml *payload;

	*item = xml_child(publish, NS_PUBSUB, "item");
	payload = *item ? xml_child(*item, NULL, NULL) : NULL;
	if (!*item)
		*fault = "item-required";
	else if (xml_next(*item, NS_PUBSUB, "item"))
		*fault = "invalid-payload";
	else if (!payload)
		*fault = "payload-required";
	else if (xml_count(*item) > 1 || text_eq(payload->ns, NS_CLIENT))
		*fault = "invalid-payload";
	return *fault ? NULL : payload;
}

/* The node, if there is one, is as the options want it (7.1.5). */
static bool
meets(struct job *j, const char *node, const struct asked_config *asked)
{
	const struct pep_node *n = pep_node_find(j->account, node);
	struct pep_config private;

	if (asked->unknown)
		return false;
	if (n)
		return pep_config_meets(&n->config, &asked->config, asked->given);
	if (!pep_view_find(j->host, node))
		return true;
	private = pep_config_private(j->arena);
	return asked->config.access_model == PEP_WHITELIST ||
	       pep_config_meets(&private, &asked->config, asked->given);
}

struct step
pep_publish(struct job *j)
{
	struct pep_change *c = ARENA_NEW(j->arena, struct pep_change);
	struct asked_config *wanted = ARENA_NEW(j->arena, struct asked_config);
	const struct pep_view *view;
	struct problem why = { COND_NONE, NULL };
	const char *fault = NULL;
	const struct xml *item;
	char id[RAND_ID_SIZE];

	c->node = xml_get(asked(j, "publish"), "node");
	c->next = published;
	c->ops = ARENA_NEW(j->arena, struct pep_op);
	c->count = 1;
	c->config = &wanted->config;
	c->ops->payload = read_item(asked(j, "publish"), &item, &fault);
	if (fault)
		return pep_error(j, COND_BAD_REQUEST, fault);
	if (!read_config(
		    j, asked(j, "publish-options"), NS_PUBSUB "#publish-options", wanted, &why))
		return refuse_config(j, &why);
	if (!meets(j, c->node, wanted))
		return pep_error(j, COND_CONFLICT, "precondition-not-met");
	rand_id(id);
	c->ops->item = xml_get(item, "id");
	if (!c->ops->item || !c->ops->item[0])
		c->ops->item = arena_text(j->arena, id);
	j->state = c;
	view = pep_view_find(j->host, c->node);
	return view ? view->publish(j, c->ops->payload, published) : pep_change(j, c);
}

static struct step
published(struct job *j)
{
	const struct pep_change *c = j->state;
	struct xml *pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");
	struct xml *publish = xml_add(j->arena, pubsub, NS_PUBSUB, "publish");

	xml_attr(j->arena, publish, "node", c->node);
	xml_attr(j->arena, xml_add(j->arena, publish, NS_PUBSUB, "item"), "id", c->ops->item);
	return iq_result(j, pubsub);
}

/* ---- Retract (7.2) ------------------------------------------------------------------------ */

static bool
wants_notice(const struct xml *retract)
{
	bool yes = false;

	return form_bool(xml_get(retract, "notify"), &yes) && yes;
}

struct step
pep_retract(struct job *j)
{
	const struct xml *retract = asked(j, "retract");
	const struct xml *item = xml_child(retract, NS_PUBSUB, "item");
	struct pep_node *n = pep_node_find(j->account, xml_get(retract, "node"));
	struct pep_change *c = ARENA_NEW(j->arena, struct pep_change);

	if (!xml_get(retract, "node"))
		return pep_error(j, COND_BAD_REQUEST, "nodeid-required");
	if (!item || !xml_get(item, "id"))
		return pep_error(j, COND_BAD_REQUEST, "item-required");
	if (!n)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	c->node = n->name;
	c->next = retracted;
	c->ops = ARENA_NEW(j->arena, struct pep_op);
	c->ops->item = xml_get(item, "id");
	c->ops->silent = !wants_notice(retract) && !n->config.notify_retract;
	c->count = 1;
	j->state = c;
	return pep_change(j, c);
}

static struct step
retracted(struct job *j)
{
	const struct pep_change *c = j->state;

	return c->ops->existed ? iq_result(j, NULL)
			       : iq_error(j, COND_ITEM_NOT_FOUND, "there is no such item");
}

/* ---- Create (8.1) -------------------------------------------------------------------------- */

struct step
pep_create(struct job *j)
{
	struct pep_change *c = ARENA_NEW(j->arena, struct pep_change);
	struct asked_config *config = ARENA_NEW(j->arena, struct asked_config);
	struct problem why = { COND_NONE, NULL };
	char id[RAND_ID_SIZE];

	if (!read_config(j, asked(j, "configure"), NS_PUBSUB "#node_config", config, &why))
		return refuse_config(j, &why);
	c->node = xml_get(asked(j, "create"), "node");
	if (!c->node || !c->node[0]) { /* an «instant node» */
		rand_id(id);
		c->node = arena_text(j->arena, id);
	}
	if (pep_node_find(j->account, c->node) || pep_view_find(j->host, c->node))
		return iq_error(j, COND_CONFLICT, "there is such a node");
	c->config = &config->config;
	c->next = created;
	j->state = c;
	return pep_change(j, c);
}

static struct step
created(struct job *j)
{
	const struct pep_change *c = j->state;
	struct xml *pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");

	xml_attr(j->arena, xml_add(j->arena, pubsub, NS_PUBSUB, "create"), "node", c->node);
	return iq_result(j, pubsub);
}

/* ---- Subscriptions and affiliations ---------------------------------------------------------- */

/* None is explicit (5.6). */
static struct step
subscriptions(struct job *j)
{
	struct xml *pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");

	xml_attr(j->arena, xml_add(j->arena, pubsub, NS_PUBSUB, "subscriptions"), "node",
		xml_get(asked(j, "subscriptions"), "node"));
	return iq_result(j, pubsub);
}

/* 5.7: the owner's, to all nodes or to one. */
static struct step
affiliations(struct job *j)
{
	const struct hash *nodes = &pep_of(j->account)->nodes;
	const char *only = xml_get(asked(j, "affiliations"), "node");
	struct xml *pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");
	struct xml *list = xml_add(j->arena, pubsub, NS_PUBSUB, "affiliations");

	for (struct hash_node *h = hash_next(nodes, NULL); h && pep_is_own(j);
		h = hash_next(nodes, h)) {
		const struct pep_node *n = CONTAINER(h, struct pep_node, by_name);
		struct xml *x;

		if (only && !text_eq(only, n->name))
			continue;
		x = xml_add(j->arena, list, NS_PUBSUB, "affiliation");
		xml_attr(j->arena, x, "node", n->name);
		xml_attr(j->arena, x, "affiliation", "owner");
	}
	return iq_result(j, pubsub);
}

static struct step
subscribe(struct job *j)
{
	const struct pep_node *n =
		pep_node_find(j->account, xml_get(asked(j, "subscribe"), "node"));

	if (!n || !pep_may_read(j->account, n, j->stanza->from))
		return pep_refuse(j, n);
	return pep_unsupported(j, "subscribe");
}

static struct step
unsubscribe(struct job *j)
{
	const struct pep_node *n =
		pep_node_find(j->account, xml_get(asked(j, "unsubscribe"), "node"));

	if (!n || !pep_may_read(j->account, n, j->stanza->from))
		return pep_refuse(j, n);
	return pep_error(j, COND_UNEXPECTED_REQUEST, "not-subscribed");
}

static struct step
options(struct job *j)
{
	return pep_unsupported(j, "subscription-options");
}

static struct step
subscribe_default(struct job *j)
{
	return pep_unsupported(j, "retrieve-default-sub");
}
