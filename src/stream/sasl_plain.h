/*
 * sasl_plain.h -- the message of PLAIN (RFC 4616), pure.
 *
 * Runs on: any thread.
 */
#ifndef STREAM_SASL_PLAIN_H
#define STREAM_SASL_PLAIN_H

#include "base/arena.h"
#include "xmpp/cond.h"

struct plain {
	const char *authzid; /* NULL: none */
	const char *user; /* as it came, not empty */
	struct str password; /* as it came, not empty */
};

/* Reads «authzid NUL user NUL password» into *out; the password stays in message, the names go to a. */
enum sasl_cond plain_read(struct arena *a, struct str message, struct plain *out);

#endif
