/*
 * template.h -- files with contacts for rosters, in the form that ejabberd's push_roster reads.
 *
 *	[{"alice", "example.org", "Team", "Alice"},
 *	 {"bob", "example.org", "Team", <<"Bob"/utf8>>}].
 *
 * User, host, group and nick of each; % begins a comment.  Group and nick may be empty.
 *
 * Runs on: any thread; pure.
 */
#ifndef ADMIN_TEMPLATE_H
#define ADMIN_TEMPLATE_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct template_contact {
	const char *user, *host, *group, *nick;
	size_t line; /* where it begins, from 1 */
};

/* At most `most` contacts, in a.  False: *why names the line and what is wrong there. */
MUST_CHECK bool template_parse(struct arena *a, struct str text, size_t most,
	struct template_contact **out, size_t *count, struct err *why);

#endif
