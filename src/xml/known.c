/*
 * known.c -- literals for frequent names and namespaces.
 *
 * Almost every name on the wire is one of some hundred.  The parser asks here first, and copies a
 * name only if it is not known.  The table is made at the first question and never changes; it is
 * four times larger than its rows, so a look-up is one hash of at most sixteen bytes and one
 * comparison.  A peer gains nothing by collisions: it cannot add a row.
 *
 * Runs on: any thread.
 */
#include "xml/known.h"

#include "base/attr.h"
#include "xml/ns.h"

#include <pthread.h>
#include <string.h>

static const struct str rows[] = {
#define KNOWN(text) { text, sizeof(text) - 1 },
#include "xml/known.def"
#undef KNOWN
};

enum { SLOTS = 1024 };

_Static_assert(COUNT(rows) * 2 < SLOTS, "the table of known names is too full");

static struct str slots[SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready; /* atomic: spares the usual path the call of pthread_once */

static uint64_t
load(const char *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static size_t
slot_of(struct str s)
{
	uint64_t head, tail;

	if (s.n >= 8) {
		head = load(s.p, 8);
		tail = load(s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		head = load(s.p, 4);
		tail = load(s.p + s.n - 4, 4) << 32;
	} else {
		head = s.n > 0 ? (unsigned char)s.p[0] : 0;
		tail = s.n > 0 ? load(s.p + s.n - 1, 1) << 8 | load(s.p + s.n / 2, 1) << 16 : 0;
	}
	head = (head ^ (tail << 29 | tail >> 35) ^ s.n) * 0x9e3779b97f4a7c15u;
	return (head ^ head >> 29) >> 20 & (SLOTS - 1);
}

static void
make(void)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t at = slot_of(rows[i]);

		while (slots[at].p && !str_eq(slots[at], rows[i]))
			at = (at + 1) & (SLOTS - 1);
		slots[at] = rows[i];
	}
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
}

const char *
known_text(struct str s)
{
	if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		pthread_once(&once, make);
	for (size_t at = slot_of(s); slots[at].p; at = (at + 1) & (SLOTS - 1)) {
		if (slots[at].n == s.n && memcmp(slots[at].p, s.p, s.n) == 0)
			return slots[at].p;
	}
	return NULL;
}
