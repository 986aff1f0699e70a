/*
 * listener.h -- sockets that accept, one for each worker (SO_REUSEPORT), long backlog.
 *
 * Counts connections per address over all workers and refuses what exceeds the limit.  When file
 * descriptors run out it stops accepting for a moment, says so once and goes on.
 *
 * Runs on: main (open, close), each worker (accept).
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "config/config.h"
#include "net/conn.h"

/* Gives an accepted connection its owner (conn_set_owner) on worker w; listen is the
 * configuration's row. */
typedef void accept_fn(struct worker *w, struct conn *c, const struct listen_conf *listen);

/* Who serves `service` in the configuration; before listeners_open. */
void listener_serve(const char *service, accept_fn *accept);
/* Opens all listeners of c; *e names address and port that cannot be had. */
MUST_CHECK bool listeners_open(const struct config *c, struct err *e);
/* A UNIX socket with mode 0600 on worker w; replaces a stale socket file, refuses one in use. */
MUST_CHECK bool listener_open_unix(
	struct worker *w, const char *path, accept_fn *accept, struct err *e);
/* No new connections from now on. */
void listeners_close(void);
/* «address port» of each open listener: for the readiness line and tests that listen on port 0. */
void listeners_each(void (*tell)(const struct listen_conf *l, unsigned port, void *ctx), void *ctx);
/* An address's count goes down when its connection ends: conn.c calls it. */
void listener_gone(const struct addr *peer);

#endif
