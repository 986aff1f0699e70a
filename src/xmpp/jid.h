/*
 * jid.h -- addresses (RFC 7622, prepared with the stringprep profiles of RFC 6122, which all peers
 * use).
 *
 * A struct jid is a small value that borrows its text: "local@domain/resource", prepared, so two
 * JIDs are equal when their texts are.  The text of a bare view (jid_bare) goes on behind its end:
 * use jid_full and jid_bare_str.
 *
 * Runs on: any thread.
 */
#ifndef XMPP_JID_H
#define XMPP_JID_H

#include "base/arena.h"
#include "base/str.h"

#define JID_PART_MAX 1023
#define JID_MAX (3 * JID_PART_MAX + 2)

struct jid {
	const char *text; /* NULL: no address */
	uint16_t local, domain, resource; /* lengths; 0: absent */
};

#define JID_NONE ((struct jid){ NULL, 0, 0, 0 })

enum jid_fault { JID_OK, JID_BAD_LOCAL, JID_BAD_DOMAIN, JID_BAD_RESOURCE };

/* Prepares text into *out, whose text lives in a.  On a fault *out is untouched. */
enum jid_fault jid_parse(struct arena *a, struct str text, struct jid *out);
/* From parts; local and resource may be STR_NONE. */
enum jid_fault jid_make(
	struct arena *a, struct str local, struct str domain, struct str resource, struct jid *out);
/* Prepares one part into a: nodeprep, nameprep+IDNA, resourceprep.  NULL if not allowed. */
const char *jid_prep_local(struct arena *a, struct str s);
const char *jid_prep_domain(struct arena *a, struct str s);
const char *jid_prep_resource(struct arena *a, struct str s);
/* SASLprep (RFC 4013); NULL if not allowed.  The result is a secret of the arena. */
const char *jid_prep_password(struct arena *a, struct str s);

struct jid jid_copy(struct arena *a, struct jid j);
/* The same without resource, borrowing j's text. */
struct jid jid_bare(struct jid j);
/* Its domain alone (borrowing). */
struct jid jid_host(struct jid j);
/* bare + resource, in a; resource must be prepared. */
struct jid jid_with_resource(struct arena *a, struct jid bare, struct str resource);

static inline bool
jid_is_none(struct jid j)
{
	return j.text == NULL;
}

static inline bool
jid_is_full(struct jid j)
{
	return j.resource > 0;
}

struct str jid_full(struct jid j); /* the whole text */
struct str jid_bare_str(struct jid j);
struct str jid_local(struct jid j);
struct str jid_domain(struct jid j);
struct str jid_resource(struct jid j);
/* NUL-terminated copy of the whole text. */
const char *jid_text(struct arena *a, struct jid j);

bool jid_eq(struct jid a, struct jid b); /* resource included */
bool jid_eq_bare(struct jid a, struct jid b);

#endif
