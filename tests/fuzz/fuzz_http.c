/*
 * HTTP requests: a head is found at the same place however it comes, what is parsed lies within it, a
 * body in chunks is the same in one piece and in many, and who the client is can always be said.
 *
 * Runs on: its own process
 */
#include "http/chunked.h"
#include "http/forwarded.h"
#include "http/head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 4096 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static size_t
head_in_pieces(struct str bytes, size_t step)
{
	size_t scanned = 0, end = 0;

	for (size_t n = 0; end == 0 && n < bytes.n;) {
		n = n + step < bytes.n ? n + step : bytes.n;
		end = http_head_end((struct str){ bytes.p, n }, &scanned);
	}
	return end;
}

static void
try_client(const struct http_head *h)
{
	static struct range trusted = { .bits = 0 };
	static const struct listen_conf listen = { .trusted = &trusted, .trusted_count = 1 };
	struct addr peer = { .port = 1 };
	struct http_client c = http_client_of(&listen, &peer, false, h);
	char text[ADDR_TEXT];

	addr_text(&c.addr, text);
	must(c.forwarded || (!c.secure && memcmp(&c.addr, &peer, sizeof(peer)) == 0));
}

static void
try_head(struct str bytes)
{
	struct arena *a = arena_new(0);
	struct http_head h;
	unsigned status = http_head_parse(a, bytes, &h);

	must(status == 0 || (status >= 400 && status <= 505));
	if (status == 0) {
		must(h.path && (h.path[0] == '/' || strcmp(h.path, "*") == 0));
		must(!strstr(h.path, "/../"));
		must(!(h.chunked && h.length > 0));
		for (size_t i = 0; i < h.count; i++) {
			struct str v = h.headers[i].value;

			must(h.headers[i].name.n > 0);
			must(v.n == 0 || (v.p > bytes.p && v.p + v.n <= bytes.p + bytes.n));
			must(http_head_get(&h, "Host").p != NULL || h.old);
		}
		try_client(&h);
	}
	arena_free(&a);
}

static unsigned
chunks_in_pieces(struct str bytes, size_t step, struct buf *body, size_t *left)
{
	struct chunked c = { .left = 0 };
	struct buf in = BUF_INIT;
	unsigned status = 0;

	for (size_t n = 0; status == 0 && n < bytes.n; n += step) {
		buf_put(&in, bytes.p + n, n + step < bytes.n ? step : bytes.n - n);
		status = chunked_take(&c, &in, body, BODY_MAX);
		*left = bytes.n - (n + step < bytes.n ? n + step : bytes.n) + buf_len(&in);
		must(buf_len(body) <= BODY_MAX);
	}
	buf_fini(&in);
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data + 1, size - 1 };
	struct buf one = BUF_INIT, many = BUF_INIT;
	size_t step, end, left_one = 0, left_many = 0;
	unsigned status;

	if (size < 2)
		return 0;
	step = 1 + data[0] % 64;
	end = head_in_pieces(bytes, bytes.n);
	must(head_in_pieces(bytes, step) == end);
	if (end > 0) {
		try_head((struct str){ bytes.p, end });
		bytes = (struct str){ bytes.p + end, bytes.n - end };
	}
	status = chunks_in_pieces(bytes, bytes.n + 1, &one, &left_one);
	/* How early a fault is seen depends on the pieces; that there is one does not. */
	must(chunks_in_pieces(bytes, step, &many, &left_many) == status);
	if (status == 200) {
		must(str_eq(buf_str(&one), buf_str(&many)));
		must(left_one == left_many);
	}
	buf_fini(&one);
	buf_fini(&many);
	return 0;
}
