/*
 * c2s.c -- client connections: accepted, kept alive, moved to a home, shut down; the outlet of
 * sessions.
 *
 * Runs on: main (init), the stream's worker.
 */
#include "stream/c2s.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/listener.h"
#include "stream/c2s_own.h"

struct c2s_worker *
c2s_worker(const struct worker *w)
{
	return worker_get(w, WORKER_STREAM);
}

/* ---- Outlet ------------------------------------------------------------------------ */

static struct stream *
stream_of(struct outlet *o)
{
	return (struct stream *)o;
}

static void
out_stanza(struct outlet *o, const struct stanza *stanza)
{
	struct stream *s = stream_of(o);

	stream_write(s, stanza);
	if (s->state != STREAM_CLOSED && conn_is_full(s->conn)) {
		log_warn(AREA_C2S, s->info.id, "cut off a client that does not read");
		s->state = STREAM_CLOSED;
		conn_abort(s->conn);
	}
}

static void
out_close(struct outlet *o, enum stream_cond c, const char *text)
{
	stream_end(stream_of(o), c, text);
}

static void
out_pause(struct outlet *o)
{
	stream_pause(stream_of(o), PAUSE_SESSION);
}

static void
out_resume(struct outlet *o)
{
	stream_resume(stream_of(o), PAUSE_SESSION);
}

static const struct outlet_ops outlet_ops = { out_stanza, out_close, out_pause, out_resume };

/* ---- Time ---------------------------------------------------------------------------- */

static void
rate_over(struct worker *w, struct timer *t)
{
	(void)w;
	stream_resume(CONTAINER(t, struct stream, timer), PAUSE_RATE);
}

void
c2s_wait_for_rate(struct stream *s, msec_t wait)
{
	if (s->state != STREAM_BOUND)
		return; /* the timer is the authentication's, which is short */
	stream_pause(s, PAUSE_RATE);
	timer_set(s->worker, &s->timer, wait, rate_over);
}

static void
patience_over(struct worker *w, struct timer *t)
{
	(void)w;
	stream_end(CONTAINER(t, struct stream, timer), STREAM_COND_CONNECTION_TIMEOUT,
		"authentication and binding took too long");
}

void
c2s_restart_patience(struct stream *s)
{
	timer_set(s->worker, &s->timer, stream_conf(s)->auth_timeout, patience_over);
}

/* RFC 6120 4.6: after a silence the server asks; a client that does not answer is gone. */
static void
on_idle(struct conn *c, void *owner)
{
	struct stream *s = owner;

	if (s->state != STREAM_BOUND)
		return;
	if (s->pinged) {
		stream_end(s, STREAM_COND_CONNECTION_TIMEOUT, "no answer to a ping");
		return;
	}
	s->pinged = true;
	conn_set_idle(c, stream_conf(s)->ping_timeout);
	stream_put(
		s, "<iq type='get' id='ping' from='%s'><ping xmlns='" NS_PING "'/></iq>", s->host);
}

static void
on_tls(struct conn *c, void *owner)
{
	struct stream *s = owner;

	s->info.tls = true;
	(void)conn_tls_text(c, s->info.tls_text, sizeof(s->info.tls_text));
}

/* ---- Accept ---------------------------------------------------------------------------- */

static const struct conn_ops conn_ops = {
	.on_bytes = stream_on_bytes,
	.on_tls = on_tls,
	.on_idle = on_idle,
	.on_end = stream_on_end,
};

static void
name_stream(struct stream *s)
{
	static uint64_t last;

	snprintf(s->info.id, sizeof(s->info.id), "c2s-%llx",
		(unsigned long long)__atomic_add_fetch(&last, 1, __ATOMIC_RELAXED));
	conn_set_id(s->conn, s->info.id);
}

static void
accept_c2s(struct worker *w, struct conn *c, const struct listen_conf *listen)
{
	const struct c2s_conf *conf = &config_of(w)->c2s;
	struct stream *s = MEM_NEW(struct stream);
	char peer[ADDR_TEXT];

	s->outlet.ops = &outlet_ops;
	s->conn = c;
	s->worker = w;
	s->state = STREAM_HEADER;
	s->starttls = (uint8_t)(listen->tls == LISTEN_DIRECT ? STARTTLS_OFF : listen->starttls);
	s->info.peer = *conn_peer(c);
	s->info.transport = listen->tls == LISTEN_DIRECT ? "c2s_tls" : "c2s";
	s->accepted = clock_mono();
	s->later.run = stream_run_later;
	limit_init(&s->bytes, (double)conf->burst_bytes, worker_now(w));
	limit_init(&s->stanzas, (double)conf->burst_stanzas, worker_now(w));
	name_stream(s);
	conn_set_owner(c, &conn_ops, s);
	conn_set_max_output(c, (size_t)conf->max_output);
	list_append(&c2s_worker(w)->streams, &s->link);
	c2s_worker(w)->count++;
	c2s_restart_patience(s);
	addr_text(&s->info.peer, peer);
	log_info(AREA_C2S, s->info.id, "accepted a connection from %s", peer);
}

/* ---- Start and stop ------------------------------------------------------------------------ */

void
c2s_init(void)
{
	for (unsigned i = 0; i < workers_count(); i++) {
		struct c2s_worker *mine = MEM_NEW(struct c2s_worker);

		list_init(&mine->streams);
		sasl_guard_init(&mine->guard);
		worker_set(worker_at(i), WORKER_STREAM, mine);
	}
	listener_serve("c2s", accept_c2s);
}

void
c2s_shutdown(struct worker *w)
{
	struct c2s_worker *mine = c2s_worker(w);

	mine->stopping = true;
	list_for_each(s, &mine->streams, struct stream, link)
		stream_end(s, STREAM_COND_SYSTEM_SHUTDOWN, NULL);
}

size_t
c2s_count(const struct worker *w)
{
	return c2s_worker(w)->count;
}

void
c2s_fini(struct worker *w)
{
	struct c2s_worker *mine = c2s_worker(w);

	parser_free(&mine->spare);
	sasl_guard_fini(&mine->guard);
	mem_free(&mine);
	worker_set(w, WORKER_STREAM, NULL);
}
