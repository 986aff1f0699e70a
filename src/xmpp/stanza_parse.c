/*
 * stanza_parse.c -- a parsed element to a stanza, or the reason why not.
 *
 * The checks of RFC 6120 8.1 and 8.2.3 that need nothing but the stanza itself.  What passes takes
 * over the element's arena, and mostly its very bytes: the parser says when a stanza's content can
 * be sent on as it was written.
 *
 * Runs on: any thread.
 */
#include "xmpp/own.h"

#include "base/utf8.h"
#include "xml/parse.h"

#include <assert.h>
#include <string.h>

/* ---- Names --------------------------------------------------------------- */

static const char *const kinds[] = {
	[STANZA_MESSAGE] = "message",
	[STANZA_PRESENCE] = "presence",
	[STANZA_IQ] = "iq",
};

static const char *const message_types[] = {
	[MESSAGE_NORMAL] = "",
	[MESSAGE_CHAT] = "chat",
	[MESSAGE_GROUPCHAT] = "groupchat",
	[MESSAGE_HEADLINE] = "headline",
	[MESSAGE_ERROR] = "error",
};

static const char *const presence_types[] = {
	[PRESENCE_AVAILABLE] = "",
	[PRESENCE_UNAVAILABLE] = "unavailable",
	[PRESENCE_SUBSCRIBE] = "subscribe",
	[PRESENCE_SUBSCRIBED] = "subscribed",
	[PRESENCE_UNSUBSCRIBE] = "unsubscribe",
	[PRESENCE_UNSUBSCRIBED] = "unsubscribed",
	[PRESENCE_PROBE] = "probe",
	[PRESENCE_ERROR] = "error",
};

static const char *const iq_types[] = {
	[IQ_GET] = "get",
	[IQ_SET] = "set",
	[IQ_RESULT] = "result",
	[IQ_ERROR] = "error",
};

static const struct {
	const char *const *names;
	int count;
} types[] = {
	[STANZA_MESSAGE] = { message_types, COUNT(message_types) },
	[STANZA_PRESENCE] = { presence_types, COUNT(presence_types) },
	[STANZA_IQ] = { iq_types, COUNT(iq_types) },
};

const char *
stanza_name(enum stanza_kind kind)
{
	return kinds[kind];
}

const char *
stanza_type_name(enum stanza_kind kind, int type)
{
	assert(type >= 0 && type < types[kind].count);
	return types[kind].names[type];
}

/* ---- Check --------------------------------------------------------------- */

static bool
find_kind(const struct xml *x, enum stanza_kind *out)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (strcmp(x->name, kinds[i]) == 0) {
			*out = (enum stanza_kind)i;
			return true;
		}
	}
	return false;
}

/* False for a type that is none; s->type is then one that may be bounced. */
static bool
find_type(struct stanza *s, const char *name)
{
	for (int i = 0; name && *name && i < types[s->kind].count; i++) {
		if (strcmp(name, types[s->kind].names[i]) == 0) {
			s->type = i;
			return true;
		}
	}
	s->type = 0;
	/* RFC 6121 5.2.2: an unknown message is normal. */
	return s->kind == STANZA_MESSAGE || (s->kind == STANZA_PRESENCE && !name);
}

_Static_assert(MESSAGE_NORMAL == 0 && PRESENCE_AVAILABLE == 0 && IQ_GET == 0, "see find_type");

static bool
check_iq(const struct stanza *s, const struct xml *x, struct problem *why)
{
	size_t n = xml_count(x);

	if (!s->id)
		return problem(why, COND_BAD_REQUEST, "an iq needs an id");
	if (stanza_is_request(s) && n != 1)
		return problem(why, COND_BAD_REQUEST, "an iq request has exactly one child");
	if (s->type == IQ_RESULT && n > 1)
		return problem(why, COND_BAD_REQUEST, "an iq result has at most one child");
	return true;
}

static bool
check_bodies(struct arena *a, const struct xml *x, struct problem *why)
{
	const struct xml *body = xml_child(x, NS_CLIENT, "body");

	for (; body; body = xml_next(body, NS_CLIENT, "body")) {
		struct str text = xml_text_of(a, body);

		if (text.n > STANZA_BODY_MAX && utf8_count(text) > STANZA_BODY_MAX)
			return problem(why, COND_POLICY_VIOLATION, "body too long");
	}
	return true;
}

static bool
address(struct arena *a, const struct xml *x, const char *name, struct jid *out,
	struct problem *why)
{
	const char *text = xml_get(x, name);

	if (text && jid_parse(a, str_of(text), out) != JID_OK)
		return problem(why, COND_JID_MALFORMED, NULL);
	return true;
}

/* Everything but the payload. */
static bool
fill(struct stanza *s, struct arena *a, const struct xml *x, const char *lang, struct problem *why)
{
	bool typed = find_type(s, xml_get(x, "type"));

	s->id = xml_get(x, "id");
	s->lang = xml_lang(x);
	if (!s->lang)
		s->lang = arena_text(a, lang);
	if (!address(a, x, "to", &s->to, why))
		return false;
	if (jid_is_none(s->from) && !address(a, x, "from", &s->from, why))
		return false;
	if (!typed)
		return problem(why, COND_BAD_REQUEST, "unknown type");
	return s->kind == STANZA_IQ ? check_iq(s, x, why) : check_bodies(a, x, why);
}

MUST_CHECK const struct stanza *
stanza_parse(struct arena **ap, const struct xml *element, struct jid from, const char *lang,
	struct problem *why, const struct stanza **bounce)
{
	struct arena *a = *ap;
	struct problem ignored;
	struct stanza s = { 0 };
	struct own *o;

	*ap = NULL;
	if (bounce)
		*bounce = NULL;
	if (!why)
		why = &ignored;
	if (!find_kind(element, &s.kind)) {
		problem(why, COND_BAD_REQUEST, "not a stanza");
		arena_free(&a);
		return NULL;
	}
	s.from = jid_copy(a, from);
	if (!fill(&s, a, element, lang, why)) {
		if (bounce && !jid_is_none(s.from))
			*bounce = stanza_error(&s, why->cond, why->text, NULL);
		arena_free(&a);
		return NULL;
	}
	o = own_new(a, element->first, element->text);
	s.children = o->s.children;
	s.payload = o->s.payload;
	s.refs = 1;
	o->s = s;
	return &o->s;
}

/* ---- From storage -------------------------------------------------------- */

const struct stanza *
stanza_read(struct str bytes)
{
	/* What was written was within the limits of a stream, before the server added to it. */
	static const struct parse_limits limits = { 16 * 1024 * 1024, 1024, 4096 };
	AUTO(parser_free) struct parser *p = parser_new();
	const struct stanza *s = NULL;
	const struct xml *element;
	struct arena *a = NULL;

	parser_limit(p, &limits);
	parser_resume(p, STR_NONE);
	parser_feed(p, bytes.p, bytes.n);
	if (parser_next(p, &a, &element) != PARSED_ELEMENT)
		return NULL;
	if (parser_is_idle(p) && strcmp(element->ns, NS_CLIENT) == 0)
		s = stanza_parse(&a, element, JID_NONE, NULL, NULL, NULL);
	arena_free(&a);
	return s;
}
