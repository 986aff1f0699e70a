/*
 * cond.c -- the error conditions by name, from cond.def.
 *
 * Runs on: any thread.
 */
#include "xmpp/cond.h"

#include <stddef.h>

static const char *const names[] = {
	"",
#define COND(symbol, wire, type) wire,
#include "xmpp/cond.def"
#undef COND
};

static const enum error_type types[] = {
	ERROR_CANCEL,

#define COND(symbol, wire, type) ERROR_##type,
#include "xmpp/cond.def"
#undef COND
};

static const char *const stream_names[] = {
	"",
#define STREAM_COND(symbol, wire) wire,
#include "xmpp/cond.def"
#undef STREAM_COND
};

static const char *const sasl_names[] = {
	"",
#define SASL_COND(symbol, wire) wire,
#include "xmpp/cond.def"
#undef SASL_COND
};

static const char *const type_names[] = {
	[ERROR_AUTH] = "auth",
	[ERROR_CANCEL] = "cancel",
	[ERROR_CONTINUE] = "continue",
	[ERROR_MODIFY] = "modify",
	[ERROR_WAIT] = "wait",
};

const char *
cond_name(enum cond c)
{
	return names[c];
}

const char *
stream_cond_name(enum stream_cond c)
{
	return stream_names[c];
}

const char *
sasl_cond_name(enum sasl_cond c)
{
	return sasl_names[c];
}

enum error_type
cond_type(enum cond c)
{
	return types[c];
}

const char *
error_type_name(enum error_type t)
{
	return type_names[t];
}

bool
problem(struct problem *why, enum cond c, const char *text)
{
	if (why)
		*why = (struct problem){ c, text };
	return false;
}
