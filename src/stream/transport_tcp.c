/*
 * transport_tcp.c -- streams over TCP (RFC 6120 4), with STARTTLS or direct TLS.
 *
 * Elements are written into the connection's buffer itself.  Bytes that arrive are fed to a parser;
 * a stream that is between elements gives its parser back: each worker has one spare that serves
 * all of them.
 *
 * Runs on: the stream's worker.
 */
#include "stream/transport.h"

#include <string.h>

#include "base/mem.h"
#include "net/listener.h"
#include "stream/c2s_own.h"

struct tcp {
	struct stream stream; /* first */
	struct conn *conn;
	struct parser *parser; /* NULL: nothing is cut, the worker's spare one serves */
	char *header; /* for parser_resume; NULL: the plain one */
};

static struct tcp *
tcp_of(const struct stream *s)
{
	return (struct tcp *)(uintptr_t)s;
}

/* ---- Write ------------------------------------------------------------------------- */

static void
put_header(struct stream *s, const char *id, const char *from)
{
	struct conn *c = tcp_of(s)->conn;
	struct buf *out = conn_out(c);

	buf_put_lit(out, "<?xml version='1.0'?><stream:stream xmlns='" NS_CLIENT
			 "' xmlns:stream='" NS_STREAM "'");
	stream_put_attr(out, "id", id);
	stream_put_attr(out, "from", from);
	stream_put_attr(out, "to", s->from);
	buf_put_lit(out, " version='1.0' xml:lang='en'>");
	conn_dirty(c);
}

static struct buf *
begin(struct stream *s)
{
	return conn_out(tcp_of(s)->conn);
}

static void
end(struct stream *s)
{
	conn_dirty(tcp_of(s)->conn);
}

static bool
is_full(const struct stream *s)
{
	return conn_is_full(tcp_of(s)->conn);
}

static size_t
unsent(const struct stream *s)
{
	return conn_unsent(tcp_of(s)->conn);
}

static void
close_stream(struct stream *s, enum stream_cond c)
{
	struct conn *conn = tcp_of(s)->conn;

	(void)c;
	conn_write(conn, STR("</stream:stream>"));
	conn_close(conn);
}

static void
abort_stream(struct stream *s)
{
	conn_abort(tcp_of(s)->conn);
}

static void
free_tcp(struct stream *s)
{
	struct tcp *t = tcp_of(s);

	parser_free(&t->parser);
	mem_free(&t->header);
	mem_free(&t);
}

/* ---- Parsers ------------------------------------------------------------------------- */

static void
borrow_parser(struct tcp *t)
{
	struct c2s_worker *mine = c2s_worker(t->stream.worker);
	struct parse_limits limits = stream_limits(&t->stream);

	if (t->parser)
		return;
	t->parser = mine->spare ? mine->spare : parser_new();
	mine->spare = NULL;
	if (t->stream.state == STREAM_HEADER)
		parser_reset(t->parser);
	else
		parser_resume(t->parser, str_of(t->header));
	parser_limit(t->parser, &limits);
}

static void
give_parser_back(struct stream *s)
{
	struct c2s_worker *mine = c2s_worker(s->worker);
	struct tcp *t = tcp_of(s);

	if (!t->parser || s->state == STREAM_HEADER || !parser_is_idle(t->parser))
		return;
	if (mine->spare)
		parser_free(&t->parser);
	else
		mine->spare = t->parser;
	t->parser = NULL;
}

static void
restart(struct stream *s)
{
	struct parse_limits limits = stream_limits(s);
	struct tcp *t = tcp_of(s);

	mem_free(&t->header);
	if (!t->parser)
		return;
	parser_restart(t->parser);
	parser_limit(t->parser, &limits);
}

/* ---- Read ------------------------------------------------------------------------------ */

static void
on_header(struct tcp *t, const struct xml *x)
{
	struct stream_header h = { xml_get(x, "to"), xml_get(x, "from"), xml_get(x, "version"),
		xml_lang(x) };
	struct str declared = parser_header(t->parser);

	mem_free(&t->header);
	t->header = declared.p ? mem_copy_str(declared) : NULL;
	if (!text_eq(x->name, "stream") && text_eq(x->ns, NS_STREAM))
		stream_end(&t->stream, STREAM_COND_BAD_FORMAT, NULL);
	else if (!text_eq(x->ns, NS_STREAM) ||
		 (t->header && !strstr(t->header, "xmlns='" NS_CLIENT "'")))
		stream_end(&t->stream, STREAM_COND_INVALID_NAMESPACE, NULL);
	else
		stream_on_header(&t->stream, &h);
}

static bool
next(struct stream *s)
{
	struct tcp *t = tcp_of(s);
	struct arena *arena = NULL;
	const struct xml *element = NULL;

	if (!t->parser)
		return false;
	switch (parser_next(t->parser, &arena, &element)) {
	case PARSED_MORE:
		return false;
	case PARSED_HEADER:
		on_header(t, element);
		arena_free(&arena);
		return true;
	case PARSED_ELEMENT:
		stream_on_element(s, &arena, element);
		arena_free(&arena);
		return true;
	case PARSED_END:
		stream_end(s, STREAM_COND_NONE, NULL);
		return false;
	case PARSED_FAULT:
		stream_on_fault(s, parser_fault(t->parser));
		return false;
	}
	return false;
}

static void
pause_reading(struct stream *s)
{
	conn_pause(tcp_of(s)->conn);
}

static void
resume_reading(struct stream *s)
{
	conn_resume(tcp_of(s)->conn);
}

static void
set_idle(struct stream *s, msec_t after)
{
	conn_set_idle(tcp_of(s)->conn, after);
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
	conn_move(tcp_of(s)->conn, to, arrived);
}

static struct conn *
channel(const struct stream *s)
{
	return tcp_of(s)->conn;
}

/* What came behind <starttls/> in clear is not to be read as if it had come in secret. */
static void
start_tls(struct stream *s, const struct host *host)
{
	struct tcp *t = tcp_of(s);

	mem_free(&t->header);
	parser_reset(t->parser);
	conn_start_tls(t->conn, host, NULL);
}

static void
on_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	struct tcp *t = owner;

	(void)c;
	if (t->stream.state == STREAM_CLOSED)
		return;
	borrow_parser(t);
	parser_feed(t->parser, bytes, n);
	stream_received(&t->stream, n);
}

static void
on_tls(struct conn *c, void *owner)
{
	struct stream *s = owner;

	s->info.tls = true;
	(void)conn_tls_text(c, s->info.tls_text, sizeof(s->info.tls_text));
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
	struct tcp *t = owner;

	(void)c;
	t->conn = NULL;
	stream_conn_over(&t->stream, ended, why);
}

static const struct conn_ops conn_ops = {
	.on_bytes = on_bytes,
	.on_tls = on_tls,
	.on_idle = on_idle,
	.on_end = on_end,
};

static const struct transport transport_tcp = {
	.name = "c2s",
	.header = put_header,
	.begin = begin,
	.end = end,
	.is_full = is_full,
	.unsent = unsent,
	.close = close_stream,
	.abort = abort_stream,
	.free = free_tcp,
	.next = next,
	.rest = give_parser_back,
	.pause = pause_reading,
	.resume = resume_reading,
	.restart = restart,
	.idle = set_idle,
	.move = move,
	.channel = channel,
	.start_tls = start_tls,
};

static void
accept_c2s(struct worker *w, struct conn *c, const struct listen_conf *listen)
{
	struct tcp *t = MEM_NEW(struct tcp);
	struct stream *s = &t->stream;

	t->conn = c;
	s->starttls = (uint8_t)(listen->tls == LISTEN_DIRECT ? STARTTLS_OFF : listen->starttls);
	s->info.peer = *conn_peer(c);
	s->info.tls = conn_is_proxied_tls(c);
	s->info.transport = listen->tls == LISTEN_DIRECT ? "c2s_tls" : "c2s";
	conn_set_owner(c, &conn_ops, t);
	conn_set_max_output(c, (size_t)config_of(w)->c2s.max_output);
	stream_start(s, &transport_tcp, w);
	conn_set_id(c, s->info.id);
}

void
transport_tcp_init(void)
{
	listener_serve("c2s", accept_c2s);
}
