/*
 * conn_io.c -- a socket with its buffers and TLS, on one worker at a time: its bytes.
 *
 * Reading: a socket that has bytes is read once in a turn, into the worker's buffer, so that one
 * busy peer leaves room for the others; epoll tells again of what is left.
 *
 * Writing: once in a turn, when all that the turn brought is in the buffer.  The loop is asked
 * about room only while the socket refuses bytes.  One libevent event serves both directions; it
 * is registered anew when what we wait for changes.
 *
 * Runs on: the connection's worker.
 */
#include "base/metric.h"
#include "net/conn_own.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

enum { ROUNDS = 4 }; /* of NET_WRITE bytes in one turn */

/* ---- The loop --------------------------------------------------------------- */

static void on_socket(evutil_socket_t fd, short what, void *arg);

void
conn_unwatch(struct conn *c)
{
	if (c->watching != 0)
		event_del(&c->event);
	c->watching = 0;
}

void
conn_watch(struct conn *c)
{
	short want = 0;

	/* A pause ends with the owner's interest: what comes after it is dropped. */
	if (!c->peer_eof && !(c->paused && c->state == STATE_OPEN))
		want |= EV_READ;
	if (c->blocked)
		want |= EV_WRITE;
	if (c->state == STATE_ENDED)
		want = 0;
	if (want == c->watching)
		return;
	conn_unwatch(c);
	c->watching = want;
	if (want == 0)
		return;
	event_assign(
		&c->event, worker_base(c->worker), c->fd, (short)(want | EV_PERSIST), on_socket, c);
	event_add(&c->event, NULL);
}

/* ---- Read ------------------------------------------------------------------- */

bool
conn_deliver(struct conn *c, const char *bytes, size_t n)
{
	if (c->state != STATE_OPEN || c->moving || c->paused)
		return false;
	c->ops->on_bytes(c, c->owner, bytes, n);
	return true;
}

void
conn_received(struct conn *c, const char *bytes, size_t n)
{
	if (c->state != STATE_OPEN || n == 0)
		return; /* closing: nobody listens any more */
	if (c->tls)
		tls_received(c, bytes, n);
	else
		(void)conn_deliver(c, bytes, n);
}

static void
peer_closed(struct conn *c)
{
	c->peer_eof = true;
	if (c->state == STATE_LINGER) {
		conn_end_soon(c, (enum conn_end)c->end, c->why);
		return;
	}
	if (c->state == STATE_OPEN)
		conn_end_after_output(c, CONN_EOF,
			c->tls && !c->tls->up ? "closed during the TLS handshake" : NULL);
	conn_watch(c);
}

static void
receive(struct conn *c)
{
	char *bytes = net_of(c->worker)->read;
	ssize_t n = recv(c->fd, bytes, NET_READ, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_end_soon(c,
				c->state == STATE_OPEN ? CONN_RESET : (enum conn_end)c->end,
				strerror(errno));
		return;
	}
	if (n == 0) {
		peer_closed(c);
		return;
	}
	c->heard = worker_now(c->worker);
	metric_add(METRIC_BYTES_IN, (uint64_t)n);
	conn_received(c, bytes, (size_t)n);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (what & EV_WRITE) {
		c->blocked = false;
		worker_later(c->worker, &c->later);
	}
	if (what & EV_READ)
		receive(c);
}

/* ---- Write ------------------------------------------------------------------ */

size_t
conn_waiting(const struct conn *c)
{
	return buf_len(&c->out) + (c->tls ? buf_len(&c->tls->wire) : 0);
}

enum sent { SENT_ALL, SENT_SOME, SENT_BROKEN };

static enum sent
send_some(struct conn *c, struct buf *b)
{
	ssize_t n;

	if (buf_len(b) == 0)
		return SENT_ALL;
	n = send(c->fd, buf_bytes(b), buf_len(b), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
		conn_end_soon(c, CONN_RESET, strerror(errno));
		return SENT_BROKEN;
	}
	if (n > 0) {
		metric_add(METRIC_BYTES_OUT, (uint64_t)n);
		buf_take(b, (size_t)n);
		if (c->state == STATE_OPEN)
			c->moved = worker_now(c->worker);
	}
	return buf_len(b) == 0 ? SENT_ALL : SENT_SOME;
}

static enum sent
send_plain(struct conn *c)
{
	enum sent sent = send_some(c, &c->out);

	buf_shrink(&c->out);
	return sent;
}

static enum sent
send_tls(struct conn *c)
{
	struct net *net = net_of(c->worker);
	enum sent sent = SENT_ALL;
	struct buf *b;

	for (int i = 0; i < ROUNDS && sent == SENT_ALL; i++) {
		if (!tls_encrypt(c, &b)) {
			conn_end_soon(c, CONN_RESET, c->tls->fault);
			return SENT_BROKEN;
		}
		sent = send_some(c, b);
		if (b == &net->wire) {
			buf_put_str(&c->tls->wire, buf_str(b));
			buf_clear(b);
		}
		if (!tls_has_more(c))
			break;
	}
	buf_shrink(&c->tls->wire);
	buf_shrink(&c->out);
	return sent;
}

/* All is written. */
static void
half_close(struct conn *c)
{
	if (c->peer_eof || c->end == CONN_EOF || shutdown(c->fd, SHUT_WR) < 0) {
		conn_end_soon(c, (enum conn_end)c->end, c->why);
		return;
	}
	c->state = STATE_LINGER;
	c->moved = worker_now(c->worker);
	conn_arm(c);
}

static void
blocked(struct conn *c)
{
	if (c->state == STATE_CLOSING && c->end != CONN_CLOSED) {
		/* It went away, or is not worth waiting for. */
		conn_end_soon(c, (enum conn_end)c->end, c->why);
		return;
	}
	if (!(c->watching & EV_WRITE) && c->state == STATE_OPEN)
		c->moved = worker_now(c->worker);
	c->blocked = true;
	conn_arm(c);
}

static void
tell_room(struct conn *c)
{
	if (!c->full || c->state != STATE_OPEN || conn_waiting(c) > c->max_out / 2)
		return;
	c->full = false;
	if (c->ops->on_room)
		c->ops->on_room(c, c->owner);
}

void
conn_flush(struct conn *c)
{
	enum sent sent;

	if (c->blocked || c->state == STATE_LINGER)
		return;
	sent = c->tls ? send_tls(c) : send_plain(c);
	if (sent == SENT_BROKEN)
		return;
	if (sent == SENT_SOME)
		blocked(c);
	else if (c->tls && tls_has_more(c))
		worker_later(c->worker, &c->later);
	else if (c->state == STATE_CLOSING)
		half_close(c);
	conn_watch(c);
	tell_room(c);
}
