/*
 * conn.h -- one XMPP client: from the TCP connection to a session with presence.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include "scan.h"
#include "scram.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

struct conn;

/* How far a connection goes before it is ready. */
enum goal {
	GOAL_ACCOUNT, /* in-band registration (an existing account is fine), then authenticated */
	GOAL_BOUND, /* a resource is bound */
	GOAL_PRESENT, /* roster fetched, initial presence sent and seen coming back */
};

enum conn_state {
	CONN_IDLE, /* not connected */
	CONN_WIRE, /* waiting for TCP or TLS */
	CONN_UPGRADE, /* waiting for WebSocket */
	CONN_FEATURES,
	CONN_PROCEED,
	CONN_REGISTER,
	CONN_CHALLENGE,
	CONN_SUCCESS,
	CONN_BIND,
	CONN_PRESENCE,
	CONN_READY,
};

/* What the owner of many connections wants of them.  All calls may close the connection. */
struct conn_plan {
	const struct options *options;
	enum goal goal;
	int epoll;
	void (*on_ready)(struct conn *c);
	/* Every stanza of a ready connection, and before that the presence and the roster that
	 * arrive while it waits for its own presence.  Requests are answered elsewhere. */
	void (*on_stanza)(struct conn *c, const struct elem *e);
	void (*on_lost)(struct conn *c, const char *why); /* not after conn_close() */
	void (*on_dirty)(struct conn *c); /* there is output: call conn_flush() soon */
	void *owner;
};

struct conn {
	enum conn_state state;
	unsigned number; /* of the connection */
	unsigned account; /* of the account */
	bool authenticated, registered, dirty;
	bool has_sha1, has_sha256; /* what the server offers */
	bool got_roster, got_presence;
	const struct conn_plan *plan;
	struct wire wire;
	struct buf in; /* a stanza that is not complete yet */
	struct buf raw; /* WebSocket: a frame that is not complete yet */
	struct buf text; /* WebSocket: what is to be framed */
	struct scram *scram;
	char *jid; /* full JID, once bound */
	struct conn *next_dirty;
	void *data; /* the scenario's own */
};

/* Connect as the plan says; number and account are set.  False when not even a socket could
 * be made, with errno set. */
bool conn_open(struct conn *c, const struct conn_plan *plan, unsigned number, unsigned account);

/* Take an epoll event; true when the connection got on by it. */
bool conn_event(struct conn *c);

/* Where stanzas for the server are appended; marks the connection dirty. */
struct buf *conn_out(struct conn *c);

/* Write what has gathered. */
void conn_flush(struct conn *c);

/* End the stream politely and close; may be called at any time. */
void conn_close(struct conn *c);

#endif
