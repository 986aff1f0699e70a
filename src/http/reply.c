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
	bool quiet = status < 400 && x->route && x->route->quiet;
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

void
http_put_answer(struct exchange *x, unsigned status, const char *type, struct str body)
{
	struct buf *out = conn_out(x->conn);
	bool old = x->request && x->request->head.old,
	     no_body = x->request && x->request->head.method == HTTP_HEAD;

	buf_printf(out, "HTTP/1.1 %u %s\r\n", status, reason_of(status));
	put_date(out);
	if (type)
		buf_printf(out, "Content-Type: %s\r\n", type);
	if (status != 204 && status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", body.n);
	buf_put_lit(out, "X-Content-Type-Options: nosniff\r\n");
	put_cors(x, out);
	buf_put_str(out, buf_str(&x->headers));
	if (x->last)
		buf_put_lit(out, "Connection: close\r\n");
	else if (old)
		buf_put_lit(out, "Connection: keep-alive\r\n");
	buf_put_lit(out, "\r\n");
	if (!no_body)
		buf_put_str(out, body);
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

void
http_reply_status(struct exchange *x, unsigned status)
{
	char text[80];
	int n = snprintf(text, sizeof(text), "%u %s\n", status, reason_of(status));

	if (status == 405 && x->route)
		put_methods(&x->headers, "Allow", http_methods_of(x->route));
	http_reply(x, status, "text/plain; charset=utf-8", (struct str){ text, (size_t)n });
}
