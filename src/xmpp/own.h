/*
 * own.h -- what stands behind a struct stanza (for the stanza_*.c files only).
 *
 * Runs on: any thread.
 */
#ifndef XMPP_OWN_H
#define XMPP_OWN_H

#include "base/mem.h"
#include "xmpp/stanza.h"

/* Children and their bytes.  Lives in its own arena, with the envelope it came with. */
struct payload {
	struct arena *arena;
	struct str bytes; /* as written in a jabber:client stream */
	int refs; /* atomic: one for each struct own without a base */
};

/* An envelope.  One that is derived from another borrows from it and keeps it as its base; then the
 * payload is the base's too. */
struct own {
	struct stanza s;
	const struct stanza *base; /* referenced, or NULL */
	struct arena *arena; /* holds this, if neither the payload's arena nor mem_new does */
};

/* An envelope in a (taken), whose children, if any, are sealed as its payload.  bytes are these, in
 * a, if they are written already, or STR_NONE. */
struct own *own_new(struct arena *a, const struct xml *children, struct str bytes);

static inline const struct own *
own_of(const struct stanza *s)
{
	return CONTAINER(s, struct own, s);
}

#endif
