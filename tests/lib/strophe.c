/*
 * strophe.c -- clients of libstrophe.
 *
 * Runs on: the test process
 */
#include "tests/lib/strophe.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "tests/lib/report.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>

#define TURN 20 /* milliseconds that the loop waits for a socket */

enum state { CONNECTING, ONLINE, GONE };

struct client {
	struct list link; /* all */
	xmpp_conn_t *conn;
	xmpp_sm_state_t *sm; /* of the connection before, until it is given to the next */
	enum state state;
	int stream_error;
	int socket;
	bool raw, direct;
	struct list inbox; /* struct received */
	char *taken;
};

struct received {
	struct list link;
	char *text;
};

static xmpp_ctx_t *ctx;
static unsigned clients;
static struct list all;

/* ---- The loop -------------------------------------------------------------------- */

static int
on_stanza(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *data)
{
	struct client *c = data;
	struct received *r = MEM_NEW(struct received);
	char *text;
	size_t n;

	(void)conn;
	if (xmpp_stanza_to_text(stanza, &text, &n) == XMPP_EOK) {
		r->text = mem_copy_text(text);
		xmpp_free(ctx, text);
	}
	list_append(&c->inbox, &r->link);
	return 1; /* again */
}

static void
on_event(xmpp_conn_t *conn, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream_error,
	void *data)
{
	struct client *c = data;

	(void)error;
	switch (event) {
	case XMPP_CONN_RAW_CONNECT:
		if (c->direct)
			(void)xmpp_conn_tls_start(conn); /* raw connections do not by themselves */
		xmpp_handler_add(conn, on_stanza, NULL, NULL, NULL, c);
		(void)xmpp_conn_open_stream_default(conn);
		break;
	case XMPP_CONN_CONNECT:
		if (!c->raw)
			xmpp_handler_add(conn, on_stanza, NULL, NULL, NULL, c);
		c->state = ONLINE;
		break;
	case XMPP_CONN_DISCONNECT:
	case XMPP_CONN_FAIL:
		c->state = GONE;
		if (stream_error)
			c->stream_error = (int)stream_error->type;
		break;
	}
}

/* Runs the loop until the client has that state, or is gone, or it took too long. */
static bool
run_until(struct client *c, enum state wanted)
{
	msec_t until = clock_mono() + SECONDS(PATIENCE);

	while (c->state < wanted && clock_mono() < until)
		xmpp_run_once(ctx, TURN);
	return c->state == wanted;
}

/* ---- Clients ---------------------------------------------------------------------- */

static int
on_socket(xmpp_conn_t *conn, void *fd)
{
	list_for_each(c, &all, struct client, link)
	{
		if (c->conn == conn)
			c->socket = *(int *)fd;
	}
	return 0;
}

static void
connect_to(struct client *c, const struct server *s, const char *jid, const char *password)
{
	int result;

	c->conn = xmpp_conn_new(ctx);
	xmpp_conn_set_jid(c->conn, jid);
	if (password)
		xmpp_conn_set_pass(c->conn, password);
	xmpp_conn_set_cafile(c->conn, SERVER_CERTIFICATE);
	xmpp_conn_set_sockopt_callback(c->conn, on_socket);
	(void)xmpp_conn_set_flags(
		c->conn, c->direct ? XMPP_CONN_FLAG_LEGACY_SSL : XMPP_CONN_FLAG_MANDATORY_TLS);
	if (c->sm)
		(void)xmpp_conn_set_sm_state(c->conn, c->sm);
	c->sm = NULL;
	c->state = CONNECTING;
	result = (c->raw ? xmpp_connect_raw : xmpp_connect_client)(
		c->conn, "127.0.0.1", c->direct ? s->tls_port : s->port, on_event, c);
	if (result != XMPP_EOK)
		c->state = GONE;
}

struct client *
client_new(const struct server *s, const char *jid, const char *password, enum security how)
{
	struct client *c = MEM_NEW(struct client);

	if (clients++ == 0) {
		(void)signal(SIGPIPE, SIG_IGN); /* the library writes to what was cut */
		xmpp_initialize();
		ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_ERROR));
	}
	list_init(&c->inbox);
	if (!all.next)
		list_init(&all);
	list_append(&all, &c->link);
	c->stream_error = -1;
	c->raw = !password;
	c->direct = how == WITH_DIRECT_TLS;
	connect_to(c, s, jid, password);
	return c;
}

void
client_flush(struct client *c)
{
	msec_t until = clock_mono() + SECONDS(PATIENCE);

	while (xmpp_conn_send_queue_len(c->conn) > 0 && clock_mono() < until)
		xmpp_run_once(ctx, 0);
}

void
client_cut(struct client *c)
{
	(void)shutdown(c->socket, SHUT_RDWR);
	(void)run_until(c, GONE);
}

void
client_again(struct client *c, const struct server *s, const char *password)
{
	char *jid = mem_copy_text(xmpp_conn_get_jid(c->conn));

	c->sm = xmpp_conn_get_sm_state(c->conn);
	(void)xmpp_conn_release(c->conn);
	connect_to(c, s, jid, password);
	mem_free(&jid);
}

void
client_free(struct client **pc)
{
	struct client *c = *pc;

	*pc = NULL;
	if (!c)
		return;
	if (c->state != GONE)
		xmpp_disconnect(c->conn);
	(void)run_until(c, GONE);
	(void)xmpp_conn_release(c->conn);
	list_remove(&c->link);
	list_for_each(r, &c->inbox, struct received, link)
	{
		list_remove(&r->link);
		mem_free(&r->text);
		mem_free(&r);
	}
	mem_free(&c->taken);
	mem_free(&c);
	if (--clients == 0) {
		xmpp_ctx_free(ctx);
		xmpp_shutdown();
	}
}

bool
client_online(struct client *c)
{
	return run_until(c, ONLINE);
}

bool
client_gone(struct client *c)
{
	return run_until(c, GONE);
}

int
client_stream_error(const struct client *c)
{
	return c->stream_error;
}

bool
client_is_secured(const struct client *c)
{
	return xmpp_conn_is_secured(c->conn) == 1;
}

const char *
client_jid(const struct client *c)
{
	return xmpp_conn_get_bound_jid(c->conn);
}

/* ---- Sending and waiting ------------------------------------------------------------ */

void
client_send(struct client *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n >= 0)
		xmpp_send_raw(c->conn, text, (size_t)n);
	mem_free(&text);
}

static bool
contains_all(const char *text, const char *const *parts)
{
	for (; *parts; parts++)
		if (!strstr(text, *parts))
			return false;
	return true;
}

static bool
take(struct client *c, const char *const *parts)
{
	list_for_each(r, &c->inbox, struct received, link)
	{
		if (!r->text || !contains_all(r->text, parts))
			continue;
		list_remove(&r->link);
		mem_free(&c->taken);
		c->taken = r->text;
		mem_free(&r);
		return true;
	}
	return false;
}

const char *
client_expect_all(struct client *c, const char *const *parts)
{
	msec_t until = clock_mono() + SECONDS(PATIENCE);

	while (!take(c, parts)) {
		if (c->state == GONE || clock_mono() > until)
			return NULL;
		xmpp_run_once(ctx, TURN);
	}
	return c->taken;
}

bool
client_settle(struct client *c)
{
	static unsigned count;
	char id[32];

	(void)snprintf(id, sizeof(id), "settle-%u", ++count);
	client_send(
		c, "<iq type='get' id='%s' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", id);
	return client_expect(c, "<iq ", id, "type=\"result\"") != NULL;
}

bool
client_has(const struct client *c, const char *part)
{
	list_for_each(r, &c->inbox, struct received, link)
	{
		if (r->text && strstr(r->text, part))
			return true;
	}
	return false;
}

bool
client_available(struct client *c)
{
	client_send(c, "<presence/>");
	return client_expect(c, "<presence", client_jid(c), NULL) != NULL;
}
