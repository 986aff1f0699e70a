/*
 * archive_pack.c -- the UUIDs of a stanza in 16 bytes each.
 *
 * Most clients name their messages by UUIDs, which are random and cannot be compressed.  Each one of
 * a text becomes a byte that XML cannot have, wherever it stands; the numbers themselves are kept
 * apart.  There is a range of such bytes for UUIDs in small letters, and one for capital ones.
 *
 * Runs on: any thread.
 */
#include "home/archive_own.h"

#include "base/buf.h"

#include <string.h>

enum {
	NUMBER = 16,
	TEXT = 36,
	FIRST_DASH = 8,
	KINDS = 7, /* different UUIDs of a text */
	SMALL = 0x01,
	CAPITAL = 0x0e, /* not tab, line feed and carriage return, which are 9, 10, 13 */
};

static const char digits[2][17] = { "0123456789abcdef", "0123456789ABCDEF" };

/* The value of a hexadecimal digit; -1: it is none, or not in these letters. */
static int
digit(char c, bool small)
{
	char first = small ? 'a' : 'A';

	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= first && c <= first + 5 ? c - first + 10 : -1;
}

static bool
is_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool
read_uuid(const char *text, bool small, uint8_t number[NUMBER])
{
	unsigned half = 0;
	int d;

	for (size_t i = 0; i < TEXT; i++) {
		if (is_dash(i)) {
			if (text[i] != '-')
				return false;
			continue;
		}
		d = digit(text[i], small);
		if (d < 0)
			return false;
		number[half / 2] = (uint8_t)(half % 2 ? number[half / 2] << 4 | d : d);
		half++;
	}
	return true;
}

static void
write_uuid(struct buf *out, const uint8_t number[NUMBER], const char set[17])
{
	char text[TEXT];
	unsigned half = 0;

	for (size_t i = 0; i < TEXT; i++) {
		if (is_dash(i)) {
			text[i] = '-';
			continue;
		}
		text[i] = set[half % 2 ? number[half / 2] & 15 : number[half / 2] >> 4];
		half++;
	}
	buf_put(out, text, TEXT);
}

/* Its place among the numbers, where it is added if there is room; or KINDS. */
static unsigned
place(struct buf *numbers, const uint8_t number[NUMBER])
{
	unsigned count = (unsigned)(buf_len(numbers) / NUMBER);

	for (unsigned i = 0; i < count; i++) {
		if (memcmp(buf_bytes(numbers) + (size_t)i * NUMBER, number, NUMBER) == 0)
			return i;
	}
	if (count < KINDS)
		buf_put(numbers, number, NUMBER);
	return count;
}

/* The byte for the UUID at text; 0: there is none, or no more are taken. */
static char
mark(struct buf *numbers, const char *text)
{
	uint8_t number[NUMBER];
	bool small = read_uuid(text, true, number);
	unsigned i;

	if (!small && !read_uuid(text, false, number))
		return 0;
	i = place(numbers, number);
	return (char)(i == KINDS ? 0 : (small ? SMALL : CAPITAL) + i);
}

void
archive_pack(struct str text, struct buf *out, struct buf *numbers)
{
	const char *copied = text.p, *at = text.p, *end = text.p + text.n, *begin;
	char byte;

	while ((at = memchr(at, '-', (size_t)(end - at))) != NULL) {
		begin = at++ - FIRST_DASH;
		if (begin < copied || end - begin < TEXT)
			continue;
		byte = mark(numbers, begin);
		if (byte == 0)
			continue;
		buf_put(out, copied, (size_t)(begin - copied));
		buf_put_char(out, byte);
		copied = at = begin + TEXT;
	}
	buf_put(out, copied, (size_t)(end - copied));
}

static bool
unmark(struct buf *out, char byte, struct str numbers)
{
	bool small = byte < SMALL + KINDS;
	size_t at = (size_t)(byte - (small ? SMALL : CAPITAL)) * NUMBER;

	if (byte <= 0 || (!small && (byte < CAPITAL || byte >= CAPITAL + KINDS)) ||
		at + NUMBER > numbers.n)
		return false;
	write_uuid(out, (const uint8_t *)numbers.p + at, digits[small ? 0 : 1]);
	return true;
}

bool
archive_unpack(struct str text, struct str numbers, struct buf *out)
{
	size_t copied = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		buf_put(out, text.p + copied, i - copied);
		if (!unmark(out, text.p[i], numbers))
			return false;
		copied = i + 1;
	}
	buf_put(out, text.p + copied, text.n - copied);
	return true;
}
