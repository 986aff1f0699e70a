/*
 * prep.h -- string preparation of the parts of an address (libidn hides behind this).
 *
 * Runs on: any thread.
 */
#ifndef XMPP_PREP_H
#define XMPP_PREP_H

#include "xmpp/jid.h"

struct prepped {
	char text[JID_PART_MAX + 1]; /* NUL-terminated */
	size_t n;
};

/* False if s is not allowed, or is empty, or has more than JID_PART_MAX bytes before or after. */
bool prep_local(struct str s, struct prepped *out);
bool prep_domain(struct str s, struct prepped *out);
bool prep_resource(struct str s, struct prepped *out);
bool prep_password(struct str s, struct prepped *out);

/* s needs no preparation: it is ASCII and would come out as it is. */
bool prep_is_local(struct str s);
bool prep_is_domain(struct str s);
bool prep_is_resource(struct str s);

#endif
