/*
 * Connections without TLS: bytes go and come, each way to end is told as what it was, silence and
 * slow readers are noticed, and a connection can change workers under load.
 *
 * Runs on: the test process
 */
#include "net/conn.h"

#include "base/mem.h"
#include "tests/unit/net/net_test.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* More than two loopback sockets hold between them. */
enum { LARGE = 12000000 };

static struct peer peer;

/* ---- Bytes ------------------------------------------------------------------ */

static void *
write_all(void *arg)
{
	fd_write(*(int *)arg, peer.data, LARGE);
	return NULL;
}

/* Sends LARGE bytes and reads their echo. */
static void
echo_large(int fd)
{
	char *out = mem_new(LARGE), *in = mem_new(LARGE);
	pthread_t writer;

	for (size_t i = 0; i < LARGE; i++)
		out[i] = (char)(i * 7 + i / 1000);
	peer.data = out;
	ck_assert_int_eq(pthread_create(&writer, NULL, write_all, &fd), 0);
	fd_read(fd, in, LARGE);
	pthread_join(writer, NULL);
	ck_assert(memcmp(in, out, LARGE) == 0);
	mem_free(&in);
	mem_free(&out);
}

START_TEST(bytes_come_back_in_order)
{
	char in[5];
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	fd_write(fd, "hello", 5);
	fd_read(fd, in, 5);
	ck_assert(memcmp(in, "hello", 5) == 0);
	echo_large(fd);
	ck_assert_uint_eq(peer.received, LARGE + 5);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_EOF);
	net_test_stop();
}

END_TEST

static void
pause_it(struct peer *p)
{
	conn_pause(p->c);
	conn_pause(p->c);
}

static void
resume_it(struct peer *p)
{
	conn_resume(p->c);
}

START_TEST(paused_connection_leaves_bytes_in_the_kernel)
{
	char in[3];
	int fd;

	net_test_start(1, NULL);
	fd = peer_pair(&peer);
	peer_do(&peer, pause_it);
	fd_write(fd, "abc", 3);
	net_test_nudge();
	ck_assert_uint_eq(peer.received, 0);
	peer_do(&peer, resume_it);
	fd_read(fd, in, 3);
	ck_assert_uint_eq(peer.received, 3);
	close(fd);
	peer_wait_end(&peer);
	net_test_stop();
}

END_TEST

/* ---- Ends ------------------------------------------------------------------- */

static void
say_and_close(struct peer *p)
{
	conn_write(p->c, STR("good"));
	conn_write(p->c, STR("bye"));
	conn_close(p->c);
	conn_write(p->c, STR("!"));
	conn_close(p->c);
}

START_TEST(close_writes_what_waits_and_waits_for_the_peer)
{
	char in[8];
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	peer_do(&peer, say_and_close);
	fd_read(fd, in, 8);
	ck_assert(memcmp(in, "goodbye!", 8) == 0);
	ck_assert_uint_eq(fd_drain(fd), 0);
	fd_write(fd, "more", 4); /* nobody listens any more */
	net_test_nudge();
	ck_assert_int_eq(peer.end, -1);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_CLOSED);
	ck_assert_uint_eq(peer.received, 0);
	net_test_stop();
}

END_TEST

START_TEST(close_does_not_wait_for_ever)
{
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	peer_do(&peer, say_and_close);
	ck_assert_uint_eq(fd_drain(fd), 8);
	clock_shift(2100, 0);
	net_test_nudge();
	ck_assert_int_eq(peer_wait_end(&peer), CONN_CLOSED);
	close(fd);
	net_test_stop();
}

END_TEST

static void
abort_it(struct peer *p)
{
	conn_write(p->c, STR("never seen"));
	conn_abort(p->c);
	conn_write(p->c, STR("neither"));
	conn_close(p->c);
	conn_set_idle(p->c, 1);
	conn_pause(p->c);
	ck_assert_ptr_nonnull(p->c);
}

START_TEST(abort_ends_at_once)
{
	int fd;

	net_test_start(1, NULL);
	fd = peer_pair(&peer);
	peer_do(&peer, abort_it);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_CLOSED);
	ck_assert_uint_eq(fd_drain(fd), 0);
	close(fd);
	net_test_stop();
}

END_TEST

START_TEST(half_closed_peer_gets_its_answer)
{
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	fd_write(fd, "question", 8);
	shutdown(fd, SHUT_WR);
	ck_assert_uint_eq(fd_drain(fd), 8);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_EOF);
	close(fd);
	net_test_stop();
}

END_TEST

START_TEST(reset_is_told_as_such)
{
	struct linger at_once = { 1, 0 };
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_RESET);
	ck_assert_str_eq(peer.why, "Connection reset by peer");
	net_test_stop();
}

END_TEST

START_TEST(stop_ends_what_is_left)
{
	int fd;

	net_test_start(2, NULL);
	fd = peer_pair(&peer);
	net_test_stop();
	ck_assert_int_eq(peer.end, CONN_CLOSED);
	ck_assert_uint_eq(fd_drain(fd), 0);
	close(fd);
}

END_TEST

/* ---- Time ------------------------------------------------------------------- */

static void
set_idle(struct peer *p)
{
	conn_set_idle(p->c, 20000);
}

START_TEST(silence_is_told_again_and_again)
{
	char in[1];
	int fd;

	net_test_start(1, NULL);
	fd = peer_pair(&peer);
	peer_do(&peer, set_idle);
	clock_shift(19000, 0);
	fd_write(fd, "x", 1); /* the silence begins anew */
	fd_read(fd, in, 1);
	clock_shift(38000, 0);
	net_test_nudge();
	ck_assert_uint_eq(peer.idles, 0);
	for (unsigned i = 1; i < 4; i++) {
		clock_shift(19000 + 21000 * i, 0);
		net_test_nudge();
		ck_assert_uint_eq(peer.idles, i);
	}
	close(fd);
	peer_wait_end(&peer);
	net_test_stop();
}

END_TEST

static void
write_much(struct peer *p)
{
	char *bytes = mem_new(LARGE);

	conn_set_max_output(p->c, 100000);
	ck_assert(!conn_is_full(p->c));
	conn_write(p->c, (struct str){ bytes, LARGE });
	ck_assert(conn_is_full(p->c));
	mem_free(&bytes);
}

START_TEST(who_does_not_read_is_cut_off)
{
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	peer_do(&peer, write_much);
	net_test_nudge();
	clock_shift(50000, 0);
	net_test_nudge();
	ck_assert_int_eq(peer.end, -1);
	clock_shift(120000, 0);
	net_test_nudge();
	ck_assert_int_eq(peer_wait_end(&peer), CONN_TIMEOUT);
	ck_assert_uint_eq(peer.rooms, 0);
	close(fd);
	net_test_stop();
}

END_TEST

static void
write_much_and_close(struct peer *p)
{
	write_much(p);
	conn_close(p->c);
}

START_TEST(who_does_not_read_the_end_is_cut_off)
{
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	peer_do(&peer, write_much_and_close);
	net_test_nudge();
	clock_shift(61000, 0);
	net_test_nudge();
	ck_assert_int_eq(peer_wait_end(&peer), CONN_TIMEOUT);
	close(fd);
	net_test_stop();
}

END_TEST

START_TEST(room_is_told_when_the_peer_reads)
{
	char *in = mem_new(LARGE);
	int fd;

	net_test_start(1, NULL);
	fd = peer_tcp(&peer);
	for (unsigned i = 1; i < 3; i++) {
		peer_do(&peer, write_much);
		fd_read(fd, in, LARGE);
		net_test_wait(&peer.event);
		ck_assert_uint_eq(peer.rooms, i);
	}
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_EOF);
	mem_free(&in);
	net_test_stop();
}

END_TEST

/* ---- Move ------------------------------------------------------------------- */

static void
echo_and_move(struct peer *p, const char *bytes, size_t n)
{
	unsigned at = worker_index(conn_worker(p->c));

	conn_write(p->c, (struct str){ bytes, n });
	/* Also to where it is. */
	conn_move(p->c, worker_at((unsigned)((at + n) % workers_count())), peer_arrived);
}

START_TEST(traffic_survives_moves)
{
	int fd;

	net_test_start(3, NULL);
	peer.bytes = echo_and_move;
	fd = peer_tcp(&peer);
	echo_large(fd);
	ck_assert_uint_gt(peer.moves, 20);
	close(fd);
	ck_assert_int_eq(peer_wait_end(&peer), CONN_EOF);
	net_test_stop();
}

END_TEST

static void
close_and_move(struct peer *p, const char *bytes, size_t n)
{
	conn_write(p->c, (struct str){ bytes, n });
	conn_close(p->c);
	conn_move(p->c, worker_at(1), peer_arrived);
}

static void
abort_and_move(struct peer *p, const char *bytes, size_t n)
{
	(void)bytes;
	(void)n;
	conn_abort(p->c);
	conn_move(p->c, worker_at(1), peer_arrived);
}

START_TEST(ends_move_too)
{
	static const struct {
		void (*bytes)(struct peer *p, const char *bytes, size_t n);
		size_t read;
	} cases[] = {
		{ close_and_move, 1 },
		{ abort_and_move, 0 },
	};

	net_test_start(2, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd;

		memset(&peer, 0, sizeof(peer));
		peer.bytes = cases[i].bytes;
		fd = peer_pair(&peer);
		fd_write(fd, "x", 1);
		ck_assert_uint_eq(fd_drain(fd), cases[i].read);
		close(fd);
		ck_assert_int_eq(peer_wait_end(&peer), CONN_CLOSED);
		ck_assert_uint_eq(peer.moves, 1);
	}
	net_test_stop();
}

END_TEST

static void
write_and_move(struct peer *p, const char *bytes, size_t n)
{
	(void)bytes;
	(void)n;
	write_much(p);
	conn_move(p->c, worker_at(1), peer_arrived);
}

START_TEST(output_moves_too)
{
	char *in = mem_new(LARGE);
	int fd;

	net_test_start(2, NULL);
	peer.bytes = write_and_move;
	fd = peer_tcp(&peer);
	fd_write(fd, "x", 1);
	fd_read(fd, in, LARGE);
	net_test_wait(&peer.event);
	ck_assert_uint_eq(peer.rooms, 1);
	ck_assert_uint_eq(peer.moves, 1);
	close(fd);
	peer_wait_end(&peer);
	mem_free(&in);
	net_test_stop();
}

END_TEST

SUITE_OF(conn, bytes_come_back_in_order, paused_connection_leaves_bytes_in_the_kernel,
	close_writes_what_waits_and_waits_for_the_peer, close_does_not_wait_for_ever,
	abort_ends_at_once, half_closed_peer_gets_its_answer, reset_is_told_as_such,
	stop_ends_what_is_left, silence_is_told_again_and_again, who_does_not_read_is_cut_off,
	who_does_not_read_the_end_is_cut_off, room_is_told_when_the_peer_reads,
	traffic_survives_moves, ends_move_too, output_moves_too)
