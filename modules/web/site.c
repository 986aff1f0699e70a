/*
 * site.c -- a folder in memory.
 *
 * Every folder and file is opened relative to the folder above it and without following links, so
 * that somebody who changes the tree meanwhile cannot lead the reader elsewhere.
 *
 * Runs on: main (load), any thread (the rest).
 */
#include "modules/web/web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct site {
	int refs; /* atomic */
	struct arena *arena;
	struct hash files;
	size_t bytes;
};

static const struct {
	const char *suffix, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".mjs", "text/javascript; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".map", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".txt", "text/plain; charset=utf-8" },
	{ ".xml", "application/xml" },
	{ ".wasm", "application/wasm" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".jpeg", "image/jpeg" },
	{ ".gif", "image/gif" },
	{ ".webp", "image/webp" },
	{ ".ico", "image/x-icon" },
	{ ".woff", "font/woff" },
	{ ".woff2", "font/woff2" },
	{ ".ttf", "font/ttf" },
	{ ".mp3", "audio/mpeg" },
	{ ".ogg", "audio/ogg" },
	{ ".pdf", "application/pdf" },
	{ ".gz", "application/gzip" },
};

static const char *
type_of(const char *path)
{
	for (size_t i = 0; i < COUNT(types); i++) {
		if (str_ends(str_of(path), str_of(types[i].suffix)))
			return types[i].type;
	}
	return "application/octet-stream";
}

static const char *
tag_of(struct arena *a, struct str bytes)
{
	uint8_t digest[DIGEST_MAX];

	digest_of(DIGEST_SHA256, bytes, digest);
	return arena_printf(a, "\"%s\"", hex_encode(a, digest, 16));
}

/* ---- Reading ------------------------------------------------------------------------ */

static bool read_folder(struct site *s, int fd, const char *path, int depth, struct err *e);

static bool
read_bytes(struct site *s, int fd, size_t n, struct str *out)
{
	char *bytes = arena_alloc(s->arena, n + 1);
	size_t got = 0;

	while (got < n) {
		ssize_t more = read(fd, bytes + got, n - got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			break; /* It shrank: what is there counts. */
		got += (size_t)more;
	}
	*out = (struct str){ bytes, got };
	return got == n || errno == 0;
}

static bool
read_file(struct site *s, int fd, const struct stat *st, const char *path, struct err *e)
{
	struct site_file *f;

	if (s->files.count >= SITE_FILES_MAX)
		return err_set(e, "more than %d files", SITE_FILES_MAX);
	if ((size_t)st->st_size > SITE_BYTES_MAX - s->bytes)
		return err_set(e, "more than %zu bytes", SITE_BYTES_MAX);
	s->bytes += (size_t)st->st_size;
	f = ARENA_NEW(s->arena, struct site_file);
	errno = 0;
	if (!read_bytes(s, fd, (size_t)st->st_size, &f->plain))
		return err_errno(e, "read %s", path);
	f->type = type_of(path);
	f->tag = tag_of(s->arena, f->plain);
	f->changed = (msec_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
	hash_add(&s->files, &f->by_path, str_of(path));
	return true;
}

/* Takes what has that name in the folder fd; what is neither folder nor file is passed over. */
static bool
read_entry(struct site *s, int fd, const char *name, const char *path, int depth, struct err *e)
{
	int entry = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool done = true;

	if (entry < 0 && (errno == ELOOP || errno == ENXIO || errno == ENOENT))
		return true;
	if (entry < 0)
		return err_errno(e, "open %s", path);
	if (fstat(entry, &st) < 0)
		done = err_errno(e, "look at %s", path);
	else if (S_ISDIR(st.st_mode))
		return read_folder(s, entry, path, depth + 1, e);
	else if (S_ISREG(st.st_mode))
		done = read_file(s, entry, &st, path, e);
	close(entry);
	return done;
}

/* Takes fd. */
static bool
read_folder(struct site *s, int fd, const char *path, int depth, struct err *e)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	bool done = true;

	if (!dir) {
		close(fd);
		return err_errno(e, "read the folder %s", path);
	}
	if (depth > SITE_DEPTH_MAX)
		done = err_set(e, "more than %d folders in one another", SITE_DEPTH_MAX);
	while (done && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			done = read_entry(s, fd, entry->d_name,
				arena_printf(s->arena, "%s/%s", path, entry->d_name), depth, e);
	}
	closedir(dir);
	return done;
}

/* ---- Packed files -------------------------------------------------------------------- */

static struct site_file *
file_at(const struct site *s, const char *path)
{
	struct hash_node *n = hash_find(&s->files, str_of(path));

	return n ? CONTAINER(n, struct site_file, by_path) : NULL;
}

static void
find_packed(struct site *s)
{
	for (struct hash_node *n = NULL; (n = hash_next(&s->files, n));) {
		struct site_file *f = CONTAINER(n, struct site_file, by_path);
		const char *name = arena_printf(s->arena, "%.*s.gz", STR_ARG(n->key));
		const struct site_file *packed = file_at(s, name);

		if (!packed || packed->changed < f->changed || packed->plain.n >= f->plain.n)
			continue;
		f->packed = packed->plain;
		f->packed_tag = packed->tag;
	}
}

/* ---- The folder ------------------------------------------------------------------------ */

struct site *
site_load(const char *folder, struct err *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct site *s;

	if (fd < 0) {
		(void)err_errno(e, "open the folder %s", folder);
		return NULL;
	}
	s = MEM_NEW(struct site);
	s->refs = 1;
	s->arena = arena_new(0);
	hash_init(&s->files);
	if (!read_folder(s, fd, "", 0, e)) {
		(void)err_wrap(e, "%s", folder);
		site_unref(&s);
		return NULL;
	}
	find_packed(s);
	return s;
}

struct site *
site_ref(struct site *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void
site_unref(struct site **s)
{
	struct site *old = *s;

	*s = NULL;
	if (!old || __atomic_sub_fetch(&old->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	hash_fini(&old->files);
	arena_free(&old->arena);
	mem_free(&old);
}

const struct site_file *
site_find(const struct site *s, const char *path)
{
	size_t n = strlen(path);
	char index[1024];

	if (n == 0 || path[n - 1] != '/')
		return file_at(s, path);
	if (n + sizeof("index.html") > sizeof(index))
		return NULL;
	snprintf(index, sizeof(index), "%sindex.html", path);
	return file_at(s, index);
}

size_t
site_count(const struct site *s)
{
	return s->files.count;
}
