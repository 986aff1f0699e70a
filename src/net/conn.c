/*
 * conn.c -- a socket with its buffers and TLS, on one worker at a time: its life.
 *
 * A connection is open; then closing (conn_close, or the peer's end: what waits is written); then
 * it lingers until the peer closes too; then it has ended.  Whatever happens, on_end is called and
 * the memory freed in one place only, the flush at the end of a turn, so no caller ever finds that
 * a connection vanished under it.
 *
 * One timer serves all waits.  It is never moved when bytes arrive: when it fires, the times noted
 * in the connection say what is due, and when to look again.
 *
 * A moving connection is out of its old worker's loop before the mail that carries it leaves, and
 * the mail leaves at the end of the turn; so the frames below conn_move may still look at it.
 *
 * Runs on: the connection's worker.
 */
#include "net/conn.h"

#include "base/mem.h"
#include "base/metric.h"
#include "net/conn_own.h"
#include "net/listener.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const msec_t stall = 60000; /* that output may stand still */
static const msec_t linger = 2000; /* for the peer's end after ours */

/* Ten thousand idle ones must stay cheap. */
_Static_assert(sizeof(struct conn) < 400, "struct conn has grown");

static void run_later(struct worker *w, struct later *l);
static void on_timer(struct worker *w, struct timer *t);

/* ---- Life ------------------------------------------------------------------- */

struct conn *
conn_new(struct worker *w, int fd, const struct addr *peer, const struct conn_ops *ops, void *owner)
{
	struct conn *c = MEM_NEW(struct conn);

	assert(worker_is_here(w));
	c->worker = w;
	c->fd = fd;
	c->peer = *peer;
	c->ops = ops;
	c->owner = owner;
	c->later.run = run_later;
	c->heard = c->moved = worker_now(w);
	list_append(&net_of(w)->conns, &c->list);
	conn_watch(c);
	metric_add(METRIC_CONNECTIONS, 1);
	return c;
}

void
conn_set_counted(struct conn *c)
{
	c->counted = true;
}

void
conn_set_owner(struct conn *c, const struct conn_ops *ops, void *owner)
{
	c->ops = ops;
	c->owner = owner;
}

struct worker *
conn_worker(const struct conn *c)
{
	return c->worker;
}

const struct addr *
conn_peer(const struct conn *c)
{
	return &c->peer;
}

bool
conn_is_proxied_tls(const struct conn *c)
{
	return c->proxied_tls;
}

bool
conn_uid(const struct conn *c, unsigned *uid)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || who.uid == (uid_t)-1)
		return false;
	*uid = who.uid;
	return true;
}

void
conn_set_id(struct conn *c, const char *id)
{
	snprintf(c->id, sizeof(c->id), "%s", id);
}

void
conn_finish(struct conn *c)
{
	worker_not_later(c->worker, &c->later);
	timer_clear(c->worker, &c->timer);
	conn_unwatch(c);
	list_remove(&c->list);
	close(c->fd);
	if (c->counted)
		listener_gone(&c->peer);
	metric_add(METRIC_CONNECTIONS_CLOSED, 1);
	c->state = STATE_ENDED;
	c->ops->on_end(c, c->owner, (enum conn_end)c->end, c->why);
	worker_not_later(c->worker, &c->later);
	timer_clear(c->worker, &c->timer);
	tls_free(&c->tls);
	buf_fini(&c->out);
	mem_free(&c);
}

/* ---- End -------------------------------------------------------------------- */

void
conn_end_soon(struct conn *c, enum conn_end end, const char *why)
{
	if (c->state == STATE_ENDED)
		return;
	c->state = STATE_ENDED;
	c->end = (uint8_t)end;
	if (why)
		c->why = why;
	conn_unwatch(c);
	if (!c->moving)
		worker_later(c->worker, &c->later);
}

void
conn_end_after_output(struct conn *c, enum conn_end end, const char *why)
{
	if (c->state != STATE_OPEN)
		return;
	c->state = STATE_CLOSING;
	c->end = (uint8_t)end;
	c->why = why;
	c->moved = worker_now(c->worker);
	if (c->moving)
		return;
	conn_watch(c);
	conn_arm(c);
	worker_later(c->worker, &c->later);
}

void
conn_close(struct conn *c)
{
	conn_end_after_output(c, CONN_CLOSED, NULL);
}

void
conn_abort(struct conn *c)
{
	conn_end_soon(c, CONN_CLOSED, NULL);
}

static void
run_later(struct worker *w, struct later *l)
{
	struct conn *c = CONTAINER(l, struct conn, later);

	assert(worker_is_here(w) && !c->moving);
	if (c->state == STATE_ENDED) {
		conn_finish(c);
		return;
	}
	if (c->tls)
		tls_resume(c);
	if (!c->moving && c->state != STATE_ENDED)
		conn_flush(c);
}

/* ---- Time ------------------------------------------------------------------- */

/* When something is due next; 0: nothing is. */
static msec_t
next_due(const struct conn *c)
{
	msec_t due = 0;

	if (c->state == STATE_LINGER)
		return c->moved + linger;
	if (c->state == STATE_CLOSING || c->blocked)
		due = c->moved + stall;
	if (c->state == STATE_OPEN && c->idle > 0 && (due == 0 || c->heard + c->idle < due))
		due = c->heard + c->idle;
	return due;
}

void
conn_arm(struct conn *c)
{
	msec_t due = next_due(c), now;

	if (due == 0 || (timer_is_set(&c->timer) && c->timer.due <= due))
		return;
	now = worker_now(c->worker);
	timer_set(c->worker, &c->timer, due > now ? due - now : 0, on_timer);
}

static void
on_timer(struct worker *w, struct timer *t)
{
	struct conn *c = CONTAINER(t, struct conn, timer);
	msec_t now = worker_now(w);

	if (c->state == STATE_LINGER) {
		if (now >= c->moved + linger)
			conn_end_soon(c, (enum conn_end)c->end, c->why);
	} else if ((c->state == STATE_CLOSING || c->blocked) && now >= c->moved + stall) {
		conn_end_soon(c, CONN_TIMEOUT, "the peer did not read");
	} else if (c->state == STATE_OPEN && c->idle > 0 && now >= c->heard + c->idle) {
		c->heard = now;
		if (!c->paused && c->ops->on_idle)
			c->ops->on_idle(c, c->owner);
	}
	if (c->state != STATE_ENDED && !c->moving)
		conn_arm(c);
}

void
conn_set_idle(struct conn *c, msec_t after)
{
	c->idle = after;
	if (!c->moving)
		conn_arm(c);
}

/* ---- Write ------------------------------------------------------------------ */

struct buf *
conn_out(struct conn *c)
{
	return &c->out;
}

void
conn_dirty(struct conn *c)
{
	assert(!c->moving);
	if (c->state != STATE_ENDED)
		worker_later(c->worker, &c->later);
	if (conn_is_full(c))
		c->full = true;
}

void
conn_write(struct conn *c, struct str bytes)
{
	buf_put_str(&c->out, bytes);
	conn_dirty(c);
}

size_t
conn_unsent(const struct conn *c)
{
	return conn_waiting(c);
}

bool
conn_is_full(const struct conn *c)
{
	return c->max_out > 0 && conn_waiting(c) > c->max_out;
}

void
conn_set_max_output(struct conn *c, size_t max)
{
	c->max_out = max;
}

/* ---- Read ------------------------------------------------------------------- */

void
conn_pause(struct conn *c)
{
	c->paused = true;
	if (!c->moving)
		conn_watch(c);
}

void
conn_resume(struct conn *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	/* The silence was ours. */
	c->heard = worker_now(c->worker);
	if (c->moving)
		return;
	if (c->tls)
		worker_later(c->worker, &c->later);
	conn_watch(c);
	conn_arm(c);
}

/* ---- Move ------------------------------------------------------------------- */

struct move {
	struct mail mail;
	struct conn *conn;
	void (*arrived)(struct worker *to, struct conn *c, void *owner);
};

static void
arrive(struct worker *w, struct mail *m)
{
	struct move *move = CONTAINER(m, struct move, mail);
	struct conn *c = move->conn;
	void (*arrived)(struct worker *, struct conn *, void *) = move->arrived;

	mem_free(&move);
	c->worker = w;
	c->moving = false;
	list_append(&net_of(w)->conns, &c->list);
	/* Whatever happened in the turn in which it left is seen to at the end of this one. */
	worker_later(w, &c->later);
	if (c->state != STATE_ENDED) {
		conn_watch(c);
		conn_arm(c);
	}
	arrived(w, c, c->owner);
}

void
conn_move(struct conn *c, struct worker *to,
	void (*arrived)(struct worker *to, struct conn *c, void *owner))
{
	struct move *move = MEM_NEW(struct move);

	assert(worker_is_here(c->worker) && !c->moving);
	conn_unwatch(c);
	timer_clear(c->worker, &c->timer);
	worker_not_later(c->worker, &c->later);
	list_remove(&c->list);
	c->moving = true;
	c->blocked = false;
	move->mail.open = arrive;
	move->conn = c;
	move->arrived = arrived;
	worker_post(c->worker, to, &move->mail);
}
