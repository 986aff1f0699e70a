/*
 * rand.h -- unpredictable bytes (from OpenSSL's generator).
 *
 * Runs on: any thread.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t n);
uint64_t rand_u64(void);
/* 16 characters (80 bits, lower-case base32) and a NUL: stream ids, stanza ids, resources. */
#define RAND_ID_SIZE 17
void rand_id(char out[RAND_ID_SIZE]);

#endif
