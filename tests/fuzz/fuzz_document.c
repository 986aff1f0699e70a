/*
 * Files of XEP-0227: the same bytes in one piece and in many must give the same events, and what the
 * core's parts make of them must be statements.  The first byte says how large the pieces are.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "home/portable.h"
#include "xml/document.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct parse_limits limits = { 4096, 12, 16 };
static struct home home;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
begin(struct arriving *a)
{
	*a = (struct arriving){ .home = &home, .arena = arena_new(0), .lasting = arena_new(0) };
}

static void
end(struct arriving *a)
{
	arriving_fini(a);
	arena_free(&a->arena);
	arena_free(&a->lasting);
}

/* As a child of <user/>, and as a child of that. */
static void
take(struct arriving *a, const struct xml *x, const struct xml *within)
{
	enum portable_form form;
	const struct portable *p = portable_find(within ? within : x, &form);
	size_t count = a->count;
	enum portable_taken taken;

	if (!p || (within && form != PORTABLE_CHILDREN) || (!within && form != PORTABLE_WHOLE))
		return;
	taken = p->take(a, arriving_state(a, p), x, within);
	must(taken != PORTABLE_ASKS && (taken != PORTABLE_LEFT_OUT || a->count == count));
}

/* Names that begin with s are skipped, containers of the parts are entered, others come whole. */
static void
tag(struct document *d, const struct xml *x)
{
	enum portable_form form = PORTABLE_WHOLE;
	const struct portable *p = portable_find(x, &form);

	if (x->name[0] == 's' && strcmp(x->ns, NS_PIE) != 0)
		document_skip(d);
	else if (strcmp(x->ns, NS_PIE) == 0)
		document_enter(d, DOCUMENT_TAGS);
	else if (p && form == PORTABLE_CHILDREN)
		document_enter(d, DOCUMENT_WHOLE);
}

/* False at the end. */
static bool
drain(struct document *d, struct arriving *a, struct buf *log)
{
	for (;;) {
		AUTO(arena_free) struct arena *arena = NULL;
		const struct xml *x;
		enum document_event e = document_next(d, &arena, &x);

		must(document_line(d) > 0);
		if (e == DOCUMENT_MORE)
			return true;
		buf_printf(log, "%d@%zu ", (int)e, document_line(d));
		if (e == DOCUMENT_FAULT)
			buf_put_text(log, document_why(d));
		if (e == DOCUMENT_FAULT || e == DOCUMENT_END)
			return false;
		if (e == DOCUMENT_LEAVE)
			continue;
		xml_write(log, x, NULL);
		if (e == DOCUMENT_TAG) {
			must(!x->first);
			tag(d, x);
			continue;
		}
		take(a, x, NULL);
		take(a, x, &(const struct xml){ .name = "query", .ns = NS_ROSTER });
	}
}

static void
read_all(struct str bytes, size_t step, struct buf *log)
{
	struct document *d = document_new(&limits);
	struct arriving a;
	bool open = true;

	begin(&a);
	for (size_t at = 0; open && at < bytes.n; at += step) {
		document_feed(d, bytes.p + at, step < bytes.n - at ? step : bytes.n - at);
		open = drain(d, &a, log);
	}
	document_close(d);
	if (open)
		must(!drain(d, &a, log));
	end(&a);
	document_free(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct str bytes = { (const char *)data + 1, size - 1 };
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (!started) {
		portables_init();
		home.jid = (struct jid){ "alice@localhost", 5, 9, 0 };
		started = true;
	}
	if (size < 2)
		return 0;
	read_all(bytes, bytes.n, &whole);
	read_all(bytes, (size_t)data[0] + 1, &pieces);
	must(str_eq(buf_str(&whole), buf_str(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
