/*
 * blocking.c -- XEP-0191: addresses that a user does not want to hear of.
 *
 * The list is in memory with its account, so that each stanza that a session sends or the account
 * gets is judged without waiting.  A change is written first; when it is committed the list in
 * memory follows, contacts are told (unavailable when they are blocked, the current presence when
 * they no longer are), and the sessions that asked for the list get the difference.
 *
 * An entry is user@domain/resource, user@domain, domain/resource or domain; the last stands for all
 * at that domain.  A blocked address may still be told that a session went away, so that rooms can
 * be left.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"

#define NS_BLOCKING "urn:xmpp:blocking"
#define NS_BLOCKING_ERRORS "urn:xmpp:blocking:errors"

struct blocking_options {
	int64_t max;
};

struct blocking {
	struct hash entries; /* struct entry.node */
};

struct entry {
	struct hash_node node; /* key: text */
	char *text;
};

/* What a block or unblock names. */
struct change {
	struct jid *jids;
	size_t count; /* 0: all (unblock) */
};

MODULE_OPTIONS(struct blocking_options)
MODULE_SLOT(struct blocking)

static const struct field fields[] = {
	INT_FIELD(struct blocking_options, max, .dflt = "1000", .min = 1, .max = 100000,
		.flags = FIELD_RELOAD, .doc = "Addresses that one user may block"),
	END_FIELDS,
};

enum { BLOCK_LOAD, BLOCK_PUT, BLOCK_DELETE, BLOCK_DELETE_ALL };

#define NS_PRIVACY "jabber:iq:privacy"

static const struct query queries[] = {
	{ "block_load", "SELECT jid FROM block WHERE owner = ?", NULL },
	{ "block_put", "INSERT INTO block (owner, jid) VALUES (?, ?) ON CONFLICT DO NOTHING",
		"INSERT INTO block (owner, jid) VALUES (?, ?) ON DUPLICATE KEY UPDATE owner = owner" },
	{ "block_delete", "DELETE FROM block WHERE owner = ? AND jid = ?", NULL },
	{ "block_delete_all", "DELETE FROM block WHERE owner = ?", NULL },
	END_QUERIES,
};

static step_fn list_get, block, blocked, unblock, unblocked;
static uint64_t wants_list; /* session->marks: asked for the list, gets pushes */

/* ---- The list ------------------------------------------------------------------- */

static void
entry_add(struct blocking *b, struct str text)
{
	struct entry *e;

	if (hash_find(&b->entries, text))
		return;
	e = MEM_NEW(struct entry);
	e->text = mem_copy_str(text);
	hash_add(&b->entries, &e->node, str_of(e->text));
}

static void
entry_remove(struct blocking *b, struct hash_node *n)
{
	struct entry *e = CONTAINER(n, struct entry, node);

	hash_remove(&b->entries, n);
	mem_free(&e->text);
	mem_free(&e);
}

static void
remove_all(struct blocking *b)
{
	for (struct hash_node *n = hash_next(&b->entries, NULL), *next; n; n = next) {
		next = hash_next(&b->entries, n);
		entry_remove(b, n);
	}
}

static bool
is_blocked(struct jid who, const void *list)
{
	const struct blocking *b = list;

	if (b->entries.count == 0 || jid_is_none(who))
		return false;
	return hash_find(&b->entries, jid_full(who)) ||
	       (who.local > 0 && hash_find(&b->entries, jid_bare_str(who))) ||
	       hash_find(&b->entries, jid_domain(who));
}

static void
loaded(struct account *a, void *slot, const struct rows *rows)
{
	struct blocking *b = slot;

	(void)a;
	for (size_t i = 0; i < rows->count; i++)
		entry_add(b, row_str(rows, i, 0));
}

static void
drop(void *slot)
{
	struct blocking *b = slot;

	remove_all(b);
	hash_fini(&b->entries);
}

/* ---- Who is told of a change ------------------------------------------------------ */

typedef void tell_fn(struct account *a, struct jid contact);

static void
show(struct account *a, struct jid contact)
{
	if (!is_blocked(contact, slot_of(a)))
		presence_show_to(a, contact);
}

/* Contacts that an entry stands for and that see the account's presence. */
static void
tell_contacts(struct account *a, struct jid entry, tell_fn *tell)
{
	const struct hash *items = &a->roster->items;

	if (entry.local > 0) {
		if (roster_sees_me(roster_find(a, jid_bare(entry))))
			tell(a, entry);
		return;
	}
	for (struct hash_node *n = hash_next(items, NULL); n; n = hash_next(items, n)) {
		const struct roster_item *i = CONTAINER(n, struct roster_item, node);
		bool meant = jid_is_full(entry) ? jid_eq(entry, i->contact)
						: str_eq(jid_domain(entry), jid_domain(i->contact));

		if (meant && roster_sees_me(i))
			tell(a, i->contact);
	}
}

/* Answers to pushes end where the server's own stanzas do: nothing waits for them. */
static void
push(struct account *a, const char *name, const struct change *c)
{
	AUTO(stanza_unref) const struct stanza *push = NULL;
	struct arena *arena = arena_new(0);
	struct xml *child = xml_new(arena, NS_BLOCKING, name);
	char id[RAND_ID_SIZE];

	for (size_t i = 0; i < c->count; i++)
		xml_attr(arena, xml_add(arena, child, NS_BLOCKING, "item"), "jid",
			jid_text(arena, c->jids[i]));
	rand_id(id);
	push = stanza_new(&arena, STANZA_IQ, IQ_SET, JID_NONE, a->home.jid, id, child);
	for_each_session(s, a) {
		AUTO(stanza_unref) const struct stanza *own = NULL;

		if (!(s->marks & wants_list) || s->ending)
			continue;
		own = stanza_readdress(push, JID_NONE, s->jid);
		session_send(s, own);
	}
}

/* ---- What users ask ----------------------------------------------------------------- */

static struct step
list_get(struct job *j)
{
	const struct hash *entries = &slot_of(j->account)->entries;
	struct xml *list = xml_new(j->arena, NS_BLOCKING, "blocklist");

	if (j->session)
		j->session->marks |= wants_list;
	for (struct hash_node *n = hash_next(entries, NULL); n; n = hash_next(entries, n))
		xml_attr(j->arena, xml_add(j->arena, list, NS_BLOCKING, "item"), "jid",
			CONTAINER(n, struct entry, node)->text);
	return iq_result(j, list);
}

static bool
read_change(struct job *j, struct change *c, struct problem *why)
{
	const struct xml *child = iq_child(j);

	c->jids = ARENA_ARRAY(j->arena, struct jid, xml_count(child) + 1);
	for (const struct xml *x = xml_child(child, NS_BLOCKING, "item"); x;
		x = xml_next(x, NS_BLOCKING, "item")) {
		const char *text = xml_get(x, "jid");

		if (!text)
			return problem(why, COND_BAD_REQUEST, "an item has no jid");
		if (jid_parse(j->arena, str_of(text), &c->jids[c->count++]) != JID_OK)
			return problem(why, COND_JID_MALFORMED, "an item's jid is not an address");
	}
	if (c->count == 0 && xml_count(child) > 0)
		return problem(why, COND_BAD_REQUEST, "only items can be blocked and unblocked");
	return true;
}

/* Room is left for all, none is the user's own account or server. */
static bool
check_block(const struct job *j, const struct change *c, struct problem *why)
{
	const struct blocking *b = slot_of(j->account);
	size_t count = b->entries.count;

	if (c->count == 0)
		return problem(why, COND_BAD_REQUEST, "nothing to block");
	for (size_t i = 0; i < c->count; i++) {
		if (jid_eq_bare(c->jids[i], j->owner) || jid_eq(c->jids[i], jid_host(j->owner)))
			return problem(why, COND_NOT_ALLOWED,
				"one's own account and server cannot be blocked");
		count += !hash_find(&b->entries, jid_full(c->jids[i]));
	}
	if (count > (size_t)options(j->host)->max)
		return problem(why, COND_RESOURCE_CONSTRAINT, "the list is full");
	return true;
}

/* One statement for each address, all in one transaction. */
static struct step
write_change(struct job *j, struct change *c, const struct query *q, step_fn *next)
{
	struct ask *asks = ARENA_ARRAY(j->arena, struct ask, c->count);
	struct value *args = ARENA_ARRAY(j->arena, struct value, 2 * c->count);

	for (size_t i = 0; i < c->count; i++) {
		args[2 * i] = of_jid(j->owner);
		args[2 * i + 1] = of_jid(c->jids[i]);
		asks[i] = (struct ask){ q, &args[2 * i], 2 };
	}
	return job_query_all(j, next, asks, c->count);
}

static struct step
block(struct job *j)
{
	struct change *c = ARENA_NEW(j->arena, struct change);
	struct problem why = { COND_NONE, NULL };

	if (!read_change(j, c, &why) || !check_block(j, c, &why))
		return iq_refuse(j, &why);
	j->state = c;
	return write_change(j, c, &queries[BLOCK_PUT], blocked);
}

static struct step
blocked(struct job *j)
{
	struct blocking *b = slot_of(j->account);
	const struct change *c = j->state;
	struct step answered = iq_result(j, NULL);

	for (size_t i = 0; i < c->count; i++) {
		if (!is_blocked(c->jids[i], b))
			tell_contacts(j->account, c->jids[i], presence_hide_from);
		entry_add(b, jid_full(c->jids[i]));
	}
	presence_hide_directed(j->account, is_blocked, b);
	push(j->account, "block", c);
	return answered;
}

static struct step
unblock(struct job *j)
{
	struct change *c = ARENA_NEW(j->arena, struct change);
	struct problem why = { COND_NONE, NULL };

	if (!read_change(j, c, &why))
		return iq_refuse(j, &why);
	j->state = c;
	if (c->count > 0)
		return write_change(j, c, &queries[BLOCK_DELETE], unblocked);
	return job_query(j, unblocked, &queries[BLOCK_DELETE_ALL], ARGS(of_jid(j->owner)));
}

/* All that are blocked. */
static struct change
everybody(struct job *j)
{
	const struct hash *entries = &slot_of(j->account)->entries;
	struct change c = { ARENA_ARRAY(j->arena, struct jid, entries->count + 1), 0 };

	for (struct hash_node *n = hash_next(entries, NULL); n; n = hash_next(entries, n))
		if (jid_parse(j->arena, n->key, &c.jids[c.count]) == JID_OK)
			c.count++;
	return c;
}

static struct step
unblocked(struct job *j)
{
	struct blocking *b = slot_of(j->account);
	const struct change *asked = j->state;
	struct change gone = asked->count > 0 ? *asked : everybody(j);
	struct step answered = iq_result(j, NULL);
	size_t count = 0;

	for (size_t i = 0; i < gone.count; i++) {
		struct hash_node *n = hash_find(&b->entries, jid_full(gone.jids[i]));

		if (!n)
			continue;
		entry_remove(b, n);
		gone.jids[count++] = gone.jids[i];
	}
	if (asked->count == 0)
		remove_all(b);
	for (size_t i = 0; i < count; i++)
		tell_contacts(j->account, gone.jids[i], show);
	push(j->account, "unblock", asked);
	return answered;
}

/* ---- What passes by ------------------------------------------------------------------ */

static enum verdict
on_out(struct stanza_event *ev)
{
	const struct stanza *s = ev->stanza;
	AUTO(arena_free) struct arena *arena = NULL;
	AUTO(stanza_unref) const struct stanza *error = NULL;

	if (!is_blocked(s->to, slot_of(ev->account)))
		return PASS;
	if (s->kind == STANZA_PRESENCE && s->type == PRESENCE_UNAVAILABLE)
		return PASS;
	arena = arena_new(0);
	error = stanza_error(s, COND_NOT_ACCEPTABLE, "you have blocked this address",
		xml_new(arena, NS_BLOCKING_ERRORS, "blocked"));
	if (error)
		session_send(ev->session, error);
	return STOP;
}

/* Who is blocked sees what one sees who writes to nobody; presence and groupchat vanish. */
static enum verdict
on_in(struct stanza_event *ev)
{
	const struct stanza *s = ev->stanza;

	if (!is_blocked(s->from, slot_of(ev->account)))
		return PASS;
	if (s->kind == STANZA_PRESENCE)
		return STOP;
	if (s->kind == STANZA_MESSAGE && s->type == MESSAGE_GROUPCHAT)
		return STOP;
	route_bounce(ev->head.worker, s, COND_SERVICE_UNAVAILABLE, NULL, NO_RECEIPT);
	return STOP;
}

/* Who is blocked is not told of presence and events, either (XEP-0191 3.2). */
static enum verdict
on_told(struct contact_event *ev)
{
	return is_blocked(ev->item->contact, slot_of(ev->account)) ? STOP : PASS;
}

/* ---- Moving to another server ---------------------------------------------------------- */

/* As a privacy list (XEP-0016), which XEP-0227 has a place for: the default one, in which each blocked
 * address is denied all. */
static void
leave_ask(struct leaving *l, struct asks *asks)
{
	struct value owner = of_jid(l->home.jid);

	asks_add(asks, &queries[BLOCK_LOAD], &owner, 1);
}

static bool
leave_write(struct leaving *l, const struct rows *const *rows)
{
	if (rows[0]->count == 0)
		return false;
	buf_put_lit(l->out,
		"<query xmlns='" NS_PRIVACY "'><default name='blocked'/><list name='blocked'>\n");
	for (size_t i = 0; i < rows[0]->count; i++) {
		buf_put_lit(l->out, "<item type='jid' value='");
		xml_escape_attr(l->out, row_str(rows[0], i, 0));
		buf_printf(l->out, "' action='deny' order='%zu'/>\n", i + 1);
	}
	buf_put_lit(l->out, "</list></query>\n");
	return false;
}

static bool
arrive_one(struct arriving *a, const char *text)
{
	struct jid jid;

	if (!text || jid_parse(a->arena, str_of(text), &jid) != JID_OK ||
		jid_eq_bare(jid, a->home->jid))
		return false;
	arriving_add(a, &queries[BLOCK_PUT],
		(const struct value[]){ of_jid(a->home->jid), of_jid(jid) }, 2);
	return true;
}

/* What blocking can say of the default list: whole addresses that are denied everything. */
static enum portable_taken
arrive_rule(struct arriving *a, const struct xml *x)
{
	if (!text_eq(xml_get(x, "action"), "deny"))
		return PORTABLE_NOTED;
	if (!text_eq(xml_get(x, "type"), "jid") || xml_count(x) > 0 ||
		!arrive_one(a, xml_get(x, "value")))
		return arriving_refuse(a, "a rule of a privacy list that blocking cannot express");
	return PORTABLE_TAKEN;
}

static enum portable_taken
arrive(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	char **name = state;

	if (text_eq(within->name, "blocklist"))
		return arrive_one(a, xml_get(x, "jid"))
			       ? PORTABLE_TAKEN
			       : arriving_refuse(a, "a blocked address that is none");
	if (text_eq(within->name, "list"))
		return arrive_rule(a, x);
	if (text_eq(x->name, "default"))
		*name = arena_text(a->lasting, xml_get(x, "name"));
	else if (!text_eq(x->name, "list") || !*name || !text_eq(*name, xml_get(x, "name")))
		return arriving_refuse(a, "a privacy list that is not the default");
	return PORTABLE_NOTED;
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &queries[BLOCK_DELETE_ALL], &owner, 1);
}

static const struct portable_tag tags[] = {
	{ NS_PRIVACY, "query", PORTABLE_GRANDCHILDREN },
	{ NS_BLOCKING, "blocklist", PORTABLE_CHILDREN },
	{ NULL, NULL, PORTABLE_WHOLE },
};

static const struct portable portable = {
	.name = "blocking",
	.counted = "blocked addresses",
	.order = 50,
	.tags = tags,
	.state_size = sizeof(char *),
	.ask = leave_ask,
	.write = leave_write,
	.take = arrive,
	.clear = clear,
};

static bool
start(struct err *e)
{
	(void)e;
	wants_list = session_mark_add("blocklist");
	return true;
}

static const struct slot slot = {
	.size = sizeof(struct blocking),
	.load = &queries[BLOCK_LOAD],
	.loaded = loaded,
	.drop = drop,
};

MODULE(blocking) = {
	IDENTITY(blocking),
	.summary = "Lets users block addresses",
	.xeps = XEPS({ 191, "1.3", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct blocking_options),
	.features = FEATURES(NS_BLOCKING),
	.iqs =
		(const struct iq_handler[]){
			{ NS_BLOCKING, "blocklist", ON_GET, TO_SELF, list_get },
			{ NS_BLOCKING, "block", ON_SET, TO_SELF, block },
			{ NS_BLOCKING, "unblock", ON_SET, TO_SELF, unblock },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(stanza_out, ORDER_FILTER, on_out),
			ON(stanza_in, ORDER_FILTER, on_in),
			ON(contact_told, ORDER_FILTER, on_told),
			END_HOOKS,
		},
	.slot = &slot,
	.portable = &portable,
	.queries = queries,
	.start = start,
};
