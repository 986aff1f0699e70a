/*
 * stream.c -- a client's stream: bytes in, elements out, pauses, the end.
 *
 * Bytes are fed to a parser and its events handled until it needs more, or until the stream pauses;
 * then the rest waits in the parser and the socket is not read.  A stream that is between elements
 * gives its parser back: each worker has one spare that serves all of them.
 *
 * Runs on: the stream's worker.
 */
#include "stream/stream.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "home/job.h"
#include "stream/c2s_own.h"

#define ELEMENTS_A_TURN 512

/* ---- Life ------------------------------------------------------------------------ */

const struct c2s_conf *
stream_conf(const struct stream *s)
{
	return &config_of(s->worker)->c2s;
}

const struct host *
stream_host(const struct stream *s)
{
	return s->host ? config_host(config_of(s->worker), str_of(s->host)) : NULL;
}

void
stream_hold(struct stream *s)
{
	s->holds++;
}

static void
free_stream(struct stream *s)
{
	char *jid = (char *)(uintptr_t)s->jid.text;

	parser_free(&s->parser);
	sasl_free(&s->sasl);
	stanza_unref(&s->moving);
	mem_free(&s->header);
	mem_free(&s->host);
	mem_free(&s->from);
	mem_free(&s->lang);
	mem_free(&jid);
	mem_free(&s);
}

bool
stream_release(struct stream *s)
{
	assert(s->holds > 0);
	s->holds--;
	if (!s->dead)
		return s->state == STREAM_CLOSED;
	if (s->holds == 0)
		free_stream(s);
	return true;
}

static void
end_session(struct stream *s)
{
	struct session *session = s->session;

	s->session = NULL;
	if (session)
		session_end(session);
}

/* ---- Write ------------------------------------------------------------------------- */

void
stream_put(struct stream *s, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < sizeof(text));
	conn_write(s->conn, (struct str){ text, (size_t)n });
}

void
stream_write(struct stream *s, const struct stanza *stanza)
{
	if (s->state == STREAM_CLOSED || s->dead)
		return;
	stanza_write(conn_out(s->conn), stanza);
	conn_dirty(s->conn);
	metric_add(METRIC_STANZAS_OUT, 1);
}

void
stream_end(struct stream *s, enum stream_cond c, const char *text)
{
	if (s->state == STREAM_CLOSED || s->dead)
		return;
	if (!s->header_sent)
		stream_put_header(s);
	if (c != STREAM_COND_NONE) {
		stream_put(
			s, "<stream:error><%s xmlns='" NS_STREAM_ERRORS "'/>", stream_cond_name(c));
		if (text) {
			stream_put(s, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>");
			xml_escape(conn_out(s->conn), str_of(text));
			stream_put(s, "</text>");
		}
		stream_put(s, "</stream:error>");
		log_info(AREA_C2S, s->info.id, "ended the stream with %s%s%s", stream_cond_name(c),
			text ? ": " : "", text ? text : "");
	}
	stream_put(s, "</stream:stream>");
	s->state = STREAM_CLOSED;
	timer_clear(s->worker, &s->timer);
	timer_clear(s->worker, &s->delay);
	conn_close(s->conn);
	end_session(s);
}

/* ---- Parsers ------------------------------------------------------------------------- */

struct parse_limits
stream_limits(const struct stream *s)
{
	const struct c2s_conf *conf = stream_conf(s);
	bool in = s->info.authenticated;

	return (struct parse_limits){
		.max_bytes = (size_t)(in ? conf->max_stanza : conf->max_stanza_before_auth),
		.max_depth = (unsigned)conf->max_depth,
		.max_attrs = (unsigned)conf->max_attributes,
	};
}

static void
borrow_parser(struct stream *s)
{
	struct c2s_worker *mine = c2s_worker(s->worker);
	struct parse_limits limits = stream_limits(s);

	if (s->parser)
		return;
	s->parser = mine->spare ? mine->spare : parser_new();
	mine->spare = NULL;
	if (s->state == STREAM_HEADER)
		parser_reset(s->parser);
	else
		parser_resume(s->parser, str_of(s->header));
	parser_limit(s->parser, &limits);
}

static void
give_parser_back(struct stream *s)
{
	struct c2s_worker *mine = c2s_worker(s->worker);

	if (!s->parser || s->paused || s->state == STREAM_HEADER || !parser_is_idle(s->parser))
		return;
	if (mine->spare)
		parser_free(&s->parser);
	else
		mine->spare = s->parser;
	s->parser = NULL;
}

void
stream_restart(struct stream *s)
{
	struct parse_limits limits;

	s->state = STREAM_HEADER;
	s->header_sent = false;
	mem_free(&s->header);
	mem_free(&s->lang);
	mem_free(&s->from);
	if (!s->parser)
		return;
	limits = stream_limits(s);
	parser_restart(s->parser);
	parser_limit(s->parser, &limits);
}

/* ---- Events ---------------------------------------------------------------------------- */

static void
on_fault(struct stream *s)
{
	static const struct {
		enum stream_cond cond;
		const char *text;
	} faults[] = {
		[PARSE_OK] = { STREAM_COND_INTERNAL_SERVER_ERROR, NULL },
		[PARSE_NOT_WELL_FORMED] = { STREAM_COND_NOT_WELL_FORMED, NULL },
		[PARSE_RESTRICTED] = { STREAM_COND_RESTRICTED_XML, NULL },
		[PARSE_BAD_ENCODING] = { STREAM_COND_UNSUPPORTED_ENCODING, "only UTF-8 is served" },
		[PARSE_BAD_PREFIX] = { STREAM_COND_BAD_NAMESPACE_PREFIX, NULL },
		[PARSE_STRAY_TEXT] = { STREAM_COND_BAD_FORMAT, "text between stanzas" },
		[PARSE_TOO_BIG] = { STREAM_COND_POLICY_VIOLATION, "the stanza is too big" },
		[PARSE_TOO_DEEP] = { STREAM_COND_POLICY_VIOLATION,
			"too many levels or attributes" },
	};
	enum parse_fault f = parser_fault(s->parser);

	stream_end(s, faults[f].cond, faults[f].text);
}

/* The stanzas of a second may come at once, more wait for their time. */
static void
count_stanza(struct stream *s)
{
	const struct c2s_conf *conf = stream_conf(s);
	msec_t wait;

	if (conf->stanzas_per_second == 0)
		return;
	wait = limit_take(&s->stanzas, 1, (double)conf->stanzas_per_second,
		(double)conf->burst_stanzas, worker_now(s->worker));
	if (wait > 0)
		c2s_wait_for_rate(s, wait);
}

static bool
handle_next(struct stream *s)
{
	struct arena *arena = NULL;
	const struct xml *element = NULL;

	switch (parser_next(s->parser, &arena, &element)) {
	case PARSED_MORE:
		return false;
	case PARSED_HEADER:
		mem_free(&s->header);
		s->header =
			parser_header(s->parser).p ? mem_copy_str(parser_header(s->parser)) : NULL;
		stream_on_header(s, element);
		arena_free(&arena);
		return true;
	case PARSED_ELEMENT:
		count_stanza(s);
		stream_on_element(s, &arena, element);
		arena_free(&arena);
		return true;
	case PARSED_END:
		stream_end(s, STREAM_COND_NONE, NULL);
		return false;
	case PARSED_FAULT:
		on_fault(s);
		return false;
	}
	return false;
}

/* Handles what was fed, up to a pause; the rest of a very long run comes in the next turn. */
static void
run(struct stream *s)
{
	unsigned left = ELEMENTS_A_TURN;

	assert(!s->running);
	s->running = true;
	while (!s->paused && s->state != STREAM_CLOSED && s->parser && handle_next(s))
		if (--left == 0)
			break;
	s->running = false;
	if (s->state == STREAM_CLOSED)
		return;
	if (left == 0) {
		conn_pause(s->conn);
		worker_later(s->worker, &s->later);
		return;
	}
	give_parser_back(s);
}

void
stream_run_later(struct worker *w, struct later *l)
{
	struct stream *s = CONTAINER(l, struct stream, later);

	(void)w;
	if (s->paused || s->state == STREAM_CLOSED || s->dead)
		return;
	conn_resume(s->conn);
	if (s->parser)
		run(s);
}

void
stream_pause(struct stream *s, enum stream_pause why)
{
	if (!s->paused && s->state != STREAM_CLOSED)
		conn_pause(s->conn);
	s->paused |= why;
}

void
stream_resume(struct stream *s, enum stream_pause why)
{
	if (!(s->paused & why))
		return;
	s->paused &= ~(unsigned)why;
	if (s->paused || s->state == STREAM_CLOSED || s->dead)
		return;
	if (s->running)
		conn_resume(s->conn);
	else
		worker_later(s->worker, &s->later);
}

void
stream_on_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	struct stream *s = owner;
	const struct c2s_conf *conf = stream_conf(s);
	msec_t wait = 0;

	(void)c;
	metric_add(METRIC_BYTES_IN, n);
	if (s->state == STREAM_CLOSED)
		return;
	if (s->pinged) {
		s->pinged = false;
		conn_set_idle(s->conn, conf->idle_timeout);
	}
	borrow_parser(s);
	parser_feed(s->parser, bytes, n);
	if (conf->bytes_per_second > 0)
		wait = limit_take(&s->bytes, (double)n, (double)conf->bytes_per_second,
			(double)conf->burst_bytes, worker_now(s->worker));
	if (!s->paused)
		run(s);
	if (wait > 0 && s->state != STREAM_CLOSED)
		c2s_wait_for_rate(s, wait);
}

void
stream_on_end(struct conn *c, void *owner, enum conn_end end, const char *why)
{
	static const char *const ends[] = {
		[CONN_EOF] = "the client closed",
		[CONN_RESET] = "the connection broke",
		[CONN_TIMEOUT] = "the client did not read",
		[CONN_CLOSED] = "done",
	};
	struct stream *s = owner;

	(void)c;
	log_info(AREA_C2S, s->info.id, "closed after %lld s: %s%s%s",
		(long long)((clock_mono() - s->accepted) / 1000), ends[end], why ? ", " : "",
		why ? why : "");
	metric_add(METRIC_CONNECTIONS_CLOSED, 1);
	s->state = STREAM_CLOSED;
	s->dead = true;
	timer_clear(s->worker, &s->timer);
	timer_clear(s->worker, &s->delay);
	worker_not_later(s->worker, &s->later);
	list_remove(&s->link);
	c2s_worker(s->worker)->count--;
	end_session(s);
	iq_stream_gone(s->worker, s);
	s->conn = NULL;
	if (s->holds == 0)
		free_stream(s);
}
