/*
 * job_test.h -- what the tests of jobs and credentials share: workers with homes and a real SQLite
 * store, and clients that are nothing but an outlet.
 *
 * Runs on: the test process
 */
#ifndef UNIT_JOB_TEST_H
#define UNIT_JOB_TEST_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "home/credential.h"
#include "home/job.h"
#include "home/session.h"

/* The server without network, for the hosts a.test and b.test, with `iqs` and `queries` (each
 * may be NULL) beside its own. */
void job_test_start(unsigned workers, const struct iq_handler *iqs, const struct query *queries);
void job_test_stop(void);
/* Fails the test after half a minute. */
void job_test_wait(sem_t *s);
/* Runs fn(w, arg) on the worker, and waits for it. */
void job_test_on(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg);
const struct host *job_test_host(const struct worker *w, const char *name);
struct jid job_test_jid(const char *text); /* for ever */

typedef struct step credential_fn(
	struct job *j, step_fn *next, struct jid bare, struct str password);
/* One of credential_create, _change, _check in a job that begins on worker 0. */
enum credential_result job_test_credential(
	credential_fn *fn, const char *bare, const char *password);
enum credential_result job_test_remove(const char *bare);

struct caller {
	struct outlet outlet; /* first */
	struct stream_info info;
	struct session *session;
	struct worker *worker;
	struct jid full;
	pthread_mutex_t lock;
	struct buf got; /* stanzas as text, a NUL behind each */
	sem_t some; /* up with each stanza and with closed, paused, resumed */
	atomic_int closed, paused, resumed;
	int bound; /* enum bind_result */
};

/* The account must exist unless the test wants to know. */
void caller_bind(struct caller *c, const char *bare, const char *resource);
/* What the client writes, as one element in jabber:client. */
void caller_send(struct caller *c, const char *xml);
/* The next stanza as text; freed by the caller with mem_free. */
char *caller_next(struct caller *c);
/* Nothing came. */
bool caller_is_quiet(struct caller *c);
/* The stream ends. */
void caller_leave(struct caller *c);
/* Sends an iq of that child, and says whether the answer holds `expected`; fails the test if
 * not. */
void caller_asks(struct caller *c, const char *type, const char *to, const char *child,
	const char *expected);

#endif
