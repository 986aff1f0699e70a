/*
 * roster.c -- the contacts of an account, in memory.
 *
 * One item for each contact: shown in the roster, or only asking to be let in, or a tombstone that
 * tells clients with an older version of a removal.  The files beside this one load and store it
 * (roster_store.c), answer iqs (roster_iq.c) and run the subscription states (subscription.c).
 *
 * Runs on: the account's home.
 */
#include "home/roster.h"

#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "home/session.h"

static void
free_groups(struct roster_item *i)
{
	for (char **g = i->groups; g && *g; g++)
		mem_free(g);
	mem_free(&i->groups);
}

static void
free_item(struct roster_item *i)
{
	char *key = (char *)(uintptr_t)i->contact.text;

	free_groups(i);
	mem_free(&i->name);
	stanza_unref(&i->pending);
	mem_free(&key);
	mem_free(&i);
}

struct roster_item *
roster_find(const struct account *a, struct jid contact)
{
	struct hash_node *n;

	if (!a->roster)
		return NULL;
	n = hash_find(&a->roster->items, jid_bare_str(contact));
	return n ? CONTAINER(n, struct roster_item, node) : NULL;
}

struct roster_item *
roster_add(struct account *a, struct jid contact)
{
	struct roster_item *i = MEM_NEW(struct roster_item);

	i->contact = jid_bare(contact);
	i->contact.text = mem_copy_str(jid_bare_str(contact));
	hash_add(&a->roster->items, &i->node, jid_full(i->contact));
	return i;
}

void
roster_tidy(struct account *a, struct roster_item **i)
{
	struct roster_item *item = *i;

	*i = NULL;
	if (!item || item->in_roster || item->pending || item->removed)
		return;
	hash_remove(&a->roster->items, &item->node);
	free_item(item);
}

size_t
roster_count(const struct account *a)
{
	size_t count = 0;

	for (struct hash_node *n = hash_next(&a->roster->items, NULL); n;
		n = hash_next(&a->roster->items, n))
		count += CONTAINER(n, struct roster_item, node)->in_roster;
	return count;
}

void
roster_set_groups(struct roster_item *i, const char *const *groups)
{
	size_t count = 0;

	free_groups(i);
	while (groups && groups[count])
		count++;
	if (count == 0)
		return;
	i->groups = mem_new((count + 1) * sizeof(char *));
	for (size_t k = 0; k < count; k++)
		i->groups[k] = mem_copy_text(groups[k]);
}

void
roster_drop(struct roster **r)
{
	struct hash_node *n, *after;

	if (!*r)
		return;
	for (n = hash_next(&(*r)->items, NULL); n; n = after) {
		after = hash_next(&(*r)->items, n);
		free_item(CONTAINER(n, struct roster_item, node));
	}
	hash_fini(&(*r)->items);
	mem_free(r);
}

/* ---- As clients see it ------------------------------------------------------ */

struct xml *
roster_item_xml(struct arena *arena, struct xml *parent, const struct roster_item *i)
{
	static const char *const names[] = {
		[SUB_NONE] = "none",
		[SUB_TO] = "to",
		[SUB_FROM] = "from",
		[SUB_BOTH] = "both",
		[SUB_REMOVED] = "remove",
	};
	struct xml *x = xml_add(arena, parent, NS_ROSTER, "item");

	xml_attr(arena, x, "jid", jid_text(arena, i->contact));
	if (!i->in_roster) {
		xml_attr(arena, x, "subscription", names[SUB_REMOVED]);
		return x;
	}
	xml_attr(arena, x, "name", i->name);
	xml_attr(arena, x, "subscription", names[i->subscription]);
	xml_attr(arena, x, "ask", i->ask ? "subscribe" : NULL);
	xml_attr(arena, x, "approved", i->approved ? "true" : NULL);
	for (char **g = i->groups; g && *g; g++)
		xml_add_text(arena, x, NS_ROSTER, "group", *g);
	return x;
}

static const struct stanza *
push_of(const struct roster_item *i)
{
	struct arena *arena = arena_new(0);
	struct xml *query = xml_new(arena, NS_ROSTER, "query");
	char id[RAND_ID_SIZE];

	rand_id(id);
	xml_attrf(arena, query, "ver", "%lld", (long long)i->version);
	roster_item_xml(arena, query, i);
	return stanza_new(&arena, STANZA_IQ, IQ_SET, JID_NONE, JID_NONE, id, query);
}

static void
push_to(struct session *s, const struct stanza *push)
{
	AUTO(stanza_unref) const struct stanza *own = stanza_readdress(push, JID_NONE, s->jid);

	session_send(s, own);
}

void
roster_push(struct account *a, struct session *only, const struct roster_item *i)
{
	AUTO(stanza_unref) const struct stanza *push = push_of(i);

	if (only) {
		push_to(only, push);
		return;
	}
	for_each_session(s, a)
		if (s->wants_roster)
			push_to(s, push);
}
