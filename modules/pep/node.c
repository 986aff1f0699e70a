/*
 * node.c -- the nodes of an account in memory.
 *
 * A node is there from the moment somebody publishes to it, before its row is committed; should
 * that fail, it goes again.  A node that is deleted leaves the account at once, and its memory when
 * the last change that knows it was answered.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

struct pep_node *
pep_node_find(const struct account *a, const char *name)
{
	struct hash_node *n = name ? hash_find(&pep_of(a)->nodes, str_of(name)) : NULL;

	return n ? CONTAINER(n, struct pep_node, by_name) : NULL;
}

struct pep_node *
pep_node_add(struct pep *p, struct str name, int64_t number)
{
	struct pep_node *n = MEM_NEW(struct pep_node);

	n->name = mem_copy_str(name);
	n->number = number;
	hash_add(&p->nodes, &n->by_name, str_of(n->name));
	return n;
}

void
pep_node_configure(struct pep_node *n, const struct pep_config *c)
{
	AUTO(buf_fini) struct buf text = BUF_INIT;
	struct arena *texts = arena_new(0);

	pep_config_write(&text, c);
	n->config = pep_config_read(texts, buf_str(&text));
	arena_free(&n->texts);
	n->texts = texts;
}

void
pep_node_last(struct pep_node *n, int64_t id, msec_t at, const char *item, struct str payload)
{
	n->last_id = item ? id : 0;
	n->last_at = at;
	mem_free(&n->last_item);
	mem_free(&n->last_payload);
	stanza_unref(&n->last_event);
	if (!item)
		return;
	n->last_item = mem_copy_str(str_of(item));
	if (payload.p && payload.n <= PEP_LAST_MAX)
		n->last_payload = mem_copy_str(payload);
}

static void
node_free(struct pep_node **n)
{
	pep_node_last(*n, 0, 0, NULL, STR_NONE);
	arena_free(&(*n)->texts);
	mem_free(&(*n)->name);
	mem_free(n);
}

void
pep_node_remove(struct pep *p, struct pep_node *n)
{
	hash_remove(&p->nodes, &n->by_name);
	n->gone = true;
	if (n->under_way == 0)
		node_free(&n);
}

void
pep_node_begin(struct pep_node *n)
{
	n->under_way++;
}

void
pep_node_end(struct pep_node *n)
{
	if (--n->under_way == 0 && n->gone)
		node_free(&n);
}

/* ---- As XML ------------------------------------------------------------------------ */

struct xml *
pep_items_xml(struct arena *a, struct xml *parent, const char *ns, const struct pep_node *n)
{
	struct xml *items = xml_add(a, parent, ns, "items");

	xml_attr(a, items, "node", n->name);
	return items;
}

struct xml *
pep_item_xml(struct arena *a, struct xml *items, const char *ns, const char *item,
	const struct xml *payload)
{
	struct xml *x = xml_add(a, items, ns, "item");

	xml_attr(a, x, "id", item);
	if (payload)
		xml_adopt(x, xml_copy(a, payload));
	return x;
}
