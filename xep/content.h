/*
 * content.h -- what a message has in it, as flags, and what follows from that.
 *
 * content.def is the list: bodies, encryption (XEP-0380 and older forms), receipts (0184), chat
 * states (0085), markers (0333), reactions (0444), corrections (0308), retractions (0424),
 * invitations (0249, 0045), calls (0353), hints (0334).
 *
 * Runs on: any thread.
 */
#ifndef XEP_CONTENT_H
#define XEP_CONTENT_H

#include "xmpp/stanza.h"

enum content {
	CONTENT_BODY = 1 << 0,
	CONTENT_SUBJECT = 1 << 1,
	CONTENT_ENCRYPTED = 1 << 2,
	CONTENT_CHAT_STATE = 1 << 3,
	CONTENT_RECEIPT = 1 << 4,
	CONTENT_MARKER = 1 << 5,
	CONTENT_REACTION = 1 << 6,
	CONTENT_CORRECTION = 1 << 7,
	CONTENT_RETRACTION = 1 << 8,
	CONTENT_INVITATION = 1 << 9,
	CONTENT_MUC_USER = 1 << 10,
	CONTENT_CALL = 1 << 11,
	CONTENT_NO_STORE = 1 << 12,
	CONTENT_NO_PERMANENT_STORE = 1 << 13,
	CONTENT_NO_COPY = 1 << 14,
	CONTENT_STORE = 1 << 15,
	CONTENT_OTHER = 1 << 16, /* an element that is not in the list, <thread/> aside */
};

/* enum content of its children. */
unsigned content_of(const struct stanza *message);
/* The rules below are for messages of type normal and chat; other types are never kept. */

/* For history (XEP-0313 6.1.1): what somebody said or did, unless a hint forbids it (0334). */
bool content_is_history(const struct stanza *message, unsigned content);
/* For an absent user (XEP-0160 3): anything but chat states, unless a hint forbids it. */
bool content_is_for_later(const struct stanza *message, unsigned content);
/* A chat state on its own: it means nothing later, or to nobody. */
bool content_is_fleeting(const struct stanza *message, unsigned content);
/* A private message of a room's occupant (XEP-0045 7.5): the room sends it to each device that is there, and it
 * is for no other. */
bool content_is_whisper(const struct stanza *message);
/* Somebody said something new: it can be unread. */
bool content_is_news(const struct stanza *message, unsigned content);

#endif
