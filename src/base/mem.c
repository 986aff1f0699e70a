/*
 * mem.c -- allocation that cannot fail.
 *
 * A server that is out of memory cannot answer in any useful way, so it ends at once and leaves a
 * core; the store is safe over a crash anyway.  Nobody above this folder needs to test for NULL.
 *
 * Runs on: any thread.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static NORETURN void
out_of_memory(void)
{
	static const char text[] = "bongsu: out of memory\n";

	/* Nothing that allocates may be called any more. */
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILURE);
	abort();
}

void *
mem_new(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *
mem_resize(void *p, size_t size)
{
	void *moved = realloc(p, size > 0 ? size : 1);

	if (!moved)
		out_of_memory();
	return moved;
}

char *
mem_copy_text(const char *text)
{
	return text ? mem_copy_str(str_of(text)) : NULL;
}

char *
mem_copy_str(struct str s)
{
	char *copy;

	if (!s.p)
		return NULL;
	copy = mem_resize(NULL, s.n + 1);
	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

void
mem_free(void *pp)
{
	void *p;

	/* The type of *pp is the caller's; memcpy reads and writes any kind of object pointer. */
	memcpy(&p, pp, sizeof(p));
	free(p);
	p = NULL;
	memcpy(pp, &p, sizeof(p));
}

void
mem_free_secret(void *pp, size_t n)
{
	void *p;

	memcpy(&p, pp, sizeof(p));
	if (p)
		mem_wipe(p, n);
	mem_free(pp);
}

void
mem_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}
