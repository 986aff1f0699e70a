/*
 * head.h -- the head of a request (RFC 9112), strictly.
 *
 * Whatever two servers could read differently is refused: two lengths, a length beside chunks, folded
 * lines, line ends without CR, space around names.
 *
 * Runs on: any thread.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/arena.h"

#define HTTP_HEADERS_MAX 64

enum http_method {
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_PUT = 8,
	HTTP_DELETE = 16,
	HTTP_OPTIONS = 32
};

struct http_header {
	struct str name, value; /* value without white space around it */
};

struct http_head {
	enum http_method method;
	const char *path; /* decoded, begins with '/' (or is "*"), without "." and ".." */
	struct str query; /* as it came, without '?'; p NULL: none */
	struct str host; /* without port; empty if there is none */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t count;
	uint64_t length; /* of the body, unless chunked */
	bool chunked;
	bool keep_alive; /* the client allows another request */
	bool old; /* HTTP/1.0 */
	bool wait_continue; /* the client waits for 100 before it sends the body */
};

/* Where the head ends (after its empty line), or 0 if that has not come; *scanned (0 at first) says
 * how far it was looked for.  Empty lines before a request are part of it. */
size_t http_head_end(struct str bytes, size_t *scanned);
/* A whole head, whose bytes out refers to (path is in a).  0, or the status for the answer. */
MUST_CHECK unsigned http_head_parse(struct arena *a, struct str bytes, struct http_head *out);
/* Value of the header (names without case); p NULL: there is none.  If there are several, the last.
 */
struct str http_head_get(const struct http_head *h, const char *name);
/* One of the comma-separated words of all headers of that name is word (without case). */
bool http_head_has(const struct http_head *h, const char *name, const char *word);
/* "GET"; for one method. */
const char *http_method_name(enum http_method m);

#endif
