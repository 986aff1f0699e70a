/*
 * c2s_own.h -- what the files of client streams share about a worker and a connection.
 *
 * Runs on: the stream's worker.
 */
#ifndef STREAM_C2S_OWN_H
#define STREAM_C2S_OWN_H

#include "stream/bosh.h"
#include "stream/stream.h"

struct c2s_worker {
	struct list streams;
	size_t count;
	struct parser *spare; /* for streams over TCP that hold none */
	struct bosh_worker bosh;
	bool stopping;
};

struct c2s_worker *c2s_worker(const struct worker *w);
/* PAUSE_RATE for that long. */
void c2s_wait_for_rate(struct stream *s, msec_t wait);
/* One more from the client: charged to its rate. */
void c2s_count_element(struct stream *s);
/* The rest of auth_timeout starts again. */
void c2s_restart_patience(struct stream *s);
/* stream.c's, for later. */
void stream_run_later(struct worker *w, struct later *l);
/* Registers the service «c2s» with the listeners. */
void transport_tcp_init(void);
/* Serves the path of WebSocket. */
void transport_ws_init(void);
void transport_bosh_init(void);
/* Frees what is left of a worker's sessions, when it has no more connections. */
void transport_bosh_fini(struct worker *w);

#endif
