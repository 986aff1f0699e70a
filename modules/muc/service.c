/*
 * service.c -- what is asked of the service that has the rooms (XEP-0045 6.1 to 6.3, XEP-0433).
 *
 * Rooms are found in the store, not in memory: most of them are asleep.
 *
 * Runs on: the worker that routes.
 */
#include "modules/muc/muc.h"

#include <string.h>

#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_SEARCH "urn:xmpp:channel-search:0:search"
#define NS_SEARCH_ERROR "urn:xmpp:channel-search:0:error"
#define FORM_SEARCH "urn:xmpp:channel-search:0:search-params"
#define KEY_ADDRESS "{urn:xmpp:channel-search:0:order}address"
#define KEY_USERS "{urn:xmpp:channel-search:0:order}nusers"
#define PAGE 100

static step_fn info, items, items_page, ping, search, search_page, subscriptions,
	subscriptions_list;

static const struct iq_handler handlers[] = {
	{ NS_DISCO_INFO, "query", ON_GET, 0, info },
	{ NS_DISCO_ITEMS, "query", ON_GET, 0, items },
	{ NS_PING, "ping", ON_GET, 0, ping },
	{ NS_SEARCH, "search", ON_GET, 0, search },
	{ NS_MUCSUB, "subscriptions", ON_GET, 0, subscriptions },
	END_IQS,
};

void
muc_service(
	struct worker *w, const struct host *host, const struct stanza *s, const struct receipt *r)
{
	const struct iq_handler *h = handlers;

	if (s->kind != STANZA_IQ || !stanza_is_request(s) || jid_is_full(s->to)) {
		route_refuse(w, s, COND_SERVICE_UNAVAILABLE, r);
		return;
	}
	while (h->ns && !(s->type == IQ_GET && xml_is(s->children, h->ns, h->name)))
		h++;
	if (!h->ns) {
		route_bounce(w, s, COND_SERVICE_UNAVAILABLE, NULL, r);
		return;
	}
	job_start_iq(w, host, NULL, s, r, h->handle);
}

static struct step
ping(struct job *j)
{
	return iq_result(j, NULL);
}

/* ---- What it is ------------------------------------------------------------------------------------ */

static struct step
info(struct job *j)
{
	static const char *const features[] = { NS_MUC, NS_DISCO_INFO, NS_DISCO_ITEMS, NS_RSM,
		NS_PING, NS_VCARD, NS_OCCUPANT_ID, NS_MUC "#stable_id", NS_MUCSUB };
	const struct muc_options *o = muc_options(j->host);
	struct xml *query = xml_new(j->arena, NS_DISCO_INFO, "query"),
		   *i = xml_add(j->arena, query, NS_DISCO_INFO, "identity");

	if (xml_get(iq_child(j), "node"))
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	xml_attr(j->arena, i, "category", "conference");
	xml_attr(j->arena, i, "type", "text");
	xml_attr(j->arena, i, "name", o->name);
	for (size_t f = 0; f < COUNT(features); f++)
		xml_attr(j->arena, xml_add(j->arena, query, NS_DISCO_INFO, "feature"), "var",
			features[f]);
	if (o->search)
		xml_attr(j->arena, xml_add(j->arena, query, NS_DISCO_INFO, "feature"), "var",
			NS_SEARCH);
	return iq_result(j, query);
}

/* ---- Pages ------------------------------------------------------------------------------------------- */

/* The <set/> of a request: rows after that, at most that many. */
struct page {
	const char *after;
	int64_t max;
};

static struct page
read_page(struct job *j)
{
	const struct xml *set = xml_child(iq_child(j), NS_RSM, "set");
	const struct xml *max = xml_child(set, NS_RSM, "max"),
			 *after = xml_child(set, NS_RSM, "after");
	struct page p = { "", PAGE };
	int64_t n;

	if (max && str_int(xml_text_of(j->arena, max), 0, INT32_MAX, &n) && n < PAGE)
		p.max = n;
	if (after)
		p.after = arena_str(j->arena, xml_text_of(j->arena, after));
	return p;
}

static void
add_set(struct job *j, struct xml *to, const char *first, const char *last)
{
	struct xml *set = xml_add(j->arena, to, NS_RSM, "set");

	if (first)
		xml_add_text(j->arena, set, NS_RSM, "first", first);
	if (last)
		xml_add_text(j->arena, set, NS_RSM, "last", last);
}

/* ---- Which rooms there are ------------------------------------------------------------------------------ */

static struct step
items(struct job *j)
{
	struct page *p = ARENA_NEW(j->arena, struct page);

	if (xml_get(iq_child(j), "node"))
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	*p = read_page(j);
	j->state = p;
	return job_query(j, items_page, &room_queries[ROOM_LIST_PUBLIC],
		ARGS(of_str(jid_domain(j->stanza->to)), of_text(p->after), of_int(p->max + 1)));
}

static struct step
items_page(struct job *j)
{
	const struct page *p = j->state;
	struct xml *query = xml_new(j->arena, NS_DISCO_ITEMS, "query");
	size_t count = j->rows->count;
	bool more = count > (size_t)p->max;

	count -= more;
	for (size_t i = 0; i < count; i++) {
		struct str room = row_str(j->rows, i, 0), title = row_str(j->rows, i, 1);
		struct xml *item = xml_add(j->arena, query, NS_DISCO_ITEMS, "item");

		if (title.n == 0)
			title = (struct str){ room.p, (size_t)(str_find(room, '@') - room.p) };
		xml_attr(j->arena, item, "jid", arena_str(j->arena, room));
		xml_attr(j->arena, item, "name", arena_str(j->arena, title));
	}
	if (xml_child(iq_child(j), NS_RSM, "set") || more)
		add_set(j, query, count > 0 ? row_str(j->rows, 0, 0).p : NULL,
			count > 0 ? row_str(j->rows, count - 1, 0).p : NULL);
	return iq_result(j, query);
}

/* ---- What an account has subscribed to (MUC/Sub) ------------------------------------------------------- */

static struct step
subscriptions(struct job *j)
{
	return job_query(j, subscriptions_list, &room_queries[MEMBER_LIST],
		ARGS(of_str(jid_bare_str(j->stanza->from))));
}

static struct step
subscriptions_list(struct job *j)
{
	struct xml *list = xml_new(j->arena, NS_MUCSUB, "subscriptions");

	for (size_t i = 0; i < j->rows->count; i++) {
		struct str room = row_str(j->rows, i, 0);
		struct str domain = room;
		unsigned events = (unsigned)row_int(j->rows, i, 3);
		struct xml *x;

		(void)str_cut(&domain, '@');
		if (!events || !str_eq(domain, jid_domain(j->stanza->to)))
			continue;
		x = xml_add(j->arena, list, NS_MUCSUB, "subscription");
		xml_attr(j->arena, x, "jid", arena_str(j->arena, room));
		xml_attr(j->arena, x, "nick", arena_str(j->arena, row_str(j->rows, i, 2)));
		room_event_nodes(j->arena, x, events);
	}
	return iq_result(j, list);
}

/* ---- Search (XEP-0433) ----------------------------------------------------------------------------------------- */

struct search {
	struct page page;
	const char *pattern;
	bool in_name, in_description, in_address, by_users;
	int64_t min_users;
};

static struct step
search_form(struct job *j)
{
	struct arena *a = j->arena;
	struct xml *answer = xml_new(a, NS_SEARCH, "search"),
		   *x = form_new(a, FORM_FORM, FORM_SEARCH), *f;

	form_label(a, form_add(a, x, FORM_TEXT_SINGLE, "q", NULL), "Search for");
	form_label(a, form_add(a, x, FORM_BOOLEAN, "all", NULL), "Return all rooms");
	form_label(a, form_add(a, x, FORM_BOOLEAN, "sinname", "true"), "Search in name");
	form_label(
		a, form_add(a, x, FORM_BOOLEAN, "sindescription", "true"), "Search in description");
	form_label(a, form_add(a, x, FORM_BOOLEAN, "sinaddr", "true"), "Search in address");
	form_label(
		a, form_add(a, x, FORM_TEXT_SINGLE, "min_users", "0"), "Least number of members");
	f = form_add(a, x, FORM_LIST_MULTI, "types", "xep-0045");
	form_label(a, f, "Service types");
	form_add_option(a, f, "XEP-0045 Multi User Chats", "xep-0045");
	f = form_add(a, x, FORM_LIST_SINGLE, "key", KEY_USERS);
	form_label(a, f, "Sort results by");
	form_add_option(a, f, "Number of members", KEY_USERS);
	form_add_option(a, f, "Address", KEY_ADDRESS);
	xml_adopt(answer, x);
	return iq_result(j, answer);
}

static struct step
refuse(struct job *j, enum cond c, const char *text, const char *condition)
{
	return iq_error_with(j, c, text, xml_new(j->arena, NS_SEARCH_ERROR, condition));
}

static bool
flag(const struct form *f, const char *var, bool dflt)
{
	const char *text = form_value(f, var);
	bool yes = dflt;

	if (text && !form_bool(text, &yes))
		return dflt;
	return yes;
}

/* A pattern of LIKE: the words in any place, in that order; «!» escapes. */
static const char *
pattern_of(struct arena *a, const char *q)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	struct str rest = str_of(q);

	while (rest.p) {
		struct str word = str_cut(&rest, ' ');

		if (word.n == 0)
			continue;
		buf_put_char(&b, '%');
		for (size_t i = 0; i < word.n; i++) {
			if (strchr("%_!", word.p[i]))
				buf_put_char(&b, '!');
			buf_put_char(&b, word.p[i]);
		}
	}
	if (buf_len(&b) < 2)
		return NULL;
	buf_put_char(&b, '%');
	return arena_str(a, buf_str(&b));
}

static bool
wants_rooms(const struct form *f)
{
	const struct form_field *types = form_find(f, "types");

	for (size_t i = 0; types && i < types->count; i++)
		if (text_eq(types->values[i], "xep-0045"))
			return true;
	return !types || types->count == 0;
}

static struct step
search_for(struct job *j, struct search *s)
{
	int64_t offset = 0;

	if (s->by_users && !str_int(str_of(s->page.after), 0, INT32_MAX, &offset))
		offset = 0;
	return job_query(j, search_page,
		&room_queries[s->by_users ? ROOM_SEARCH_BY_USERS : ROOM_SEARCH],
		ARGS(of_str(jid_domain(j->stanza->to)), of_int(s->min_users), of_int(s->in_name),
			of_text(s->pattern), of_int(s->in_description), of_text(s->pattern),
			of_int(s->in_address), of_text(s->pattern),
			s->by_users ? of_int(s->page.max + 1) : of_text(s->page.after),
			of_int(s->by_users ? offset : s->page.max + 1)));
}

static struct step
search(struct job *j)
{
	struct search *s = ARENA_NEW(j->arena, struct search);
	struct problem why = { COND_NONE, NULL };
	struct form f;
	const char *q, *key, *min;
	bool all;

	if (!muc_options(j->host)->search)
		return iq_error(j, COND_SERVICE_UNAVAILABLE, NULL);
	if (!xml_child(iq_child(j), NS_DATA_FORM, "x"))
		return search_form(j);
	if (!form_submitted(j->arena, iq_child(j), &f, &why))
		return iq_refuse(j, &why);
	q = form_value(&f, "q");
	key = form_value(&f, "key");
	min = form_value(&f, "min_users");
	all = flag(&f, "all", false);
	if (key && !text_eq(key, KEY_ADDRESS) && !text_eq(key, KEY_USERS))
		return refuse(j, COND_FEATURE_NOT_IMPLEMENTED, NULL, "invalid-sort-key");
	if (all && q && *q)
		return refuse(
			j, COND_BAD_REQUEST, "q and all exclude each other", "conflicting-fields");
	if (!all && !q)
		return refuse(j, COND_BAD_REQUEST, "neither q nor all", "no-search-conditions");
	s->pattern = all ? "%" : pattern_of(j->arena, q);
	if (!s->pattern)
		return refuse(j, COND_BAD_REQUEST, "nothing to search for", "invalid-search-terms");
	s->in_name = all || flag(&f, "sinname", true);
	s->in_description = all || flag(&f, "sindescription", true);
	s->in_address = all || flag(&f, "sinaddr", flag(&f, "sinaddress", true));
	if (min && !str_int(str_of(min), 0, INT32_MAX, &s->min_users))
		s->min_users = 0;
	s->by_users = !text_eq(key, KEY_ADDRESS);
	s->page = read_page(j);
	if (!wants_rooms(&f))
		return iq_result(j, xml_new(j->arena, NS_SEARCH, "result"));
	j->state = s;
	return search_for(j, s);
}

static void
add_found(struct job *j, struct xml *result, size_t i)
{
	struct arena *a = j->arena;
	const struct rows *r = j->rows;
	struct xml *item = xml_add(a, result, NS_SEARCH, "item");

	xml_attr(a, item, "address", arena_str(a, row_str(r, i, 0)));
	if (row_str(r, i, 1).n > 0)
		xml_add_text(a, item, NS_SEARCH, "name", arena_str(a, row_str(r, i, 1)));
	if (row_str(r, i, 2).n > 0)
		xml_add_text(a, item, NS_SEARCH, "description", arena_str(a, row_str(r, i, 2)));
	xml_add_text(a, item, NS_SEARCH, "nusers", arena_printf(a, "%d", (int)row_int(r, i, 3)));
	xml_add_text(a, item, NS_SEARCH, "service-type", "xep-0045");
	if (row_int(r, i, 4))
		xml_add(a, item, NS_SEARCH, "is-open");
}

static struct step
search_page(struct job *j)
{
	const struct search *s = j->state;
	struct xml *result = xml_new(j->arena, NS_SEARCH, "result");
	size_t count = j->rows->count;
	int64_t offset = 0;
	const char *first = NULL, *last = NULL;

	count -= count > (size_t)s->page.max;
	for (size_t i = 0; i < count; i++)
		add_found(j, result, i);
	if (count > 0 && s->by_users) {
		(void)!str_int(str_of(s->page.after), 0, INT32_MAX, &offset);
		first = arena_printf(j->arena, "%d", (int)offset + 1);
		last = arena_printf(j->arena, "%d", (int)offset + (int)count);
	} else if (count > 0) {
		first = row_str(j->rows, 0, 0).p;
		last = row_str(j->rows, count - 1, 0).p;
	}
	add_set(j, result, first, last);
	return iq_result(j, result);
}
