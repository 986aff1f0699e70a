/*
 * transport_ws.c -- streams over WebSocket (RFC 7395).
 *
 * A message is one element that declares its namespaces itself; <open/> and <close/> stand for the
 * tags of a stream.  Nothing is kept between messages, so an idle stream holds no buffers.
 *
 * The end has three parts: <close/> from both, then close frames from both, then TCP's.  When the
 * server ends a stream it waits a little for the client's <close/>; whatever comes meanwhile is
 * dropped.
 *
 * Runs on: the stream's worker.
 */
#include "stream/transport.h"

#include <limits.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "http/ws.h"
#include "stream/c2s_own.h"
#include "stream/web.h"

static const msec_t close_patience = 2000; /* for the client's <close/> */

struct ws {
	struct stream stream; /* first */
	struct conn *conn;
	struct ws_reader reader;
	size_t begun; /* the frame that is being written */
	bool tls_here; /* the client's TLS ends here */
	bool heard_close; /* the client's <close/> */
	bool said_bye; /* our close frame: nothing may follow it */
};

static struct ws *
ws_of(const struct stream *s)
{
	return (struct ws *)(uintptr_t)s;
}

/* ---- Write ------------------------------------------------------------------------- */

static struct buf *
begin(struct stream *s)
{
	struct ws *w = ws_of(s);
	struct buf *out = conn_out(w->conn);

	w->begun = ws_begin(out);
	return out;
}

static void
end(struct stream *s)
{
	struct ws *w = ws_of(s);

	if (w->said_bye) {
		ws_drop(conn_out(w->conn), w->begun);
		return;
	}
	ws_end(conn_out(w->conn), w->begun);
	conn_dirty(w->conn);
}

static void
put_header(struct stream *s, const char *id, const char *from)
{
	struct buf *out = begin(s);

	buf_put_lit(out, "<open xmlns='" NS_FRAMING "'");
	stream_put_attr(out, "id", id);
	stream_put_attr(out, "from", from);
	stream_put_attr(out, "to", s->from);
	buf_put_lit(out, " version='1.0' xml:lang='en'/>");
	end(s);
}

static bool
is_full(const struct stream *s)
{
	return conn_is_full(ws_of(s)->conn);
}

static size_t
unsent(const struct stream *s)
{
	return conn_unsent(ws_of(s)->conn);
}

static void
ping(struct stream *s)
{
	struct ws *w = ws_of(s);

	if (w->said_bye)
		return;
	ws_put_ping(conn_out(w->conn));
	conn_dirty(w->conn);
}

/* ---- The end ------------------------------------------------------------------------- */

static void
bye(struct ws *w, enum ws_code code)
{
	if (w->said_bye)
		return;
	w->said_bye = true;
	timer_clear(w->stream.worker, &w->stream.patience);
	ws_put_close(conn_out(w->conn), code);
	conn_dirty(w->conn);
	conn_close(w->conn);
}

/* Without the end of the stream. */
static void
go_away(struct ws *w, enum ws_code code)
{
	bye(w, code);
	stream_lost(&w->stream);
}

static void
no_close_came(struct worker *worker, struct timer *t)
{
	(void)worker;
	bye(ws_of(CONTAINER(t, struct stream, patience)), WS_NORMAL);
}

static void
close_stream(struct stream *s, enum stream_cond c)
{
	struct ws *w = ws_of(s);

	(void)c;
	buf_put_lit(begin(s), "<close xmlns='" NS_FRAMING "'/>");
	end(s);
	if (w->heard_close) {
		bye(w, WS_NORMAL);
		return;
	}
	conn_resume(w->conn);
	timer_set(s->worker, &s->patience, close_patience, no_close_came);
}

static void
abort_stream(struct stream *s)
{
	conn_abort(ws_of(s)->conn);
}

static void
free_ws(struct stream *s)
{
	struct ws *w = ws_of(s);

	ws_fini(&w->reader);
	mem_free(&w);
}

/* ---- Messages -------------------------------------------------------------------------- */

static void
on_fault(struct ws *w, struct str message, enum parse_fault fault)
{
	if (utf8_is_xml(message) || fault != PARSE_NOT_WELL_FORMED)
		stream_on_fault(&w->stream, fault);
	else
		go_away(w, WS_NOT_UTF8);
}

/* <open/> is due. */
static void
on_open(struct stream *s, const struct xml *x)
{
	struct stream_header h = { xml_get(x, "to"), xml_get(x, "from"), xml_get(x, "version"),
		xml_lang(x) };

	if (xml_is(x, NS_FRAMING, "open"))
		stream_on_header(s, &h);
	else if (text_eq(x->name, "open"))
		stream_end(s, STREAM_COND_INVALID_NAMESPACE, NULL);
	else
		stream_end(s, STREAM_COND_BAD_FORMAT, "a stream begins with <open/>");
}

static void
on_element(struct ws *w, struct arena **arena, const struct xml *x)
{
	struct stream *s = &w->stream;

	if (xml_is(x, NS_FRAMING, "close")) {
		w->heard_close = true;
		stream_end(s, STREAM_COND_NONE, NULL);
	} else if (s->state == STREAM_HEADER) {
		on_open(s, x);
	} else if (!x->ns[0]) {
		stream_end(s, STREAM_COND_INVALID_NAMESPACE, "each message declares its namespace");
	} else if (xml_is(x, NS_FRAMING, "open")) {
		stream_end(s, STREAM_COND_BAD_FORMAT, "the stream is open");
	} else {
		stream_on_element(s, arena, x);
	}
}

static void
on_message(struct ws *w, struct str message)
{
	struct parse_limits limits = stream_limits(&w->stream);
	struct arena *arena = NULL;
	const struct xml *element = NULL;
	enum parse_fault fault = parse_alone(message, &limits, &arena, &element);

	if (fault != PARSE_OK) {
		on_fault(w, message, fault);
		return;
	}
	on_element(w, &arena, element);
	arena_free(&arena);
}

static void
pong(struct ws *w, struct str payload)
{
	ws_put_pong(conn_out(w->conn), payload);
	conn_dirty(w->conn);
	if (conn_is_full(w->conn))
		conn_abort(w->conn);
}

/* What is allowed when it comes too late: <close/> is what is waited for. */
static void
on_late_message(struct ws *w, struct str message)
{
	if (str_starts(message, STR("<close")))
		bye(w, WS_NORMAL);
}

static bool
next(struct stream *s)
{
	struct ws *w = ws_of(s);
	enum ws_code code = WS_NORMAL;
	struct str payload;

	switch (ws_next(&w->reader, stream_limits(s).max_bytes, &payload, &code)) {
	case WS_MORE:
		return false;
	case WS_TEXT:
		if (s->state == STREAM_CLOSED)
			on_late_message(w, payload);
		else
			on_message(w, payload);
		return true;
	case WS_PING:
		pong(w, payload);
		return true;
	case WS_PONG:
		return true;
	case WS_CLOSE:
		go_away(w, WS_NORMAL);
		return false;
	case WS_FAULT:
		go_away(w, code);
		return false;
	}
	return false;
}

static void
rest(struct stream *s)
{
	ws_rest(&ws_of(s)->reader);
}

static void
restart(struct stream *s)
{
	(void)s; /* messages know nothing of each other */
}

static void
pause_reading(struct stream *s)
{
	conn_pause(ws_of(s)->conn);
}

static void
resume_reading(struct stream *s)
{
	conn_resume(ws_of(s)->conn);
}

static void
set_idle(struct stream *s, msec_t after)
{
	msec_t ping_after = config_of(s->worker)->http.websocket_ping;

	conn_set_idle(ws_of(s)->conn, after > ping_after && !s->pinged ? ping_after : after);
}

/* ---- The connection ---------------------------------------------------------------------- */

static void
arrived(struct worker *to, struct conn *c, void *owner)
{
	(void)c;
	stream_arrived(owner, to);
}

static void
move(struct stream *s, struct worker *to)
{
	conn_move(ws_of(s)->conn, to, arrived);
}

static struct conn *
channel(const struct stream *s)
{
	return ws_of(s)->tls_here ? ws_of(s)->conn : NULL;
}

static void
on_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	struct ws *w = owner;

	(void)c;
	if (w->said_bye)
		return;
	buf_put(&w->reader.in, bytes, n);
	if (w->stream.state != STREAM_CLOSED) {
		stream_received(&w->stream, n);
		return;
	}
	while (!w->said_bye && next(&w->stream))
		;
}

static void
on_idle(struct conn *c, void *owner)
{
	(void)c;
	stream_idle(owner);
}

static void
on_end(struct conn *c, void *owner, enum conn_end ended, const char *why)
{
	struct ws *w = owner;

	(void)c;
	w->conn = NULL;
	stream_conn_over(&w->stream, ended, why);
}

static const struct conn_ops conn_ops = {
	.on_bytes = on_bytes,
	.on_idle = on_idle,
	.on_end = on_end,
};

static const struct transport transport_ws = {
	.name = "ws",
	.alone = true,
	.header = put_header,
	.begin = begin,
	.end = end,
	.is_full = is_full,
	.unsent = unsent,
	.close = close_stream,
	.abort = abort_stream,
	.free = free_ws,
	.next = next,
	.rest = rest,
	.pause = pause_reading,
	.resume = resume_reading,
	.restart = restart,
	.idle = set_idle,
	.ping = ping,
	.move = move,
	.channel = channel,
};

static void
accept_ws(struct exchange *x)
{
	const struct http_request *r = http_request(x);
	struct worker *worker = http_worker(x);
	struct buf rest_bytes = BUF_INIT;
	struct conn *c;
	struct ws *w;

	if (!web_admit(x))
		return;
	c = http_websocket(x, "xmpp", &rest_bytes);
	if (!c)
		return;
	w = MEM_NEW(struct ws);
	w->conn = c;
	w->tls_here = conn_is_tls(c) && !r->forwarded;
	web_describe(&w->stream, "websocket", r, c);
	conn_set_owner(c, &conn_ops, w);
	stream_start(&w->stream, &transport_ws, worker);
	conn_set_id(c, w->stream.info.id);
	if (buf_len(&rest_bytes) > 0)
		on_bytes(c, w, buf_bytes(&rest_bytes), buf_len(&rest_bytes));
	buf_fini(&rest_bytes);
}

static const char *
path_of(const struct config *c)
{
	return c->http.websocket;
}

static const struct http_route route = {
	.path_of = path_of,
	.methods = HTTP_GET,
	.handle = accept_ws,
};

void
transport_ws_init(void)
{
	http_serve(&route, UINT_MAX);
}
