/*
 * Payload formats: every codec of xep/codecs.def is given every element, whatever it is for.  What
 * it reads and writes must be the same when it is read and written again.
 *
 * Runs on: its own process
 */
#include "xep/caps.h"
#include "xep/codec.h"
#include "xml/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xml *
read_element(struct str bytes, struct arena **a)
{
	static const struct parse_limits limits = { 1 << 16, 32, 32 };
	struct parser *p = parser_new();
	const struct xml *x = NULL;

	parser_limit(p, &limits);
	parser_resume(p, STR_NONE);
	parser_feed(p, bytes.p, bytes.n);
	if (parser_next(p, a, &x) != PARSED_ELEMENT)
		x = NULL;
	parser_free(&p);
	return x;
}

static void
must_stay(const struct codec *c, struct arena *a, const struct xml *x)
{
	const struct xml *once = c->again(a, x), *twice;
	struct buf first = BUF_INIT, second = BUF_INIT;

	if (!once)
		return;
	twice = c->again(a, once);
	if (!twice)
		abort();
	xml_write(&first, once, NULL);
	xml_write(&second, twice, NULL);
	if (!str_eq(buf_str(&first), buf_str(&second)))
		abort();
	buf_fini(&first);
	buf_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = NULL;
	const struct xml *x = read_element((struct str){ (const char *)data, size }, &a);

	if (x) {
		for (const struct codec *c = codecs; c->name; c++)
			must_stay(c, a, x);
		(void)caps_ver(a, x, DIGEST_SHA1);
	}
	arena_free(&a);
	return 0;
}
