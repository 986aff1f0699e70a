/*
 * encode.c -- base64 and hex.
 *
 * Runs on: any thread.
 */
#include "base/encode.h"

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *
base64_encode(struct arena *a, const void *bytes, size_t n)
{
	const unsigned char *in = bytes;
	char *text = arena_alloc(a, (n + 2) / 3 * 4 + 1), *out = text;

	for (; n >= 3; n -= 3, in += 3) {
		*out++ = digits64[in[0] >> 2];
		*out++ = digits64[(in[0] & 3) << 4 | in[1] >> 4];
		*out++ = digits64[(in[1] & 15) << 2 | in[2] >> 6];
		*out++ = digits64[in[2] & 63];
	}
	if (n > 0) {
		unsigned second = n > 1 ? in[1] : 0;

		*out++ = digits64[in[0] >> 2];
		*out++ = digits64[(in[0] & 3) << 4 | second >> 4];
		*out++ = n > 1 ? digits64[(second & 15) << 2] : '=';
		*out++ = '=';
	}
	*out = '\0';
	return text;
}

/* 0 to 63, or 64 for what is no digit. */
static unsigned
value64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four digits into three bytes; false if one is no digit. */
static bool
decode_group(const char *in, char out[3])
{
	unsigned bits = 0;

	for (int i = 0; i < 4; i++) {
		unsigned value = value64(in[i]);

		if (value > 63)
			return false;
		bits = bits << 6 | value;
	}
	out[0] = (char)(bits >> 16);
	out[1] = (char)(bits >> 8);
	out[2] = (char)bits;
	return true;
}

/* The last group, which may be padded; the number of bytes, or 0 if it is wrong. */
static size_t
decode_last(const char *in, char out[3])
{
	char full[4] = { in[0], in[1], in[2], in[3] };
	size_t n = 3;

	if (full[3] == '=') {
		full[3] = 'A';
		n = 2;
		if (full[2] == '=') {
			full[2] = 'A';
			n = 1;
		}
	}
	/* The padding stood for zero bits, so bytes that are not there must be zero. */
	if (!decode_group(full, out) || (n < 3 && out[2] != 0) || (n < 2 && out[1] != 0))
		return 0;
	return n;
}

bool
base64_decode(struct arena *a, struct str text, struct str *out)
{
	char *bytes;
	size_t n = 0, last;

	if (text.n % 4 != 0)
		return false;
	bytes = arena_alloc(a, text.n / 4 * 3 + 1);
	for (size_t i = 0; i + 4 < text.n; i += 4, n += 3) {
		if (!decode_group(text.p + i, bytes + n))
			return false;
	}
	if (text.n > 0) {
		last = decode_last(text.p + text.n - 4, bytes + n);
		if (last == 0)
			return false;
		n += last;
	}
	bytes[n] = '\0';
	*out = (struct str){ bytes, n };
	return true;
}

char *
hex_encode(struct arena *a, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = bytes;
	char *text = arena_alloc(a, n * 2 + 1);

	for (size_t i = 0; i < n; i++) {
		text[i * 2] = digits[in[i] >> 4];
		text[i * 2 + 1] = digits[in[i] & 15];
	}
	return text;
}
