/*
 * listener.c -- sockets that accept, one for each worker.
 *
 * The kernel spreads connections over the sockets of one address (SO_REUSEPORT).  As that would
 * also let a second server of the same user take half of them, the address is first bound without
 * that option, which fails while anybody listens there.
 *
 * When descriptors run out, the listener takes a pause and leaves the queue to the kernel; waiting
 * in epoll for a socket that cannot be accepted would spin.
 *
 * Runs on: main (open, close), each worker (accept).
 */
#include "net/listener.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/conn_own.h"
#include "net/source.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	SERVICES = 16,
	AT_ONCE = 64, /* accepted in one turn */
	PAUSE = 200, /* ms without accepting when descriptors ran out */
};

struct listener {
	struct list list;
	struct event event;
	struct timer retry;
	struct worker *worker;
	const struct listen_conf *conf; /* a row of `opened`; NULL: UNIX socket */
	accept_fn *accept;
	int fd;
	unsigned port;
	char *path; /* UNIX */
};

static struct {
	const char *name;
	accept_fn *accept;
} services[SERVICES];

/* ALPN of direct TLS, by service (XEP-0368). */
static const struct {
	const char *service, *alpn;
} protocols[] = {
	{ "c2s", "xmpp-client" },
	{ "http", "http/1.1" },
	{ "s2s", "xmpp-server" },
};

static struct list listeners = { &listeners, &listeners };
static struct config *opened; /* whose rows the listeners point into */
static atomic_bool short_of_files; /* said so */

void
listener_serve(const char *service, accept_fn *accept)
{
	size_t i = 0;

	while (i < SERVICES && services[i].name && strcmp(services[i].name, service) != 0)
		i++;
	assert(i < SERVICES);
	services[i].name = service;
	services[i].accept = accept;
}

/* Where the service's function stands, or NULL; lives as long as the process. */
static accept_fn **
service_of(const char *name)
{
	for (size_t i = 0; i < SERVICES && services[i].name; i++) {
		if (strcmp(services[i].name, name) == 0)
			return &services[i].accept;
	}
	return NULL;
}

/* ---- Accept ----------------------------------------------------------------- */

static int64_t
limit_of(const struct listener *l, const struct addr *peer)
{
	const struct config *config = config_of(l->worker);

	return config && !addr_is_local(peer) ? config->c2s.max_connections_per_address : 0;
}

static const char *
alpn_of(const struct listen_conf *conf)
{
	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (strcmp(protocols[i].service, conf->service) == 0)
			return protocols[i].alpn;
	}
	return NULL;
}

static void
nobody_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	(void)owner;
	(void)bytes;
	(void)n;
	conn_abort(c);
}

static void
nobody_end(struct conn *c, void *owner, enum conn_end end, const char *why)
{
	(void)c;
	(void)owner;
	(void)end;
	(void)why;
}

static const struct conn_ops nobody = { .on_bytes = nobody_bytes, .on_end = nobody_end };

/* Gives the connection its owner and starts direct TLS; arg is the listener's accept. */
static void
hand_over(struct conn *c, const struct listen_conf *conf, void *arg)
{
	accept_fn *accept = *(accept_fn **)arg;

	accept(c->worker, c, conf);
	if (conf && conf->tls == LISTEN_DIRECT && !c->tls && !c->moving)
		conn_start_tls(c, NULL, alpn_of(conf));
}

static void
turn_away(int fd, const struct addr *peer, const char *why)
{
	char text[ADDR_TEXT];

	addr_text(peer, text);
	log_warn(AREA_NET, text, "refused a connection: %s", why);
	close(fd);
}

static void
welcome(struct listener *l, int fd, const struct sockaddr *sa)
{
	struct addr peer = addr_of(sa);
	bool proxy = l->conf && ranges_have(l->conf->trusted, l->conf->trusted_count, peer.ip);
	struct conn *c;

	if (l->conf && l->conf->proxy_protocol && !proxy) {
		turn_away(fd, &peer, "not one of the proxies of this listener");
		return;
	}
	if (l->conf && !proxy && !source_add(&peer, limit_of(l, &peer))) {
		turn_away(fd, &peer, "too many from this address");
		return;
	}
	c = conn_new(l->worker, fd, &peer, &nobody, NULL);
	if (l->conf && !proxy)
		conn_set_counted(c);
	if (l->conf && l->conf->proxy_protocol)
		proxied_start(c, l->conf, hand_over, service_of(l->conf->service));
	else
		hand_over(c, l->conf, &l->accept);
}

static void
on_retry(struct worker *w, struct timer *t)
{
	struct listener *l = CONTAINER(t, struct listener, retry);

	(void)w;
	event_add(&l->event, NULL);
}

static void
take_pause(struct listener *l)
{
	if (!atomic_exchange(&short_of_files, true))
		log_warn(AREA_NET, NULL, "could not accept connections for now: %s",
			strerror(errno));
	event_del(&l->event);
	timer_set(l->worker, &l->retry, PAUSE, on_retry);
}

static void
on_accept(evutil_socket_t at, short what, void *arg)
{
	struct listener *l = arg;
	struct sockaddr_storage sa;

	(void)what;
	for (int i = 0; i < AT_ONCE; i++) {
		socklen_t len = sizeof(sa);
		int fd = accept4(at, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			atomic_store(&short_of_files, false);
			welcome(l, fd, (struct sockaddr *)&sa);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			take_pause(l);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
		/* Others are errors of that one connection: the next may be well. */
	}
}

void
listener_gone(const struct addr *peer)
{
	source_remove(peer);
}

/* ---- Open ------------------------------------------------------------------- */

static void
add(struct worker *w, int fd, const struct listen_conf *conf, accept_fn *accept, unsigned port,
	const char *path)
{
	struct listener *l = MEM_NEW(struct listener);

	l->worker = w;
	l->conf = conf;
	l->accept = accept;
	l->fd = fd;
	l->port = port;
	l->path = mem_copy_text(path);
	list_append(&listeners, &l->list);
	event_assign(&l->event, worker_base(w), fd, EV_READ | EV_PERSIST, on_accept, l);
	event_add(&l->event, NULL);
}

static bool
port_of(int fd, unsigned *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return false;
	*port = addr_of((struct sockaddr *)&sa).port;
	return true;
}

enum sharing { ALONE, SHARED };

/* A bound socket, or -1 with errno. */
static int
bind_at(const struct sockaddr_storage *sa, socklen_t len, enum sharing sharing, int v6_only)
{
	static const int on = 1;
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), was;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
	/* Accepted sockets inherit it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (sharing == SHARED)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)sa, len) < 0) {
		was = errno;
		close(fd);
		errno = was;
		return -1;
	}
	return fd;
}

/* "::" takes IPv4 too, unless a row of its own does that. */
static bool
is_v6_only(const struct config *c, const struct listen_conf *conf)
{
	for (size_t i = 0; i < c->listens_count; i++) {
		const struct listen_conf *other = &c->listens[i];

		if (other->port == conf->port && strchr(other->address, '.') &&
			!strchr(other->address, ':'))
			return true;
	}
	return false;
}

static bool
open_on(struct worker *w, const struct listen_conf *conf, accept_fn *accept, unsigned *port,
	int v6_only, struct err *e)
{
	const char *address = conf->address;
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	if (!addr_parse(address, (uint16_t)*port, &sa, &len, e))
		return false;
	if (worker_index(w) == 0 && *port != 0) {
		fd = bind_at(&sa, len, ALONE, v6_only);
		if (fd >= 0)
			close(fd);
		else if (errno != EAFNOSUPPORT)
			return err_errno(e, "%s port %u", address, *port);
	}
	fd = bind_at(&sa, len, SHARED, v6_only);
	if (fd < 0 && errno == EAFNOSUPPORT && strcmp(address, "::") == 0 &&
		addr_parse("0.0.0.0", (uint16_t)*port, &sa, &len, e)) {
		address = "0.0.0.0"; /* a kernel without IPv6 */
		fd = bind_at(&sa, len, SHARED, v6_only);
	}
	if (fd < 0)
		return err_errno(e, "%s port %u", address, *port);
	if (listen(fd, BACKLOG) < 0 || !port_of(fd, port)) {
		err_errno(e, "%s port %u", address, *port);
		close(fd);
		return false;
	}
	add(w, fd, conf, accept, *port, NULL);
	return true;
}

static void
check_backlog(void)
{
	FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
	char line[32];
	uint64_t max;

	if (!f)
		return;
	if (fgets(line, sizeof(line), f) && str_uint(str_trim(str_of(line)), UINT32_MAX, &max) &&
		max < BACKLOG)
		log_warn(AREA_NET, NULL,
			"net.core.somaxconn is %llu: in a rush connections beyond that are lost, "
			"%d would be better",
			(unsigned long long)max, BACKLOG);
	fclose(f);
}

bool
listeners_open(const struct config *c, struct err *e)
{
	assert(list_empty(&listeners) && worker_is_here(worker_at(0)));
	/* Connections know their row for life; a reference is all that is changed. */
	config_unref(&opened);
	opened = config_ref((struct config *)c);
	check_backlog();
	for (size_t i = 0; i < c->listens_count; i++) {
		const struct listen_conf *conf = &c->listens[i];
		accept_fn **accept = service_of(conf->service);
		unsigned port = (unsigned)conf->port;

		if (!accept) {
			err_set(e, "nothing serves \"%s\" on port %u", conf->service, port);
			listeners_close();
			return false;
		}
		for (unsigned w = 0; w < workers_count(); w++) {
			if (!open_on(worker_at(w), conf, *accept, &port, is_v6_only(c, conf), e)) {
				listeners_close();
				return false;
			}
		}
	}
	return true;
}

/* ---- UNIX ------------------------------------------------------------------- */

/* Somebody answers there. */
static bool
is_in_use(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool used;

	if (fd < 0)
		return false;
	used = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN;
	close(fd);
	return used;
}

bool
listener_open_unix(struct worker *w, const char *path, accept_fn *accept, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t was;
	int fd, bound;

	assert(worker_is_here(w));
	if (strlen(path) >= sizeof(un.sun_path))
		return err_set(e, "%s: longer than %zu bytes, the most a socket's path can have",
			path, sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return err_set(e, "%s: exists and is not a socket", path);
		if (is_in_use(&un))
			return err_set(e, "%s: another process listens there", path);
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "%s", path);
	was = umask(0177);
	bound = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(was);
	if (bound < 0 || listen(fd, 128) < 0) {
		err_errno(e, "%s", path);
		close(fd);
		return false;
	}
	add(w, fd, NULL, accept, 0, path);
	return true;
}

/* ---- Close ------------------------------------------------------------------ */

static void
stop(struct worker *w, void *arg)
{
	(void)arg;
	for (struct list *at = listeners.next; at != &listeners; at = at->next) {
		struct listener *l = CONTAINER(at, struct listener, list);

		if (l->worker != w)
			continue;
		event_del(&l->event);
		timer_clear(w, &l->retry);
		close(l->fd);
		if (l->path)
			unlink(l->path);
	}
}

void
listeners_close(void)
{
	struct listener *l;

	if (list_empty(&listeners))
		return;
	if (worker_is_here(worker_at(0))) {
		for (unsigned i = 0; i < workers_count(); i++)
			stop(worker_at(i), NULL);
	} else {
		workers_each(stop, NULL);
	}
	while ((l = list_first(&listeners, struct listener, list)) != NULL) {
		list_remove(&l->list);
		mem_free(&l->path);
		mem_free(&l);
	}
}

void
listeners_forget(void)
{
	config_unref(&opened);
}

void
listeners_each(void (*tell)(const struct listen_conf *l, unsigned port, void *ctx), void *ctx)
{
	const struct listen_conf *last = NULL;

	for (struct list *at = listeners.next; at != &listeners; at = at->next) {
		const struct listener *l = CONTAINER(at, struct listener, list);

		if (l->conf && l->conf != last)
			tell(l->conf, l->port, ctx);
		last = l->conf;
	}
}
