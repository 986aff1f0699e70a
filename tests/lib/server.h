/*
 * server.h -- a bongsud process for test programs in C.
 *
 * Runs in the working folder, with what tests/run put into the environment.
 *
 * Runs on: the test process
 */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#define SERVER_CERTIFICATE "cert.pem" /* of localhost, its own authority */

struct server {
	pid_t pid;
	unsigned short port; /* c2s on 127.0.0.1, STARTTLS required */
	unsigned short tls_port; /* c2s with direct TLS */
};

/* Starts it for the host localhost and waits until it is ready; more is appended to bongsu.yml.
 * False: it did not get ready. */
bool server_start(struct server *s, const char *more);
/* SIGTERM, and its end; false: it ended badly or not in time (then it is killed). */
bool server_stop(struct server *s);
/* ctl("status"): bongsuctl with these arguments; true: it succeeded. */
bool ctl_run(const char *const *arguments);
#define ctl(...) ctl_run((const char *const[]){ __VA_ARGS__, NULL })

#endif
