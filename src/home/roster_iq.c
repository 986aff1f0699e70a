/*
 * roster_iq.c -- jabber:iq:roster (RFC 6121 2.1 to 2.6), and what administrators do to rosters.
 *
 * Runs on: the account's home.
 */
#include "home/roster.h"

#include <stdlib.h>

#include "base/mem.h"
#include "home/presence.h"
#include "home/router.h"

#define NAME_MAX_BYTES 1023
#define GROUPS_MAX 64

static step_fn roster_get, roster_set, roster_refuse, answer, removed_answer;

const struct iq_handler roster_iqs[] = {
	{ NS_ROSTER, "query", ON_GET, TO_SELF, roster_get },
	{ NS_ROSTER, "query", ON_SET, TO_SELF, roster_set },
	{ NS_ROSTER, "query", ON_GET | ON_SET, TO_ACCOUNT | TO_NOBODY, roster_refuse },
	END_IQS,
};

/* ---- Get ---------------------------------------------------------------------- */

static int
by_version(const void *a, const void *b)
{
	const struct roster_item *x = *(const struct roster_item *const *)a;
	const struct roster_item *y = *(const struct roster_item *const *)b;

	return x->version < y->version ? -1 : x->version > y->version;
}

/* RFC 6121 2.6.3: an empty result, then a push for each change since the client's version, in
 * order. */
static struct step
send_changes(struct job *j, int64_t since)
{
	struct roster *r = j->account->roster;
	struct roster_item **changed =
		ARENA_ARRAY(j->arena, struct roster_item *, r->items.count + 1);
	struct session *s = j->session;
	size_t count = 0;
	struct step step = iq_result(j, NULL);

	for (struct hash_node *n = hash_next(&r->items, NULL); n; n = hash_next(&r->items, n)) {
		struct roster_item *i = CONTAINER(n, struct roster_item, node);

		if (i->version > since && (i->in_roster || i->removed))
			changed[count++] = i;
	}
	qsort(changed, count, sizeof(struct roster_item *), by_version);
	for (size_t k = 0; s && k < count; k++)
		roster_push(s->account, s, changed[k]);
	return step;
}

static struct step
send_all(struct job *j)
{
	struct roster *r = j->account->roster;
	struct xml *query = xml_new(j->arena, NS_ROSTER, "query");

	xml_attrf(j->arena, query, "ver", "%lld", (long long)r->version);
	for (struct hash_node *n = hash_next(&r->items, NULL); n; n = hash_next(&r->items, n)) {
		const struct roster_item *i = CONTAINER(n, struct roster_item, node);

		if (i->in_roster)
			roster_item_xml(j->arena, query, i);
	}
	return iq_result(j, query);
}

static struct step
roster_get(struct job *j)
{
	const struct roster *r = j->account->roster;
	const char *ver = xml_get(iq_child(j), "ver");
	int64_t since;

	if (j->session)
		j->session->wants_roster = true;
	if (!ver || !str_int(str_of(ver), 0, INT64_MAX, &since) || !roster_knows_version(r, since))
		return send_all(j);
	return since == r->version ? iq_result(j, NULL) : send_changes(j, since);
}

/* RFC 6121 2.3.3: only the owner, and nobody is told whether there is one. */
static struct step
roster_refuse(struct job *j)
{
	return iq_error(j, COND_FORBIDDEN, NULL);
}

/* ---- Set ---------------------------------------------------------------------- */

struct edit {
	struct jid contact;
	struct str name; /* p NULL: none */
	const char *groups[GROUPS_MAX + 1];
	bool remove;
};

static bool
read_groups(struct arena *arena, const struct xml *item, struct edit *e, struct problem *why)
{
	size_t count = 0;

	for (const struct xml *g = xml_child(item, NS_ROSTER, "group"); g;
		g = xml_next(g, NS_ROSTER, "group")) {
		struct str text = xml_text_of(arena, g);

		if (text.n == 0 || text.n > NAME_MAX_BYTES)
			return problem(
				why, COND_NOT_ACCEPTABLE, "a group's name has 1 to 1023 bytes");
		if (count == GROUPS_MAX)
			return problem(why, COND_NOT_ACCEPTABLE, "too many groups");
		for (size_t k = 0; k < count; k++)
			if (str_is(text, e->groups[k]))
				return problem(why, COND_BAD_REQUEST, "a group is named twice");
		e->groups[count++] = arena_str(arena, text);
	}
	return true;
}

static bool
read_edit(struct job *j, struct edit *e, struct problem *why)
{
	const struct xml *query = iq_child(j);
	const struct xml *item = xml_child(query, NS_ROSTER, "item");
	const char *jid = xml_get(item, "jid");

	if (!item || xml_count(query) != 1)
		return problem(why, COND_BAD_REQUEST, "a roster set has exactly one item");
	if (!jid)
		return problem(why, COND_BAD_REQUEST, "the item has no jid");
	if (jid_parse(j->arena, str_of(jid), &e->contact) != JID_OK)
		return problem(why, COND_JID_MALFORMED, "the item's jid is not an address");
	e->contact = jid_bare(e->contact);
	if (jid_eq_bare(e->contact, j->owner))
		return problem(
			why, COND_NOT_ALLOWED, "one's own address does not go into the roster");
	e->name = str_of(xml_get(item, "name"));
	if (e->name.n > NAME_MAX_BYTES)
		return problem(why, COND_NOT_ACCEPTABLE, "the name has more than 1023 bytes");
	e->remove = text_eq(xml_get(item, "subscription"), "remove");
	return read_groups(j->arena, item, e, why);
}

static struct step
answer(struct job *j)
{
	return iq_result(j, NULL);
}

static struct step
update(struct job *j, const struct edit *e, step_fn *next)
{
	struct roster_item *i = roster_find(j->account, e->contact);

	if (!i)
		i = roster_add(j->account, e->contact);
	i->in_roster = true;
	i->removed = false;
	mem_free(&i->name);
	i->name = e->name.n ? mem_copy_str(e->name) : NULL;
	roster_set_groups(i, e->groups);
	return roster_commit(j, next, i, NULL);
}

/* ---- Remove (RFC 6121 2.5) ------------------------------------------------------ */

struct removal {
	struct jid contact;
	bool unsubscribe, unsubscribed;
	step_fn *next;
	void *state; /* the job's, for next */
};

static void
say(struct account *a, struct jid contact, enum presence_type type)
{
	const struct stanza *s =
		stanza_new(NULL, STANZA_PRESENCE, type, a->home.jid, contact, NULL, NULL);

	route(a->home.worker, &s, NO_RECEIPT);
}

static void
tell_removed(struct account *a, struct jid contact, bool unsubscribe, bool unsubscribed)
{
	if (unsubscribe)
		say(a, contact, PRESENCE_UNSUBSCRIBE);
	if (!unsubscribed)
		return;
	presence_hide_from(a, contact);
	say(a, contact, PRESENCE_UNSUBSCRIBED);
}

static struct step
removed_answer(struct job *j)
{
	const struct removal *r = j->state;

	j->state = r->state;
	tell_removed(j->account, r->contact, r->unsubscribe, r->unsubscribed);
	return r->next(j);
}

static struct step
remove_item(struct job *j, struct roster_item *i, step_fn *next)
{
	struct removal *r = ARENA_NEW(j->arena, struct removal);
	struct ask forget = { &roster_queries[PENDING_DELETE], NULL, 2 };
	struct value args[] = { of_jid(j->owner), of_jid(i->contact) };

	r->contact = jid_copy(j->arena, i->contact);
	r->unsubscribe = roster_i_see(i) || i->ask;
	r->unsubscribed = roster_sees_me(i) || i->pending;
	r->next = next;
	r->state = j->state;
	j->state = r;
	mem_free(&i->name);
	roster_set_groups(i, NULL);
	stanza_unref(&i->pending);
	i->subscription = SUB_NONE;
	i->ask = i->approved = i->in_roster = false;
	i->removed = true;
	forget.args = args;
	return roster_commit(j, removed_answer, i, &forget);
}

/* What is loaded again would hide a change that is made meanwhile. */
static const char busy[] = "the roster is being loaded again";

static struct step
roster_set(struct job *j)
{
	struct edit *e = ARENA_NEW(j->arena, struct edit);
	struct problem why = { COND_NONE, NULL };
	struct roster_item *i;

	if (!read_edit(j, e, &why))
		return iq_refuse(j, &why);
	if (j->account->tainted)
		return iq_error(j, COND_RESOURCE_CONSTRAINT, busy);
	i = roster_find(j->account, e->contact);
	if (e->remove && (!i || !i->in_roster))
		return iq_error(j, COND_ITEM_NOT_FOUND, "the contact is not in the roster");
	if (e->remove)
		return remove_item(j, i, answer);
	if ((!i || !i->in_roster) &&
		roster_count(j->account) >= (size_t)config_of(j->worker)->c2s.max_roster)
		return iq_error(j, COND_RESOURCE_CONSTRAINT, "the roster is full");
	return update(j, e, answer);
}

/* ---- Administration -------------------------------------------------------------- */

struct step
roster_admin_set(struct job *j, step_fn *next, struct jid contact, const char *name,
	const char *const *groups, enum subscription subscription)
{
	struct roster_item *i = roster_find(j->account, contact);

	if (j->account->tainted)
		return job_fail(j, "%s", busy);
	if (!i)
		i = roster_add(j->account, contact);
	i->in_roster = true;
	i->removed = i->ask = false;
	i->subscription = subscription;
	mem_free(&i->name);
	i->name = name && *name ? mem_copy_text(name) : NULL;
	roster_set_groups(i, groups);
	return roster_commit(j, next, i, NULL);
}

struct step
roster_admin_remove(struct job *j, step_fn *next, struct jid contact)
{
	struct roster_item *i = roster_find(j->account, contact);

	if (j->account->tainted)
		return job_fail(j, "%s", busy);
	return i && (i->in_roster || i->pending) ? remove_item(j, i, next) : next(j);
}

/* The rows go with the account's own transaction. */
void
roster_leave_all(struct account *a)
{
	if (!a->roster)
		return;
	for (struct hash_node *n = hash_next(&a->roster->items, NULL); n;
		n = hash_next(&a->roster->items, n)) {
		const struct roster_item *i = CONTAINER(n, struct roster_item, node);

		tell_removed(
			a, i->contact, roster_i_see(i) || i->ask, roster_sees_me(i) || i->pending);
	}
}
