/*
 * pep.c -- the module, who may read a node, and service discovery.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

MODULE_OPTIONS(struct pep_options)
MODULE_SLOT(struct pep)

static const struct field fields[] = {
	INT_FIELD(struct pep_options, max_nodes, .dflt = "200", .min = 1, .max = 10000,
		.flags = FIELD_RELOAD, .doc = "Nodes that an account may have"),
	SIZE_FIELD(struct pep_options, max_item, .dflt = "256k", .min = 1024, .max = 1 << 20,
		.flags = FIELD_RELOAD, .doc = "Greatest size of an item"),
	END_FIELDS,
};

#define BY_NAME " item_key = UNHEX(SHA2(?, 256))"
#define AT_NODE "owner = ? AND number = ?"
#define ITEMS_AT "FROM pep_item WHERE " AT_NODE
#define SMALL "CASE WHEN LENGTH(payload) <= 1024 THEN payload END"

/* Each finds what it wants by one look into an index, however many items a node has; where MariaDB
 * would look at all of them it has its own words. */
const struct query pep_queries[] = {
	[PEP_LOAD] = { "pep_load",
		"SELECT n.number, n.node, n.config, i.id, i.at, i.item, " SMALL " FROM pep_node n "
		"LEFT JOIN pep_item i ON i.owner = n.owner AND i.number = n.number AND i.id = n.newest "
		"WHERE n.owner = ?",
		NULL },
	[PEP_NODE_PUT] = { "pep_node_put",
		"INSERT INTO pep_node (owner, number, node, config, items, newest) "
		"SELECT owner, ?, ?, ?, 0, 0 FROM account WHERE owner = ? ON CONFLICT DO NOTHING",
		"INSERT INTO pep_node (owner, number, node, config, items, newest) "
		"SELECT owner, ?, ?, ?, 0, 0 FROM account WHERE owner = ? "
		"ON DUPLICATE KEY UPDATE pep_node.items = pep_node.items" },
	[PEP_NODE_CONFIG] = { "pep_node_config", "UPDATE pep_node SET config = ? WHERE " AT_NODE,
		NULL },
	[PEP_NODE_DELETE] = { "pep_node_delete", "DELETE FROM pep_node WHERE " AT_NODE, NULL },
	[PEP_NODE_PURGE] = { "pep_node_purge", "DELETE " ITEMS_AT, NULL },
	[PEP_NODE_EMPTY] = { "pep_node_empty",
		"UPDATE pep_node SET items = 0, newest = 0 WHERE " AT_NODE, NULL },
	[PEP_COUNT_ADD] = { "pep_count_add",
		"UPDATE pep_node SET items = items + 1 - (SELECT COUNT(*) " ITEMS_AT
		" AND item = ?) WHERE " AT_NODE,
		"UPDATE pep_node SET items = items + 1 - (SELECT COUNT(*) " ITEMS_AT " AND" BY_NAME
		") WHERE " AT_NODE },
	[PEP_ITEM_PUT] = { "pep_item_put",
		"REPLACE INTO pep_item (owner, number, id, item, at, payload) "
		"SELECT owner, number, ?, ?, ?, ? FROM pep_node WHERE " AT_NODE,
		NULL },
	[PEP_TRIM] = { "pep_trim",
		"DELETE FROM pep_item WHERE owner = ?1 AND number = ?2 AND id = (SELECT MIN(id) "
		"FROM pep_item WHERE owner = ?1 AND number = ?2) AND "
		"(SELECT items FROM pep_node WHERE owner = ?3 AND number = ?4) > ?5",
		"DELETE " ITEMS_AT
		" AND id <= (SELECT 9223372036854775807 FROM pep_node WHERE " AT_NODE
		" AND items > ?) ORDER BY owner, number, id LIMIT 1" },
	[PEP_SETTLE] = { "pep_settle",
		"UPDATE pep_node SET items = CASE WHEN items > ? THEN ? ELSE items END, "
		"newest = COALESCE((SELECT id " ITEMS_AT " ORDER BY id DESC LIMIT 1), 0) "
		"WHERE " AT_NODE,
		NULL },
	[PEP_COUNT_TAKE] = { "pep_count_take",
		"UPDATE pep_node SET items = items - (SELECT COUNT(*) " ITEMS_AT
		" AND item = ?) WHERE " AT_NODE,
		"UPDATE pep_node SET items = items - (SELECT COUNT(*) " ITEMS_AT " AND" BY_NAME
		") WHERE " AT_NODE },
	[PEP_ITEM_DELETE] = { "pep_item_delete", "DELETE " ITEMS_AT " AND item = ?",
		"DELETE " ITEMS_AT " AND" BY_NAME },
	[PEP_SHRINK] = { "pep_shrink",
		"DELETE " ITEMS_AT " AND id <= COALESCE((SELECT id FROM (SELECT id " ITEMS_AT
		" ORDER BY id DESC LIMIT 1 OFFSET ?) AS first), 0)",
		NULL },
	[PEP_PAGE] = { "pep_page",
		"SELECT id, item, payload " ITEMS_AT " AND id < ? ORDER BY id DESC LIMIT ?", NULL },
	[PEP_PAGE_AFTER] = { "pep_page_after",
		"SELECT id, item, payload " ITEMS_AT " AND id > ? ORDER BY id LIMIT ?", NULL },
	[PEP_COUNT] = { "pep_count", "SELECT items FROM pep_node WHERE " AT_NODE, NULL },
	[PEP_ITEM_ID] = { "pep_item_id", "SELECT id " ITEMS_AT " AND item = ?",
		"SELECT id " ITEMS_AT " AND" BY_NAME },
	[PEP_ITEM_GET] = { "pep_item_get", "SELECT item, payload " ITEMS_AT " AND item = ?",
		"SELECT item, payload " ITEMS_AT " AND" BY_NAME },
	[PEP_ALL] = { "pep_all", "SELECT item, payload " ITEMS_AT " ORDER BY id", NULL },
	[PEP_NEWEST] = { "pep_newest",
		"SELECT id, at, item, " SMALL " " ITEMS_AT " ORDER BY id DESC LIMIT 1", NULL },
	[PEP_DELETE_ITEMS] = { "pep_delete_items", "DELETE FROM pep_item WHERE owner = ?", NULL },
	[PEP_DELETE_NODES] = { "pep_delete_nodes", "DELETE FROM pep_node WHERE owner = ?", NULL },
	[PEP_ARRIVE_ITEM] = { "pep_arrive_item",
		"REPLACE INTO pep_item (owner, number, id, item, at, payload) VALUES (?, ?, ?, ?, ?, ?)",
		NULL },
	[PEP_ARRIVE_NODE] = { "pep_arrive_node",
		"INSERT INTO pep_node (owner, number, node, config, items, newest) "
		"SELECT ?, ?, ?, ?, COUNT(*), COALESCE(MAX(id), 0) " ITEMS_AT,
		NULL },
	END_QUERIES,
};

/* ---- The slot ------------------------------------------------------------------------------ */

struct pep *
pep_of(const struct account *a)
{
	struct pep *p = slot_of(a);

	if (!p->listeners.next)
		list_init(&p->listeners);
	return p;
}

const struct pep_options *
pep_options(const struct host *h)
{
	return options(h);
}

bool
pep_is_on(const struct host *h)
{
	return host_runs(h, module_state_.index);
}

static void
loaded(struct account *a, void *slot, const struct rows *rows)
{
	struct pep *p = slot;

	for (size_t i = 0; i < rows->count; i++) {
		struct pep_node *n = pep_node_add(p, row_str(rows, i, 1), row_int(rows, i, 0));

		n->stored = true;
		n->texts = arena_new(0);
		n->config = pep_config_read(n->texts, row_str(rows, i, 2));
		pep_node_last(n, row_int(rows, i, 3), row_int(rows, i, 4), row_str(rows, i, 5).p,
			row_str(rows, i, 6));
		home_id_floor(&a->home, row_int(rows, i, 3));
		home_id_floor(&a->home, n->number);
	}
}

static void
drop(void *slot)
{
	struct pep *p = slot;

	if (p->listeners.next)
		pep_listeners_drop(p);
	for (struct hash_node *n = hash_next(&p->nodes, NULL), *next; n; n = next) {
		next = hash_next(&p->nodes, n);
		pep_node_remove(p, CONTAINER(n, struct pep_node, by_name));
	}
	hash_fini(&p->nodes);
}

static const struct slot slot = {
	.size = sizeof(struct pep),
	.load = &pep_queries[PEP_LOAD],
	.loaded = loaded,
	.drop = drop,
};

/* ---- Views ------------------------------------------------------------------------------------- */

#define VIEWS_MAX 8

static const struct pep_view *views[VIEWS_MAX];
static size_t views_count;

void
pep_view_add(const struct pep_view *v)
{
	for (size_t i = 0; i < views_count; i++) {
		if (views[i] == v)
			return;
	}
	if (views_count < VIEWS_MAX)
		views[views_count++] = v;
}

const struct pep_view *
pep_view_find(const struct host *h, const char *node)
{
	for (size_t i = 0; i < views_count; i++) {
		if (text_eq(views[i]->node, node) && views[i]->is_on(h))
			return views[i];
	}
	return NULL;
}

/* ---- Access ------------------------------------------------------------------------------------ */

bool
pep_is_own(const struct job *j)
{
	return jid_eq_bare(j->stanza->from, j->owner);
}

static bool
is_in(const char *const *list, const char *text)
{
	for (; list && *list; list++) {
		if (text_eq(*list, text))
			return true;
	}
	return false;
}

static bool
is_member(const struct pep_node *n, struct jid bare)
{
	for (const char *const *m = n->config.members; m && *m; m++) {
		if (str_is(jid_bare_str(bare), *m))
			return true;
	}
	return false;
}

static bool
is_in_group(const struct account *a, const struct pep_node *n, struct jid bare)
{
	const struct roster_item *i = roster_find(a, bare);

	if (!roster_sees_me(i))
		return false;
	for (char **group = i->groups; group && *group; group++) {
		if (is_in(n->config.roster_groups_allowed, *group))
			return true;
	}
	return false;
}

bool
pep_may_read(const struct account *a, const struct pep_node *n, struct jid who)
{
	if (jid_eq_bare(who, a->home.jid) || is_member(n, jid_bare(who)))
		return true;
	switch ((enum pep_access)n->config.access_model) {
	case PEP_OPEN:
		return true;
	case PEP_PRESENCE:
		return account_shares_presence(a, jid_bare(who));
	case PEP_ROSTER:
		return is_in_group(a, n, jid_bare(who));
	case PEP_WHITELIST:
		break;
	}
	return false;
}

/* ---- Errors ---------------------------------------------------------------------------------------- */

struct step
pep_error(struct job *j, enum cond c, const char *specific)
{
	if (!j->stanza || !stanza_is_request(j->stanza))
		return job_done(j);
	return iq_error_with(
		j, c, NULL, specific ? xml_new(j->arena, NS_PUBSUB_ERRORS, specific) : NULL);
}

struct step
pep_unsupported(struct job *j, const char *feature)
{
	struct xml *x = xml_new(j->arena, NS_PUBSUB_ERRORS, "unsupported");

	xml_attr(j->arena, x, "feature", feature);
	return iq_error_with(j, COND_FEATURE_NOT_IMPLEMENTED, NULL, x);
}

struct step
pep_refuse(struct job *j, const struct pep_node *n)
{
	bool shares = account_shares_presence(j->account, jid_bare(j->stanza->from));

	if (n && n->config.access_model == PEP_PRESENCE)
		return pep_error(j, COND_NOT_AUTHORIZED, "presence-subscription-required");
	if (!shares) /* as a name that nobody registered */
		return iq_error(j, COND_SERVICE_UNAVAILABLE, NULL);
	if (n && n->config.access_model == PEP_ROSTER)
		return pep_error(j, COND_NOT_AUTHORIZED, "not-in-roster-group");
	if (n)
		return pep_error(j, COND_NOT_ALLOWED, "closed-node");
	return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
}

/* ---- What passes by ------------------------------------------------------------------------------------ */

/* Presence is broadcast: the session's capabilities may be new. */
static enum verdict
on_presence_out(struct stanza_event *ev)
{
	if (jid_is_none(ev->stanza->to))
		pep_listen(ev->session, ev->stanza);
	return PASS;
}

static enum verdict
on_available(struct session_event *ev)
{
	pep_listener_online(ev->session);
	return PASS;
}

static enum verdict
on_unavailable(struct session_event *ev)
{
	pep_listener_offline(ev->session);
	return PASS;
}

static enum verdict
on_revived(struct session_event *ev)
{
	pep_listener_revived(ev->session);
	return PASS;
}

static void
begin_again(struct session *s, void *host)
{
	if (s->available && host_owns(host, s->jid))
		pep_listener_begin(s);
}

/* Sessions that came while the module was off, or said that their capabilities are others. */
static enum verdict
on_reloaded(struct config_event *ev)
{
	if (ev->head.host && module_came_on(ev, &module_state_))
		sessions_each(ev->head.worker, begin_again, (void *)(uintptr_t)ev->head.host);
	return PASS;
}

static enum verdict
on_flush(struct session_event *ev)
{
	pep_listener_flush(ev->session);
	return PASS;
}

static enum verdict
on_ended(struct session_event *ev)
{
	pep_listener_end(ev->account, ev->session);
	return PASS;
}

static enum verdict
on_in(struct stanza_event *ev)
{
	const struct stanza *s = ev->stanza;

	if (s->kind == STANZA_PRESENCE && s->type == PRESENCE_SUBSCRIBED) {
		pep_ask_contact(ev->account, jid_bare(s->from));
		return PASS;
	}
	return pep_answer_wanted(ev->account, s) || pep_take_event(ev->account, s) ? STOP : PASS;
}

/* ---- Service discovery ------------------------------------------------------------------------------------ */

static void
add_identity(struct disco_event *ev, const char *type)
{
	struct xml *x = xml_add(ev->arena, ev->query, NS_DISCO_INFO, "identity");

	xml_attr(ev->arena, x, "category", "pubsub");
	xml_attr(ev->arena, x, "type", type);
}

static void
add_feature(struct disco_event *ev, const char *var)
{
	xml_attr(ev->arena, xml_add(ev->arena, ev->query, NS_DISCO_INFO, "feature"), "var", var);
}

void
pep_add_feature(struct disco_event *ev, const char *var)
{
	if (ev->account && !ev->node && pep_is_on(ev->head.host))
		add_feature(ev, var);
}

/* What a node tells of itself (5.4). */
static void
add_metadata(struct disco_event *ev, const struct pep_node *n)
{
	struct form_table table = pep_form;

	table.form_type = NS_PUBSUB "#meta-data";
	add_identity(ev, "leaf");
	add_feature(ev, NS_PUBSUB);
	xml_adopt(ev->query, form_of(ev->arena, &table, FORM_RESULT, &n->config));
}

static enum verdict
on_disco_info(struct disco_event *ev)
{
	const struct pep_node *n;

	if (!ev->account)
		return PASS;
	if (!ev->node) {
		add_identity(ev, "pep");
		return PASS;
	}
	n = pep_node_find(ev->account, ev->node);
	if (n && pep_may_read(ev->account, n, ev->iq->from)) {
		ev->known = true;
		add_metadata(ev, n);
	}
	return PASS;
}

/* Nodes of the account; of a node nothing is listed. */
static enum verdict
on_disco_items(struct disco_event *ev)
{
	const struct hash *nodes;

	if (!ev->account)
		return PASS;
	nodes = &pep_of(ev->account)->nodes;
	for (struct hash_node *h = hash_next(nodes, NULL); h; h = hash_next(nodes, h)) {
		const struct pep_node *n = CONTAINER(h, struct pep_node, by_name);
		struct xml *x;

		if (!pep_may_read(ev->account, n, ev->iq->from))
			continue;
		if (ev->node) {
			ev->known |= text_eq(ev->node, n->name);
			continue;
		}
		x = xml_add(ev->arena, ev->query, NS_DISCO_ITEMS, "item");
		xml_attr(ev->arena, x, "jid", jid_text(ev->arena, ev->account->home.jid));
		xml_attr(ev->arena, x, "node", n->name);
		xml_attr(ev->arena, x, "name", n->config.title);
	}
	return PASS;
}

/* ---- The module ------------------------------------------------------------------------------------------------ */

static bool
start(struct err *e)
{
	(void)e;
	pep_listeners_start();
	return true;
}

#define FEATURE(name) NS_PUBSUB "#" name

MODULE(pep) = {
	IDENTITY(pep),
	.summary =
		"Keeps what users publish about themselves, and tells their contacts and devices",
	.xeps = XEPS(
		{ 60, "1.30.0", XEP_PARTIAL, "nodes of accounts only, no explicit subscriptions" },
		{ 115, "1.6.0", XEP_COMPLETE, NULL },
		{ 163, "1.2.2", XEP_PARTIAL, "no explicit subscriptions" },
		{ 172, "1.1", XEP_COMPLETE, NULL }, { 222, "1.0.1", XEP_COMPLETE, NULL },
		{ 223, "1.1.1", XEP_COMPLETE, NULL }, { 384, "0.9.1", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct pep_options),
	.account_features = FEATURES(NS_PUBSUB, FEATURE("access-open"), FEATURE("access-presence"),
		FEATURE("access-roster"), FEATURE("access-whitelist"), FEATURE("auto-create"),
		FEATURE("auto-subscribe"), FEATURE("config-node"), FEATURE("config-node-max"),
		FEATURE("create-and-configure"), FEATURE("create-nodes"), FEATURE("delete-items"),
		FEATURE("delete-nodes"), FEATURE("filtered-notifications"),
		FEATURE("instant-nodes"), FEATURE("item-ids"), FEATURE("last-published"),
		FEATURE("member-affiliation"), FEATURE("meta-data"), FEATURE("modify-affiliations"),
		FEATURE("multi-items"), FEATURE("persistent-items"),
		FEATURE("presence-notifications"), FEATURE("publish"), FEATURE("publish-options"),
		FEATURE("purge-nodes"), FEATURE("retract-items"), FEATURE("retrieve-affiliations"),
		FEATURE("retrieve-default"), FEATURE("retrieve-items"),
		FEATURE("retrieve-subscriptions"), FEATURE("rsm")),
	.iqs =
		(const struct iq_handler[]){
			{ NS_PUBSUB, "pubsub", ON_GET | ON_SET, TO_SELF | TO_ACCOUNT, pep_request },
			{ NS_PUBSUB_OWNER, "pubsub", ON_GET | ON_SET, TO_SELF | TO_ACCOUNT,
				pep_owner_request },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(presence_out, ORDER_NORMAL, on_presence_out),
			ON(session_available, ORDER_NORMAL, on_available),
			ON(session_revived, ORDER_NORMAL, on_revived),
			ON(session_flush, ORDER_NORMAL, on_flush),
			ON(stanza_in, ORDER_NORMAL, on_in),
			ON(disco_info, ORDER_NORMAL, on_disco_info),
			ON(disco_items, ORDER_NORMAL, on_disco_items),
			ON(config_reloaded, ORDER_NORMAL, on_reloaded),
			END_HOOKS,
		},
	.hooks_always =
		(const struct hook[]){
			ON(session_unavailable, ORDER_NORMAL, on_unavailable),
			ON(session_ended, ORDER_NORMAL, on_ended),
			END_HOOKS,
		},
	.slot = &slot,
	.portable = &pep_portable,
	.queries = pep_queries,
	.start = start,
	.stop = pep_listeners_stop,
};
