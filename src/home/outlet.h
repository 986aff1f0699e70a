/*
 * outlet.h -- how a session writes to its client; implemented by streams (TCP, WebSocket, BOSH).
 *
 * Runs on: the session's home.
 */
#ifndef HOME_OUTLET_H
#define HOME_OUTLET_H

#include "xmpp/stanza.h"

struct outlet;

struct outlet_ops {
	/* Appends the stanza to what is written at the end of the turn; with stamp_to, `to` is
	 * written as that (a message to many). */
	void (*stanza)(struct outlet *o, const struct stanza *s);
	/* Stream error (STREAM_COND_NONE: none), end tag, close.  The outlet calls session_end
	 * once when it is over: at once or later. */
	void (*close)(struct outlet *o, enum stream_cond c, const char *text);
	/* Only start and stop reading later on: neither may call session_receive before it
	 * returns. */
	/* The session has less (resume) or more (pause) under way than it may: read the client
	 * again, or no more. */
	void (*pause)(struct outlet *o);
	void (*resume)(struct outlet *o);
};

struct outlet {
	const struct outlet_ops *ops;
};

#endif
