/*
 * digest.c -- SHA-1, SHA-256, SHA-512, HMAC and PBKDF2 over libcrypto.
 *
 * OpenSSL looks an algorithm up by name on every one-shot call, which costs more than hashing a
 * short text.  So the algorithms are fetched once per process, and each thread keeps one context
 * for digests and one per algorithm for HMAC, which it starts anew for every call.
 *
 * Failures of libcrypto here are lack of memory or a broken installation: the process ends.
 *
 * Runs on: any thread.
 */
#include "base/digest.h"

#include "base/attr.h"
#include "base/mem.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name;
	size_t size;
} digests[DIGEST_COUNT] = {
	[DIGEST_SHA1] = { "SHA1", 20 },
	[DIGEST_SHA256] = { "SHA256", 32 },
	[DIGEST_SHA512] = { "SHA512", 64 },
};

/* One thread's contexts. */
struct contexts {
	EVP_MD_CTX *md;
	EVP_MAC_CTX *mac[DIGEST_COUNT];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;
static EVP_MD *fetched[DIGEST_COUNT];
static EVP_MAC *hmac;

/* Ends the process if something in libcrypto did not work. */
static void
require(bool worked)
{
	if (!worked) {
		fputs("bongsu: libcrypto cannot compute digests\n", stderr);
		abort();
	}
}

static void
contexts_free(void *arg)
{
	struct contexts *c = arg;

	EVP_MD_CTX_free(c->md);
	for (int d = 0; d < DIGEST_COUNT; d++)
		EVP_MAC_CTX_free(c->mac[d]);
	mem_free(&c);
}

static void
fetch(void)
{
	for (int d = 0; d < DIGEST_COUNT; d++) {
		fetched[d] = EVP_MD_fetch(NULL, digests[d].name, NULL);
		require(fetched[d] != NULL);
	}
	hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	require(hmac && pthread_key_create(&contexts_key, contexts_free) == 0);
}

static EVP_MAC_CTX *
mac_context(const char *digest)
{
	/* The parameter wants a char *, but only reads it. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

	require(mac && EVP_MAC_CTX_set_params(mac, params) == 1);
	return mac;
}

/* This thread's contexts. */
static struct contexts *
contexts_get(void)
{
	struct contexts *c;

	pthread_once(&once, fetch);
	c = pthread_getspecific(contexts_key);
	if (c)
		return c;
	c = MEM_NEW(struct contexts);
	c->md = EVP_MD_CTX_new();
	require(c->md != NULL);
	for (int d = 0; d < DIGEST_COUNT; d++)
		c->mac[d] = mac_context(digests[d].name);
	require(pthread_setspecific(contexts_key, c) == 0);
	return c;
}

/* libcrypto takes NULL for "as before". */
static const void *
bytes_of(struct str s)
{
	return s.p ? s.p : "";
}

size_t
digest_size(enum digest d)
{
	return digests[d].size;
}

void
digest_of(enum digest d, struct str in, uint8_t out[DIGEST_MAX])
{
	EVP_MD_CTX *md = contexts_get()->md;

	require(EVP_DigestInit_ex2(md, fetched[d], NULL) == 1 &&
		EVP_DigestUpdate(md, bytes_of(in), in.n) == 1 &&
		EVP_DigestFinal_ex(md, out, NULL) == 1);
}

void
digest_hmac(enum digest d, struct str key, struct str in, uint8_t out[DIGEST_MAX])
{
	EVP_MAC_CTX *mac = contexts_get()->mac[d];
	size_t n = 0;

	require(EVP_MAC_init(mac, bytes_of(key), key.n, NULL) == 1 &&
		EVP_MAC_update(mac, bytes_of(in), in.n) == 1 &&
		EVP_MAC_final(mac, out, &n, DIGEST_MAX) == 1);
	assert(n == digests[d].size);
}

void
digest_pbkdf2(enum digest d, struct str password, struct str salt, unsigned iterations,
	uint8_t out[DIGEST_MAX])
{
	(void)contexts_get(); /* so that the algorithms are there */
	assert(password.n < INT32_MAX && salt.n < INT32_MAX && iterations > 0 &&
		iterations < INT32_MAX);
	require(PKCS5_PBKDF2_HMAC(bytes_of(password), (int)password.n, bytes_of(salt), (int)salt.n,
			(int)iterations, fetched[d], (int)digests[d].size, out) == 1);
}

bool
digest_same(const void *a, const void *b, size_t n)
{
	return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}
