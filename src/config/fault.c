/*
 * fault.c -- faults of a configuration file.
 *
 * They are found in the order in which the checks run, and told in the order of the file, since
 * that is how they are mended.  Texts live in the arena of the load and end with it.
 *
 * Runs on: main.
 */
#include "config/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"

#define QUOTE_MAX 60

static const char *
escape(struct arena *a, const char *text)
{
	struct buf b = BUF_INIT;
	const char *done;

	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p >= 0x20 && *p != 0x7f)
			buf_put_char(&b, *p);
		else
			buf_printf(&b, "\\x%02x", (unsigned char)*p);
	}
	done = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return done;
}

void
fault_add(struct faults *f, unsigned line, unsigned column, const char *fmt, ...)
{
	char text[1024];
	struct fault *fault;
	va_list args;

	if (f->count++ >= FAULTS_MAX)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fault = &f->list[f->count - 1];
	fault->line = line;
	fault->column = column;
	fault->number = f->count;
	fault->text = escape(f->arena, text);
}

static int
by_place(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void
faults_tell(struct faults *f, config_fault_fn *tell, void *ctx)
{
	size_t kept = f->count < FAULTS_MAX ? f->count : FAULTS_MAX;

	qsort(f->list, kept, sizeof(f->list[0]), by_place);
	for (size_t i = 0; i < kept; i++) {
		const struct fault *it = &f->list[i];

		if (it->line > 0)
			tell(arena_printf(f->arena, "%s:%u:%u: %s", f->path, it->line, it->column,
				     it->text),
				ctx);
		else
			tell(arena_printf(f->arena, "%s: %s", f->path, it->text), ctx);
	}
	if (f->count > kept)
		tell(arena_printf(f->arena, "%s: %zu more faults", f->path, f->count - kept), ctx);
}

const char *
fault_quote(struct faults *f, struct str text)
{
	struct str shown = text.n > QUOTE_MAX ? utf8_cut(text, QUOTE_MAX) : text;

	return arena_printf(f->arena, "\"%.*s%s\"", STR_ARG(shown), shown.n < text.n ? "..." : "");
}
