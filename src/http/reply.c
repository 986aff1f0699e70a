/*
 * reply.c -- answers: their heads, CORS, the line in the log.
 *
 * Runs on: the connection's worker.
 */
#include "http/http_own.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

enum {
	PIECE = 32 * 1024, /* of a shared body, copied at a time */
	SENDING_MAX = 128 * 1024 /* that may wait for the client meanwhile */
};

static const struct {
	unsigned status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 426, "Upgrade Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *
reason_of(unsigned status)
{
	for (size_t i = 0; i < COUNT(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Status";
}

/* ---- Headers -------------------------------------------------------------------- */

void
http_header(struct exchange *x, const char *name, const char *value)
{
	buf_printf(&x->headers, "%s: ", name);
	for (; *value; value++)
		buf_put_char(&x->headers, (unsigned char)*value < ' ' ? ' ' : *value);
	buf_put_lit(&x->headers, "\r\n");
}

void
http_policy(struct exchange *x, const char *policy)
{
	x->policy = policy;
}

/* Made once a second. */
static void
put_date(struct buf *out)
{
	static _Thread_local char text[40];
	static _Thread_local time_t made;
	time_t now = (time_t)(clock_wall() / 1000);
	struct tm tm;

	if (now != made && gmtime_r(&now, &tm)) {
		(void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		made = now;
	}
	buf_printf(out, "Date: %s\r\n", text);
}

static void
put_methods(struct buf *out, const char *header, unsigned methods)
{
	const char *sep = "";

	buf_printf(out, "%s: ", header);
	for (unsigned m = HTTP_GET; m <= HTTP_OPTIONS; m <<= 1) {
		if (!(methods & m))
			continue;
		buf_printf(out, "%s%s", sep, http_method_name((enum http_method)m));
		sep = ", ";
	}
	buf_put_lit(out, "\r\n");
}

/* ---- CORS (Fetch 3.2) -------------------------------------------------------------- */

/* p NULL: all may. */
static bool
is_listed(const struct config *c, struct str origin)
{
	for (const char *const *o = c->http.origins; o && *o; o++) {
		if (text_eq(*o, "*") || str_is_nocase(origin, *o))
			return true;
	}
	return false;
}

bool
http_origin_is_fine(const struct exchange *x)
{
	struct str origin = http_head_get(&x->request->head, "Origin");

	return !origin.p || is_listed(config_of(x->worker), origin);
}

static bool
all_may(const struct exchange *x)
{
	return x->route->cors == CORS_ANY || is_listed(config_of(x->worker), STR("*"));
}

static void
put_cors(struct exchange *x, struct buf *out)
{
	struct str origin = x->request ? http_head_get(&x->request->head, "Origin") : STR_NONE;

	if (!x->route || x->route->cors == CORS_NONE)
		return;
	if (all_may(x)) {
		buf_put_lit(out, "Access-Control-Allow-Origin: *\r\n");
		return;
	}
	buf_put_lit(out, "Vary: Origin\r\n");
	if (origin.p && is_listed(config_of(x->worker), origin))
		buf_printf(out, "Access-Control-Allow-Origin: %.*s\r\n", STR_ARG(origin));
}

void
http_reply_options(struct exchange *x)
{
	const struct http_route *r = x->route;
	unsigned methods = r ? http_methods_of(r) : HTTP_OPTIONS;

	if (!r && !text_eq(x->request->head.path, "*")) {
		http_reply_status(x, 404);
		return;
	}
	put_methods(&x->headers, "Allow", methods);
	if (r && r->cors != CORS_NONE) {
		put_methods(&x->headers, "Access-Control-Allow-Methods", methods);
		http_header(x, "Access-Control-Allow-Headers", "Content-Type");
		http_header(x, "Access-Control-Max-Age", "86400");
	}
	http_put_answer(x, 204, NULL, STR_NONE);
}

/* ---- Answers --------------------------------------------------------------------- */

/* One line a request; never the query, which may have secrets. */
static void
tell(const struct exchange *x, unsigned status, size_t n)
{
	const struct http_head *h = x->request ? &x->request->head : NULL;
	bool quiet = status == 429 || (status < 400 && x->route && x->route->quiet);
	struct str path = h && h->path ? str_of(h->path) : STR("?");
	const char *method = h && h->method ? http_method_name(h->method) : "?";
	long long took = (long long)(worker_now(x->worker) - x->begun);
	char peer[ADDR_TEXT];

	addr_text(x->request && h->path ? &x->request->peer : conn_peer(x->conn), peer);
	if (path.n > 200)
		path.n = 200;
	log_at(quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, AREA_HTTP, x->id,
		"answered %s %.*s from %s with %u, %zu bytes, after %lld ms", method, STR_ARG(path),
		peer, status, n, took);
}

/* What a browser may do with an answer that it shows. */
static void
put_guards(const struct exchange *x, struct buf *out)
{
	buf_put_lit(out, "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
			 "Referrer-Policy: no-referrer\r\nContent-Security-Policy: ");
	buf_put_text(out, x->policy ? x->policy : "default-src 'none'; frame-ancestors 'none'");
	buf_put_lit(out, "\r\n");
}

/* All before the body, which has n bytes. */
static void
put_head(struct exchange *x, unsigned status, const char *type, size_t n)
{
	struct buf *out = conn_out(x->conn);
	bool old = x->request && x->request->head.old;

	buf_printf(out, "HTTP/1.1 %u %s\r\n", status, reason_of(status));
	put_date(out);
	if (type)
		buf_printf(out, "Content-Type: %s\r\n", type);
	if (status != 204 && status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", n);
	put_guards(x, out);
	put_cors(x, out);
	buf_put_str(out, buf_str(&x->headers));
	if (x->last)
		buf_put_lit(out, "Connection: close\r\n");
	else if (old)
		buf_put_lit(out, "Connection: keep-alive\r\n");
	buf_put_lit(out, "\r\n");
}

static bool
wants_body(const struct exchange *x)
{
	return !x->request || x->request->head.method != HTTP_HEAD;
}

void
http_put_answer(struct exchange *x, unsigned status, const char *type, struct str body)
{
	put_head(x, status, type, body.n);
	if (wants_body(x))
		buf_put_str(conn_out(x->conn), body);
	conn_dirty(x->conn);
	tell(x, status, body.n);
	exchange_done(x);
}

void
http_reply(struct exchange *x, unsigned status, const char *type, struct str body)
{
	assert(x->state == EXCHANGE_HANDLED && !x->moving);
	http_put_answer(x, status, type, body);
}

/* ---- Bodies that are shared --------------------------------------------------------- */

void
http_release(struct exchange *x)
{
	void (*release)(void *owner) = x->release;

	x->release = NULL;
	x->unsent = STR_NONE;
	if (release)
		release(x->owner);
}

void
http_send_more(struct exchange *x)
{
	while (x->unsent.n > 0 && !conn_is_full(x->conn)) {
		size_t n = x->unsent.n < PIECE ? x->unsent.n : PIECE;

		conn_write(x->conn, (struct str){ x->unsent.p, n });
		x->unsent.p += n;
		x->unsent.n -= n;
	}
	if (x->unsent.n > 0)
		return;
	http_release(x);
	conn_set_max_output(x->conn, http_max_output(x->worker));
	exchange_done(x);
}

void
http_reply_shared(struct exchange *x, unsigned status, const char *type, struct str body,
	void (*release)(void *owner), void *owner)
{
	assert(x->state == EXCHANGE_HANDLED && !x->moving);
	conn_set_max_output(x->conn, SENDING_MAX);
	put_head(x, status, type, body.n);
	conn_dirty(x->conn);
	tell(x, status, body.n);
	x->unsent = wants_body(x) ? body : STR_NONE;
	x->release = release;
	x->owner = owner;
	x->state = EXCHANGE_SENDING;
	http_send_more(x);
}

void
http_reply_status(struct exchange *x, unsigned status)
{
	char text[80];
	int n = snprintf(text, sizeof(text), "%u %s\n", status, reason_of(status));

	if (status == 405 && x->route)
		put_methods(&x->headers, "Allow", http_methods_of(x->route));
	http_reply(x, status, "text/plain; charset=utf-8", (struct str){ text, (size_t)n });
}
