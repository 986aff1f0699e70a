/*
 * frame.c -- where a first-level element ends.
 *
 * A scanner that knows just enough XML to find the last byte of an element: tags, quoted values,
 * CDATA.  Expat then gets the element whole, which is its fastest way, and nothing is parsed ahead
 * of what the stream wants: bytes behind an element stay bytes.  The limits of size, depth and
 * number of nodes hold here, before any memory is spent on a tree.
 *
 * The scanner is not the judge of what is well formed.  It refuses what it sees (comments,
 * processing instructions, DTDs, stray `<`); for the rest it may be wrong about where a malformed
 * element ends, but expat then refuses that element.
 *
 * Each byte is looked at once, however the input is cut.
 *
 * Runs on: one thread at a time.
 */
#include "xml/frame.h"

#include <string.h>

/* A tree of the smallest nodes takes this many bytes of input for each, or it is refused: otherwise
 * memory would be a large multiple of the bytes that the limit allows. */
enum { BYTES_PER_NODE = 16, NODES_ALWAYS = 64 };

static enum framed
fault(struct frame *f, enum parse_fault why)
{
	f->fault = why;
	return FRAMED_FAULT;
}

/* The newest tag ends with the `>` before f->at. */
static enum framed
tag_ends(struct frame *f, const char *p, const struct parse_limits *limits)
{
	f->place = FRAME_TEXT;
	if (f->closing) {
		if (--f->depth > 0)
			return FRAMED_MORE;
		f->inner_end = f->tag;
		return FRAMED_DONE;
	}
	if (f->depth >= limits->max_depth)
		return fault(f, PARSE_TOO_DEEP);
	if (p[f->at - 2] != '/')
		f->depth++;
	else if (f->depth == 0)
		return FRAMED_DONE;
	if (f->inner == 0)
		f->inner = f->at;
	return FRAMED_MORE;
}

/* Up to the next `>` outside of quotes. */
static enum framed
scan_tag(struct frame *f, struct str bytes)
{
	const char *p = bytes.p + f->at, *end = bytes.p + bytes.n;

	for (; p < end; p++) {
		char c = *p;

		if (c == '>') {
			f->at = (size_t)(p - bytes.p) + 1;
			return FRAMED_DONE;
		}
		if (c == '<' || ((c == '\'' || c == '"') && f->closing))
			return fault(f, PARSE_NOT_WELL_FORMED);
		if (c != '\'' && c != '"')
			continue;
		f->attrs++;
		f->quote = c;
		p = memchr(p + 1, c, (size_t)(end - p) - 1);
		if (!p) {
			f->place = FRAME_VALUE;
			break;
		}
	}
	f->at = bytes.n;
	return FRAMED_MORE;
}

/* The rest of a value that was cut. */
static bool
scan_value(struct frame *f, struct str bytes)
{
	const char *p = memchr(bytes.p + f->at, f->quote, bytes.n - f->at);

	if (!p) {
		f->at = bytes.n;
		return false;
	}
	f->at = (size_t)(p - bytes.p) + 1;
	f->place = FRAME_TAG;
	return true;
}

static bool
scan_cdata(struct frame *f, struct str bytes)
{
	const char *p = memmem(bytes.p + f->at, bytes.n - f->at, "]]>", 3);

	if (!p) {
		/* The end may be cut; the start must not count as part of it. */
		if (bytes.n - f->at > 2)
			f->at = bytes.n - 2;
		return false;
	}
	f->at = (size_t)(p - bytes.p) + 3;
	f->place = FRAME_TEXT;
	return true;
}

/* f->at is at `<!`. */
static enum framed
scan_bang(struct frame *f, struct str bytes)
{
	struct str cdata = STR("<![CDATA["), have = { bytes.p + f->at, bytes.n - f->at };

	if (have.n > cdata.n)
		have.n = cdata.n;
	if (memcmp(have.p, cdata.p, have.n) != 0)
		return fault(f, PARSE_RESTRICTED);
	if (have.n < cdata.n)
		return FRAMED_MORE;
	f->cdata = true;
	f->place = FRAME_CDATA;
	f->at += cdata.n;
	return FRAMED_DONE;
}

/* Text up to the next tag or CDATA, and into it.  FRAMED_DONE: the place is another one now. */
static enum framed
scan_text(struct frame *f, struct str bytes, const struct parse_limits *limits)
{
	const char *p = memchr(bytes.p + f->at, '<', bytes.n - f->at);

	f->at = p ? (size_t)(p - bytes.p) : bytes.n;
	if (bytes.n - f->at < 2)
		return FRAMED_MORE;
	if (p[1] == '?')
		return fault(f, PARSE_RESTRICTED);
	if (p[1] == '!')
		return scan_bang(f, bytes);
	f->tag = f->at;
	f->place = FRAME_TAG;
	f->closing = p[1] == '/';
	f->at += f->closing ? 2 : 1;
	if (!f->closing && ++f->nodes > NODES_ALWAYS + limits->max_bytes / BYTES_PER_NODE)
		return fault(f, PARSE_TOO_BIG);
	return FRAMED_DONE;
}

/* Goes on to the end of a tag.  FRAMED_MORE: the bytes are used up. */
static enum framed
scan(struct frame *f, struct str bytes, const struct parse_limits *limits)
{
	for (;;) {
		enum framed result;

		switch (f->place) {
		case FRAME_TEXT:
			result = scan_text(f, bytes, limits);
			if (result != FRAMED_DONE)
				return result;
			break;
		case FRAME_TAG:
			result = scan_tag(f, bytes);
			if (result != FRAMED_MORE || f->place == FRAME_TAG)
				return result;
			break;
		case FRAME_VALUE:
			if (!scan_value(f, bytes))
				return FRAMED_MORE;
			break;
		case FRAME_CDATA:
			if (!scan_cdata(f, bytes))
				return FRAMED_MORE;
			break;
		}
	}
}

static enum framed
within_size(
	struct frame *f, struct str bytes, enum framed result, const struct parse_limits *limits)
{
	size_t n = result == FRAMED_DONE ? f->at : bytes.n;

	return result != FRAMED_FAULT && n > limits->max_bytes ? fault(f, PARSE_TOO_BIG) : result;
}

enum framed
frame_element(struct frame *f, struct str bytes, const struct parse_limits *limits)
{
	enum framed result;

	do {
		result = scan(f, bytes, limits);
		if (result != FRAMED_DONE)
			break;
		result = tag_ends(f, bytes.p, limits);
	} while (result == FRAMED_MORE);
	return within_size(f, bytes, result, limits);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Sets f->decl if there is a whole XML declaration, or FRAMED_DONE with f->decl 0 if there is none.
 */
static enum framed
scan_decl(struct frame *f, struct str bytes)
{
	struct str open = STR("<?xml");
	const char *p;

	if (memcmp(bytes.p, open.p, bytes.n < open.n ? bytes.n : open.n) != 0)
		return FRAMED_DONE;
	if (bytes.n <= open.n)
		return FRAMED_MORE;
	if (!is_space(bytes.p[open.n]))
		return FRAMED_DONE; /* another processing instruction */
	p = memmem(bytes.p + f->at, bytes.n - f->at, "?>", 2);
	if (!p) {
		f->at = bytes.n - 1;
		return FRAMED_MORE;
	}
	f->at = f->decl = (size_t)(p - bytes.p) + 2;
	return FRAMED_DONE;
}

static enum framed
scan_header(struct frame *f, struct str bytes, const struct parse_limits *limits)
{
	enum framed result;

	if (f->place == FRAME_TEXT) {
		result = f->decl > 0 ? FRAMED_DONE : scan_decl(f, bytes);
		if (result != FRAMED_DONE)
			return result;
		while (f->at < bytes.n && is_space(bytes.p[f->at]))
			f->at++;
		if (bytes.n - f->at < 2)
			return f->at == bytes.n || bytes.p[f->at] == '<'
				       ? FRAMED_MORE
				       : fault(f, PARSE_NOT_WELL_FORMED);
		if (bytes.p[f->at] != '<' || bytes.p[f->at + 1] == '/')
			return fault(f, PARSE_NOT_WELL_FORMED);
		if (bytes.p[f->at + 1] == '!')
			return fault(f, PARSE_RESTRICTED);
	}
	result = scan(f, bytes, limits);
	if (result == FRAMED_DONE)
		f->empty = bytes.p[f->at - 2] == '/';
	return result;
}

enum framed
frame_header(struct frame *f, struct str bytes, const struct parse_limits *limits)
{
	return within_size(f, bytes, scan_header(f, bytes, limits), limits);
}
