/*
 * scram.h -- the client's side of SCRAM, with remembered salted passwords.
 */
#ifndef BENCH_SCRAM_H
#define BENCH_SCRAM_H

#include "buf.h"
#include "options.h"
#include "scan.h"

#include <stdbool.h>

struct scram;

/* Name of a mechanism; not for MECH_BEST. */
const char *scram_name(enum mech mech);

/* Begin an exchange for account number account, called user; the password is needed once. */
struct scram *scram_new(enum mech mech, unsigned account, const char *user, const char *password);

/* Free an exchange and set it to NULL; NULL is accepted. */
void scram_free(struct scram **s);

/* Append the base64 of the client's first message (RFC 5802 7), without channel binding. */
void scram_first(const struct scram *s, struct buf *out);

/* Take the base64 of the server's first message, append that of the client's final one.
 * False when it is malformed or not an answer to ours. */
bool scram_answer(struct scram *s, struct span challenge, struct buf *out);

/* Does the base64 of the server's final message carry the right signature? */
bool scram_verify(const struct scram *s, struct span final);

/* Load remembered salted passwords from a file; a missing file is an empty one. */
void scram_cache_load(const char *path);

/* Write them back if there are new ones; false, with a line on stderr, when that failed. */
bool scram_cache_save(const char *path);

#endif
