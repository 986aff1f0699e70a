/*
 * owner.c -- what the owner asks of the nodes (XEP-0060 8.2 to 8.9).
 *
 * A change is written first; memory follows when it is committed.  A node that is deleted leaves
 * memory before: who publishes to it meanwhile makes a new one.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

static step_fn configure_get, configure_set, configured, default_get, delete, deleted, purge,
	purged, subscribers, subscribers_set, members_get, members_set, members_stored;

static const struct verb {
	const char *name;
	enum iq_types type;
	step_fn *run;
} verbs[] = {
	{ "configure", ON_GET, configure_get },
	{ "configure", ON_SET, configure_set },
	{ "default", ON_GET, default_get },
	{ "delete", ON_SET, delete },
	{ "purge", ON_SET, purge },
	{ "subscriptions", ON_GET, subscribers },
	{ "subscriptions", ON_SET, subscribers_set },
	{ "affiliations", ON_GET, members_get },
	{ "affiliations", ON_SET, members_set },
};

/* What a step needs to know of the request before. */
struct asked {
	const struct xml *verb;
	struct pep_node *node;
	struct pep_config config; /* the new one */
};

static struct step
run(struct job *j, const struct verb *v, const struct xml *child)
{
	struct asked *asked = ARENA_NEW(j->arena, struct asked);
	const char *name = xml_get(child, "node");

	asked->verb = child;
	j->state = asked;
	if (v->run == default_get)
		return default_get(j);
	if (!name)
		return pep_error(j, COND_BAD_REQUEST, "nodeid-required");
	asked->node = pep_node_find(j->account, name);
	if (!asked->node)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	return v->run(j);
}

struct step
pep_owner_request(struct job *j)
{
	const struct xml *child = xml_child(iq_child(j), NS_PUBSUB_OWNER, NULL);
	enum iq_types type = j->stanza->type == IQ_SET ? ON_SET : ON_GET;

	if (!pep_is_own(j))
		return account_shares_presence(j->account, jid_bare(j->stanza->from))
			       ? iq_error(j, COND_FORBIDDEN, NULL)
			       : pep_refuse(j, NULL);
	for (size_t i = 0; child && i < COUNT(verbs); i++) {
		if (text_eq(verbs[i].name, child->name) && verbs[i].type == type)
			return run(j, &verbs[i], child);
	}
	return iq_error(j, COND_BAD_REQUEST, "there is no such request");
}

/* <pubsub><name node=''/></pubsub>; returns the inner. */
static struct xml *
answer_new(struct job *j, const char *name, const struct pep_node *n, struct xml **inner)
{
	struct xml *pubsub = xml_new(j->arena, NS_PUBSUB_OWNER, "pubsub");

	*inner = xml_add(j->arena, pubsub, NS_PUBSUB_OWNER, name);
	if (n)
		xml_attr(j->arena, *inner, "node", n->name);
	return pubsub;
}

/* ---- Configuration (8.2, 8.3) -------------------------------------------------------------- */

static struct step
configure_get(struct job *j)
{
	const struct asked *asked = j->state;
	struct xml *inner, *pubsub = answer_new(j, "configure", asked->node, &inner);

	xml_adopt(inner, form_of(j->arena, &pep_form, FORM_FORM, &asked->node->config));
	return iq_result(j, pubsub);
}

static struct step
default_get(struct job *j)
{
	struct pep_config c = pep_config_default(j->arena);
	struct xml *inner, *pubsub = answer_new(j, "default", NULL, &inner);

	xml_adopt(inner, form_of(j->arena, &pep_form, FORM_FORM, &c));
	return iq_result(j, pubsub);
}

/* Writes asked->config; next runs with the node still there. */
static struct step
write_config(struct job *j, step_fn *next)
{
	const struct asked *asked = j->state;
	AUTO(buf_fini) struct buf text = BUF_INIT;
	struct value owner = of_jid(j->owner), number = of_int(asked->node->number);
	struct value config[3],
		shrink[5] = { owner, number, owner, number, of_int(asked->config.max_items) };
	struct value settle[6] = { shrink[4], shrink[4], owner, number, owner, number };

	pep_config_write(&text, &asked->config);
	config[0] = of_text(buf_text(&text));
	config[1] = owner;
	config[2] = number;
	pep_node_begin(asked->node);
	return job_query_else(j, next,
		(const struct ask[]){ { &pep_queries[PEP_NODE_CONFIG], config, 3 },
			{ &pep_queries[PEP_SHRINK], shrink, 5 },
			{ &pep_queries[PEP_SETTLE], settle, 6 } },
		3);
}

/* Memory follows; false if it was not written. */
static bool
take_config(struct job *j)
{
	const struct asked *asked = j->state;
	bool ok = j->outcome == STORE_OK;

	if (ok)
		pep_node_configure(asked->node, &asked->config);
	return ok;
}

static struct step
configure_set(struct job *j)
{
	struct asked *asked = j->state;
	struct problem why = { COND_NONE, NULL };
	struct form form;

	if (!form_submitted(j->arena, asked->verb, &form, &why))
		return iq_refuse(j, &why);
	if (form.kind == FORM_CANCEL)
		return iq_result(j, NULL);
	if (form.form_type && !form_is(&form, pep_form.form_type))
		return iq_error(j, COND_BAD_REQUEST, "the data form is of another type");
	asked->config = asked->node->config;
	if (!pep_config_apply(j->arena, &form, &asked->config, NULL, &why))
		return iq_refuse(j, &why);
	return write_config(j, configured);
}

static void
tell_config(struct account *a, const struct pep_node *n)
{
	struct arena *arena = arena_new(0);
	struct xml *event = pep_event_new(arena);
	struct xml *x = xml_add(arena, event, NS_PUBSUB_EVENT, "configuration");

	xml_attr(arena, x, "node", n->name);
	if (n->config.deliver_payloads)
		xml_adopt(x, form_of(arena, &pep_form, FORM_RESULT, &n->config));
	pep_tell(a, n, &arena, event);
}

static struct step
configured(struct job *j)
{
	const struct asked *asked = j->state;
	bool ok = take_config(j);

	if (ok && !asked->node->gone && asked->node->config.notify_config)
		tell_config(j->account, asked->node);
	pep_node_end(asked->node);
	return ok ? iq_result(j, NULL) : pep_error(j, COND_RESOURCE_CONSTRAINT, NULL);
}

/* ---- Delete, purge (8.4, 8.5) ---------------------------------------------------------------- */

static void
tell_plain(struct account *a, const struct pep_node *n, const char *what)
{
	struct arena *arena = arena_new(0);
	struct xml *event = pep_event_new(arena);

	xml_attr(arena, xml_add(arena, event, NS_PUBSUB_EVENT, what), "node", n->name);
	pep_tell(a, n, &arena, event);
}

static struct step delete (struct job *j)
{
	const struct asked *asked = j->state;
	struct value args[] = { of_jid(j->owner), of_int(asked->node->number) };

	pep_node_begin(asked->node);
	return job_query_else(j, deleted,
		(const struct ask[]){ { &pep_queries[PEP_NODE_PURGE], args, 2 },
			{ &pep_queries[PEP_NODE_DELETE], args, 2 } },
		2);
}

static struct step
deleted(struct job *j)
{
	const struct asked *asked = j->state;
	struct pep_node *n = asked->node;
	bool ok = j->outcome == STORE_OK;

	if (ok && !n->gone) {
		if (n->config.notify_delete)
			tell_plain(j->account, n, "delete");
		pep_node_remove(pep_of(j->account), n);
	}
	pep_node_end(n);
	return ok ? iq_result(j, NULL) : pep_error(j, COND_RESOURCE_CONSTRAINT, NULL);
}

static struct step
purge(struct job *j)
{
	const struct asked *asked = j->state;
	struct value args[] = { of_jid(j->owner), of_int(asked->node->number) };

	pep_node_begin(asked->node);
	return job_query_else(j, purged,
		(const struct ask[]){ { &pep_queries[PEP_NODE_PURGE], args, 2 },
			{ &pep_queries[PEP_NODE_EMPTY], args, 2 } },
		2);
}

static struct step
purged(struct job *j)
{
	const struct asked *asked = j->state;
	struct pep_node *n = asked->node;
	bool ok = j->outcome == STORE_OK;

	if (ok && !n->gone) {
		pep_node_last(n, 0, 0, NULL, STR_NONE);
		if (n->config.notify_retract)
			tell_plain(j->account, n, "purge");
	}
	pep_node_end(n);
	return ok ? iq_result(j, NULL) : pep_error(j, COND_RESOURCE_CONSTRAINT, NULL);
}

/* ---- Subscriptions and affiliations (8.8, 8.9) -------------------------------------------------- */

/* None is explicit. */
static struct step
subscribers(struct job *j)
{
	const struct asked *asked = j->state;
	struct xml *inner, *pubsub = answer_new(j, "subscriptions", asked->node, &inner);

	return iq_result(j, pubsub);
}

static struct step
subscribers_set(struct job *j)
{
	return pep_unsupported(j, "manage-subscriptions");
}

static void
add_affiliation(struct job *j, struct xml *list, const char *jid, const char *affiliation)
{
	struct xml *x = xml_add(j->arena, list, NS_PUBSUB_OWNER, "affiliation");

	xml_attr(j->arena, x, "jid", jid);
	xml_attr(j->arena, x, "affiliation", affiliation);
}

static struct step
members_get(struct job *j)
{
	const struct asked *asked = j->state;
	struct xml *inner, *pubsub = answer_new(j, "affiliations", asked->node, &inner);

	add_affiliation(j, inner, jid_text(j->arena, j->owner), "owner");
	for (const char *const *m = asked->node->config.members; m && *m; m++)
		add_affiliation(j, inner, *m, "member");
	return iq_result(j, pubsub);
}

/* The list without that address; with room for one more and the NULL. */
static const char **
list_without(struct arena *a, const char *const *list, const char *jid, size_t *count)
{
	const char **out;
	size_t n = 0;

	while (list && list[n])
		n++;
	out = ARENA_ARRAY(a, const char *, n + 2);
	*count = 0;
	for (size_t i = 0; i < n; i++) {
		if (!text_eq(list[i], jid))
			out[(*count)++] = list[i];
	}
	return out;
}

/* One <affiliation/> of the request, applied to asked->config. */
static bool
apply_affiliation(struct job *j, const struct xml *x, struct problem *why)
{
	struct asked *asked = j->state;
	const char *text = xml_get(x, "jid"), *what = xml_get(x, "affiliation");
	bool member = text_eq(what, "member");
	struct jid jid;
	const char **list;
	size_t count;

	if (!text || jid_parse(j->arena, str_of(text), &jid) != JID_OK)
		return problem(why, COND_BAD_REQUEST, "an affiliation has no address");
	if (jid_eq_bare(jid, j->owner))
		return problem(why, COND_NOT_ACCEPTABLE, "the account owns its nodes");
	if (!member && !text_eq(what, "none"))
		return problem(why, COND_NOT_ACCEPTABLE, "only members can be made");
	text = jid_text(j->arena, jid_bare(jid));
	list = list_without(j->arena, asked->config.members, text, &count);
	if (member && count == 100)
		return problem(why, COND_NOT_ACCEPTABLE, "the whitelist is full");
	if (member)
		list[count] = text;
	asked->config.members = list;
	return true;
}

static struct step
members_set(struct job *j)
{
	struct asked *asked = j->state;
	struct problem why = { COND_NONE, NULL };

	asked->config = asked->node->config;
	for (const struct xml *x = xml_child(asked->verb, NS_PUBSUB_OWNER, "affiliation"); x;
		x = xml_next(x, NS_PUBSUB_OWNER, "affiliation")) {
		if (!apply_affiliation(j, x, &why))
			return iq_refuse(j, &why);
	}
	return write_config(j, members_stored);
}

static struct step
members_stored(struct job *j)
{
	const struct asked *asked = j->state;
	bool ok = take_config(j);

	pep_node_end(asked->node);
	return ok ? iq_result(j, NULL) : pep_error(j, COND_RESOURCE_CONSTRAINT, NULL);
}
