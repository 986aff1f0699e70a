/*
 * content.c -- what a message has in it, as flags, and what follows from that.
 *
 * Runs on: any thread.
 */
#include "xep/content.h"

#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

static const struct {
	unsigned flag;
	const char *ns, *name;
} rows[] = {

#define CONTENT(flag, ns, name) { CONTENT_##flag, ns, name },
#include "xep/content.def"
#undef CONTENT
};

static unsigned
flag_of(const struct xml *x)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (text_eq(x->ns, rows[i].ns) && (!rows[i].name || text_eq(x->name, rows[i].name)))
			return rows[i].flag;
	}
	return xml_is(x, NS_CLIENT, "thread") ? 0 : CONTENT_OTHER;
}

unsigned
content_of(const struct stanza *message)
{
	unsigned content = 0;

	for (const struct xml *x = message->children; x; x = x->next) {
		if (x->name)
			content |= flag_of(x);
	}
	return content;
}

static bool
may_be_kept(const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE && (s->type == MESSAGE_NORMAL || s->type == MESSAGE_CHAT);
}

bool
content_is_history(const struct stanza *message, unsigned content)
{
	const unsigned said = CONTENT_BODY | CONTENT_ENCRYPTED | CONTENT_RECEIPT | CONTENT_MARKER |
			      CONTENT_REACTION | CONTENT_CORRECTION | CONTENT_RETRACTION |
			      CONTENT_INVITATION | CONTENT_CALL | CONTENT_STORE;

	if (!may_be_kept(message) || (content & (CONTENT_NO_STORE | CONTENT_NO_PERMANENT_STORE)))
		return false;
	return (content & said) ||
	       ((content & CONTENT_MUC_USER) &&
		       xml_child(stanza_child(message, NULL, "x"), NULL, "invite"));
}

static const unsigned nothing =
	CONTENT_CHAT_STATE | CONTENT_NO_STORE | CONTENT_NO_PERMANENT_STORE | CONTENT_NO_COPY;

bool
content_is_for_later(const struct stanza *message, unsigned content)
{
	return may_be_kept(message) && !(content & CONTENT_NO_STORE) && (content & ~nothing);
}

bool
content_is_fleeting(const struct stanza *message, unsigned content)
{
	return may_be_kept(message) && (content & CONTENT_CHAT_STATE) && !(content & ~nothing);
}

bool
content_is_whisper(const struct stanza *message)
{
	const struct xml *x = stanza_child(message, NS_MUC_USER, "x");

	return x && may_be_kept(message) && jid_is_full(message->from) &&
	       !xml_child(x, NS_MUC_USER, "invite");
}

bool
content_is_news(const struct stanza *message, unsigned content)
{
	return may_be_kept(message) && (content & (CONTENT_BODY | CONTENT_ENCRYPTED)) &&
	       !(content & (CONTENT_CORRECTION | CONTENT_RETRACTION | CONTENT_REACTION));
}
