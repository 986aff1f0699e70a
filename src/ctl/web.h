/*
 * web.h -- «check_web», within src/ctl: the public web endpoints, asked as a browser would.
 *
 * web.c says what is looked at, web_socket.c and web_bosh.c do the parts that are more than one
 * request, web_fetch.c has libcurl.  Nothing of it runs in the server.
 *
 * Runs on: its own process
 */
#ifndef CTL_WEB_H
#define CTL_WEB_H

#include "base/attr.h"
#include "base/buf.h"
#include "ctl/ctl.h"

/* What is to be asked, from the server; all texts live as long as arena. */
struct web {
	struct arena *arena;
	const char *host; /* the XMPP host */
	const char *url; /* of the endpoints, without / at its end: "https://chat.example.org" */
	const char *websocket, *bosh; /* paths; not beginning with / if they are off */
	const char *origin; /* a web site whose scripts may connect, or "null" */
	const char *connect; /* "HOST:PORT" instead of where names lead, or NULL */
	const char *ca; /* file of certificates to believe, or NULL */
	int wait; /* seconds that a request is to be held */
	json_t *rows; /* what was found; NULL: it is printed at once */
	unsigned wrong; /* things */
};

/* ---- web.c: what was found -------------------------------------------------------- */

void web_fine(struct web *w, const char *what, const char *fmt, ...) PRINTF(3, 4);
/* Not wrong, but worth to know. */
void web_note(struct web *w, const char *what, const char *fmt, ...) PRINTF(3, 4);
/* mend: what to do about it. */
void web_wrong(struct web *w, const char *what, const char *mend, const char *fmt, ...)
	PRINTF(4, 5);

/* ---- web_fetch.c ------------------------------------------------------------------ */

struct web_answer {
	unsigned status; /* 0: there was no answer, see `why` and `mend` */
	const char *why, *mend;
	struct buf head, body;
	double seconds; /* until the last byte */
	int days_left; /* of the certificate; INT_MAX: nobody knows */
};

/* At most so many seconds; headers: lines with NULL at the end, or NULL; body NULL: none. */
void web_fetch(struct web *w, const char *method, const char *url, const char *const *headers,
	const char *body, int seconds, struct web_answer *a);
void web_answer_fini(struct web_answer *a);
/* The newest header of that name, in w's arena, or NULL. */
const char *web_header(struct web *w, const struct web_answer *a, const char *name);
/* Tells that there was no answer, if so. */
bool web_answered(struct web *w, const char *what, const struct web_answer *a);
/* Access-Control-Allow-Origin lets that origin in; else that is told. */
bool web_allows(struct web *w, const char *what, const struct web_answer *a, const char *origin);

/* A connection over TLS that only bytes go over.  NULL: a->why. */
void *web_dial(struct web *w, const char *url, struct web_answer *a);
MUST_CHECK bool web_send(void *line, struct str bytes);
/* More bytes in `in`.  False: none will come, or not within that time. */
MUST_CHECK bool web_receive(void *line, struct buf *in, int seconds);
void web_hang_up(void *line);

/* ---- web_socket.c, web_bosh.c ------------------------------------------------------ */

void web_check_socket(struct web *w, const char *url);
void web_check_bosh(struct web *w, const char *url);

#endif
