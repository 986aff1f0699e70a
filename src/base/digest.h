/*
 * digest.h -- SHA-1, SHA-256, SHA-512, HMAC and PBKDF2 over libcrypto.
 *
 * Algorithms are fetched once per process.  pbkdf2 takes milliseconds: never on a worker.
 *
 * Runs on: any thread.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum digest { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512, DIGEST_COUNT };

#define DIGEST_MAX 64

/* 20, 32 or 64. */
size_t digest_size(enum digest d);
void digest_of(enum digest d, struct str in, uint8_t out[DIGEST_MAX]);
void digest_hmac(enum digest d, struct str key, struct str in, uint8_t out[DIGEST_MAX]);
/* RFC 8018 PBKDF2-HMAC with digest_size(d) bytes of output; blocks. */
void digest_pbkdf2(enum digest d, struct str password, struct str salt, unsigned iterations,
	uint8_t out[DIGEST_MAX]);
/* Same bytes, in a time that does not depend on them. */
bool digest_same(const void *a, const void *b, size_t n);

#endif
