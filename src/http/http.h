/*
 * http.h -- HTTP/1.1 for whoever has something to serve.
 *
 * A route is a path and a function.  The function gets an exchange when the whole request is there,
 * and answers it with http_reply, at once or later (http_hold).  Requests of one connection are
 * handled one after the other.  HEAD and OPTIONS, CORS (Fetch), sizes, time-outs and the log are
 * seen to here.
 *
 * Runs on: main (http_init, http_serve), the connection's worker (the rest).
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "config/config.h"
#include "http/head.h"
#include "net/conn.h"

struct exchange;

/* ---- Routes ------------------------------------------------------------------- */

enum http_cors {
	CORS_NONE, /* scripts of other sites get nothing */
	CORS_LISTED, /* those of the configuration's `origins` */
	CORS_ANY,
};

struct http_route {
	const char *path; /* "/metrics"; "/api/": all below it; NULL: what path_of says */
	const char *(*path_of)(const struct config *c); /* "-" or NULL: nowhere */
	unsigned methods; /* of enum http_method; HEAD comes with GET, OPTIONS always */
	size_t max_body; /* bytes */
	size_t (*max_body_of)(const struct config *c); /* instead of max_body */
	enum http_cors cors;
	bool quiet; /* requests that succeed are logged at debug only */
	bool admits; /* handle counts requests itself, by http_admit; else all are counted */
	void (*handle)(struct exchange *x);
};

/* clang-format off */
#define END_HTTP { .handle = NULL }
/* clang-format on */

/* For a module (its index), before workers start; module UINT_MAX: the core's.  A module's route
 * serves hosts where it is on.  The longest path wins. */
void http_serve(const struct http_route *r, unsigned module);

/* ---- The request -------------------------------------------------------------- */

struct http_request {
	struct http_head head; /* texts live as long as the exchange */
	struct str body;
	struct addr peer; /* the client, also behind a proxy that is believed */
	bool secure; /* the client uses TLS, to us or to such a proxy */
	bool forwarded; /* came through such a proxy */
	const struct host *host; /* that Host names, else the first */
};

const struct http_request *http_request(const struct exchange *x);
struct worker *http_worker(const struct exchange *x);
/* Memory that lives as long as the exchange. */
struct arena *http_arena(const struct exchange *x);
/* "http-1f": in the log. */
const char *http_id(const struct exchange *x);
/* The request's Origin, if it has one, is among the configuration's `origins`. */
bool http_origin_is_fine(const struct exchange *x);

/* Counts a request of this client.  False: it made too many, and that is answered (429). */
MUST_CHECK bool http_admit(struct exchange *x);

/* ---- The answer --------------------------------------------------------------- */

/* A header of the answer to come; texts without control characters. */
void http_header(struct exchange *x, const char *name, const char *value);
/* Content-Security-Policy of the answer to come, in place of one that lets it load nothing; the text
 * lives until the answer. */
void http_policy(struct exchange *x, const char *policy);
/* The answer; body is copied.  x is not to be used after it. */
void http_reply(struct exchange *x, unsigned status, const char *type, struct str body);
/* As http_reply, but body is sent piece by piece and not copied: it stays until release(owner) runs,
 * which may be within the call. */
void http_reply_shared(struct exchange *x, unsigned status, const char *type, struct str body,
	void (*release)(void *owner), void *owner);
/* An answer with the status as text. */
void http_reply_status(struct exchange *x, unsigned status);
/* No answer: ends the connection. */
void http_drop(struct exchange *x);
/* Answers later; gone(x, ctx) tells that the client went away and x ends with the call. */
void http_hold(struct exchange *x, void (*gone)(struct exchange *x, void *ctx), void *ctx);
/* Goes on at another worker: arrived(x, ctx) runs there, and nothing touches x in between.  ctx is
 * also that of a hold: gone is not called while it moves. */
void http_move(struct exchange *x, struct worker *to,
	void (*arrived)(struct exchange *x, void *ctx), void *ctx);
/* Within handle: answers 101 with the headers given and parts with the connection, whose owner is
 * the caller's matter; *rest (the caller's) are bytes behind the request. */
struct conn *http_upgrade(struct exchange *x, const char *protocol, struct buf *rest);

/* ---- Start and stop ------------------------------------------------------------ */

/* The service «http» may be named in a configuration; before the first load. */
void http_declare(void);
/* Before listeners_open. */
void http_init(void);
/* On a worker: no more requests; connections close when they have their answer. */
void http_shutdown(struct worker *w);
void http_fini(struct worker *w);

#endif
