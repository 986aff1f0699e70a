/*
 * arena.h -- memory with one lifetime.
 *
 * Blocks are taken in chunks that double up to 64 KiB and are given back all at once.
 * The struct arena itself lives in its first chunk, so a small arena is one malloc.
 *
 * Runs on: any thread, one at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;

/* A new arena whose first chunk holds about `first` bytes (0: 512). */
struct arena *arena_new(size_t first);
/* Runs what arena_keep registered, last first, frees all, sets *a to NULL.  Accepts NULL. */
void arena_free(struct arena **a);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
/* n objects of `size` bytes; a product that overflows aborts. */
void *arena_array(struct arena *a, size_t size, size_t n);
#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_array((a), sizeof(T), (n)))

/* NUL-terminated copies; a NULL text stays NULL. */
char *arena_text(struct arena *a, const char *text);
char *arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

/* A NUL-terminated copy, overwritten before its memory is given back; STR_NONE gives NULL. */
char *arena_secret(struct arena *a, struct str text);

/* drop(object) runs when the arena is freed. */
void arena_keep(struct arena *a, void (*drop)(void *object), void *object);

/* Bytes taken from malloc, for limits and tests. */
size_t arena_size(const struct arena *a);

#endif
