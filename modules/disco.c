/*
 * disco.c -- XEP-0030: what the host and accounts are and can do.
 *
 * Features come from the tables of the modules that are on for the host; identities and features
 * that depend on state come from the hooks disco_info and disco_items.  An account answers only
 * its owner and contacts who may see its presence; to all others it is as if it did not exist, so
 * that names cannot be harvested.
 *
 * Runs on: where the iq is answered: any worker for the host, else the account's home.
 */
#include "module/module.h"
#include "module/registry.h"

static void
add_identity(struct job *j, struct xml *query, const char *category, const char *type)
{
	struct xml *i = xml_add(j->arena, query, NS_DISCO_INFO, "identity");

	xml_attr(j->arena, i, "category", category);
	xml_attr(j->arena, i, "type", type);
}

static bool
has_feature(const struct xml *query, const char *var)
{
	for (const struct xml *f = xml_child(query, NS_DISCO_INFO, "feature"); f;
		f = xml_next(f, NS_DISCO_INFO, "feature"))
		if (text_eq(xml_get(f, "var"), var))
			return true;
	return false;
}

static void
add_features(struct job *j, struct xml *query, bool of_account)
{
	size_t count;
	const struct module *const *all = modules_all(&count);

	for (size_t m = 0; m < count; m++) {
		const char *const *f = of_account ? all[m]->account_features : all[m]->features;

		if (!module_is_on(all[m], j->host))
			continue;
		for (; f && *f; f++)
			if (!has_feature(query, *f))
				xml_attr(j->arena,
					xml_add(j->arena, query, NS_DISCO_INFO, "feature"), "var",
					*f);
	}
}

/* The account that is asked, or NULL for the host. */
static struct account *
asked(const struct job *j)
{
	const struct jid to = j->stanza->to;

	return jid_is_none(to) || jid_local(to).n ? j->account : NULL;
}

static bool
may_ask(const struct job *j, const struct account *a)
{
	return !a || (a->exists && account_shares_presence(a, jid_bare(j->stanza->from)));
}

static struct step
answer(struct job *j, const char *ns, enum verdict (*run)(struct disco_event *ev))
{
	struct account *a = asked(j);
	const char *node = xml_get(iq_child(j), "node");
	struct xml *query = xml_new(j->arena, ns, "query");
	struct disco_event ev = { .head = { j->worker, j->host },
		.account = a,
		.iq = j->stanza,
		.node = node,
		.arena = j->arena,
		.query = query };

	if (!may_ask(j, a) && text_eq(ns, NS_DISCO_ITEMS))
		return iq_result(j, query);
	if (!may_ask(j, a))
		return iq_error(j, COND_SERVICE_UNAVAILABLE, NULL);
	xml_attr(j->arena, query, "node", node);
	if (!node && text_eq(ns, NS_DISCO_INFO)) {
		add_identity(j, query, a ? "account" : "server", a ? "registered" : "im");
		add_features(j, query, a != NULL);
	}
	(void)run(&ev); /* whoever adds something does not keep others from it */
	if (node && !ev.known)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	return iq_result(j, query);
}

static struct step
info(struct job *j)
{
	return answer(j, NS_DISCO_INFO, hook_disco_info);
}

static struct step
items(struct job *j)
{
	return answer(j, NS_DISCO_ITEMS, hook_disco_items);
}

MODULE(disco) = {
	IDENTITY(disco),
	.summary = "Says what the server and its accounts are and can do",
	.xeps = XEPS({ 30, "2.5.0", XEP_COMPLETE, NULL }),
	.features = FEATURES(NS_DISCO_INFO, NS_DISCO_ITEMS),
	.account_features = FEATURES(NS_DISCO_INFO, NS_DISCO_ITEMS),
	.iqs =
		(const struct iq_handler[]){
			{ NS_DISCO_INFO, "query", ON_GET,
				TO_HOST | TO_SELF | TO_ACCOUNT | TO_NOBODY, info },
			{ NS_DISCO_ITEMS, "query", ON_GET,
				TO_HOST | TO_SELF | TO_ACCOUNT | TO_NOBODY, items },
			END_IQS,
		},
};
