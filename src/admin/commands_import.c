/*
 * commands_import.c -- accounts from a file (XEP-0227), of our own or of another server.
 *
 * The file is read in pieces by chore threads and taken apart as it comes (xml/document.h): elements
 * are handed to the parts of an account that know them (home/portable.h), whose statements gather and
 * are committed now and then.  So memory does not grow with the file.
 *
 * An account is filled at its home while it does not exist yet; its row comes last, so it appears
 * whole or not at all.  What an import that broke off left behind is deleted when the account is
 * imported again.  Accounts that exist are refused.
 *
 * Runs on: the home of the account that is read; read_chunk, open_source: a chore thread.
 */
#include "admin/import_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Arguments -------------------------------------------------------------------------- */

struct file_args {
	const char *file;
};

static const struct field file_fields[] = {
	CALL_FILE_FIELD(struct file_args),
	END_FIELDS,
};

/* ---- Files -------------------------------------------------------------------------------- */

static const struct parse_limits limits = { 4 * 1024 * 1024, 64, 64 };

static step_fn opened, fed;

static void
close_source(struct source *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	document_free(&s->document);
}

void
import_close(struct import *im)
{
	close_source(&im->sources[--im->sources_count]);
}

static void
drop(void *p)
{
	struct import *im = p;

	while (im->sources_count > 0)
		import_close(im);
	arriving_fini(&im->arriving);
	arena_free(&im->arriving.arena);
	arena_free(&im->arriving.lasting);
	arena_free(&im->element_arena);
	for (size_t i = 0; i < COUNT(im->tag_arenas); i++)
		arena_free(&im->tag_arenas[i]);
}

static void
open_source(struct job *j)
{
	struct import *im = j->state;
	struct source *s = import_source(im);
	struct stat st;

	s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	im->error = s->fd < 0 ? errno : 0;
	if (s->fd >= 0 && fstat(s->fd, &st) == 0 && !S_ISREG(st.st_mode))
		im->error = EINVAL;
}

static void
read_chunk(struct job *j)
{
	struct import *im = j->state;
	ssize_t n;

	do {
		n = read(import_source(im)->fd, im->chunk, sizeof(im->chunk));
	} while (n < 0 && errno == EINTR);
	im->error = n < 0 ? errno : 0;
	im->got = n > 0 ? (size_t)n : 0;
}

struct step
import_open(struct job *j, const char *path)
{
	struct import *im = j->state;
	struct source *s = &im->sources[im->sources_count++];

	*s = (struct source){ .fd = -1, .path = path, .document = document_new(&limits) };
	return job_chore(j, opened, open_source);
}

static struct step
opened(struct job *j)
{
	struct import *im = j->state;

	if (im->error != 0)
		return import_fail(j, "%s", strerror(im->error));
	return import_more(j);
}

struct step
import_more(struct job *j)
{
	return job_chore(j, fed, read_chunk);
}

static struct step
fed(struct job *j)
{
	struct import *im = j->state;
	struct document *d = import_source(im)->document;

	if (im->error != 0)
		return import_fail(j, "%s", strerror(im->error));
	if (im->got == 0)
		document_close(d);
	document_feed(d, im->chunk, im->got);
	return import_go(j);
}

/* ---- What is told --------------------------------------------------------------------------- */

/* What the file says may not talk to the terminal. */
const char *
import_printable(struct arena *a, const char *text)
{
	char *out = arena_text(a, text ? text : "");

	for (char *p = out; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)p[1] < 0xa0))
			*p = '?';
	}
	return out;
}

void
import_tell(struct job *j, const char *fmt, ...)
{
	struct import *im = j->state;
	struct source *s = import_source(im);
	char text[1024];
	va_list ap;

	if (im->told++ >= TOLD_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	call_line(j, "%s line %zu: %s", s->path, document_line(s->document), text);
}

/* Of one alone the error tells. */
void
import_refuse(struct job *j, const char *why)
{
	struct import *im = j->state;

	if (im->refused++ == 0)
		im->failure = why;
	else
		import_tell(j, "%s", why);
}

static step_fn cleared;

/* The account that was being read goes again. */
struct step
import_fail(struct job *j, const char *fmt, ...)
{
	struct import *im = j->state;
	const struct source *s = import_source(im);
	char text[900];
	struct ask *asks;
	size_t count;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	im->failure = arena_printf(
		j->arena, "%s line %zu: %s", s->path, document_line(s->document), text);
	if (!im->in_user)
		return call_error(j, "bad_file", "%s", im->failure);
	count = portable_clear(j->arena, j->home, NULL, &asks);
	return job_query_else(j, cleared, asks, count);
}

static struct step
cleared(struct job *j)
{
	const struct import *im = j->state;

	j->account->reserved = false;
	return call_error(j, "bad_file", "%s", im->failure);
}

struct step
import_finish(struct job *j)
{
	const struct import *im = j->state;
	size_t count;
	const struct portable *const *parts = portables_all(&count);

	if (im->told > TOLD_MAX)
		call_line(j, "%lu more things were left out", im->told - TOLD_MAX);
	if (im->imported > 0 || im->refused == 0)
		call_line(j, "Imported users: %lu", im->imported);
	for (size_t i = 0; i < count; i++) {
		if (parts[i]->counted && im->totals[i] > 0)
			call_line(j, "Imported %s: %lu", parts[i]->counted, im->totals[i]);
	}
	if (im->refused > 1)
		return call_error(j, "conflict", "%s; in all %lu accounts were refused",
			im->failure, im->refused);
	return im->refused > 0 ? call_error(j, "conflict", "%s", im->failure) : call_done(j);
}

/* ---- Run ------------------------------------------------------------------------------------- */

static struct step
import_run(struct job *j)
{
	struct import *im = ARENA_NEW(j->arena, struct import);

	j->state = im;
	arena_keep(j->arena, drop, im);
	return import_open(j, file_path(j, CALL_ARGS(j, struct file_args)->file));
}

/* ---- The table ------------------------------------------------------------------------------ */

#define TAG "backup"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_import[] = {
	{ "import_user", TAG, COMMAND_WRITE, ARGS_OF(file), import_run, NULL,
		"Make the accounts that are in a file of this or another server (XEP-0227)",
		"import_user alice.xml" },
	{ "import_piefxis", TAG, COMMAND_WRITE, ARGS_OF(file), import_run, NULL,
		"The same as import_user", "import_piefxis 20260101-120000.xml" },
	END_COMMANDS,
};
