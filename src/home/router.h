/*
 * router.h -- to whom a stanza belongs, and where that is.
 *
 * A bare or full JID of a local account goes to the account's home; the domain itself is answered
 * by the host's iq handlers on the worker that routes (its state is the configuration only); an
 * address of a service (rooms) goes to that service's homes; everything else is remote, and without
 * server-to-server streams is answered remote-server-not-found.
 *
 * Runs on: any worker.
 */
#ifndef HOME_ROUTER_H
#define HOME_ROUTER_H

#include "home/home.h"

/* Sends *s (taken, set to NULL) on its way; from and to must be set.  r: the receipt that its
 * home will give, or NULL. */
void route(struct worker *w, const struct stanza **s, const struct receipt *r);
/* One stanza for many: each target (bare or full) gets it with its own `to`; one mail per
 * worker.  s is borrowed. */
void route_many(struct worker *w, const struct stanza *s, const struct jid *to, size_t count);
/* Several for one, in order: each gets `to` as its own; one mail.  The list is borrowed. */
void route_series(struct worker *w, const struct stanza *const *list, size_t count, struct jid to);
/* Gives a receipt (does nothing for RECEIPT_NONE). */
void receipt_give(struct worker *w, const struct receipt *r);
/* The same when all is opened that this worker posted to others in this turn: for a stanza that caused
 * more than one mail, or mail with nobody's receipt. */
void receipt_give_behind(struct worker *w, const struct receipt *r);
/* Takes *answer, a result or an error.  One without `from` answers what was sent without `to`, and
 * comes from the account itself (RFC 6120 10.3). */
void route_answer(struct worker *w, const struct stanza **answer);
/* Error answer to s if one may be sent, and the receipt. */
void route_bounce(struct worker *w, const struct stanza *s, enum cond c, const char *text,
	const struct receipt *r);
/* As route_bounce, but presence that nobody waits an answer for ends silently. */
void route_refuse(struct worker *w, const struct stanza *s, enum cond c, const struct receipt *r);

/* A service under a domain of its own ("conference.example.org"): who makes its homes; and what
 * is asked of the domain itself.  Before workers start. */
struct service {
	const char *domain; /* prepared; NULL: whichever host() knows */
	const struct host *(*host)(const struct worker *w,
		struct str domain); /* whose service it is; NULL: not ours */
	const struct home_kind *kind;
	/* What is sent to the domain itself, on the worker that routes; owes the receipt.  s is
	 * borrowed.  NULL: nothing is there. */
	void (*stanza)(struct worker *w, const struct host *host, const struct stanza *s,
		const struct receipt *r);
};

/* The host to which a domain belongs: its own, or a service's; NULL if we do not serve it. */
const struct host *route_host(const struct worker *w, struct str domain);
void service_add(const struct service *s);

#endif
