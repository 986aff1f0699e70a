/*
 * proxied.c -- connections that come through a proxy, until its header has been read.
 *
 * Those that a proxy makes for itself (health checks) leave no trace.
 *
 * Runs on: the connection's worker.
 */
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "net/conn_own.h"
#include "net/proxy.h"
#include "net/source.h"

static const msec_t patience = 10000; /* for the header, which a proxy sends at once */

struct proxied {
	const struct listen_conf *listen;
	proxied_fn *go;
	void *arg;
	struct buf got;
};

static void
refuse(struct conn *c, const char *why)
{
	char text[ADDR_TEXT];

	addr_text(conn_peer(c), text);
	log_warn(AREA_NET, text, "refused a connection: %s", why);
	conn_abort(c);
}

/* The client's address from now on: false if it has too many connections. */
static bool
take_peer(struct conn *c, const struct proxy_header *h)
{
	const struct config *config = config_of(c->worker);

	if (!h->known)
		return true;
	if (!source_add(&h->peer,
		    addr_is_local(&h->peer) ? 0 : config->c2s.max_connections_per_address))
		return false;
	c->peer = h->peer;
	c->proxied_tls = h->tls;
	c->counted = true;
	return true;
}

static void
on_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	struct proxied *p = owner;
	struct proxy_header h;
	struct buf rest;

	buf_put(&p->got, bytes, n);
	switch (proxy_parse(buf_str(&p->got), &h)) {
	case PROXY_MORE:
		return;
	case PROXY_BAD:
		refuse(c, "it does not begin with a PROXY header");
		return;
	case PROXY_DONE:
		break;
	}
	if (!h.known && buf_len(&p->got) == h.size)
		return; /* a proxy that looks whether we are there says no more; clients begin */
	if (!take_peer(c, &h)) {
		refuse(c, "too many from the client's address");
		return;
	}
	buf_take(&p->got, h.size);
	rest = p->got;
	conn_set_idle(c, 0);
	p->go(c, p->listen, p->arg);
	mem_free(&p);
	conn_received(c, buf_bytes(&rest), buf_len(&rest));
	buf_fini(&rest);
}

static void
on_idle(struct conn *c, void *owner)
{
	const struct proxied *p = owner;
	struct proxy_header h;

	if (proxy_parse(buf_str(&p->got), &h) == PROXY_DONE)
		conn_abort(c);
	else
		refuse(c, "no PROXY header came");
}

static void
on_end(struct conn *c, void *owner, enum conn_end end, const char *why)
{
	struct proxied *p = owner;

	(void)c;
	(void)end;
	(void)why;
	buf_fini(&p->got);
	mem_free(&p);
}

static const struct conn_ops ops = { .on_bytes = on_bytes, .on_idle = on_idle, .on_end = on_end };

void
proxied_start(struct conn *c, const struct listen_conf *listen, proxied_fn *go, void *arg)
{
	struct proxied *p = MEM_NEW(struct proxied);

	p->listen = listen;
	p->go = go;
	p->arg = arg;
	conn_set_owner(c, &ops, p);
	conn_set_idle(c, patience);
}
