/*
 * proxy.c -- the header of the PROXY protocol.
 *
 * Version 1 is a line of text, version 2 is binary and may have extensions, of which the one about
 * TLS is read.
 *
 * Runs on: any thread.
 */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum {
	LINE_MAX = 107, /* of version 1, with its end */
	HEAD = 16, /* of version 2 */
	EXTENSION_SSL = 0x20,
	CLIENT_SSL = 0x01,
};

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool
begins_as(struct str bytes, struct str with)
{
	return memcmp(bytes.p, with.p, bytes.n < with.n ? bytes.n : with.n) == 0;
}

/* ---- Version 1 -------------------------------------------------------------- */

static bool
take_text_addr(struct str ip, struct str port, int family, struct addr *out)
{
	struct sockaddr_storage sa;
	char text[INET6_ADDRSTRLEN];
	struct err ignored;
	socklen_t len;
	uint64_t n;

	if (ip.n == 0 || ip.n >= sizeof(text) || !str_uint(port, UINT16_MAX, &n))
		return false;
	memcpy(text, ip.p, ip.n);
	text[ip.n] = '\0';
	if (!addr_parse(text, (uint16_t)n, &sa, &len, &ignored) || sa.ss_family != family)
		return false;
	*out = addr_of((struct sockaddr *)&sa);
	return true;
}

/* PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 */
static bool
read_line(struct str line, struct proxy_header *out)
{
	struct addr here;
	struct str protocol, client, server, client_port;
	int family;

	(void)str_cut(&line, ' ');
	protocol = str_cut(&line, ' ');
	if (str_is(protocol, "UNKNOWN"))
		return true;
	if (!str_is(protocol, "TCP4") && !str_is(protocol, "TCP6"))
		return false;
	family = protocol.p[3] == '4' ? AF_INET : AF_INET6;
	client = str_cut(&line, ' ');
	server = str_cut(&line, ' ');
	client_port = str_cut(&line, ' ');
	out->known = true;
	return line.p && take_text_addr(client, client_port, family, &out->peer) &&
	       take_text_addr(server, line, family, &here);
}

static enum proxy_parsed
parse_text(struct str bytes, struct proxy_header *out)
{
	struct str head = { bytes.p, bytes.n < LINE_MAX ? bytes.n : LINE_MAX };
	const char *end = memmem(head.p, head.n, "\r\n", 2);

	if (!end)
		return bytes.n < LINE_MAX ? PROXY_MORE : PROXY_BAD;
	out->size = (size_t)(end - bytes.p) + 2;
	return read_line((struct str){ bytes.p, (size_t)(end - bytes.p) }, out) ? PROXY_DONE
										: PROXY_BAD;
}

/* ---- Version 2 -------------------------------------------------------------- */

static size_t
two_bytes(const char *p)
{
	return (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* type, length, value; again and again */
static bool
read_extensions(struct str rest, struct proxy_header *out)
{
	while (rest.n > 0) {
		size_t n = rest.n < 3 ? 0 : two_bytes(rest.p + 1);

		if (rest.n < 3 + n)
			return false;
		if (rest.p[0] == EXTENSION_SSL && n >= 5)
			out->tls = (rest.p[3] & CLIENT_SSL) != 0;
		rest.p += 3 + n;
		rest.n -= 3 + n;
	}
	return true;
}

static bool
read_binary(struct str bytes, struct proxy_header *out)
{
	struct str rest = { bytes.p + HEAD, out->size - HEAD };
	unsigned char command = (unsigned char)bytes.p[12], family = (unsigned char)bytes.p[13];
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	size_t n = family >> 4 == 1 ? 12 : family >> 4 == 2 ? 36 : 0;

	if (command == 0x20 || n == 0)
		return true; /* the proxy itself, or a client without an IP address */
	if (rest.n < n)
		return false;
	if (n == 12) {
		memcpy(&in.sin_addr, rest.p, 4);
		memcpy(&in.sin_port, rest.p + 8, 2);
		out->peer = addr_of((struct sockaddr *)&in);
	} else {
		memcpy(&in6.sin6_addr, rest.p, 16);
		memcpy(&in6.sin6_port, rest.p + 32, 2);
		out->peer = addr_of((struct sockaddr *)&in6);
	}
	out->known = true;
	return read_extensions((struct str){ rest.p + n, rest.n - n }, out);
}

static enum proxy_parsed
parse_binary(struct str bytes, struct proxy_header *out)
{
	if (bytes.n < HEAD)
		return PROXY_MORE;
	if (bytes.p[12] != 0x20 && bytes.p[12] != 0x21)
		return PROXY_BAD;
	out->size = HEAD + two_bytes(bytes.p + 14);
	if (out->size > PROXY_HEADER_MAX)
		return PROXY_BAD;
	if (bytes.n < out->size)
		return PROXY_MORE;
	return read_binary(bytes, out) ? PROXY_DONE : PROXY_BAD;
}

enum proxy_parsed
proxy_parse(struct str bytes, struct proxy_header *out)
{
	*out = (struct proxy_header){ .size = 0 };
	if (bytes.n == 0)
		return PROXY_MORE;
	if (begins_as(bytes, (struct str){ signature, sizeof(signature) }))
		return parse_binary(bytes, out);
	if (begins_as(bytes, STR("PROXY ")))
		return parse_text(bytes, out);
	return PROXY_BAD;
}
