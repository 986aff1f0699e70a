/*
 * c2s.h -- client streams: negotiation, authentication, binding; then an outlet of a session.
 *
 * Runs on: main (init), the stream's worker.
 */
#ifndef STREAM_C2S_H
#define STREAM_C2S_H

#include "run/worker.h"

/* Registers the service «c2s» with the listeners; before listeners_open. */
void c2s_init(void);
/* On a worker: takes nothing more from any client; its streams are to be ended soon. */
void c2s_quiet(struct worker *w);
/* On a worker: ends all streams with system-shutdown. */
void c2s_shutdown(struct worker *w);
/* On a worker: ends the streams of hosts that its new configuration does not have, with host-gone. */
void c2s_reloaded(struct worker *w);
/* Streams of this worker that are open. */
size_t c2s_count(const struct worker *w);
void c2s_fini(struct worker *w);

#endif
