/*
 * ws_frame.c -- frames of WebSocket.
 *
 * A frame is looked at again from its start until the whole of it is there, which costs little: the
 * header has at most 14 bytes, and nothing else is looked at.  Then its payload is unmasked where it
 * lies.  Only fragments are copied.
 *
 * Runs on: any thread.
 */
#include "http/ws.h"

#include <string.h>

enum opcode {
	OP_CONTINUATION = 0,
	OP_TEXT = 1,
	OP_BINARY = 2,
	OP_CLOSE = 8,
	OP_PING = 9,
	OP_PONG = 10,
};

enum { FIN = 0x80, RESERVED = 0x70, MASKED = 0x80, CONTROL = 8, CONTROL_MAX = 125 };

struct header {
	unsigned opcode;
	bool fin;
	size_t size; /* of the header, with the mask */
	uint64_t length; /* of the payload */
	const unsigned char *mask;
};

/* ---- Read ---------------------------------------------------------------------- */

/* Bytes of the extended length. */
static size_t
length_size(unsigned char second)
{
	return (second & 0x7f) == 126 ? 2 : (second & 0x7f) == 127 ? 8 : 0;
}

static bool
read_length(const unsigned char *p, size_t size, uint64_t *length)
{
	if (size == 0)
		return true;
	*length = 0;
	for (size_t i = 0; i < size; i++)
		*length = *length << 8 | p[i];
	return *length > (size == 2 ? 125 : 0xffff) && *length <= INT64_MAX;
}

/* WS_TEXT: h is filled; others as in ws_next. */
static enum ws_event
read_header(const struct ws_reader *r, struct header *h, enum ws_code *code)
{
	const unsigned char *p = (const unsigned char *)buf_bytes(&r->in);
	size_t n = buf_len(&r->in), extended;

	if (n < 2)
		return WS_MORE;
	*code = WS_PROTOCOL_ERROR;
	h->fin = p[0] & FIN;
	h->opcode = p[0] & 0x0f;
	h->length = p[1] & 0x7f;
	if ((p[0] & RESERVED) || !(p[1] & MASKED))
		return WS_FAULT;
	if (h->opcode & CONTROL ? !h->fin || h->length > CONTROL_MAX || h->opcode > OP_PONG
				: h->opcode > OP_BINARY)
		return WS_FAULT;
	if (!(h->opcode & CONTROL) && (h->opcode == OP_CONTINUATION) != r->fragmented)
		return WS_FAULT;
	if (h->opcode == OP_BINARY) {
		*code = WS_NOT_ACCEPTABLE;
		return WS_FAULT;
	}
	extended = length_size(p[1]);
	h->size = 2 + extended + 4;
	if (n < h->size)
		return WS_MORE;
	h->mask = p + 2 + extended;
	return read_length(p + 2, extended, &h->length) ? WS_TEXT : WS_FAULT;
}

static void
unmask(char *p, size_t n, const unsigned char mask[4])
{
	uint64_t key = 0, word;
	size_t i = 0;

	for (int k = 0; k < 8; k++)
		((unsigned char *)&key)[k] = mask[k % 4];
	for (; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		word ^= key;
		memcpy(p + i, &word, 8);
	}
	for (; i < n; i++)
		p[i] = (char)(p[i] ^ mask[i % 4]);
}

static enum ws_event
control(const struct header *h, struct str payload, enum ws_code *code)
{
	unsigned status;

	if (h->opcode == OP_PING)
		return WS_PING;
	if (h->opcode == OP_PONG)
		return WS_PONG;
	if (payload.n == 0)
		return WS_CLOSE;
	*code = WS_PROTOCOL_ERROR;
	if (payload.n == 1)
		return WS_FAULT;
	status = (unsigned)(unsigned char)payload.p[0] << 8 | (unsigned char)payload.p[1];
	/* RFC 6455 7.4: those of 1004 to 1006 and 1015 are never sent. */
	if (status < 1000 || (status >= 1004 && status <= 1006) ||
		(status >= 1012 && status < 3000) || status >= 5000)
		return WS_FAULT;
	return WS_CLOSE;
}

enum ws_event
ws_next(struct ws_reader *r, size_t max, struct str *payload, enum ws_code *code)
{
	enum ws_event event = WS_MORE;
	struct header h;
	char *at;

	if (r->given) {
		r->given = false;
		buf_clear(&r->message);
	}
	while (event == WS_MORE) {
		event = read_header(r, &h, code);
		if (event != WS_TEXT)
			return event;
		if (!(h.opcode & CONTROL) && h.length + buf_len(&r->message) > max) {
			*code = WS_TOO_BIG;
			return WS_FAULT;
		}
		if (buf_len(&r->in) - h.size < h.length)
			return WS_MORE;
		at = r->in.mem + r->in.start + h.size;
		*payload = (struct str){ at, (size_t)h.length };
		unmask(at, payload->n, h.mask);
		buf_take(&r->in, h.size + payload->n); /* the bytes stay where they are */
		if (h.opcode & CONTROL)
			return control(&h, *payload, code);
		if (h.fin && !r->fragmented)
			return WS_TEXT;
		buf_put_str(&r->message, *payload);
		r->fragmented = !h.fin;
		event = h.fin ? WS_TEXT : WS_MORE;
	}
	*payload = buf_str(&r->message);
	r->given = true;
	return WS_TEXT;
}

void
ws_rest(struct ws_reader *r)
{
	if (r->given) {
		r->given = false;
		buf_clear(&r->message);
	}
	buf_shrink(&r->in);
	buf_shrink(&r->message);
}

void
ws_fini(struct ws_reader *r)
{
	buf_fini(&r->in);
	buf_fini(&r->message);
}

/* ---- Write --------------------------------------------------------------------- */

/* The usual header, for 126 to 65535 bytes. */
enum { HEADER = 4 };

size_t
ws_begin(struct buf *out)
{
	buf_put(out, "\0\0\0\0", HEADER);
	return buf_len(out);
}

void
ws_drop(struct buf *out, size_t begun)
{
	out->end = out->start + begun - HEADER;
}

void
ws_end(struct buf *out, size_t begun)
{
	size_t n = buf_len(out) - begun;
	unsigned char *p;

	if (n <= CONTROL_MAX) {
		p = (unsigned char *)out->mem + out->start + begun - HEADER;
		memmove(p + 2, p + HEADER, n);
		out->end -= 2;
		p[1] = (unsigned char)n;
	} else if (n <= 0xffff) {
		p = (unsigned char *)out->mem + out->start + begun - HEADER;
		p[1] = 126;
		p[2] = (unsigned char)(n >> 8);
		p[3] = (unsigned char)n;
	} else {
		(void)buf_room(out, 6);
		p = (unsigned char *)out->mem + out->start + begun - HEADER;
		memmove(p + 10, p + HEADER, n);
		buf_added(out, 6);
		p[1] = 127;
		for (int i = 0; i < 8; i++)
			p[2 + i] = (unsigned char)((uint64_t)n >> (56 - 8 * i));
	}
	p[0] = FIN | OP_TEXT;
}

static void
put_control(struct buf *out, enum opcode opcode, struct str payload)
{
	buf_put_char(out, (char)(FIN | opcode));
	buf_put_char(out, (char)payload.n);
	buf_put_str(out, payload);
}

void
ws_put_ping(struct buf *out)
{
	put_control(out, OP_PING, STR(""));
}

void
ws_put_pong(struct buf *out, struct str payload)
{
	put_control(out, OP_PONG, payload);
}

void
ws_put_close(struct buf *out, enum ws_code code)
{
	char status[2] = { (char)(code >> 8), (char)code };

	put_control(out, OP_CLOSE, (struct str){ status, 2 });
}
