/*
 * wire.c -- one TCP connection of a client, with or without TLS.
 *
 * A wire never blocks.  All output gathers in one buffer and leaves in one
 * write (one TLS record where it fits) at the end of a turn of the loop.  The
 * epoll set asks for writability only while something could not be written.
 * Certificates are not verified: the server is our own, and what a client
 * spends on verifying says nothing about the server.
 *
 * Runs on: the one thread of the load generator.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;

bool
wire_init(const struct options *o)
{
	static const unsigned char xmpp[] = "\013xmpp-client", http[] = "\010http/1.1";
	int version;

	if (o->secure == SECURE_PLAIN)
		return true;
	version = strcmp(o->tls_version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	context = SSL_CTX_new(TLS_client_method());
	if (!context || !SSL_CTX_set_min_proto_version(context, version) ||
		!SSL_CTX_set_max_proto_version(context, version)) {
		ERR_print_errors_fp(stderr);
		return false;
	}
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(context, 1);
	if (o->carrier == CARRIER_WEBSOCKET)
		SSL_CTX_set_alpn_protos(context, http, sizeof(http) - 1);
	else if (o->secure == SECURE_DIRECT)
		SSL_CTX_set_alpn_protos(context, xmpp, sizeof(xmpp) - 1);
	return true;
}

static void
watch(struct wire *w, bool write)
{
	struct epoll_event ev = { 0 };

	if (w->wants_write == write)
		return;
	w->wants_write = write;
	ev.events = EPOLLIN | (write ? EPOLLOUT : 0u);
	ev.data.ptr = w->tag;
	epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->fd, &ev);
}

/* Bind to 127.0.0.(2 + n mod sources) so that 60,000 ports are there for each. */
static bool
bind_source(int fd, unsigned n, unsigned sources)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one;

	if (!sources)
		return true;
	one = 1;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	from.sin_addr.s_addr = htonl(0x7f000002u + n % sources);
	return bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0;
}

bool
wire_connect(struct wire *w, const struct options *o, unsigned n, int epoll, void *tag)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct epoll_event ev = { 0 };
	int one;

	memset(w, 0, sizeof(*w));
	w->epoll = epoll;
	w->tag = tag;
	to.sin_port = htons((uint16_t)o->port);
	if (inet_pton(AF_INET, o->address, &to.sin_addr) != 1)
		return false;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return false;
	one = 1;
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->state = WIRE_CONNECTING;
	if (!bind_source(w->fd, n, o->sources) ||
		(connect(w->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)) {
		wire_close(w);
		return false;
	}
	w->wants_write = true;
	ev.events = EPOLLIN | EPOLLOUT;
	ev.data.ptr = tag;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &ev) == 0;
}

void
wire_start_tls(struct wire *w, const struct options *o)
{
	w->ssl = SSL_new(context);
	SSL_set_fd(w->ssl, w->fd);
	SSL_set_connect_state(w->ssl);
	SSL_set_tlsext_host_name(w->ssl, o->host);
	w->state = WIRE_HANDSHAKE;
}

static enum wire_news
advance_connect(struct wire *w)
{
	socklen_t n;
	int error;

	n = sizeof(error);
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error) {
		errno = error;
		return WIRE_BROKEN;
	}
	w->state = WIRE_OPEN;
	watch(w, false);
	return WIRE_CONNECTED;
}

static enum wire_news
advance_handshake(struct wire *w)
{
	int r;

	r = SSL_do_handshake(w->ssl);
	if (r == 1) {
		w->state = WIRE_OPEN;
		watch(w, false);
		return WIRE_SECURED;
	}
	switch (SSL_get_error(w->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		watch(w, false);
		return WIRE_NOTHING;
	case SSL_ERROR_WANT_WRITE:
		watch(w, true);
		return WIRE_NOTHING;
	default:
		ERR_print_errors_fp(stderr);
		return WIRE_BROKEN;
	}
}

enum wire_news
wire_advance(struct wire *w)
{
	switch (w->state) {
	case WIRE_CONNECTING:
		return advance_connect(w);
	case WIRE_HANDSHAKE:
		return advance_handshake(w);
	case WIRE_OPEN:
		return WIRE_NOTHING;
	case WIRE_CLOSED:
		break;
	}
	return WIRE_BROKEN;
}

static long
read_some(struct wire *w, char *p, size_t n)
{
	ssize_t got;
	int r;

	if (w->ssl) {
		ERR_clear_error();
		r = SSL_read(w->ssl, p, (int)n);
		if (r > 0)
			return r;
		r = SSL_get_error(w->ssl, r);
		return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	got = read(w->fd, p, n);
	if (got > 0)
		return got;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

long
wire_read(struct wire *w, char *p, size_t n)
{
	long got = read_some(w, p, n);

	if (got > 0) {
		w->read += (uint64_t)got;
		w->trips += w->asked;
		w->asked = false;
	}
	return got;
}

static long
write_some(struct wire *w)
{
	ssize_t put;
	int r;

	if (w->ssl) {
		ERR_clear_error();
		r = SSL_write(w->ssl, buf_data(&w->out), (int)buf_len(&w->out));
		if (r > 0)
			return r;
		r = SSL_get_error(w->ssl, r);
		return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	put = send(w->fd, buf_data(&w->out), buf_len(&w->out), MSG_NOSIGNAL);
	if (put >= 0)
		return put;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

bool
wire_flush(struct wire *w)
{
	long put;

	if (w->state != WIRE_OPEN)
		return w->state != WIRE_CLOSED;
	while (buf_len(&w->out) > 0) {
		put = write_some(w);
		if (put < 0)
			return false;
		if (put == 0) {
			watch(w, true);
			return true;
		}
		buf_drop(&w->out, (size_t)put);
		w->written += (uint64_t)put;
		w->asked = true;
	}
	watch(w, false);
	return true;
}

void
wire_close(struct wire *w)
{
	if (w->state == WIRE_CLOSED)
		return;
	w->state = WIRE_CLOSED;
	SSL_free(w->ssl);
	w->ssl = NULL;
	close(w->fd);
	buf_clear(&w->out);
}
