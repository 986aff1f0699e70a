/*
 * stream.h -- a client's stream, within src/stream: from its header to its end.
 *
 * Before a resource is bound a stream is negotiated, one element at a time; while something is
 * waited for (keys, a key derivation, a delay, the account's home) its input stands still.  When it
 * is bound it is the outlet of a session. A stream is freed when its connection has ended and
 * nothing that was asked for it is still to come (holds).
 *
 * Runs on: the stream's worker.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "config/config.h"
#include "home/session.h"
#include "run/limit.h"
#include "run/timer.h"
#include "xml/parse.h"

struct resuming;
struct sasl;
struct transport;

enum stream_state {
	STREAM_HEADER = 1, /* waits for the (next) stream header */
	STREAM_AUTH = 2, /* features without authentication were sent */
	STREAM_SASL = 4, /* a SASL exchange waits for the client's response */
	STREAM_BIND = 8, /* authenticated; waits for a resource to be bound */
	STREAM_BOUND = 16,
	STREAM_CLOSED = 32, /* the end tag was sent; nothing is read any more */
};

/* Why the client is not read. */
enum stream_pause {
	PAUSE_ASKED = 1, /* an answer is awaited */
	PAUSE_SESSION = 2, /* too much is under way */
	PAUSE_RATE = 4, /* more bytes or stanzas than allowed */
	PAUSE_DELAY = 8, /* after a failed attempt */
	PAUSE_STOPPING = 16, /* the server stops: what came is settled, and no more is taken */
};

struct stream {
	struct outlet outlet; /* first */
	const struct transport *transport; /* whose struct begins with this one */
	struct worker *worker;
	struct list link; /* among the worker's streams */
	char *host; /* the header's `to` */
	char *from; /* the header's `from`, or NULL */
	char *lang; /* the header's xml:lang, or NULL */
	struct jid jid; /* bare once authenticated; text owned */
	struct sasl *sasl; /* the exchange under way */
	struct session *session;
	void (*arrived)(struct stream *s); /* while it moves */
	const struct stanza *moving; /* the bind request, while the stream goes to its home */
	struct resuming *resuming; /* the request to resume, meanwhile */
	struct stream_info info;
	struct timer patience; /* until bound */
	struct timer rate; /* the end of PAUSE_RATE */
	struct timer delay;
	struct later later; /* goes on reading */
	struct limit bytes, stanzas;
	msec_t accepted;
	unsigned holds;
	unsigned paused; /* enum stream_pause */
	unsigned attempts;
	enum stream_state state;
	uint8_t starttls; /* enum starttls of its listener */
	bool running, header_sent, pinged, dead;
};

/* ---- stream.c ----------------------------------------------------------------- */

const struct c2s_conf *stream_conf(const struct stream *s);
/* The served host of the header, in the configuration of now; NULL if it is gone. */
const struct host *stream_host(const struct stream *s);
void stream_pause(struct stream *s, enum stream_pause why);
void stream_resume(struct stream *s, enum stream_pause why);
/* Something that was asked for it will come (hold) or has come (release: true if the stream is
 * over; it may be freed now). */
void stream_hold(struct stream *s);
MUST_CHECK bool stream_release(struct stream *s);
/* Cuts the stream off if too much waits for a client that does not read. */
void stream_write(struct stream *s, const struct stanza *stanza);
/* One whole element, of at most 2 KB; its namespace must be declared, the prefix `stream` may not
 * be used. */
void stream_put(struct stream *s, const char *fmt, ...) PRINTF(2, 3);
/* Header if none was sent, stream error (STREAM_COND_NONE: none), end tag.  The session ends, or
 * waits to be resumed if it is not the client's fault that it cannot go on here. */
void stream_end(struct stream *s, enum stream_cond c, const char *text);
/* The same with an application-specific condition (an element as text) in the error. */
void stream_end_with(struct stream *s, enum stream_cond c, const char *text, const char *extra);
/* The next thing is a header; what was fed already belongs to it. */
void stream_restart(struct stream *s);
/* The limits of its state for the parser. */
struct parse_limits stream_limits(const struct stream *s);
/* Takes the stream to another worker, where arrived runs; input stands still (stream_pause) until
 * then. If the server stops or the client went away meanwhile, arrived sees s->state CLOSED. */
void stream_move(struct stream *s, struct worker *to, void (*arrived)(struct stream *s));

/* ---- negotiate.c ---------------------------------------------------------------- */

/* Nothing is offered before STARTTLS. */
bool stream_needs_tls(const struct stream *s);
void stream_put_header(struct stream *s);
void stream_put_features(struct stream *s);

/* ---- sasl.c ---------------------------------------------------------------------- */

/* <mechanisms/> and channel bindings. */
void sasl_features(struct stream *s, struct arena *arena, struct xml *features);
void sasl_auth(struct stream *s, const struct xml *element);
void sasl_response(struct stream *s, const struct xml *element);
void sasl_abort(struct stream *s, const struct xml *element);
void sasl_free(struct sasl **x);

/* ---- sm.c (XEP-0198) ----------------------------------------------------------------- */

/* <enable/>, <resume/>, <r/>, <a/> of the client. */
void stream_sm_enable(struct stream *s, struct arena **arena, const struct xml *element);
void stream_sm_resume(struct stream *s, struct arena **arena, const struct xml *element);
void stream_sm_asked(struct stream *s, struct arena **arena, const struct xml *element);
void stream_sm_acked(struct stream *s, struct arena **arena, const struct xml *element);
/* <r/> and <a/> of ours. */
void stream_sm_ask(struct stream *s);
void stream_sm_ack(struct stream *s, uint32_t settled);

/* ---- bind.c ------------------------------------------------------------------------ */

/* An iq before a resource is bound. */
void stream_bind(struct stream *s, struct arena **arena, const struct xml *iq);
/* An iq before authentication: in-band registration and such. */
void stream_before_auth(struct stream *s, struct arena **arena, const struct xml *iq);

#endif
