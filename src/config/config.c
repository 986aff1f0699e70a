/*
 * config.c -- from a file to a snapshot.
 *
 * The tree of the file is read first; then every key finds its table, and every fault is written
 * down without stopping, so that one look at the report mends the file.  Only a file without any
 * fault becomes a snapshot.  The tree and the faults have an arena of their own that ends with the
 * load.
 *
 * Runs on: main.
 */
#include "config/config.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- The file ------------------------------------------------------------------------ */

/* Reads a regular file of at most YAML_SIZE_MAX + 1 bytes. */
static bool
read_all(int fd, struct buf *out, struct err *e)
{
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, "it is a folder");
	while (n != 0 && buf_len(out) <= YAML_SIZE_MAX) {
		n = read(fd, buf_room(out, 65536), 65536);
		if (n < 0 && errno != EINTR)
			return err_set(e, "%s", strerror(errno));
		if (n > 0)
			buf_added(out, (size_t)n);
	}
	return true;
}

static bool
read_file(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool done;

	if (fd < 0)
		return err_set(e, "%s", strerror(errno));
	done = read_all(fd, out, e);
	(void)close(fd);
	return done;
}

/* The folder of a file, absolute. */
static const char *
folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *here, *dir;

	if (path[0] == '/')
		return slash == path ? ""
				     : arena_str(a, (struct str){ path, (size_t)(slash - path) });
	here = realpath(".", NULL);
	dir = slash ? arena_printf(a, "%s/%.*s", here ? here : "", (int)(slash - path), path)
		    : arena_text(a, here ? here : "");
	free(here);
	return dir;
}

/* ---- Keys ------------------------------------------------------------------------------ */

static const struct block *
find_block(struct str name)
{
	for (const struct block *b = config_blocks; b->name; b++) {
		if (str_is(name, b->name))
			return b;
	}
	return NULL;
}

static bool
is_list(struct str name)
{
	for (size_t i = 0; config_lists[i]; i++) {
		if (str_is(name, config_lists[i]))
			return true;
	}
	return false;
}

static void
unknown_key(struct load *l, const struct yaml *entry)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; config_lists[i]; i++)
		names[n++] = config_lists[i];
	for (const struct block *b = config_blocks; b->name; b++)
		names[n++] = b->name;
	for (const struct field *f = config_top; f->name; f++)
		names[n++] = f->name;
	names[n] = NULL;
	load_unknown(l, entry, "an option", names);
}

static void
load_block(struct load *l, const struct block *b, const struct yaml *node)
{
	if (!yaml_is_null(node) && load_is_map(l, node, b->name))
		load_fields(l, b->fields, (char *)l->config + b->offset, node, b->name);
}

static void
load_top(struct load *l)
{
	fields_default(config_top, l->config, l->arena);
	for (const struct block *b = config_blocks; b->name; b++)
		fields_default(b->fields, (char *)l->config + b->offset, l->arena);
	for (const struct yaml *it = l->root->first; it; it = it->next) {
		const struct field *f = fields_find(config_top, it->key);
		const struct block *b = find_block(it->key);

		if (f)
			load_field(l, f, l->config, it);
		else if (b)
			load_block(l, b, it);
		else if (!is_list(it->key))
			unknown_key(l, it);
	}
}

/* ---- Checks over several options --------------------------------------------------------- */

/* The place of an option, or of its block, or of the whole. */
static const struct yaml *
place_of_option(struct load *l, const char *block, const char *name)
{
	const struct yaml *b = block ? yaml_find(l->root, block) : l->root, *at;

	if (!b)
		return l->root;
	at = b->kind == YAML_MAP ? yaml_find(b, name) : NULL;
	return at ? at : b;
}

static void
check_data_dir(struct load *l)
{
	struct config *c = l->config;
	const struct yaml *at =
		place_of_option(l, NULL, c->control_socket ? "control_socket" : "data_dir");

	if (!c->data_dir)
		c->data_dir = BONGSU_DATA_DIR;
	if (!c->control_socket)
		c->control_socket = arena_printf(l->arena, "%s/bongsuctl.sock", c->data_dir);
	if (strlen(c->control_socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		fault_add(&l->faults, at->line, at->column,
			"the control socket's name %s is too long; expected at most %zu bytes",
			c->control_socket, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
}

static void
check_c2s(struct load *l)
{
	const struct c2s_conf *c2s = &l->config->c2s;
	const struct yaml *at = place_of_option(l, "c2s", "max_stanza_before_auth");

	if (c2s->max_stanza_before_auth > c2s->max_stanza)
		fault_add(&l->faults, at->line, at->column,
			"max_stanza_before_auth is larger than max_stanza; expected at most as much");
}

/* RFC 6120 and XEP-0156 want no addresses without TLS. */
static void
check_http(struct load *l)
{
	const struct http_conf *http = &l->config->http;
	const struct yaml *at = place_of_option(l, "http", "public_url");

	if (http->public_url && !str_starts(str_of(http->public_url), STR("https://")))
		fault_add(&l->faults, at->line, at->column,
			"public_url is %s; expected an address that begins with https://",
			fault_quote(&l->faults, str_of(http->public_url)));
}

/* «area=level» */
static void
check_log_area(struct load *l, const char *text)
{
	static const char *const areas[] = {
#define AREA(symbol, name, doc) name,
#include "base/log_areas.def"
#undef AREA
		NULL,
	};
	const struct yaml *at = place_of_option(l, "log", "areas");
	struct str rest = str_of(text), name = str_cut(&rest, '=');
	const char *near, *area = arena_str(l->faults.arena, name);
	enum log_level level;
	enum log_area known;

	if (log_area_parse(area, &known) && rest.p && log_level_parse(rest.p, &level))
		return;
	near = log_area_parse(area, &known) ? NULL : names_nearest(areas, name);
	fault_add(&l->faults, at->line, at->column,
		"areas has %s; expected an area and a level such as store=debug%s",
		fault_quote(&l->faults, str_of(text)),
		near ? arena_printf(l->faults.arena, "; did you mean \"%s\"?", near) : "");
}

static void
check_log(struct load *l)
{
	struct log_conf *log = &l->config->log;

	if (log->file && text_eq(log->file, "-"))
		log->file = NULL;
	else if (log->file)
		log->file = load_path(l, log->file);
	for (size_t i = 0; log->areas && log->areas[i]; i++)
		check_log_area(l, log->areas[i]);
}

/* ---- Load ---------------------------------------------------------------------------------- */

static void
load_tree(struct load *l)
{
	load_top(l);
	load_hosts(l);
	load_listens(l);
	check_data_dir(l);
	check_c2s(l);
	check_http(l);
	check_log(l);
}

static void
drop_hash(void *hash)
{
	hash_fini(hash);
}

static struct config *
config_new(const char *path)
{
	struct arena *a = arena_new(4096);
	struct config *c = ARENA_NEW(a, struct config);

	c->refs = 1;
	c->arena = a;
	c->path = arena_text(a, path);
	hash_init(&c->by_name);
	arena_keep(a, drop_hash, &c->by_name);
	return c;
}

/* What a load needs beside the snapshot: the tree and the faults, in a scratch arena. */
static struct load *
load_new(struct arena *a, const char *path)
{
	struct load *l = MEM_NEW(struct load);

	l->arena = a;
	l->dir = folder_of(a, path);
	l->faults.arena = arena_new(16384);
	l->faults.path = path;
	return l;
}

static void
load_free(struct load **l)
{
	arena_free(&(*l)->faults.arena);
	mem_free(l);
}

static void
load_bytes(struct load *l, struct str bytes)
{
	l->root = yaml_read(bytes, &l->faults);
	if (l->root && !load_is_map(l, l->root, "the file"))
		l->root = NULL;
}

static void
load_file(struct load *l, const char *path)
{
	struct buf bytes = BUF_INIT;
	struct err e;

	if (read_file(path, &bytes, &e))
		load_bytes(l, buf_str(&bytes));
	else
		fault_add(&l->faults, 0, 0, "cannot be read: %s; expected a configuration file",
			e.text);
	if (buf_len(&bytes) > 0)
		mem_wipe(bytes.mem + bytes.start, buf_len(&bytes)); /* There may be passwords. */
	buf_fini(&bytes);
}

/* Takes l. */
static struct config *
finish(struct load *l, config_fault_fn *fault, void *ctx)
{
	struct config *c = l->config;

	if (l->root)
		load_tree(l);
	faults_tell(&l->faults, fault, ctx);
	if (l->faults.count > 0)
		config_unref(&c);
	load_free(&l);
	return c;
}

struct config *
config_load(const char *path, config_fault_fn *fault, void *ctx)
{
	struct config *c = config_new(path);
	struct load *l = load_new(c->arena, path);

	l->config = c;
	load_file(l, path);
	return finish(l, fault, ctx);
}

struct config *
config_read(const char *path, struct str bytes, config_fault_fn *fault, void *ctx)
{
	struct config *c = config_new(path);
	struct load *l = load_new(c->arena, path);

	l->config = c;
	load_bytes(l, bytes);
	return finish(l, fault, ctx);
}

/* The value of an option at the top that names a file, or NULL. */
static const char *
find_path(struct load *l, const char *option)
{
	const struct yaml *node = yaml_find(l->root, option);

	return node && node->kind == YAML_TEXT && node->text.n > 0 ? load_path(l, node->text.p)
								   : NULL;
}

const char *
config_modules_dir(struct arena *a, const char *path)
{
	struct load *l = load_new(a, path);
	const char *dir = NULL;

	load_file(l, path);
	if (l->root)
		dir = find_path(l, "modules_dir");
	load_free(&l);
	return dir;
}

static void
keep_fault(const char *line, void *ctx)
{
	struct err *e = ctx;

	if (e->text[0] == '\0')
		(void)err_set(e, "%s", line);
}

const char *
config_control_socket(struct arena *a, const char *path, struct err *e)
{
	struct load *l = load_new(a, path);
	const char *socket = NULL, *dir;

	e->text[0] = '\0';
	load_file(l, path);
	if (l->root) {
		socket = find_path(l, "control_socket");
		dir = find_path(l, "data_dir");
		if (!socket)
			socket = arena_printf(a, "%s/bongsuctl.sock", dir ? dir : BONGSU_DATA_DIR);
	} else {
		faults_tell(&l->faults, keep_fault, e);
	}
	load_free(&l);
	return socket;
}

const struct host *
config_host(const struct config *c, struct str domain)
{
	struct hash_node *n = hash_find(&c->by_name, domain);

	return n ? CONTAINER(n, struct host, by_name) : NULL;
}
