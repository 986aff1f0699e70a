/*
 * addr.h -- addresses of peers.
 *
 * Runs on: any thread.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

/* IPv4 is kept as IPv4-mapped IPv6; port 0 and all zero for UNIX sockets. */
struct addr {
	uint8_t ip[16];
	uint16_t port;
};

#define ADDR_TEXT 46
struct addr addr_of(const struct sockaddr *sa);
/* "192.0.2.1", "2001:db8::1"; "local" for a UNIX socket. */
void addr_text(const struct addr *a, char out[ADDR_TEXT]);
/* Numeric IP address and port; "::" and "0.0.0.0" too. */
MUST_CHECK bool addr_parse(
	const char *ip, uint16_t port, struct sockaddr_storage *out, socklen_t *len, struct err *e);
/* Limits count IPv4 addresses one by one and IPv6 by their /64: the part that counts, 8 or 16
 * bytes, in key. */
size_t addr_limit_key(const struct addr *a, uint8_t key[16]);
bool addr_is_local(const struct addr *a); /* loopback or UNIX */

#endif
