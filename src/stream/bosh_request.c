/*
 * bosh_request.c -- requests of BOSH: what their bodies say, and answers outside of sessions.
 *
 * Runs on: the request's worker.
 */
#include "stream/bosh.h"

#include "base/mem.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned legacy; /* HTTP status for clients from before XEP-0124 1.6; 0: none */
} conds[] = {
	[BOSH_BAD_REQUEST] = { "bad-request", 400 },
	[BOSH_HOST_UNKNOWN] = { "host-unknown", 0 },
	[BOSH_IMPROPER_ADDRESSING] = { "improper-addressing", 0 },
	[BOSH_INTERNAL_SERVER_ERROR] = { "internal-server-error", 0 },
	[BOSH_ITEM_NOT_FOUND] = { "item-not-found", 404 },
	[BOSH_POLICY_VIOLATION] = { "policy-violation", 403 },
	[BOSH_REMOTE_STREAM_ERROR] = { "remote-stream-error", 0 },
	[BOSH_SYSTEM_SHUTDOWN] = { "system-shutdown", 0 },
	[BOSH_HOST_GONE] = { "host-gone", 0 },
};

const char *
bosh_cond_name(enum bosh_cond c)
{
	return conds[c].name;
}

bool
bosh_cond_is_old(enum bosh_cond c)
{
	return conds[c].legacy != 0;
}

/* ---- Answers -------------------------------------------------------------------- */

void
bosh_reply(struct exchange *x, const char *content, struct str body)
{
	/* A browser that is led here must not run what a user wrote. */
	http_header(x, "Content-Security-Policy", "default-src 'none'; sandbox");
	http_header(x, "Cache-Control", "no-store");
	http_reply(x, 200, content, body);
}

void
bosh_refuse(struct exchange *x, enum bosh_cond c, bool legacy)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	if (legacy && conds[c].legacy) {
		http_reply_status(x, conds[c].legacy);
		return;
	}
	buf_printf(
		&b, "<body xmlns='" NS_BOSH "' type='terminate' condition='%s'/>", conds[c].name);
	bosh_reply(x, "text/xml; charset=utf-8", buf_str(&b));
}

/* ---- Attributes ------------------------------------------------------------------- */

const char *
bosh_attr(const struct xml *x, const char *ns, const char *name)
{
	for (const struct xml_attr *a = x->attrs; a; a = a->next) {
		if (a->ns && text_eq(a->ns, ns) && text_eq(a->name, name))
			return a->value;
	}
	return NULL;
}

msec_t
bosh_seconds(const struct xml *x, const char *name, msec_t max, msec_t dflt)
{
	uint64_t n;

	if (!str_uint(str_of(xml_get(x, name)), UINT32_MAX, &n))
		return dflt;
	return SECONDS((msec_t)n) < max ? SECONDS((msec_t)n) : max;
}

static bool
is_true(const char *text)
{
	return text_eq(text, "true") || text_eq(text, "1");
}

/* ---- Requests ------------------------------------------------------------------------ */

static bool
read_attributes(struct bosh_request *r)
{
	const struct xml *x = r->body;
	const char *type = xml_get(x, "type"), *pause = xml_get(x, "pause");

	if (!xml_is(x, NS_BOSH, "body") ||
		!str_uint(str_of(xml_get(x, "rid")), BOSH_RID_MAX, &r->rid) || r->rid == 0)
		return false;
	r->sid = xml_get(x, "sid");
	r->terminate = text_eq(type, "terminate");
	r->restart = is_true(bosh_attr(x, NS_XBOSH, "restart"));
	r->pause = pause != NULL;
	r->pause_for = bosh_seconds(x, "pause", HOURS(24), -1);
	return !type || r->terminate || text_eq(type, "error");
}

/* Nothing but white space, or the end tag, follows the tag of the body. */
static bool
is_empty(const struct bosh_request *r)
{
	struct str rest = str_trim(parser_rest(r->parser));

	return rest.n == 0 || str_starts(rest, STR("</"));
}

struct bosh_request *
bosh_request_parse(struct str bytes, size_t max_tag)
{
	struct bosh_request *r = MEM_NEW(struct bosh_request);
	struct parse_limits limits = { max_tag, 2, 64 };

	r->size = bytes.n;
	r->parser = parser_new();
	parser_limit(r->parser, &limits);
	parser_feed(r->parser, bytes.p, bytes.n);
	if (parser_next(r->parser, &r->arena, &r->body) != PARSED_HEADER || !read_attributes(r)) {
		bosh_request_free(&r);
		return NULL;
	}
	/* XEP-0206 3: many clients leave the namespace of stanzas out. */
	parser_assume(r->parser, NS_CLIENT);
	r->empty = is_empty(r) && !r->terminate && !r->restart && !r->pause;
	return r;
}

struct bosh_request *
bosh_request_read(struct exchange *x, size_t max_tag)
{
	const struct http_request *http = http_request(x);
	struct bosh_request *r = bosh_request_parse(http->body, max_tag);

	if (!r) {
		if (http_admit(x))
			bosh_refuse(x, BOSH_BAD_REQUEST, false);
		return NULL;
	}
	r->x = x;
	r->secure = http->secure;
	return r;
}

void
bosh_request_free(struct bosh_request **pp)
{
	struct bosh_request *r = *pp;

	if (!r)
		return;
	if (list_linked(&r->link))
		list_remove(&r->link);
	parser_free(&r->parser);
	arena_free(&r->arena);
	mem_free(pp);
}
