/*
 * web.c -- what streams over WebSocket and BOSH have in common.
 *
 * Runs on: the connection's worker.
 */
#include "stream/web.h"

#include <stdio.h>

bool
web_is_safe(const struct exchange *x)
{
	const struct http_request *r = http_request(x);

	return r->secure || addr_is_local(&r->peer);
}

bool
web_admit(struct exchange *x)
{
	if (web_is_safe(x))
		return true;
	http_reply(x, 403, "text/plain; charset=utf-8", STR("Only over TLS\n"));
	return false;
}

void
web_describe(struct stream *s, const char *transport, const struct http_request *r, struct conn *c)
{
	struct stream_info *info = &s->info;

	s->starttls = STARTTLS_OFF;
	info->peer = r->peer;
	info->tls = r->secure;
	info->transport = transport;
	if (c && conn_is_tls(c) && !r->forwarded)
		(void)conn_tls_text(c, info->tls_text, sizeof(info->tls_text));
	else if (r->secure)
		(void)snprintf(info->tls_text, sizeof(info->tls_text), "%s",
			r->forwarded ? "TLS at a proxy" : "TLS");
}
