/*
 * deliver.h -- RFC 6121 section 8: which sessions get what reaches an account.
 *
 * deliver.def holds the table of 8.5.4 (with the choices RFC leaves open); this walks it.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_DELIVER_H
#define HOME_DELIVER_H

#include "home/account.h"

struct message_event;

enum deliver_action {
	DELIVER_TO_ONE, /* the addressed session */
	DELIVER_TO_ALL, /* all sessions with a priority of 0 or more */
	DELIVER_STORE, /* hook message_unwanted; bounced if nobody keeps it */
	DELIVER_BOUNCE, /* service-unavailable */
	DELIVER_DROP,
};

enum deliver_situation {
	NO_ACCOUNT,
	NOT_AVAILABLE, /* no available session */
	ONLY_NEGATIVE,
	SOME_AVAILABLE, /* at least one with a priority of 0 or more */
	SITUATION_COUNT
};

enum deliver_address { ADDRESS_BARE, ADDRESS_FULL_MATCH, ADDRESS_FULL_NO_MATCH, ADDRESS_COUNT };

/* Pure: one cell of the table. */
enum deliver_action deliver_decide(
	enum deliver_situation s, enum deliver_address a, enum message_type t);
/* home_kind.stanza of accounts: everything that arrives for an account. */
void deliver(struct account *a, const struct stanza *s, const struct receipt *r);
/* Messages that were kept go out, without the hooks before it; place: home_next_id when they came.
 * kept: one that nobody was there for, to one session.  held: one that only waited for its turn, to
 * whom it would have gone. */
void deliver_kept(
	struct account *a, struct session *to, const struct stanza *message, int64_t place);
void deliver_held(struct account *a, const struct stanza *message, int64_t place);
/* For handlers of message_delivered: the session was given the message. */
bool deliver_reaches(const struct message_event *ev, const struct session *s);
/* A message that was given to sessions which are gone and did not acknowledge it: to those that are
 * there now, with the time at which it came, else to whoever keeps messages
 * (message_unacked). */
void deliver_again(struct account *a, const struct stanza *message, int64_t place);

#endif
