/*
 * tls_client.c -- a TLS client for tests that decides itself when its bytes leave.
 *
 * Runs on: the test process
 */
#include "tests/unit/net/tls_client.h"

#include "tests/unit/net/net_test.h"

#include <check.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void
client_init(struct client *t, int fd, const struct client_options *o)
{
	memset(t, 0, sizeof(*t));
	t->fd = fd;
	t->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(t->ctx, 0);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(t->ctx, o->version), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(t->ctx, o->version), 1);
	t->ssl = SSL_new(t->ctx);
	SSL_set_bio(t->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(t->ssl);
	if (o->sni)
		ck_assert_int_eq(SSL_set_tlsext_host_name(t->ssl, o->sni), 1);
	if (o->alpn)
		ck_assert_int_eq(SSL_set_alpn_protos(t->ssl, (const unsigned char *)o->alpn,
					 (unsigned)strlen(o->alpn)),
			0);
}

void
client_fini(struct client *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	if (t->fd >= 0)
		close(t->fd);
}

void
client_flush(struct client *t)
{
	char *bytes;
	long n = BIO_get_mem_data(SSL_get_wbio(t->ssl), &bytes);

	if (n > 0)
		fd_write(t->fd, bytes, (size_t)n);
	(void)BIO_reset(SSL_get_wbio(t->ssl));
}

/* One recv; false at the end. */
static bool
fill(struct client *t)
{
	struct pollfd ready = { t->fd, POLLIN, 0 };
	char bytes[65536];
	ssize_t n;

	client_flush(t);
	ck_assert_int_eq(poll(&ready, 1, 60000), 1);
	n = recv(t->fd, bytes, sizeof(bytes), 0);
	if (n <= 0)
		return false;
	ck_assert_int_eq(BIO_write(SSL_get_rbio(t->ssl), bytes, (int)n), (int)n);
	return true;
}

bool
client_handshake(struct client *t)
{
	int done;

	for (;;) {
		ERR_clear_error();
		done = SSL_do_handshake(t->ssl);
		if (done == 1)
			return true;
		if (SSL_get_error(t->ssl, done) != SSL_ERROR_WANT_READ || !fill(t))
			return false;
	}
}

void
client_write(struct client *t, const void *bytes, size_t n)
{
	ck_assert_int_eq(SSL_write_ex(t->ssl, bytes, n, &n), 1);
	client_flush(t);
}

void
client_read(struct client *t, void *bytes, size_t n)
{
	char *p = bytes;
	size_t got;

	while (n > 0) {
		ERR_clear_error();
		if (SSL_read_ex(t->ssl, p, n, &got) == 1) {
			p += got;
			n -= got;
			continue;
		}
		ck_assert_int_eq(SSL_get_error(t->ssl, 0), SSL_ERROR_WANT_READ);
		ck_assert_msg(fill(t), "the server closed");
	}
}

int
client_drain(struct client *t, size_t *n)
{
	char bytes[16384];
	size_t got;
	int error;

	*n = 0;
	for (;;) {
		ERR_clear_error();
		if (SSL_read_ex(t->ssl, bytes, sizeof(bytes), &got) == 1) {
			*n += got;
			continue;
		}
		error = SSL_get_error(t->ssl, 0);
		if (error != SSL_ERROR_WANT_READ || !fill(t))
			return error;
	}
}
