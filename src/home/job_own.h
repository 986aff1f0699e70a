/*
 * job_own.h -- what stands behind a struct job; for job*.c, iq.c and credential.c only.
 *
 * A job and its engine are one block in the job's arena.  Whoever made the job wait owns it until
 * the wait is over: a mail, a timer, a chore or a request of the store; nothing else ever points to
 * it but its session (through the tie). While a job is away (job_visit), only the fields named in
 * struct job are touched there; the rest stays its home's.
 *
 * Runs on: the worker of the job.
 */
#ifndef HOME_JOB_OWN_H
#define HOME_JOB_OWN_H

#include "home/credential.h"
#include "home/job.h"
#include "run/fence.h"

/* Who must be told when a session ends. */
struct session_tie {
	struct list link; /* session->jobs */
	void (*ended)(struct session_tie *t); /* already unlinked */
};

/* A stream that waits for the answer to an iq; touched on the worker where it asked. */
struct asker {
	struct list link; /* worker's job_place.askers */
	void (*reply)(void *ctx, const struct stanza *answer);
	void *ctx; /* NULL once it is gone */
};

/* What each worker keeps. */
struct job_place {
	struct list sleeping; /* struct job_engine.sleeping */
	struct list askers;
};

struct job_place *job_place_of(struct worker *w);

struct job_engine {
	struct job job;
	struct session_tie tie;
	struct session *session; /* which counts this job, or NULL */
	struct home *pinned; /* or NULL */
	const struct home_kind *kind; /* of the home that it goes to */
	struct worker *origin, *home; /* where it began; where it is when it is not away */
	struct str domain; /* of its host; p NULL: the first one */
	struct receipt receipt; /* given at the end */
	const struct stream_info *stream; /* a copy, where the stream may be gone */
	/* waiting */
	step_fn *next;
	bool tells; /* next is run whatever happens */
	struct config *config; /* that of job.host, referenced meanwhile; or NULL */
	bool waits, away;
	struct mail mail;
	struct fence fence;
	struct home_wait loading;
	struct timer timer;
	struct list sleeping;
	struct chore chore;
	void (*work)(struct job *j);
	void (*visit)(struct job *j);
	unsigned visited;
	/* ending */
	bool owes; /* the answer to the iq */
	bool of_session; /* ends with it */
	bool cancelled; /* and it ended */
	bool closes; /* the account was deleted: its sessions are closed after the answer */
	struct asker *asker;
	const struct stanza *answer; /* for asker */
	job_ended_fn *ended;
	const char *failure; /* for ended */
	/* credential.c */
	struct credential_work *credential;
	enum credential_result result;
};

/* ---- job.c ---------------------------------------------------------------------- */

/* A job on w without anything; arena may be NULL or point to NULL. */
struct job_engine *job_new(struct worker *w, const struct host *host, const struct stanza *stanza,
	struct arena **arena);
void job_of_home(struct job_engine *e, struct home *h);
/* Counts the job with the session, which tells it when it ends. */
void job_tie(struct job_engine *e, struct session *s);
void job_untie(struct job_engine *e);
void job_run(struct job_engine *e, step_fn *step);
/* What the job waited for is over: next, or the engine's answer to a failure. */
void job_resume(struct job_engine *e, enum store_result outcome);
/* The engine's own end of a job that cannot go on; text is one line for people. */
struct step job_give_up(struct job_engine *e, enum cond c, const char *text);
/* The end of a cancelled job that sleeps. */
void job_drop(struct job_engine *e);

/* ---- job_wait.c ----------------------------------------------------------------- */

/* The next step, after the loop ran. */
struct step job_soon(struct job *j, step_fn *next, enum store_result outcome);
/* As their namesakes, but next is run whatever happens and reads j->outcome. */
struct step job_chore_else(struct job *j, step_fn *next, void (*work)(struct job *j));
struct step job_go_to_else(struct job *j, step_fn *next, struct jid bare);

/* ---- iq.c ----------------------------------------------------------------------- */

/* Sends the one answer of an iq's job (taken) to whoever asked. */
void iq_answer(struct job_engine *e, const struct stanza *answer);

#endif
