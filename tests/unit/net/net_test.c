/*
 * net_test.c -- what the tests of src/net share.
 *
 * Runs on: the test process
 */
#include "tests/unit/net/net_test.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60 }; /* seconds */

/* ---- Workers ---------------------------------------------------------------- */

static void
fault(const char *line, void *ctx)
{
	(void)ctx;
	ck_abort_msg("%s", line);
}

void
net_test_start(unsigned workers, const char *yaml)
{
	struct config *config;
	struct err e;

	log_set_all(LOG_LEVEL_ERROR);
	if (!yaml)
		yaml = "hosts: [localhost]\nlisten: [{service: c2s, port: 0, starttls: off}]\n";
	ck_assert_msg(workers_init(workers, &e), "%s", e.text);
	net_init(64);
	config = config_read("/tmp/test.yml", str_of(yaml), fault, NULL);
	ck_assert_ptr_nonnull(config);
	ck_assert_msg(tls_prepare(config, &e), "%s", e.text);
	config_publish(config);
	config_unref(&config);
	workers_start();
}

void
net_test_stop(void)
{
	workers_stop();
	net_fini();
	config_withdraw();
	workers_fini();
}

void
net_test_wait(sem_t *s)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += PATIENCE;
	ck_assert_msg(sem_timedwait(s, &t) == 0, "waited in vain");
}

static void
nothing(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

void
net_test_nudge(void)
{
	/* The second time, the first turn is over. */
	workers_each(nothing, NULL);
	workers_each(nothing, NULL);
}

/* ---- The owner -------------------------------------------------------------- */

static void
on_bytes(struct conn *c, void *owner, const char *bytes, size_t n)
{
	struct peer *p = owner;

	ck_assert(worker_is_here(conn_worker(c)));
	atomic_fetch_add(&p->received, n);
	if (p->bytes)
		p->bytes(p, bytes, n);
	else
		conn_write(c, (struct str){ bytes, n });
}

static void
on_tls(struct conn *c, void *owner)
{
	struct peer *p = owner;

	(void)c;
	if (p->tls)
		p->tls(p);
	atomic_fetch_add(&p->ups, 1);
	sem_post(&p->event);
}

static void
on_idle(struct conn *c, void *owner)
{
	struct peer *p = owner;

	(void)c;
	atomic_fetch_add(&p->idles, 1);
	sem_post(&p->event);
}

static void
on_room(struct conn *c, void *owner)
{
	struct peer *p = owner;

	(void)c;
	atomic_fetch_add(&p->rooms, 1);
	sem_post(&p->event);
}

static void
on_end(struct conn *c, void *owner, enum conn_end end, const char *why)
{
	struct peer *p = owner;

	ck_assert_ptr_eq(c, p->c);
	ck_assert_int_eq(atomic_load(&p->end), -1);
	snprintf(p->why, sizeof(p->why), "%s", why ? why : "");
	p->c = NULL;
	atomic_store(&p->end, (int)end);
	sem_post(&p->event);
}

const struct conn_ops peer_ops = { on_bytes, on_tls, on_idle, on_room, on_end };

void
peer_init(struct peer *p)
{
	sem_init(&p->event, 0, 0);
	atomic_store(&p->end, -1);
}

void
peer_arrived(struct worker *to, struct conn *c, void *owner)
{
	struct peer *p = owner;

	ck_assert_ptr_eq(p->c, c);
	ck_assert_ptr_eq(conn_worker(c), to);
	ck_assert(worker_is_here(to));
	atomic_fetch_add(&p->moves, 1);
}

struct order {
	struct mail mail;
	struct peer *peer;
	void (*fn)(struct peer *p);
	int fd;
	sem_t done;
};

static void
open_make(struct worker *w, struct mail *m)
{
	struct order *o = CONTAINER(m, struct order, mail);
	struct addr local = { .port = 0 };

	o->peer->c = conn_new(w, o->fd, &local, &peer_ops, o->peer);
	conn_set_id(o->peer->c, "test");
	if (o->peer->begin)
		o->peer->begin(o->peer);
	sem_post(&o->done);
}

static void
give(struct peer *p, int fd)
{
	struct order o = { .mail = { NULL, open_make }, .peer = p, .fd = fd };

	sem_init(&o.done, 0, 0);
	peer_init(p);
	worker_post(NULL, worker_at(0), &o.mail);
	net_test_wait(&o.done);
}

int
peer_pair(struct peer *p)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	give(p, fds[0]);
	return fds[1];
}

int
peer_tcp(struct peer *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int at = socket(AF_INET, SOCK_STREAM, 0), mine = socket(AF_INET, SOCK_STREAM, 0), theirs;
	socklen_t len = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(at, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(at, 1), 0);
	ck_assert_int_eq(getsockname(at, (struct sockaddr *)&in, &len), 0);
	ck_assert_int_eq(connect(mine, (struct sockaddr *)&in, sizeof(in)), 0);
	theirs = accept(at, NULL, NULL);
	ck_assert_int_ge(theirs, 0);
	close(at);
	give(p, theirs);
	return mine;
}

static void
open_do(struct worker *w, struct mail *m)
{
	struct order *o = CONTAINER(m, struct order, mail);

	(void)w;
	o->fn(o->peer);
	sem_post(&o->done);
}

void
peer_do(struct peer *p, void (*fn)(struct peer *p))
{
	struct order o = { .mail = { NULL, open_do }, .peer = p, .fn = fn };

	sem_init(&o.done, 0, 0);
	worker_post(NULL, conn_worker(p->c), &o.mail);
	net_test_wait(&o.done);
}

int
peer_wait_end(struct peer *p)
{
	while (atomic_load(&p->end) < 0)
		net_test_wait(&p->event);
	return atomic_load(&p->end);
}

/* ---- The other end ---------------------------------------------------------- */

static void
ready(int fd, short what)
{
	struct pollfd poll_fd = { fd, what, 0 };

	ck_assert_msg(poll(&poll_fd, 1, PATIENCE * 1000) == 1, "the socket was never ready");
}

void
fd_write(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t done;

		ready(fd, POLLOUT);
		done = send(fd, p, n, MSG_NOSIGNAL);
		ck_assert_int_gt(done, 0);
		p += done;
		n -= (size_t)done;
	}
}

void
fd_read(int fd, void *bytes, size_t n)
{
	char *p = bytes;

	while (n > 0) {
		ssize_t got;

		ready(fd, POLLIN);
		got = recv(fd, p, n, 0);
		ck_assert_int_gt(got, 0);
		p += got;
		n -= (size_t)got;
	}
}

size_t
fd_drain(int fd)
{
	char bytes[65536];
	size_t all = 0;

	for (;;) {
		ssize_t got;

		ready(fd, POLLIN);
		got = recv(fd, bytes, sizeof(bytes), 0);
		if (got <= 0)
			return all;
		all += (size_t)got;
	}
}

/* ---- Certificates ----------------------------------------------------------- */

static char folder[64];
static pid_t folder_owner;

static void
remove_folder(void)
{
	char command[128];

	if (getpid() != folder_owner)
		return;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		fprintf(stderr, "%s remains\n", folder);
}

const char *
cert_path(const char *file)
{
	static char paths[8][160];
	static unsigned next;
	char *path = paths[next++ % 8];

	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "/tmp/bongsu-test-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(folder));
		folder_owner = getpid();
		atexit(remove_folder);
	}
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, file);
	return path;
}

static void
add_names(X509 *x, const char *names)
{
	char value[512] = "";
	const char *sep = "";
	struct str rest = str_of(names);
	X509_EXTENSION *ext;

	while (rest.p) {
		struct str name = str_cut(&rest, ' ');
		size_t n = strlen(value);

		snprintf(value + n, sizeof(value) - n, "%sDNS:%.*s", sep, STR_ARG(name));
		sep = ",";
	}
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
	ck_assert_ptr_nonnull(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

const char *
cert_make(const char *file, const char *names, int days)
{
	const char *path = cert_path(file);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f = fopen(path, "w");

	ck_assert(key != NULL && x != NULL && f != NULL);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400L * 400);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400L * days);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
		(const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	add_names(x, names);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_X509(f, x), 1);
	ck_assert_int_eq(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
	return path;
}
