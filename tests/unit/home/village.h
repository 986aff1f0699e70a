/*
 * village.h -- accounts, clients and workers for the tests of homes: real workers, a real store,
 * outlets that only write down what they get.
 *
 * Runs on: the test process
 */
#ifndef UNIT_HOME_VILLAGE_H
#define UNIT_HOME_VILLAGE_H

#include <stdbool.h>

#include "home/account.h"
#include "home/session.h"

/* A client; what reaches it is kept as text. */
struct client {
	struct outlet outlet;
	struct bind_request request;
	struct stream_info stream;
	enum bind_result bound;
	struct session *session; /* NULL: none, or it is over */
	struct worker *worker;
	char bare[64], resource[64];
	struct buf got; /* one stanza a line */
	bool done; /* request */
	bool ends_at_close; /* calls session_end inside close */
	enum stream_cond closed;
	unsigned pauses, resumes;
};

/* Workers, a store in a folder of its own, hosts a.example and b.example with these accounts
 * (NULL ends).  stop checks that nothing was left. */
void village_start(unsigned workers, const char *const *accounts);
void village_stop(void);
/* Closes the store under the workers' hands: from now on it is away. */
void village_close_store(void);

/* Runs fn(w, arg) on the home's worker of a bare JID and waits. */
void village_at(const char *bare, void (*fn)(struct worker *w, void *arg), void *arg);

/* Binds; the result is in c->bound. */
void client_bind(struct client *c, const char *bare, const char *resource);
/* Asks for it and does not wait. */
void client_ask(struct client *c, const char *bare, const char *resource);
void client_wait_bound(struct client *c);
/* As if it had sent presence of that priority. */
void client_available(struct client *c, int priority);
void client_unavailable(struct client *c);
/* Its stream ends. */
void client_end(struct client *c);
/* Sends: text is one element without `from`. */
void client_send(struct client *c, const char *text);
/* Waits until it got something that contains part; fails the test after a while. */
void client_expect(struct client *c, const char *part);
/* All that was sent before by anybody (through `by`, which must be bound) has arrived; `by` gets
 * a line more. */
void client_settle(struct client *by);
/* It got something like that so far. */
bool client_has(struct client *c, const char *part);
void client_forget(struct client *c);
/* Waits until check(arg) is true on the home's worker of bare. */
void village_wait(const char *bare, bool (*check)(struct worker *w, void *arg), void *arg);

#endif
