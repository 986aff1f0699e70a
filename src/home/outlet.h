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
	/* Appends the stanza to what is written at the end of the turn. */
	void (*stanza)(struct outlet *o, const struct stanza *s);
	/* Stream error (STREAM_COND_NONE: none), end tag, close.  The outlet calls session_end or
	 * session_lost once when it is over: at once or later. */
	void (*close)(struct outlet *o, enum stream_cond c, const char *text);
	/* The session is no longer this outlet's: it forgets it, takes nothing more from its client,
	 * and closes as above without telling the session. */
	void (*leave)(struct outlet *o, enum stream_cond c);
	/* XEP-0198: asks the client what it got; tells it how much is settled. */
	void (*ask)(struct outlet *o);
	void (*ack)(struct outlet *o, uint32_t settled);
	/* The session has more (pause) or less (resume) under way than it may: read the client no
	 * more, or again later on.  Neither calls session_receive before it returns. */
	void (*pause)(struct outlet *o);
	void (*resume)(struct outlet *o);
	/* Bytes that wait until the client reads them; NULL: nobody knows. */
	size_t (*unsent)(const struct outlet *o);
};

struct outlet {
	const struct outlet_ops *ops;
};

#endif
