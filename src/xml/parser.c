/*
 * parser.c -- bytes of a stream to events.
 *
 * A parser is the bytes that were fed and not yet taken, how far the frame of the first item among
 * them is known (frame.h), and the namespaces of the stream's header.  When the frame is whole, the
 * item is parsed (tree.h) and its bytes are dropped.  So everything behind the last event is still
 * there as bytes, a fault is met only when its turn comes, and a stream without a cut element holds
 * nothing but a few words.
 *
 * Runs on: one thread at a time.
 */
#include "xml/parse.h"

#include "base/mem.h"
#include "xml/tree.h"

#include <assert.h>
#include <string.h>

enum { KEPT_MAX = 16 * 1024 }; /* bytes of an input buffer that is kept while empty */

enum state { START, BETWEEN, CLOSING, ENDED, FAULTY };

struct parser {
	struct buf in;
	struct frame frame; /* of the item that in starts with */
	struct parse_limits limits;
	enum state state;
	enum parse_fault fault;
	unsigned count;
	const struct scope *prefixes; /* declared by the header: &plain, or &own */
	const char *default_ns;
	const char *qname; /* of the header */
	struct str header; /* STR_NONE: the plain one */
	struct arena *names; /* texts of the four above, or NULL for the plain header */
	struct scope own;
};

static const struct parse_limits careful = { 64 * 1024, 64, 64 };
/* For parser_resume: what is read was limited when it came. */
static const struct parse_limits generous = { INT32_MAX / 2, 1, UINT32_MAX };

/* The usual header: <stream:stream xmlns='jabber:client' xmlns:stream='...'>. */
static const char plain_qname[] = "stream:stream";
static struct binding plain_rows[] = { { { "stream", 6 }, NS_STREAM } };
static const struct scope plain = { plain_rows, COUNT(plain_rows), 0 };

struct parser *
parser_new(void)
{
	struct parser *p = MEM_NEW(struct parser);

	p->limits = careful;
	parser_restart(p);
	return p;
}

void
parser_free(struct parser **pp)
{
	struct parser *p = *pp;

	if (!p)
		return;
	buf_fini(&p->in);
	scope_fini(&p->own);
	arena_free(&p->names);
	mem_free(pp);
}

void
parser_restart(struct parser *p)
{
	arena_free(&p->names);
	scope_fini(&p->own);
	p->prefixes = &p->own;
	p->frame = (struct frame){ 0 };
	p->state = START;
	p->fault = PARSE_OK;
	p->count = 0;
	p->default_ns = "";
	p->qname = NULL;
	p->header = STR_NONE;
}

void
parser_reset(struct parser *p)
{
	parser_restart(p);
	buf_clear(&p->in);
	if (p->in.cap > KEPT_MAX)
		buf_shrink(&p->in);
}

static void
set_plain(struct parser *p)
{
	scope_fini(&p->own);
	arena_free(&p->names);
	p->prefixes = &plain;
	p->default_ns = NS_CLIENT;
	p->qname = plain_qname;
	p->header = STR_NONE;
}

void
parser_resume(struct parser *p, struct str header)
{
	struct parse_limits limits = p->limits;
	struct arena *arena = NULL;
	const struct xml *element;
	enum parsed parsed;

	parser_reset(p);
	if (!header.p) {
		set_plain(p);
		p->state = BETWEEN;
		return;
	}
	parser_feed(p, header.p, header.n);
	p->limits = generous;
	parsed = parser_next(p, &arena, &element);
	assert(parsed == PARSED_HEADER); /* it is what parser_header gave */
	(void)parsed;
	p->limits = limits;
	arena_free(&arena);
}

void
parser_limit(struct parser *p, const struct parse_limits *limits)
{
	p->limits = *limits;
}

void
parser_feed(struct parser *p, const char *bytes, size_t n)
{
	if (p->state < ENDED)
		buf_put(&p->in, bytes, n);
}

/* ---- Events -------------------------------------------------------------- */

static enum parsed
fail(struct parser *p, enum parse_fault why)
{
	p->fault = why;
	p->state = FAULTY;
	return PARSED_FAULT;
}

static void
skip_space(struct parser *p)
{
	struct str in = buf_str(&p->in);
	size_t n = 0;

	while (n < in.n &&
		(in.p[n] == ' ' || in.p[n] == '\n' || in.p[n] == '\t' || in.p[n] == '\r'))
		n++;
	buf_take(&p->in, n);
}

/* The first item was delivered. */
static void
taken(struct parser *p, size_t n)
{
	buf_take(&p->in, n);
	if (p->in.cap > KEPT_MAX)
		buf_shrink(&p->in);
	p->frame = (struct frame){ 0 };
}

static bool
is_plain(const struct parser *p)
{
	return p->own.count == 1 && str_is(p->own.rows[0].prefix, "stream") &&
	       strcmp(p->own.rows[0].ns, NS_STREAM) == 0 && strcmp(p->default_ns, NS_CLIENT) == 0 &&
	       strcmp(p->qname, plain_qname) == 0;
}

/* The tag that parser_resume reads, made of the declarations alone. */
static void
rebuild_header(struct parser *p)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	buf_put_char(&b, '<');
	buf_put_text(&b, p->qname);
	buf_put_lit(&b, " xmlns='");
	xml_escape_attr(&b, str_of(p->default_ns));
	for (size_t i = 0; i < p->own.count; i++) {
		buf_put_lit(&b, "' xmlns:");
		buf_put_str(&b, p->own.rows[i].prefix);
		buf_put_lit(&b, "='");
		xml_escape_attr(&b, str_of(p->own.rows[i].ns));
	}
	buf_put_lit(&b, "'>");
	p->header = (struct str){ arena_str(p->names, buf_str(&b)), buf_len(&b) };
}

/* RFC 6120 11.6: a stream starts like UTF-16, with or without its mark, or may yet do so (MORE). */
static enum framed
find_utf16(struct str in)
{
	static const char starts[][2] = { { '\xfe', '\xff' }, { '\xff', '\xfe' }, { '\0', '<' },
		{ '<', '\0' } };

	for (size_t i = 0; i < COUNT(starts); i++) {
		if (in.p[0] == starts[i][0] && (in.n == 1 || in.p[1] == starts[i][1]))
			return in.n == 1 ? FRAMED_MORE : FRAMED_FAULT;
	}
	return FRAMED_DONE;
}

static enum parsed
next_header(struct parser *p, struct arena **arena, const struct xml **element)
{
	struct tree_outside outside = { &p->limits, p->prefixes, "" };
	enum parse_fault why;
	struct str in;

	if (p->frame.at == 0)
		skip_space(p);
	in = buf_str(&p->in);
	if (in.n == 0)
		return PARSED_MORE;
	switch (find_utf16(in)) {
	case FRAMED_MORE:
		return PARSED_MORE;
	case FRAMED_FAULT:
		return fail(p, PARSE_BAD_ENCODING);
	case FRAMED_DONE:
		break;
	}
	switch (frame_header(&p->frame, in, &p->limits)) {
	case FRAMED_MORE:
		return PARSED_MORE;
	case FRAMED_FAULT:
		return fail(p, p->frame.fault);
	case FRAMED_DONE:
		break;
	}
	p->names = arena_new(0);
	in.n = p->frame.at;
	why = tree_header(in, &p->frame, &outside, arena, element, p->names, &p->own,
		&p->default_ns, &p->qname);
	if (why != PARSE_OK)
		return fail(p, why);
	if (is_plain(p))
		set_plain(p);
	else
		rebuild_header(p);
	p->state = p->frame.empty ? CLOSING : BETWEEN;
	taken(p, in.n);
	return PARSED_HEADER;
}

/* The stream's close tag: in starts with `</`. */
static enum parsed
next_end(struct parser *p)
{
	struct str in = buf_str(&p->in), name;
	const char *end = str_find(in, '>');

	if (!end)
		return in.n > p->limits.max_bytes ? fail(p, PARSE_TOO_BIG) : PARSED_MORE;
	name = (struct str){ in.p + 2, (size_t)(end - in.p) - 2 };
	if (!str_starts(name, str_of(p->qname)))
		return fail(p, PARSE_NOT_WELL_FORMED);
	name = str_trim((struct str){ name.p + strlen(p->qname), name.n - strlen(p->qname) });
	if (name.n > 0)
		return fail(p, PARSE_NOT_WELL_FORMED);
	buf_take(&p->in, (size_t)(end - in.p) + 1);
	p->state = ENDED;
	return PARSED_END;
}

static enum parsed
next_element(struct parser *p, struct arena **arena, const struct xml **element)
{
	struct tree_outside outside = { &p->limits, p->prefixes, p->default_ns };
	enum parse_fault why;
	struct str in;

	if (p->frame.at == 0)
		skip_space(p);
	in = buf_str(&p->in);
	if (in.n == 0)
		return PARSED_MORE;
	if (in.p[0] != '<')
		return fail(p, PARSE_STRAY_TEXT);
	if (in.n == 1)
		return PARSED_MORE;
	if (in.p[1] == '/')
		return next_end(p);
	if (in.n > 2 && in.p[1] == '!' && in.p[2] == '[')
		return fail(p, PARSE_STRAY_TEXT); /* CDATA */
	if (in.p[1] == '!' && in.n == 2)
		return PARSED_MORE;
	switch (frame_element(&p->frame, in, &p->limits)) {
	case FRAMED_MORE:
		return PARSED_MORE;
	case FRAMED_FAULT:
		return fail(p, p->frame.fault);
	case FRAMED_DONE:
		break;
	}
	in.n = p->frame.at;
	why = tree_element(in, &p->frame, &outside, arena, element);
	if (why != PARSE_OK)
		return fail(p, why);
	p->count++;
	taken(p, in.n);
	return PARSED_ELEMENT;
}

enum parsed
parser_next(struct parser *p, struct arena **arena, const struct xml **element)
{
	switch (p->state) {
	case START:
		return next_header(p, arena, element);
	case BETWEEN:
		return next_element(p, arena, element);
	case CLOSING:
		p->state = ENDED;
		return PARSED_END;
	case ENDED:
		return PARSED_END;
	case FAULTY:
		break;
	}
	return PARSED_FAULT;
}

/* ---- State --------------------------------------------------------------- */

enum parse_fault
parser_fault(const struct parser *p)
{
	return p->fault;
}

bool
parser_is_idle(const struct parser *p)
{
	return p->state == BETWEEN && buf_len(&p->in) == 0;
}

struct str
parser_rest(const struct parser *p)
{
	return buf_str(&p->in);
}

struct str
parser_header(const struct parser *p)
{
	return p->header;
}

void
parser_assume(struct parser *p, const char *ns)
{
	p->default_ns = ns;
}

unsigned
parser_count(const struct parser *p)
{
	return p->count;
}

/* ---- Without a stream ---------------------------------------------------- */

enum parse_fault
parse_alone(struct str bytes, const struct parse_limits *limits, struct arena **arena,
	const struct xml **element)
{
	static const struct scope none;
	struct tree_outside outside = { limits, &none, "" };
	struct frame f = { 0 };
	struct str rest;

	if (bytes.n == 0 || bytes.p[0] != '<')
		return PARSE_STRAY_TEXT;
	if (bytes.n < 2 || bytes.p[1] == '/')
		return PARSE_NOT_WELL_FORMED;
	switch (frame_element(&f, bytes, limits)) {
	case FRAMED_MORE:
		return PARSE_NOT_WELL_FORMED;
	case FRAMED_FAULT:
		return f.fault;
	case FRAMED_DONE:
		break;
	}
	rest = str_trim((struct str){ bytes.p + f.at, bytes.n - f.at });
	if (rest.n > 0)
		return PARSE_STRAY_TEXT;
	bytes.n = f.at;
	return tree_element(bytes, &f, &outside, arena, element);
}
