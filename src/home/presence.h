/*
 * presence.h -- RFC 6121 section 4: broadcast, probes, directed presence.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_PRESENCE_H
#define HOME_PRESENCE_H

#include "home/session.h"

struct roster_item;

/* A session of the account sent presence that is not about subscriptions (broadcast, directed,
 * probe). */
void presence_out(struct session *s, const struct stanza *presence, const struct receipt *r);
/* Presence reached the account (available, unavailable, probe, error). */
void presence_in(struct account *a, const struct stanza *presence, const struct receipt *r);
/* The session ends: unavailable to all who saw it available. */
void presence_end(struct session *s);
/* No module keeps the contact from hearing of the account: for whoever broadcasts to contacts. */
bool presence_is_for(struct account *a, const struct roster_item *i);
/* Current presence of all available sessions to one contact (after an approval, an unblock); or
 * unavailable of each. */
void presence_show_to(struct account *a, struct jid contact);
void presence_hide_from(struct account *a, struct jid contact);
/* Unavailable to whoever got directed presence and is meant. */
void presence_hide_directed(
	struct account *a, bool (*meant)(struct jid to, const void *ctx), const void *ctx);

#endif
