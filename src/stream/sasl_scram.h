/*
 * sasl_scram.h -- the server's side of SCRAM (RFC 5802, 7677), pure.
 *
 * scram_first reads the client's first message; when the keys are there (true ones, or made-up ones
 * for a user who does not exist), scram_challenge makes the server's first message and scram_final
 * checks the client's proof.
 *
 * Runs on: any thread.
 */
#ifndef STREAM_SASL_SCRAM_H
#define STREAM_SASL_SCRAM_H

#include "base/arena.h"
#include "home/credential.h"
#include "xmpp/cond.h"

struct scram {
	struct arena *arena;
	enum digest digest;
	bool plus; /* the mechanism is a -PLUS one */
	bool plus_offered; /* the features offered one: a client that says `y` was lied to */
	/* from the client's first message: */
	const char *binding; /* "tls-exporter" of `p=`, or NULL */
	const char *authzid; /* or NULL */
	const char *user;
	struct str gs2; /* header */
	struct str client_first; /* bare */
	struct str client_nonce;
	/* from the challenge: */
	const struct scram_keys *keys;
	const char *server_first, *nonce;
};

/* SASL_COND_NONE, or why not. */
enum sasl_cond scram_first(struct scram *s, struct str message);
/* nonce: the server's part, printable.  Keys must live as long as s. */
const char *scram_challenge(struct scram *s, const struct scram_keys *keys, const char *nonce);
/* binding_data: the channel's, when s->binding.  On success *server_final is "v=...". */
enum sasl_cond scram_final(
	struct scram *s, struct str message, struct str binding_data, const char **server_final);

#endif
