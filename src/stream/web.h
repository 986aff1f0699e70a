/*
 * web.h -- what streams over WebSocket and BOSH have in common.
 *
 * Runs on: the connection's worker.
 */
#ifndef STREAM_WEB_H
#define STREAM_WEB_H

#include "http/http.h"
#include "stream/stream.h"

/* A stream may begin here: over TLS, or from this machine. */
bool web_is_safe(const struct exchange *x);
/* The same; if it may not, that is answered. */
MUST_CHECK bool web_admit(struct exchange *x);
/* s->info of a new stream that x asks for; c is its connection, or NULL if it
 * has many. */
void web_describe(
	struct stream *s, const char *transport, const struct http_request *r, struct conn *c);

#endif
