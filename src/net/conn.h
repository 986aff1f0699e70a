/*
 * conn.h -- a socket with its buffers and TLS, on one worker at a time.
 *
 * Bytes that arrive are read into the worker's buffer and given to the owner at once (on_bytes);
 * bytes to send gather in conn_out and are written at the end of the turn: one TLS record and one
 * write for all of them.  An idle connection holds no buffers.  The owner embeds nothing: it is
 * told of everything through struct conn_ops, on the worker of the connection.  TLS uses one BIO
 * whose buffers belong to the worker, and SSL_MODE_RELEASE_BUFFERS.
 *
 * Runs on: the connection's worker.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/buf.h"
#include "net/addr.h"
#include "run/worker.h"
#include "xmpp/jid.h"

struct conn;
struct host;

enum conn_end {
	CONN_EOF, /* the peer closed */
	CONN_RESET, /* error of the socket or of TLS */
	CONN_TIMEOUT, /* the peer did not read what was left to write */
	CONN_CLOSED, /* we closed, and all is written; if conn_close: the peer closed too, or was given 2 s to */
};

struct conn_ops {
	/* Plain bytes, valid during the call.  May call any conn_ function, conn_close included. */
	void (*on_bytes)(struct conn *c, void *owner, const char *bytes, size_t n);
	/* TLS is up (after conn_start_tls, or on a direct TLS listener). */
	void (*on_tls)(struct conn *c, void *owner);
	/* No byte arrived for the time set with conn_set_idle. */
	void (*on_idle)(struct conn *c, void *owner);
	/* Output fell below the low-water mark after conn_is_full was true. */
	void (*on_room)(struct conn *c, void *owner);
	/* The last call; c is freed after it.  why is a short text for the log, or NULL. */
	void (*on_end)(struct conn *c, void *owner, enum conn_end end, const char *why);
};

/* Takes fd (non-blocking, TCP_NODELAY set where it applies). */
struct conn *conn_new(
	struct worker *w, int fd, const struct addr *peer, const struct conn_ops *ops, void *owner);
void conn_set_owner(struct conn *c, const struct conn_ops *ops, void *owner);
struct worker *conn_worker(const struct conn *c);
/* The peer; behind a proxy with the PROXY protocol, its client. */
const struct addr *conn_peer(const struct conn *c);
/* Who is at the other end of a UNIX socket; false for others. */
MUST_CHECK bool conn_uid(const struct conn *c, unsigned *uid);
/* "c2s-1f": for logs; the conn copies it. */
void conn_set_id(struct conn *c, const char *id);

/* ---- Write ------------------------------------------------------------------ */

/* Append to it, then conn_dirty. */
struct buf *conn_out(struct conn *c);
void conn_dirty(struct conn *c);
void conn_write(struct conn *c, struct str bytes);
/* Bytes that the peer has not taken. */
size_t conn_unsent(const struct conn *c);
/* More waits than max (set by conn_set_max_output; 0: no bound): the owner decides what to do. */
bool conn_is_full(const struct conn *c);
void conn_set_max_output(struct conn *c, size_t max);

/* ---- Read ------------------------------------------------------------------- */

/* No on_bytes until conn_resume; bytes stay in the kernel. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* on_idle after that silence, again and again; 0: never. */
void conn_set_idle(struct conn *c, msec_t after);

/* ---- End -------------------------------------------------------------------- */

/* Writes what waits, says close_notify, half-closes, waits a little for the peer's end; then
 * on_end. */
void conn_close(struct conn *c);
/* At once; on_end(CONN_CLOSED) comes at the end of this turn. */
void conn_abort(struct conn *c);

/* ---- TLS -------------------------------------------------------------------- */

/* Server handshake starts with the next byte; what waits in conn_out is written first, in clear.
 * Certificates: by SNI among the hosts of the worker's configuration, else that of `host` (may
 * be NULL: the first).  alpn: protocol that must be chosen if the client offers any, e.g.
 * "xmpp-client"; NULL: none. */
void conn_start_tls(struct conn *c, const struct host *host, const char *alpn);
bool conn_is_tls(const struct conn *c);
/* The client came over TLS to a proxy, which said so with the PROXY protocol. */
bool conn_is_proxied_tls(const struct conn *c);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384" for the log; "" without TLS. */
const char *conn_tls_text(struct conn *c, char *out, size_t n);
bool conn_is_tls13(const struct conn *c);
/* RFC 9266: 32 bytes; false if not available (TLS 1.2 without extended master secret). */
MUST_CHECK bool conn_tls_exporter(struct conn *c, unsigned char out[32]);
/* The client's Finished message (RFC 5929 tls-unique of a full handshake); *n bytes.  Never offered; for clients that know
 * no other binding (docs/decisions).  False if there is none. */
MUST_CHECK bool conn_tls_unique(struct conn *c, unsigned char out[64], size_t *n);
/* RFC 5929 tls-server-end-point of the certificate we sent; *n bytes. False if not defined for
 * it. */
MUST_CHECK bool conn_tls_end_point(struct conn *c, unsigned char out[64], size_t *n);

/* ---- Move ------------------------------------------------------------------- */

/* Takes the connection off this worker; arrived(to, c, owner) runs on `to`, and from then on
 * everything does.  Between the call and arrived nothing may touch c.  Bytes in conn_out go with
 * it. */
void conn_move(struct conn *c, struct worker *to,
	void (*arrived)(struct worker *to, struct conn *c, void *owner));

#endif
