/*
 * range.c -- ranges of addresses.
 *
 * Runs on: any thread.
 */
#include "config/range.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The first n bits of a and b are the same. */
static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned rest = n % 8;

	if (memcmp(a, b, n / 8) != 0)
		return false;
	return rest == 0 || ((a[n / 8] ^ b[n / 8]) >> (8 - rest)) == 0;
}

static bool
is_zero_behind(const uint8_t ip[16], unsigned bits)
{
	for (unsigned i = bits; i < 128; i++) {
		if (ip[i / 8] & (0x80 >> (i % 8)))
			return false;
	}
	return true;
}

bool
range_parse(const char *text, struct range *out)
{
	struct str rest = str_of(text), ip = str_cut(&rest, '/');
	struct range r = { .bits = 128 };
	char address[INET6_ADDRSTRLEN];
	uint64_t bits;
	unsigned first = 0;

	if (ip.n >= sizeof(address))
		return false;
	memcpy(address, ip.p, ip.n);
	address[ip.n] = '\0';
	if (inet_pton(AF_INET, address, r.ip + sizeof(mapped)) == 1) {
		memcpy(r.ip, mapped, sizeof(mapped));
		first = 96;
	} else if (inet_pton(AF_INET6, address, r.ip) != 1) {
		return false;
	}
	if (rest.p) {
		if (!str_uint(rest, 128 - first, &bits))
			return false;
		r.bits = first + (unsigned)bits;
	}
	if (!is_zero_behind(r.ip, r.bits))
		return false;
	*out = r;
	return true;
}

bool
ranges_have(const struct range *ranges, size_t count, const uint8_t ip[16])
{
	for (size_t i = 0; i < count; i++) {
		if (same_bits(ranges[i].ip, ip, ranges[i].bits))
			return true;
	}
	return false;
}
