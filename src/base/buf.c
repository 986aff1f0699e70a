/*
 * buf.c -- growable bytes, written at the end and consumed at the front.
 *
 * What was consumed leaves a gap at the front.  The rest is moved down only when the gap is at
 * least as large as the rest, so that the moving costs no more than the writing did; otherwise the
 * memory doubles.
 *
 * Runs on: any thread, one at a time.
 */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SMALLEST = 256 };

void
buf_fini(struct buf *b)
{
	mem_free(&b->mem);
	*b = (struct buf)BUF_INIT;
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ buf_bytes(b), buf_len(b) };
}

static void
grow(struct buf *b, size_t n)
{
	size_t len = buf_len(b), cap = b->cap > 0 ? b->cap : SMALLEST;

	assert(n < SIZE_MAX / 4 && len < SIZE_MAX / 4 && (b->mem || b->start == 0));
	if (b->start > 0 && b->start >= len && b->cap - len >= n) {
		memmove(b->mem, b->mem + b->start, len);
	} else if (b->start > 0) {
		/* Copy only what is left, not the gap. */
		char *mem;

		while (cap < len + n)
			cap *= 2;
		mem = mem_resize(NULL, cap);
		memcpy(mem, b->mem + b->start, len);
		mem_free(&b->mem);
		b->mem = mem;
		b->cap = cap;
	} else {
		while (cap < len + n)
			cap *= 2;
		b->mem = mem_resize(b->mem, cap);
		b->cap = cap;
	}
	b->start = 0;
	b->end = len;
}

char *
buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->end < n || !b->mem)
		grow(b, n);
	return b->mem + b->end;
}

void
buf_added(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->end);
	b->end += n;
}

void
buf_put(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_room(b, n), bytes, n);
	b->end += n;
}

void
buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void
buf_put_text(struct buf *b, const char *text)
{
	buf_put_str(b, str_of(text));
}

void
buf_put_char(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->end++;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	size_t room;
	int n;

	/* Try with what there is, then with what is needed. */
	(void)buf_room(b, 128);
	room = b->cap - b->end;
	va_start(args, fmt);
	n = vsnprintf(b->mem + b->end, room, fmt, args);
	va_end(args);
	assert(n >= 0);
	if ((size_t)n >= room) {
		(void)buf_room(b, (size_t)n + 1);
		va_start(args, fmt);
		vsnprintf(b->mem + b->end, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	b->end += (size_t)n;
}

void
buf_take(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void
buf_clear(struct buf *b)
{
	b->start = b->end = 0;
}

void
buf_shrink(struct buf *b)
{
	if (b->start == b->end)
		buf_fini(b);
}

const char *
buf_text(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->mem + b->start;
}
