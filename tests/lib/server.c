/*
 * server.c -- starts and stops the server under test, and runs bongsuctl.
 *
 * Runs on: the test process
 */
#include "tests/lib/server.h"

#include "base/clock.h"
#include "tests/lib/report.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32
#define LOG_MAX 65536

/* -1: it could not be started. */
static pid_t
start(const char *const *arguments)
{
	extern char **environ;
	pid_t pid;

	return posix_spawnp(&pid, arguments[0], NULL, NULL, (char *const *)(uintptr_t)arguments,
		       environ) == 0
		       ? pid
		       : -1;
}

static bool
run(const char *const *arguments)
{
	pid_t pid = start(arguments);
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static const char *
setting(const char *name, const char *otherwise)
{
	const char *text = getenv(name);

	return text && *text ? text : otherwise;
}

static bool
make_certificate(void)
{
	static const char *const openssl[] = { "openssl", "req", "-x509", "-newkey", "ec",
		"-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out",
		SERVER_CERTIFICATE, "-days", "90", "-subj", "/CN=localhost", "-addext",
		"subjectAltName=DNS:localhost", "-batch", NULL };

	return run(openssl);
}

static bool
write_config(const char *more)
{
	FILE *f = fopen("bongsu.yml", "w");

	if (!f)
		return false;
	(void)fprintf(f,
		"hosts: [localhost]\ndata_dir: data\nworkers: 2\nstore: %s\n"
		"tls: {certificate: %s, key: key.pem}\nlog: {file: server.log}\nlisten:\n"
		"  - {service: c2s, address: 127.0.0.1, port: 0, starttls: required}\n"
		"  - {service: c2s, address: 127.0.0.1, port: 0, tls: direct}\n%s",
		setting("BONGSU_STORE", "{driver: sqlite}"), SERVER_CERTIFICATE, more ? more : "");
	return fclose(f) == 0;
}

/* The ports of the line that says «ready:», in the order of the listeners. */
static bool
read_ports(struct server *s)
{
	static char text[LOG_MAX];
	FILE *f = fopen("server.log", "r");
	const char *ready;
	size_t n;

	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	ready = strstr(text, "ready: ");
	return ready && strchr(ready, '\n') &&
	       sscanf(ready, "ready: c2s 127.0.0.1 port %hu, c2s 127.0.0.1 port %hu", &s->port,
		       &s->tls_port) == 2;
}

static bool
wait_until_ready(struct server *s)
{
	msec_t until = clock_mono() + SECONDS(PATIENCE);

	while (clock_mono() < until && waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (read_ports(s))
			return true;
		(void)usleep(20000); /* the file has no event to wait for */
	}
	return false;
}

bool
server_start(struct server *s, const char *more)
{
	const char *const bongsud[] = { setting("BONGSUD", "bongsud"), "--config", "bongsu.yml",
		NULL };

	(void)unlink("server.log");
	if (access(SERVER_CERTIFICATE, R_OK) != 0 && !make_certificate())
		return false;
	if (!write_config(more))
		return false;
	s->pid = start(bongsud);
	return s->pid > 0 && wait_until_ready(s);
}

bool
server_stop(struct server *s)
{
	msec_t until = clock_mono() + SECONDS(PATIENCE);
	int status;

	if (s->pid <= 0)
		return false;
	(void)kill(s->pid, SIGTERM);
	while (clock_mono() < until) {
		if (waitpid(s->pid, &status, WNOHANG) == s->pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		(void)usleep(20000); /* wait has no time limit */
	}
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, &status, 0);
	return false;
}

bool
ctl_run(const char *const *arguments)
{
	const char *all[ARGUMENTS_MAX + 1] = { setting("BONGSUCTL", "bongsuctl"), "--config",
		"bongsu.yml" };

	for (size_t n = 3; n < ARGUMENTS_MAX && *arguments; n++)
		all[n] = *arguments++;
	return run(all);
}
