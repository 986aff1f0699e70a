/*
 * message.c -- what is said in a room: to all, about the subject, to one (XEP-0045 7.4, 7.5, 8.1).
 *
 * A message to all gets its id and its author's, is committed together with what else follows from
 * it, and only then sent, to the speaker too; then the speaker's server gets the receipt.  One
 * stanza goes to all: its bytes are written once.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#include <string.h>

/* Of a message that changes the subject, which stays with the room. */
#define SUBJECT_BYTES_MAX ((size_t)16 * 1024)
/* How old the time of last use may be in the store. */
#define USED_STEP HOURS(1)

/* What became of a message here; place: in the room's archive, or 0. */
static void
tell(const struct room *room, enum trace_event what, const struct stanza *s, int64_t place)
{
	trace(room->home.worker, what, s, room->home.jid, &room->home, place);
}

static void
bounce(const struct room *room, const struct stanza *s, enum cond c, const char *text,
	const struct receipt *r)
{
	tell(room, TRACE_REFUSED, s, 0);
	route_bounce(room->home.worker, s, c, text, r);
}

/* ---- Out ---------------------------------------------------------------------------------- */

void
room_announce(struct room *room, const unsigned *codes)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;
	struct arena *a = arena_new(0);
	struct xml *x = user_x(a);

	for (; *codes; codes++)
		user_status(a, x, *codes);
	s = stanza_new(&a, STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->home.jid, JID_NONE, NULL, x);
	room_send_all(room, s);
	room_event(room, EVENT_CONFIG, s);
}

static void
keep_subject(struct room *room, const struct saying *what)
{
	stanza_unref(&room->subject);
	room->subject = stanza_ref(what->message);
	room->subject_at = what->at;
}

/* Whoever sent it may try again. */
static void
failed(struct room *room, const struct saying *what)
{
	if (what->reference)
		sent_failed(&room->sent, what->reference);
	if (what->original)
		bounce(room, what->original, COND_RESOURCE_CONSTRAINT,
			"the message could not be stored", &what->receipt);
	else
		receipt_give(room->home.worker, &what->receipt);
}

static void
said(struct room *room, const struct saying *what)
{
	bool is_kept = what->id && room->config->enablearchiving && !room->locked;

	tell(room, is_kept ? TRACE_STORED : TRACE_PASSED, what->message, is_kept ? what->id : 0);
	tell(room, TRACE_SPREAD, what->message, 0);
	room_send_all(room, what->message);
	if (what->is_subject)
		keep_subject(room, what);
	else if (what->counts)
		history_add(room, what->message, what->at, what->id);
	if (what->id)
		room_retract(room, what);
	if (what->counts)
		room_tell_missed(room, what);
	if (what->id)
		room_event(room, what->is_subject ? EVENT_SUBJECT : EVENT_MESSAGES, what->message);
}

/* Whoever says it again may not have heard it.  Its id is in the archive. */
static void
reflect(struct room *room, const struct saying *what)
{
	AUTO(stanza_unref)
	const struct stanza *plain = archive_stamp(&room->home, what->message, 0);
	const struct stanza *out = stanza_readdress(plain, plain->from, what->speaker);

	tell(room, TRACE_REPEATED, what->message, 0);
	route(room->home.worker, &out, NO_RECEIPT);
}

/* It is in the archive already, as id.  True: but nobody heard it, since the store was lost while it
 * committed, and its sender was told to try again. */
static bool
is_unheard(const struct room *room, struct saying *what, int64_t id)
{
	const struct stanza *stamped;

	if (!what->reference || !sent_has_failed(&room->sent, what->reference))
		return false;
	stamped = archive_stamp(&room->home, what->message, id);
	stanza_unref(&what->message);
	what->message = stamped;
	what->id = id;
	return true;
}

static void
passed(struct home *h, const struct passage *p)
{
	struct room *room = room_of(h);
	struct saying *what = p->ctx;

	if (p->result != STORE_OK || !room->exists) {
		failed(room, what);
	} else {
		if (p->again && !is_unheard(room, what, p->archive_id))
			reflect(room, what);
		else
			said(room, what);
		if (what->reference && sent_has_failed(&room->sent, what->reference))
			sent_accepted(&room->sent, what->reference);
		receipt_give_behind(h->worker, &what->receipt);
	}
	stanza_unref(&what->message);
	stanza_unref(&what->original);
	mem_free(&what);
	room_go_on(room);
}

static void
add_asks(struct room *room, struct saying *what, struct asks *asks)
{
	struct value owner = of_jid(room->home.jid);
	struct buf bytes = BUF_INIT;
	struct arena *a = asks_arena(asks);

	if (what->id && room->config->enablearchiving && !room->locked)
		room_archive(room, what, asks);
	if (what->is_subject && !room->locked) {
		stanza_write_alone(&bytes, what->message);
		asks_add(asks, &room_queries[ROOM_SET_SUBJECT],
			ARGS(of_str((struct str){ arena_str(a, buf_str(&bytes)), buf_len(&bytes) }),
				of_int(what->at), owner));
		buf_fini(&bytes);
	}
	if (what->id && what->at - room->used > USED_STEP && !room->locked) {
		room->used = what->at;
		asks_add(asks, &room_queries[ROOM_SET_USED], ARGS(of_int(what->at), owner));
	}
}

void
room_say(struct room *room, const struct saying *what)
{
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct saying *copy = MEM_NEW(struct saying);

	*copy = *what;
	copy->message = stanza_ref(what->message);
	copy->original = what->original ? stanza_ref(what->original) : NULL;
	add_asks(room, copy, &asks);
	gate_pass(&room->home,
		&(const struct passage){ .ctx = copy, .once = copy->once, .found = copy->found },
		&asks, passed);
}

/* ---- To all -------------------------------------------------------------------------------------- */

static bool
is_subject(const struct stanza *s)
{
	return stanza_child(s, NS_CLIENT, "subject") && !stanza_child(s, NS_CLIENT, "body") &&
	       !stanza_child(s, NS_CLIENT, "thread");
}

/* XEP-0500 4: the type of error is named there. */
static void
refuse_slowly(const struct room *room, const struct stanza *s)
{
	struct arena *a = arena_new(0);
	struct xml *e = xml_new(a, NS_CLIENT, "error");
	const struct stanza *out;

	xml_attr(a, e, "type", "wait");
	xml_add(a, e, NS_STANZA_ERRORS, "policy-violation");
	xml_add_text(a, e, NS_STANZA_ERRORS, "text",
		arena_printf(
			a, "Slow mode: one message in %d seconds", (int)room->config->slowmode));
	out = stanza_new(&a, STANZA_MESSAGE, MESSAGE_ERROR, s->to, s->from, s->id, e);
	route(room->home.worker, &out, NULL);
}

static bool
is_too_fast(struct room *room, struct occupant *o, const struct stanza *s)
{
	msec_t now = worker_now(room->home.worker), wait = SECONDS(room->config->slowmode);

	if (wait == 0 || o->role == ROLE_MODERATOR || !stanza_child(s, NS_CLIENT, "body"))
		return false;
	if (o->spoke && now < o->spoke + wait)
		return true;
	o->spoke = now;
	return false;
}

/* XEP-0444 2.3: what the room allows. */
static bool
check_reactions(const struct room *room, const struct stanza *s, struct problem *why)
{
	const struct xml *all = stanza_child(s, NS_REACTIONS, "reactions");
	const struct room_config *c = room->config;
	int64_t count = 0;

	if (!all || (c->reactions == 0 && (!c->reactionset || !*c->reactionset)))
		return true;
	xml_for_each(x, all)
	{
		struct str one = x->first ? x->first->text : STR_NONE;
		struct str rest = str_of(c->reactionset);
		bool known = !rest.p || rest.n == 0;

		count++;
		while (rest.p && !known)
			known = str_eq(str_cut(&rest, ' '), one);
		if (!known)
			return problem(
				why, COND_NOT_ACCEPTABLE, "this room does not allow that reaction");
	}
	if (c->reactions > 0 && count > c->reactions)
		return problem(why, COND_NOT_ACCEPTABLE, "too many reactions to one message");
	return true;
}

static bool
check_speech(
	const struct room *room, const struct visit *v, const struct stanza *s, struct problem *why)
{
	const struct occupant *o;
	const struct xml *retract = stanza_child(s, NS_RETRACT, "retract");

	if (!v)
		return problem(why, COND_NOT_ACCEPTABLE, "you are not in this room");
	o = v->occupant;
	if (is_subject(s)) {
		if (!may(room->config, MAY_SET_SUBJECT, o->role, o->affiliation))
			return problem(
				why, COND_FORBIDDEN, "you may not change the subject of this room");
		if (stanza_size(s) > SUBJECT_BYTES_MAX)
			return problem(why, COND_POLICY_VIOLATION, "the subject is too long");
	} else if (!may(room->config, MAY_SPEAK, o->role, o->affiliation)) {
		return problem(why, COND_FORBIDDEN, "you have no voice in this room");
	}
	if (xml_child(retract, NS_MODERATE, "moderated"))
		return problem(why, COND_FORBIDDEN, "only the room says what was moderated");
	return check_reactions(room, s, why);
}

/* s as the room says it: with an id of its own, the author's, and nothing that only it may say. */
static const struct stanza *
said_as(const struct room *room, const struct occupant *o, const struct stanza *s, int64_t id)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct xml *all = xml_new(a, NS_CLIENT, "all"), *sid;

	if (id) {
		sid = xml_add(a, all, NS_SID, "stanza-id");
		xml_attr(a, sid, "by", jid_text(a, room->home.jid));
		xml_attr(a, sid, "id", room_id_text(a, room, id));
	}
	xml_adopt(all, occupant_id(a, o->id));
	return stanza_remake(s, room_jid(a, room, o->nick), JID_NONE, is_of_room,
		(void *)(uintptr_t)room, all->first);
}

static struct sent *
sent_of(struct home *h)
{
	return &room_of(h)->sent;
}

static int64_t
reference_of(const struct room *room, const struct stanza *s)
{
	const char *origin = xml_get(stanza_child(s, NS_SID, "origin-id"), "id");

	if (!origin || !*origin || !room->config->enablearchiving || room->locked)
		return 0;
	return sent_by(archive_reference(origin, room->home.jid), s->from);
}

static void
say(struct room *room, const struct stanza *s, const struct receipt *r)
{
	struct visit *v = visit_find(room, s->from);
	struct problem why = { COND_NONE, NULL };
	struct saying what = { .original = s, .receipt = *r, .at = clock_wall() };

	if (!check_speech(room, v, s, &why)) {
		bounce(room, s, why.cond, why.text, r);
		return;
	}
	if (is_too_fast(room, v->occupant, s)) {
		tell(room, TRACE_REFUSED, s, 0);
		refuse_slowly(room, s);
		receipt_give(room->home.worker, r);
		return;
	}
	tell(room, TRACE_ACCEPTED, s, 0);
	what.is_subject = is_subject(s);
	what.id = room_is_history(s) ? home_next_id(&room->home) : 0;
	what.counts = what.id && room_is_news(s);
	what.reference = what.id ? reference_of(room, s) : 0;
	/* Perhaps: the archive knows. */
	what.once = what.reference && sent_ask(&room->home, sent_of, what.reference) != SENT_NEW;
	what.speaker = s->from;
	what.message = said_as(room, v->occupant, s, what.id);
	room_say(room, &what);
	stanza_unref(&what.message);
}

/* ---- To one ------------------------------------------------------------------------------------------ */

static uint64_t
whisper_mark(struct jid to, const char *id)
{
	struct str text = jid_full(to);

	return hash_bytes(text.p, text.n) ^ (id ? hash_bytes(id, strlen(id)) : 0);
}

/* Errors of private messages do not say that a device left the room. */
static void
remember_whisper(struct room *room, const struct occupant *to, const char *id)
{
	for_each_visit(v, to)
	{
		room->whispers[room->whispers_next] = whisper_mark(v->full, id);
		room->whispers_next = (room->whispers_next + 1) % WHISPERS;
	}
}

static bool
is_of_whisper(const struct room *room, const struct stanza *error)
{
	uint64_t mark = whisper_mark(error->from, error->id);

	for (unsigned i = 0; i < WHISPERS; i++)
		if (room->whispers[i] == mark)
			return true;
	return false;
}

/* To each device; the first one's home owes the receipt: there it is archived, for all of them. */
static void
whisper_to(struct room *room, const struct occupant *to, const struct stanza *s,
	const struct receipt *r)
{
	const struct receipt *owed = r;

	for_each_visit(v, to)
	{
		const struct stanza *own = stanza_readdress(s, s->from, v->full);

		route(room->home.worker, &own, owed);
		owed = NULL;
	}
	if (owed == r)
		receipt_give(room->home.worker, r);
}

static void
whisper(struct room *room, const struct stanza *s, const struct receipt *r)
{
	const struct visit *v = visit_find(room, s->from);
	const struct occupant *to = occupant_find(room, jid_resource(s->to));
	AUTO(arena_free) struct arena *a = arena_new(0);
	AUTO(stanza_unref) const struct stanza *out = NULL;
	struct problem why = { COND_NONE, NULL };
	struct xml *all = xml_new(a, NS_CLIENT, "all");

	if (!v)
		(void)problem(&why, COND_NOT_ACCEPTABLE, "you are not in this room");
	else if (!to)
		(void)problem(&why, COND_ITEM_NOT_FOUND, "nobody here has that nick");
	else if (!may(room->config, MAY_WHISPER, v->occupant->role, v->occupant->affiliation) &&
		 !(room->config->allowpm != ALLOW_NONE && to->role == ROLE_MODERATOR))
		(void)problem(&why, COND_FORBIDDEN, "you may not send private messages here");
	if (why.cond) {
		bounce(room, s, why.cond, why.text, r);
		return;
	}
	tell(room, TRACE_ACCEPTED, s, 0);
	xml_adopt(all, user_x(a));
	xml_adopt(all, occupant_id(a, v->occupant->id));
	out = stanza_remake(
		s, room_jid(a, room, v->occupant->nick), JID_NONE, is_of_room, room, all->first);
	remember_whisper(room, to, s->id);
	tell(room, TRACE_PASSED, out, 0);
	whisper_to(room, to, out, r);
}

/* From a device to what it got from a nick. */
static void
error_back(struct room *room, const struct stanza *s)
{
	const struct visit *v = visit_find(room, s->from);
	const struct occupant *to = occupant_find(room, jid_resource(s->to));
	AUTO(arena_free) struct arena *a = arena_new(0);
	AUTO(stanza_unref) const struct stanza *out = NULL;

	if (!is_of_whisper(room, s)) {
		visit_bounced(room, s);
		return;
	}
	if (!v || !to)
		return;
	out = stanza_readdress(s, room_jid(a, room, v->occupant->nick), JID_NONE);
	room_send_occupant(room, to, out);
}

void
muc_message(struct room *room, const struct stanza *s, const struct receipt *r)
{
	struct worker *w = room->home.worker;

	if (s->type == MESSAGE_ERROR) {
		error_back(room, s);
		receipt_give(w, r);
	} else if (!room->exists) {
		bounce(room, s, COND_ITEM_NOT_FOUND, "there is no such room", r);
	} else if (s->type == MESSAGE_GROUPCHAT && jid_is_full(s->to)) {
		bounce(room, s, COND_BAD_REQUEST, "a nick gets no groupchat", r);
	} else if (s->type == MESSAGE_GROUPCHAT) {
		say(room, s, r);
	} else if (jid_is_full(s->to)) {
		whisper(room, s, r);
	} else if (!muc_mediated(room, s, r)) {
		bounce(room, s, COND_BAD_REQUEST, "a room takes messages of type groupchat", r);
	}
}
