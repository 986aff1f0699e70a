/*
 * prep.c -- string preparation of the parts of an address.
 *
 * Nodeprep and Resourceprep (RFC 6122 appendices A and B), Nameprep with IDNA2003 (RFC 3490),
 * SASLprep (RFC 4013), all from libidn.  ASCII never gets there: one table says for each byte
 * whether it may stand in a part as it is.
 *
 * Code points that Unicode 3.2 did not know yet are allowed, since today's names are full of them
 * (emoji); only a password must be stable for ever, so they are refused there.
 *
 * A prepared text must stay itself when it is prepared again, because it is: addresses are read
 * back from the store and from other servers.  The profiles do not promise that, so a text is
 * prepared until it stays the same, and refused if it does not.
 *
 * Runs on: any thread.
 */
#include "xmpp/prep.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <idn-free.h>
#include <idna.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

enum {
	WORK = JID_PART_MAX, /* as it comes in too: preparing more would only cost time */
	ROUNDS = 4, /* until a text must stay the same */
	LABEL_MAX = 63,
};

enum { LOCAL = 1, DOMAIN = 2, RESOURCE = 4 };

/* In which parts an ASCII byte may stand as it is (RFC 6122 appendix A.5: not "&'/:<>@ nor space).
 */
#define PART_ANY (LOCAL | DOMAIN | RESOURCE)
#define PART_TEXT (LOCAL | RESOURCE)
static const unsigned char parts[256] = {
	[' '] = RESOURCE,
	['!'] = PART_TEXT,
	['"'] = RESOURCE,
	['#' ... '%'] = PART_TEXT,
	['&' ... '\''] = RESOURCE,
	['(' ... ','] = PART_TEXT,
	['-' ... '.'] = PART_ANY,
	['/'] = RESOURCE,
	['0' ... '9'] = PART_ANY,
	[':'] = RESOURCE,
	[';'] = PART_TEXT,
	['<'] = RESOURCE,
	['='] = PART_TEXT,
	['>'] = RESOURCE,
	['?'] = PART_TEXT,
	['@'] = RESOURCE,
	['A' ... 'Z'] = RESOURCE,
	['[' ... '`'] = PART_TEXT,
	['a' ... 'z'] = PART_ANY,
	['{' ... '~'] = PART_TEXT,
};

/* ---- ASCII --------------------------------------------------------------- */

static bool
all_in(struct str s, unsigned char part)
{
	unsigned char all = part;

	if (s.n == 0 || s.n > JID_PART_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		all &= parts[(unsigned char)s.p[i]];
	return all != 0;
}

bool
prep_is_local(struct str s)
{
	return all_in(s, LOCAL);
}

bool
prep_is_resource(struct str s)
{
	return all_in(s, RESOURCE);
}

/* RFC 1123 2.1, and no label that would have to be shown in another script. */
static bool
is_label(const char *p, size_t n)
{
	return n > 0 && n <= LABEL_MAX && p[0] != '-' && p[n - 1] != '-' &&
	       !(n >= 4 && memcmp(p, "xn--", 4) == 0);
}

bool
prep_is_domain(struct str s)
{
	size_t start = 0;

	if (!all_in(s, DOMAIN))
		return false;
	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] != '.')
			continue;
		if (!is_label(s.p + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

static bool
set(struct prepped *out, struct str s)
{
	if (s.n == 0 || s.n > JID_PART_MAX)
		return false;
	memcpy(out->text, s.p, s.n);
	out->text[s.n] = '\0';
	out->n = s.n;
	return true;
}

/* NUL-terminated; the letters A to Z small. */
static void
lower(char *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		to[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]);
	to[s.n] = '\0';
}

/* ---- Stringprep ---------------------------------------------------------- */

static bool
prepare(struct str s, const Stringprep_profile *profile, int flags, struct prepped *out)
{
	char work[WORK + 1], before[WORK + 1];
	bool stays = false, ok;

	if (s.n == 0 || s.n > WORK || !utf8_is_xml(s))
		return false;
	memcpy(work, s.p, s.n);
	work[s.n] = '\0';
	for (int i = 0; i < ROUNDS && !stays; i++) {
		memcpy(before, work, strlen(work) + 1);
		if (stringprep(work, sizeof(work), flags, profile) != STRINGPREP_OK)
			break;
		stays = strcmp(work, before) == 0;
	}
	ok = stays && set(out, str_of(work));
	mem_wipe(work, sizeof(work)); /* it may have been a password */
	mem_wipe(before, sizeof(before));
	return ok;
}

bool
prep_local(struct str s, struct prepped *out)
{
	char small[JID_PART_MAX + 1];

	if (s.n <= JID_PART_MAX) {
		lower(small, s);
		if (prep_is_local((struct str){ small, s.n }))
			return set(out, (struct str){ small, s.n });
	}
	return prepare(s, stringprep_xmpp_nodeprep, 0, out);
}

bool
prep_resource(struct str s, struct prepped *out)
{
	if (prep_is_resource(s))
		return set(out, s);
	return prepare(s, stringprep_xmpp_resourceprep, 0, out);
}

bool
prep_password(struct str s, struct prepped *out)
{
	if (prep_is_resource(s)) /* SASLprep lets the same ASCII through */
		return set(out, s);
	return prepare(s, stringprep_saslprep, STRINGPREP_NO_UNASSIGNED, out);
}

/* ---- Domains ------------------------------------------------------------- */

/* "[::1]", written the shortest way. */
static bool
prep_ipv6(struct str s, struct prepped *out)
{
	char text[INET6_ADDRSTRLEN + 2];
	struct in6_addr address;

	if (s.n < 4 || s.n - 2 >= INET6_ADDRSTRLEN || s.p[s.n - 1] != ']')
		return false;
	memcpy(text, s.p + 1, s.n - 2);
	text[s.n - 2] = '\0';
	if (strlen(text) != s.n - 2 || inet_pton(AF_INET6, text, &address) != 1)
		return false;
	out->text[0] = '[';
	inet_ntop(AF_INET6, &address, out->text + 1, INET6_ADDRSTRLEN);
	out->n = strlen(out->text);
	out->text[out->n++] = ']';
	out->text[out->n] = '\0';
	return true;
}

/* One round over IDNA: to ASCII, which prepares and checks each label, and back.  In place. */
static bool
idna_round(char work[WORK + 1])
{
	enum { FLAGS = IDNA_ALLOW_UNASSIGNED | IDNA_USE_STD3_ASCII_RULES };

	char *ascii = NULL, *unicode = NULL;
	bool ok = false;

	if (idna_to_ascii_8z(work, &ascii, FLAGS) == IDNA_SUCCESS &&
		idna_to_unicode_8z8z(ascii, &unicode, IDNA_ALLOW_UNASSIGNED) == IDNA_SUCCESS &&
		strlen(unicode) <= WORK) {
		lower(work, str_of(unicode));
		ok = true;
	}
	idn_free(ascii);
	idn_free(unicode);
	return ok;
}

static bool
has_empty_label(const char *p)
{
	return *p == '\0' || *p == '.' || strstr(p, "..") || p[strlen(p) - 1] == '.';
}

bool
prep_domain(struct str s, struct prepped *out)
{
	char work[WORK + 1], before[WORK + 1];
	bool stays = false;

	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--; /* RFC 7622 3.2: the root is left out */
	if (s.n == 0 || s.n > WORK)
		return false;
	if (s.p[0] == '[')
		return prep_ipv6(s, out);
	lower(work, s);
	if (prep_is_domain((struct str){ work, s.n }))
		return set(out, (struct str){ work, s.n });
	if (!utf8_is_xml(s))
		return false;
	for (int i = 0; i < ROUNDS && !stays; i++) {
		memcpy(before, work, strlen(work) + 1);
		if (!idna_round(work) || has_empty_label(work))
			return false;
		stays = strcmp(work, before) == 0;
	}
	return stays && set(out, str_of(work));
}
