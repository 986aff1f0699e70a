/*
 * The header of the PROXY protocol: no part of a good one is good or bad already, and what follows it
 * changes nothing.
 *
 * Runs on: its own process
 */
#include "net/proxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data, size };
	struct proxy_header whole, part;
	enum proxy_parsed parsed = proxy_parse(bytes, &whole);

	if (parsed == PROXY_MORE) {
		must(size < PROXY_HEADER_MAX);
		return 0;
	}
	if (parsed == PROXY_BAD)
		return 0;
	must(whole.size > 0 && whole.size <= size);
	for (size_t n = 0; n < whole.size; n++) {
		bytes.n = n;
		must(proxy_parse(bytes, &part) == PROXY_MORE);
	}
	bytes.n = whole.size;
	must(proxy_parse(bytes, &part) == PROXY_DONE);
	must(part.size == whole.size && part.known == whole.known && part.tls == whole.tls &&
		memcmp(&part.peer, &whole.peer, sizeof(part.peer)) == 0);
	return 0;
}
