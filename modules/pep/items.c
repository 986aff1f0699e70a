/*
 * items.c -- reading items (XEP-0060 6.5).
 *
 * A node is read backwards from its newest item in pages, so that the worker is never busy for
 * long; the answer has its items in the order in which they were published.  What is more than one
 * answer should hold is left out.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

#define PAGE 100
/* Bytes of payloads in one answer. */
#define ANSWER_MAX (4 << 20)
/* Items that may be asked for by name. */
#define NAMES_MAX 256

struct reading {
	int64_t number; /* of the node */
	struct xml *pubsub, *items;
	int64_t before; /* id */
	int64_t left; /* how many items may still come */
	size_t bytes;
};

static step_fn page, named;

struct ask
pep_ask_item(const struct account *a, const char *node, const char *item, struct value *args)
{
	const struct pep_node *n = pep_node_find(a, node);

	args[0] = of_jid(a->home.jid);
	args[1] = of_int(n ? n->number : 0); /* no node has this number */
	args[2] = of_text(item);
	return (struct ask){ &pep_queries[PEP_ITEM_GET], args, 3 };
}

struct ask
pep_ask_all(const struct account *a, const char *node, struct value *args)
{
	const struct pep_node *n = pep_node_find(a, node);

	args[0] = of_jid(a->home.jid);
	args[1] = of_int(n ? n->number : 0);
	return (struct ask){ &pep_queries[PEP_ALL], args, 2 };
}

/* False: the answer is full. */
static bool
add_item(struct job *j, struct reading *r, struct str item, struct str bytes)
{
	const struct xml *payload;

	r->bytes += bytes.n;
	if (r->bytes > ANSWER_MAX)
		return false;
	payload = kept_read(j->arena, bytes);
	pep_item_xml(j->arena, r->items, NS_PUBSUB, arena_str(j->arena, item), payload);
	return true;
}

/* ---- The newest ----------------------------------------------------------------------- */

static struct step
ask_page(struct job *j)
{
	const struct reading *r = j->state;
	int64_t limit = r->left < PAGE ? r->left : PAGE;

	return job_query(j, page, &pep_queries[PEP_PAGE],
		ARGS(of_jid(j->owner), of_int(r->number), of_int(r->before), of_int(limit)));
}

/* Children were added newest first. */
static void
turn_around(struct xml *items)
{
	struct xml *x = items->first, *next, *done = NULL;

	items->last = x;
	for (; x; x = next) {
		next = x->next;
		x->next = done;
		done = x;
	}
	items->first = done;
}

static struct step
page(struct job *j)
{
	struct reading *r = j->state;
	bool more = j->rows->count == PAGE;

	for (size_t i = 0; i < j->rows->count; i++) {
		if (!add_item(j, r, row_str(j->rows, i, 1), row_str(j->rows, i, 2))) {
			more = false;
			break;
		}
		r->before = row_int(j->rows, i, 0);
		r->left--;
	}
	if (more && r->left > 0)
		return ask_page(j);
	turn_around(r->items);
	return iq_result(j, r->pubsub);
}

/* ---- By name ---------------------------------------------------------------------------- */

static struct step
ask_named(struct job *j, const struct xml *asked)
{
	struct ask *asks = ARENA_ARRAY(j->arena, struct ask, xml_count(asked));
	const struct reading *r = j->state;
	size_t n = 0;

	for (const struct xml *x = xml_child(asked, NS_PUBSUB, "item"); x;
		x = xml_next(x, NS_PUBSUB, "item")) {
		struct value *args = ARENA_ARRAY(j->arena, struct value, 3);

		if (!xml_get(x, "id"))
			return pep_error(j, COND_BAD_REQUEST, "item-required");
		if (n == NAMES_MAX)
			return iq_error(j, COND_NOT_ACCEPTABLE, "too many items at once");
		args[0] = of_jid(j->owner);
		args[1] = of_int(r->number);
		args[2] = of_text(xml_get(x, "id"));
		asks[n++] = (struct ask){ &pep_queries[PEP_ITEM_GET], args, 3 };
	}
	return job_query_all(j, named, asks, n);
}

static struct step
named(struct job *j)
{
	struct reading *r = j->state;
	const struct xml *asked = xml_child(iq_child(j), NS_PUBSUB, "items");
	size_t i = 0;

	for (const struct xml *x = xml_child(asked, NS_PUBSUB, "item"); x;
		x = xml_next(x, NS_PUBSUB, "item")) {
		const struct rows *rows = j->results[i++];

		if (rows->count > 0 && !add_item(j, r, row_str(rows, 0, 0), row_str(rows, 0, 1)))
			break;
	}
	return iq_result(j, r->pubsub);
}

/* ---- The request -------------------------------------------------------------------------- */

struct step
pep_items(struct job *j)
{
	const struct xml *asked = xml_child(iq_child(j), NS_PUBSUB, "items");
	const char *max = xml_get(asked, "max_items"), *name = xml_get(asked, "node");
	struct pep_node *n = pep_node_find(j->account, name);
	const struct pep_view *view = pep_view_find(j->host, name);
	struct reading *r = ARENA_NEW(j->arena, struct reading);

	r->left = PEP_ITEMS_MAX;
	r->before = INT64_MAX;
	if (!name)
		return pep_error(j, COND_BAD_REQUEST, "nodeid-required");
	if (max && !str_int(str_of(max), 1, INT64_MAX, &r->left))
		return iq_error(j, COND_BAD_REQUEST, "max_items is not a number");
	if (view)
		return pep_is_own(j) ? view->items(j) : pep_refuse(j, NULL);
	if (!n || !pep_may_read(j->account, n, j->stanza->from))
		return pep_refuse(j, n);
	j->state = r;
	r->number = n->number;
	r->pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");
	r->items = pep_items_xml(j->arena, r->pubsub, NS_PUBSUB, n);
	return xml_child(asked, NS_PUBSUB, "item") ? ask_named(j, asked) : ask_page(j);
}
