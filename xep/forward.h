/*
 * forward.h -- forwarded stanzas (XEP-0297).
 *
 * Runs on: any thread.
 */
#ifndef XEP_FORWARD_H
#define XEP_FORWARD_H

#include "base/clock.h"
#include "xmpp/stanza.h"

/* <forwarded/> with the whole stanza, in a; with a <delay/> if `at` (wall) is not 0.  Texts are
 * borrowed from s. */
struct xml *forward_write(struct arena *a, const struct stanza *s, msec_t at);

#endif
