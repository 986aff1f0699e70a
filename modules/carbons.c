/*
 * carbons.c -- XEP-0280: each device of a user sees what the others get and send.
 *
 * A copy is a message of the account itself around the original.  It goes straight to the sessions
 * that asked for copies, and is neither routed nor kept; what a session never acknowledged stays
 * the original, not the copy.  Copies of what the user sent are made when it is on disk, those of
 * what he got when it is delivered or kept.
 *
 * Errors are copied if they answer a message that was; a bounced message need not say what it was,
 * so the last ones that were sent are remembered.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"
#include "xep/forward.h"

#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_CARBONS_RULES "urn:xmpp:carbons:rules:0"
#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_MARKERS "urn:xmpp:chat-markers:0"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"
#define NS_INVITE "jabber:x:conference"

/* Messages of an account that an error may answer. */
#define SENT_MAX 64

struct carbons {
	uint64_t *sent; /* hashes of id and address, a ring of SENT_MAX; NULL: none */
	unsigned next;
};

MODULE_SLOT(struct carbons)

static uint64_t wants_copies; /* session->marks */

/* ---- Which messages (6.1) ------------------------------------------------------------- */

static bool
is_private(const struct stanza *s)
{
	return stanza_child(s, NS_CARBONS, "private") || stanza_child(s, NS_HINTS, "no-copy");
}

static bool
is_invitation(const struct stanza *s)
{
	const struct xml *muc = stanza_child(s, NS_MUC_USER, "x");

	return stanza_child(s, NS_INVITE, "x") || (muc && xml_child(muc, NS_MUC_USER, "invite"));
}

/* What instant messaging is made of, whatever the type. */
static bool
is_chat_payload(const struct stanza *s)
{
	return stanza_child(s, NS_RECEIPTS, NULL) || stanza_child(s, NS_CHATSTATES, NULL) ||
	       stanza_child(s, NS_MARKERS, NULL) || is_invitation(s);
}

/* Errors and incoming private messages of rooms aside. */
static bool
is_eligible(const struct stanza *s)
{
	if (is_private(s))
		return false;
	switch ((enum message_type)s->type) {
	case MESSAGE_CHAT:
		return true;
	case MESSAGE_NORMAL:
		return stanza_child(s, NS_CLIENT, "body") || is_chat_payload(s);
	case MESSAGE_HEADLINE:
		return is_chat_payload(s);
	case MESSAGE_GROUPCHAT:
	case MESSAGE_ERROR:
		break;
	}
	return false;
}

/* The room sends it to each session that is there. */
static bool
is_from_occupant(const struct stanza *s)
{
	return jid_is_full(s->from) && stanza_child(s, NS_MUC_USER, "x") && !is_invitation(s);
}

/* ---- What errors may answer -------------------------------------------------------------- */

static uint64_t
hash_of(const char *id, struct jid other)
{
	struct str text = jid_full(other), key = str_of(id);

	return hash_bytes(key.p, key.n) * 31 + hash_bytes(text.p, text.n);
}

static void
remember(struct account *a, const struct stanza *s)
{
	struct carbons *c = slot_of(a);

	if (!s->id)
		return;
	if (!c->sent)
		c->sent = mem_new(SENT_MAX * sizeof(*c->sent));
	c->sent[c->next++ % SENT_MAX] = hash_of(s->id, s->to);
}

static bool
answers_eligible(struct account *a, const struct stanza *s)
{
	const struct carbons *c = slot_of(a);
	uint64_t hash;

	if (s->type != MESSAGE_ERROR || !s->id || !c->sent || is_private(s))
		return false;
	hash = hash_of(s->id, s->from);
	for (unsigned i = 0; i < SENT_MAX; i++)
		if (c->sent[i] == hash)
			return true;
	return false;
}

static void
drop(void *slot)
{
	struct carbons *c = slot;

	mem_free(&c->sent);
}

/* ---- Copies -------------------------------------------------------------------------------- */

static const struct stanza *
wrap(const struct account *a, const struct stanza *s, const char *how)
{
	struct arena *arena = arena_new(2048);
	struct xml *outer = xml_new(arena, NS_CARBONS, how);

	xml_adopt(outer, forward_write(arena, s, 0));
	return stanza_new(&arena, STANZA_MESSAGE, s->type, a->home.jid, a->home.jid, NULL, outer);
}

static void
copy_to(struct session *s, const struct stanza *copy, struct handed *h)
{
	AUTO(stanza_unref) const struct stanza *own = stanza_readdress(copy, copy->from, s->jid);

	session_hand(s, own, h);
}

static bool
takes_copies(const struct session *s)
{
	return (s->marks & wants_copies) && !s->ending;
}

/* Somebody but that session does. */
static bool
others_take_copies(const struct account *a, struct jid from)
{
	for_each_session(s, a)
		if (takes_copies(s) && !jid_eq(s->jid, from))
			return true;
	return false;
}

/* The sender knows what it said, also to itself. */
static bool
misses(const struct message_event *ev, const struct session *s, bool delivered)
{
	return takes_copies(s) && !jid_eq(s->jid, ev->stanza->from) &&
	       !(delivered && deliver_reaches(ev, s));
}

static void
copy_received(struct message_event *ev, bool delivered)
{
	AUTO(stanza_unref) const struct stanza *copy = NULL;
	const struct stanza *s = ev->stanza;

	if (is_eligible(s) ? is_from_occupant(s) : !answers_eligible(ev->account, s))
		return;
	for_each_session(it, ev->account) {
		if (!misses(ev, it, delivered))
			continue;
		if (!copy)
			copy = wrap(ev->account, s, "received");
		copy_to(it, copy, ev->handed);
		if (!delivered) /* it waits, too */
			copies_note(it, ev->archive_id ? ev->archive_id : ev->place);
	}
}

/* What was kept and goes out later was copied when it came. */
static enum verdict
on_delivered(struct message_event *ev)
{
	if (!ev->late)
		copy_received(ev, true);
	return PASS;
}

/* Nobody is there to whom it could be delivered, but copies have no priority. */
static enum verdict
on_unwanted(struct message_event *ev)
{
	copy_received(ev, false);
	return PASS;
}

/* What he sends to himself the others get as received. */
static enum verdict
on_accepted(struct message_event *ev)
{
	AUTO(stanza_unref) const struct stanza *copy = NULL, *stamped = NULL;
	struct account *a = ev->account;
	struct jid from = ev->stanza->from;

	if (!others_take_copies(a, from) || !is_eligible(ev->stanza) ||
		jid_eq_bare(ev->stanza->to, a->home.jid))
		return PASS;
	remember(a, ev->stanza);
	stamped = archive_stamp(&a->home, ev->stanza, ev->archive_id);
	copy = wrap(a, stamped, "sent");
	for_each_session(s, a)
		if (takes_copies(s) && !jid_eq(s->jid, from))
			copy_to(s, copy, NULL);
	return PASS;
}

/* ---- What clients ask ------------------------------------------------------------------------ */

static struct step
enable(struct job *j)
{
	if (j->session)
		j->session->marks |= wants_copies;
	return iq_result(j, NULL);
}

static struct step
disable(struct job *j)
{
	if (j->session)
		j->session->marks &= ~wants_copies;
	return iq_result(j, NULL);
}

static bool
start(struct err *e)
{
	(void)e;
	wants_copies = session_mark_add("carbons");
	return true;
}

static const struct slot slot = { .size = sizeof(struct carbons), .drop = drop };

MODULE(carbons) = {
	IDENTITY(carbons),
	.summary = "Copies messages to all devices of a user",
	.xeps = XEPS({ 280, "1.0.1", XEP_COMPLETE, NULL }),
	.features = FEATURES(NS_CARBONS, NS_CARBONS_RULES),
	.account_features = FEATURES(NS_CARBONS, NS_CARBONS_RULES),
	.iqs =
		(const struct iq_handler[]){
			{ NS_CARBONS, "enable", ON_SET, TO_SELF, enable },
			{ NS_CARBONS, "disable", ON_SET, TO_SELF, disable },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(message_delivered, ORDER_NORMAL, on_delivered),
			ON(message_unwanted, ORDER_FILTER, on_unwanted),
			ON(message_accepted, ORDER_NORMAL, on_accepted),
			END_HOOKS,
		},
	.slot = &slot,
	.start = start,
};
