/*
 * cond.h -- the error conditions of stanzas, streams and SASL (cond.def holds the tables).
 *
 * Runs on: any thread.
 */
#ifndef XMPP_COND_H
#define XMPP_COND_H

#include <stdbool.h>

enum error_type { ERROR_AUTH, ERROR_CANCEL, ERROR_CONTINUE, ERROR_MODIFY, ERROR_WAIT };

enum cond {
	COND_NONE,

#define COND(symbol, wire, type) COND_##symbol,
#include "xmpp/cond.def"
#undef COND
};

enum stream_cond {
	STREAM_COND_NONE,

#define STREAM_COND(symbol, wire) STREAM_COND_##symbol,
#include "xmpp/cond.def"
#undef STREAM_COND
};

enum sasl_cond {
	SASL_COND_NONE,

#define SASL_COND(symbol, wire) SASL_COND_##symbol,
#include "xmpp/cond.def"
#undef SASL_COND
};

/* Wire names; "" for NONE. */
const char *cond_name(enum cond c);
const char *stream_cond_name(enum stream_cond c);
const char *sasl_cond_name(enum sasl_cond c);
enum error_type cond_type(enum cond c);
const char *error_type_name(enum error_type t);

/* A peer's mistake: data, answered and not logged.  text (English, static) may be NULL. */
struct problem {
	enum cond cond;
	const char *text;
};

/* Fills *why and returns false, so that `return problem(why, COND_BAD_REQUEST, "...")` reads
 * well. */
bool problem(struct problem *why, enum cond c, const char *text);

#endif
