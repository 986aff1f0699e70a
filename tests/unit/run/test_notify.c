/*
 * The supervisor's socket: a datagram for each state, and silence without a socket.
 *
 * Runs on: the test process
 */
#include "run/notify.h"

#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A bound socket whose name (abstract, given by the kernel) is in NOTIFY_SOCKET. */
static int
supervisor(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	char name[sizeof(address.sun_path) + 1];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	(void)snprintf(name, sizeof(name), "@%.*s", (int)(length - sizeof(sa_family_t) - 1),
		address.sun_path + 1);
	(void)setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

START_TEST(states_reach_the_supervisor)
{
	char got[128] = "";
	int fd = supervisor();

	ck_assert(notify_send("READY=1"));
	ck_assert_int_eq(recv(fd, got, sizeof(got), 0), 7);
	ck_assert_mem_eq(got, "READY=1", 7);
	ck_assert(notify_reloading());
	ck_assert_int_gt(recv(fd, got, sizeof(got) - 1, 0), 0);
	ck_assert_int_eq(strncmp(got, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	ck_assert_int_gt(strtoll(got + 27, NULL, 10), 0);
	(void)close(fd);
	ck_assert(!notify_send("READY=1"));
}

END_TEST

START_TEST(without_a_socket_nothing_is_sent)
{
	char name[300];

	(void)unsetenv("NOTIFY_SOCKET");
	ck_assert(!notify_send("READY=1"));
	(void)setenv("NOTIFY_SOCKET", "", 1);
	ck_assert(!notify_send("READY=1"));
	(void)setenv("NOTIFY_SOCKET", "relative", 1);
	ck_assert(!notify_send("READY=1"));
	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)setenv("NOTIFY_SOCKET", name, 1);
	ck_assert(!notify_send("READY=1"));
}

END_TEST

SUITE_OF(notify, states_reach_the_supervisor, without_a_socket_nothing_is_sent)
