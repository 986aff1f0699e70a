/*
 * bookmarks.c -- XEP-0402, and the two older ways to the same bookmarks (XEP-0048).
 *
 * Bookmarks are the items of one node, an item for each room.  The old ways, one element in private
 * XML (XEP-0049) and one item of the node storage:bookmarks, are views: whoever reads them gets a
 * list that is made of the items, and whoever writes a list changes those items that differ.  So
 * there is nothing that could disagree.
 *
 * A list of the old kind has no extensions; what a room has of them survives when an old client
 * writes the list.  Elements that are no rooms (bookmarks of pages) stay in private XML.
 *
 * Runs on: the account's home.
 */
#include "modules/bookmarks.h"

#include "modules/pep/pep.h"

#define NS_NATIVE "urn:xmpp:bookmarks:1"
/* The one item of the old node (XEP-0048 3.2). */
#define CURRENT "current"

struct bookmarks {
	bool telling; /* a job is about to tell those who want the old list */
};

MODULE_SLOT(struct bookmarks)

static step_fn read, write, written, list_ready, tell, told;

static bool
is_on(const struct host *h)
{
	return host_runs(h, module_state_.index) && pep_is_on(h);
}

bool
bookmarks_has(const struct host *h, const struct xml *x)
{
	return xml_is(x, NS_BOOKMARKS, "storage") && is_on(h);
}

/* ---- One room ----------------------------------------------------------------------------------- */

/* A copy in which names of one namespace are in the other. */
static struct xml *
cast(struct arena *a, const struct xml *x, const char *from, const char *to)
{
	struct xml *out;

	if (!x->name)
		return xml_copy(a, x);
	out = xml_new(a, text_eq(x->ns, from) ? to : x->ns, x->name);
	for (const struct xml_attr *at = x->attrs; at; at = at->next)
		xml_attr_ns(a, out, at->ns, at->name, at->value);
	for (const struct xml *c = x->first; c; c = c->next)
		xml_adopt(out, cast(a, c, from, to));
	return out;
}

static bool
joins(const struct xml *room)
{
	bool yes = false;

	return form_bool(xml_get(room, "autojoin"), &yes) && yes;
}

static bool
same_text(struct arena *a, const struct xml *one, const struct xml *other, const char *name)
{
	const struct xml *x = xml_child(one, NS_NATIVE, name);
	const struct xml *y = xml_child(other, NS_NATIVE, name);

	return str_eq(x ? xml_text_of(a, x) : STR_NONE, y ? xml_text_of(a, y) : STR_NONE);
}

/* Both say the same of what an old list can say. */
static bool
same_room(struct arena *a, const struct xml *one, const struct xml *other)
{
	const char *x = xml_get(one, "name"), *y = xml_get(other, "name");

	return text_eq(x ? x : "", y ? y : "") && joins(one) == joins(other) &&
	       same_text(a, one, other, "nick") && same_text(a, one, other, "password");
}

/* A room of an old list as an item's payload; was: what the item held, or NULL. */
static struct xml *
native_room(struct arena *a, const struct xml *conference, const struct xml *was)
{
	struct xml *room = xml_new(a, NS_NATIVE, "conference");
	const struct xml *extensions = was ? xml_child(was, NS_NATIVE, "extensions") : NULL;

	xml_attr(a, room, "name", xml_get(conference, "name"));
	xml_attr(a, room, "autojoin", joins(conference) ? "true" : NULL);
	for (const struct xml *x = conference->first; x; x = x->next) {
		if (x->name)
			xml_adopt(room, cast(a, x, NS_BOOKMARKS, NS_NATIVE));
	}
	if (extensions && !xml_child(room, NS_NATIVE, "extensions"))
		xml_adopt(room, xml_copy(a, extensions));
	return room;
}

/* ---- The list, made of the items ------------------------------------------------------------------ */

struct reading {
	const struct xml *kept; /* or NULL */
	const struct xml **out;
	step_fn *next;
	void *state;
};

static struct step
ask_all(struct job *j, step_fn *next)
{
	struct value args[4];
	struct ask ask = pep_ask_all(j->account, NS_NATIVE, args);

	return job_query_all(j, next, &ask, 1);
}

struct step
bookmarks_read(struct job *j, const struct xml *kept, const struct xml **out, step_fn *next)
{
	struct reading *r = ARENA_NEW(j->arena, struct reading);

	*r = (struct reading){ kept, out, next, j->state };
	*out = kept;
	if (!pep_node_find(j->account, NS_NATIVE)) /* nobody published yet */
		return next(j);
	j->state = r;
	return ask_all(j, read);
}

static struct xml *
make_list(struct arena *a, const struct rows *rows, const struct xml *kept)
{
	struct xml *list = xml_new(a, NS_BOOKMARKS, "storage");

	for (size_t i = 0; i < rows->count; i++) {
		const struct xml *item = kept_read(a, row_str(rows, i, 1));
		struct xml *room;

		if (!xml_is(item, NS_NATIVE, "conference"))
			continue;
		room = cast(a, item, NS_NATIVE, NS_BOOKMARKS);
		xml_attr(a, room, "jid", arena_str(a, row_str(rows, i, 0)));
		xml_adopt(list, room);
	}
	for (const struct xml *x = kept ? kept->first : NULL; x; x = x->next) {
		if (x->name && !xml_is(x, NS_BOOKMARKS, "conference"))
			xml_adopt(list, xml_copy(a, x));
	}
	return list;
}

static struct step
read(struct job *j)
{
	const struct reading *r = j->state;

	*r->out = make_list(j->arena, j->rows, r->kept);
	j->state = r->state;
	return r->next(j);
}

/* ---- The items, changed to what a list says --------------------------------------------------------- */

struct writing {
	const struct xml *list;
	struct pep_config config;
	struct pep_change change;
	step_fn *next;
	void *state;
};

struct step
bookmarks_write(struct job *j, const struct xml *x, step_fn *next)
{
	struct writing *w = ARENA_NEW(j->arena, struct writing);

	w->list = x;
	w->next = next;
	w->state = j->state;
	j->state = w;
	return ask_all(j, write);
}

/* A room of the list. */
struct room {
	struct hash_node by_name;
	struct room *next;
	const struct xml *conference, *was; /* was: the item's payload, or NULL */
};

struct rooms {
	struct hash by_name;
	struct room *first, **last; /* in the list's order */
};

static void
add_op(struct writing *w, const char *item, const struct xml *payload)
{
	w->change.ops[w->change.count++] = (struct pep_op){ .item = item, .payload = payload };
}

/* Its rooms by their addresses; who is named twice counts once. */
static void
read_list(struct arena *a, const struct xml *list, struct rooms *rooms)
{
	for (const struct xml *x = xml_child(list, NS_BOOKMARKS, "conference"); x;
		x = xml_next(x, NS_BOOKMARKS, "conference")) {
		const char *text = xml_get(x, "jid");
		struct jid jid = JID_NONE;
		struct room *room;

		if (!text || jid_parse(a, str_of(text), &jid) != JID_OK ||
			hash_find(&rooms->by_name, jid_full(jid)))
			continue;
		room = ARENA_NEW(a, struct room);
		room->conference = x;
		hash_add(&rooms->by_name, &room->by_name, jid_full(jid));
		*rooms->last = room;
		rooms->last = &room->next;
	}
}

/* Retracts what is not in the list, and remembers what is. */
static void
compare_items(struct job *j, struct writing *w, const struct rooms *rooms)
{
	for (size_t i = 0; i < j->rows->count; i++) {
		struct str item = row_str(j->rows, i, 0);
		struct hash_node *n = hash_find(&rooms->by_name, item);

		if (n)
			CONTAINER(n, struct room, by_name)->was =
				kept_read(j->arena, row_str(j->rows, i, 1));
		else
			add_op(w, arena_str(j->arena, item), NULL);
	}
}

static void
publish_rooms(struct job *j, struct writing *w, const struct rooms *rooms)
{
	for (const struct room *room = rooms->first; room; room = room->next) {
		const struct xml *is = native_room(j->arena, room->conference, room->was);

		if (!room->was || !same_room(j->arena, is, room->was))
			add_op(w, arena_str(j->arena, room->by_name.key), is);
	}
}

static struct step
write(struct job *j)
{
	struct writing *w = j->state;
	struct rooms rooms = { .first = NULL };

	rooms.last = &rooms.first;
	hash_init(&rooms.by_name);
	read_list(j->arena, w->list, &rooms);
	w->config = pep_config_private(j->arena);
	w->change = (struct pep_change){ .node = NS_NATIVE,
		.config = &w->config,
		.ops = ARENA_ARRAY(
			j->arena, struct pep_op, rooms.by_name.count + j->rows->count + 1),
		.next = written };
	compare_items(j, w, &rooms);
	publish_rooms(j, w, &rooms);
	hash_fini(&rooms.by_name);
	return w->change.count > 0 ? pep_change(j, &w->change) : written(j);
}

static struct step
written(struct job *j)
{
	const struct writing *w = j->state;

	j->state = w->state;
	return w->next(j);
}

/* ---- The old node ----------------------------------------------------------------------------------- */

struct answer {
	const struct xml *list;
};

static struct step
view_items(struct job *j)
{
	struct answer *a = ARENA_NEW(j->arena, struct answer);

	j->state = a;
	return bookmarks_read(j, NULL, &a->list, list_ready);
}

static struct step
list_ready(struct job *j)
{
	const struct answer *a = j->state;
	struct xml *pubsub = xml_new(j->arena, NS_PUBSUB, "pubsub");
	struct xml *items = xml_add(j->arena, pubsub, NS_PUBSUB, "items");

	xml_attr(j->arena, items, "node", NS_BOOKMARKS);
	if (a->list)
		pep_item_xml(j->arena, items, NS_PUBSUB, CURRENT, a->list);
	return iq_result(j, pubsub);
}

static struct step
view_publish(struct job *j, const struct xml *payload, step_fn *next)
{
	if (!xml_is(payload, NS_BOOKMARKS, "storage"))
		return pep_error(j, COND_BAD_REQUEST, "invalid-payload");
	return bookmarks_write(j, payload, next);
}

/* ---- Files of other servers (XEP-0227) ---------------------------------------------------------------- */

static void
convert(struct arena *a, const struct xml *list,
	void (*add)(void *ctx, const char *item, const struct xml *payload), void *ctx)
{
	struct rooms rooms = { .first = NULL };

	rooms.last = &rooms.first;
	hash_init(&rooms.by_name);
	read_list(a, list, &rooms);
	for (const struct room *room = rooms.first; room; room = room->next)
		add(ctx, arena_str(a, room->by_name.key), native_room(a, room->conference, NULL));
	hash_fini(&rooms.by_name);
}

static const struct pep_view view = {
	.node = NS_BOOKMARKS,
	.is_on = is_on,
	.items = view_items,
	.publish = view_publish,
	.made_of = NS_NATIVE,
	.convert = convert,
};

void
bookmarks_arrive(struct arriving *a, const struct xml *x)
{
	pep_arrive(a, &view, x);
}

/* ---- Events ---------------------------------------------------------------------------------------------- */

/* A room changed: those who want the old list get it, once for all that changes now. */
static enum verdict
on_published(struct pep_event *ev)
{
	struct bookmarks *b = slot_of(ev->account);

	if (b->telling || !text_eq(ev->node, NS_NATIVE) ||
		!pep_is_wanted(ev->account, NS_BOOKMARKS))
		return PASS;
	b->telling = true;
	job_start(ev->account, NULL, NULL, NULL, tell);
	return PASS;
}

static struct step
tell(struct job *j)
{
	struct value args[4];
	struct ask ask = pep_ask_all(j->account, NS_NATIVE, args);

	return job_query_else(j, told, &ask, 1);
}

static struct step
told(struct job *j)
{
	struct arena *arena;
	struct xml *event, *items;

	slot_of(j->account)->telling = false;
	if (j->outcome != STORE_OK)
		return job_done(j);
	arena = arena_new(0);
	event = pep_event_new(arena);
	items = xml_add(arena, event, NS_PUBSUB_EVENT, "items");
	xml_attr(arena, items, "node", NS_BOOKMARKS);
	pep_item_xml(arena, items, NS_PUBSUB_EVENT, CURRENT, make_list(j->arena, j->rows, NULL));
	pep_tell_own(j->account, NS_BOOKMARKS, &arena, event);
	return job_done(j);
}

static enum verdict
on_disco_info(struct disco_event *ev)
{
	pep_add_feature(ev, NS_NATIVE "#compat");
	pep_add_feature(ev, NS_NATIVE "#compat-pep");
	return PASS;
}

/* ---- The module --------------------------------------------------------------------------------------- */

static const struct slot slot = { .size = sizeof(struct bookmarks) };

static bool
start(struct err *e)
{
	(void)e;
	pep_view_add(&view);
	return true;
}

MODULE(bookmarks) = {
	IDENTITY(bookmarks),
	.summary =
		"Makes bookmarks in private XML and in one item the same as those in an item each",
	.xeps = XEPS({ 48, "1.2", XEP_COMPLETE, NULL }, { 402, "1.2.0", XEP_COMPLETE, NULL }),
	.hooks =
		(const struct hook[]){
			ON(pep_published, ORDER_NORMAL, on_published),
			ON(disco_info, ORDER_NORMAL, on_disco_info),
			END_HOOKS,
		},
	.slot = &slot,
	.start = start,
};
