/*
 * hats.c -- XEP-0317: roles that a community names itself.
 *
 * The hats of a room and who wears them are one small tree, which is the row's column too.  A change
 * makes another tree, writes it, and then memory is made from it again.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <string.h>

#define HATS_MAX 50
#define WEARERS_MAX 500
#define NODE "urn:xmpp:hats:commands:"
#define FORM_HATS "urn:xmpp:hats:commands"

static step_fn changed;

/* ---- The tree ------------------------------------------------------------------------------------- */

static struct xml *
tree_of(const struct room *room, struct arena *a)
{
	struct xml *tree = xml_new(a, NS_HATS, "hats");

	list_for_each(h, &room->hats, struct hat, link)
	{
		struct xml *hat = xml_add(a, tree, NS_HATS, "hat");

		xml_attr(a, hat, "uri", h->uri);
		xml_attr(a, hat, "title", h->title);
		xml_attr(a, hat, "hue", h->hue);
		list_for_each(w, &room->wearers, struct wearer, link)
		{
			if (w->hat == h)
				xml_attr(a, xml_add(a, hat, NS_HATS, "wearer"), "jid", w->jid);
		}
	}
	return tree;
}

void
hats_drop(struct room *room)
{
	list_for_each(w, &room->wearers, struct wearer, link)
	{
		list_remove(&w->link);
		mem_free(&w->jid);
		mem_free(&w);
	}
	list_for_each(h, &room->hats, struct hat, link)
	{
		list_remove(&h->link);
		mem_free(&h->uri);
		mem_free(&h->title);
		mem_free(&h->hue);
		mem_free(&h);
	}
}

static void
take(struct room *room, const struct xml *tree)
{
	hats_drop(room);
	for (const struct xml *x = xml_child(tree, NS_HATS, "hat"); x;
		x = xml_next(x, NS_HATS, "hat")) {
		struct hat *h = MEM_NEW(struct hat);

		h->uri = mem_copy_text(xml_get(x, "uri"));
		h->title = mem_copy_text(xml_get(x, "title"));
		h->hue = mem_copy_text(xml_get(x, "hue"));
		list_append(&room->hats, &h->link);
		xml_for_each(y, x)
		{
			struct wearer *w = MEM_NEW(struct wearer);

			w->jid = mem_copy_text(xml_get(y, "jid"));
			w->hat = h;
			list_append(&room->wearers, &w->link);
		}
	}
}

/* It is kept inside a stanza, which is what can be read. */
void
hats_restore(struct room *room, struct str stored)
{
	AUTO(stanza_unref) const struct stanza *s = stored.n > 0 ? stanza_read(stored) : NULL;

	if (s && s->children)
		take(room, s->children);
}

static struct str
written(struct arena *a, const struct room *room, const struct xml *tree)
{
	struct arena *own = arena_new(0);
	AUTO(stanza_unref)
	const struct stanza *s = stanza_new(&own, STANZA_MESSAGE, MESSAGE_NORMAL, room->home.jid,
		room->home.jid, NULL, xml_copy(own, tree));
	AUTO(buf_fini) struct buf b = BUF_INIT;

	stanza_write_alone(&b, s);
	return (struct str){ arena_str(a, buf_str(&b)), buf_len(&b) };
}

/* ---- Shown ------------------------------------------------------------------------------------------ */

struct xml *
hats_of(const struct room *room, struct arena *a, struct jid bare)
{
	struct xml *hats = NULL, *x;

	list_for_each(w, &room->wearers, struct wearer, link)
	{
		if (!str_is(jid_bare_str(bare), w->jid))
			continue;
		hats = hats ? hats : xml_new(a, NS_HATS, "hats");
		x = xml_add(a, hats, NS_HATS, "hat");
		xml_attr(a, x, "title", w->hat->title);
		xml_attr(a, x, "uri", w->hat->uri);
		xml_attr(a, x, "hue", w->hat->hue);
	}
	return hats;
}

const char *
hats_hash(const struct room *room, struct arena *a)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	uint8_t digest[DIGEST_MAX];

	list_for_each(h, &room->hats, struct hat, link)
		buf_printf(&b, "%s\n%s\n%s\n", h->uri, h->title, h->hue ? h->hue : "");
	if (buf_len(&b) == 0)
		return NULL;
	digest_of(DIGEST_SHA1, buf_str(&b), digest);
	return hex_encode(a, digest, digest_size(DIGEST_SHA1));
}

/* ---- Commands (XEP-0050) --------------------------------------------------------------------------------- */

struct change {
	struct xml *tree;
	const char *uri; /* the hat that it is about */
	const char *jid; /* who alone is concerned; or NULL */
	bool of_list; /* the list of hats changed: status 104 */
};

struct hat_command {
	const char *node, *name;
	const char *fields[3]; /* of its form, required first */
	struct step (*run)(struct job *j, const struct form *f, struct change *c);
};

static struct xml *
find_hat(const struct xml *tree, const char *uri)
{
	for (struct xml *x = tree->first; x; x = x->next)
		if (text_eq(xml_get(x, "uri"), uri))
			return x;
	return NULL;
}

static struct step
write_change(struct job *j, struct change *c)
{
	const struct room *room = room_of(j->home);
	struct ask ask = room_ask(j->arena, ROOM_SET_HATS,
		ARGS(of_str(written(j->arena, room, c->tree)), of_jid(room->home.jid)));

	j->state = c;
	return room_write(j, changed, &ask, 1);
}

static struct xml *
completed(struct job *j)
{
	struct xml *x = xml_new(j->arena, NS_COMMANDS, "command");
	char id[RAND_ID_SIZE];
	const char *session = xml_get(iq_child(j), "sessionid");

	rand_id(id);
	xml_attr(j->arena, x, "node", xml_get(iq_child(j), "node"));
	xml_attr(j->arena, x, "sessionid", session ? session : id);
	xml_attr(j->arena, x, "status", "completed");
	return x;
}

static struct step
changed(struct job *j)
{
	struct room *room = room_of(j->home);
	const struct change *c = j->state;
	struct step answered = iq_result(j, completed(j));
	static const unsigned codes[] = { 104, 0 };

	for_each_occupant(o, room) o->hatted = hats_wears(room, o->bare, c->uri);
	take(room, c->tree);
	if (c->of_list)
		room_announce(room, codes);
	for_each_occupant(o, room)
	{
		if ((o->hatted || hats_wears(room, o->bare, c->uri)) &&
			(!c->jid || str_is(jid_full(o->bare), c->jid)))
			presence_broadcast(room, o, NULL, NULL, NULL);
	}
	return answered;
}

bool
hats_wears(const struct room *room, struct jid bare, const char *uri)
{
	list_for_each(w, &room->wearers, struct wearer, link)
	{
		if (text_eq(w->hat->uri, uri) && str_is(jid_bare_str(bare), w->jid))
			return true;
	}
	return false;
}

static struct step
create(struct job *j, const struct form *f, struct change *c)
{
	struct xml *old = find_hat(c->tree, c->uri), *hat;
	const char *title = form_value(f, "hats#title"), *hue = form_value(f, "hats#hue");

	if (!title || !*title || str_of(title).n > 255 || str_of(c->uri).n > 1000 ||
		(hue && str_of(hue).n > 32))
		return iq_error(j, COND_NOT_ACCEPTABLE, "a hat needs a title and a URI");
	if (!old && xml_count(c->tree) >= HATS_MAX)
		return iq_error(j, COND_RESOURCE_CONSTRAINT, "there are too many hats");
	hat = old ? old : xml_add(j->arena, c->tree, NS_HATS, "hat");
	hat->attrs = NULL;
	xml_attr(j->arena, hat, "uri", c->uri);
	xml_attr(j->arena, hat, "title", title);
	xml_attr(j->arena, hat, "hue", hue);
	c->of_list = true;
	return write_change(j, c);
}

/* The tree without one of parent's children. */
static void
cut(struct xml *parent, const struct xml *child)
{
	struct xml *rest = parent->first, *next;

	parent->first = parent->last = NULL;
	for (; rest; rest = next) {
		next = rest->next;
		rest->next = NULL;
		if (rest != child)
			xml_adopt(parent, rest);
	}
}

static struct step
destroy(struct job *j, const struct form *f, struct change *c)
{
	const struct xml *hat = find_hat(c->tree, c->uri);

	(void)f;
	if (!hat)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such hat");
	cut(c->tree, hat);
	c->of_list = true;
	return write_change(j, c);
}

static const struct xml *
find_wearer(const struct xml *hat, const char *jid)
{
	xml_for_each(x, hat)
	{
		if (text_eq(xml_get(x, "jid"), jid))
			return x;
	}
	return NULL;
}

/* The hat and the address that the form names; NULL: *why. */
static struct xml *
read_wearer(struct job *j, const struct form *f, struct change *c, struct problem *why)
{
	struct xml *hat = find_hat(c->tree, c->uri);
	const char *text = form_value(f, "hats#jid");
	struct jid who;

	if (!text || jid_parse(j->arena, str_of(text), &who) != JID_OK || who.local == 0) {
		(void)problem(why, COND_JID_MALFORMED, "whose hat it is is no address");
		return NULL;
	}
	c->jid = arena_str(j->arena, jid_bare_str(who));
	if (!hat)
		(void)problem(why, COND_ITEM_NOT_FOUND, "there is no such hat");
	return hat;
}

static size_t
wearers_of(const struct xml *tree)
{
	size_t n = 0;

	xml_for_each(x, tree)
	{
		n += xml_count(x);
	}
	return n;
}

static struct step
assign(struct job *j, const struct form *f, struct change *c)
{
	struct problem why = { COND_NONE, NULL };
	struct xml *hat = read_wearer(j, f, c, &why);

	if (!hat)
		return iq_refuse(j, &why);
	if (wearers_of(c->tree) >= WEARERS_MAX)
		return iq_error(j, COND_RESOURCE_CONSTRAINT, "too many hats are worn");
	if (!find_wearer(hat, c->jid))
		xml_attr(j->arena, xml_add(j->arena, hat, NS_HATS, "wearer"), "jid", c->jid);
	return write_change(j, c);
}

static struct step
unassign(struct job *j, const struct form *f, struct change *c)
{
	struct problem why = { COND_NONE, NULL };
	struct xml *hat = read_wearer(j, f, c, &why);
	const struct xml *w = hat ? find_wearer(hat, c->jid) : NULL;

	if (!hat)
		return iq_refuse(j, &why);
	if (!w)
		return iq_error(j, COND_ITEM_NOT_FOUND, "he does not wear it");
	cut(hat, w);
	return write_change(j, c);
}

static void
add_row(struct arena *a, struct xml *form, const struct hat *h, const char *jid)
{
	struct xml *row = form_row(a, form, "item");

	if (jid)
		form_add(a, row, FORM_UNTYPED, "hats#jid", jid);
	form_add(a, row, FORM_UNTYPED, "hats#title", h->title);
	form_add(a, row, FORM_UNTYPED, "hats#uri", h->uri);
	form_add(a, row, FORM_UNTYPED, "hats#hue", h->hue ? h->hue : "");
}

static struct step
list_answer(struct job *j, bool assigned)
{
	const struct room *room = room_of(j->home);
	struct xml *answer = completed(j), *form = form_new(j->arena, FORM_RESULT, FORM_HATS),
		   *head = form_row(j->arena, form, "reported");

	if (assigned)
		form_add(j->arena, head, FORM_UNTYPED, "hats#jid", NULL);
	form_add(j->arena, head, FORM_UNTYPED, "hats#title", NULL);
	form_add(j->arena, head, FORM_UNTYPED, "hats#uri", NULL);
	form_add(j->arena, head, FORM_UNTYPED, "hats#hue", NULL);
	list_for_each(h, &room->hats, struct hat, link)
	{
		if (!assigned)
			add_row(j->arena, form, h, NULL);
	}
	list_for_each(w, &room->wearers, struct wearer, link)
	{
		if (assigned)
			add_row(j->arena, form, w->hat, w->jid);
	}
	xml_adopt(answer, form);
	return iq_result(j, answer);
}

static struct step
list(struct job *j, const struct form *f, struct change *c)
{
	(void)f;
	(void)c;
	return list_answer(j, false);
}

static struct step
list_assigned(struct job *j, const struct form *f, struct change *c)
{
	(void)f;
	(void)c;
	return list_answer(j, true);
}

static const struct hat_command commands[] = {
	{ NODE "create", "Create or change a hat", { "hats#title", "hats#uri", "hats#hue" },
		create },
	{ NODE "destroy", "Destroy a hat", { "hats#uri" }, destroy },
	{ NODE "assign", "Give somebody a hat", { "hats#jid", "hats#uri" }, assign },
	{ NODE "unassign", "Take somebody's hat", { "hats#jid", "hats#uri" }, unassign },
	{ NODE "list", "List the hats", { NULL }, list },
	{ NODE "list-assigned", "List who wears which hat", { NULL }, list_assigned },
	{ NULL, NULL, { NULL }, NULL },
};

static const struct hat_command *
command_of(const char *node)
{
	for (const struct hat_command *c = commands; c->node; c++)
		if (text_eq(c->node, node))
			return c;
	return NULL;
}

bool
hats_is_command(const char *node)
{
	return command_of(node) != NULL;
}

struct step
hats_info(struct job *j, struct xml *query)
{
	const struct hat_command *c = command_of(xml_get(iq_child(j), "node"));
	struct xml *i = xml_add(j->arena, query, NS_DISCO_INFO, "identity");

	xml_attr(j->arena, i, "category", "automation");
	xml_attr(j->arena, i, "type", "command-node");
	xml_attr(j->arena, i, "name", c->name);
	return iq_result(j, query);
}

void
hats_items(struct job *j, struct xml *query)
{
	for (const struct hat_command *c = commands; c->node; c++) {
		struct xml *x = xml_add(j->arena, query, NS_DISCO_ITEMS, "item");

		xml_attr(j->arena, x, "jid", jid_text(j->arena, j->owner));
		xml_attr(j->arena, x, "node", c->node);
		xml_attr(j->arena, x, "name", c->name);
	}
}

/* The form of a command that was called without one. */
static struct step
ask_for(struct job *j, const struct hat_command *c)
{
	const struct room *room = room_of(j->home);
	struct xml *x = completed(j), *form = form_new(j->arena, FORM_FORM, FORM_HATS), *field;

	x->attrs = NULL;
	xml_attr(j->arena, x, "node", c->node);
	xml_attr(j->arena, x, "sessionid", c->node + strlen(NODE));
	xml_attr(j->arena, x, "status", "executing");
	form_head(j->arena, form, c->name, NULL);
	for (size_t i = 0; i < COUNT(c->fields) && c->fields[i]; i++) {
		bool chosen = text_eq(c->fields[i], "hats#uri") && c->run != create;

		field = form_add(j->arena, form,
			chosen				    ? FORM_LIST_SINGLE
			: text_eq(c->fields[i], "hats#jid") ? FORM_JID_SINGLE
							    : FORM_TEXT_SINGLE,
			c->fields[i], NULL);
		list_for_each(h, &room->hats, struct hat, link)
		{
			if (chosen)
				form_add_option(j->arena, field, h->title, h->uri);
		}
		if (!text_eq(c->fields[i], "hats#hue"))
			form_require(j->arena, field);
	}
	xml_adopt(x, form);
	return iq_result(j, x);
}

struct step
hats_command(struct job *j)
{
	const struct room *room = room_of(j->home);
	const struct xml *child = iq_child(j);
	const struct hat_command *c = command_of(xml_get(child, "node"));
	struct change *change = ARENA_NEW(j->arena, struct change);
	struct standing who = standing_of(room, j->stanza->from);
	struct problem why = { COND_NONE, NULL };
	struct form form;

	if (!c)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such command");
	if (!may(room->config, MAY_EDIT_MODERATORS, who.role, who.affiliation))
		return iq_error(j, COND_FORBIDDEN, NULL);
	if (text_eq(xml_get(child, "action"), "cancel"))
		return iq_result(j, completed(j));
	if (c->fields[0] && !xml_child(child, NS_DATA_FORM, "x"))
		return ask_for(j, c);
	change->tree = tree_of(room, j->arena);
	if (!c->fields[0])
		return c->run(j, NULL, change);
	if (!form_submitted(j->arena, child, &form, &why))
		return iq_refuse(j, &why);
	change->uri = form_value(&form, "hats#uri");
	if (!change->uri)
		change->uri = form_value(&form, "hat");
	if (!change->uri || !*change->uri)
		return iq_error(j, COND_BAD_REQUEST, "which hat?");
	return c->run(j, &form, change);
}
