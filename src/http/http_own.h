/*
 * http_own.h -- what the files of src/http share.
 *
 * Runs on: the connection's worker.
 */
#ifndef HTTP_HTTP_OWN_H
#define HTTP_HTTP_OWN_H

#include "base/list.h"
#include "config/config.h"
#include "http/chunked.h"
#include "http/http.h"
#include "run/timer.h"

struct http_worker {
	struct list exchanges;
	bool stopping;
};

enum exchange_state {
	EXCHANGE_HEAD, /* a request is awaited, or its head has begun */
	EXCHANGE_BODY,
	EXCHANGE_HANDLED, /* an answer is awaited */
	EXCHANGE_SENDING, /* the connection takes the answer piece by piece */
	EXCHANGE_OVER, /* nothing more is read */
};

/* A connection with the request of now. */
struct exchange {
	struct conn *conn; /* NULL: handed on */
	struct worker *worker;
	const struct listen_conf *listen;
	struct list link;
	struct buf in; /* not yet taken */
	size_t scanned; /* of in, for the end of a head */
	enum exchange_state state;
	struct timer
		timer; /* of the connection while it waits for a request, then of the request */
	struct later later; /* goes on with what is there */
	/* Of the request, from its head to its answer: */
	struct arena *arena; /* NULL: there is none */
	struct http_request *request;
	const struct http_route *route; /* NULL: none fits */
	struct chunked chunked;
	struct buf body;
	struct buf headers; /* of the answer */
	const char *policy; /* of the answer; NULL: the strictest */
	struct str unsent; /* of its body, when that is shared */
	void (*release)(void *owner); /* NULL: it is not */
	void *owner;
	msec_t begun;
	void (*gone)(struct exchange *x, void *ctx);
	void (*arrived)(struct exchange *x, void *ctx);
	void *ctx;
	bool running, timed, moving, paused, last;
	char id[16];
};

struct http_worker *http_of(const struct worker *w);

/* ---- route.c ------------------------------------------------------------------ */

/* The route for the request's path, or NULL. */
const struct http_route *http_route_for(const struct exchange *x);
size_t http_max_body(const struct exchange *x);
/* Methods of a route with those that come by themselves. */
unsigned http_methods_of(const struct http_route *r);

/* ---- reply.c ------------------------------------------------------------------ */

/* Writes the head of an answer and its headers; then the request is forgotten. */
void http_put_answer(struct exchange *x, unsigned status, const char *type, struct str body);
/* OPTIONS. */
void http_reply_options(struct exchange *x);
/* The connection has room for more of a shared body. */
void http_send_more(struct exchange *x);
/* Lets go of a shared body, if there is one. */
void http_release(struct exchange *x);

/* ---- server.c ----------------------------------------------------------------- */

/* Bytes that may wait for a client before its next request is handled. */
size_t http_max_output(const struct worker *w);
/* The answer is written: the next request may come. */
void exchange_done(struct exchange *x);

#endif
