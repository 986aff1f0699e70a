/*
 * ws.c -- streams over WebSocket (RFC 7395).
 *
 * The mask is zero: it costs the server the same as any other, and the client nothing.
 *
 * Runs on: the one thread of the load generator.
 */
#include "ws.h"

#include "scan.h"

#include <stdbool.h>
#include <string.h>

void
ws_put_request(struct buf *out, const struct options *o)
{
	buf_printf(out,
		"GET /xmpp-websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
		o->host);
}

int
ws_take_answer(struct buf *raw)
{
	const char *p = buf_data(raw), *end = memmem(p, buf_len(raw), "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (memcmp(p, "HTTP/1.1 101", 12) != 0)
		return -1;
	buf_drop(raw, (size_t)(end - p) + 4);
	return 1;
}

static bool
is_stanza(const struct elem *e)
{
	return elem_is(e, "message") || elem_is(e, "iq") || elem_is(e, "presence");
}

static void
put_head(struct buf *out, size_t n)
{
	char head[14] = { (char)0x81 };
	size_t size = 2;

	if (n <= 125) {
		head[1] = (char)(0x80 | n);
	} else if (n <= 0xffff) {
		head[1] = (char)(0x80 | 126);
		head[2] = (char)(n >> 8);
		head[3] = (char)n;
		size = 4;
	} else {
		head[1] = (char)(0x80 | 127);
		for (int i = 0; i < 8; i++)
			head[2 + i] = (char)(n >> (56 - 8 * i));
		size = 10;
	}
	buf_add(out, head, size + 4);
}

void
ws_put_frames(struct buf *out, struct buf *text)
{
	static const char ns[] = " xmlns='jabber:client'";
	struct elem e;

	while (buf_len(text) > 0) {
		size_t extra = 0, name = 0;

		e = scan_next(buf_data(text), buf_len(text));
		if (e.kind == ELEM_PARTIAL)
			return;
		if (e.kind == ELEM_STANZA && is_stanza(&e))
			extra = sizeof(ns) - 1;
		if (e.kind == ELEM_STANZA) {
			name = 1 + e.name.n;
			put_head(out, e.all.n + extra);
			buf_add(out, e.all.p, name);
			buf_add(out, ns, extra);
			buf_add(out, e.all.p + name, e.all.n - name);
		}
		buf_drop(text, e.all.n);
	}
}

void
ws_take_frames(struct buf *raw, struct buf *text)
{
	for (;;) {
		const unsigned char *p;
		size_t n = buf_len(raw), head = 2, size;

		if (n < 2)
			return;
		p = (const unsigned char *)buf_data(raw);
		size = p[1];
		if (size == 126)
			head = 4;
		else if (size == 127)
			head = 10;
		if (n < head)
			return;
		if (head > 2)
			size = 0;
		for (size_t i = 2; i < head; i++)
			size = size << 8 | p[i];
		if (n < head + size)
			return;
		if ((p[0] & 0x0f) == 1)
			buf_add(text, buf_data(raw) + head, size);
		buf_drop(raw, head + size);
	}
}
