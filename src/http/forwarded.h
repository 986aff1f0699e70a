/*
 * forwarded.h -- who the client of a request is, when proxies stand between (RFC 7239).
 *
 * Runs on: any thread.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "config/config.h"
#include "http/head.h"
#include "net/addr.h"

struct http_client {
	struct addr addr;
	bool secure; /* it uses TLS, to us or to a proxy that says so */
	bool forwarded; /* there is a proxy: TLS that ends here, if any, is the proxy's */
};

/* peer and tls are the connection's.  What `Forwarded`, else `X-Forwarded-For` and
 * `X-Forwarded-Proto`, say is believed as far as each one who says it is among l's proxies. */
struct http_client http_client_of(
	const struct listen_conf *l, const struct addr *peer, bool tls, const struct http_head *h);

#endif
