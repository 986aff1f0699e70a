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
#include "stream/c2s_own.h"
#include "stream/sasl_guard.h"
#include "stream/transport.h"

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
	stream_write(stream_of(o), stanza);
}

static void
out_close(struct outlet *o, enum stream_cond c, const char *text)
{
	stream_end(stream_of(o), c, text);
}

static void
out_leave(struct outlet *o, enum stream_cond c)
{
	struct stream *s = stream_of(o);

	s->session = NULL;
	stream_end(s, c, NULL);
}

static void
out_ask(struct outlet *o)
{
	stream_sm_ask(stream_of(o));
}

static void
out_ack(struct outlet *o, uint32_t settled)
{
	stream_sm_ack(stream_of(o), settled);
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

static size_t
out_unsent(const struct outlet *o)
{
	const struct stream *s = CONTAINER(o, const struct stream, outlet);

	return s->transport->unsent && !s->dead ? s->transport->unsent(s) : 0;
}

static const struct outlet_ops outlet_ops = {
	.stanza = out_stanza,
	.close = out_close,
	.leave = out_leave,
	.ask = out_ask,
	.ack = out_ack,
	.pause = out_pause,
	.resume = out_resume,
	.unsent = out_unsent,
};

/* ---- Time ---------------------------------------------------------------------------- */

static void
rate_over(struct worker *w, struct timer *t)
{
	(void)w;
	stream_resume(CONTAINER(t, struct stream, rate), PAUSE_RATE);
}

void
c2s_wait_for_rate(struct stream *s, msec_t wait)
{
	if (s->arrived || s->state == STREAM_CLOSED)
		return; /* it is on its way to another worker, or over */
	stream_pause(s, PAUSE_RATE);
	if (!timer_is_set(&s->rate) || s->rate.due < worker_now(s->worker) + wait)
		timer_set(s->worker, &s->rate, wait, rate_over);
}

/* The stanzas of a second may come at once, more wait for their time. */
void
c2s_count_element(struct stream *s)
{
	const struct c2s_conf *conf = stream_conf(s);
	msec_t wait;

	if (conf->stanzas_per_second == 0)
		return;
	wait = limit_take_queued(&s->stanzas, 1, (double)conf->stanzas_per_second,
		(double)conf->burst_stanzas, worker_now(s->worker));
	if (wait > 0)
		c2s_wait_for_rate(s, wait);
}

static void
patience_over(struct worker *w, struct timer *t)
{
	(void)w;
	stream_end(CONTAINER(t, struct stream, patience), STREAM_COND_CONNECTION_TIMEOUT,
		"authentication and binding took too long");
}

void
c2s_restart_patience(struct stream *s)
{
	timer_set(s->worker, &s->patience, stream_conf(s)->auth_timeout, patience_over);
}

/* RFC 6120 4.6: after a silence the server asks; a client that does not answer is gone.  With
 * stream management, a ping would count as a stanza, and an ack says more. */
void
stream_idle(struct stream *s)
{
	if (s->state != STREAM_BOUND)
		return;
	if (s->pinged) {
		stream_end(s, STREAM_COND_CONNECTION_TIMEOUT, "no answer to a ping");
		return;
	}
	s->pinged = true;
	s->transport->idle(s, stream_conf(s)->ping_timeout);
	if (s->transport->ping) {
		s->transport->ping(s);
		return;
	}
	if (s->session->sm) {
		stream_sm_ask(s);
		return;
	}
	stream_put(s,
		"<iq xmlns='" NS_CLIENT "' type='get' id='ping' from='%s'><ping xmlns='" NS_PING
		"'/></iq>",
		s->host);
}

void
stream_heard(struct stream *s)
{
	if (!s->pinged)
		return;
	s->pinged = false;
	s->transport->idle(s, stream_conf(s)->idle_timeout);
}

/* ---- Streams ---------------------------------------------------------------------------- */

static void
name_stream(struct stream *s)
{
	static uint64_t last;

	snprintf(s->info.id, sizeof(s->info.id), "%s-%llx", s->transport->name,
		(unsigned long long)__atomic_add_fetch(&last, 1, __ATOMIC_RELAXED));
}

static void
join(struct stream *s, struct worker *w)
{
	s->worker = w;
	list_append(&c2s_worker(w)->streams, &s->link);
	c2s_worker(w)->count++;
}

void
stream_start(struct stream *s, const struct transport *t, struct worker *w)
{
	const struct c2s_conf *conf = &config_of(w)->c2s;
	char peer[ADDR_TEXT];

	s->outlet.ops = &outlet_ops;
	s->transport = t;
	s->state = STREAM_HEADER;
	s->accepted = clock_mono();
	s->later.run = stream_run_later;
	limit_init(&s->bytes, (double)conf->burst_bytes, worker_now(w));
	limit_init(&s->stanzas, (double)conf->burst_stanzas, worker_now(w));
	name_stream(s);
	join(s, w);
	c2s_restart_patience(s);
	addr_text(&s->info.peer, peer);
	log_info(AREA_C2S, s->info.id, "accepted a connection from %s", peer);
}

void
stream_move(struct stream *s, struct worker *to, void (*arrived)(struct stream *s))
{
	timer_clear(s->worker, &s->patience);
	timer_clear(s->worker, &s->rate);
	s->paused &= ~(unsigned)PAUSE_RATE; /* what is owed is still owed when more comes */
	worker_not_later(s->worker, &s->later);
	list_remove(&s->link);
	c2s_worker(s->worker)->count--;
	s->arrived = arrived;
	s->transport->move(s, to);
}

void
stream_arrived(struct stream *s, struct worker *to)
{
	void (*arrived)(struct stream *) = s->arrived;

	s->arrived = NULL;
	join(s, to);
	if (s->state != STREAM_CLOSED && c2s_worker(to)->stopping)
		stream_end(s, STREAM_COND_SYSTEM_SHUTDOWN, NULL);
	else
		c2s_restart_patience(s);
	arrived(s);
}

/* ---- Start and stop ------------------------------------------------------------------------ */

void
c2s_init(void)
{
	for (unsigned i = 0; i < workers_count(); i++) {
		struct c2s_worker *mine = MEM_NEW(struct c2s_worker);

		list_init(&mine->streams);
		worker_set(worker_at(i), WORKER_STREAM, mine);
	}
	transport_tcp_init();
	transport_ws_init();
	transport_bosh_init();
}

void
c2s_quiet(struct worker *w)
{
	list_for_each(s, &c2s_worker(w)->streams, struct stream, link)
		stream_pause(s, PAUSE_STOPPING);
}

void
c2s_shutdown(struct worker *w)
{
	struct c2s_worker *mine = c2s_worker(w);

	mine->stopping = true;
	list_for_each(s, &mine->streams, struct stream, link)
		stream_end(s, STREAM_COND_SYSTEM_SHUTDOWN, NULL);
}

void
c2s_reloaded(struct worker *w)
{
	list_for_each(s, &c2s_worker(w)->streams, struct stream, link)
	{
		if (s->host && !stream_host(s))
			stream_end(s, STREAM_COND_HOST_GONE, NULL);
	}
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

	transport_bosh_fini(w);
	parser_free(&mine->spare);
	sasl_guard_fini();
	mem_free(&mine);
	worker_set(w, WORKER_STREAM, NULL);
}
