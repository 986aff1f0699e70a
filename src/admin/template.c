/*
 * template.c -- files with contacts for rosters, in the form that ejabberd's push_roster reads.
 *
 * They are terms of Erlang, of which this reads just as much: one list of tuples of four texts.
 *
 * Runs on: any thread; pure.
 */
#include "admin/template.h"

#include "base/buf.h"
#include "base/utf8.h"

struct reader {
	struct str rest;
	size_t line;
	struct arena *arena;
	struct err *why;
};

static bool
fail(struct reader *r, const char *what)
{
	return err_set(r->why, "line %zu: %s", r->line, what);
}

/* ---- Characters ---------------------------------------------------------------------------- */

static void
step(struct reader *r)
{
	r->line += *r->rest.p == '\n';
	r->rest.p++;
	r->rest.n--;
}

/* Blanks, line ends and comments. */
static void
skip(struct reader *r)
{
	bool comment = false;

	for (; r->rest.n > 0; step(r)) {
		char c = *r->rest.p;

		if (c == '%')
			comment = true;
		if (c == '\n')
			comment = false;
		if (!comment && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return;
	}
}

/* The next thing is that text, which is passed over. */
static bool
is_next(struct reader *r, const char *text)
{
	struct str wanted = str_of(text);

	skip(r);
	if (!str_starts(r->rest, wanted))
		return false;
	r->rest.p += wanted.n;
	r->rest.n -= wanted.n;
	return true;
}

/* ---- Pieces -------------------------------------------------------------------------------- */

static bool
put_escaped(struct reader *r, struct buf *out)
{
	char c = r->rest.n > 0 ? *r->rest.p : '\0';

	if (c != '"' && c != '\\' && c != '\'')
		return fail(r, "only \\\" and \\\\ may follow a backslash");
	buf_put_char(out, c);
	step(r);
	return true;
}

/* After the opening quote. */
static bool
read_quoted(struct reader *r, struct buf *out)
{
	while (r->rest.n > 0) {
		char c = *r->rest.p;

		step(r);
		if (c == '"')
			return true;
		if (c != '\\')
			buf_put_char(out, c);
		else if (!put_escaped(r, out))
			return false;
	}
	return fail(r, "a text has no end");
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20)
			return true;
	}
	return false;
}

/* "text", <<"text">> or <<"text"/utf8>>. */
static bool
read_text(struct reader *r, const char **out)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	bool binary = is_next(r, "<<");

	if (!is_next(r, "\""))
		return fail(r, "a text in quotes was expected");
	if (!read_quoted(r, &b))
		return false;
	if (binary) {
		(void)is_next(r, "/utf8");
		if (!is_next(r, ">>"))
			return fail(r, ">> was expected");
	}
	if (!utf8_is_xml(buf_str(&b)) || has_control(buf_str(&b)))
		return fail(r, "a text is not UTF-8, or has control characters");
	*out = arena_str(r->arena, buf_str(&b));
	return true;
}

static bool
read_tuple(struct reader *r, struct template_contact *c)
{
	const char **texts[] = { &c->user, &c->host, &c->group, &c->nick };

	if (!is_next(r, "{"))
		return fail(r, "{ was expected");
	c->line = r->line;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (i > 0 && !is_next(r, ","))
			return fail(r, "a contact has four texts: user, host, group, nick");
		if (!read_text(r, texts[i]))
			return false;
	}
	return is_next(r, "}") || fail(r, "a contact has four texts: user, host, group, nick");
}

bool
template_parse(struct arena *a, struct str text, size_t most, struct template_contact **out,
	size_t *count, struct err *why)
{
	struct reader r = { text, 1, a, why };

	*out = ARENA_ARRAY(a, struct template_contact, most + 1);
	*count = 0;
	if (!is_next(&r, "["))
		return fail(&r, "[ was expected");
	while (!is_next(&r, "]")) {
		if (*count > 0 && !is_next(&r, ","))
			return fail(&r, ", or ] was expected");
		skip(&r);
		if (*count == most)
			return err_set(why, "line %zu: more than %zu contacts", r.line, most);
		if (!read_tuple(&r, &(*out)[(*count)++]))
			return false;
	}
	(void)is_next(&r, ".");
	skip(&r);
	return r.rest.n == 0 || fail(&r, "nothing was expected behind the list");
}
