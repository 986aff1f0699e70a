/*
 * server.c -- connections of the service «http»: requests come in, one is handled at a time.
 *
 * What arrives gathers until a head is whole, then the route says how large a body may be.  While an
 * answer is awaited what comes behind the request (pipelining) waits, up to a bound; then the
 * connection is not read.  A client has one time for each whole request, however it sends it, so
 * slow ones do not hold a connection.
 *
 * Runs on: main (init), the connection's worker.
 */
#include "http/http_own.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/forwarded.h"
#include "http/rate.h"
#include "net/listener.h"

enum { KEPT_MAX = 16 * 1024 }; /* bytes of pipelined requests that wait */

static void run(struct exchange *x);

struct http_worker *
http_of(const struct worker *w)
{
	return worker_get(w, WORKER_HTTP);
}

static const struct http_conf *
conf_of(const struct exchange *x)
{
	return &config_of(x->worker)->http;
}

size_t
http_max_output(const struct worker *w)
{
	return (size_t)config_of(w)->c2s.max_output;
}

/* ---- What handlers ask ---------------------------------------------------------- */

const struct http_request *
http_request(const struct exchange *x)
{
	return x->request;
}

struct worker *
http_worker(const struct exchange *x)
{
	return x->worker;
}

struct arena *
http_arena(const struct exchange *x)
{
	return x->arena;
}

const char *
http_id(const struct exchange *x)
{
	return x->id;
}

/* ---- Time ------------------------------------------------------------------------- */

static void
on_timer(struct worker *w, struct timer *t)
{
	struct exchange *x = CONTAINER(t, struct exchange, timer);

	(void)w;
	if (buf_len(&x->in) == 0 && x->state == EXCHANGE_HEAD) {
		x->state = EXCHANGE_OVER;
		conn_close(x->conn);
		return;
	}
	x->last = true;
	http_put_answer(x, 408, NULL, STR_NONE);
}

/* The first byte of a request is here, or it is awaited. */
static void
set_timer(struct exchange *x)
{
	bool begun = buf_len(&x->in) > 0 || x->state == EXCHANGE_BODY;

	if (begun && x->timed)
		return;
	x->timed = begun;
	x->begun = worker_now(x->worker);
	timer_set(x->worker, &x->timer,
		begun ? conf_of(x)->request_timeout : conf_of(x)->idle_timeout, on_timer);
}

static void
clear_timer(struct exchange *x)
{
	x->timed = false;
	timer_clear(x->worker, &x->timer);
}

/* ---- A request ---------------------------------------------------------------------- */

static void
forget_request(struct exchange *x)
{
	arena_free(&x->arena);
	x->request = NULL;
	x->route = NULL;
	x->gone = NULL;
	x->policy = NULL;
	buf_fini(&x->body);
	buf_fini(&x->headers);
	x->chunked = (struct chunked){ .left = 0 };
}

/* Answers what the client did wrong; the connection cannot go on. */
static void
refuse(struct exchange *x, unsigned status)
{
	x->last = true;
	http_put_answer(x, status, NULL, STR_NONE);
}

bool
http_admit(struct exchange *x)
{
	const struct http_conf *conf = conf_of(x);
	const struct rate rate = { (double)conf->requests_per_second,
		(double)conf->burst_requests };
	msec_t wait = rate_take(&x->request->peer, &rate, worker_now(x->worker));
	char seconds[24];

	if (wait == 0)
		return true;
	(void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(wait + 999) / 1000);
	http_header(x, "Retry-After", seconds);
	http_reply_status(x, 429);
	return false;
}

static void
handle(struct exchange *x)
{
	const struct http_head *h = &x->request->head;

	clear_timer(x);
	x->state = EXCHANGE_HANDLED;
	x->request->body = buf_str(&x->body);
	x->last = x->last || !h->keep_alive || http_of(x->worker)->stopping;
	if (!(x->route && x->route->admits && x->route->methods & h->method) && !http_admit(x))
		return;
	if (h->method == HTTP_OPTIONS)
		http_reply_options(x);
	else if (!x->route)
		http_reply_status(x, 404);
	else if (!(http_methods_of(x->route) & h->method))
		http_reply_status(x, 405);
	else
		x->route->handle(x);
}

static void
know_client(struct exchange *x)
{
	struct http_request *r = x->request;
	const struct config *c = config_of(x->worker);
	struct http_client client = http_client_of(x->listen, conn_peer(x->conn),
		conn_is_tls(x->conn) || conn_is_proxied_tls(x->conn), &r->head);
	const char *name = jid_prep_domain(x->arena, r->head.host);

	r->peer = client.addr;
	r->secure = client.secure;
	r->forwarded = client.forwarded;
	r->host = name ? config_host(c, str_of(name)) : NULL;
	if (!r->host && c->hosts_count > 0)
		r->host = c->hosts[0];
}

static void
begin_body(struct exchange *x)
{
	struct http_head *h = &x->request->head;

	if (!h->chunked && h->length > http_max_body(x)) {
		refuse(x, 413);
		return;
	}
	x->state = EXCHANGE_BODY;
	if (h->wait_continue && (h->chunked || h->length > 0) && buf_len(&x->in) == 0)
		conn_write(x->conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* False: more is needed. */
static bool
take_head(struct exchange *x)
{
	size_t n = http_head_end(buf_str(&x->in), &x->scanned),
	       max = (size_t)conf_of(x)->max_header;
	unsigned status;
	struct str head;

	if ((n > 0 ? n : buf_len(&x->in)) > max) {
		refuse(x, 431);
		return false;
	}
	if (n == 0)
		return false;
	if (!x->timed)
		x->begun = worker_now(x->worker);
	x->arena = arena_new(sizeof(struct http_request) + 2 * n);
	x->request = ARENA_NEW(x->arena, struct http_request);
	head = (struct str){ arena_str(x->arena, (struct str){ buf_bytes(&x->in), n }), n };
	buf_take(&x->in, n);
	x->scanned = 0;
	status = http_head_parse(x->arena, head, &x->request->head);
	if (status != 0) {
		refuse(x, status);
		return false;
	}
	know_client(x);
	x->route = http_route_for(x);
	begin_body(x);
	return true;
}

static bool
take_body(struct exchange *x)
{
	const struct http_head *h = &x->request->head;
	size_t missing = (size_t)h->length - buf_len(&x->body), n = buf_len(&x->in);
	unsigned status;

	if (h->chunked) {
		status = chunked_take(&x->chunked, &x->in, &x->body, http_max_body(x));
		if (status != 0 && status != 200)
			refuse(x, status);
		if (status != 200)
			return false;
	} else {
		n = n < missing ? n : missing;
		buf_put(&x->body, buf_bytes(&x->in), n);
		buf_take(&x->in, n);
		if (n < missing)
			return false;
	}
	handle(x);
	return true;
}

/* ---- The connection ------------------------------------------------------------------ */

static void
free_exchange(struct exchange *x)
{
	if (list_linked(&x->link))
		list_remove(&x->link);
	clear_timer(x);
	worker_not_later(x->worker, &x->later);
	http_release(x);
	forget_request(x);
	buf_fini(&x->in);
	mem_free(&x);
}

static void
read_or_not(struct exchange *x)
{
	bool busy = x->state == EXCHANGE_HANDLED || x->state == EXCHANGE_SENDING ||
		    conn_is_full(x->conn),
	     pause = busy && buf_len(&x->in) > KEPT_MAX;

	if (pause && !x->paused)
		conn_pause(x->conn);
	else if (!pause && x->paused)
		conn_resume(x->conn);
	x->paused = pause;
}

/* Goes on as far as there are bytes. */
static void
run(struct exchange *x)
{
	bool more = true;

	assert(!x->running);
	x->running = true;
	while (more && !x->moving && x->conn && !conn_is_full(x->conn)) {
		if (x->state == EXCHANGE_HEAD)
			more = buf_len(&x->in) > 0 && take_head(x);
		else
			more = x->state == EXCHANGE_BODY && take_body(x);
	}
	x->running = false;
	if (x->moving)
		return;
	if (!x->conn) {
		free_exchange(x);
		return;
	}
	buf_shrink(&x->in);
	if (conn_is_full(x->conn))
		clear_timer(x); /* the connection has one of its own */
	else if (x->state == EXCHANGE_HEAD || x->state == EXCHANGE_BODY)
		set_timer(x);
	read_or_not(x);
}

static void
run_later(struct worker *w, struct later *l)
{
	(void)w;
	run(CONTAINER(l, struct exchange, later));
}

void
exchange_done(struct exchange *x)
{
	forget_request(x);
	if (x->last) {
		x->state = EXCHANGE_OVER;
		clear_timer(x);
		conn_close(x->conn);
		return;
	}
	x->state = EXCHANGE_HEAD;
	if (!x->running)
		worker_later(x->worker, &x->later);
}

static void
on_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	struct exchange *x = owner;

	(void)c;
	if (x->state == EXCHANGE_OVER)
		return;
	buf_put(&x->in, bytes, n);
	run(x);
}

static void
on_room(struct conn *c, void *owner)
{
	struct exchange *x = owner;

	(void)c;
	if (x->state == EXCHANGE_SENDING)
		http_send_more(x);
	else
		run(x);
}

static void
on_end(struct conn *c, void *owner, enum conn_end end, const char *why)
{
	struct exchange *x = owner;

	(void)c;
	(void)end;
	(void)why;
	if (x->state == EXCHANGE_HANDLED && x->gone)
		x->gone(x, x->ctx);
	free_exchange(x);
}

static const struct conn_ops conn_ops = {
	.on_bytes = on_bytes,
	.on_room = on_room,
	.on_end = on_end,
};

static void
accept_http(struct worker *w, struct conn *c, const struct listen_conf *listen)
{
	static uint64_t last;
	struct exchange *x = MEM_NEW(struct exchange);

	x->conn = c;
	x->worker = w;
	x->listen = listen;
	x->state = EXCHANGE_HEAD;
	x->later.run = run_later;
	snprintf(x->id, sizeof(x->id), "http-%llx",
		(unsigned long long)__atomic_add_fetch(&last, 1, __ATOMIC_RELAXED));
	conn_set_owner(c, &conn_ops, x);
	conn_set_id(c, x->id);
	conn_set_max_output(c, http_max_output(w));
	list_append(&http_of(w)->exchanges, &x->link);
	set_timer(x);
}

/* ---- Held, moved, handed on ------------------------------------------------------------- */

void
http_hold(struct exchange *x, void (*gone)(struct exchange *x, void *ctx), void *ctx)
{
	assert(x->state == EXCHANGE_HANDLED);
	x->gone = gone;
	x->ctx = ctx;
}

void
http_drop(struct exchange *x)
{
	x->state = EXCHANGE_OVER;
	x->gone = NULL;
	conn_abort(x->conn);
}

static void
arrived(struct worker *to, struct conn *c, void *owner)
{
	struct exchange *x = owner;

	(void)c;
	x->worker = to;
	x->moving = false;
	list_append(&http_of(to)->exchanges, &x->link);
	x->last = x->last || http_of(to)->stopping;
	x->arrived(x, x->ctx);
}

void
http_move(
	struct exchange *x, struct worker *to, void (*fn)(struct exchange *x, void *ctx), void *ctx)
{
	assert(x->state == EXCHANGE_HANDLED && !x->moving);
	worker_not_later(x->worker, &x->later);
	list_remove(&x->link);
	x->moving = true;
	x->arrived = fn;
	x->ctx = ctx;
	x->gone = NULL;
	conn_move(x->conn, to, arrived);
}

struct conn *
http_upgrade(struct exchange *x, const char *protocol, struct buf *rest)
{
	struct conn *c = x->conn;
	struct buf *out = conn_out(c);

	assert(x->running && x->state == EXCHANGE_HANDLED);
	buf_printf(out,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n",
		protocol);
	buf_put_str(out, buf_str(&x->headers));
	buf_put_lit(out, "\r\n");
	conn_dirty(c);
	log_debug(AREA_HTTP, x->id, "upgraded to %s", protocol);
	*rest = x->in;
	x->in = (struct buf)BUF_INIT;
	x->state = EXCHANGE_OVER;
	x->conn = NULL;
	return c;
}

/* ---- Start and stop ----------------------------------------------------------------------- */

void
http_declare(void)
{
	config_add_service("http");
}

void
http_init(void)
{
	for (unsigned i = 0; i < workers_count(); i++) {
		struct http_worker *mine = MEM_NEW(struct http_worker);

		list_init(&mine->exchanges);
		worker_set(worker_at(i), WORKER_HTTP, mine);
	}
	listener_serve("http", accept_http);
}

void
http_shutdown(struct worker *w)
{
	struct http_worker *mine = http_of(w);

	mine->stopping = true;
	list_for_each(x, &mine->exchanges, struct exchange, link)
	{
		x->last = true;
		if (x->state == EXCHANGE_HEAD && buf_len(&x->in) == 0) {
			x->state = EXCHANGE_OVER;
			conn_close(x->conn);
		}
	}
}

void
http_fini(struct worker *w)
{
	struct http_worker *mine = http_of(w);

	mem_free(&mine);
	worker_set(w, WORKER_HTTP, NULL);
	rate_fini();
}
