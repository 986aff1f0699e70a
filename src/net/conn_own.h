/*
 * conn_own.h -- the structs behind a connection; for src/net only.
 *
 * Runs on: the connection's worker.
 */
#ifndef NET_CONN_OWN_H
#define NET_CONN_OWN_H

#include <event2/event_struct.h>

#include "base/list.h"
#include "net/conn.h"
#include "run/timer.h"

enum {
	NET_READ = 64 * 1024, /* bytes read from a socket in one turn */
	NET_PLAIN = 96 * 1024, /* what they, and a record that was cut before them, decrypt to */
	NET_WRITE = 64 * 1024, /* bytes encrypted at a time */
	NET_WIRE_MAX = 256 * 1024, /* that TLS itself may answer to a peer that does not read */
};

/* What connections of one worker share. */
struct net {
	struct list conns;
	char *read; /* NET_READ bytes */
	char *plain; /* NET_PLAIN bytes */
	struct buf wire; /* encrypted, on its way into the socket */
	/* For the BIO, set around each call into OpenSSL: what it reads, and where it writes. */
	const char *in;
	size_t in_n;
	struct buf *sink;
};

enum conn_state {
	STATE_OPEN,
	STATE_CLOSING, /* nothing is delivered any more; what waits is written */
	STATE_LINGER, /* all is written and half-closed: waits for the peer's end */
	STATE_ENDED, /* on_end comes at the end of the turn */
};

struct ssl_st;

struct tls {
	struct ssl_st *ssl; /* OpenSSL's SSL */
	struct buf wire; /* bytes that the socket did not take, or that come before the handshake */
	struct buf held; /* decrypted, but paused or on the move when it was to be delivered */
	const char *alpn; /* the only protocol that is accepted; NULL: none is looked at */
	const char *fault; /* the session broke; told when held is delivered */
	bool up, eof, broken, said_bye;
};

struct conn {
	struct event event;
	struct worker *worker;
	struct list list; /* net->conns */
	const struct conn_ops *ops;
	void *owner;
	struct tls *tls; /* NULL: plain */
	struct buf out; /* plain bytes to be written */
	struct later later;
	struct timer timer;
	size_t max_out;
	msec_t heard; /* when bytes came last */
	msec_t moved; /* when output went out last, or began to wait */
	msec_t idle;
	const char *why;
	int fd;
	short watching; /* EV_READ, EV_WRITE */
	uint8_t state; /* enum conn_state */
	uint8_t end; /* enum conn_end */
	bool paused, blocked, full, moving, peer_eof, counted;
	bool proxied_tls; /* TLS ended at a proxy that we believe */
	char id[16];
	struct addr peer;
};

struct net *net_of(struct worker *w);

/* ---- conn.c ----------------------------------------------------------------- */

/* on_end at the end of the turn; the first one counts. */
void conn_end_soon(struct conn *c, enum conn_end end, const char *why);
/* The peer said that it sends nothing more, or cannot be understood: writes what waits, then ends
 * so. */
void conn_end_after_output(struct conn *c, enum conn_end end, const char *why);
/* Sees to it that the timer fires in time for whatever c waits for. */
void conn_arm(struct conn *c);
/* c was accepted by a listener that counts addresses. */
void conn_set_counted(struct conn *c);
/* Frees it after on_end; for the end of the process. */
void conn_finish(struct conn *c);

/* ---- conn_io.c -------------------------------------------------------------- */

/* Registers for what c wants to hear from its socket now. */
void conn_watch(struct conn *c);
/* Takes it off its worker's loop. */
void conn_unwatch(struct conn *c);
/* Runs at the end of a turn in which anything happened. */
void conn_flush(struct conn *c);
size_t conn_waiting(const struct conn *c);
/* Gives bytes to the owner, if it still wants any: true.  */
bool conn_deliver(struct conn *c, const char *bytes, size_t n);
/* Bytes from the socket, for TLS or the owner. */
void conn_received(struct conn *c, const char *bytes, size_t n);

/* ---- tls.c ------------------------------------------------------------------ */

void tls_free(struct tls **t);
/* Bytes from the socket. */
void tls_received(struct conn *c, const char *bytes, size_t n);
/* Delivers what was held back, and the end that came after it, if c's owner can take them now. */
void tls_resume(struct conn *c);
/* Encrypts what waits (and says good-bye if c is closing) behind what tls->wire still has; *out is
 * then all that is to be written: tls->wire, or the worker's buffer.  False: TLS broke. */
MUST_CHECK bool tls_encrypt(struct conn *c, struct buf **out);
/* Something is left that tls_encrypt could work on. */
bool tls_has_more(const struct conn *c);

/* ---- proxied.c -------------------------------------------------------------- */

struct listen_conf;
/* Gives a connection its owner, who takes what comes next. */
typedef void proxied_fn(struct conn *c, const struct listen_conf *listen, void *arg);
/* Reads a header of the PROXY protocol; go runs when c has the address of the client. */
void proxied_start(struct conn *c, const struct listen_conf *listen, proxied_fn *go, void *arg);

/* ---- listener.c ------------------------------------------------------------- */

/* Lets go of the configuration whose rows connections may have known. */
void listeners_forget(void);

#endif
