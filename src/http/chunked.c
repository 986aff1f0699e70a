/*
 * chunked.c -- a body in chunks, as it comes.
 *
 * Extensions of chunks and trailers are read over, within bounds.
 *
 * Runs on: any thread.
 */
#include "http/chunked.h"

#include <string.h>

enum { LINE_MAX = 256, TRAILERS_MAX = 4096, DIGITS_MAX = 15 };

/* ---- Lines ---------------------------------------------------------------------- */

enum line { LINE_MORE, LINE_WHOLE, LINE_BAD };

/* The first line of in, with its end. */
static enum line
first_line(const struct buf *in, size_t max, struct str *line)
{
	struct str bytes = buf_str(in);
	const char *end = str_find(bytes, '\n');

	*line = (struct str){ bytes.p, end ? (size_t)(end - bytes.p) + 1 : bytes.n };
	if (line->n > max)
		return LINE_BAD;
	if (!end)
		return LINE_MORE;
	return line->n >= 2 && end[-1] == '\r' ? LINE_WHOLE : LINE_BAD;
}

/* "1a;name=value" */
static bool
read_size(struct str line, uint64_t *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < line.n; n++) {
		char c = line.p[n];

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*out = *out << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	return n > 0 && n <= DIGITS_MAX &&
	       (n + 2 == line.n || line.p[n] == ';' || line.p[n] == ' ' || line.p[n] == '\t');
}

/* ---- Places: each 0 if more is needed, 1 if it is done, or a status ---------------- */

enum { DONE = 1 };

static unsigned
take_size(struct chunked *c, struct buf *in, size_t room)
{
	struct str line;

	switch (first_line(in, LINE_MAX, &line)) {
	case LINE_MORE:
		return 0;
	case LINE_BAD:
		return 400;
	case LINE_WHOLE:
		break;
	}
	if (!read_size(line, &c->left))
		return 400;
	if (c->left > room)
		return 413;
	buf_take(in, line.n);
	c->place = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	return DONE;
}

static unsigned
take_data(struct chunked *c, struct buf *in, struct buf *body)
{
	size_t n = buf_len(in) < c->left ? buf_len(in) : (size_t)c->left;

	buf_put(body, buf_bytes(in), n);
	buf_take(in, n);
	c->left -= n;
	if (c->left > 0)
		return 0;
	c->place = CHUNK_END;
	return DONE;
}

static unsigned
take_end(struct chunked *c, struct buf *in)
{
	if (buf_len(in) < 2)
		return 0;
	if (memcmp(buf_bytes(in), "\r\n", 2) != 0)
		return 400;
	buf_take(in, 2);
	c->place = CHUNK_SIZE;
	return DONE;
}

static unsigned
take_trailer(struct chunked *c, struct buf *in)
{
	struct str line;

	switch (first_line(in, TRAILERS_MAX - c->trailers, &line)) {
	case LINE_MORE:
		return 0;
	case LINE_BAD:
		return 400;
	case LINE_WHOLE:
		break;
	}
	c->trailers += line.n;
	buf_take(in, line.n);
	return line.n == 2 ? 200 : DONE;
}

unsigned
chunked_take(struct chunked *c, struct buf *in, struct buf *body, size_t max)
{
	unsigned result = DONE;

	while (result == DONE) {
		switch (c->place) {
		case CHUNK_SIZE:
			result = take_size(c, in, max - buf_len(body));
			break;
		case CHUNK_DATA:
			result = take_data(c, in, body);
			break;
		case CHUNK_END:
			result = take_end(c, in);
			break;
		case CHUNK_TRAILER:
			result = take_trailer(c, in);
			break;
		}
	}
	return result;
}
