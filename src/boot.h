/*
 * boot.h -- start, run and stop of the whole server.
 *
 * Runs on: main.
 */
#ifndef BOOT_H
#define BOOT_H

#include <signal.h>

#include "config/config.h"

struct server {
	const char *path; /* of the configuration */
	struct config *config; /* in force */
	unsigned started; /* stages that are up */
	bool running; /* workers have threads */
	bool again; /* after the stop the program is to be executed anew */
};

/* Everything that must be known before a configuration can be checked: modules and their
 * options.  path: the configuration, for its modules_dir; NULL: only what is built in. */
MUST_CHECK bool boot_declare(const char *path, struct err *e);
/* A configuration that could be used: no faults, certificates that load.  NULL, and faults told,
 * otherwise. */
struct config *boot_load(const char *path, config_fault_fn *fault, void *ctx);
/* Where and what to log. */
MUST_CHECK bool boot_log(const struct log_conf *log, struct err *e);
/* Starts every stage in order; on failure those that were up are stopped again. */
MUST_CHECK bool boot_start(struct server *s, struct err *e);
/* Stops what is up, last first. */
void boot_stop(struct server *s);

/* serve.c: waits for signals and requests until one says stop.  Its signals must be blocked. */
MUST_CHECK bool serve(struct server *s, struct err *e);
sigset_t serve_signals(void);

#endif
