/*
 * items.c -- reading items (XEP-0060 6.5).
 *
 * A node is read backwards from its newest item in pages, so that the worker is never busy for
 * long; the answer has its items in the order in which they were published.  What is more than one
 * answer should hold is left out, and then the answer says which items it has (XEP-0059).  Who asks
 * for a page gets that page, by one statement; the first is that of the oldest items.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

#include "xep/rsm.h"

#define PAGE 100
/* Items in a page that was asked for. */
#define PAGE_MAX 1000
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
	struct rsm rsm; /* of a page that was asked for */
};

static step_fn page, named, page_bounded, page_ready;

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

/* Which items the answer has. */
static void
add_set(struct job *j, struct reading *r, int64_t count)
{
	const struct xml *first = r->items->first, *last = r->items->last;

	xml_adopt(r->pubsub, rsm_write(j->arena, first ? xml_get(first, "id") : NULL,
				     last ? xml_get(last, "id") : NULL, count));
}

static struct step
page(struct job *j)
{
	struct reading *r = j->state;
	bool more = j->rows->count == PAGE, full = false;

	for (size_t i = 0; i < j->rows->count && !full; i++) {
		full = !add_item(j, r, row_str(j->rows, i, 1), row_str(j->rows, i, 2));
		r->before = row_int(j->rows, i, 0);
		r->left--;
	}
	if (more && !full && r->left > 0)
		return ask_page(j);
	turn_around(r->items);
	if (full)
		add_set(j, r, -1);
	return iq_result(j, r->pubsub);
}

/* ---- A page that was asked for ------------------------------------------------------------- */

static const char *
bound_of(const struct rsm *rsm)
{
	return rsm->after ? rsm->after : rsm->before && rsm->before[0] ? rsm->before : NULL;
}

/* From that id on, forwards or backwards, and how many items there are. */
static struct step
ask_bounded(struct job *j, int64_t id)
{
	const struct reading *r = j->state;
	int64_t max = r->rsm.has_max && r->rsm.max < PAGE_MAX ? r->rsm.max : PAGE_MAX;
	struct value args[] = { of_jid(j->owner), of_int(r->number), of_int(id), of_int(max) };

	return job_query_all(j, page_ready,
		(const struct ask[]){
			{ &pep_queries[r->rsm.before ? PEP_PAGE : PEP_PAGE_AFTER], args, 4 },
			{ &pep_queries[PEP_COUNT], args, 2 } },
		2);
}

static struct step
ask_set(struct job *j)
{
	const struct reading *r = j->state;
	const char *bound = bound_of(&r->rsm);

	if (!bound)
		return ask_bounded(j, r->rsm.before ? INT64_MAX : 0);
	return job_query(j, page_bounded, &pep_queries[PEP_ITEM_ID],
		ARGS(of_jid(j->owner), of_int(r->number), of_text(bound)));
}

static struct step
page_bounded(struct job *j)
{
	if (j->rows->count == 0)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such item");
	return ask_bounded(j, row_int(j->rows, 0, 0));
}

static struct step
page_ready(struct job *j)
{
	struct reading *r = j->state;
	const struct rows *rows = j->results[0], *count = j->results[1];

	for (size_t i = 0; i < rows->count; i++) {
		if (!add_item(j, r, row_str(rows, i, 1), row_str(rows, i, 2)))
			break;
	}
	if (r->rsm.before)
		turn_around(r->items);
	add_set(j, r, count->count > 0 ? row_int(count, 0, 0) : 0);
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
	struct problem why;

	r->left = PEP_ITEMS_MAX;
	r->before = INT64_MAX;
	if (!name)
		return pep_error(j, COND_BAD_REQUEST, "nodeid-required");
	if (max && !str_int(str_of(max), 1, INT64_MAX, &r->left))
		return iq_error(j, COND_BAD_REQUEST, "max_items is not a number");
	if (!rsm_read(j->arena, iq_child(j), &r->rsm, &why))
		return iq_refuse(j, &why);
	if (view)
		return pep_is_own(j) ? view->items(j) : pep_refuse(j, NULL);
	if (!n || !pep_may_read(j->account, n, j->stanza->from))
		return pep_refuse(j, n);
	j->state = r;
	r->number = n->number;
	r->pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");
	r->items = pep_items_xml(j->arena, r->pubsub, NS_PUBSUB, n);
	if (xml_child(asked, NS_PUBSUB, "item"))
		return ask_named(j, asked);
	return r->rsm.has_max || r->rsm.after || r->rsm.before ? ask_set(j) : ask_page(j);
}
