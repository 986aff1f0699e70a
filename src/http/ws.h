/*
 * ws.h -- WebSocket (RFC 6455), the server's side: handshake and frames.
 *
 * Runs on: any thread (frames), the connection's worker (http_websocket).
 */
#ifndef HTTP_WS_H
#define HTTP_WS_H

#include "base/arena.h"
#include "base/buf.h"

struct conn;
struct exchange;

/* ---- Handshake ---------------------------------------------------------------- */

/* In a route's handler: switches to WebSocket with that subprotocol, and parts with the connection
 * as http_upgrade does.  NULL: the request does not ask for it, or from a web site that may not;
 * that is answered. */
struct conn *http_websocket(struct exchange *x, const char *subprotocol, struct buf *rest);
/* Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 4.2.2), in a. */
const char *ws_accept_of(struct arena *a, struct str key);

/* ---- Read: append what comes to `in`, then take events until WS_MORE ------------ */

enum ws_event {
	WS_MORE, /* needs more bytes */
	WS_TEXT, /* a whole message, of whatever number of fragments */
	WS_PING, /* to be answered by a pong with the same payload */
	WS_PONG,
	WS_CLOSE, /* payload may begin with a code; nothing follows */
	WS_FAULT, /* nothing follows */
};

/* Status codes of a close frame (RFC 6455 7.4.1). */
enum ws_code {
	WS_NORMAL = 1000,
	WS_PROTOCOL_ERROR = 1002,
	WS_NOT_ACCEPTABLE = 1003, /* binary */
	WS_NOT_UTF8 = 1007,
	WS_TOO_BIG = 1009,
};

/* Zeroed to start.  Holds nothing while no frame is cut. */
struct ws_reader {
	struct buf in;
	struct buf message; /* its fragments so far */
	bool fragmented, given;
};

/* max: bytes of a message; a fault is known before they have come.  *payload is valid until the
 * next call, or until in is changed; *code says why for WS_FAULT. */
enum ws_event ws_next(struct ws_reader *r, size_t max, struct str *payload, enum ws_code *code);
/* Gives buffers back that are empty. */
void ws_rest(struct ws_reader *r);
void ws_fini(struct ws_reader *r);

/* ---- Write -------------------------------------------------------------------- */

/* A text frame is begun at the end of out: append its text, then ws_end with what begin gave. */
size_t ws_begin(struct buf *out);
void ws_end(struct buf *out, size_t begun);
/* Takes a begun frame back. */
void ws_drop(struct buf *out, size_t begun);
void ws_put_ping(struct buf *out);
void ws_put_pong(struct buf *out, struct str payload);
void ws_put_close(struct buf *out, enum ws_code code);

#endif
