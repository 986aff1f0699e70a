/*
 * rsm.h -- result set management (XEP-0059): which page of a long result, and where it is.
 *
 * Runs on: any thread.
 */
#ifndef XEP_RSM_H
#define XEP_RSM_H

#include "xml/xml.h"
#include "xmpp/cond.h"

#define NS_RSM "http://jabber.org/protocol/rsm"

/* What is asked for. */
struct rsm {
	bool has_max;
	uint32_t max; /* 0: only the count (2.7) */
	const char *after; /* id of the item before the page, or NULL */
	const char
		*before; /* id of the item behind the page; "": the last page (2.5); NULL: none */
};

/* The first <set/> below parent (may be NULL), texts in a; none: all is empty.  False (bad-request): a number
 * that is none; (feature-not-implemented): a page by its index (2.6). */
MUST_CHECK bool rsm_read(
	struct arena *a, const struct xml *parent, struct rsm *out, struct problem *why);
/* The <set/> of an answer: ids of its first and last item (NULL: it is empty), and how many there
 * are in all (negative: unknown). */
struct xml *rsm_write(struct arena *a, const char *first, const char *last, int64_t count);

#endif
