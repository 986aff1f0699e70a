/*
 * archive_sent.h -- what came within the last day, by its origin-ids (XEP-0359): from an account, or
 * from anybody to a room.
 *
 * Runs on: the home's worker.
 */
#ifndef HOME_ARCHIVE_SENT_H
#define HOME_ARCHIVE_SENT_H

#include "home/home.h"
#include "xmpp/jid.h"

struct sent_set; /* hashes */

/* All zero: nothing is known. */
struct sent {
	struct sent_set *now, *before;
	msec_t began; /* wall; `now` did */
	bool is_loading, is_loaded; /* what came before */
};

enum sent_state {
	SENT_NEW, /* it did not come within the last day, as far as is remembered */
	SENT_MAYBE, /* look into the archive */
	SENT_BEFORE, /* it was accepted */
};

/* Where the home has it now. */
typedef struct sent *sent_of_fn(struct home *h);

/* For a room: the reference of what that speaker says. */
int64_t sent_by(int64_t reference, struct jid speaker);
/* Begins to load what is needed when it is asked for the first time.  A message that is new is from
 * then on one that may have come.  reference: archive_reference, or sent_by. */
enum sent_state sent_ask(struct home *h, sent_of_fn *of, int64_t reference);
/* It is on disk, and went on. */
void sent_accepted(struct sent *s, int64_t reference);
/* Its sender was told that it is not on disk, which may be wrong. */
void sent_failed(struct sent *s, int64_t reference);
/* That was the last that is known of it. */
bool sent_has_failed(const struct sent *s, int64_t reference);
/* All zero again. */
void sent_drop(struct sent *s);

#endif
