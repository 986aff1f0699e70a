/*
 * tls.c -- TLS of a connection.
 *
 * OpenSSL never sees the socket.  A BIO of our own reads from the bytes that conn_io.c received
 * into the worker's buffer, and writes behind tls->wire or into the worker's buffer for the socket.
 * So there is one read and one write system call in a turn, however many records there are, and a
 * connection that waits holds nothing but OpenSSL's own state.
 *
 * All that was received is decrypted at once and delivered in one piece; it fits into the worker's
 * buffer, because what it decrypts to is never longer.  If the owner pauses or moves the connection
 * in between (in on_tls), the rest is held with the connection until it can be delivered; and so is
 * the knowledge that the peer ended.
 *
 * Bytes of OpenSSL's (handshake, alerts, key updates) gather in tls->wire and leave at the end of
 * the turn, so that the end of a handshake and the first answer share a write.
 *
 * Runs on: the connection's worker.
 */
#include "base/mem.h"
#include "base/metric.h"
#include "net/conn_own.h"
#include "net/tls_own.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- The BIO ---------------------------------------------------------------- */

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static struct net *
net_of_bio(BIO *bio)
{
	const struct conn *c = BIO_get_data(bio);

	return net_of(c->worker);
}

static int
bio_read(BIO *bio, char *out, size_t room, size_t *n)
{
	struct net *net = net_of_bio(bio);

	BIO_clear_retry_flags(bio);
	*n = room < net->in_n ? room : net->in_n;
	if (*n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, net->in, *n);
	net->in += *n;
	net->in_n -= *n;
	return 1;
}

static int
bio_write(BIO *bio, const char *in, size_t n, size_t *written)
{
	BIO_clear_retry_flags(bio);
	buf_put(net_of_bio(bio)->sink, in, n);
	*written = n;
	return 1;
}

static long
bio_ctrl(BIO *bio, int what, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

static void
make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "worker");
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

/* What OpenSSL does from here on reads `bytes` and writes behind `sink`. */
static void
enter(struct conn *c, const char *bytes, size_t n, struct buf *sink)
{
	struct net *net = net_of(c->worker);

	net->in = bytes;
	net->in_n = n;
	net->sink = sink;
	ERR_clear_error();
}

/* ---- Start and end ---------------------------------------------------------- */

void
conn_start_tls(struct conn *c, const struct host *host, const char *alpn)
{
	SSL_CTX *ctx;
	BIO *bio;

	assert(!c->moving);
	if (c->state != STATE_OPEN)
		return;
	if (c->tls) {
		c->tls->alpn = alpn;
		return;
	}
	ctx = tls_ctx_for(c->worker, host);
	if (!ctx) {
		conn_end_after_output(c, CONN_RESET, "no certificate is configured");
		return;
	}
	pthread_once(&method_once, make_method);
	c->tls = MEM_NEW(struct tls);
	c->tls->alpn = alpn;
	c->tls->ssl = SSL_new(ctx);
	bio = BIO_new(method);
	assert(c->tls->ssl != NULL && bio != NULL); /* no memory */
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->tls->ssl, bio, bio);
	SSL_set_app_data(c->tls->ssl, c);
	SSL_set_accept_state(c->tls->ssl);
	/* What waits goes in clear, before anything of the handshake. */
	c->tls->wire = c->out;
	c->out = (struct buf)BUF_INIT;
	conn_dirty(c);
}

void
tls_free(struct tls **t)
{
	if (!*t)
		return;
	SSL_free((*t)->ssl);
	buf_fini(&(*t)->wire);
	buf_fini(&(*t)->held);
	mem_free(t);
}

/* ---- Read ------------------------------------------------------------------- */

/* OpenSSL said no: waits for more bytes, or the session is over. */
static void
look(struct tls *t, int result)
{
	const char *why;

	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		t->eof = true;
		break;
	default:
		why = tls_error();
		t->broken = true;
		t->fault = why ? why : "TLS failed";
	}
}

/* Decrypts what was received into the worker's buffer. */
static size_t
decrypt(struct conn *c, char *plain)
{
	struct tls *t = c->tls;
	size_t got = 0, n;

	while (SSL_read_ex(t->ssl, plain + got, NET_PLAIN - got, &n) == 1) {
		got += n;
		assert(got < NET_PLAIN);
	}
	look(t, 0);
	return got;
}

/* The end of TLS is told after what came before it. */
static void
tell_end(struct conn *c)
{
	struct tls *t = c->tls;

	if (c->moving || c->state != STATE_OPEN || buf_len(&t->held) > 0)
		return;
	if (t->fault)
		conn_end_after_output(c, CONN_RESET, t->fault);
	else if (t->eof)
		conn_end_after_output(c, CONN_EOF, NULL);
}

void
tls_received(struct conn *c, const char *bytes, size_t n)
{
	struct tls *t = c->tls;
	char *plain = net_of(c->worker)->plain;
	bool was_up = t->up;
	size_t got = 0;
	int done;

	if (t->broken || t->eof)
		return;
	enter(c, bytes, n, &t->wire);
	if (!t->up) {
		done = SSL_do_handshake(t->ssl);
		t->up = done == 1;
		if (!t->up)
			look(t, done);
	}
	if (t->up)
		got = decrypt(c, plain);
	if (buf_len(&t->wire) > NET_WIRE_MAX) {
		t->broken = true;
		t->fault = "the peer makes TLS talk and does not read";
	}
	if (t->up || buf_len(&t->wire) > 0)
		conn_dirty(c);
	if (t->up && !was_up) {
		metric_add(METRIC_TLS_HANDSHAKES, 1);
		if (c->ops->on_tls)
			c->ops->on_tls(c, c->owner);
	}
	if (got > 0 && !conn_deliver(c, plain, got) && c->state == STATE_OPEN)
		buf_put(&t->held, plain, got);
	tell_end(c);
}

void
tls_resume(struct conn *c)
{
	struct tls *t = c->tls;
	struct buf held = t->held;

	if (buf_len(&held) > 0 && !c->paused && c->state == STATE_OPEN) {
		t->held = (struct buf)BUF_INIT;
		(void)conn_deliver(c, buf_bytes(&held), buf_len(&held));
		buf_fini(&held);
	}
	tell_end(c);
}

/* ---- Write ------------------------------------------------------------------ */

bool
tls_encrypt(struct conn *c, struct buf **out)
{
	struct net *net = net_of(c->worker);
	struct tls *t = c->tls;
	size_t n = buf_len(&c->out);

	*out = buf_len(&t->wire) > 0 ? &t->wire : &net->wire;
	if (!t->up || t->broken)
		return true;
	enter(c, NULL, 0, *out);
	if (n > 0 && buf_len(&t->wire) < NET_WRITE) {
		if (n > NET_WRITE)
			n = NET_WRITE;
		if (SSL_write_ex(t->ssl, buf_bytes(&c->out), n, &n) != 1) {
			look(t, 0);
			t->broken = true;
			return false;
		}
		buf_take(&c->out, n);
	}
	if (c->state == STATE_CLOSING && buf_len(&c->out) == 0 && !t->said_bye) {
		t->said_bye = true;
		(void)SSL_shutdown(t->ssl); /* the answer is not waited for */
	}
	return true;
}

bool
tls_has_more(const struct conn *c)
{
	const struct tls *t = c->tls;

	if (buf_len(&t->wire) > 0)
		return true;
	if (!t->up || t->broken)
		return false;
	return buf_len(&c->out) > 0 || (c->state == STATE_CLOSING && !t->said_bye);
}

/* ---- What the owner may ask ------------------------------------------------- */

bool
conn_is_tls(const struct conn *c)
{
	return c->tls && c->tls->up;
}

const char *
conn_tls_text(struct conn *c, char *out, size_t n)
{
	if (conn_is_tls(c))
		snprintf(out, n, "%s %s", SSL_get_version(c->tls->ssl),
			SSL_get_cipher_name(c->tls->ssl));
	else
		snprintf(out, n, "%s", "");
	return out;
}

bool
conn_is_tls13(const struct conn *c)
{
	return conn_is_tls(c) && SSL_version(c->tls->ssl) == TLS1_3_VERSION;
}

bool
conn_tls_exporter(struct conn *c, unsigned char out[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (!conn_is_tls(c) || (!conn_is_tls13(c) && SSL_get_extms_support(c->tls->ssl) != 1))
		return false;
	ERR_clear_error();
	return SSL_export_keying_material(c->tls->ssl, out, 32, label, sizeof(label) - 1,
		       (const unsigned char *)"", 0, 1) == 1;
}

bool
conn_tls_unique(struct conn *c, unsigned char out[64], size_t *n)
{
	*n = conn_is_tls(c) && !SSL_session_reused(c->tls->ssl)
		     ? SSL_get_peer_finished(c->tls->ssl, out, 64)
		     : 0;
	return *n > 0 && *n <= 64;
}

bool
conn_tls_end_point(struct conn *c, unsigned char out[64], size_t *n)
{
	const X509 *cert = conn_is_tls(c) ? SSL_get_certificate(c->tls->ssl) : NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;
	int nid;

	/* EdDSA signs without a hash of its own choice: not defined (RFC 5929 4.1). */
	if (!cert || !X509_get_signature_info((X509 *)cert, &nid, NULL, NULL, NULL) ||
		nid == NID_undef)
		return false;
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	if (!EVP_get_digestbynid(nid) ||
		X509_digest(cert, EVP_get_digestbynid(nid), digest, &len) != 1)
		return false;
	memcpy(out, digest, len);
	*n = len;
	return true;
}
