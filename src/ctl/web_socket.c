/*
 * web_socket.c -- a WebSocket handshake, and a stream that opens (RFC 6455, RFC 7395).
 *
 * Runs on: its own process
 */
#include "ctl/web.h"

#include "base/encode.h"
#include "base/rand.h"
#include "http/ws.h"
#include "xml/ns.h"

#include <stdio.h>
#include <string.h>

static const char *const what = "WebSocket";

enum { PATIENCE = 20, FRAME_TEXT = 1, FRAME_CLOSE = 8 };

/* A frame as clients send them: masked. */
static bool
send_frame(void *line, unsigned kind, const char *text)
{
	struct buf b = BUF_INIT;
	size_t n = strlen(text);
	char mask[4];
	bool sent;

	rand_bytes(mask, sizeof(mask));
	buf_put_char(&b, (char)(0x80 | kind));
	if (n < 126) {
		buf_put_char(&b, (char)(0x80 | n));
	} else {
		buf_put_char(&b, (char)(0x80 | 126));
		buf_put_char(&b, (char)(n >> 8));
		buf_put_char(&b, (char)n);
	}
	buf_put(&b, mask, sizeof(mask));
	for (size_t i = 0; i < n; i++)
		buf_put_char(&b, (char)(text[i] ^ mask[i % sizeof(mask)]));
	sent = web_send(line, buf_str(&b));
	buf_fini(&b);
	return sent;
}

/* Takes a frame of the server's off in; false: it is not whole. */
static bool
take_frame(struct buf *in, unsigned *kind, struct str *payload)
{
	const unsigned char *p = (const unsigned char *)buf_bytes(in);
	size_t n = buf_len(in), head = 2, size;

	if (n < 2)
		return false;
	size = p[1];
	if (size == 126) {
		if (n < 4)
			return false;
		size = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (size > 126) {
		return false; /* longer than anything that is said here, or masked */
	}
	if (n < head + size)
		return false;
	*kind = p[0] & 0x0f;
	*payload = (struct str){ (const char *)p + head, size };
	buf_take(in, head + size);
	return true;
}

static bool
has(struct str text, const char *part)
{
	return text.p && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* The stream: <open/> there, <open/> and features back. */
static void
open_stream(struct web *w, void *line, struct buf *in)
{
	const char *mend = "let the proxy pass WebSockets on to the server, and nothing else there";
	bool opened = false, featured = false, more = true;
	struct str payload;
	unsigned kind;

	if (!send_frame(line, FRAME_TEXT,
		    arena_printf(w->arena, "<open xmlns='" NS_FRAMING "' to='%s' version='1.0'/>",
			    w->host))) {
		web_wrong(w, what, mend, "nobody listens after the handshake");
		return;
	}
	while (more && !featured) {
		while (!featured && take_frame(in, &kind, &payload)) {
			opened = opened || has(payload, "<open ");
			featured = has(payload, "features");
			if (kind == FRAME_CLOSE || has(payload, "<close "))
				more = false;
		}
		more = more && (featured || web_receive(line, in, PATIENCE));
	}
	if (featured && opened)
		web_fine(w, what, "a stream to %s opens", w->host);
	else if (opened)
		web_wrong(w, what, "look at the server's log", "the stream ended at once");
	else
		web_wrong(w, what, mend, "<open/> was not answered");
	(void)send_frame(line, FRAME_TEXT, "<close xmlns='" NS_FRAMING "'/>");
	(void)send_frame(line, FRAME_CLOSE, "");
}

/* What a status other than 101 comes from. */
static const char *
mend_of(unsigned status)
{
	switch (status) {
	case 400:
	case 426:
		return "let the proxy pass on the headers Upgrade and Connection, and speak HTTP/1.1 to "
		       "the server (nginx: proxy_http_version 1.1)";
	case 403:
		return "look at `http: origins`, and let the proxy set X-Forwarded-Proto, from an "
		       "address in `proxies` of the listener";
	case 404:
		return "let the proxy pass this path on, and look at `http: websocket`";
	case 502:
	case 503:
	case 504:
		return "look whether the server runs and where the proxy looks for it";
	default:
		return "let the proxy pass this path on to the server";
	}
}

/* The answer's head is in a; true: it is a WebSocket with our protocol. */
static bool
judge(struct web *w, const struct web_answer *a, const char *key)
{
	const char *accept = web_header(w, a, "Sec-WebSocket-Accept"),
		   *protocol = web_header(w, a, "Sec-WebSocket-Protocol");

	if (a->status != 101)
		web_wrong(w, what, mend_of(a->status), "the handshake is answered with %u",
			a->status);
	else if (!text_eq(accept, ws_accept_of(w->arena, str_of(key))))
		web_wrong(w, what, "find out who answers there: it is no WebSocket server",
			"the handshake has a wrong Sec-WebSocket-Accept");
	else if (!text_eq(protocol, "xmpp"))
		web_wrong(w, what,
			"let the proxy pass on Sec-WebSocket-Protocol both ways; browsers give up without",
			"the subprotocol is %s, not xmpp", protocol ? protocol : "missing");
	else
		return true;
	return false;
}

/* Reads up to the end of the answer's head, which goes to a; the rest stays in `in`. */
static bool
read_head(void *line, struct buf *in, struct web_answer *a)
{
	const char *end;
	size_t n;

	while (!(end = memmem(buf_bytes(in), buf_len(in), "\r\n\r\n", 4))) {
		if (!web_receive(line, in, PATIENCE))
			return false;
	}
	n = (size_t)(end - buf_bytes(in)) + 4;
	buf_put(&a->head, buf_bytes(in), n);
	buf_take(in, n);
	return sscanf(buf_text(&a->head), "HTTP/1.%*c %u", &a->status) == 1;
}

/* url: "https://chat.example.org/xmpp-websocket" */
static void
shake_hands(struct web *w, const char *url, void *line, struct web_answer *a)
{
	const char *at = url + strlen("https://"), *path = strchr(at, '/');
	struct buf in = BUF_INIT;
	const char *key;
	char bytes[16];

	rand_bytes(bytes, sizeof(bytes));
	key = base64_encode(w->arena, bytes, sizeof(bytes));
	if (web_send(line,
		    str_of(arena_printf(w->arena,
			    "GET %s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: "
			    "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
			    "Sec-WebSocket-Protocol: xmpp\r\nOrigin: %s\r\n\r\n",
			    path ? path : "/", (int)(path ? path - at : (long)strlen(at)), at, key,
			    w->origin))) &&
		read_head(line, &in, a)) {
		if (judge(w, a, key))
			open_stream(w, line, &in);
	} else {
		web_wrong(w, what, "look at the proxy's log",
			"the handshake is not answered by HTTP/1.1");
	}
	buf_fini(&in);
}

void
web_check_socket(struct web *w, const char *url)
{
	struct web_answer a;
	void *line;

	/* libcurl knows wss as https. */
	if (strncmp(url, "wss://", 6) == 0)
		url = arena_printf(w->arena, "https://%s", url + 6);
	line = web_dial(w, url, &a);
	if (!line) {
		(void)web_answered(w, what, &a);
		return;
	}
	shake_hands(w, url, line, &a);
	web_hang_up(line);
	web_answer_fini(&a);
}
