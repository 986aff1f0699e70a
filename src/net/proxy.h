/*
 * proxy.h -- the header of the PROXY protocol, versions 1 and 2: who the client of a proxy is.
 *
 * Runs on: any thread.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "base/str.h"
#include "net/addr.h"

/* A longer one (version 2 with many extensions) is refused. */
#define PROXY_HEADER_MAX 4096

enum proxy_parsed {
	PROXY_MORE, /* the bytes end within it */
	PROXY_DONE,
	PROXY_BAD, /* it is none */
};

struct proxy_header {
	size_t size; /* in bytes */
	bool known; /* it names the client; else the proxy speaks for itself (a health check) */
	struct addr peer; /* if known */
	bool tls; /* the client came to the proxy over TLS */
};

enum proxy_parsed proxy_parse(struct str bytes, struct proxy_header *out);

#endif
