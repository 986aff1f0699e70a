/*
 * archive_left.c -- what of an archive nobody got yet.
 *
 * One mark says up to where all went to a client; for what is left behind it there are pointers.  So
 * a message for an absent user costs nothing but its row, and one that went to a client costs
 * nothing at all.
 *
 * Runs on: the home's worker.
 */
#include "home/archive_own.h"

#include "xml/ns.h"

void
archive_delivered(const struct home *h, struct asks *asks, int64_t id)
{
	struct value args[] = { of_int(id), of_jid(h->jid) };

	asks_add(asks, &archive_queries[DELIVERED_SET], args, COUNT(args));
}

void
archive_leave(const struct home *h, struct asks *asks, int64_t id)
{
	struct value args[] = { of_int(h->number), of_int(id) };

	asks_add(asks, &archive_queries[LEFT_PUT], args, COUNT(args));
}

void
archive_leave_all(const struct home *h, struct asks *asks, int64_t after, int64_t before)
{
	struct value args[] = { of_int(h->number), of_int(after), of_int(before) };

	asks_add(asks, &archive_queries[LEFT_PUT_ALL], args, COUNT(args));
}

void
archive_left_done(const struct home *h, struct asks *asks, int64_t id)
{
	struct value args[] = { of_int(h->number), of_int(id) };

	asks_add(asks, &archive_queries[LEFT_DONE], args, COUNT(args));
}

static struct ask
left_after(
	struct arena *a, const struct home *h, enum archive_query q, int64_t after, unsigned limit)
{
	struct value *args = ARENA_ARRAY(a, struct value, 3);

	args[0] = of_int(h->number);
	args[1] = of_int(after);
	args[2] = of_int(limit);
	return (struct ask){ &archive_queries[q], args, 3 };
}

struct ask
archive_left_page(struct arena *a, const struct home *h, int64_t after, unsigned limit)
{
	return left_after(a, h, LEFT_PAGE, after, limit);
}

struct ask
archive_left_ids(struct arena *a, const struct home *h, int64_t after, unsigned limit)
{
	return left_after(a, h, LEFT_IDS, after, limit);
}

struct ask
archive_left_count(struct arena *a, const struct home *h)
{
	struct value *args = ARENA_NEW(a, struct value);

	*args = of_int(h->number);
	return (struct ask){ &archive_queries[LEFT_COUNT], args, 1 };
}

static int64_t
find_id(const struct home *h, const struct xml *x)
{
	const char *by, *text;
	int64_t id;

	for (; x; x = x->next) {
		if (!xml_is(x, NS_SID, "stanza-id"))
			continue;
		by = xml_get(x, "by");
		text = xml_get(x, "id");
		if (by && text && str_eq(str_of(by), jid_bare_str(h->jid)) &&
			archive_id_read(h, text, &id))
			return id;
	}
	return 0;
}

/* One that was written down for a restart has it among its children. */
int64_t
archive_id_of(const struct home *h, const struct stanza *s)
{
	int64_t id = find_id(h, s->beside);

	return id != 0 ? id : find_id(h, s->children);
}
