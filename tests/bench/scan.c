/*
 * scan.c -- cuts a server's stream into top-level elements.
 *
 * A client that parsed XML properly would cost more than some servers do.  All
 * that a load generator needs is where one stanza ends and the next begins, so
 * this counts tags and nothing else: servers do not send comments, CDATA or
 * processing instructions (RFC 6120 11.1), hence every '<' outside a tag opens
 * one, and a tag ends at the first '>' outside quotes.
 *
 * Runs on: the one thread of the load generator.
 */
#include "scan.h"

#include <string.h>

/* End of the tag that starts at p, one past its '>', or NULL when it is cut off. */
static const char *
tag_end(const char *p, const char *end)
{
	char quote;

	quote = 0;
	for (; p < end; p++) {
		if (quote) {
			if (*p == quote)
				quote = 0;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if (*p == '>') {
			return p + 1;
		}
	}
	return NULL;
}

static struct span
tag_name(const char *p, const char *end)
{
	struct span name;

	name.p = ++p;
	while (p < end && *p != ' ' && *p != '>' && *p != '/' && *p != '\n' && *p != '\t')
		p++;
	name.n = (size_t)(p - name.p);
	return name;
}

/* One past the end of the element whose start tag ends at p, or NULL when it is cut off. */
static const char *
elem_end(const char *p, const char *end)
{
	const char *tag;
	int depth;

	depth = 1;
	while (depth > 0) {
		tag = memchr(p, '<', (size_t)(end - p));
		if (!tag)
			return NULL;
		p = tag_end(tag, end);
		if (!p)
			return NULL;
		if (tag[1] == '/')
			depth--;
		else if (p[-2] != '/')
			depth++;
	}
	return p;
}

static size_t
count_space(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\n' && p[i] != '\r' && p[i] != '\t')
			break;
	return i;
}

struct elem
scan_next(const char *p, size_t n)
{
	struct elem e = { 0 };
	const char *end, *head, *last;

	e.all.p = p;
	e.all.n = count_space(p, n);
	if (e.all.n > 0) {
		e.kind = ELEM_SPACE;
		return e;
	}
	end = p + n;
	head = tag_end(p, end);
	if (!head || n < 3)
		return e;
	e.head = (size_t)(head - p);
	e.all.n = e.head;
	if (p[1] == '?') {
		e.kind = ELEM_SPACE;
		return e;
	}
	if (p[1] == '/') {
		e.kind = ELEM_CLOSE;
		return e;
	}
	e.name = tag_name(p, end);
	if (span_is(e.name, "stream:stream")) {
		e.kind = ELEM_OPEN;
		return e;
	}
	last = head[-2] == '/' ? head : elem_end(head, end);
	if (!last)
		return e;
	e.kind = ELEM_STANZA;
	e.all.n = (size_t)(last - p);
	return e;
}

bool
span_is(struct span s, const char *text)
{
	size_t n;

	n = strlen(text);
	return s.n == n && memcmp(s.p, text, n) == 0;
}

bool
elem_is(const struct elem *e, const char *name)
{
	return span_is(e->name, name);
}

struct span
tag_attr(const char *p, size_t n, const char *name)
{
	struct span value = { 0 };
	const char *end, *at, *close;
	size_t len;

	len = strlen(name);
	end = p + n;
	while (p < end) {
		at = memchr(p, '=', (size_t)(end - p));
		if (!at || at + 1 >= end)
			return value;
		close = memchr(at + 2, at[1], (size_t)(end - at - 2));
		if (!close)
			return value;
		if ((size_t)(at - p) > len && memcmp(at - len, name, len) == 0 &&
			(at[-(ptrdiff_t)len - 1] == ' ' || at[-(ptrdiff_t)len - 1] == '\n')) {
			value.p = at + 2;
			value.n = (size_t)(close - value.p);
			return value;
		}
		p = close + 1;
	}
	return value;
}

struct span
elem_attr(const struct elem *e, const char *name)
{
	return tag_attr(e->all.p, e->head, name);
}

bool
elem_has(const struct elem *e, const char *text)
{
	return memmem(e->all.p, e->all.n, text, strlen(text)) != NULL;
}

struct span
elem_text(const struct elem *e, const char *name)
{
	struct span none = { 0 }, got;
	const char *p, *end, *stop;

	p = e->all.p;
	end = p + e->all.n;
	while ((p = memchr(p, '<', (size_t)(end - p)))) {
		got = tag_name(p, end);
		p = tag_end(p, end);
		if (!p)
			return none;
		if (!span_is(got, name))
			continue;
		stop = memchr(p, '<', (size_t)(end - p));
		if (!stop)
			return none;
		got.p = p;
		got.n = (size_t)(stop - p);
		return got;
	}
	return none;
}
