/*
 * buf.c -- growable bytes for the load generator.
 *
 * Ten thousand idle connections must not cost the client much, so a buffer
 * that becomes empty and is larger than a page gives its memory back; a small
 * one stays, because a busy connection uses it again at once.
 *
 * Runs on: the one thread of the load generator.
 */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP = 4096 };

void *
bench_alloc(size_t n)
{
	void *p;

	p = calloc(1, n);
	if (!p) {
		fprintf(stderr, "bench: out of memory\n");
		exit(2);
	}
	return p;
}

char *
bench_copy(const char *s, size_t n)
{
	char *p;

	p = bench_alloc(n + 1);
	memcpy(p, s, n);
	return p;
}

size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

const char *
buf_data(const struct buf *b)
{
	return b->p + b->start;
}

/* Make room for n more bytes at the end. */
static void
reserve(struct buf *b, size_t n)
{
	size_t size;

	if (b->size - b->end >= n)
		return;
	if (b->start) {
		memmove(b->p, b->p + b->start, b->end - b->start);
		b->end -= b->start;
		b->start = 0;
	}
	if (b->size - b->end >= n)
		return;
	size = b->size ? b->size * 2 : 512;
	while (size - b->end < n)
		size *= 2;
	b->p = realloc(b->p, size);
	if (!b->p) {
		fprintf(stderr, "bench: out of memory\n");
		exit(2);
	}
	b->size = size;
}

void
buf_add(struct buf *b, const char *s, size_t n)
{
	reserve(b, n);
	memcpy(b->p + b->end, s, n);
	b->end += n;
}

void
buf_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		fprintf(stderr, "bench: formatted text is too long\n");
		exit(2);
	}
	buf_add(b, text, (size_t)n);
}

void
buf_drop(struct buf *b, size_t n)
{
	b->start += n;
	if (b->start < b->end)
		return;
	b->start = b->end = 0;
	if (b->size > KEEP)
		buf_clear(b);
}

void
buf_clear(struct buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}
