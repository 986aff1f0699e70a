/*
 * wire.h -- one TCP connection of a client, with or without TLS.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "buf.h"
#include "options.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_state {
	WIRE_CLOSED,
	WIRE_CONNECTING,
	WIRE_HANDSHAKE,
	WIRE_OPEN,
};

struct wire {
	int fd;
	int epoll;
	enum wire_state state;
	bool wants_write; /* the epoll set asks for writability */
	SSL *ssl; /* NULL without TLS */
	struct buf out;
	uint64_t read, written; /* bytes, before TLS */
	unsigned trips; /* times that something was written and then something read */
	bool asked; /* something was written since */
	void *tag; /* what epoll reports */
};

enum wire_news {
	WIRE_NOTHING, /* nothing new */
	WIRE_CONNECTED, /* TCP is there */
	WIRE_SECURED, /* TLS is there */
	WIRE_BROKEN,
};

/* Make the TLS context of all wires; false, with a line on stderr, when it cannot be made. */
bool wire_init(const struct options *o);

/* Begin to connect connection number n, from a source address that depends on n. */
bool wire_connect(struct wire *w, const struct options *o, unsigned n, int epoll, void *tag);

/* Begin a TLS handshake on a connected wire. */
void wire_start_tls(struct wire *w, const struct options *o);

/* Go on with connecting or shaking hands after an event. */
enum wire_news wire_advance(struct wire *w);

/* Read up to n bytes: the number read, 0 when there are none now, -1 at the end. */
long wire_read(struct wire *w, char *p, size_t n);

/* Write what is in w->out as far as it goes; false when the wire is broken. */
bool wire_flush(struct wire *w);

/* Close and free everything; may be called twice. */
void wire_close(struct wire *w);

#endif
