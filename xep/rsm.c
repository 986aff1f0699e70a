/*
 * rsm.c -- result set management (XEP-0059).
 *
 * Runs on: any thread.
 */
#include "xep/rsm.h"

#include "xep/codec.h"

#include <inttypes.h>

/* NULL if there is no such child. */
static const char *
text_in(struct arena *a, const struct xml *set, const char *name)
{
	const struct xml *x = xml_child(set, NS_RSM, name);

	return x ? arena_str(a, xml_text_of(a, x)) : NULL;
}

bool
rsm_read(struct arena *a, const struct xml *parent, struct rsm *out, struct problem *why)
{
	const struct xml *set = xml_child(parent, NS_RSM, "set");
	const char *max = text_in(a, set, "max");
	uint64_t number;

	*out = (struct rsm){ .after = text_in(a, set, "after"),
		.before = text_in(a, set, "before") };
	if (text_in(a, set, "index"))
		return problem(
			why, COND_FEATURE_NOT_IMPLEMENTED, "pages by their index are not offered");
	if (!max)
		return true;
	if (!str_uint(str_of(max), UINT32_MAX, &number))
		return problem(why, COND_BAD_REQUEST, "<max/> is not a number");
	out->has_max = true;
	out->max = (uint32_t)number;
	return true;
}

struct xml *
rsm_write(struct arena *a, const char *first, const char *last, int64_t count)
{
	struct xml *set = xml_new(a, NS_RSM, "set");

	if (first)
		xml_add_text(a, set, NS_RSM, "first", first);
	if (last)
		xml_add_text(a, set, NS_RSM, "last", last);
	if (count >= 0)
		xml_add_text(a, set, NS_RSM, "count", arena_printf(a, "%" PRId64, count));
	return set;
}

/* A question. */
struct xml *
rsm_again(struct arena *a, const struct xml *x)
{
	struct xml *parent, *set;
	struct problem why;
	struct rsm r;

	if (!xml_is(x, NS_RSM, "set"))
		return NULL;
	parent = xml_new(a, NS_RSM, "parent");
	xml_adopt(parent, xml_copy(a, x));
	if (!rsm_read(a, parent, &r, &why))
		return NULL;
	set = xml_new(a, NS_RSM, "set");
	if (r.has_max)
		xml_add_text(a, set, NS_RSM, "max", arena_printf(a, "%" PRIu32, r.max));
	if (r.after)
		xml_add_text(a, set, NS_RSM, "after", r.after);
	if (r.before)
		xml_add_text(a, set, NS_RSM, "before", r.before[0] ? r.before : NULL);
	return set;
}
