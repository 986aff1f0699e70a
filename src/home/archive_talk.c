/*
 * archive_talk.c -- conversations: the newest message of each, and how much of it is unread.
 *
 * Nothing of that is written down but how far the owner has seen (archive_seen): the rest follows
 * from the rows, by the index of the peers, so it cannot be wrong after a crash.  What the owner
 * wrote shows that he has read what was before it.
 *
 * Runs on: the home's worker.
 */
#include "home/archive_own.h"

/* clang-format off */
#define ARGS_OF(...) (const struct value[]){ __VA_ARGS__ }, sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)

/* clang-format on */

struct home
archive_elsewhere(const struct home *here, struct jid owner, int64_t number)
{
	return (struct home){ .worker = here->worker, .jid = owner, .number = number };
}

static struct ask
ask_of(struct arena *a, enum archive_query query, const struct value *args, size_t count)
{
	struct value *own = ARENA_ARRAY(a, struct value, count);

	for (size_t i = 0; i < count; i++)
		own[i] = args[i];
	return (struct ask){ &archive_queries[query], own, count };
}

/* ---- What was seen --------------------------------------------------------------------- */

void
archive_seen(struct home *h, struct asks *asks, struct jid with, int64_t id)
{
	struct value args[] = { of_int(h->number), of_int(archive_peer(with)), of_int(id) };

	archive_need_number(h, asks);
	asks_add(asks, &archive_queries[SEEN_PUT], args, COUNT(args));
}

void
archive_seen_all(const struct home *h, struct asks *asks)
{
	struct value owner = of_int(h->number);

	asks_add(asks, &archive_queries[SEEN_ALL], &owner, 1);
}

struct ask
archive_number_owner(struct arena *a, int64_t number)
{
	return ask_of(a, NUMBER_OWNER, ARGS_OF(of_int(number)));
}

struct ask
archive_seen_list(struct arena *a, const struct home *h)
{
	return ask_of(a, SEEN_LIST, ARGS_OF(of_int(h->number)));
}

/* ---- Conversations of an account ---------------------------------------------------------- */

struct ask
archive_talks(struct arena *a, const struct home *h, unsigned limit)
{
	struct value owner = of_int(h->number);

	return ask_of(a, TALKS, ARGS_OF(owner, owner, owner, owner, of_int(limit)));
}

struct ask
archive_talk_ends(struct arena *a, const struct home *h, int64_t peer, int64_t seen)
{
	struct value owner = of_int(h->number), with = of_int(peer);

	return ask_of(a, TALK_ENDS, ARGS_OF(owner, with, owner, with, of_int(seen)));
}

struct ask
archive_talk_unread(struct arena *a, const struct home *h, int64_t peer, int64_t after)
{
	return ask_of(a, TALK_UNREAD, ARGS_OF(of_int(h->number), of_int(peer), of_int(after)));
}

/* ---- The same of a room, for one who is in it ----------------------------------------------- */

struct ask
archive_room_ends(struct arena *a, const struct home *room, struct jid me, int64_t seen)
{
	struct value owner = of_int(room->number), mine = of_int(archive_peer(me));

	return ask_of(a, ROOM_ENDS, ARGS_OF(owner, owner, mine, of_int(seen)));
}

struct ask
archive_room_unread(struct arena *a, const struct home *room, struct jid me, int64_t after)
{
	return ask_of(a, ROOM_UNREAD,
		ARGS_OF(of_int(room->number), of_int(after), of_int(archive_peer(me))));
}

struct ask
archive_number(struct arena *a, struct jid owner)
{
	return ask_of(a, NUMBER_GET, ARGS_OF(of_jid(jid_bare(owner))));
}
