/*
 * jid.c -- addresses.
 *
 * Almost every address on the wire is ASCII and prepared already: it is looked at once and copied.
 * Whatever is not goes part by part through prep.h and is put together again.
 *
 * Runs on: any thread.
 */
#include "xmpp/jid.h"

#include "base/mem.h"
#include "xmpp/prep.h"

#include <assert.h>
#include <string.h>

/* ---- Make ---------------------------------------------------------------- */

struct split {
	struct str local, domain, resource; /* p NULL: absent */
};

/* RFC 7622 3.1: first the resource is cut off, then the localpart. */
static struct split
split(struct str text)
{
	struct split s = { STR_NONE, text, STR_NONE };
	const char *at = memchr(text.p, '/', text.n);

	if (at) {
		s.domain.n = (size_t)(at - text.p);
		s.resource = (struct str){ at + 1, text.n - s.domain.n - 1 };
	}
	at = memchr(text.p, '@', s.domain.n);
	if (at) {
		s.local = (struct str){ text.p, (size_t)(at - text.p) };
		s.domain = (struct str){ at + 1, s.domain.n - s.local.n - 1 };
	}
	return s;
}

static bool
is_prepared(const struct split *s)
{
	return (!s->local.p || prep_is_local(s->local)) && prep_is_domain(s->domain) &&
	       (!s->resource.p || prep_is_resource(s->resource));
}

static struct jid
jid_of(const char *text, const struct split *s)
{
	return (struct jid){
		text,
		(uint16_t)s->local.n,
		(uint16_t)s->domain.n,
		(uint16_t)s->resource.n,
	};
}

static char *
append(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

/* Parts that are prepared. */
static struct jid
join(struct arena *a, const struct split *s)
{
	size_t n = s->domain.n + (s->local.n ? s->local.n + 1 : 0) +
		   (s->resource.n ? s->resource.n + 1 : 0);
	char *text = arena_alloc(a, n + 1), *end = text;

	if (s->local.n) {
		end = append(end, s->local);
		*end++ = '@';
	}
	end = append(end, s->domain);
	if (s->resource.n) {
		*end++ = '/';
		end = append(end, s->resource);
	}
	*end = '\0';
	return jid_of(text, s);
}

/* Not inlined: its three buffers are large, and most addresses do without. */
static __attribute__((noinline)) enum jid_fault
prepare(struct arena *a, const struct split *s, struct jid *out)
{
	struct prepped local, domain, resource;
	struct split done = { STR_NONE, STR_NONE, STR_NONE };

	if (s->local.p) {
		if (!prep_local(s->local, &local))
			return JID_BAD_LOCAL;
		done.local = (struct str){ local.text, local.n };
	}
	if (!s->domain.p || !prep_domain(s->domain, &domain))
		return JID_BAD_DOMAIN;
	done.domain = (struct str){ domain.text, domain.n };
	if (s->resource.p) {
		if (!prep_resource(s->resource, &resource))
			return JID_BAD_RESOURCE;
		done.resource = (struct str){ resource.text, resource.n };
	}
	*out = join(a, &done);
	return JID_OK;
}

enum jid_fault
jid_parse(struct arena *a, struct str text, struct jid *out)
{
	struct split s;

	if (text.n == 0)
		return JID_BAD_DOMAIN;
	s = split(text);
	if (!is_prepared(&s))
		return prepare(a, &s, out);
	*out = jid_of(arena_str(a, text), &s);
	return JID_OK;
}

enum jid_fault
jid_make(struct arena *a, struct str local, struct str domain, struct str resource, struct jid *out)
{
	struct split s = { local, domain, resource };

	return prepare(a, &s, out);
}

static const char *
prep_into(struct arena *a, struct str s, bool (*prep)(struct str, struct prepped *))
{
	struct prepped done;

	return prep(s, &done) ? arena_str(a, (struct str){ done.text, done.n }) : NULL;
}

const char *
jid_prep_local(struct arena *a, struct str s)
{
	return prep_into(a, s, prep_local);
}

const char *
jid_prep_domain(struct arena *a, struct str s)
{
	return prep_into(a, s, prep_domain);
}

const char *
jid_prep_resource(struct arena *a, struct str s)
{
	return prep_into(a, s, prep_resource);
}

const char *
jid_prep_password(struct arena *a, struct str s)
{
	struct prepped done;
	const char *text = NULL;

	if (prep_password(s, &done)) {
		text = arena_secret(a, (struct str){ done.text, done.n });
		mem_wipe(&done, sizeof(done));
	}
	return text;
}

/* ---- Views --------------------------------------------------------------- */

static size_t
bare_length(struct jid j)
{
	return (size_t)j.domain + (j.local ? j.local + 1u : 0);
}

struct jid
jid_copy(struct arena *a, struct jid j)
{
	if (j.text)
		j.text = arena_str(a, jid_full(j));
	return j;
}

struct jid
jid_bare(struct jid j)
{
	j.resource = 0;
	return j;
}

struct jid
jid_host(struct jid j)
{
	if (j.local)
		j.text += j.local + 1;
	j.local = j.resource = 0;
	return j;
}

struct jid
jid_with_resource(struct arena *a, struct jid bare, struct str resource)
{
	struct split s = { jid_local(bare), jid_domain(bare), resource };

	assert(resource.n <= JID_PART_MAX);
	return join(a, &s);
}

struct str
jid_full(struct jid j)
{
	return (struct str){ j.text, bare_length(j) + (j.resource ? j.resource + 1u : 0) };
}

struct str
jid_bare_str(struct jid j)
{
	return (struct str){ j.text, bare_length(j) };
}

struct str
jid_local(struct jid j)
{
	return j.local ? (struct str){ j.text, j.local } : STR_NONE;
}

struct str
jid_domain(struct jid j)
{
	return j.text ? (struct str){ j.text + (j.local ? j.local + 1 : 0), j.domain } : STR_NONE;
}

struct str
jid_resource(struct jid j)
{
	return j.resource ? (struct str){ j.text + bare_length(j) + 1, j.resource } : STR_NONE;
}

const char *
jid_text(struct arena *a, struct jid j)
{
	return arena_str(a, jid_full(j));
}

bool
jid_eq(struct jid a, struct jid b)
{
	return a.resource == b.resource && a.local == b.local && str_eq(jid_full(a), jid_full(b));
}

bool
jid_eq_bare(struct jid a, struct jid b)
{
	return a.local == b.local && str_eq(jid_bare_str(a), jid_bare_str(b));
}
