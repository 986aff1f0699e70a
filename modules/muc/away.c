/*
 * away.c -- members who are not in the room, and accounts that are deleted.
 *
 * In a members-only room affiliation is subscription: what somebody says there concerns each member,
 * in the room or not.  The home of each who is not hears of it (hook room_message_missed), by one
 * mail for each worker; homes are loaded for that only if somebody listens.
 *
 * An account that is deleted belongs to no room any more: its rows go with it, and rooms that are
 * awake are told.
 *
 * An account's list of conversations has its rooms, too.
 *
 * Runs on: the room's home, or the member's.
 */
#include "modules/muc/muc.h"

#include <string.h>

/* ---- Missed --------------------------------------------------------------------------------------------- */

/* Texts of the addresses lie behind the array. */
struct missed {
	struct mail mail;
	const struct stanza *message;
	int64_t id;
	size_t count;
	struct jid members[];
};

/* One member whose home is being loaded. */
struct missing {
	struct home_wait wait;
	const struct stanza *message;
	int64_t id;
};

static void
tell(struct home *h, const struct stanza *message, int64_t id)
{
	struct room_event ev = { .head = { h->worker, home_host(h) },
		.account = account_of(h),
		.message = message,
		.id = id };

	if (ev.head.host && ev.account->exists)
		(void)hook_room_message_missed(&ev); /* there is nothing to stop */
}

static void
loaded(struct home *h, struct home_wait *wait, bool ok)
{
	struct missing *m = CONTAINER(wait, struct missing, wait);

	if (ok)
		tell(h, m->message, m->id);
	stanza_unref(&m->message);
	mem_free(&m);
}

static void
open_mail(struct worker *w, struct mail *mail)
{
	struct missed *all = CONTAINER(mail, struct missed, mail);

	for (size_t i = 0; homes_open(w) && i < all->count; i++) {
		struct missing *m = MEM_NEW(struct missing);

		m->wait.ready = loaded;
		m->message = stanza_ref(all->message);
		m->id = all->id;
		home_with(w, &account_kind, all->members[i], &m->wait);
	}
	stanza_unref(&all->message);
	mem_free(&all);
}

struct share {
	size_t count, bytes;
	struct missed *mail;
	char *text;
};

static void
put(struct share *s, const struct affiliate *one, struct jid jid, const struct saying *what)
{
	size_t n = strlen(one->jid) + 1;

	if (!s->mail) {
		s->mail = mem_new(sizeof(*s->mail) + s->count * sizeof(struct jid) + s->bytes);
		s->mail->mail.open = open_mail;
		s->mail->message = stanza_ref(what->message);
		s->mail->id = what->id;
		s->text = (char *)&s->mail->members[s->count];
	}
	memcpy(s->text, one->jid, n);
	jid.text = s->text;
	s->mail->members[s->mail->count++] = jid;
	s->text += n;
}

/* A member of ours who did not say it himself and does not hear it. */
static bool
misses_it(const struct room *room, const struct affiliate *one, struct jid jid,
	const struct saying *what)
{
	return one->affiliation >= AFF_MEMBER && jid.local > 0 &&
	       config_host(config_of(room->home.worker), jid_domain(jid)) &&
	       !jid_eq_bare(jid, what->speaker) && !occupant_of_bare(room, jid);
}

void
room_tell_missed(struct room *room, const struct saying *what)
{
	AUTO(arena_free) struct arena *a = NULL;
	struct share *shares;
	struct jid *jids;
	size_t i = 0;

	if (!room->config->membersonly || !what->counts || !hook_has(HOOK_room_message_missed))
		return;
	a = arena_new(0);
	shares = ARENA_ARRAY(a, struct share, workers_count());
	jids = ARENA_ARRAY(a, struct jid, room->affiliates.count + 1);
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);
		struct share *s;

		if (jid_parse(a, str_of(one->jid), &jids[i]) != JID_OK ||
			!misses_it(room, one, jids[i], what))
			jids[i] = JID_NONE;
		if (!jid_is_none(jids[i])) {
			s = &shares[worker_index(place_of(jid_full(jids[i])))];
			s->count++;
			s->bytes += strlen(one->jid) + 1;
		}
		i++;
	}
	i = 0;
	for_each_affiliate(n, room)
	{
		const struct affiliate *one = CONTAINER(n, struct affiliate, node);
		struct jid jid = jids[i++];

		if (!jid_is_none(jid))
			put(&shares[worker_index(place_of(jid_full(jid)))], one, jid, what);
	}
	for (unsigned w = 0; w < workers_count(); w++)
		if (shares[w].mail)
			worker_post(room->home.worker, worker_at(w), &shares[w].mail->mail);
}

/* ---- Deleted accounts ------------------------------------------------------------------------------------------ */

struct removed {
	struct mail mail;
	size_t n;
	char bare[];
};

static void
forget(struct home *h, void *ctx)
{
	const struct removed *r = ctx;
	struct room *room = room_of(h);
	struct str bare = { r->bare, r->n };
	struct affiliate *one = affiliate_find(room, bare);

	role_forget(room, bare, ROLE_VISITOR);
	if (!room->exists || !one || one->affiliation < AFF_MEMBER)
		return;
	affiliate_set(room, bare, AFF_NONE, NULL, NULL, room->version);
}

static void
on_mail(struct worker *w, struct mail *m)
{
	struct removed *r = CONTAINER(m, struct removed, mail);

	if (homes_open(w))
		homes_each(w, &room_kind, forget, r);
	mem_free(&r);
}

enum verdict
muc_account_removed(struct account_event *ev)
{
	struct str bare = jid_bare_str(ev->account->home.jid);
	struct value *owner = ARENA_ARRAY(ev->arena, struct value, 4);

	owner[0] = owner[1] = owner[2] = of_jid(ev->account->home.jid);
	owner[3] = of_int(ROLE_VISITOR);
	ev->asks[ev->count++] = (struct ask){ &room_queries[ACCOUNT_LEAVES], owner, 2 };
	ev->asks[ev->count++] = (struct ask){ &room_queries[ACCOUNT_FORGETS], owner, 1 };
	ev->asks[ev->count++] = (struct ask){ &room_queries[ACCOUNT_FORGETS_ROLES], owner + 2, 2 };
	for (unsigned i = 0; i < workers_count(); i++) {
		struct removed *r = mem_new(sizeof(*r) + bare.n + 1);

		r->mail.open = on_mail;
		r->n = bare.n;
		memcpy(r->bare, bare.p, bare.n);
		worker_post(ev->head.worker, worker_at(i), &r->mail);
	}
	return PASS;
}

/* ---- Conversations ------------------------------------------------------------------------------------- */

enum verdict
muc_conversations(struct conversations_event *ev)
{
	struct value owner = of_jid(ev->account->home.jid);

	asks_add(ev->asks, &room_queries[MEMBER_ROOMS], &owner, 1);
	return PASS;
}
