/*
 * WebSocket: the same bytes in one piece and in many give the same frames and the same elements, a
 * message is never longer than its limit, and what is written reads the same.
 *
 * Runs on: its own process
 */
#include "http/ws.h"
#include "xml/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 2048 };

static const struct parse_limits limits = { MESSAGE_MAX, 12, 16 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* An element of a message, written and read again. */
static void
element(struct str message, struct buf *log)
{
	struct arena *a = NULL;
	const struct xml *x = NULL;
	enum parse_fault fault = parse_alone(message, &limits, &a, &x);

	buf_printf(log, "%d", fault);
	if (fault == PARSE_OK) {
		static const struct parse_limits wide = { 1 << 24, 64, 64 };
		struct buf once = BUF_INIT, twice = BUF_INIT;
		struct arena *b = NULL;
		const struct xml *y = NULL;

		xml_write(&once, x, "");
		must(parse_alone(buf_str(&once), &wide, &b, &y) == PARSE_OK);
		xml_write(&twice, y, "");
		must(str_eq(buf_str(&once), buf_str(&twice)));
		buf_put_str(log, buf_str(&once));
		buf_fini(&once);
		buf_fini(&twice);
		arena_free(&b);
	}
	arena_free(&a);
}

static void
read_frames(struct str bytes, size_t step, struct buf *log)
{
	struct ws_reader r = { .given = false };
	enum ws_event event = WS_MORE;
	struct str payload;
	enum ws_code code;

	for (size_t n = 0; n < bytes.n && event == WS_MORE; n += step) {
		buf_put(&r.in, bytes.p + n, n + step < bytes.n ? step : bytes.n - n);
		while ((event = ws_next(&r, MESSAGE_MAX, &payload, &code)) != WS_MORE) {
			buf_put_char(log, (char)('A' + event));
			if (event == WS_FAULT)
				buf_printf(log, "%d", code);
			if (event == WS_FAULT || event == WS_CLOSE)
				break;
			buf_put_str(log, payload);
			must(payload.n <= MESSAGE_MAX);
			must(event == WS_TEXT || payload.n <= 125);
			if (event == WS_TEXT)
				element(payload, log);
		}
		ws_rest(&r);
	}
	ws_fini(&r);
}

/* A text frame of ours has these bytes behind its header. */
static void
write_frame(struct str text)
{
	struct buf out = BUF_INIT;
	size_t begun, header;

	buf_put_lit(&out, "before");
	begun = ws_begin(&out);
	buf_put_str(&out, text);
	ws_end(&out, begun);
	header = 6 + (text.n <= 125 ? 2 : text.n <= 0xffff ? 4 : 10);
	must(buf_len(&out) == header + text.n);
	must(memcmp(buf_bytes(&out) + header, text.p, text.n) == 0);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data + 1, size - 1 };
	struct buf one = BUF_INIT, many = BUF_INIT;

	if (size < 2)
		return 0;
	read_frames(bytes, bytes.n, &one);
	read_frames(bytes, 1 + data[0] % 32, &many);
	must(str_eq(buf_str(&one), buf_str(&many)));
	write_frame(bytes);
	element(bytes, &one);
	buf_fini(&one);
	buf_fini(&many);
	return 0;
}
