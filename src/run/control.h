/*
 * control.h -- what other threads ask the main thread to do: stop, restart, reload, reopen the log.
 *
 * A request waits in a short list until main has done it; then it is mailed back to the worker that
 * asked, with lines for whoever asked.
 *
 * Runs on: a worker (ask, and the answer), main (the rest).
 */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include "base/buf.h"
#include "run/worker.h"

enum control_what { CONTROL_STOP, CONTROL_RESTART, CONTROL_RELOAD, CONTROL_REOPEN_LOG };

/* Embed, or allocate with mem_new; whoever asks owns it again when mail.open runs, and then
 * frees `lines` with buf_fini. */
struct control {
	struct mail
		mail; /* .open: runs on worker when it is done (CONTROL_STOP, CONTROL_RESTART: when it
				   has begun) */
	struct worker *worker;
	enum control_what what;
	bool ok;
	struct buf lines; /* what changed, or the faults; each ends with a line end */
	struct control *next;
};

/* Takes c until its mail is opened.  False, and nothing happens, if main takes no requests (any
 * more). */
MUST_CHECK bool control_ask(struct control *c);

/* ---- Main --------------------------------------------------------------------- */

MUST_CHECK bool control_init(struct err *e);
/* Readable while requests wait. */
int control_fd(void);
/* The next request, or NULL. */
struct control *control_take(void);
/* Mails it back. */
void control_answer(struct control *c, bool ok);
/* No more requests; those that wait are answered with false. */
void control_fini(void);

#endif
