/*
 * tls_client.h -- a TLS client for tests that decides itself when its bytes leave.
 *
 * Runs on: the test process
 */
#ifndef UNIT_TLS_CLIENT_H
#define UNIT_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct client {
	SSL_CTX *ctx;
	SSL *ssl; /* over memory BIOs */
	int fd;
};

struct client_options {
	int version; /* TLS1_2_VERSION, TLS1_3_VERSION */
	const char *sni; /* NULL: none */
	const char *alpn; /* as on the wire: "\013xmpp-client"; NULL: none */
};

void client_init(struct client *t, int fd, const struct client_options *o);
/* Closes fd, if it is still open (>= 0). */
void client_fini(struct client *t);
/* Until both agree; the client's last flight is not sent yet: client_flush.  False: refused. */
bool client_handshake(struct client *t);
void client_flush(struct client *t);
/* Encrypts and sends. */
void client_write(struct client *t, const void *bytes, size_t n);
/* Exactly n bytes. */
void client_read(struct client *t, void *bytes, size_t n);
/* Reads to the end; SSL_ERROR_ZERO_RETURN if that was said, else what went wrong. */
int client_drain(struct client *t, size_t *n);

#endif
