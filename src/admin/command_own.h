/*
 * command_own.h -- what the files of src/admin share.
 *
 * Runs on: any thread.
 */
#ifndef ADMIN_COMMAND_OWN_H
#define ADMIN_COMMAND_OWN_H

#include "admin/command.h"

#include "base/buf.h"

/* ---- The core's tables, END_COMMANDS ------------------------------------------------ */

extern const struct command commands_account[], commands_session[], commands_roster[],
	commands_server[], commands_message[];
extern const struct command commands_archive[], commands_export[], commands_import[],
	commands_trace[], commands_data[], commands_old[], commands_process[], commands_push[];
extern const struct query commands_account_queries[], commands_server_queries[],
	commands_export_queries[], commands_old_queries[], commands_process_queries[],
	commands_push_queries[];

/* Uptime counts from here. */
void commands_server_start(void);

/* ---- help.c --------------------------------------------------------------------------- */

/* Usage, arguments, result and example of one command. */
void command_help(const struct command *c, struct buf *out);

/* The name of column i in c->columns ("jid\tpriority:int"), false behind the last. */
enum cell_kind { CELL_TEXT, CELL_INT, CELL_LIST };

bool command_column(const struct command *c, size_t i, struct str *name, enum cell_kind *kind);
/* help [topic]. */
step_fn help_run;

/* ---- args.c ---------------------------------------------------------------------------- */

/* All, and those that may not be left out. */
size_t command_args_count(const struct command *c);
size_t command_args_required(const struct command *c);
/* Reads argv into *args (in a); *argc becomes the number of arguments up to the last that was given,
 * since those that may be left out can be named («limit=50»).  False: *why has one line that says
 * what was wrong. */
MUST_CHECK bool command_read_args(const struct command *c, struct arena *a, const char *const *argv,
	size_t *argc, void **args, struct err *why);
/* Adds «name alice example.org (secret)»: secrets hidden, long texts cut. */
void command_write_args(const struct command *c, const void *args, size_t argc, struct buf *out);

/* ---- call.c ---------------------------------------------------------------------------- */

/* Text as a JSON string, with its quotes. */
void call_put_json(struct buf *out, struct str text);

/* ---- What several commands do ------------------------------------------------------------ */

/* "bongsud@host.example" */
const char *node_name(struct arena *a);
/* The host that is served under a name somebody typed, or NULL. */
const struct host *find_host(const struct job *j, const char *name);
/* The path that somebody typed; a relative one begins in data_dir.  In j->arena. */
const char *file_path(const struct job *j, const char *typed);
/* call_error for a host that is not served. */
MUST_CHECK struct step no_host(struct job *j, const char *name);

#endif
