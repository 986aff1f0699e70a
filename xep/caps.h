/*
 * caps.h -- entity capabilities (XEP-0115): the <c/> element, and the hash over a disco#info
 * result.
 *
 * Runs on: any thread.
 */
#ifndef XEP_CAPS_H
#define XEP_CAPS_H

#include "base/digest.h"
#include "xml/xml.h"

/* Identities, features, forms and their fields beyond these are not hashed. */
#define CAPS_PARTS_MAX 1024

struct caps {
	enum digest hash;
	const char *node, *ver;
};

/* The <c/> x; texts are borrowed.  False if it is none, is of the form before version 1.4 (no
 * hash), or of a hash that this server does not know. */
MUST_CHECK bool caps_read(const struct xml *x, struct caps *out);
struct xml *caps_write(struct arena *a, const struct caps *c);

/* The verification string of the disco#info <query/> (XEP-0115 5.1), hashed, as base64 in a.
 * NULL if the result is ill-formed (5.4): an identity, feature or form twice, a form of two types,
 * more than CAPS_PARTS_MAX parts; or if a text has a «<», with which one result could be passed
 * off as another. */
const char *caps_ver(struct arena *a, const struct xml *query, enum digest hash);

#endif
