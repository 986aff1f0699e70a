/*
 * buf.h -- growable bytes, written at the end and consumed at the front.
 *
 * Runs on: any thread, one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
	char *mem;
	size_t start; /* first byte not consumed */
	size_t end; /* after the last byte */
	size_t cap;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0, 0                                                                      \
	}

void buf_fini(struct buf *b);

static inline size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline const char *
buf_bytes(const struct buf *b)
{
	return b->mem ? b->mem + b->start : "";
}

struct str buf_str(const struct buf *b);
void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_put_str(struct buf *b, struct str s);
void buf_put_text(struct buf *b, const char *text);
#define buf_put_lit(b, literal) buf_put((b), "" literal, sizeof(literal) - 1)
void buf_put_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Room for n more bytes at the end; returns where they go, buf_added says how many were used. */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
/* Drops n bytes from the front; an empty buffer starts again at 0. */
void buf_take(struct buf *b, size_t n);
void buf_clear(struct buf *b);
/* Gives memory back when empty. */
void buf_shrink(struct buf *b);
/* NUL-terminates (the NUL is not counted) and returns the text from start. */
const char *buf_text(struct buf *b);

#endif
