/*
 * net_test.h -- what the tests of src/net share: workers with a configuration, an owner of
 * connections that does as it is told, and blocking sockets for the other end.
 *
 * Runs on: the test process
 */
#ifndef UNIT_NET_TEST_H
#define UNIT_NET_TEST_H

#include <semaphore.h>
#include <stdatomic.h>

#include "net/conn.h"
#include "net/net.h"

/* Workers, the network layer and a snapshot of `yaml` (NULL: one host, no certificate), which is
 * prepared for TLS. */
void net_test_start(unsigned workers, const char *yaml);
void net_test_stop(void);
/* Each worker turns: for timers after clock_shift. */
void net_test_nudge(void);
void net_test_wait(sem_t *s);

/* An owner.  What it counts may be read from any thread. */
struct peer {
	struct conn *c;
	void (*bytes)(struct peer *p, const char *bytes, size_t n); /* NULL: echo */
	void (*begin)(struct peer *p); /* on the worker, when c is there; NULL: nothing */
	void (*tls)(struct peer *p);
	atomic_uint idles, rooms, ups, moves;
	atomic_size_t received;
	atomic_int end; /* enum conn_end; -1: still there */
	char why[128];
	void *data;
	sem_t event; /* up after each of the above but received */
};

extern const struct conn_ops peer_ops;
/* Before p is an owner. */
void peer_init(struct peer *p);
/* A connection on worker 0; returns the other end of a socket pair, or of a TCP connection. */
int peer_pair(struct peer *p);
int peer_tcp(struct peer *p);
/* Runs fn(p) on the connection's worker and waits for it. */
void peer_do(struct peer *p, void (*fn)(struct peer *p));
/* Waits for the end and says which it was. */
int peer_wait_end(struct peer *p);
/* conn_move's last argument for a peer: counts, and checks the thread. */
void peer_arrived(struct worker *to, struct conn *c, void *owner);

/* Blocking; the test fails if it takes longer than a minute. */
void fd_write(int fd, const void *bytes, size_t n);
/* Exactly n bytes. */
void fd_read(int fd, void *bytes, size_t n);
/* Reads to the end; bytes are dropped.  Returns how many. */
size_t fd_drain(int fd);

/* Makes a certificate for `names` ("a.example b.example") and its key in the test's temporary
 * folder, from 400 days ago until `days` from now.  Returns the file that holds both. */
const char *cert_make(const char *file, const char *names, int days);
const char *cert_path(const char *file);

#endif
