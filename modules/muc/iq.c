/*
 * iq.c -- questions to a room, and through it to who is in it (XEP-0045 17.4, XEP-0410).
 *
 * What is asked of a nick goes to the last device that showed presence; a vCard is asked of its
 * account.  The number of the asking device goes with the id, so that the answer finds it when
 * several share the nick.  A ping to one's own nick is answered here.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <string.h>

static const struct iq_handler handlers[] = {
	{ NS_DISCO_INFO, "query", ON_GET, 0, room_info },
	{ NS_DISCO_ITEMS, "query", ON_GET, 0, room_items },
	{ NS_MUC_ADMIN, "query", ON_GET, 0, admin_get },
	{ NS_MUC_ADMIN, "query", ON_SET, 0, admin_set },
	{ NS_MUC_OWNER, "query", ON_GET, 0, owner_get },
	{ NS_MUC_OWNER, "query", ON_SET, 0, owner_set },
	{ NS_REGISTER, "query", ON_GET, 0, register_get },
	{ NS_REGISTER, "query", ON_SET, 0, register_set },
	{ NS_VCARD, "vCard", ON_GET, 0, room_vcard_get },
	{ NS_VCARD, "vCard", ON_SET, 0, room_vcard_set },
	{ NS_COMMANDS, "command", ON_SET, 0, hats_command },
	{ NS_MODERATE, "moderate", ON_SET, 0, moderate_set },
	{ NS_MAM, "query", ON_SET, 0, room_history },
	{ NS_MAM, "query", ON_GET, 0, room_history_form },
	{ NS_MAM, "metadata", ON_GET, 0, room_history_bounds },
	{ NS_MUCSUB, "subscribe", ON_SET, 0, subscribe_set },
	{ NS_MUCSUB, "unsubscribe", ON_SET, 0, unsubscribe_set },
	{ NS_MUCSUB, "subscriptions", ON_GET, 0, subscriptions_get },
	{ NS_PING, "ping", ON_GET, 0, room_ping },
	END_IQS,
};

struct step
room_ping(struct job *j)
{
	return iq_result(j, NULL);
}

struct standing
standing_of(const struct room *room, struct jid who)
{
	const struct visit *v = visit_find(room, who);
	const struct occupant *o = v ? v->occupant : occupant_of_bare(room, who);

	return (struct standing){ room_affiliation(room, who), o ? o->role : ROLE_NONE };
}

/* ---- Through the room ----------------------------------------------------------------------- */

static const struct stanza *
with_id(const struct stanza *s, struct jid from, struct jid to, const char *id)
{
	struct arena *a = arena_new((s->payload ? 2 * stanza_size(s) : 0) + 512);
	struct xml *all = xml_new(a, NS_CLIENT, "all");

	for (const struct xml *x = s->children; x; x = x->next)
		xml_adopt(all, xml_copy(a, x));
	return stanza_new(&a, s->kind, s->type, from, to, id, all->first);
}

static void
pass_on(struct room *room, const struct stanza *s, struct visit *v, struct occupant *to)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	const char *id = arena_printf(a, "%u:%s", v->number, s->id);
	struct jid target =
		xml_is(s->children, NS_VCARD, "vCard") ? to->bare : occupant_visit(to)->full;
	const struct stanza *out = with_id(s, room_jid(a, room, v->occupant->nick), target, id);

	route(room->home.worker, &out, NULL);
}

/* Not one who is in the room. */
static enum cond
refusal_of_stranger(const struct stanza *s)
{
	return xml_is(s->children, NS_DISCO_INFO, NULL) || xml_is(s->children, NS_DISCO_ITEMS, NULL)
		       ? COND_BAD_REQUEST
		       : COND_NOT_ACCEPTABLE;
}

static void
ask_nick(struct room *room, const struct stanza *s, const struct receipt *r)
{
	struct worker *w = room->home.worker;
	struct visit *v = visit_find(room, s->from);
	struct occupant *to = occupant_find(room, jid_resource(s->to));
	const struct stanza *answer;

	if (!v) {
		route_bounce(w, s, refusal_of_stranger(s), "you are not in this room", r);
		return;
	}
	if (!to) {
		route_bounce(w, s, COND_ITEM_NOT_FOUND, "nobody here has that nick", r);
		return;
	}
	if (to == v->occupant && xml_is(s->children, NS_PING, "ping")) {
		answer = stanza_result(s, NULL, NULL);
		route(w, &answer, NULL);
	} else {
		pass_on(room, s, v, to);
	}
	receipt_give(w, r);
}

static struct visit *
visit_by_number(const struct occupant *o, uint64_t number)
{
	for_each_visit(v, o)
	{
		if (v->number == number)
			return v;
	}
	return NULL;
}

static void
answer_back(struct room *room, const struct stanza *s)
{
	struct str rest = str_of(s->id), number = str_cut(&rest, ':');
	const struct occupant *asker = occupant_find(room, jid_resource(s->to)), *answers;
	const struct visit *v = visit_find(room, s->from), *to;
	AUTO(arena_free) struct arena *a = arena_new(0);
	const struct stanza *out;
	uint64_t n;

	answers = v ? v->occupant : occupant_of_bare(room, s->from);
	if (!asker || !answers || !rest.p || !str_uint(number, UINT32_MAX, &n))
		return;
	to = visit_by_number(asker, n);
	if (!to)
		return;
	out = with_id(s, room_jid(a, room, answers->nick), to->full, arena_str(a, rest));
	route(room->home.worker, &out, NULL);
}

/* ---- All ----------------------------------------------------------------------------------------- */

static const struct iq_handler *
handler_of(const struct stanza *s)
{
	unsigned type = s->type == IQ_SET ? ON_SET : ON_GET;

	for (const struct iq_handler *h = handlers; h->ns; h++)
		if (xml_is(s->children, h->ns, h->name) && h->types & type)
			return h;
	return NULL;
}

void
muc_iq(struct room *room, const struct stanza *s, const struct receipt *r)
{
	struct worker *w = room->home.worker;
	const struct iq_handler *h;

	if (!stanza_is_request(s)) {
		answer_back(room, s);
		receipt_give(w, r);
		return;
	}
	if (!room->exists || (room->locked && room_affiliation(room, s->from) != AFF_OWNER)) {
		route_bounce(w, s, COND_ITEM_NOT_FOUND, "there is no such room", r);
		return;
	}
	if (jid_is_full(s->to)) {
		ask_nick(room, s, r);
		return;
	}
	h = handler_of(s);
	if (!h) {
		route_bounce(w, s, COND_SERVICE_UNAVAILABLE, NULL, r);
		return;
	}
	job_start_iq(w, room_host(room), &room->home, s, r, h->handle);
}
