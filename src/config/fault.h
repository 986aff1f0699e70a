/*
 * fault.h -- what is wrong in a configuration file, gathered and told in the file's order.
 *
 * Runs on: main.
 */
#ifndef CONFIG_FAULT_H
#define CONFIG_FAULT_H

#include "base/arena.h"
#include "config/config.h"

/* More are counted only. */
#define FAULTS_MAX 100

struct fault {
	unsigned line, column; /* from 1; 0: the file as a whole */
	size_t number; /* in the order of their finding */
	const char *text;
};

struct faults {
	struct arena *arena;
	const char *path; /* as the lines name it */
	size_t count; /* also those that were not kept */
	struct fault list[FAULTS_MAX];
};

/* The text must be one phrase: what is wrong; what was expected.  Control characters are
 * escaped. */
void fault_add(struct faults *f, unsigned line, unsigned column, const char *fmt, ...) PRINTF(4, 5);
/* One call a fault, sorted by place: "bongsu.yml:7:11: ...". */
void faults_tell(struct faults *f, config_fault_fn *tell, void *ctx);
/* «"text"», cut to a readable length, in the arena. */
const char *fault_quote(struct faults *f, struct str text);

#endif
