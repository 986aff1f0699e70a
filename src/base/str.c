/*
 * str.c -- text with its length.
 *
 * Comparison, cutting and numbers.  All of it is about ASCII and bytes: what is a letter or a word
 * in Unicode is decided elsewhere.
 *
 * Runs on: any thread.
 */
#include "base/str.h"

#include <string.h>

struct str
str_of(const char *text)
{
	return text ? (struct str){ text, strlen(text) } : STR_NONE;
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_is(struct str a, const char *text)
{
	return str_eq(a, str_of(text));
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
str_is_nocase(struct str a, const char *text)
{
	struct str b = str_of(text);

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

bool
str_starts(struct str a, struct str prefix)
{
	return prefix.n <= a.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

bool
str_ends(struct str a, struct str suffix)
{
	return suffix.n <= a.n &&
	       (suffix.n == 0 || memcmp(a.p + a.n - suffix.n, suffix.p, suffix.n) == 0);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str
str_trim(struct str a)
{
	while (a.n > 0 && is_space(a.p[0])) {
		a.p++;
		a.n--;
	}
	while (a.n > 0 && is_space(a.p[a.n - 1]))
		a.n--;
	return a;
}

const char *
str_find(struct str a, char c)
{
	return a.n > 0 ? memchr(a.p, c, a.n) : NULL;
}

struct str
str_cut(struct str *rest, char sep)
{
	struct str first = *rest;
	const char *at = str_find(first, sep);

	if (!at) {
		*rest = STR_NONE;
		return first;
	}
	first.n = (size_t)(at - first.p);
	rest->p = at + 1;
	rest->n -= first.n + 1;
	return first;
}

bool
str_uint(struct str a, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (a.n == 0)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		uint64_t digit = (uint64_t)(unsigned char)a.p[i] - '0';

		if (digit > 9 || value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

bool
str_int(struct str a, int64_t min, int64_t max, int64_t *out)
{
	bool negative = a.n > 0 && a.p[0] == '-';
	uint64_t size;
	int64_t value;

	if (negative) {
		a.p++;
		a.n--;
	}
	if (!str_uint(a, (uint64_t)INT64_MAX + (negative ? 1 : 0), &size))
		return false;
	/* -2^63 has no positive twin. */
	value = negative ? (size > 0 ? -(int64_t)(size - 1) - 1 : 0) : (int64_t)size;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

enum { FAR = 64 };

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment (restricted Damerau-Levenshtein): three rows of the table suffice. */
unsigned
str_distance(struct str a, struct str b)
{
	unsigned rows[3][FAR + 1];
	unsigned *older = rows[0], *old = rows[1], *now = rows[2];

	if (a.n > FAR || b.n > FAR)
		return FAR;
	for (unsigned j = 0; j <= b.n; j++)
		old[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *free_row = older;

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned differ = a.p[i - 1] != b.p[j - 1];

			now[j] = least(old[j] + 1, now[j - 1] + 1, old[j - 1] + differ);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
				a.p[i - 2] == b.p[j - 1] && older[j - 2] + 1 < now[j])
				now[j] = older[j - 2] + 1;
		}
		older = old;
		old = now;
		now = free_row;
	}
	return old[b.n];
}

bool
text_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}
