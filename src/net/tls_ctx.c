/*
 * tls_ctx.c -- what all TLS connections have in common, and which certificate one gets.
 *
 * TLS 1.2 with ECDHE and AEAD ciphers, and TLS 1.3.  No compression, no renegotiation, no tickets
 * and no session cache: resumption saves little beside an ECDSA handshake, and without it no key
 * outlives a connection.
 *
 * Contexts belong to a snapshot of the configuration; hosts with the same files share one.  A
 * connection keeps its context alive by itself, so a snapshot may go while handshakes are under
 * way.
 *
 * Runs on: main (prepare, release), the connection's worker (callbacks).
 */
#include "base/log.h"
#include "net/conn_own.h"
#include "net/net.h"
#include "net/tls_own.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static const char ciphers_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char ciphers_13[] =
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";

const char *
tls_error(void)
{
	unsigned long first = ERR_get_error();

	ERR_clear_error();
	return first ? ERR_reason_error_string(first) : NULL;
}

/* ---- Callbacks of the handshake --------------------------------------------- */

/* RFC 6066 3: names are compared without case.  A name that we do not serve gets the certificate
 * that the handshake began with; the client knows best what it expects. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct conn *c = SSL_get_app_data(ssl);
	const struct config *config = config_of(c->worker);
	const struct host *host;
	char lower[256];
	size_t n = 0;

	(void)alert;
	(void)arg;
	if (!name || !config)
		return SSL_TLSEXT_ERR_NOACK;
	while (n < sizeof(lower) - 1 && name[n]) {
		lower[n] = (char)tolower((unsigned char)name[n]);
		n++;
	}
	host = config_host(config, (struct str){ lower, n });
	if (!host || !host->tls_ctx)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_SSL_CTX(ssl, host->tls_ctx);
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301 3.2, XEP-0368 3: who offers protocols must offer ours. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
	unsigned in_n, void *arg)
{
	const struct conn *c = SSL_get_app_data(ssl);
	const char *want = c->tls->alpn;

	(void)arg;
	if (!want)
		return SSL_TLSEXT_ERR_NOACK;
	for (unsigned i = 0; i < in_n && i + in[i] < in_n; i += 1U + in[i]) {
		if (str_is((struct str){ (const char *)&in[i + 1], in[i] }, want)) {
			*out = &in[i + 1];
			*out_n = in[i];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
no_password(char *out, int room, int writing, void *arg)
{
	(void)out;
	(void)room;
	(void)writing;
	(void)arg;
	return -1;
}

/* ---- Contexts --------------------------------------------------------------- */

SSL_CTX *
tls_ctx_new(const char *certificate, const char *key, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool ok;

	assert(ctx != NULL); /* no memory */
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	ok = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	     SSL_CTX_set_cipher_list(ctx, ciphers_12) == 1 &&
	     SSL_CTX_set_ciphersuites(ctx, ciphers_13) == 1 &&
	     SSL_CTX_set1_groups_list(ctx, groups) == 1;
	if (!ok)
		err_set(e, "OpenSSL lacks a cipher or a group: %s", tls_error());
	if (ok && tls_cert_load(ctx, certificate, key, e))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

bool
tls_check(const char *certificate, const char *key, struct err *e)
{
	SSL_CTX *ctx = tls_ctx_new(certificate, key, e);
	bool ok = ctx != NULL;

	SSL_CTX_free(ctx);
	return ok;
}

SSL_CTX *
tls_ctx_for(const struct worker *w, const struct host *host)
{
	const struct config *config = config_of(w);

	if (host && host->tls_ctx)
		return host->tls_ctx;
	for (size_t i = 0; config && i < config->hosts_count; i++) {
		if (config->hosts[i]->tls_ctx)
			return config->hosts[i]->tls_ctx;
	}
	return NULL;
}

static void
warn(const struct host *host, SSL_CTX *ctx)
{
	const char *file = host->tls.certificate;
	int days;

	switch (tls_cert_doubt(ctx, host->name, &days)) {
	case CERT_EXPIRED:
		log_warn(AREA_NET, host->name, "certificate %s has expired %d days ago", file,
			-days);
		break;
	case CERT_ENDS_SOON:
		log_warn(AREA_NET, host->name, "certificate %s ends in %d days", file, days);
		break;
	case CERT_NOT_YET:
		log_warn(AREA_NET, host->name, "certificate %s is not valid yet", file);
		break;
	case CERT_OTHER_NAME:
	case CERT_FINE:
		break;
	}
	if (!tls_cert_names(ctx, host->name))
		log_warn(AREA_NET, host->name, "certificate %s does not name the host %s", file,
			host->name);
}

/* A context of an earlier host with the same files, with a reference of its own; or NULL. */
static SSL_CTX *
shared(const struct config *c, const struct host *host)
{
	for (size_t i = 0; i < c->hosts_count && c->hosts[i] != host; i++) {
		const struct host *other = c->hosts[i];

		if (other->tls_ctx && text_eq(other->tls.certificate, host->tls.certificate) &&
			text_eq(other->tls.key, host->tls.key)) {
			SSL_CTX_up_ref(other->tls_ctx);
			return other->tls_ctx;
		}
	}
	return NULL;
}

bool
tls_prepare(struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->hosts_count; i++) {
		struct host *host = c->hosts[i];

		if (!host->tls.certificate || host->tls_ctx)
			continue;
		host->tls_ctx = shared(c, host);
		if (!host->tls_ctx) {
			const char *key = host->tls.key ? host->tls.key : host->tls.certificate;

			host->tls_ctx = tls_ctx_new(host->tls.certificate, key, e);
		}
		if (!host->tls_ctx)
			return err_wrap(e, "host %s", host->name);
		warn(host, host->tls_ctx);
	}
	return true;
}

void
tls_release(struct config *c)
{
	for (size_t i = 0; i < c->hosts_count; i++) {
		SSL_CTX_free(c->hosts[i]->tls_ctx);
		c->hosts[i]->tls_ctx = NULL;
	}
}
