/*
 * WebSocket: the key of RFC 6455, lengths at their borders, and that nothing is held between frames.
 *
 * Runs on: the test process
 */
#include "http/ws.h"

#include "base/mem.h"
#include "tests/unit/suite.h"

#include <string.h>

START_TEST(the_key_of_the_rfc_is_accepted)
{
	struct arena *a = arena_new(0);

	ck_assert_str_eq(
		ws_accept_of(a, STR("dGhlIHNhbXBsZSBub25jZQ==")), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	arena_free(&a);
}

END_TEST

/* What the server wrote as a client would have: with a mask of zeros. */
static void
mask(struct buf *out, const struct buf *frame)
{
	const char *p = buf_bytes(frame);
	size_t n = (unsigned char)p[1] == 126 ? 4 : (unsigned char)p[1] == 127 ? 10 : 2;

	buf_put_char(out, p[0]);
	buf_put_char(out, (char)(p[1] | 0x80));
	buf_put(out, p + 2, n - 2);
	buf_put(out, "\0\0\0\0", 4);
	buf_put(out, p + n, buf_len(frame) - n);
}

START_TEST(every_length_reads_as_it_was_written)
{
	static const size_t lengths[] = { 0, 1, 7, 8, 124, 125, 126, 127, 65534, 65535, 65536,
		200000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ws_reader r = { .given = false };
		struct buf frame = BUF_INIT;
		char *text = mem_new(lengths[i] + 1);
		struct str payload;
		enum ws_code code;
		size_t begun = ws_begin(&frame);

		memset(text, 'x', lengths[i]);
		buf_put(&frame, text, lengths[i]);
		ws_end(&frame, begun);
		mask(&r.in, &frame);
		ck_assert_msg(ws_next(&r, 200000, &payload, &code) == WS_TEXT, "row %zu", i);
		ck_assert_msg(str_eq(payload, (struct str){ text, lengths[i] }), "row %zu", i);
		ck_assert_int_eq(ws_next(&r, 200000, &payload, &code), WS_MORE);
		ws_rest(&r);
		ck_assert(!r.in.mem && !r.message.mem);
		buf_fini(&frame);
		mem_free(&text);
		ws_fini(&r);
	}
}

END_TEST

START_TEST(a_frame_can_be_taken_back)
{
	struct buf out = BUF_INIT;
	size_t begun;

	ws_put_ping(&out);
	begun = ws_begin(&out);
	buf_put_lit(&out, "text");
	ws_drop(&out, begun);
	ws_put_close(&out, WS_NORMAL);
	ck_assert_uint_eq(buf_len(&out), 6);
	ck_assert(memcmp(buf_bytes(&out), "\x89\0\x88\x02\x03\xe8", 6) == 0);
	buf_fini(&out);
}

END_TEST

SUITE_OF(ws, the_key_of_the_rfc_is_accepted, every_length_reads_as_it_was_written,
	a_frame_can_be_taken_back)
