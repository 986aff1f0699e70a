/*
 * sasl_plain.c -- the message of PLAIN.
 *
 * Runs on: any thread.
 */
#include "stream/sasl_plain.h"

#include "base/utf8.h"

enum sasl_cond
plain_read(struct arena *a, struct str message, struct plain *out)
{
	struct str rest = message, authzid = str_cut(&rest, '\0'), user = str_cut(&rest, '\0');

	if (!rest.p || user.n == 0 || rest.n == 0 || str_find(rest, '\0') ||
		!utf8_is_xml(authzid) || !utf8_is_xml(user))
		return SASL_COND_MALFORMED_REQUEST;
	out->authzid = authzid.n > 0 ? arena_str(a, authzid) : NULL;
	out->user = arena_str(a, user);
	out->password = rest;
	return SASL_COND_NONE;
}
