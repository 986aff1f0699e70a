/*
 * stream.c -- a client's stream: elements in, elements out, pauses, the end.
 *
 * What the transport has is handled, element by element, until there is no more or until the stream
 * pauses; then the rest waits in the transport and the client is not read.
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
#include "stream/transport.h"

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

	sasl_free(&s->sasl);
	stanza_unref(&s->moving);
	mem_free(&s->host);
	mem_free(&s->from);
	mem_free(&s->lang);
	mem_free(&jid);
	s->transport->free(s);
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

/* Its client may come back on another connection. */
static void
lose_session(struct stream *s)
{
	struct session *session = s->session;

	s->session = NULL;
	if (session)
		session_lost(session);
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
	buf_put(s->transport->begin(s), text, (size_t)n);
	s->transport->end(s);
}

void
stream_write(struct stream *s, const struct stanza *stanza)
{
	if (s->state == STREAM_CLOSED || s->dead)
		return;
	if (s->transport->alone)
		stanza_write_alone(s->transport->begin(s), stanza);
	else
		stanza_write(s->transport->begin(s), stanza);
	s->transport->end(s);
	metric_add(METRIC_STANZAS_OUT, 1);
	if (s->transport->is_full(s)) {
		log_warn(AREA_C2S, s->info.id, "cut off a client that does not read");
		s->state = STREAM_CLOSED;
		s->transport->abort(s);
	}
}

static void
put_error(struct stream *s, enum stream_cond c, const char *text, const char *extra)
{
	struct buf *out = s->transport->begin(s);

	buf_printf(out, "<stream:error%s><%s xmlns='" NS_STREAM_ERRORS "'/>",
		s->transport->alone ? " xmlns:stream='" NS_STREAM "'" : "", stream_cond_name(c));
	if (text) {
		buf_put_lit(out, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>");
		xml_escape(out, str_of(text));
		buf_put_lit(out, "</text>");
	}
	buf_put_text(out, extra ? extra : "");
	buf_put_lit(out, "</stream:error>");
	s->transport->end(s);
	log_info(AREA_C2S, s->info.id, "ended the stream with %s%s%s", stream_cond_name(c),
		text ? ": " : "", text ? text : "");
}

static void
stop_timers(struct stream *s)
{
	timer_clear(s->worker, &s->patience);
	timer_clear(s->worker, &s->rate);
	timer_clear(s->worker, &s->delay);
}

void
stream_end_with(struct stream *s, enum stream_cond c, const char *text, const char *extra)
{
	if (s->state == STREAM_CLOSED || s->dead)
		return;
	if (!s->header_sent)
		stream_put_header(s);
	if (c != STREAM_COND_NONE)
		put_error(s, c, text, extra);
	s->state = STREAM_CLOSED;
	stop_timers(s);
	s->transport->close(s, c);
	if (c == STREAM_COND_CONNECTION_TIMEOUT || c == STREAM_COND_SYSTEM_SHUTDOWN)
		lose_session(s);
	else
		end_session(s);
}

void
stream_end(struct stream *s, enum stream_cond c, const char *text)
{
	stream_end_with(s, c, text, NULL);
}

/* ---- Read -------------------------------------------------------------------------------- */

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

void
stream_restart(struct stream *s)
{
	s->state = STREAM_HEADER;
	s->header_sent = false;
	mem_free(&s->lang);
	mem_free(&s->from);
	s->transport->restart(s);
}

void
stream_on_fault(struct stream *s, enum parse_fault f)
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

	stream_end(s, faults[f].cond, faults[f].text);
}

/* Handles what came, up to a pause; the rest of a very long run comes in the next turn. */
static void
run(struct stream *s)
{
	unsigned left = ELEMENTS_A_TURN;

	assert(!s->running);
	s->running = true;
	while (!s->paused && s->state != STREAM_CLOSED && s->transport->next(s))
		if (--left == 0)
			break;
	s->running = false;
	if (s->paused || s->state == STREAM_CLOSED)
		return; /* it may be on its way to another worker */
	if (left == 0) {
		s->transport->pause(s);
		worker_later(s->worker, &s->later);
		return;
	}
	s->transport->rest(s);
}

void
stream_run_later(struct worker *w, struct later *l)
{
	struct stream *s = CONTAINER(l, struct stream, later);

	(void)w;
	if (s->paused || s->state == STREAM_CLOSED || s->dead)
		return;
	s->transport->resume(s);
	run(s);
}

void
stream_pause(struct stream *s, enum stream_pause why)
{
	if (!s->paused && s->state != STREAM_CLOSED)
		s->transport->pause(s);
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
		s->transport->resume(s);
	else
		worker_later(s->worker, &s->later);
}

void
stream_received(struct stream *s, size_t n)
{
	const struct c2s_conf *conf = stream_conf(s);
	msec_t wait = 0;

	stream_heard(s);
	if (conf->bytes_per_second > 0)
		wait = limit_take_queued(&s->bytes, (double)n, (double)conf->bytes_per_second,
			(double)conf->burst_bytes, worker_now(s->worker));
	if (!s->paused)
		run(s);
	if (wait > 0 && s->state != STREAM_CLOSED)
		c2s_wait_for_rate(s, wait);
}

/* ---- The end ------------------------------------------------------------------------------- */

void
stream_lost(struct stream *s)
{
	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	stop_timers(s);
	lose_session(s);
}

void
stream_over(struct stream *s, const char *why)
{
	log_info(AREA_C2S, s->info.id, "closed after %lld s: %s",
		(long long)((clock_mono() - s->accepted) / 1000), why);
	s->state = STREAM_CLOSED;
	s->dead = true;
	stop_timers(s);
	worker_not_later(s->worker, &s->later);
	list_remove(&s->link);
	c2s_worker(s->worker)->count--;
	lose_session(s);
	iq_stream_gone(s->worker, s);
	if (s->holds == 0)
		free_stream(s);
}

void
stream_conn_over(struct stream *s, enum conn_end end, const char *why)
{
	static const char *const ends[] = {
		[CONN_EOF] = "the client closed",
		[CONN_RESET] = "the connection broke",
		[CONN_TIMEOUT] = "the client did not read",
		[CONN_CLOSED] = "done",
	};
	char text[160];

	if (why)
		(void)snprintf(text, sizeof(text), "%s, %s", ends[end], why);
	stream_over(s, why ? text : ends[end]);
}
