/*
 * Heads of requests: where they end, what they say, what is refused.
 *
 * Runs on: the test process
 */
#include "http/head.h"

#include "tests/unit/suite.h"

#include <string.h>

static struct arena *arena;

static unsigned
parse(const char *text, struct http_head *out)
{
	size_t scanned = 0, end = http_head_end(str_of(text), &scanned);

	if (!arena)
		arena = arena_new(0);
	ck_assert_uint_gt(end, 0);
	return http_head_parse(arena, (struct str){ text, end }, out);
}

/* What is parsed; what is refused is in tests/system/test_http.py, row by row. */
static const struct {
	const char *in;
	enum http_method method;
	const char *path, *query, *host;
	uint64_t length;
	bool chunked, keep_alive, wait_continue;
} rows[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GET, "/", NULL, "a", 0, false, true, false },
	{ "\r\n\r\nGET / HTTP/1.1\r\nHost:a:80\r\n\r\n", HTTP_GET, "/", NULL, "a", 0, false, true,
		false },
	{ "POST /%41%2f?b=%43 HTTP/1.1\r\nhost: [::1]:80\r\ncontent-length: 12\r\n\r\n", HTTP_POST,
		"/A/", "b=%43", "[::1]", 12, false, true, false },
	{ "HEAD http://b.example/c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, CLOSE\r\n\r\n",
		HTTP_HEAD, "/c", NULL, "b.example", 0, false, false, false },
	{ "PUT /? HTTP/1.0\r\n\r\n", HTTP_PUT, "/", "", "", 0, false, false, false },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HTTP_GET, "/", NULL, "", 0, false,
		true, false },
	{ "DELETE /...x/.y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n"
	  "Expect: 100-Continue\r\n\r\n",
		HTTP_DELETE, "/...x/.y", NULL, "a", 0, true, true, true },
	{ "OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n", HTTP_OPTIONS, "*", NULL, "", 0, false, true,
		false },
};

START_TEST(a_head_says_what_it_says)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_head h;
		unsigned status = parse(rows[i].in, &h);

		ck_assert_msg(status == 0, "row %zu: %u", i, status);
		ck_assert_msg(h.method == rows[i].method, "row %zu", i);
		ck_assert_msg(strcmp(h.path, rows[i].path) == 0, "row %zu: %s", i, h.path);
		ck_assert_msg(
			rows[i].query ? str_is(h.query, rows[i].query) : !h.query.p, "row %zu", i);
		ck_assert_msg(str_is(h.host, rows[i].host), "row %zu: %.*s", i, STR_ARG(h.host));
		ck_assert_msg(
			h.length == rows[i].length && h.chunked == rows[i].chunked, "row %zu", i);
		ck_assert_msg(h.keep_alive == rows[i].keep_alive, "row %zu", i);
		ck_assert_msg(h.wait_continue == rows[i].wait_continue, "row %zu", i);
	}
	arena_free(&arena);
}

END_TEST

START_TEST(headers_are_found_without_case)
{
	struct http_head h;

	ck_assert_uint_eq(
		parse("GET / HTTP/1.1\r\nHost: a\r\nA: one, two\r\nA:  three \t\r\n\r\n", &h), 0);
	ck_assert(str_is(http_head_get(&h, "a"), "three"));
	ck_assert(!http_head_get(&h, "b").p);
	ck_assert(http_head_has(&h, "A", "TWO") && http_head_has(&h, "a", "three"));
	ck_assert(!http_head_has(&h, "A", "one, two") && !http_head_has(&h, "b", "one"));
	arena_free(&arena);
}

END_TEST

SUITE_OF(http_head, a_head_says_what_it_says, headers_are_found_without_case)
