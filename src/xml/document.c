/*
 * document.c -- a document that may be larger than memory, a piece at a time.
 *
 * It is a stack of elements that were entered, with the namespaces that are in force in each, and
 * the bytes that were fed and not yet taken.  What comes next among these is framed (frame.h): a
 * tag, which is parsed as streams' headers are, or a whole element, as first-level elements are.
 *
 * Runs on: one thread at a time.
 */
#include "xml/document.h"

#include "base/mem.h"
#include "xml/tree.h"

#include <string.h>

enum { KEPT_MAX = 256 * 1024 }; /* bytes of an input buffer that is kept while empty */

struct level {
	struct arena *names; /* texts of the rest */
	struct scope scope; /* those outside, then its own */
	const char *default_ns, *qname;
	enum document_children children;
};

enum state {
	BETWEEN, /* at what comes next */
	TAGGED, /* the tag was shown, and its bytes are there */
	SKIPPING,
	ENDED,
	FAULTY,
};

struct document {
	struct buf in;
	struct frame frame; /* of what `in` starts with */
	struct parse_limits limits;
	enum state state;
	bool is_closed; /* no more bytes */
	bool begun; /* the root's tag was seen */
	bool is_empty; /* the tag that was shown, or the level that was entered: it has no end */
	size_t tag; /* its bytes */
	struct level *levels; /* max_depth + 1; that of a tag that was shown is behind the last */
	size_t depth, skipped; /* entered; open within what is skipped */
	size_t line, event_line;
	const char *why;
};

static const struct scope nothing;

/* ---- Make and drop ------------------------------------------------------------------- */

struct document *
document_new(const struct parse_limits *limits)
{
	struct document *d = MEM_NEW(struct document);

	d->limits = *limits;
	d->levels = mem_new((limits->max_depth + 1) * sizeof(struct level));
	d->line = d->event_line = 1;
	return d;
}

static void
drop_level(struct level *l)
{
	arena_free(&l->names);
	scope_fini(&l->scope);
	*l = (struct level){ .names = NULL };
}

void
document_free(struct document **dp)
{
	struct document *d = *dp;

	if (!d)
		return;
	for (size_t i = 0; i <= d->limits.max_depth; i++)
		drop_level(&d->levels[i]);
	mem_free(&d->levels);
	buf_fini(&d->in);
	mem_free(dp);
}

void
document_feed(struct document *d, const char *bytes, size_t n)
{
	if (d->state < ENDED)
		buf_put(&d->in, bytes, n);
}

void
document_close(struct document *d)
{
	d->is_closed = true;
}

/* ---- Bytes ----------------------------------------------------------------------------- */

static enum document_event
fail(struct document *d, const char *why)
{
	d->state = FAULTY;
	d->why = why;
	d->event_line = d->line;
	return DOCUMENT_FAULT;
}

static enum document_event
fail_as(struct document *d, enum parse_fault fault)
{
	static const char *const reasons[] = {
		[PARSE_OK] = "",
		[PARSE_NOT_WELL_FORMED] = "this is not well-formed XML",
		[PARSE_RESTRICTED] =
			"there is a comment inside of data, a document type, a processing instruction or an entity",
		[PARSE_BAD_ENCODING] = "the encoding is not UTF-8",
		[PARSE_BAD_PREFIX] = "the prefix of a name is not declared",
		[PARSE_STRAY_TEXT] = "there is text where elements are expected",
		[PARSE_TOO_BIG] = "an element is too large",
		[PARSE_TOO_DEEP] = "elements are too deep, or have too many attributes",
	};

	return fail(d, reasons[fault]);
}

static enum document_event
more(struct document *d)
{
	return d->is_closed ? fail(d, "the file ends too early") : DOCUMENT_MORE;
}

/* The first n bytes are done with. */
static void
take(struct document *d, size_t n)
{
	const char *p = buf_bytes(&d->in), *end = p + n;

	while (n > 0 && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		d->line++;
		p++;
	}
	buf_take(&d->in, n);
	if (d->in.cap > KEPT_MAX)
		buf_shrink(&d->in);
	d->frame = (struct frame){ 0 };
}

static void
skip_space(struct document *d)
{
	struct str in = buf_str(&d->in);
	size_t n = 0;

	while (n < in.n &&
		(in.p[n] == ' ' || in.p[n] == '\n' || in.p[n] == '\t' || in.p[n] == '\r'))
		n++;
	if (n > 0)
		take(d, n);
}

static bool
begins(struct str in, struct str with)
{
	return memcmp(in.p, with.p, in.n < with.n ? in.n : with.n) == 0;
}

/* `in` begins with what ends so; the bytes to take.  0: more are needed. */
static size_t
length_to(struct str in, const char *end)
{
	const char *p = memmem(in.p, in.n, end, strlen(end));

	return p ? (size_t)(p - in.p) + strlen(end) : 0;
}

/* An XML declaration: no encoding is named, or it is UTF-8. */
static bool
is_utf8(struct str declaration)
{
	struct str utf8 = STR("UTF-8");

	if (!memmem(declaration.p, declaration.n, "encoding", strlen("encoding")))
		return true;
	for (size_t i = 0; i + utf8.n <= declaration.n; i++) {
		if (str_is_nocase((struct str){ declaration.p + i, utf8.n }, utf8.p))
			return true;
	}
	return false;
}

/* Before the root's tag. */
static bool
is_declaration(const struct document *d, struct str in)
{
	return !d->begun && begins(in, STR("<?xml")) && (in.n < 6 || in.p[5] == ' ');
}

/* DOCUMENT_TAG: something other than space, comments and the declaration is there. */
static enum document_event
skip_comments(struct document *d)
{
	struct str in;
	bool declares;
	size_t n;

	for (;;) {
		skip_space(d);
		in = buf_str(&d->in);
		if (in.n < 2)
			return DOCUMENT_MORE;
		declares = is_declaration(d, in);
		if (!declares && !begins(in, STR("<!--")))
			return DOCUMENT_TAG;
		n = length_to(in, declares ? "?>" : "-->");
		if (n == 0 && in.n > d->limits.max_bytes)
			return fail_as(d, PARSE_TOO_BIG);
		if (n == 0)
			return DOCUMENT_MORE;
		if (declares && !is_utf8((struct str){ in.p, n }))
			return fail_as(d, PARSE_BAD_ENCODING);
		take(d, n);
	}
}

/* ---- Tags ------------------------------------------------------------------------------ */

static struct tree_outside
outside_of(const struct document *d)
{
	const struct level *l = d->depth > 0 ? &d->levels[d->depth - 1] : NULL;

	return (struct tree_outside){ &d->limits, l ? &l->scope : &nothing,
		l ? l->default_ns : "" };
}

static enum document_event
next_tag(struct document *d, struct arena **arena, const struct xml **x)
{
	struct tree_outside outside = outside_of(d);
	struct level *l = &d->levels[d->depth];
	struct str in = buf_str(&d->in);
	enum parse_fault fault;

	if (d->depth == d->limits.max_depth)
		return fail_as(d, PARSE_TOO_DEEP);
	switch (frame_header(&d->frame, in, &d->limits)) {
	case FRAMED_MORE:
		return more(d);
	case FRAMED_FAULT:
		return fail_as(d, d->frame.fault);
	case FRAMED_DONE:
		break;
	}
	drop_level(l);
	l->names = arena_new(0);
	for (size_t i = 0; i < outside.prefixes->count; i++)
		scope_add(
			&l->scope, outside.prefixes->rows[i].prefix, outside.prefixes->rows[i].ns);
	in.n = d->frame.at;
	fault = tree_header(
		in, &d->frame, &outside, arena, x, l->names, &l->scope, &l->default_ns, &l->qname);
	if (fault != PARSE_OK)
		return fail_as(d, fault);
	if (l->scope.count > d->limits.max_attrs) {
		arena_free(arena);
		return fail_as(d, PARSE_TOO_DEEP);
	}
	d->begun = true;
	d->is_empty = d->frame.empty;
	d->tag = in.n;
	d->frame = (struct frame){ 0 };
	d->state = TAGGED;
	return DOCUMENT_TAG;
}

void
document_enter(struct document *d, enum document_children children)
{
	if (d->state != TAGGED)
		return;
	d->levels[d->depth++].children = children;
	take(d, d->tag);
	d->state = BETWEEN;
}

void
document_skip(struct document *d)
{
	if (d->state != TAGGED)
		return;
	take(d, d->tag);
	d->skipped = !d->is_empty;
	d->state = SKIPPING;
}

/* ---- Ends ------------------------------------------------------------------------------ */

static enum document_event
leave(struct document *d)
{
	drop_level(&d->levels[--d->depth]);
	d->is_empty = false;
	return DOCUMENT_LEAVE;
}

/* `in` starts with `</`. */
static enum document_event
next_end(struct document *d)
{
	struct str in = buf_str(&d->in), name, qname = str_of(d->levels[d->depth - 1].qname);
	const char *end = str_find(in, '>');

	if (!end)
		return in.n > d->limits.max_bytes ? fail_as(d, PARSE_TOO_BIG) : more(d);
	name = (struct str){ in.p + 2, (size_t)(end - in.p) - 2 };
	if (!str_starts(name, qname) ||
		str_trim((struct str){ name.p + qname.n, name.n - qname.n }).n > 0)
		return fail(d, "an element ends here that does not begin");
	take(d, (size_t)(end - in.p) + 1);
	return leave(d);
}

/* Behind the root. */
static enum document_event
next_nothing(struct document *d, enum document_event found)
{
	if (found == DOCUMENT_TAG || (d->is_closed && buf_len(&d->in) > 0))
		return fail(d, "something comes behind the end");
	if (!d->is_closed)
		return DOCUMENT_MORE;
	d->state = ENDED;
	return DOCUMENT_END;
}

/* ---- Elements ---------------------------------------------------------------------------- */

static enum document_event
next_whole(struct document *d, struct arena **arena, const struct xml **x)
{
	struct tree_outside outside = outside_of(d);
	struct str in = buf_str(&d->in);
	enum parse_fault fault;

	switch (frame_element(&d->frame, in, &d->limits)) {
	case FRAMED_MORE:
		return more(d);
	case FRAMED_FAULT:
		return fail_as(d, d->frame.fault);
	case FRAMED_DONE:
		break;
	}
	in.n = d->frame.at;
	fault = tree_element(in, &d->frame, &outside, arena, x);
	if (fault != PARSE_OK)
		return fail_as(d, fault);
	take(d, in.n);
	d->is_empty = false;
	d->state = BETWEEN;
	return DOCUMENT_ELEMENT;
}

static enum document_event
next_between(struct document *d, struct arena **arena, const struct xml **x)
{
	const struct level *l = d->depth > 0 ? &d->levels[d->depth - 1] : NULL;
	struct str in;

	if (l && d->is_empty)
		return leave(d);
	if (d->frame.at == 0) {
		enum document_event found = skip_comments(d);

		d->event_line = d->line;
		if (found == DOCUMENT_FAULT)
			return found;
		if (!l && d->begun)
			return next_nothing(d, found);
		if (found == DOCUMENT_MORE)
			return more(d);
	}
	in = buf_str(&d->in);
	if (in.p[0] != '<')
		return fail_as(d, PARSE_STRAY_TEXT);
	if (l && in.p[1] == '/')
		return next_end(d);
	if (l && l->children == DOCUMENT_WHOLE)
		return next_whole(d, arena, x);
	return next_tag(d, arena, x);
}

/* ---- What is skipped ------------------------------------------------------------------------ */

/* Takes the tag, comment or text that `in` begins with.  False: more bytes are needed, or *fault. */
static bool
skip_one(struct document *d, enum parse_fault *fault)
{
	struct str in = buf_str(&d->in);
	size_t n = 0;

	if (in.n == 0)
		return false;
	if (in.p[0] != '<') {
		n = length_to(in, "<");
		take(d, n > 0 ? n - 1 : in.n);
		return true;
	}
	if (begins(in, STR("<!--"))) {
		n = length_to(in, "-->");
	} else if (begins(in, STR("<![CDATA["))) {
		n = length_to(in, "]]>");
	} else if (in.p[1] == '/') {
		n = length_to(in, ">");
		d->skipped -= n > 0;
	} else if (frame_header(&d->frame, in, &d->limits) == FRAMED_DONE) {
		n = d->frame.at;
		d->skipped += !d->frame.empty;
	}
	*fault = d->frame.fault;
	if (n == 0 && *fault == PARSE_OK && in.n > d->limits.max_bytes)
		*fault = PARSE_TOO_BIG;
	if (n > 0 && *fault == PARSE_OK)
		take(d, n);
	return n > 0 && *fault == PARSE_OK;
}

static enum document_event
next_skipped(struct document *d)
{
	enum parse_fault fault = PARSE_OK;

	while (d->skipped > 0) {
		if (skip_one(d, &fault))
			continue;
		return fault != PARSE_OK ? fail_as(d, fault) : more(d);
	}
	d->state = BETWEEN;
	d->is_empty = false;
	return DOCUMENT_LEAVE;
}

/* ---- Events ----------------------------------------------------------------------------------- */

enum document_event
document_next(struct document *d, struct arena **arena, const struct xml **x)
{
	*arena = NULL;
	switch (d->state) {
	case BETWEEN:
		return next_between(d, arena, x);
	case TAGGED:
		return next_whole(d, arena, x);
	case SKIPPING:
		return next_skipped(d);
	case ENDED:
		return DOCUMENT_END;
	case FAULTY:
		break;
	}
	return DOCUMENT_FAULT;
}

size_t
document_line(const struct document *d)
{
	return d->event_line;
}

const char *
document_why(const struct document *d)
{
	return d->why;
}
