/*
 * import_own.h -- what the files of an import share.
 *
 *	commands_import.c  the command, its files, what is told
 *	import_read.c      what the elements of a file mean
 *
 * Runs on: see commands_import.c
 */
#ifndef ADMIN_IMPORT_OWN_H
#define ADMIN_IMPORT_OWN_H

#include "admin/command_own.h"

#include "home/portable.h"
#include "xml/document.h"

/* A file, those that it includes, and so on. */
#define SOURCES_MAX 4
#define PLACES_MAX 16
/* Lines about what was left out. */
#define TOLD_MAX 100
#define CHUNK 65536

struct source {
	int fd;
	const char *path;
	struct document *document;
};

/* Inside of what the reader is. */
enum place {
	AT_SERVER, /* <server-data/> */
	AT_HOST,
	AT_USER,
	AT_REFUSED, /* a <user/> that is not imported */
	AT_CHILDREN, /* an element of a user, of which each child is taken */
	AT_TAGS, /* one, of which children of children are */
	AT_GRANDCHILDREN, /* such a child */
	AT_SKIPPED,
};

struct import {
	struct source sources[SOURCES_MAX];
	size_t sources_count;
	char chunk[CHUNK];
	size_t got;
	int error; /* errno */
	enum place places[PLACES_MAX];
	size_t depth;
	const char *host; /* prepared; of the <host/> around */
	const char *include; /* path of what comes in the place of what is skipped, or NULL */
	/* The account. */
	bool in_user;
	struct jid jid;
	struct arriving arriving;
	const struct portable *part; /* that knows the element */
	struct arena *tag_arenas[2]; /* of tags: <user/>'s child, and its child */
	const struct xml *tags[2];
	struct arena *element_arena; /* one that waits for the answer to its part's question */
	const struct xml *element, *within;
	/* What is told. */
	unsigned long told, imported, refused;
	unsigned long totals[PORTABLE_MAX];
	const char *failure; /* why it ends, or the first account was refused */
};

static inline struct source *
import_source(struct import *im)
{
	return &im->sources[im->sources_count - 1];
}

/* Goes on with the next event of the document. */
step_fn import_go;
/* Reads more of the file, and goes on. */
step_fn import_more;
step_fn import_finish;
MUST_CHECK struct step import_open(struct job *j, const char *path);
/* The file that was opened last; another one is below it. */
void import_close(struct import *im);
/* Ends the import with a fault at the line of the last event. */
MUST_CHECK struct step import_fail(struct job *j, const char *fmt, ...) PRINTF(2, 3);
/* A line about what was left out there. */
void import_tell(struct job *j, const char *fmt, ...) PRINTF(2, 3);
/* An account is not imported; why is in the job's arena. */
void import_refuse(struct job *j, const char *why);
const char *import_printable(struct arena *a, const char *text);

#endif
