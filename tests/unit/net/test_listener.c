/*
 * Listeners: each worker accepts, one address has one server, descriptors may run out, UNIX sockets
 * are ours alone.
 *
 * Runs on: the test process
 */
#include "net/listener.h"

#include "base/log.h"
#include "net/source.h"
#include "tests/unit/net/net_test.h"
#include "tests/unit/net/tls_client.h"
#include "tests/unit/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORKERS = 3, CLIENTS = 90 };

static struct peer peers[CLIENTS];
static atomic_uint accepted, by_worker[WORKERS], bad;

/* ---- The server ------------------------------------------------------------- */

static void
serve(struct worker *w, struct conn *c, const struct listen_conf *listen)
{
	unsigned i = atomic_fetch_add(&accepted, 1);

	ck_assert_uint_lt(i, CLIENTS);
	if (!worker_is_here(w) || conn_worker(c) != w ||
		(listen && strcmp(listen->service, "c2s") != 0))
		atomic_fetch_add(&bad, 1);
	atomic_fetch_add(&by_worker[worker_index(w)], 1);
	peer_init(&peers[i]);
	peers[i].c = c;
	conn_set_owner(c, &peer_ops, &peers[i]);
}

static struct config *config;

static void
fault(const char *line, void *ctx)
{
	(void)ctx;
	ck_abort_msg("%s", line);
}

/* Workers that do not run yet, and a configuration with that listen row. */
static void
prepare(const char *row)
{
	const char *file = cert_make("cert.pem", "localhost", 365);
	char yaml[1024];
	struct err e;

	log_set_all(LOG_LEVEL_ERROR);
	ck_assert_msg(workers_init(WORKERS, &e), "%s", e.text);
	net_init(64);
	snprintf(yaml, sizeof(yaml),
		"hosts: [localhost]\ntls: {certificate: %s, key: %s}\nlisten: [%s]\n", file, file,
		row);
	config = config_read("/tmp/test.yml", str_of(yaml), fault, NULL);
	ck_assert_ptr_nonnull(config);
	ck_assert_msg(tls_prepare(config, &e), "%s", e.text);
	config_publish(config);
	listener_serve("c2s", serve);
}

static void
take_port(const struct listen_conf *l, unsigned port, void *ctx)
{
	unsigned *out = ctx;

	ck_assert_str_eq(l->service, "c2s");
	ck_assert_uint_eq(*out, 0); /* one line for all workers */
	*out = port;
}

/* Returns the port. */
static unsigned
start(const char *row)
{
	unsigned port = 0;
	struct err e;

	prepare(row);
	ck_assert_msg(listeners_open(config, &e), "%s", e.text);
	listeners_each(take_port, &port);
	ck_assert_uint_ne(port, 0);
	workers_start();
	return port;
}

static void
stop(void)
{
	listeners_close();
	workers_stop();
	net_fini();
	config_unref(&config);
	config_withdraw();
	workers_fini();
	ck_assert_uint_eq(bad, 0);
}

/* ---- Clients ---------------------------------------------------------------- */

static struct sockaddr_in
loopback(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return in;
}

static int
dial(unsigned port)
{
	struct sockaddr_in in = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
check_echo(int fd)
{
	char in[2];

	fd_write(fd, "hi", 2);
	fd_read(fd, in, 2);
	ck_assert(memcmp(in, "hi", 2) == 0);
}

START_TEST(every_worker_accepts)
{
	unsigned port = start("{service: c2s, address: '127.0.0.1', port: 0, starttls: off}");
	struct sockaddr_in in = loopback(port);
	struct addr source = addr_of((struct sockaddr *)&in);
	int fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = dial(port);
		check_echo(fds[i]);
	}
	for (int i = 0; i < WORKERS; i++)
		ck_assert_uint_gt(by_worker[i], 5);
	ck_assert_uint_eq(source_count(&source), CLIENTS);
	listeners_close();
	ck_assert_int_eq(dial(port), -1);
	check_echo(fds[0]); /* what was accepted stays */
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(peer_wait_end(&peers[i]), CONN_EOF);
	ck_assert_uint_eq(source_count(&source), 0);
	stop();
}

END_TEST

START_TEST(the_wildcard_takes_ipv4_too)
{
	unsigned port = start("{service: c2s, address: '::', port: 0, starttls: off}");
	int fd = dial(port);
	char text[ADDR_TEXT];

	check_echo(fd);
	addr_text(conn_peer(peers[0].c), text);
	ck_assert_str_eq(text, "127.0.0.1");
	close(fd);
	peer_wait_end(&peers[0]);
	stop();
}

END_TEST

START_TEST(direct_tls_begins_by_itself)
{
	struct client_options o = { .version = TLS1_3_VERSION, .alpn = "\013xmpp-client" };
	struct client_options other = { .version = TLS1_3_VERSION, .alpn = "\013xmpp-server" };
	unsigned port = start("{service: c2s, address: '127.0.0.1', port: 0, tls: direct}");
	struct client t;
	char in[2];

	client_init(&t, dial(port), &o);
	ck_assert(client_handshake(&t));
	client_write(&t, "hi", 2);
	client_read(&t, in, 2);
	client_fini(&t);
	ck_assert_int_eq(peer_wait_end(&peers[0]), CONN_EOF);
	ck_assert_uint_eq(peers[0].ups, 1);
	client_init(&t, dial(port), &other);
	ck_assert(!client_handshake(&t));
	client_fini(&t);
	ck_assert_int_eq(peer_wait_end(&peers[1]), CONN_RESET);
	stop();
}

END_TEST

START_TEST(an_address_in_use_is_refused)
{
	static const int on = 1;
	struct sockaddr_in in = loopback(0);
	socklen_t len = sizeof(in);
	char row[128], want[128];
	struct err e;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* A second server of ours would share the port without a word. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(row, sizeof(row), "{service: c2s, address: '127.0.0.1', port: %u, starttls: off}",
		ntohs(in.sin_port));
	prepare(row);
	ck_assert(!listeners_open(config, &e));
	snprintf(want, sizeof(want), "127.0.0.1 port %u: Address already in use",
		ntohs(in.sin_port));
	ck_assert_str_eq(e.text, want);
	close(fd);
	ck_assert_msg(listeners_open(config, &e), "%s", e.text);
	workers_start();
	stop();
}

END_TEST

/* ---- Descriptors ------------------------------------------------------------ */

static unsigned
count_lines(const char *path, const char *part)
{
	char line[512];
	unsigned n = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, part))
			n++;
	}
	if (f)
		fclose(f);
	return n;
}

START_TEST(running_out_of_descriptors_is_a_pause)
{
	unsigned port = start("{service: c2s, address: '127.0.0.1', port: 0, starttls: off}");
	struct rlimit was, none;
	char log[160];
	struct err e;
	int fds[3];

	snprintf(log, sizeof(log), "%s", cert_path("log"));
	ck_assert_msg(log_open(log, LOG_TEXT, &e), "%s", e.text);
	log_set_all(LOG_LEVEL_WARN);
	for (int i = 0; i < 3; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 3; i++) {
		struct sockaddr_in in = loopback(port);

		ck_assert_int_eq(connect(fds[i], (struct sockaddr *)&in, sizeof(in)), 0);
		fd_write(fds[i], "hi", 2);
	}
	/* Longer than several pauses; nothing may be accepted, and one warning is enough. */
	ck_assert_int_eq(poll(&(struct pollfd){ fds[0], POLLIN, 0 }, 1, 700), 0);
	ck_assert_uint_eq(accepted, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	ck_assert_uint_eq(count_lines(log, "could not accept"), 1);
	for (int i = 0; i < 3; i++) {
		char in[2];

		fd_read(fds[i], in, 2);
		close(fds[i]);
	}
	for (int i = 0; i < 3; i++)
		peer_wait_end(&peers[i]);
	stop();
}

END_TEST

/* ---- UNIX ------------------------------------------------------------------- */

static int
dial_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

START_TEST(unix_sockets_are_ours_alone)
{
	char path[160], file[160], long_path[200];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	struct err e;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s", cert_path("socket"));
	snprintf(file, sizeof(file), "%s", cert_path("file"));
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	prepare("{service: c2s, port: 0, starttls: off}");
	/* One that a crash left behind. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	ck_assert_msg(listener_open_unix(worker_at(1), path, serve, &e), "%s", e.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert(!listener_open_unix(worker_at(1), path, serve, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "another process listens there"));
	f = fopen(file, "w");
	fclose(f);
	ck_assert(!listener_open_unix(worker_at(1), file, serve, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "is not a socket"));
	ck_assert(!listener_open_unix(worker_at(1), long_path, serve, &e));
	workers_start();
	fd = dial_unix(path);
	check_echo(fd);
	/* The first was the look whether anybody listens. */
	ck_assert_int_eq(peer_wait_end(&peers[0]), CONN_EOF);
	ck_assert(addr_is_local(conn_peer(peers[1].c)));
	ck_assert_uint_eq(by_worker[1], 2);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peers[1]), CONN_EOF);
	listeners_close();
	ck_assert_int_lt(stat(path, &st), 0);
	stop();
}

END_TEST

SUITE_OF(listener, every_worker_accepts, the_wildcard_takes_ipv4_too, direct_tls_begins_by_itself,
	an_address_in_use_is_refused, running_out_of_descriptors_is_a_pause,
	unix_sockets_are_ours_alone)
