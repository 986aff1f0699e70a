/*
 * arena.c -- memory with one lifetime.
 *
 * The arena is a bump pointer into its newest chunk.  The first chunk holds the struct arena at its
 * start, so an arena that stays small is one malloc and one free.  A block that is large against
 * the next chunk gets a chunk of its own, and the bump pointer stays where it is: one large text
 * does not throw away the rest of a chunk.
 *
 * Alignment: any type of alignment 16 has a size that is a multiple of 16, so only such sizes are
 * aligned to 16, all others to 8; texts are not aligned at all.
 *
 * Runs on: any thread, one at a time.
 */
#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 512, LARGEST_CHUNK = 64 * 1024 };

struct chunk {
	struct chunk *next;
	size_t size; /* for symmetry of the alignment: the header is 16 bytes */
};

struct keep {
	struct keep *next;
	void (*drop)(void *object);
	void *object;
};

struct arena {
	char *at, *end; /* free part of the newest chunk */
	struct chunk *chunks; /* all but the first, newest first */
	struct keep *keeps; /* last registered first */
	size_t next_size; /* of the next chunk */
	size_t total; /* taken from malloc */
};

struct arena *
arena_new(size_t first)
{
	struct arena *a;

	if (first == 0)
		first = FIRST_CHUNK;
	if (first < sizeof(*a) + 64)
		first = sizeof(*a) + 64;
	a = mem_resize(NULL, first);
	a->at = (char *)a + sizeof(*a);
	a->end = (char *)a + first;
	a->chunks = NULL;
	a->keeps = NULL;
	a->next_size = first < LARGEST_CHUNK / 2 ? first * 2 : LARGEST_CHUNK;
	a->total = first;
	return a;
}

void
arena_free(struct arena **ap)
{
	struct arena *a = *ap;
	struct keep *k;
	struct chunk *c;

	if (!a)
		return;
	*ap = NULL;
	/* One at a time off the list: a drop may register another. */
	while ((k = a->keeps) != NULL) {
		a->keeps = k->next;
		k->drop(k->object);
	}
	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		mem_free(&c);
	}
	mem_free(&a);
}

/* The usable memory of a new chunk of `size` bytes in all. */
static char *
chunk_new(struct arena *a, size_t size)
{
	struct chunk *c = mem_resize(NULL, size);

	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->total += size;
	return (char *)(c + 1);
}

/* What does not fit into the rest of the newest chunk. */
static void *
take_slow(struct arena *a, size_t size)
{
	char *p;

	assert(size < SIZE_MAX / 2); /* a product that wrapped, or a negative number */
	if (size + sizeof(struct chunk) > a->next_size / 2)
		return chunk_new(a, size + sizeof(struct chunk));
	p = chunk_new(a, a->next_size);
	a->at = p + size;
	a->end = p + a->next_size - sizeof(struct chunk);
	if (a->next_size < LARGEST_CHUNK)
		a->next_size *= 2;
	return p;
}

static void *
take(struct arena *a, size_t size, size_t align)
{
	size_t pad = -(uintptr_t)a->at & (align - 1), left = (size_t)(a->end - a->at);
	char *p;

	if (pad > left || size > left - pad)
		return take_slow(a, size);
	p = a->at + pad;
	a->at = p + size;
	return p;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	void *p = take(a, size > 0 ? size : 1, size % 16 == 0 ? 16 : 8);

	return memset(p, 0, size);
}

void *
arena_array(struct arena *a, size_t size, size_t n)
{
	assert(size == 0 || n <= SIZE_MAX / size);
	return arena_alloc(a, size * n);
}

char *
arena_text(struct arena *a, const char *text)
{
	return arena_str(a, str_of(text));
}

char *
arena_str(struct arena *a, struct str s)
{
	char *copy;

	if (!s.p)
		return NULL;
	copy = take(a, s.n + 1, 1);
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);
	text = take(a, (size_t)n + 1, 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	return text;
}

void
arena_keep(struct arena *a, void (*drop)(void *object), void *object)
{
	struct keep *k = ARENA_NEW(a, struct keep);

	k->drop = drop;
	k->object = object;
	k->next = a->keeps;
	a->keeps = k;
}

struct secret {
	size_t n;
	char bytes[];
};

static void
wipe_secret(void *object)
{
	struct secret *s = object;

	mem_wipe(s->bytes, s->n);
}

char *
arena_secret(struct arena *a, struct str text)
{
	struct secret *s;

	if (!text.p)
		return NULL;
	s = arena_alloc(a, sizeof(*s) + text.n + 1);
	s->n = text.n;
	memcpy(s->bytes, text.p, text.n);
	arena_keep(a, wipe_secret, s);
	return s->bytes;
}

size_t
arena_size(const struct arena *a)
{
	return a->total;
}
