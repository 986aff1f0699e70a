/*
 * fill.c -- writes a made-up past (past.h) into a server's archive, much faster than by sending it.
 *
 *	fill bongsu CONFIG ROWS BIG OWNERS TEXT...
 *	fill ejabberd ROWS BIG OWNERS TEXT...
 *	fill prosody ROWS BIG OWNERS TEXT...
 *
 * ROWS in all, of which account u0 owns BIG; OWNERS accounts; TEXT: files of what people say.
 *
 * Bongsu's rows are made by its own archive (home/archive.h) and written by its own drivers in the
 * order of time, into the store of a configuration whose server does not run.  Those of the others
 * go to the output, for LOAD DATA into their tables as they make them.
 *
 * Runs on: main.
 */
#include "past.h"

#include "base/log.h"
#include "home/archive_own.h"
#include "home/local.h"
#include "http/http.h"
#include "module/registry.h"
#include "store/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000 };

/* ---- Bongsu --------------------------------------------------------------------------- */

struct owner {
	int64_t number, last;
};

struct fill {
	const struct driver *driver;
	struct db *db;
	struct owner *owners;
	struct asks rows[BATCH];
	unsigned count; /* of rows */
	uint64_t stanzas; /* bytes */
};

/* What is prepared. */
static const enum archive_query queries[] = { ROW_INSERT, NUMBER_INSERT, NUMBER_GET };

static bool
failed(const char *what, const struct err *e)
{
	fprintf(stderr, "fill: %s: %s\n", what, e->text);
	return false;
}

static void
on_fault(const char *line, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

/* The schema, and the secret that hashes of addresses depend on. */
static bool
prepare_store(const struct config *c)
{
	struct err e;

	if (!workers_init(1, &e))
		return failed("workers", &e);
	homes_init();
	if (!store_open(c, &e) || !archive_init(&e))
		return failed("store", &e);
	store_close();
	return true;
}

static bool
connect_to(struct fill *f, const struct config *c)
{
	struct err e;
	bool sqlite = c->store.driver == STORE_SQLITE;

	f->driver = sqlite ? &driver_sqlite : &driver_mariadb;
	if (f->driver->open(c, 0, &f->db, &e) != DB_OK)
		return failed("connection", &e);
	for (unsigned i = 0; i < COUNT(queries); i++) {
		const struct query *q = &archive_queries[queries[i]];

		if (f->driver->prepare(f->db, i, !sqlite && q->mariadb ? q->mariadb : q->sql, &e) !=
			DB_OK)
			return failed(q->name, &e);
	}
	/* It need not survive anything, and nobody else is there. */
	if (sqlite &&
		(f->driver->script(f->db, STR("PRAGMA synchronous=OFF"), &e) != DB_OK ||
			f->driver->script(f->db, STR("PRAGMA cache_size=-6000000"), &e) != DB_OK))
		return failed("settings", &e);
	return true;
}

static bool
run(struct fill *f, unsigned query, const struct value *args, size_t count, struct result *out)
{
	struct err e;

	return f->driver->run(f->db, query, args, count, out, &e) == DB_OK ||
	       failed("statement", &e);
}

/* The number of each owner, old or new. */
static bool
number_owners(struct fill *f, unsigned count)
{
	char name[32];

	for (unsigned i = 0; i < count; i++) {
		struct value args[3];
		struct result got = { 0 };
		int64_t number = (int64_t)((i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 1);

		snprintf(name, sizeof(name), "u%u@localhost", i);
		args[0] = args[2] = of_text(name);
		args[1] = of_int(number);
		if (!run(f, 1, args, 3, &got) || !run(f, 2, args, 1, &got))
			return false;
		f->owners[i].number = row_int(&got.rows, 0, 0);
		result_clear(&got);
	}
	return true;
}

/* A home like that of the server, which its archive has been loaded into. */
static struct home
home_of(const struct fill *f, unsigned owner, struct jid address)
{
	struct home h = { .worker = worker_at(0), .jid = address };
	struct value cells[3] = { of_int(f->owners[owner].number), of_int(0), of_int(0) };
	struct rows rows = { 1, 3, cells, 0 };

	archive_loaded(&h, &rows);
	return h;
}

static void
add_row(struct fill *f, const struct past_row *r)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct archive_entry e = { .flags = ARCHIVE_COUNTS };
	struct home h;

	s = stanza_read((struct str){ r->stanza, r->stanza_size });
	h = home_of(f, r->owner, jid_bare(r->out ? s->from : s->to));
	e.stanza = s;
	e.id = archive_id_at((msec_t)(r->at_us / 1000));
	if (e.id <= f->owners[r->owner].last)
		e.id = f->owners[r->owner].last + 1;
	f->owners[r->owner].last = e.id;
	e.peer = r->out ? s->to : s->from;
	e.reference = archive_reference(r->id, s->to);
	e.flags |= r->out ? ARCHIVE_OUT : 0;
	e.flags |= strstr(r->stanza, "<origin-id ") ? ARCHIVE_ORIGIN : 0;
	archive_put(&h, &f->rows[f->count++], &e);
	f->stanzas += r->stanza_size;
}

static bool
flush(struct fill *f)
{
	const struct value *args[BATCH];
	struct result ignored = { 0 };
	struct err e = { "" };
	bool ok = f->driver->begin(f->db, DB_WRITE, &e) == DB_OK;

	for (unsigned i = 0; i < f->count; i++)
		args[i] = f->rows[i].list[0].args;
	if (f->driver->run_many) {
		ok = ok && f->driver->run_many(f->db, 0, args, 7, f->count, &e) == DB_OK;
	} else {
		for (unsigned i = 0; ok && i < f->count; i++)
			ok = f->driver->run(f->db, 0, args[i], 7, &ignored, &e) == DB_OK;
	}
	ok = ok && f->driver->commit(f->db, &e) == DB_OK;
	for (unsigned i = 0; i < f->count; i++) {
		asks_fini(&f->rows[i]);
		f->rows[i] = (struct asks)ASKS_NONE;
	}
	f->count = 0;
	return ok || failed("rows", &e);
}

static bool
fill_bongsu(struct past *p, const struct config *c)
{
	struct fill *f = calloc(1, sizeof(*f));
	struct past_row r;
	struct err e;
	bool ok;

	f->owners = calloc(p->owners, sizeof(*f->owners));
	ok = prepare_store(c) && connect_to(f, c) &&
	     f->driver->begin(f->db, DB_WRITE, &e) == DB_OK && number_owners(f, p->owners) &&
	     f->driver->commit(f->db, &e) == DB_OK;
	while (ok && past_next(p, &r)) {
		add_row(f, &r);
		if (f->count == BATCH)
			ok = flush(f);
		if (p->row % 1000000 == 0)
			fprintf(stderr, "%llu rows\n", (unsigned long long)p->row);
	}
	ok = ok && flush(f);
	f->driver->close(&f->db);
	if (ok)
		printf("fill rows=%llu stanza_bytes_each=%.1f\n", (unsigned long long)p->rows,
			(double)f->stanzas / (double)p->rows);
	free(f->owners);
	free(f);
	return ok;
}

/* ---- The others: columns with tabs between them ---------------------------------------- */

/* username, timestamp, peer, bare_peer, xml, txt, kind, nick */
static void
print_ejabberd(const struct past_row *r)
{
	const char *from = strstr(r->stanza, " from='") + 7;
	const char *other = r->out ? r->peer : from;

	printf("u%u\t%llu\t%.*s\t%s\t%s\t%s\tchat\t\n", r->owner, (unsigned long long)r->at_us,
		(int)strcspn(other, "'"), other, r->peer, r->stanza, r->body);
}

/* host, user, store, key, when, with, type, value */
static void
print_prosody(const struct past_row *r)
{
	printf("localhost\tu%u\tarchive\t%s\t%llu\t%s\txml\t%s\n", r->owner, r->id,
		(unsigned long long)(r->at_us / 1000000), r->peer, r->stanza);
}

static bool
print_all(struct past *p, void (*print)(const struct past_row *r))
{
	struct past_row r;

	while (past_next(p, &r))
		print(&r);
	return fflush(stdout) == 0;
}

static int
usage(void)
{
	fprintf(stderr, "usage: fill bongsu CONFIG ROWS BIG OWNERS TEXT...\n"
			"       fill ejabberd|prosody ROWS BIG OWNERS TEXT...\n");
	return 2;
}

int
main(int argc, char **argv)
{
	bool ours = argc > 1 && strcmp(argv[1], "bongsu") == 0;
	char **words = argv + (ours ? 3 : 2);
	const struct config *c = NULL;
	struct past p;

	if (argc < (ours ? 7 : 6))
		return usage();
	if (ours) {
		http_declare();
		registry_builtin();
		c = config_load(argv[2], on_fault, NULL);
		if (!c)
			return 1;
	}
	if (!past_open(&p, strtoull(words[0], NULL, 10), strtoull(words[1], NULL, 10),
		    (unsigned)strtoul(words[2], NULL, 10), words + 3))
		return 1;
	if (ours)
		return fill_bongsu(&p, c) ? 0 : 1;
	if (strcmp(argv[1], "ejabberd") == 0)
		return print_all(&p, print_ejabberd) ? 0 : 1;
	if (strcmp(argv[1], "prosody") == 0)
		return print_all(&p, print_prosody) ? 0 : 1;
	return usage();
}
