/*
 * copies.h -- what a session got as a copy (XEP-0280) and may be handed again when it becomes available.
 *
 * A copy goes to a session at once, whether it is available or not; a message for which nobody was
 * there waits as well, for the first session that is.  If that is the same one, it has the message:
 * as long as its client may still not have got the copy, the copy stands for the message.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_COPIES_H
#define HOME_COPIES_H

#include "home/session.h"

/* Of one session that are remembered: the last ones. */
#define COPIES_MAX 32

/* A copy of the message with that place (home_next_id when it came) was just sent to s. */
void copies_note(struct session *s, int64_t place);
/* True: s has a copy of it.  If its client does not acknowledge that, the message goes elsewhere. */
bool copies_have(const struct session *s, const struct stanza *message, int64_t place);
/* Gives back what s has of this. */
void copies_drop(struct session *s);

#endif
