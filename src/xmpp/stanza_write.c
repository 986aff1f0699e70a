/*
 * stanza_write.c -- stanzas as bytes.
 *
 * The envelope is written each time, the payload is copied as it was sealed, and what is beside it
 * follows.
 *
 * Runs on: any thread.
 */
#include "xmpp/own.h"

#include <string.h>

/* <message to="" from="" id="" type="" xml:lang=""></message>, and the namespace of a lone one. */
enum { TAGS_MAX = 128 };

/* `lead` is " name='" */
static void
write_attr(struct buf *out, struct str lead, struct str value)
{
	if (!value.p)
		return;
	buf_put_str(out, lead);
	xml_escape_attr(out, value);
	buf_put_char(out, '\'');
}

static void
write_stanza(struct buf *out, const struct stanza *s, struct str xmlns)
{
	struct str name = str_of(stanza_name(s->kind)),
		   type = str_of(stanza_type_name(s->kind, s->type));

	if (type.n == 0)
		type = STR_NONE;
	buf_put_char(out, '<');
	buf_put_str(out, name);
	buf_put_str(out, xmlns);
	write_attr(out, STR(" to='"), jid_full(s->to));
	write_attr(out, STR(" from='"), jid_full(s->from));
	write_attr(out, STR(" id='"), str_of(s->id));
	write_attr(out, STR(" type='"), type);
	write_attr(out, STR(" xml:lang='"), str_of(s->lang));
	if (!s->payload && !s->beside) {
		buf_put_lit(out, "/>");
		return;
	}
	buf_put_char(out, '>');
	if (s->payload)
		buf_put_str(out, s->payload->bytes);
	for (const struct xml *x = s->beside; x; x = x->next)
		xml_write(out, x, NS_CLIENT);
	buf_put_lit(out, "</");
	buf_put_str(out, name);
	buf_put_char(out, '>');
}

void
stanza_write(struct buf *out, const struct stanza *s)
{
	write_stanza(out, s, STR_NONE);
}

void
stanza_write_alone(struct buf *out, const struct stanza *s)
{
	write_stanza(out, s, STR(" xmlns='" NS_CLIENT "'"));
}

size_t
stanza_size(const struct stanza *s)
{
	size_t n = TAGS_MAX + xml_escaped_size(jid_full(s->to)) +
		   xml_escaped_size(jid_full(s->from)) + xml_escaped_size(str_of(s->id)) +
		   xml_escaped_size(str_of(s->lang));

	if (s->payload)
		n += s->payload->bytes.n;
	for (const struct xml *x = s->beside; x; x = x->next)
		n += xml_size(x);
	return n;
}
