/*
 * Addresses: a prepared address is valid XML text, stays itself when it is parsed again, and is the
 * sum of its parts.
 *
 * Runs on: its own process
 */
#include "base/utf8.h"
#include "xmpp/jid.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
check_jid(struct arena *a, struct str in)
{
	struct jid j = JID_NONE, again = JID_NONE;
	struct str full;

	if (jid_parse(a, in, &j) != JID_OK) {
		must(jid_is_none(j));
		return;
	}
	full = jid_full(j);
	must(utf8_is_xml(full) && full.n <= JID_MAX && strlen(j.text) == full.n);
	must(j.domain > 0 && j.domain <= JID_PART_MAX && j.local <= JID_PART_MAX &&
		j.resource <= JID_PART_MAX);
	must(memchr(jid_domain(j).p, '/', j.domain) == NULL &&
		memchr(jid_domain(j).p, '@', j.domain) == NULL);
	must(j.local == 0 || (!str_find(jid_local(j), '@') && !str_find(jid_local(j), '/')));
	must(jid_parse(a, full, &again) == JID_OK && jid_eq(j, again));
	must(again.local == j.local && again.domain == j.domain && again.resource == j.resource);
	must(jid_make(a, jid_local(j), jid_domain(j), jid_resource(j), &again) == JID_OK);
	must(jid_eq(j, again));
	must(jid_eq_bare(jid_bare(j), again));
	must(jid_eq(jid_host(j), jid_host(again)));
}

static void
check_password(struct arena *a, struct str in)
{
	const char *once = jid_prep_password(a, in), *twice;

	if (!once)
		return;
	twice = jid_prep_password(a, str_of(once));
	must(twice && strcmp(once, twice) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct str in = { (const char *)data, size };

	check_jid(a, in);
	check_password(a, in);
	arena_free(&a);
	return 0;
}
