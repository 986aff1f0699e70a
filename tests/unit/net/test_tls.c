/*
 * TLS of connections, seen by an OpenSSL client: versions, names, protocols, channel bindings, the
 * ways to end, and moving between workers.
 *
 * Runs on: the test process
 */
#include "base/mem.h"
#include "tests/unit/net/net_test.h"
#include "tests/unit/net/tls_client.h"
#include "tests/unit/suite.h"

#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 6000000 };

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static struct peer peer;
static const char *alpn, *host_name;

static void
start(unsigned workers)
{
	const char *a = cert_make("a.pem", "a.example", 365);
	const char *b = cert_make("b.pem", "b.example", 365);
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		"tls: {certificate: %s, key: %s}\n"
		"hosts:\n"
		"  - a.example\n"
		"  - {name: b.example, tls: {certificate: %s, key: %s}}\n",
		a, a, b, b);
	net_test_start(workers, yaml);
}

/* ---- What the owner does ---------------------------------------------------- */

static void
begin_tls(struct peer *p)
{
	const struct config *config = config_of(conn_worker(p->c));
	const struct host *host = host_name ? config_host(config, str_of(host_name)) : NULL;

	ck_assert(!host_name || host != NULL);
	conn_start_tls(p->c, host, alpn);
}

static void
proceed_and_begin_tls(struct peer *p)
{
	conn_write(p->c, STR("proceed"));
	begin_tls(p);
}

/* A connection with TLS begun on it, and its client; the handshake is the caller's. */
static void
open_client(struct client *t, const struct client_options *o)
{
	peer.begin = begin_tls;
	client_init(t, peer_tcp(&peer), o);
}

static void
open_echo(struct client *t, int version)
{
	struct client_options o = { .version = version };

	open_client(t, &o);
	ck_assert(client_handshake(t));
	client_flush(t);
}

static void
close_client(struct client *t)
{
	client_fini(t);
	peer_wait_end(&peer);
}

static void
again(void)
{
	memset(&peer, 0, sizeof(peer));
	alpn = host_name = NULL;
}

static void
echo(struct client *t, const char *text)
{
	char in[64];

	client_write(t, text, strlen(text));
	client_read(t, in, strlen(text));
	ck_assert(memcmp(in, text, strlen(text)) == 0);
}

/* ---- Handshakes ------------------------------------------------------------- */

static void
check_text(struct peer *p)
{
	char text[64];

	ck_assert(conn_is_tls(p->c));
	ck_assert_str_eq(conn_tls_text(p->c, text, sizeof(text)),
		conn_is_tls13(p->c) ? "TLSv1.3 TLS_AES_128_GCM_SHA256"
				    : "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
}

START_TEST(both_versions_carry_bytes)
{
	start(1);
	for (size_t i = 0; i < 2; i++) {
		struct client t;

		again();
		peer.tls = check_text;
		open_echo(&t, versions[i]);
		for (int k = 0; k < 5; k++)
			echo(&t, "is there anybody out there?");
		ck_assert_uint_eq(peer.ups, 1);
		ck_assert_int_eq(SSL_version(t.ssl), versions[i]);
		close_client(&t);
	}
	net_test_stop();
}

END_TEST

START_TEST(what_waits_goes_in_clear_before_the_handshake)
{
	struct client_options o = { .version = TLS1_3_VERSION };
	struct client t;
	char in[7];

	start(1);
	peer.begin = proceed_and_begin_tls;
	client_init(&t, peer_tcp(&peer), &o);
	fd_read(t.fd, in, 7);
	ck_assert(memcmp(in, "proceed", 7) == 0);
	ck_assert(client_handshake(&t));
	echo(&t, "hidden");
	close_client(&t);
	net_test_stop();
}

END_TEST

START_TEST(the_name_chooses_the_certificate)
{
	static const struct {
		const char *sni, *host, *certificate;
	} rows[] = {
		{ "a.example", NULL, "a.example" },
		{ "b.example", NULL, "b.example" },
		{ "B.Example", NULL, "b.example" },
		{ "other.example", NULL, "a.example" },
		{ "other.example", "b.example", "b.example" },
		{ NULL, NULL, "a.example" },
		{ NULL, "b.example", "b.example" },
		{ "a.example", "b.example", "a.example" },
	};

	start(1);
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		struct client_options o = { .version = versions[i % 2], .sni = rows[i / 2].sni };
		struct client t;
		X509 *x;

		again();
		host_name = rows[i / 2].host;
		open_client(&t, &o);
		ck_assert(client_handshake(&t));
		x = SSL_get1_peer_certificate(t.ssl);
		ck_assert_msg(X509_check_host(x, rows[i / 2].certificate, 0, 0, NULL) == 1,
			"row %zu", i / 2);
		X509_free(x);
		close_client(&t);
	}
	net_test_stop();
}

END_TEST

START_TEST(a_client_that_offers_protocols_must_offer_ours)
{
	static const struct {
		const char *want, *offered, *chosen; /* chosen NULL: refused */
	} rows[] = {
		{ "xmpp-client", "\013xmpp-client", "xmpp-client" },
		{ "xmpp-client", "\002h2\013xmpp-client", "xmpp-client" },
		{ "xmpp-client", "\002h2\010http/1.1", NULL },
		{ "xmpp-client", "\013xmpp-server", NULL },
		{ "xmpp-client", NULL, "" },
		{ NULL, "\002h2", "" },
	};

	start(1);
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		struct client_options o = { .version = versions[i % 2],
			.alpn = rows[i / 2].offered };
		const unsigned char *got;
		struct client t;
		unsigned n;
		bool ok;

		again();
		alpn = rows[i / 2].want;
		open_client(&t, &o);
		ok = client_handshake(&t);
		ck_assert_msg(ok == (rows[i / 2].chosen != NULL), "row %zu", i / 2);
		if (ok) {
			SSL_get0_alpn_selected(t.ssl, &got, &n);
			ck_assert(str_is((struct str){ (const char *)got, n }, rows[i / 2].chosen));
			close_client(&t);
			continue;
		}
		close_client(&t);
		ck_assert_int_eq(peer.end, CONN_RESET);
		ck_assert_uint_eq(peer.ups, 0);
	}
	net_test_stop();
}

END_TEST

START_TEST(old_versions_and_ciphers_are_refused)
{
	static const struct client_options old = { .version = TLS1_1_VERSION };
	static const struct client_options weak = { .version = TLS1_2_VERSION };
	struct client t;

	start(1);
	open_client(&t, &old);
	ck_assert(!client_handshake(&t));
	close_client(&t);
	ck_assert_int_eq(peer.end, CONN_RESET);
	again();
	open_client(&t, &weak);
	ck_assert_int_eq(SSL_set_cipher_list(t.ssl, "ECDHE-ECDSA-AES128-SHA:AES128-SHA"), 1);
	ck_assert(!client_handshake(&t));
	close_client(&t);
	ck_assert_int_eq(peer.end, CONN_RESET);
	ck_assert_str_eq(peer.why, "no shared cipher");
	net_test_stop();
}

END_TEST

START_TEST(no_certificate_ends_the_connection)
{
	net_test_start(1, NULL);
	peer.begin = begin_tls;
	close(peer_pair(&peer));
	ck_assert_int_eq(peer_wait_end(&peer), CONN_RESET);
	ck_assert_str_eq(peer.why, "no certificate is configured");
	net_test_stop();
}

END_TEST

START_TEST(what_is_not_tls_ends_the_connection)
{
	int fd;

	start(1);
	peer.begin = begin_tls;
	fd = peer_tcp(&peer);
	fd_write(fd, "GET / HTTP/1.0\r\n\r\n", 18);
	fd_drain(fd);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_RESET);
	ck_assert_str_eq(peer.why, "http request");
	ck_assert_uint_eq(peer.received, 0);
	net_test_stop();
}

END_TEST

START_TEST(who_leaves_in_the_handshake_is_gone)
{
	int fd;

	start(1);
	peer.begin = begin_tls;
	fd = peer_tcp(&peer);
	fd_write(fd, "\x16\x03\x01\x02\x00\x01\x00", 7);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_EOF);
	ck_assert_str_eq(peer.why, "closed during the TLS handshake");
	net_test_stop();
}

END_TEST

START_TEST(renegotiation_is_refused)
{
	struct client t;

	start(1);
	open_echo(&t, TLS1_2_VERSION);
	echo(&t, "before");
	ck_assert_int_eq(SSL_renegotiate(t.ssl), 1);
	ck_assert(!client_handshake(&t));
	close_client(&t);
	ck_assert_uint_eq(peer.ups, 1);
	net_test_stop();
}

END_TEST

START_TEST(keys_can_be_updated)
{
	struct client t;

	start(1);
	open_echo(&t, TLS1_3_VERSION);
	for (int i = 0; i < 3; i++) {
		echo(&t, "old key");
		ck_assert_int_eq(SSL_key_update(t.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	}
	echo(&t, "new key");
	close_client(&t);
	net_test_stop();
}

END_TEST

/* ---- Channel bindings ------------------------------------------------------- */

static struct binding {
	bool has_exporter, has_end_point;
	unsigned char exporter[32], end_point[64];
	size_t n;
} binding;

static void
take_bindings(struct peer *p)
{
	binding.has_exporter = conn_tls_exporter(p->c, binding.exporter);
	binding.has_end_point = conn_tls_end_point(p->c, binding.end_point, &binding.n);
}

START_TEST(both_ends_see_the_same_bindings)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	start(1);
	for (size_t i = 0; i < 2; i++) {
		unsigned char want[EVP_MAX_MD_SIZE];
		struct client_options o = { .version = versions[i], .sni = "b.example" };
		struct client t;
		unsigned n;
		X509 *x;

		again();
		peer.tls = take_bindings;
		open_client(&t, &o);
		ck_assert(client_handshake(&t));
		echo(&t, "up");
		ck_assert(binding.has_exporter && binding.has_end_point);
		ck_assert_int_eq(SSL_export_keying_material(t.ssl, want, 32, label,
					 sizeof(label) - 1, (const unsigned char *)"", 0, 1),
			1);
		ck_assert(memcmp(want, binding.exporter, 32) == 0);
		x = SSL_get1_peer_certificate(t.ssl);
		X509_digest(x, EVP_sha256(), want, &n);
		X509_free(x);
		ck_assert_uint_eq(binding.n, n);
		ck_assert(memcmp(want, binding.end_point, n) == 0);
		close_client(&t);
	}
	net_test_stop();
}

END_TEST

START_TEST(exporter_of_tls_1_2_needs_extended_master_secret)
{
	struct client_options o = { .version = TLS1_2_VERSION };
	struct client t;

	start(1);
	peer.tls = take_bindings;
	open_client(&t, &o);
	SSL_set_options(t.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	ck_assert(client_handshake(&t));
	echo(&t, "up");
	ck_assert(!binding.has_exporter);
	ck_assert(binding.has_end_point);
	close_client(&t);
	net_test_stop();
}

END_TEST

static void
want_no_bindings(struct peer *p)
{
	take_bindings(p);
	ck_assert(!binding.has_exporter && !binding.has_end_point);
	ck_assert(!conn_is_tls(p->c) && !conn_is_tls13(p->c));
}

START_TEST(without_tls_there_are_no_bindings)
{
	int fd;

	net_test_start(1, NULL);
	fd = peer_pair(&peer);
	peer_do(&peer, want_no_bindings);
	close(fd);
	peer_wait_end(&peer);
	net_test_stop();
}

END_TEST

/* ---- Ends ------------------------------------------------------------------- */

static void
say_and_close(struct peer *p)
{
	conn_write(p->c, STR("goodbye"));
	conn_close(p->c);
}

START_TEST(close_says_so_in_tls)
{
	start(1);
	for (size_t i = 0; i < 2; i++) {
		struct client t;
		size_t n;

		again();
		open_echo(&t, versions[i]);
		echo(&t, "up");
		peer_do(&peer, say_and_close);
		ck_assert_int_eq(client_drain(&t, &n), SSL_ERROR_ZERO_RETURN);
		ck_assert_uint_eq(n, 7);
		ck_assert_uint_eq(fd_drain(t.fd), 0);
		close_client(&t);
		ck_assert_int_eq(peer.end, CONN_CLOSED);
	}
	net_test_stop();
}

END_TEST

START_TEST(the_peers_good_bye_is_the_end)
{
	start(1);
	for (size_t i = 0; i < 2; i++) {
		struct client t;
		size_t n;

		again();
		open_echo(&t, versions[i]);
		echo(&t, "up");
		ck_assert_int_eq(SSL_write_ex(t.ssl, "last", 4, &n), 1);
		SSL_shutdown(t.ssl);
		client_flush(&t);
		/* What comes after it is nothing to us. */
		(void)send(t.fd, "junk", 4, MSG_NOSIGNAL);
		ck_assert_int_eq(client_drain(&t, &n), SSL_ERROR_ZERO_RETURN);
		ck_assert_uint_eq(n, 4);
		ck_assert_int_eq(peer_wait_end(&peer), CONN_EOF);
		client_fini(&t);
	}
	net_test_stop();
}

END_TEST

START_TEST(damaged_records_end_the_connection)
{
	char record[] = "\x17\x03\x03\x00\x20................................";
	struct client t;
	size_t n;

	start(1);
	open_echo(&t, TLS1_3_VERSION);
	echo(&t, "up");
	fd_write(t.fd, record, sizeof(record) - 1);
	ck_assert_int_eq(client_drain(&t, &n), SSL_ERROR_SSL); /* an alert */
	close_client(&t);
	ck_assert_int_eq(peer.end, CONN_RESET);
	ck_assert_str_eq(peer.why, "decryption failed or bad record mac");
	net_test_stop();
}

END_TEST

/* ---- Pause and move --------------------------------------------------------- */

static void
pause_it(struct peer *p)
{
	conn_pause(p->c);
}

static void
resume_it(struct peer *p)
{
	ck_assert_uint_eq(p->received, 0);
	conn_resume(p->c);
}

static void
move_it(struct peer *p)
{
	conn_move(p->c, worker_at(1), peer_arrived);
}

/* The client's last flight, its first bytes and its good-bye arrive together. */
static void
all_at_once(struct client *t)
{
	struct client_options o = { .version = TLS1_3_VERSION };
	size_t n;

	open_client(t, &o);
	ck_assert(client_handshake(t));
	ck_assert_int_eq(SSL_write_ex(t->ssl, "early", 5, &n), 1);
	SSL_shutdown(t->ssl);
	client_flush(t);
}

START_TEST(paused_at_the_handshake_bytes_are_held)
{
	struct client t;
	size_t n;

	start(1);
	peer.tls = pause_it;
	all_at_once(&t);
	net_test_wait(&peer.event);
	net_test_nudge();
	ck_assert_int_eq(peer.end, -1);
	peer_do(&peer, resume_it);
	ck_assert_int_eq(client_drain(&t, &n), SSL_ERROR_ZERO_RETURN);
	ck_assert_uint_eq(n, 5);
	close_client(&t);
	ck_assert_int_eq(peer.end, CONN_EOF);
	net_test_stop();
}

END_TEST

START_TEST(moved_at_the_handshake_bytes_go_along)
{
	struct client t;
	size_t n;

	start(2);
	peer.tls = move_it;
	all_at_once(&t);
	ck_assert_int_eq(client_drain(&t, &n), SSL_ERROR_ZERO_RETURN);
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(peer.moves, 1);
	close_client(&t);
	ck_assert_int_eq(peer.end, CONN_EOF);
	net_test_stop();
}

END_TEST

static void
echo_and_move(struct peer *p, const char *bytes, size_t n)
{
	unsigned at = worker_index(conn_worker(p->c));

	conn_write(p->c, (struct str){ bytes, n });
	conn_move(p->c, worker_at((unsigned)((at + n) % workers_count())), peer_arrived);
}

struct writing {
	char *wire;
	size_t n;
	int fd;
};

static void *
write_wire(void *arg)
{
	struct writing *w = arg;

	fd_write(w->fd, w->wire, w->n);
	return NULL;
}

START_TEST(traffic_survives_moves_under_tls)
{
	char *out = mem_new(LARGE), *in = mem_new(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		out[i] = (char)(i * 11 + i / 1000);
	start(3);
	for (size_t i = 0; i < 2; i++) {
		struct writing w;
		pthread_t thread;
		struct client t;
		size_t n;

		again();
		peer.bytes = echo_and_move;
		open_echo(&t, versions[i]);
		ck_assert_int_eq(SSL_write_ex(t.ssl, out, LARGE, &n), 1);
		w.n = (size_t)BIO_get_mem_data(SSL_get_wbio(t.ssl), &w.wire);
		w.fd = t.fd;
		pthread_create(&thread, NULL, write_wire, &w);
		/* Reading writes nothing by itself: the buffer is the writer's until it ends. */
		for (size_t got = 0; got < LARGE; got += n) {
			char bytes[65536];

			if (SSL_read_ex(t.ssl, in + got, LARGE - got, &n) == 1)
				continue;
			n = (size_t)recv(t.fd, bytes, sizeof(bytes), 0);
			ck_assert_msg(n > 0 && n <= sizeof(bytes), "the server closed");
			BIO_write(SSL_get_rbio(t.ssl), bytes, (int)n);
			n = 0;
		}
		pthread_join(thread, NULL);
		ck_assert(memcmp(in, out, LARGE) == 0);
		ck_assert_uint_gt(peer.moves, 20);
		close_client(&t);
	}
	mem_free(&in);
	mem_free(&out);
	net_test_stop();
}

END_TEST

SUITE_OF(tls, both_versions_carry_bytes, what_waits_goes_in_clear_before_the_handshake,
	the_name_chooses_the_certificate, a_client_that_offers_protocols_must_offer_ours,
	old_versions_and_ciphers_are_refused, no_certificate_ends_the_connection,
	what_is_not_tls_ends_the_connection, who_leaves_in_the_handshake_is_gone,
	renegotiation_is_refused, keys_can_be_updated, both_ends_see_the_same_bindings,
	exporter_of_tls_1_2_needs_extended_master_secret, without_tls_there_are_no_bindings,
	close_says_so_in_tls, the_peers_good_bye_is_the_end, damaged_records_end_the_connection,
	paused_at_the_handshake_bytes_are_held, moved_at_the_handshake_bytes_go_along,
	traffic_survives_moves_under_tls)
