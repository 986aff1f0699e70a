/*
 * head.c -- the head of a request.
 *
 * Runs on: any thread.
 */
#include "http/head.h"

#include <string.h>

enum { TARGET_MAX = 8000 };

static const struct {
	const char *name;
	enum http_method method;
} methods[] = {
	{ "GET", HTTP_GET },
	{ "HEAD", HTTP_HEAD },
	{ "POST", HTTP_POST },
	{ "PUT", HTTP_PUT },
	{ "DELETE", HTTP_DELETE },
	{ "OPTIONS", HTTP_OPTIONS },
};

const char *
http_method_name(enum http_method m)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (methods[i].method == m)
			return methods[i].name;
	}
	return "?";
}

size_t
http_head_end(struct str bytes, size_t *scanned)
{
	size_t begin = 0, from;
	const char *p;

	while (begin + 1 < bytes.n && bytes.p[begin] == '\r' && bytes.p[begin + 1] == '\n')
		begin += 2;
	from = *scanned > begin + 3 ? *scanned - 3 : begin;
	p = memmem(bytes.p + from, bytes.n - from, "\r\n\r\n", 4);
	*scanned = bytes.n;
	return p ? (size_t)(p - bytes.p) + 4 : 0;
}

/* ---- Characters --------------------------------------------------------------- */

/* RFC 9110 5.6.2 */
static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return s.n > 0;
}

static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct str){ s.p + 1, s.n - 1 };
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- Target ------------------------------------------------------------------- */

static bool
has_dot_segment(const char *path)
{
	for (const char *p = path; (p = strstr(p, "/.")) != NULL; p++) {
		size_t dots = p[2] == '.' ? 2 : 1;

		if (p[1 + dots] == '/' || p[1 + dots] == '\0')
			return true;
	}
	return false;
}

/* Percent signs resolved; NULL for what no path should have. */
static const char *
decode_path(struct arena *a, struct str raw)
{
	char *out = arena_alloc(a, raw.n + 1), *to = out;

	for (size_t i = 0; i < raw.n; i++) {
		int high, low;
		char c = raw.p[i];

		if (c == '%') {
			high = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
			low = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			return NULL;
		*to++ = c;
	}
	return has_dot_segment(out) ? NULL : out;
}

/* http://host/path (RFC 9112 3.2.2) to /path */
static bool
skip_authority(struct str *target, struct str *host)
{
	size_t scheme = str_starts(*target, STR("http://"))    ? 7
			: str_starts(*target, STR("https://")) ? 8
							       : 0;
	struct str rest = { target->p + scheme, target->n - scheme };
	const char *slash = str_find(rest, '/');

	if (scheme == 0 || !slash || slash == rest.p)
		return false;
	*host = (struct str){ rest.p, (size_t)(slash - rest.p) };
	*target = (struct str){ slash, rest.n - host->n };
	return true;
}

static unsigned
read_target(struct arena *a, struct str target, struct http_head *out)
{
	if (target.n > TARGET_MAX)
		return 414;
	if (target.n == 0 || str_find(target, '#') || !is_value(target))
		return 400;
	if (str_is(target, "*") && out->method == HTTP_OPTIONS) {
		out->path = "*";
		return 0;
	}
	if (target.p[0] != '/' && !skip_authority(&target, &out->host))
		return 400;
	out->query = target;
	out->path = decode_path(a, str_cut(&out->query, '?'));
	return out->path ? 0 : 400;
}

/* ---- Lines ---------------------------------------------------------------------- */

static unsigned
read_request_line(struct arena *a, struct str line, struct http_head *out)
{
	struct str method = str_cut(&line, ' '), target = str_cut(&line, ' ');

	if (!is_token(method) || !line.p)
		return 400;
	if (!str_is(line, "HTTP/1.1") && !str_is(line, "HTTP/1.0"))
		return str_starts(line, STR("HTTP/")) ? 505 : 400;
	out->old = line.p[7] == '0';
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (str_is(method, methods[i].name))
			out->method = methods[i].method;
	}
	return out->method ? read_target(a, target, out) : 501;
}

/* The next line without its end; false: it ends wrongly. */
static bool
cut_line(struct str *rest, struct str *line)
{
	const char *end = str_find(*rest, '\n');

	if (!end || end == rest->p || end[-1] != '\r')
		return false;
	*line = (struct str){ rest->p, (size_t)(end - rest->p) - 1 };
	*rest = (struct str){ end + 1, rest->n - line->n - 2 };
	return str_find(*line, '\r') == NULL;
}

static unsigned
read_headers(struct str rest, struct http_head *out)
{
	struct str line, value;

	while (cut_line(&rest, &line)) {
		struct http_header *h = &out->headers[out->count];

		if (line.n == 0)
			return rest.n == 0 ? 0 : 400;
		if (out->count == HTTP_HEADERS_MAX)
			return 431;
		value = line;
		h->name = str_cut(&value, ':');
		if (!value.p || !is_token(h->name) || !is_value(value))
			return 400;
		h->value = trim(value);
		out->count++;
	}
	return 400;
}

/* ---- What headers mean ------------------------------------------------------------ */

static size_t
count_of(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++)
		n += str_is_nocase(h->headers[i].name, name);
	return n;
}

struct str
http_head_get(const struct http_head *h, const char *name)
{
	for (size_t i = h->count; i-- > 0;) {
		if (str_is_nocase(h->headers[i].name, name))
			return h->headers[i].value;
	}
	return STR_NONE;
}

bool
http_head_has(const struct http_head *h, const char *name, const char *word)
{
	for (size_t i = 0; i < h->count; i++) {
		struct str rest = h->headers[i].value;

		if (!str_is_nocase(h->headers[i].name, name))
			continue;
		while (rest.p) {
			if (str_is_nocase(trim(str_cut(&rest, ',')), word))
				return true;
		}
	}
	return false;
}

/* RFC 9112 6 */
static unsigned
read_length(struct http_head *out)
{
	size_t lengths = count_of(out, "Content-Length"),
	       encodings = count_of(out, "Transfer-Encoding");

	if (encodings > 0) {
		if (lengths > 0 || encodings > 1 || out->old)
			return 400;
		if (!str_is_nocase(http_head_get(out, "Transfer-Encoding"), "chunked"))
			return 501;
		out->chunked = true;
		return 0;
	}
	if (lengths > 1 || (lengths == 1 && !str_uint(http_head_get(out, "Content-Length"),
						    INT64_MAX, &out->length)))
		return 400;
	return 0;
}

static bool
take_host(struct http_head *out)
{
	struct str host = out->host.p ? out->host : http_head_get(out, "Host");
	const char *bracket = host.n > 0 && host.p[0] == '[' ? str_find(host, ']') : NULL;
	const char *colon = bracket ? bracket + 1 : str_find(host, ':');

	if (count_of(out, "Host") > 1 || (!out->old && count_of(out, "Host") == 0))
		return false;
	if (colon && colon < host.p + host.n)
		host.n = (size_t)(colon - host.p);
	out->host = host.p ? host : STR("");
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] <= ' ' || strchr("/?#@\\\"<>", host.p[i]))
			return false;
	}
	return true;
}

unsigned
http_head_parse(struct arena *a, struct str bytes, struct http_head *out)
{
	struct str line = STR_NONE;
	unsigned status;

	*out = (struct http_head){ .method = 0 };
	while (line.n == 0) {
		if (!cut_line(&bytes, &line))
			return 400;
	}
	status = read_request_line(a, line, out);
	if (status == 0)
		status = read_headers(bytes, out);
	if (status == 0)
		status = read_length(out);
	if (status == 0 && !take_host(out))
		status = 400;
	out->keep_alive = out->old ? http_head_has(out, "Connection", "keep-alive")
				   : !http_head_has(out, "Connection", "close");
	out->wait_continue = !out->old && http_head_has(out, "Expect", "100-continue");
	return status;
}
