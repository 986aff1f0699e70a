/*
 * tls_cert.c -- certificates and keys: loading them, and what is doubtful about them.
 *
 * A file that cannot be used stops the start (or the reload: what was before stays).  A certificate
 * that clients will not like is used all the same, and the operator is told: another server with a
 * wrong clock is no reason to be down.
 *
 * Runs on: main.
 */
#include "net/net.h"
#include "net/tls_own.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

enum { SOON = 30 }; /* days */

static bool
readable(const char *file, const char *what, struct err *e)
{
	/* OpenSSL's words for a missing file are worse. */
	return access(file, R_OK) == 0 || err_errno(e, "%s %s", what, file);
}

bool
tls_cert_load(SSL_CTX *ctx, const char *certificate, const char *key, struct err *e)
{
	const char *why;

	ERR_clear_error();
	if (!readable(certificate, "certificate", e) || !readable(key, "key", e))
		return false;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		why = tls_error();
		return err_set(e, "certificate %s: %s", certificate, why ? why : "not PEM");
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		unsigned long first = ERR_peek_error();
		bool other = ERR_GET_LIB(first) == ERR_LIB_X509;

		why = tls_error();
		return err_set(e, "key %s%s%s: %s", key,
			other ? " does not belong to certificate " : "", other ? certificate : "",
			why ? why : "not PEM");
	}
	if (SSL_CTX_check_private_key(ctx) != 1) {
		why = tls_error();
		return err_set(e, "key %s does not belong to certificate %s: %s", key, certificate,
			why ? why : "they differ");
	}
	return true;
}

bool
tls_cert_names(SSL_CTX *ctx, const char *host)
{
	return X509_check_host(SSL_CTX_get0_certificate(ctx), host, 0, 0, NULL) == 1;
}

enum tls_cert_doubt
tls_cert_doubt(SSL_CTX *ctx, const char *host, int *days_left)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);
	int seconds = 0;

	*days_left = 0;
	if (ASN1_TIME_diff(days_left, &seconds, NULL, X509_get0_notAfter(cert)) != 1 ||
		*days_left < 0 || seconds < 0)
		return CERT_EXPIRED;
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return CERT_NOT_YET;
	if (*days_left < SOON)
		return CERT_ENDS_SOON;
	return tls_cert_names(ctx, host) ? CERT_FINE : CERT_OTHER_NAME;
}

bool
tls_days_left(const struct host *h, int *days)
{
	int seconds;

	return h->tls_ctx && ASN1_TIME_diff(days, &seconds, NULL,
				     X509_get0_notAfter(SSL_CTX_get0_certificate(h->tls_ctx))) == 1;
}
