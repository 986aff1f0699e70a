/*
 * mem.h -- allocation that cannot fail.
 *
 * Running out of memory aborts: each size that a peer controls was limited before.
 *
 * Runs on: any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

/* Zeroed memory; free with mem_free. */
void *mem_new(size_t size);
#define MEM_NEW(T) ((T *)mem_new(sizeof(T)))
void *mem_resize(void *p, size_t size);
/* A NUL-terminated copy; NULL stays NULL. */
char *mem_copy_text(const char *text);
char *mem_copy_str(struct str s);
/* Frees *(void **)pp and sets it to NULL. */
void mem_free(void *pp);
/* As mem_free after overwriting n bytes. */
void mem_free_secret(void *pp, size_t n);
/* Overwrites n bytes in a way that the compiler keeps. */
void mem_wipe(void *p, size_t n);

#endif
