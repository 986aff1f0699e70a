/*
 * transport.h -- what carries a stream: TCP, WebSocket, BOSH.
 *
 * A transport is a table of functions, and a struct of its own that begins with struct stream. It
 * turns what arrives into headers and elements (stream_on_header, stream_on_element), one at a time
 * and only when the stream asks (next), and gives the stream buffers to write elements into.  All
 * that is not about bytes and framing (negotiation, SASL, limits of rate, pauses, the session) is
 * the stream's and the same for all.
 *
 * Runs on: the stream's worker.
 */
#ifndef STREAM_TRANSPORT_H
#define STREAM_TRANSPORT_H

#include "net/conn.h"
#include "stream/stream.h"

struct transport {
	const char *name; /* prefix of the streams' ids in logs: "c2s" */
	/* Each element is a document of its own: it declares its namespaces itself, jabber:client
	 * and the prefix `stream` included. */
	bool alone;

	/* ---- Write: gathers, and leaves at the end of the turn.  Until close. */

	/* The stream's header; id and from never NULL, s->from (`to`) may be. */
	void (*header)(struct stream *s, const char *id, const char *from);
	/* Where the bytes of one whole element are to be appended; then end. */
	struct buf *(*begin)(struct stream *s);
	void (*end)(struct stream *s);
	/* More waits for the client than conf->max_output. */
	bool (*is_full)(const struct stream *s);
	/* Bytes that wait for the client; NULL: nobody knows. */
	size_t (*unsent)(const struct stream *s);

	/* ---- The end: both lead to one stream_over, later (never before they return). */

	/* The stream is closed; c says why, a <stream:error/> for it was written (c not NONE). */
	void (*close)(struct stream *s, enum stream_cond c);
	/* Without a word. */
	void (*abort)(struct stream *s);
	/* Gives back the memory, s included; after stream_over. */
	void (*free)(struct stream *s);

	/* ---- Read */

	/* Hands the next header or element that is whole to the stream; false: there is none. */
	bool (*next)(struct stream *s);
	/* All that had come was handed on: buffers may go. */
	void (*rest)(struct stream *s);
	/* The client is not read / is read again; what has come stays for next. */
	void (*pause)(struct stream *s);
	void (*resume)(struct stream *s);
	/* The next thing is a header; what came already belongs to it. */
	void (*restart)(struct stream *s);
	/* stream_idle after that silence, again and again. */
	void (*idle)(struct stream *s, msec_t after);
	/* Asks for a sign of life, to be followed by stream_heard; NULL: only XMPP can do that. */
	void (*ping)(struct stream *s);

	/* ---- The rest */

	/* To another worker; there stream_arrived runs, and in between nothing may touch s. */
	void (*move)(struct stream *s, struct worker *to);
	/* The connection whose TLS ends here, for channel bindings; NULL: none does. */
	struct conn *(*channel)(const struct stream *s);
	/* Drops what came in clear and starts TLS; NULL: this transport has no STARTTLS. */
	void (*start_tls)(struct stream *s, const struct host *host);
};

/* ---- What a transport calls ---------------------------------------------------- */

/* A new stream: s is zeroed but for what is the transport's; counts as accepted now. */
void stream_start(struct stream *s, const struct transport *t, struct worker *w);
/* n bytes came from the client (charged to its rate): handles all that is whole. */
void stream_received(struct stream *s, size_t n);
/* The client sent something that is not an element (a ping): it lives. */
void stream_heard(struct stream *s);
/* The client was silent for the time set. */
void stream_idle(struct stream *s);
/* After move, on the new worker. */
void stream_arrived(struct stream *s, struct worker *to);
/* The client went away without closing the stream; nothing more is read or written, and stream_over
 * follows. */
void stream_lost(struct stream *s);
/* The transport is gone; why is for the log.  s is freed now or when nothing is to come for it any
 * more. */
void stream_over(struct stream *s, const char *why);
/* The same for a transport that is one connection: from its on_end. */
void stream_conn_over(struct stream *s, enum conn_end end, const char *why);

struct stream_header {
	const char *to, *from, *version, *lang; /* each may be NULL */
};

/* In state STREAM_HEADER: checks it, answers with header and features, or ends the stream. */
void stream_on_header(struct stream *s, const struct stream_header *h);
/* Takes the arena that holds the element, or leaves it. */
void stream_on_element(struct stream *s, struct arena **arena, const struct xml *element);
/* The client's bytes are not what they should be: ends the stream with the error for it. */
void stream_on_fault(struct stream *s, enum parse_fault f);
/* Appends ` name='value'`, if value is not NULL. */
void stream_put_attr(struct buf *out, const char *name, const char *value);

#endif
