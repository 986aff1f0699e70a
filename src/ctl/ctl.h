/*
 * ctl.h -- what the files of bongsuctl share.
 *
 * Runs on: its own process
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/arena.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

/* Exit codes. */
enum ctl_code { CTL_OK, CTL_ERROR, CTL_USAGE, CTL_UNREACHABLE };

struct ctl {
	struct arena *arena;
	const char *config, *socket; /* socket NULL: as config says */
	bool json;
	int timeout; /* ms; -1: none */
};

/* ---- ask.c ---------------------------------------------------------------------- */

/* An answer or a part of one; what it holds lives until the next. */
struct ctl_answer {
	bool is_part;
	int code;
	const char *text;
	const json_t *json;
};

/* Runs a command on the server; take gets any number of parts and then the answer, whose code is
 * returned.  CTL_UNREACHABLE: *e says why, and the answer did not come. */
int ctl_ask(const struct ctl *c, const char *command, char *const *args, int count, bool json,
	void (*take)(const struct ctl_answer *a, void *ctx), void *ctx, struct err *e);

/* ---- secret.c ------------------------------------------------------------------- */

/* Replaces each «-» that stands for a secret argument of the command by what standard input has
 * (at a terminal: by what is typed, unseen).  False: *e says why not. */
MUST_CHECK bool ctl_read_secrets(
	const struct ctl *c, const char *command, char **args, int count, struct err *e);

/* ---- complete.c ------------------------------------------------------------------ */

/* Prints what the word after these may be, one a line; nothing if the server cannot be asked. */
void ctl_complete(const struct ctl *c, char *const *words, int count);

/* ---- web.c ----------------------------------------------------------------------- */

/* The command «check_web», of which the server does no more than say where to look; its exit code,
 * after it printed.  CTL_UNREACHABLE, CTL_USAGE: *e says why, if nothing was printed. */
int ctl_check_web(const struct ctl *c, char *const *args, int count, struct err *e);

#endif
