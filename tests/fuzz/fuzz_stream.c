/*
 * Streams: the same bytes in one piece and in many, and in two at each place if they are few, must
 * give the same events, and what was parsed and written must read the same again.  The first byte
 * says how large the pieces are, and whether a new stream begins behind the first element.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "xml/parse.h"
#include "xmpp/stanza.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct parse_limits limits = { 4096, 12, 16 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Reads an element that was written for a jabber:client stream, and writes it again. */
static void
read_again(struct str bytes, struct buf *out)
{
	static const struct parse_limits wide = { 1 << 24, 64, 64 };
	struct parser *p = parser_new();
	const struct xml *x;
	struct arena *a = NULL;

	parser_limit(p, &wide);
	parser_resume(p, STR_NONE);
	parser_feed(p, bytes.p, bytes.n);
	must(parser_next(p, &a, &x) == PARSED_ELEMENT);
	must(parser_is_idle(p));
	xml_write(out, x, NS_CLIENT);
	arena_free(&a);
	parser_free(&p);
}

static void
try_stanza(struct arena **a, const struct xml *x)
{
	const struct stanza *s, *bounce = NULL, *back;
	struct problem why;
	struct buf once = BUF_INIT, twice = BUF_INIT;
	bool whole;

	s = stanza_parse(a, x, JID_NONE, "en", &why, &bounce);
	must(*a == NULL);
	if (bounce) {
		must(!s && stanza_is_error(bounce));
		stanza_write(&once, bounce);
		read_again(buf_str(&once), &twice);
	}
	if (s) {
		stanza_write_alone(&once, s);
		back = stanza_read(buf_str(&once));
		must(back != NULL);
		stanza_write_alone(&twice, back);
		whole = str_eq(buf_str(&once), buf_str(&twice));
		must(whole);
		must(buf_len(&once) <= stanza_size(s) + 24); /* and its xmlns */
		stanza_unref(&back);
	}
	stanza_unref(&s);
	stanza_unref(&bounce);
	buf_fini(&once);
	buf_fini(&twice);
}

static void
element(struct arena **a, const struct xml *x, struct buf *log)
{
	size_t start = buf_len(log);
	struct buf again = BUF_INIT;
	struct str written;

	xml_write(log, x, NS_CLIENT);
	written = (struct str){ buf_bytes(log) + start, buf_len(log) - start };
	read_again(written, &again);
	must(str_eq(written, buf_str(&again)));
	buf_clear(&again);
	if (x->text.p) { /* what was written by the peer means the same as what we would write */
		struct buf raw = BUF_INIT;

		buf_put_lit(&raw, "<x>");
		buf_put_str(&raw, x->text);
		buf_put_lit(&raw, "</x>");
		read_again(buf_str(&raw), &again);
		buf_clear(&raw);
		buf_put_lit(&raw, "<x>");
		for (const struct xml *c = x->first; c; c = c->next)
			xml_write(&raw, c, NS_CLIENT);
		buf_put_lit(&raw, "</x>");
		must(str_eq(buf_str(&raw), buf_str(&again)));
		buf_fini(&raw);
	}
	buf_fini(&again);
	if (strcmp(x->ns, NS_CLIENT) == 0)
		try_stanza(a, x);
}

/* False at the end. */
static bool
drain(struct parser *p, bool restart, struct buf *log)
{
	for (;;) {
		const struct xml *x;
		struct arena *a = NULL;
		enum parsed e = parser_next(p, &a, &x);

		buf_put_char(log, (char)('0' + e));
		if (e == PARSED_MORE) {
			log->end--; /* how often there is nothing depends on the pieces */
			return true;
		}
		if (e == PARSED_FAULT)
			buf_put_char(log, (char)('A' + parser_fault(p)));
		if (e == PARSED_END || e == PARSED_FAULT)
			return false;
		if (e == PARSED_ELEMENT)
			element(&a, x, log);
		arena_free(&a);
		if (e == PARSED_ELEMENT && restart && parser_count(p) == 1)
			parser_restart(p);
		if (e == PARSED_HEADER && parser_header(p).p) {
			struct parser *q = parser_new();

			parser_resume(q, parser_header(p));
			must(parser_is_idle(q));
			parser_free(&q);
		}
	}
}

/* The first piece, then others of `step` bytes. */
static void
parse(struct str bytes, size_t first, size_t step, bool restart, struct buf *log)
{
	struct parser *p = parser_new();
	size_t n = first;

	parser_limit(p, &limits);
	for (size_t at = 0; at < bytes.n; at += n, n = step) {
		if (n > bytes.n - at)
			n = bytes.n - at;
		parser_feed(p, bytes.p + at, n);
		if (!drain(p, restart, log))
			break;
	}
	parser_free(&p);
}

static void
compare(struct str bytes, size_t first, size_t step, bool restart, const struct buf *whole)
{
	struct buf pieces = BUF_INIT;

	parse(bytes, first, step, restart, &pieces);
	must(str_eq(buf_str(whole), buf_str(&pieces)));
	buf_fini(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data + 1, size - 1 };
	struct buf whole = BUF_INIT;
	bool restart;
	size_t step;

	if (size < 2)
		return 0;
	restart = (data[0] & 128) != 0;
	step = (size_t)(data[0] & 127) + 1;
	parse(bytes, bytes.n, bytes.n, restart, &whole);
	compare(bytes, step, step, restart, &whole);
	for (size_t cut = 1; bytes.n <= 48 && cut < bytes.n; cut++)
		compare(bytes, cut, bytes.n, restart, &whole);
	buf_fini(&whole);
	return 0;
}
