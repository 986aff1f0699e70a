/*
 * utf8.c -- UTF-8 and the characters XML 1.0 allows.
 *
 * Most text is ASCII, which is checked eight bytes at a time: a word without high bits and without
 * a byte under 0x20 is good as it stands.
 *
 * Runs on: any thread.
 */
#include "base/utf8.h"

#include <string.h>

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Eight bytes of printable ASCII (0x20 to 0x7f). */
static bool
is_plain_word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return ((w | (w - EACH(0x20))) & EACH(0x80)) == 0;
}

static bool
is_more(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The length of the well-formed character (RFC 3629 4) at p with n > 0 bytes left, and its code;
 * 0 if there is none. */
static size_t
decode(const unsigned char *p, size_t n, uint32_t *code)
{
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || n < 2 || !is_more(p[1]))
		return 0;
	if (p[0] < 0xe0) {
		*code = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
		return 2;
	}
	if (n < 3 || !is_more(p[2]))
		return 0;
	if (p[0] < 0xf0) {
		*code = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
		return *code < 0x800 || (*code >= 0xd800 && *code <= 0xdfff) ? 0 : 3;
	}
	if (n < 4 || !is_more(p[3]) || p[0] > 0xf4)
		return 0;
	*code = (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
	return *code < 0x10000 || *code > 0x10ffff ? 0 : 4;
}

/* XML 1.0 2.2, production 2. */
static bool
is_xml_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c != 0xfffe && c != 0xffff;
}

bool
utf8_is_xml(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		uint32_t code;
		size_t n;

		if (s.n - i >= 8 && is_plain_word(s.p + i)) {
			i += 8;
			continue;
		}
		n = decode((const unsigned char *)s.p + i, s.n - i, &code);
		if (n == 0 || !is_xml_char(code))
			return false;
		i += n;
	}
	return true;
}

size_t
utf8_count(struct str s)
{
	size_t count = 0, i = 0;

	/* All bytes but the continuations; of a word, those with bit 7 set and bit 6 clear. */
	for (; s.n - i >= 8; i += 8) {
		uint64_t w;

		memcpy(&w, s.p + i, sizeof(w));
		w = (w >> 7 & ~(w >> 6)) & EACH(1);
		count += 8 - (size_t)(w * EACH(1) >> 56);
	}
	for (; i < s.n; i++)
		count += !is_more((unsigned char)s.p[i]);
	return count;
}

struct str
utf8_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && is_more((unsigned char)s.p[max]))
		max--;
	return (struct str){ s.p, max };
}
