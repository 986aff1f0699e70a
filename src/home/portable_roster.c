/*
 * portable_roster.c -- contacts, and requests of subscription that wait for an answer, in files of
 * XEP-0227.
 *
 * Runs on: where a file is written or read.
 */
#include "home/portable.h"
#include "home/roster.h"

#include "xmpp/datetime.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct arriving_roster {
	int64_t version; /* of the newest item; 0: none yet */
};

static const char *const subscriptions[] = {
	[SUB_NONE] = "none", [SUB_TO] = "to", [SUB_FROM] = "from", [SUB_BOTH] = "both"
};

/* ---- Write ------------------------------------------------------------------------------ */

static void
ask(struct leaving *l, struct asks *asks)
{
	struct value owner = of_jid(l->home.jid);

	asks_add(asks, &roster_queries[ROSTER_LOAD_ITEMS], &owner, 1);
	asks_add(asks, &roster_queries[ROSTER_LOAD_PENDING], &owner, 1);
}

static void
write_groups(struct arena *a, struct xml *item, struct str json)
{
	json_t *list = json_loadb(json.p ? json.p : "[]", json.p ? json.n : 2, 0, NULL);

	for (size_t i = 0; i < json_array_size(list); i++)
		xml_add_text(
			a, item, NS_ROSTER, "group", json_string_value(json_array_get(list, i)));
	json_decref(list);
}

/* The columns are those of ROSTER_LOAD_ITEMS. */
static void
write_item(struct leaving *l, const struct rows *rows, size_t i)
{
	struct arena *a = arena_new(0);
	struct xml *item = xml_new(a, NS_ROSTER, "item");
	struct str name = row_str(rows, i, 1);

	xml_attr(a, item, "jid", arena_str(a, row_str(rows, i, 0)));
	xml_attr(a, item, "name", name.n > 0 ? arena_str(a, name) : NULL);
	xml_attr(a, item, "subscription", subscriptions[row_int(rows, i, 2) & 3]);
	xml_attr(a, item, "ask", row_int(rows, i, 3) != 0 ? "subscribe" : NULL);
	xml_attr(a, item, "approved", row_int(rows, i, 4) != 0 ? "true" : NULL);
	write_groups(a, item, row_str(rows, i, 5));
	xml_write(l->out, item, NS_ROSTER);
	buf_put_char(l->out, '\n');
	arena_free(&a);
}

static bool
write(struct leaving *l, const struct rows *const *rows)
{
	buf_put_lit(l->out, "<query xmlns='" NS_ROSTER "'>\n");
	for (size_t i = 0; i < rows[0]->count; i++) {
		if (row_int(rows[0], i, 7) == 0) /* not one that was removed */
			write_item(l, rows[0], i);
	}
	buf_put_lit(l->out, "</query>\n");
	for (size_t i = 0; i < rows[1]->count; i++) {
		AUTO(stanza_unref) const struct stanza *s = stanza_read(row_str(rows[1], i, 1));

		if (!s) /* damaged */
			continue;
		stanza_write_alone(l->out, s);
		buf_put_char(l->out, '\n');
	}
	return false;
}

/* ---- Read -------------------------------------------------------------------------------- */

static const char *
groups_json(struct arena *a, const struct xml *item)
{
	json_t *list = json_array();
	const char *kept;
	char *text;

	for (const struct xml *x = xml_child(item, NULL, "group"); x;
		x = xml_next(x, NULL, "group"))
		json_array_append_new(list, json_string(arena_str(a, xml_text_of(a, x))));
	text = json_dumps(list, JSON_COMPACT);
	kept = arena_text(a, text ? text : "[]");
	free(text);
	json_decref(list);
	return kept;
}

static bool
find_subscription(const char *name, enum subscription *out)
{
	*out = SUB_NONE;
	if (!name)
		return true;
	for (size_t i = 0; i < COUNT(subscriptions); i++) {
		*out = (enum subscription)i;
		if (text_eq(name, subscriptions[i]))
			return true;
	}
	return false;
}

static enum portable_taken
take_item(struct arriving *a, struct arriving_roster *r, const struct xml *x)
{
	const char *text = xml_get(x, "jid"), *name = xml_get(x, "name");
	enum subscription subscription;
	struct jid contact;

	if (!text_eq(x->name, "item"))
		return arriving_refuse(a, "something in the roster that is no contact");
	if (!text || jid_parse(a->arena, str_of(text), &contact) != JID_OK)
		return arriving_refuse(a, "a contact whose address is none");
	if (!find_subscription(xml_get(x, "subscription"), &subscription))
		return arriving_refuse(a, "a contact with an unknown subscription");
	contact = jid_bare(contact);
	if (jid_eq(contact, a->home->jid))
		return arriving_refuse(a, "the account as a contact of itself");
	r->version = r->version == 0 ? roster_first_version() : r->version + 1;
	arriving_add(a, &roster_queries[ROSTER_PUT],
		(const struct value[]){ of_jid(a->home->jid), of_jid(contact),
			of_text(name ? name : ""), of_int(subscription),
			of_int(text_eq(xml_get(x, "ask"), "subscribe")),
			of_int(text_eq(xml_get(x, "approved"), "true")),
			of_text(groups_json(a->arena, x)), of_int(r->version), of_int(0) },
		9);
	return PORTABLE_TAKEN;
}

static enum portable_taken
take_request(struct arriving *a, const struct xml *x)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	AUTO(stanza_unref) const struct stanza *own = NULL;
	AUTO(buf_fini) struct buf text = BUF_INIT;
	struct arena *arena = arena_new(0);
	struct problem why;
	struct jid from;

	s = stanza_parse(&arena, xml_copy(arena, x), JID_NONE, NULL, &why, NULL);
	if (!s || s->type != PRESENCE_SUBSCRIBE || jid_is_none(s->from))
		return arriving_refuse(a, "a presence that is no request of subscription");
	from = jid_bare(s->from);
	own = stanza_readdress(s, from, a->home->jid);
	stanza_write_alone(&text, own);
	arriving_add(a, &roster_queries[PENDING_PUT],
		(const struct value[]){ of_jid(a->home->jid), of_jid(jid_copy(a->arena, from)),
			of_str(buf_str(&text)), of_int(clock_wall()) },
		4);
	return PORTABLE_TAKEN;
}

static enum portable_taken
take(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	return within ? take_item(a, state, x) : take_request(a, x);
}

static void
finish(struct arriving *a, void *state)
{
	const struct arriving_roster *r = state;

	if (r->version != 0)
		arriving_add(a, &roster_queries[ROSTER_PUT_VERSION],
			(const struct value[]){ of_jid(a->home->jid), of_int(r->version) }, 2);
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &roster_queries[PENDING_DELETE_ALL], &owner, 1);
	asks_add(asks, &roster_queries[ROSTER_VERSION_DELETE], &owner, 1);
	asks_add(asks, &roster_queries[ROSTER_DELETE_ALL], &owner, 1);
}

static const struct portable_tag tags[] = {
	{ NS_ROSTER, "query", PORTABLE_CHILDREN },
	{ NS_CLIENT, "presence", PORTABLE_WHOLE },
	{ NULL, NULL, PORTABLE_WHOLE },
};

const struct portable portable_roster = {
	.name = "roster",
	.counted = "contacts and requests",
	.order = 20,
	.tags = tags,
	.state_size = sizeof(struct arriving_roster),
	.ask = ask,
	.write = write,
	.take = take,
	.finish = finish,
	.clear = clear,
};
