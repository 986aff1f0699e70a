/*
 * range.h -- ranges of addresses: "192.0.2.0/24", "2001:db8::/32", or one address.
 *
 * Runs on: any thread.
 */
#ifndef CONFIG_RANGE_H
#define CONFIG_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* IPv4 is kept as IPv4-mapped IPv6. */
struct range {
	uint8_t ip[16];
	unsigned bits; /* of ip that count; the others are zero */
};

/* False if it is not an address or a range, or has bits behind its length. */
MUST_CHECK bool range_parse(const char *text, struct range *out);
/* ip lies in one of them. */
bool ranges_have(const struct range *ranges, size_t count, const uint8_t ip[16]);

#endif
