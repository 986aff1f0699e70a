/*
 * rand.c -- unpredictable bytes (from OpenSSL's generator).
 *
 * A generator that fails leaves nothing that could be done safely: the process ends.
 *
 * Runs on: any thread.
 */
#include "base/rand.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

void
rand_bytes(void *out, size_t n)
{
	unsigned char *at = out;

	while (n > 0) {
		int part = n < 65536 ? (int)n : 65536;

		if (RAND_bytes(at, part) != 1) {
			fputs("bongsu: no random bytes\n", stderr);
			abort();
		}
		at += part;
		n -= (size_t)part;
	}
}

uint64_t
rand_u64(void)
{
	uint64_t value;

	rand_bytes(&value, sizeof(value));
	return value;
}

void
rand_id(char out[RAND_ID_SIZE])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char bytes[RAND_ID_SIZE - 1];

	/* Five of the eight bits of each byte: simpler than packing, and as random. */
	rand_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		out[i] = digits[bytes[i] & 31];
	out[sizeof(bytes)] = '\0';
}
