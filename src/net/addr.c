/*
 * addr.c -- addresses of peers.
 *
 * Runs on: any thread.
 */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool
is_v4(const struct addr *a)
{
	return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

static bool
is_unix(const struct addr *a)
{
	static const uint8_t none[16];

	return memcmp(a->ip, none, sizeof(none)) == 0;
}

struct addr
addr_of(const struct sockaddr *sa)
{
	struct addr a = { .port = 0 };

	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		memcpy(a.ip, mapped, sizeof(mapped));
		memcpy(a.ip + sizeof(mapped), &in.sin_addr, 4);
		a.port = ntohs(in.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(a.ip, &in6.sin6_addr, 16);
		a.port = ntohs(in6.sin6_port);
	}
	return a;
}

void
addr_text(const struct addr *a, char out[ADDR_TEXT])
{
	if (is_unix(a))
		snprintf(out, ADDR_TEXT, "local");
	else if (is_v4(a))
		inet_ntop(AF_INET, a->ip + sizeof(mapped), out, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->ip, out, ADDR_TEXT);
}

bool
addr_parse(
	const char *ip, uint16_t port, struct sockaddr_storage *out, socklen_t *len, struct err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, ip, &in.sin_addr) == 1) {
		memcpy(out, &in, sizeof(in));
		*len = sizeof(in);
		return true;
	}
	if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1) {
		memcpy(out, &in6, sizeof(in6));
		*len = sizeof(in6);
		return true;
	}
	return err_set(e, "\"%s\" is not an IP address", ip);
}

size_t
addr_limit_key(const struct addr *a, uint8_t key[16])
{
	size_t n = is_v4(a) ? 16 : 8;

	memcpy(key, a->ip, n);
	return n;
}

bool
addr_is_local(const struct addr *a)
{
	return is_unix(a) || (is_v4(a) && a->ip[12] == 127) ||
	       memcmp(a->ip, &in6addr_loopback, 16) == 0;
}
