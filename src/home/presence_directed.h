/*
 * presence_directed.h -- directed presence (RFC 6121 4.6): who, beyond the contacts, knows a
 * session to be there.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_PRESENCE_DIRECTED_H
#define HOME_PRESENCE_DIRECTED_H

#include "home/session.h"

/* Addresses that one session may have told. */
#define DIRECTED_MAX 1000

/* False when the session told DIRECTED_MAX others already. */
MUST_CHECK bool directed_add(struct session *s, struct jid to);
void directed_remove(struct session *s, struct jid to);
/* Sends p (unavailable) to all of them and forgets them. */
void directed_end(struct session *s, const struct stanza *p);
/* To those for which meant returns true. */
void directed_end_some(struct session *s, const struct stanza *p,
	bool (*meant)(struct jid to, const void *ctx), const void *ctx);

#endif
