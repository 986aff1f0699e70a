/*
 * ws_handshake.c -- from HTTP to WebSocket (RFC 6455 4.2).
 *
 * Runs on: the connection's worker.
 */
#include "http/ws.h"

#include "base/digest.h"
#include "base/encode.h"
#include "http/http.h"

const char *
ws_accept_of(struct arena *a, struct str key)
{
	const char *text =
		arena_printf(a, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", STR_ARG(key));
	uint8_t sum[DIGEST_MAX];

	digest_of(DIGEST_SHA1, str_of(text), sum);
	return base64_encode(a, sum, digest_size(DIGEST_SHA1));
}

/* 16 bytes in base64 */
static bool
is_key(struct arena *a, struct str key)
{
	struct str bytes;

	return key.p && key.n == 24 && base64_decode(a, key, &bytes) && bytes.n == 16;
}

static struct conn *
refuse(struct exchange *x, unsigned status)
{
	if (status == 426) {
		http_header(x, "Upgrade", "websocket");
		http_header(x, "Connection", "Upgrade");
		http_header(x, "Sec-WebSocket-Version", "13");
	}
	http_reply_status(x, status);
	return NULL;
}

struct conn *
http_websocket(struct exchange *x, const char *subprotocol, struct buf *rest)
{
	const struct http_request *r = http_request(x);
	const struct http_head *h = &r->head;
	struct str key = http_head_get(h, "Sec-WebSocket-Key");

	if (h->method != HTTP_GET || h->old || !http_head_has(h, "Upgrade", "websocket") ||
		!http_head_has(h, "Connection", "Upgrade") ||
		!http_head_has(h, "Sec-WebSocket-Version", "13"))
		return refuse(x, 426);
	if (!is_key(http_arena(x), key) || !http_head_has(h, "Sec-WebSocket-Protocol", subprotocol))
		return refuse(x, 400);
	if (!http_origin_is_fine(x))
		return refuse(x, 403);
	http_header(x, "Sec-WebSocket-Accept", ws_accept_of(http_arena(x), key));
	http_header(x, "Sec-WebSocket-Protocol", subprotocol);
	return http_upgrade(x, "websocket", rest);
}
