/*
 * disco.c -- XEP-0030: what the host and accounts are and can do; XEP-0115: the same as a hash.
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
#include "xep/caps.h"
#include "xep/form.h"

#include <string.h>

#define NS_SERVER_INFO "http://jabber.org/network/serverinfo"
/* Of this program, in its capabilities; it need not lead anywhere. */
#define CAPS_NODE "urn:bongsu:server"

struct disco_options {
	const char *const *abuse_addresses, *const *admin_addresses, *const *feedback_addresses;
	const char *const *sales_addresses, *const *security_addresses, *const *status_addresses;
	const char *const *support_addresses;
};

MODULE_OPTIONS(struct disco_options)

#define ADDRESSES(member, what)                                                                    \
	LIST_FIELD(struct disco_options, member, .max = 20, .flags = FIELD_RELOAD,                 \
		.doc = "Where to reach whom it concerns, as addresses such as "                    \
		       "`mailto:" what "@example.org` or `xmpp:" what "@example.org` (XEP-0157)")

static const struct field fields[] = {
	ADDRESSES(abuse_addresses, "abuse"),
	ADDRESSES(admin_addresses, "admin"),
	ADDRESSES(feedback_addresses, "feedback"),
	ADDRESSES(sales_addresses, "sales"),
	ADDRESSES(security_addresses, "security"),
	ADDRESSES(status_addresses, "status"),
	ADDRESSES(support_addresses, "support"),
	END_FIELDS,
};

/* ---- What there is -------------------------------------------------------------- */

static void
add_identity(struct arena *a, struct xml *query, const char *category, const char *type)
{
	struct xml *i = xml_add(a, query, NS_DISCO_INFO, "identity");

	xml_attr(a, i, "category", category);
	xml_attr(a, i, "type", type);
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
add_features(struct arena *a, struct xml *query, const struct host *host, bool of_account)
{
	size_t count;
	const struct module *const *all = modules_all(&count);

	for (size_t m = 0; m < count; m++) {
		const char *const *f = of_account ? all[m]->account_features : all[m]->features;

		if (!module_is_on(all[m], host))
			continue;
		for (; f && *f; f++)
			if (!has_feature(query, *f))
				xml_attr(a, xml_add(a, query, NS_DISCO_INFO, "feature"), "var", *f);
	}
}

/* XEP-0157: abuse_addresses becomes abuse-addresses. */
static void
add_addresses(
	struct arena *a, struct xml *form, const struct field *f, const char *const *addresses)
{
	char *var = arena_text(a, f->name);
	struct xml *field;

	if (!addresses || !*addresses)
		return;
	*strchr(var, '_') = '-';
	field = form_add(a, form, FORM_LIST_MULTI, var, NULL);
	for (; *addresses; addresses++)
		form_add_value(a, field, *addresses);
}

static void
add_contacts(struct arena *a, struct xml *query, const struct host *host)
{
	const struct disco_options *o = options(host);
	struct xml *form = form_new(a, FORM_RESULT, NS_SERVER_INFO);
	const char *const admin[] = { host->config->admin_address, NULL };
	struct disco_options all = *o;

	if (!o->admin_addresses || !o->admin_addresses[0])
		all.admin_addresses = admin;
	for (const struct field *f = fields; f->name; f++)
		add_addresses(
			a, form, f, *(const char *const *const *)((const char *)&all + f->offset));
	if (xml_count(form) > 1) /* more than its type */
		xml_adopt(query, form);
}

/* What the host or the account is as such. */
static void
describe(struct disco_event *ev)
{
	const struct account *a = ev->account;

	add_identity(ev->arena, ev->query, a ? "account" : "server", a ? "registered" : "im");
	add_features(ev->arena, ev->query, ev->head.host, a != NULL);
	if (!a)
		add_contacts(ev->arena, ev->query, ev->head.host);
}

/* ---- The host's capabilities ------------------------------------------------------ */

static const char *
host_ver(struct worker *w, const struct host *host, struct arena *a)
{
	struct disco_event ev = {
		.head = { w, host }, .arena = a, .query = xml_new(a, NS_DISCO_INFO, "query")
	};

	describe(&ev);
	(void)hook_disco_info(&ev); /* whoever adds something does not keep others from it */
	return caps_ver(a, ev.query, DIGEST_SHA1);
}

static enum verdict
on_features(struct features_event *ev)
{
	struct caps caps = { DIGEST_SHA1, CAPS_NODE, NULL };

	if (!ev->stream->authenticated)
		return PASS;
	caps.ver = host_ver(ev->head.worker, ev->head.host, ev->arena);
	if (caps.ver)
		xml_adopt(ev->features, caps_write(ev->arena, &caps));
	return PASS;
}

/* The node of the capabilities that the host has now. */
static bool
is_caps_node(struct job *j, const char *node)
{
	static const struct str ours = { CAPS_NODE "#", sizeof(CAPS_NODE "#") - 1 };

	return node && str_starts(str_of(node), ours) &&
	       text_eq(node + ours.n, host_ver(j->worker, j->host, j->arena));
}

/* ---- Questions ---------------------------------------------------------------------- */

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
	bool is_info = text_eq(ns, NS_DISCO_INFO);
	const char *node = xml_get(iq_child(j), "node");
	struct xml *query = xml_new(j->arena, ns, "query");
	struct disco_event ev = { .head = { j->worker, j->host },
		.account = a,
		.iq = j->stanza,
		.node = node,
		.arena = j->arena,
		.query = query };

	if (!may_ask(j, a) && !is_info)
		return iq_result(j, query);
	if (!may_ask(j, a))
		return iq_error(j, COND_SERVICE_UNAVAILABLE, NULL);
	xml_attr(j->arena, query, "node", node);
	if (!a && is_info && is_caps_node(j, node))
		ev.node = node = NULL;
	if (!node && is_info)
		describe(&ev);
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
	.xeps = XEPS({ 30, "2.5.0", XEP_COMPLETE, NULL }, { 115, "1.6.0", XEP_COMPLETE, NULL },
		{ 128, "1.0.1", XEP_COMPLETE, NULL }, { 157, "1.1.1", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct disco_options),
	.features = FEATURES(NS_DISCO_INFO, NS_DISCO_ITEMS, NS_CAPS),
	.account_features = FEATURES(NS_DISCO_INFO, NS_DISCO_ITEMS),
	.iqs =
		(const struct iq_handler[]){
			{ NS_DISCO_INFO, "query", ON_GET,
				TO_HOST | TO_SELF | TO_ACCOUNT | TO_NOBODY, info },
			{ NS_DISCO_ITEMS, "query", ON_GET,
				TO_HOST | TO_SELF | TO_ACCOUNT | TO_NOBODY, items },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(stream_features, ORDER_NORMAL, on_features),
			END_HOOKS,
		},
};
