/*
 * forward.c -- forwarded stanzas (XEP-0297).
 *
 * Runs on: any thread.
 */
#include "xep/forward.h"

#include "xmpp/datetime.h"

static void
put_delay(struct arena *a, struct xml *forwarded, msec_t at)
{
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, at);
	xml_attr(a, xml_add(a, forwarded, NS_DELAY, "delay"), "stamp", stamp);
}

static void
put_children(struct arena *a, struct xml *into, const struct xml *chain)
{
	for (const struct xml *x = chain; x; x = x->next)
		xml_adopt(into, xml_copy(a, x));
}

struct xml *
forward_write(struct arena *a, const struct stanza *s, msec_t at)
{
	struct xml *forwarded = xml_new(a, NS_FORWARD, "forwarded"), *x;
	const char *type = stanza_type_name(s->kind, s->type);

	if (at != 0)
		put_delay(a, forwarded, at);
	x = xml_add(a, forwarded, NS_CLIENT, stanza_name(s->kind));
	if (!jid_is_none(s->to))
		xml_attr(a, x, "to", jid_text(a, s->to));
	if (!jid_is_none(s->from))
		xml_attr(a, x, "from", jid_text(a, s->from));
	xml_attr(a, x, "id", s->id);
	xml_attr(a, x, "type", type[0] ? type : NULL);
	xml_attr_ns(a, x, NS_XML, "lang", s->lang);
	put_children(a, x, s->children);
	put_children(a, x, s->beside);
	return forwarded;
}
