/*
 * encode.h -- base64 and hex.
 *
 * Runs on: any thread.
 */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/arena.h"

/* Standard alphabet with padding, NUL-terminated. */
char *base64_encode(struct arena *a, const void *bytes, size_t n);
/* Strict (RFC 4648 3.3, 3.5: no white space, no stray bits); false if not base64.  The bytes are
 * followed by a NUL that is not counted. */
bool base64_decode(struct arena *a, struct str text, struct str *out);
/* Lower case, NUL-terminated. */
char *hex_encode(struct arena *a, const void *bytes, size_t n);

#endif
