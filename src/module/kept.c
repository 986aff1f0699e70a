/*
 * kept.c -- an element as it lies in the store, and back.
 *
 * The reader of stanzas is the one that is there, so the element is read as the payload of an iq.
 *
 * Runs on: any thread.
 */
#include "module/kept.h"

#include "xml/parse.h"
#include "xmpp/stanza.h"

void
kept_write(struct buf *out, const struct xml *x)
{
	xml_write(out, x, NULL);
}

const struct xml *
kept_read(struct arena *a, struct str bytes)
{
	AUTO(buf_fini) struct buf wrapped = BUF_INIT;
	AUTO(stanza_unref) const struct stanza *s = NULL;

	buf_put_lit(&wrapped, "<iq xmlns='jabber:client' type='result' id='kept'>");
	buf_put_str(&wrapped, bytes);
	buf_put_lit(&wrapped, "</iq>");
	s = stanza_read(buf_str(&wrapped));
	return s && s->children ? xml_copy(a, s->children) : NULL;
}

const struct xml *
kept_typed(struct arena *a, struct str text)
{
	static const struct parse_limits limits = { 1 << 20, 64, 64 };
	AUTO(arena_free) struct arena *own = NULL;
	const struct xml *x;

	if (parse_alone(text, &limits, &own, &x) != PARSE_OK)
		return NULL;
	return xml_copy(a, x);
}
