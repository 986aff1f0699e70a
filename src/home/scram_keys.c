/*
 * scram_keys.c -- what is kept instead of a password (RFC 5802 3).
 *
 * Runs on: a chore thread.
 */
#include "home/credential.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

void
scram_keys_make(struct scram_keys *k, enum digest d, struct str password, unsigned iterations,
	const uint8_t *salt, size_t salt_length)
{
	size_t size = digest_size(d);
	uint8_t salted[DIGEST_MAX], client_key[DIGEST_MAX];
	struct str key = { (const char *)salted, size };

	assert(salt_length <= SCRAM_SALT_MAX);
	memset(k, 0, sizeof(*k));
	k->digest = d;
	k->iterations = iterations;
	k->salt_length = salt_length;
	memcpy(k->salt, salt, salt_length);
	digest_pbkdf2(
		d, password, (struct str){ (const char *)salt, salt_length }, iterations, salted);
	digest_hmac(d, key, STR("Client Key"), client_key);
	digest_of(d, (struct str){ (const char *)client_key, size }, k->stored_key);
	digest_hmac(d, key, STR("Server Key"), k->server_key);
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client_key, sizeof(client_key));
}
