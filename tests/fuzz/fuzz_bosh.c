/*
 * Bodies of BOSH: what is taken for a request has a number and a session or none, its payload are
 * elements, and what they become as stanzas can be written and read.
 *
 * Runs on: its own process
 */
#include "stream/bosh.h"

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

static void
try_stanza(struct arena **a, const struct xml *x)
{
	const struct stanza *bounce = NULL, *again;
	struct problem why;
	const struct stanza *s = stanza_parse(a, x, JID_NONE, "en", &why, &bounce);
	struct buf once = BUF_INIT;

	if (s) {
		stanza_write_alone(&once, s);
		again = stanza_read(buf_str(&once));
		must(again != NULL);
		stanza_unref(&again);
	}
	buf_fini(&once);
	stanza_unref(&s);
	stanza_unref(&bounce);
}

/* The payload, up to the end or to what is wrong. */
static void
read_payload(struct bosh_request *r)
{
	struct arena *a = NULL;
	const struct xml *x = NULL;
	unsigned elements = 0;
	enum parsed p;

	parser_limit(r->parser, &limits);
	while ((p = parser_next(r->parser, &a, &x)) == PARSED_ELEMENT) {
		must(x->ns && x->name);
		if (strcmp(x->ns, NS_CLIENT) == 0)
			try_stanza(&a, x);
		arena_free(&a);
		elements++;
	}
	must(p != PARSED_HEADER);
	must(!r->empty || elements == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bosh_request *r = bosh_request_parse((struct str){ (const char *)data, size }, 2048);

	if (!r)
		return 0;
	must(r->rid > 0 && r->rid <= BOSH_RID_MAX);
	must(xml_is(r->body, NS_BOSH, "body"));
	must(r->pause || r->pause_for == -1);
	must(bosh_seconds(r->body, "wait", HOURS(1), 0) <= HOURS(1));
	read_payload(r);
	bosh_request_free(&r);
	must(!r);
	return 0;
}
