/*
 * job.h -- waiting without blocking: named steps.
 *
 * A step does a little work and returns what happens next.  There are only these ways to make a
 * struct step: finish (job_done, iq_result, iq_error, call_done ...), or wait for something and
 * name the step that follows (job_query, job_sleep ...).
 *
 *	static step_fn vcard_get, vcard_reply;
 *
 *	static struct step
 *	vcard_get(struct job *j)
 *	{
 *		return job_query(j, vcard_reply, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
 *	}
 *
 * What the engine promises:
 *  1. A step runs at its job's home, never re-entered; between steps the loop ran.
 *  2. It runs only if what it waited for succeeded.  Otherwise the engine answers (iq: internal-server-error, or
 *     resource-constraint type wait when the store is away; command: one line) and ends the job; a step named by
 *     job_query_else is told instead, and runs even if its host is served no more.
 *  3. An iq gets exactly one answer.
 *  4. The home stays warm while its jobs run.  When a session ends, its jobs of kind JOB_OF_SESSION end silently; an
 *     iq's job goes on with j->session NULL, and its answer goes nowhere.
 *  5. Queries of one home run in the order in which they were asked.
 *  6. What must survive between steps is in j->state (in j->arena).
 *
 * Runs on: the home of the account (or room) it belongs to, or for host and admin jobs the worker where it
 * began.
 */
#ifndef HOME_JOB_H
#define HOME_JOB_H

#include "home/session.h"
#include "run/chore.h"
#include "run/control.h"
#include "store/store.h"

struct call;
struct job;

enum step_next { STEP_END, STEP_WAIT };

struct step {
	enum step_next next;
};

typedef struct step step_fn(struct job *j);

struct job {
	struct worker *worker;
	struct arena *arena; /* lives as long as the job */
	const struct host *
		host; /* in the configuration of now, or the last that had it; never NULL in a step */
	struct home *home; /* whose job it is, pinned; NULL for host and admin jobs */
	struct account *account; /* that home, if it is an account's */
	struct session *session; /* the asking session, if it is of this home and still there */
	struct jid owner; /* bare JID of home, or JID_NONE */
	const struct stanza *stanza; /* the iq, or what the job is about; may be NULL */
	struct call *call; /* the admin command, or NULL */
	const struct rows *rows; /* results of the last wait: the first statement's */
	const struct rows *const *results; /* all statements' */
	enum store_result outcome; /* after job_query_else */
	void *state; /* yours, in arena */
	void *commit; /* roster_store.c's */
	/* ---- the engine's ---- */
	struct job_engine *engine;
};

/* ---- Start -------------------------------------------------------------------- */

/* Runs first at once (in the caller's turn).  stanza may be NULL; it is referenced; if it is an
 * iq get or set, the job owes the answer.  arena (may be NULL) is taken and becomes the job's,
 * with state in it. */
void job_start(struct account *a, const struct stanza *stanza, struct arena **arena, void *state,
	step_fn *first);
/* The same at a home of any kind. */
void job_start_at(struct home *h, const struct stanza *stanza, struct arena **arena, void *state,
	step_fn *first);
/* An iq get or set at home h, or (h NULL) at a service of the host on worker w; the receipt is given
 * when it is answered. */
void job_start_iq(struct worker *w, const struct host *host, struct home *h,
	const struct stanza *iq, const struct receipt *r, step_fn *first);
/* Ends silently when the session does. state: allocated by the first step. */
void job_start_for_session(struct session *s, const struct stanza *stanza, step_fn *first);
/* Without an account, on worker w. */
void job_start_on(
	struct worker *w, const struct host *host, const struct stanza *stanza, step_fn *first);
/* For commands: j->call is call, host NULL the first host.  Whatever the steps did and wherever
 * they went, ended runs once, on w, when the job is over; failure is NULL, or one line that says
 * what the engine could not do (the call has no answer then). */
typedef void job_ended_fn(struct worker *w, struct call *call, const char *failure);
void job_start_call(struct worker *w, const struct host *host, struct call *call, step_fn *first,
	job_ended_fn *ended);

/* ---- Finish ------------------------------------------------------------------- */

MUST_CHECK struct step job_done(struct job *j);
/* Something that should not happen: logged once, ends; iqs get internal-server-error. */
MUST_CHECK struct step job_fail(struct job *j, const char *fmt, ...) PRINTF(2, 3);

/* Answers of an iq's job.  child (in j->arena, may be NULL) becomes the result's payload. */
MUST_CHECK struct step iq_result(struct job *j, const struct xml *child);
MUST_CHECK struct step iq_error(struct job *j, enum cond c, const char *text);
MUST_CHECK struct step iq_refuse(struct job *j, const struct problem *why);
/* With an application-specific condition beside the defined one. */
MUST_CHECK struct step iq_error_with(
	struct job *j, enum cond c, const char *text, const struct xml *extra);
/* The iq's only child element. */
const struct xml *iq_child(const struct job *j);

/* ---- Wait --------------------------------------------------------------------- */

/* clang-format off */
#define ARGS(...) (const struct value[]){ __VA_ARGS__ }, sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)
#define NO_ARGS   NULL, 0
/* clang-format on */

/* One statement, ordered by the home (else by the stanza's sender, else not at all). */
MUST_CHECK struct step job_query(struct job *j, step_fn *next, const struct query *q,
	const struct value *args, size_t count);
/* Several that happen together or not at all; j->results[i] belongs to asks[i]. */
MUST_CHECK struct step job_query_all(
	struct job *j, step_fn *next, const struct ask *asks, size_t count);
/* As job_query_all, but next runs whatever happened and reads j->outcome. */
MUST_CHECK struct step job_query_else(
	struct job *j, step_fn *next, const struct ask *asks, size_t count);
/* next runs even if the host is gone by then. */
MUST_CHECK struct step job_sleep(struct job *j, step_fn *next, msec_t how_long);
/* Runs work(j) on a chore thread, where it may touch only j->state and j->arena; refused
 * (resource-constraint) when too many wait. */
MUST_CHECK struct step job_chore(struct job *j, step_fn *next, void (*work)(struct job *j));
/* Goes on as a job of that account (loaded if need be; account->exists may be false) at its
 * home: how a command reaches a user.  Elsewhere than at the old account's home j->session
 * becomes NULL. */
MUST_CHECK struct step job_go_to(struct job *j, step_fn *next, struct jid bare);
/* The same with a home of another kind. */
MUST_CHECK struct step job_go_to_home(
	struct job *j, step_fn *next, const struct home_kind *kind, struct jid bare);
/* Waits until somebody calls job_wake, once. */
MUST_CHECK struct step job_park(struct job *j, step_fn *next);
void job_wake(struct job *j);
/* Runs visit on each worker, one after the other, with j->worker set to it (no account), then
 * next where the job was. */
MUST_CHECK struct step job_visit(struct job *j, void (*visit)(struct job *j), step_fn *next);
/* Goes on when all that this worker posted to others in this turn is opened (run/fence.h): who causes
 * mail for many counts as busy until then. */
MUST_CHECK struct step job_behind(struct job *j, step_fn *next);
/* Asks the main thread (stop, reload, reopen the log) and goes on when it is done; next reads
 * *said, which lives as long as the job: whether it worked, and lines about it.  Main takes no
 * requests any more: the job ends with an error. */
MUST_CHECK struct step job_control(
	struct job *j, step_fn *next, enum control_what what, const struct control **said);

/* ---- For the core ------------------------------------------------------------- */

/* The session ends: its jobs of kind JOB_OF_SESSION end, other jobs forget it, its session_asks
 * are told.  Before session_ended returns; session.c only. */
void jobs_session_ended(struct session *s);
/* An iq result or error from a client: true if it answers a session_ask, which was told. */
bool session_answered(struct session *s, const struct stanza *iq);
/* Where the job began: a command's or a stream's answer goes back there by itself. */
struct worker *job_origin(const struct job *j);
/* On each worker at the end, before homes_fini: drops jobs that sleep. */
void jobs_fini(struct worker *w);

/* ---- Tables of iqs ------------------------------------------------------------- */

enum iq_types { ON_GET = 1, ON_SET = 2 };

enum iq_targets {
	TO_HOST = 1, /* to the domain */
	TO_SELF = 2, /* to the sender's own account (bare or no `to`) */
	TO_ACCOUNT = 4, /* to another's account */
	TO_NOBODY = 8, /* to a name without an account: answers as accounts answer strangers */
	TO_STREAM = 16, /* before authentication: j->account is NULL, job_stream(j) says who asks */
};

struct iq_handler {
	const char *ns;
	const char *name; /* of the child */
	unsigned types; /* enum iq_types */
	unsigned targets; /* enum iq_targets */
	step_fn *handle;
};

/* clang-format off */
#define END_IQS { NULL, NULL, 0, 0, NULL }
/* clang-format on */

/* For a module (its index), before workers start; module UINT_MAX: the core's, always on. */
void iq_add(const struct iq_handler *h, unsigned module);
/* The core's: roster, session, bind.  Main, before workers start. */
void iqs_init(void);
/* Dispatches an iq get or set that this place answers: to the host (account NULL or the
 * sender's) or an account.  Unknown: service-unavailable.  s is borrowed.  session: the asking
 * one when it is of this home.  The receipt is given at once if there is a session (which counts
 * its jobs), else when the answer was sent. */
void iq_dispatch(struct worker *w, const struct host *host, struct account *a,
	struct session *session, enum iq_targets target, const struct stanza *s,
	const struct receipt *r);
/* Before authentication: the answer is given to reply(ctx, stanza or NULL), on worker w, exactly
 * once unless the stream calls iq_stream_gone(ctx) first. True if there was a handler. */
bool iq_dispatch_stream(struct worker *w, const struct host *host, const struct stream_info *stream,
	const struct stanza *s, void (*reply)(void *ctx, const struct stanza *answer), void *ctx);
void iq_stream_gone(struct worker *w, void *ctx);
/* Who asks, in a job of TO_STREAM; else the session's; NULL if unknown. */
const struct stream_info *job_stream(const struct job *j);
/* Asks a client (an iq get or set of ours to a session); answer runs with the reply, or NULL
 * after the time-out or the session's end. */
void session_ask(struct session *s, enum iq_type type, const struct xml *child, msec_t timeout,
	void (*answer)(struct account *a, struct session *s, const struct stanza *reply, void *ctx),
	void *ctx);

#endif
