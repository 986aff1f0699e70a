/*
 * tls_own.h -- contexts and certificates; for src/net/tls*.c only.
 *
 * Runs on: main (making), the connection's worker (tls_ctx_for, tls_error).
 */
#ifndef NET_TLS_OWN_H
#define NET_TLS_OWN_H

#include <openssl/types.h>
#include <stdbool.h>

#include "config/config.h"

/* ---- tls_ctx.c -------------------------------------------------------------- */

/* A context with certificate and key, or NULL. */
SSL_CTX *tls_ctx_new(const char *certificate, const char *key, struct err *e);
/* The one a handshake begins with: host's, or the first there is; NULL: there is none. */
SSL_CTX *tls_ctx_for(const struct worker *w, const struct host *host);
/* Text of the oldest error in OpenSSL's queue, which is emptied; NULL: none. */
const char *tls_error(void);

/* ---- tls_cert.c ------------------------------------------------------------- */

/* Loads chain and key into ctx and checks that they belong together. */
MUST_CHECK bool tls_cert_load(
	SSL_CTX *ctx, const char *certificate, const char *key, struct err *e);

enum tls_cert_doubt {
	CERT_FINE,
	CERT_EXPIRED,
	CERT_ENDS_SOON, /* within 30 days */
	CERT_NOT_YET, /* begins in the future */
	CERT_OTHER_NAME, /* is not for that host */
};
/* The first that applies to ctx's certificate, for `host` (prepared). */
enum tls_cert_doubt tls_cert_doubt(SSL_CTX *ctx, const char *host, int *days_left);
/* Whether it names host, as tls_cert_doubt may find something else first. */
bool tls_cert_names(SSL_CTX *ctx, const char *host);

#endif
