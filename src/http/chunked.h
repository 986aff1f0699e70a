/*
 * chunked.h -- a body in chunks (RFC 9112 7.1), as it comes.
 *
 * Runs on: any thread.
 */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include "base/buf.h"

enum chunked_place { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER };

/* Zeroed to start. */
struct chunked {
	enum chunked_place place;
	uint64_t left; /* of the chunk's data */
	size_t trailers; /* bytes of them so far */
};

/* Moves what is there from in to body.  0: more is needed; 200: it is whole, and in begins with what
 * comes after it; 413: the body is larger than max; 400: these are no chunks. */
MUST_CHECK unsigned chunked_take(struct chunked *c, struct buf *in, struct buf *body, size_t max);

#endif
