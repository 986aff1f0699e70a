/*
 * stanza.h -- a stanza: an envelope of one's own around a payload that is everyone's.
 *
 * Immutable once made, shared by reference between threads.  The payload (the children) lives in
 * one arena and is written out as bytes once, when it is sealed; readdressing for a hundred
 * recipients makes a hundred small envelopes.  What the server adds for one recipient (delay,
 * stanza-id) rides beside the payload. Children in jabber:client are written without xmlns, so the
 * bytes serve jabber:server streams too.
 *
 * Runs on: any thread (references are atomic).
 */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H

#include "base/attr.h"
#include "xml/xml.h"
#include "xmpp/cond.h"
#include "xmpp/jid.h"

enum stanza_kind { STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

enum message_type {
	MESSAGE_NORMAL,
	MESSAGE_CHAT,
	MESSAGE_GROUPCHAT,
	MESSAGE_HEADLINE,
	MESSAGE_ERROR
};

enum presence_type {
	PRESENCE_AVAILABLE,
	PRESENCE_UNAVAILABLE,
	PRESENCE_SUBSCRIBE,
	PRESENCE_SUBSCRIBED,
	PRESENCE_UNSUBSCRIBE,
	PRESENCE_UNSUBSCRIBED,
	PRESENCE_PROBE,
	PRESENCE_ERROR,
};

enum iq_type { IQ_GET, IQ_SET, IQ_RESULT, IQ_ERROR };

struct payload; /* children + their bytes; shared */

struct stanza {
	enum stanza_kind kind;
	int type; /* enum message_type, presence_type or iq_type, by kind */
	struct jid to; /* JID_NONE: the sender's own account */
	struct jid from; /* JID_NONE only before the session stamped it */
	const char *id; /* NULL allowed for messages and presence */
	const char *lang; /* xml:lang, or NULL */
	const struct xml *children; /* first of the payload's nodes (siblings by ->next), or NULL */
	const struct xml
		*beside; /* elements that the server added, or NULL; written after the payload */
	const struct payload *payload; /* NULL: no children */
	bool again; /* the sender's home has sent it on before, maybe in vain */
	int refs; /* atomic; use stanza_ref */
};

/* ---- Share --------------------------------------------------------------- */

const struct stanza *stanza_ref(const struct stanza *s);
/* Drops the reference, sets *s to NULL, accepts NULL; usable with AUTO. */
void stanza_unref(const struct stanza **s);

/* ---- Make ---------------------------------------------------------------- */

/* From a parsed first-level element; takes the arena (also on failure).  `from` (JID_NONE: take
 * the element's own) is stamped, lang is the default when the element has no xml:lang.  NULL
 * with *why for what a stanza may not be: an address that does not parse (jid-malformed), an
 * unknown iq or presence type, an iq without id or without exactly one child (RFC 6120 8.2.3), a
 * body of more than STANZA_BODY_MAX characters (policy-violation).  An unknown message type is
 * normal (RFC 6121 5.2.2).  On failure *bounce (may be NULL) gets the error stanza to send back,
 * or NULL where none may be sent. */
#define STANZA_BODY_MAX 100000
MUST_CHECK const struct stanza *stanza_parse(struct arena **a, const struct xml *element,
	struct jid from, const char *lang, struct problem *why, const struct stanza **bounce);

/* A stanza of the server's own.  Takes the arena, in which children (a chain of siblings, may be
 * NULL) live; a may be NULL if children is.  Strings of the envelope are copied. */
const struct stanza *stanza_new(struct arena **a, enum stanza_kind kind, int type, struct jid from,
	struct jid to, const char *id, const struct xml *children);
/* A stanza of the server's own that is only written: its children are these bytes (copied), which
 * stand for themselves inside a jabber:client stream, and it has no tree of them (stanza_child
 * finds nothing). */
const struct stanza *stanza_new_written(
	enum stanza_kind kind, int type, struct jid from, struct jid to, struct str bytes);
/* A new envelope around the same payload and beside. */
const struct stanza *stanza_readdress(const struct stanza *s, struct jid from, struct jid to);
/* The same stanza with `extra` (a chain of elements, copied) beside its payload, after what is
 * there already. */
const struct stanza *stanza_beside(const struct stanza *s, const struct xml *extra);
/* The same stanza, marked as sent again. */
const struct stanza *stanza_again(const struct stanza *s);
/* A new stanza without those children of (ns, name) for which drop returns true (drop NULL: all
 * of them). */
const struct stanza *stanza_without(const struct stanza *s, const char *ns, const char *name,
	bool (*drop)(const struct xml *child, void *ctx), void *ctx);

/* The same with a new payload: its children without those for which drop (may be NULL) returns
 * true, then `extra` (a chain of elements, copied; may be NULL).  What was beside it is left out. */
const struct stanza *stanza_remake(const struct stanza *s, struct jid from, struct jid to,
	bool (*drop)(const struct xml *child, void *ctx), void *ctx, const struct xml *extra);

/* ---- Answer -------------------------------------------------------------- */

/* iq result, addresses swapped.  child (may be NULL) lives in *a, which is taken; a may be NULL. */
const struct stanza *stanza_result(
	const struct stanza *iq, struct arena **a, const struct xml *child);
/* Error answer with addresses swapped (RFC 6120 8.3), type by cond_type; NULL if s is itself an
 * error or an iq result, which are never answered.  text may be NULL.  extra (may be NULL,
 * copied) is an application-specific condition. */
const struct stanza *stanza_error(
	const struct stanza *s, enum cond c, const char *text, const struct xml *extra);

/* ---- Read ---------------------------------------------------------------- */

/* First child (not those beside), or NULL.  ns/name NULL match any.  Valid while s is. */
const struct xml *stanza_child(const struct stanza *s, const char *ns, const char *name);

static inline bool
stanza_is_error(const struct stanza *s)
{
	return s->kind == STANZA_MESSAGE    ? s->type == MESSAGE_ERROR
	       : s->kind == STANZA_PRESENCE ? s->type == PRESENCE_ERROR
					    : s->type == IQ_ERROR;
}

/* Is an iq get or set: must be answered exactly once. */
static inline bool
stanza_is_request(const struct stanza *s)
{
	return s->kind == STANZA_IQ && (s->type == IQ_GET || s->type == IQ_SET);
}

/* "message", "presence", "iq". */
const char *stanza_name(enum stanza_kind kind);
/* Wire name of a type; "" where the attribute is absent (available presence); "normal" is
 * written as absent too. */
const char *stanza_type_name(enum stanza_kind kind, int type);

/* ---- Write --------------------------------------------------------------- */

/* As it goes on a stream whose default namespace is jabber:client. */
void stanza_write(struct buf *out, const struct stanza *s);
/* As one standalone element with xmlns='jabber:client' (for storage and logs of tests). */
void stanza_write_alone(struct buf *out, const struct stanza *s);
/* Reads what stanza_write_alone wrote.  NULL if damaged. */
const struct stanza *stanza_read(struct str bytes);
/* Upper estimate of its bytes when written, for limits. */
size_t stanza_size(const struct stanza *s);

#endif
