/*
 * web.h -- files for browsers: a folder as it was when the configuration was read.
 *
 *	web.c   the module: what is served where, and with which headers
 *	site.c  the folder in memory
 *
 * Nothing is read while a request is answered: what is not in memory is not there.  So no path leads
 * out of the folder, a slow disk holds nobody up, and a browser never gets half of a change.
 *
 * Runs on: main (load), any thread (the rest).
 */
#ifndef MODULES_WEB_H
#define MODULES_WEB_H

#include "module/module.h"

/* Bytes and files of one folder, folders in folders. */
#define SITE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define SITE_FILES_MAX 10000
#define SITE_DEPTH_MAX 16

/* Immutable, shared by reference between threads. */
struct site;

struct site_file {
	struct hash_node by_path; /* "/index.html" */
	const char *type; /* Content-Type */
	struct str plain;
	struct str packed; /* by gzip; p NULL: there is none */
	const char *tag, *packed_tag; /* ETag, quoted */
	msec_t changed; /* for site.c */
};

/* Reads all regular files; names that begin with a dot and symbolic links are left out.  "a.js.gz"
 * beside "a.js" is the same packed, unless it is older.  NULL: it cannot be read, or is too large. */
struct site *site_load(const char *folder, struct err *e);
struct site *site_ref(struct site *s);
void site_unref(struct site **s);
/* The file of a path; one that ends in '/' has its index.html.  NULL: there is none. */
const struct site_file *site_find(const struct site *s, const char *path);
size_t site_count(const struct site *s);

#endif
