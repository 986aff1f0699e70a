/*
 * notify.c -- the sd_notify protocol by hand: a text datagram to a UNIX socket.
 *
 * Runs on: main.
 */
#include "run/notify.h"

#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* "/path" or "@abstract"; false for anything else. */
static bool
address_of(const char *name, struct sockaddr_un *address, socklen_t *length)
{
	size_t n = name ? strlen(name) : 0;

	if (n < 2 || n >= sizeof(address->sun_path) || (name[0] != '/' && name[0] != '@'))
		return false;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, name, n);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

bool
notify_send(const char *state)
{
	struct sockaddr_un address;
	socklen_t length;
	ssize_t sent;
	int fd;

	if (!address_of(getenv("NOTIFY_SOCKET"), &address, &length))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
	(void)close(fd);
	return sent >= 0;
}

bool
notify_reloading(void)
{
	char state[64];

	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)clock_mono_us());
	return notify_send(state);
}
