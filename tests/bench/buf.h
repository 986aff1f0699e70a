/*
 * buf.h -- growable bytes for the load generator.
 */
#ifndef BENCH_BUF_H
#define BENCH_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes between start and end are the content; taking from the front only moves start. */
struct buf {
	char *p;
	size_t start, end, size;
};

/* Allocate n zeroed bytes or end the program; there is nothing to measure without memory. */
void *bench_alloc(size_t n);

/* Copy n bytes of s as a C string; the caller frees it. */
char *bench_copy(const char *s, size_t n);

/* Number of bytes held. */
size_t buf_len(const struct buf *b);

/* First byte held; only valid while buf_len() > 0. */
const char *buf_data(const struct buf *b);

/* Append n bytes. */
void buf_add(struct buf *b, const char *s, size_t n);

/* Append a C string. */
void buf_text(struct buf *b, const char *s);

/* Append formatted text of at most 4,095 bytes; longer text ends the program. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drop n bytes from the front; an empty buffer gives its memory back. */
void buf_drop(struct buf *b, size_t n);

/* Give all memory back. */
void buf_clear(struct buf *b);

#endif
