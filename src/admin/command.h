/*
 * command.h -- what administrators can do: one table, many readers (CLI, help, completion,
 * documents, later HTTP).
 *
 * A command is a row: name and argument order as ejabberdctl's where it has them.  It runs as a
 * job: a step that prints and finishes.  Its output is text lines, or rows of named columns (tabs
 * for people, objects for --json).
 *
 * Runs on: the worker of the job.
 */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include "base/field.h"
#include "home/job.h"

struct json_t; /* jansson's */

enum command_flags {
	COMMAND_WRITE = 1, /* changes something: logged */
	COMMAND_SECRET = 2, /* has secret arguments (FIELD_SECRET): they are never logged */
	COMMAND_AT_ACCOUNT =
		4, /* its first two arguments are user and host: runs at that account's home, j->account set (it may not exist) */
	COMMAND_MUST_EXIST = 8, /* with COMMAND_AT_ACCOUNT: not_found unless the account exists */
	COMMAND_ONE_ROW = 16, /* prints one row: an object in JSON, where others are lists */
};

struct command {
	const char *name; /* "registered_users" */
	const char *tag; /* "accounts" */
	unsigned flags;
	const struct field *
		args; /* positional, in this order; those without FIELD_REQUIRED stand last.  NULL: none */
	size_t args_size;
	step_fn *run;
	/* Names of a row's cells: "jid\tpriority:int\tgroups:list".  Text, or a number, or texts
	 * with \n between them (a comma for people).  One column alone makes a JSON list of its
	 * values.  NULL: plain lines. */
	const char *columns;
	const char *doc; /* one line, no full stop */
	const char *example; /* "register alice example.org secret" */
};

#define END_COMMANDS                                                                               \
	{                                                                                          \
		NULL, NULL, 0, NULL, 0, NULL, NULL, NULL, NULL                                     \
	}

/* Before workers start; c is kept. */
void command_add(const struct command *c);
/* NULL if there is none. */
const struct command *command_find(const char *name);
/* The one whose name looks most like it, or NULL. */
const struct command *command_nearest(const char *name);
/* All, sorted by tag and name. */
const struct command *const *commands_all(size_t *count);

/* ---- In a command's steps ------------------------------------------------------- */

/* The arguments, with their real type: `const struct register_args *a = CALL_ARGS(j, struct
 * register_args);` */
#define CALL_ARGS(j, T) ((const T *)call_args((j), sizeof(T)))
const void *call_args(const struct job *j, size_t size);
/* user@host from COMMAND_AT_ACCOUNT arguments is j->owner. */
/* One row; as many cells (NUL-terminated, NULL is empty) as the command has columns. */
void call_row(struct job *j, const char *const *cells, size_t count);
#define CALL_ROW(j, ...)                                                                           \
	call_row((j), (const char *const[]){ __VA_ARGS__ },                                        \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
/* One line of text. */
void call_line(struct job *j, const char *fmt, ...) PRINTF(2, 3);
/* The only line, and a number in JSON. */
void call_number(struct job *j, int64_t n);
/* What JSON readers get instead of the lines; takes json. */
void call_json(struct job *j, struct json_t *json);
/* After a page of many rows, where the call began (no account, not in a visit): hands on what
 * gathered.  True: the reader is slow, and the next page should wait (job_sleep). */
MUST_CHECK bool call_flush(struct job *j);
/* Ends: exit code 0. */
MUST_CHECK struct step call_done(struct job *j);
/* Ends with «Error: code: text» after what was printed, exit code 1. */
MUST_CHECK struct step call_error(struct job *j, const char *code, const char *fmt, ...)
	PRINTF(3, 4);

/* The text of a file whose name somebody typed (a relative path begins in the server's data_dir), in
 * j->arena; goes on at next, with j->state as it was.  A file that cannot be read, or of more than
 * `most` bytes, ends the command with one line about it. */
typedef struct step call_text_fn(struct job *j, struct str text);
MUST_CHECK struct step call_read_file(
	struct job *j, const char *typed, size_t most, call_text_fn *next);
/* Of such an argument. */
#define CALL_FILE_FIELD(T)                                                                         \
	TEXT_FIELD(T, file, .min = 1, .max = 4000, .flags = FIELD_REQUIRED,                        \
		.doc = "File that the server reads; a relative path begins in its data_dir")

/* ---- For transports (control socket) ---------------------------------------------- */

struct call_answer {
	int code; /* exit code: 0, 1 error, 2 usage */
	struct str text; /* for people: lines */
	struct str json; /* for machines: one JSON value, or STR_NONE if nobody asked for it */
};

/* Who calls.  All functions run on the worker where the call began. */
struct call_taker {
	const char *who; /* «root via control socket»: for the log; copied */
	bool json;
	/* Exactly once.  What the answer holds is valid during the call. */
	void (*answer)(struct worker *w, void *ctx, const struct call_answer *answer);
	/* Rows ahead of the answer (code 0; in JSON a list that the next ones continue).  True:
	 * wait before more.  NULL: all comes with the answer. */
	bool (*part)(struct worker *w, void *ctx, const struct call_answer *part);
	void *ctx;
};

/* Runs a command with text arguments.  What a command may print at once is bounded. */
void command_run(struct worker *w, const char *name, const char *const *argv, size_t argc,
	const struct call_taker *taker);

/* ---- Main ------------------------------------------------------------------------- */

/* The core's commands and their queries; before store_open. */
void commands_init(void);
/* Reference of all commands in Markdown (`bongsud --print=commands`). */
void commands_print(struct buf *out);
/* The control socket at path; after workers_init, before workers_start. */
MUST_CHECK bool control_socket_open(const char *path, struct err *e);

#endif
