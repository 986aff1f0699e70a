/*
 * portable.c -- nodes and their items in files of XEP-0227.
 *
 * Items are written as they are read; the row of a node, which counts them, comes last.  A node
 * whose configuration is not there, or says something about access that is not known here, is for
 * its owner only.
 *
 * Runs on: where a file is written or read.
 */
#include "pep.h"

#include <string.h>

#define PAGE 200

/* ---- Write ------------------------------------------------------------------------------- */

struct leaving_node {
	const char *name;
	int64_t number;
	struct str config;
};

struct leaving_nodes {
	struct leaving_node *nodes;
	size_t count, at; /* at: whose items come next */
	int64_t after; /* item of that node */
	bool is_open; /* its <items> is written */
};

static void
ask(struct leaving *l, struct asks *asks)
{
	const struct leaving_nodes *n = l->state;
	struct value owner = of_jid(l->home.jid);

	if (!n) {
		asks_add(asks, &pep_queries[PEP_LOAD], &owner, 1);
		return;
	}
	asks_add(asks, &pep_queries[PEP_PAGE_AFTER],
		ARGS(owner, of_int(n->nodes[n->at].number), of_int(n->after), of_int(PAGE)));
}

static void
write_node(struct leaving *l, const struct leaving_node *n)
{
	struct arena *a = arena_new(0);
	struct pep_config config = pep_config_read(a, n->config);
	struct xml *x = xml_new(a, NS_PUBSUB_OWNER, "configure"), *one;

	xml_attr(a, x, "node", n->name);
	xml_adopt(x, form_of(a, &pep_form, FORM_SUBMIT, &config));
	xml_write(l->out, x, NS_PUBSUB_OWNER);
	buf_put_char(l->out, '\n');
	if (config.members && *config.members) {
		x = xml_new(a, NS_PUBSUB_OWNER, "affiliations");
		xml_attr(a, x, "node", n->name);
		for (const char *const *m = config.members; *m; m++) {
			one = xml_add(a, x, NS_PUBSUB_OWNER, "affiliation");
			xml_attr(a, one, "jid", *m);
			xml_attr(a, one, "affiliation", "member");
		}
		xml_write(l->out, x, NS_PUBSUB_OWNER);
		buf_put_char(l->out, '\n');
	}
	arena_free(&a);
}

static bool
write_nodes(struct leaving *l, const struct rows *rows)
{
	struct leaving_nodes *n = ARENA_NEW(l->arena, struct leaving_nodes);

	l->state = n;
	if (rows->count == 0)
		return false;
	n->nodes = ARENA_ARRAY(l->arena, struct leaving_node, rows->count);
	buf_put_lit(l->out, "<pubsub xmlns='" NS_PUBSUB_OWNER "'>\n");
	for (size_t i = 0; i < rows->count; i++) {
		struct leaving_node *one = &n->nodes[n->count++];

		one->number = row_int(rows, i, 0);
		one->name = arena_str(l->arena, row_str(rows, i, 1));
		one->config = row_str(rows, i, 2);
		write_node(l, one);
	}
	buf_put_lit(l->out, "</pubsub>\n<pubsub xmlns='" NS_PUBSUB "'>\n");
	return true;
}

static void
write_item(struct leaving *l, const struct rows *rows, size_t i)
{
	buf_put_lit(l->out, "<item id='");
	xml_escape_attr(l->out, row_str(rows, i, 1));
	buf_put_lit(l->out, "'>");
	buf_put_str(l->out, row_str(rows, i, 2));
	buf_put_lit(l->out, "</item>\n");
}

static bool
write(struct leaving *l, const struct rows *const *rows)
{
	struct leaving_nodes *n = l->state;

	if (!n)
		return write_nodes(l, rows[0]);
	if (!n->is_open) {
		buf_put_lit(l->out, "<items node='");
		xml_escape_attr(l->out, str_of(n->nodes[n->at].name));
		buf_put_lit(l->out, "'>\n");
		n->is_open = true;
	}
	for (size_t i = 0; i < rows[0]->count; i++) {
		write_item(l, rows[0], i);
		n->after = row_int(rows[0], i, 0);
	}
	if (rows[0]->count == PAGE)
		return true;
	buf_put_lit(l->out, "</items>\n");
	n->is_open = false;
	n->after = 0;
	if (++n->at < n->count)
		return true;
	buf_put_lit(l->out, "</pubsub>\n");
	return false;
}

/* ---- Read -------------------------------------------------------------------------------------- */

struct arriving_node {
	struct arriving_node *next;
	const char *name;
	int64_t number;
	struct pep_config config;
	bool is_converted; /* not in the file */
};

/* What is to be converted. */
struct arriving_view {
	struct arriving_view *next;
	const struct pep_view *view;
	const struct xml *payload;
};

struct arriving_nodes {
	struct arriving_node *first, *current; /* current: whose items come */
	int64_t count;
	struct arriving_view *views;
};

static struct arriving_node *
node_find(const struct arriving_nodes *nodes, const char *name)
{
	struct arriving_node *n = nodes->first;

	while (n && !text_eq(n->name, name))
		n = n->next;
	return n;
}

/* The node, made if it is new; NULL if that cannot be. */
static struct arriving_node *
node_for(struct arriving *a, struct arriving_nodes *nodes, const char *name)
{
	const struct pep_options *o = pep_options(a->host);
	struct arriving_node *n = node_find(nodes, name);

	if (n || !name || !*name || strlen(name) > PEP_NAME_MAX)
		return n;
	if (nodes->count >= (o ? o->max_nodes : 200))
		return NULL;
	n = ARENA_NEW(a->lasting, struct arriving_node);
	n->name = arena_text(a->lasting, name);
	n->number = home_next_id(a->home);
	n->config = pep_config_private(a->lasting);
	n->next = nodes->first;
	nodes->first = n;
	nodes->count++;
	return n;
}

/* A field that cannot be taken stays as it is by default, but who may read must be known. */
static void
configure(struct arriving *a, struct arriving_node *n, const struct form *form)
{
	struct problem ignored;

	n->config = pep_config_default(a->lasting);
	for (size_t i = 0; i < form->count; i++) {
		struct form one = { form->kind, form->form_type, &form->fields[i], 1 };
		struct pep_config changed = n->config;

		if (one.fields->count == 0 || !*one.fields->values[0])
			continue;
		if (pep_config_apply(a->lasting, &one, &changed, NULL, &ignored))
			n->config = changed;
		else if (text_eq(form->fields[i].var, "pubsub#access_model"))
			n->config.access_model = PEP_WHITELIST;
		else if (text_eq(form->fields[i].var, "pubsub#max_items"))
			n->config.max_items = PEP_ITEMS_MAX;
	}
}

static enum portable_taken
take_configuration(struct arriving *a, struct arriving_node *n, const struct xml *x)
{
	const struct xml *form = xml_child(x, NS_DATA_FORM, "x");
	struct problem ignored;
	struct form read;

	if (!form || !form_read(a->lasting, xml_copy(a->lasting, form), &read, &ignored))
		return arriving_refuse(a, "a configuration without a form");
	configure(a, n, &read);
	return PORTABLE_NOTED;
}

static enum portable_taken
take_members(struct arriving *a, struct arriving_node *n, const struct xml *x)
{
	const char **members = ARENA_ARRAY(a->lasting, const char *, xml_count(x) + 1);
	size_t count = 0;
	struct jid jid;

	for (const struct xml *one = xml_child(x, NULL, "affiliation"); one;
		one = xml_next(one, NULL, "affiliation")) {
		const char *text = xml_get(one, "jid");

		if (text_eq(xml_get(one, "affiliation"), "member") && text && count < 100 &&
			jid_parse(a->arena, str_of(text), &jid) == JID_OK)
			members[count++] = arena_str(a->lasting, jid_bare_str(jid));
	}
	n->config.members = members;
	return PORTABLE_NOTED;
}

/* ---- What other servers keep in another way ------------------------------------------------------- */

void
pep_arrive(struct arriving *a, const struct pep_view *v, const struct xml *payload)
{
	struct arriving_nodes *nodes = arriving_state(a, &pep_portable);
	struct arriving_view *one = ARENA_NEW(a->lasting, struct arriving_view);

	*one = (struct arriving_view){ nodes->views, v, xml_copy(a->lasting, payload) };
	nodes->views = one;
}

static void
add_item(struct arriving *a, const struct arriving_node *n, const char *item, struct str payload)
{
	arriving_add(a, &pep_queries[PEP_ARRIVE_ITEM],
		ARGS(of_jid(a->home->jid), of_int(n->number), of_int(home_next_id(a->home)),
			of_text(item), of_int(clock_wall()), of_str(payload)));
}

struct conversion {
	struct arriving *arriving;
	const struct arriving_node *node;
};

static void
add_converted(void *ctx, const char *item, const struct xml *payload)
{
	const struct conversion *c = ctx;
	AUTO(buf_fini) struct buf bytes = BUF_INIT;

	kept_write(&bytes, payload);
	if (strlen(item) <= PEP_NAME_MAX &&
		buf_len(&bytes) <= (size_t)pep_options(c->arriving->host)->max_item)
		add_item(c->arriving, c->node, item, buf_str(&bytes));
}

static void
convert(struct arriving *a, struct arriving_nodes *nodes)
{
	for (const struct arriving_view *v = nodes->views; v; v = v->next) {
		struct arriving_node *n = node_find(nodes, v->view->made_of);

		if (!n && (n = node_for(a, nodes, v->view->made_of)) != NULL)
			n->is_converted = true;
		if (n && n->is_converted)
			v->view->convert(
				a->arena, v->payload, add_converted, &(struct conversion){ a, n });
	}
}

static enum portable_taken
take_item(struct arriving *a, const struct arriving_node *n, const struct xml *x)
{
	const struct xml *payload = xml_child(x, NULL, NULL);
	const struct pep_options *o = pep_options(a->host);
	const char *item = xml_get(x, "id");
	AUTO(buf_fini) struct buf bytes = BUF_INIT;

	if (!n || !text_eq(x->name, "item") || !payload || !item || !*item ||
		strlen(item) > PEP_NAME_MAX)
		return arriving_refuse(a, "an item without a node, an id or content");
	kept_write(&bytes, payload);
	if (o && buf_len(&bytes) > (size_t)o->max_item)
		return arriving_refuse(a, "an item that is too big");
	if (pep_view_find(a->host, n->name))
		pep_arrive(a, pep_view_find(a->host, n->name), payload);
	else
		add_item(a, n, item, buf_str(&bytes));
	return PORTABLE_TAKEN;
}

static enum portable_taken
take(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	struct arriving_nodes *nodes = state;
	struct arriving_node *n;

	if (text_eq(within->name, "items"))
		return take_item(a, nodes->current, x);
	n = node_for(a, nodes, xml_get(x, "node"));
	if (!n)
		return arriving_refuse(a, "a node without a name, or one too many");
	if (text_eq(within->ns, NS_PUBSUB)) {
		nodes->current = n;
		return text_eq(x->name, "items")
			       ? PORTABLE_NOTED
			       : arriving_refuse(a, "something unknown of a node");
	}
	if (text_eq(x->name, "configure"))
		return take_configuration(a, n, x);
	if (text_eq(x->name, "affiliations"))
		return take_members(a, n, x);
	return arriving_refuse(a, "subscriptions of a node");
}

static void
finish(struct arriving *a, void *state)
{
	struct arriving_nodes *nodes = state;
	struct value owner = of_jid(a->home->jid);

	convert(a, nodes);
	for (const struct arriving_node *n = nodes->first; n; n = n->next) {
		AUTO(buf_fini) struct buf config = BUF_INIT;
		struct value number = of_int(n->number);

		if (pep_view_find(a->host, n->name))
			continue;
		pep_config_write(&config, &n->config);
		arriving_add(a, &pep_queries[PEP_SHRINK],
			ARGS(owner, number, owner, number, of_int(n->config.max_items)));
		arriving_add(a, &pep_queries[PEP_ARRIVE_NODE],
			ARGS(owner, number, of_text(n->name), of_text(buf_text(&config)), owner,
				number));
	}
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &pep_queries[PEP_DELETE_ITEMS], &owner, 1);
	asks_add(asks, &pep_queries[PEP_DELETE_NODES], &owner, 1);
}

static const struct portable_tag tags[] = {
	{ NS_PUBSUB_OWNER, "pubsub", PORTABLE_CHILDREN },
	{ NS_PUBSUB, "pubsub", PORTABLE_GRANDCHILDREN },
	{ NULL, NULL, PORTABLE_WHOLE },
};

const struct portable pep_portable = {
	.name = "pep",
	.counted = "published items",
	.order = 60,
	.tags = tags,
	.state_size = sizeof(struct arriving_nodes),
	.ask = ask,
	.write = write,
	.take = take,
	.finish = finish,
	.clear = clear,
};
