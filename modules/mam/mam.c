/*
 * mam.c -- XEP-0313: the history of each account, for ever, and what belongs into it.
 *
 * A message of type chat or normal is archived on both sides if somebody said or did something with
 * it (xep/content.h), unless a hint or the user's preferences forbid it: on the sender's side before
 * it is routed, on the recipient's before it is delivered (home/gate.h).  A message to oneself is
 * archived once, as it arrives.  What is delivered carries its id in the recipient's archive; a
 * stanza-id that claims to be of this account's archive is taken away before.
 *
 * A message whose origin-id came before within a day from the same account is not archived again: it
 * goes on marked, and the recipient's side looks whether it has it, since it may not have got there
 * the first time.
 *
 * Runs on: the account's home.
 */
#include "mam.h"

#include "xep/content.h"

MODULE_OPTIONS(struct mam_options)
MODULE_SLOT(struct mam)

static const struct field fields[] = {
	INT_FIELD(struct mam_options, page, .dflt = "50", .min = 1, .max = 1000,
		.flags = FIELD_RELOAD,
		.doc = "How many messages a page of history has if the client does not say it"),
	INT_FIELD(struct mam_options, page_max, .dflt = "250", .min = 1, .max = 1000,
		.flags = FIELD_RELOAD, .doc = "How many it may have at most"),
	END_FIELDS,
};

struct mam *
mam_of(const struct account *a)
{
	return slot_of(a);
}

/* ---- What is archived ------------------------------------------------------------------ */

static const char *
origin_of(const struct stanza *s)
{
	const char *id = xml_get(stanza_child(s, NS_SID, "origin-id"), "id");

	return id && *id ? id : NULL;
}

void
mam_refer(struct archive_entry *e)
{
	const char *origin = origin_of(e->stanza), *id = origin ? origin : e->stanza->id;

	if (origin)
		e->flags |= ARCHIVE_ORIGIN;
	if (id)
		e->reference = archive_reference(id, e->stanza->to);
}

static void
put(struct message_event *ev, struct archive_entry *e)
{
	struct home *h = &ev->account->home;

	e->id = ev->archive_id = ev->place;
	ev->once = e->once_since > 0;
	archive_put(h, ev->asks, e);
	ev->found = archive_find_put(h, ev->asks, e);
}

/* Somewhat more than a day: the sender's clock is asked, too. */
static int64_t
some_time_ago(void)
{
	return archive_id_at(clock_wall() - DAYS(1) - HOURS(1)) + 1;
}

static bool
is_to_self(const struct message_event *ev)
{
	return jid_eq_bare(ev->stanza->to, ev->account->home.jid) &&
	       jid_eq_bare(ev->stanza->from, ev->account->home.jid);
}

static struct sent *
sent_of(struct home *h)
{
	return &mam_of(account_of(h))->sent;
}

/* Whether it came before is asked of every message that has an origin-id, kept or not. */
static enum verdict
on_sent(struct message_event *ev)
{
	const struct stanza *s = ev->stanza;
	struct archive_entry e = { .peer = s->to, .flags = ARCHIVE_OUT, .stanza = s };
	unsigned content = content_of(s);

	if (is_to_self(ev) || s->type == MESSAGE_GROUPCHAT || s->type == MESSAGE_ERROR)
		return PASS;
	mam_refer(&e);
	if (e.flags & ARCHIVE_ORIGIN) {
		switch (sent_ask(&ev->account->home, sent_of, e.reference)) {
		case SENT_NEW:
			break;
		case SENT_MAYBE:
			e.once_since = some_time_ago();
			break;
		case SENT_BEFORE:
			ev->again = true;
			return PASS;
		}
	}
	if (content_is_news(s, content))
		e.flags |= ARCHIVE_COUNTS;
	if (!content_is_history(s, content))
		return PASS;
	if (prefs_allow(ev->account, s->to))
		put(ev, &e);
	else if (e.flags & ARCHIVE_ORIGIN) /* who keeps nothing cannot tell later that it came */
		event_replace(ev, stanza_again(s));
	return PASS;
}

static enum verdict
on_accepted(struct message_event *ev)
{
	const struct stanza *s = ev->stanza;
	const char *origin = origin_of(s);

	if (is_to_self(ev) || s->type == MESSAGE_GROUPCHAT || s->type == MESSAGE_ERROR)
		return PASS;
	if (origin)
		sent_accepted(&mam_of(ev->account)->sent, archive_reference(origin, s->to));
	if (ev->archive_id != 0)
		mam_retract(ev->account, s, ev->archive_id);
	return PASS;
}

/* Of whatever type: nobody else speaks for this archive, in what comes and in what the user sends
 * (XEP-0359 5). */
static enum verdict
strip(struct message_event *ev)
{
	if (stanza_child(ev->stanza, NS_SID, "stanza-id"))
		event_replace(ev, archive_stamp(&ev->account->home, ev->stanza, 0));
	return PASS;
}

static uint64_t
whisper_hash(const struct stanza *s)
{
	struct str from = jid_full(s->from), id = str_of(s->id);

	return hash_bytes(from.p, from.n) * 31 + hash_bytes(id.p, id.n);
}

/* Of it and the device that it goes to. */
static uint64_t
told_hash(const struct stanza *s)
{
	struct str to = jid_full(s->to);

	return whisper_hash(s) * 31 + hash_bytes(to.p, to.n);
}

/* Whether that device got it already.  From now on it has. */
static bool
was_told(struct mam *m, const struct stanza *s)
{
	uint64_t hash = told_hash(s);

	if (!m->told)
		m->told = mem_new(WHISPERS_TOLD * sizeof(*m->told));
	for (unsigned i = 0; i < WHISPERS_TOLD; i++)
		if (m->told[i] == hash)
			return true;
	m->told[m->told_next++ % WHISPERS_TOLD] = hash;
	return false;
}

/* It was not stored, so no device got it. */
static void
forget_whisper(struct message_event *ev)
{
	struct mam *m = mam_of(ev->account);
	uint64_t hash = told_hash(ev->stanza);

	for (unsigned i = 0; m->told && i < WHISPERS_TOLD; i++)
		if (m->told[i] == hash)
			m->told[i] = 0;
	for (unsigned i = 0; i < WHISPERS; i++)
		if (m->whispers[i].id == ev->archive_id)
			m->whispers[i] = (struct whispered){ 0, 0 };
}

/* Whether another device got it already: then under that id.  Else it is remembered, if it is certain
 * that the archive will have it under the id that it has now. */
static bool
is_known_whisper(struct message_event *ev)
{
	const struct stanza *s = ev->stanza;
	struct mam *m = mam_of(ev->account);
	uint64_t hash = whisper_hash(s);

	for (unsigned i = 0; i < WHISPERS; i++) {
		if (m->whispers[i].hash != hash || m->whispers[i].id == 0)
			continue;
		ev->archive_id = m->whispers[i].id;
		return true;
	}
	if (!s->again)
		m->whispers[m->whispers_next++ % WHISPERS] = (struct whispered){ hash, ev->place };
	return false;
}

static enum verdict
on_arrived(struct message_event *ev)
{
	const struct stanza *s = ev->stanza;
	unsigned content = content_of(s);
	struct archive_entry e = { .peer = s->from, .stanza = s };

	if (!content_is_history(s, content) || !prefs_allow(ev->account, s->from))
		return PASS;
	if (s->id && content_is_whisper(s)) {
		if (was_told(mam_of(ev->account), s) && s->again) {
			ev->again = true;
			return PASS;
		}
		if (is_known_whisper(ev)) {
			event_replace(ev, archive_stamp(&ev->account->home, s, ev->archive_id));
			return PASS;
		}
	}
	if (is_to_self(ev))
		e.flags = ARCHIVE_OUT | ARCHIVE_SELF;
	if (content_is_news(s, content))
		e.flags |= ARCHIVE_COUNTS;
	mam_refer(&e);
	if ((e.flags & ARCHIVE_ORIGIN) && (s->again || is_to_self(ev)))
		e.once_since = some_time_ago();
	put(ev, &e);
	event_replace(ev, archive_stamp(&ev->account->home, s, e.id));
	mam_retract(ev->account, s, e.id);
	return PASS;
}

/* ---- What was refused, and yet may be on disk -------------------------------------------------- */

/* The store was lost while it committed: the row may be there, but nobody was given the message.  Its
 * sender says it again (with the same origin-id), and then it goes on, as what is in the archive. */

/* Of a message that the account sent, or of one that came to it. */
static struct sent *
record_of(const struct message_event *ev, int64_t *reference)
{
	const struct stanza *s = ev->stanza;
	struct mam *m = mam_of(ev->account);
	const char *origin = ev->archive_id != 0 ? origin_of(s) : NULL;

	if (!origin)
		return NULL;
	*reference = archive_reference(origin, s->to);
	if (jid_eq_bare(s->from, ev->account->home.jid) && !is_to_self(ev))
		return &m->sent;
	*reference = sent_by(*reference, s->from);
	return &m->failed;
}

static enum verdict
on_refused(struct message_event *ev)
{
	int64_t reference;
	struct sent *record = record_of(ev, &reference);

	if (record)
		sent_failed(record, reference);
	if (ev->archive_id != 0 && ev->stanza->id && content_is_whisper(ev->stanza))
		forget_whisper(ev);
	return PASS;
}

static enum verdict
on_known(struct message_event *ev)
{
	int64_t reference;
	struct sent *record = record_of(ev, &reference);

	if (!record || !sent_has_failed(record, reference))
		return PASS;
	if (record == &mam_of(ev->account)->failed)
		event_replace(ev, archive_stamp(&ev->account->home, ev->stanza, ev->archive_id));
	return STOP;
}

static enum verdict
on_due(struct message_event *ev)
{
	struct mam *m = mam_of(ev->account);
	int64_t reference;

	if (m->failed.now && record_of(ev, &reference) == &m->failed &&
		sent_has_failed(&m->failed, reference))
		sent_accepted(&m->failed, reference);
	return PASS;
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* Then the client has to read first. */
#define UNSENT_MAX ((size_t)128 * 1024)

static bool
is_there(const struct job *j)
{
	return j->session != NULL;
}

static bool
is_ready(const struct job *j)
{
	return session_unsent(j->session) <= UNSENT_MAX;
}

static void
send_to_session(struct job *j, const struct stanza *s)
{
	session_send(j->session, s);
}

/* Whoever reads the history needs nobody to repeat it. */
static void
has_read(struct job *j, int64_t after, int64_t to)
{
	struct session *s = j->session;

	if (!s)
		return;
	if (s->history_to == 0 || after < s->history_from)
		s->history_from = after;
	if (to > s->history_to)
		s->history_to = to;
}

static struct step
query(struct job *j)
{
	struct archive_view *v = ARENA_NEW(j->arena, struct archive_view);

	*v = (struct archive_view){ .page = (unsigned)options(j->host)->page,
		.page_max = (unsigned)options(j->host)->page_max,
		.is_there = is_there,
		.is_ready = is_ready,
		.send = send_to_session,
		.has_read = has_read };
	return archive_query(j, v);
}

/* XEP-0313 7: whoever it is of, and whether there is such an account. */
static struct step
refuse(struct job *j)
{
	return iq_error(j, COND_FORBIDDEN, "the archive is of somebody else");
}

/* ---- The rest ----------------------------------------------------------------------------- */

static void
loaded(struct account *a, void *slot, const struct rows *rows)
{
	struct mam *m = slot;

	(void)a;
	prefs_loaded(&m->prefs, rows);
}

static void
drop(void *slot)
{
	struct mam *m = slot;

	prefs_drop(&m->prefs);
	sent_drop(&m->sent);
	sent_drop(&m->failed);
	mem_free(&m->told);
}

static const struct slot slot = {
	.size = sizeof(struct mam),
	.load = &mam_prefs_queries[PREFS_LOAD],
	.loaded = loaded,
	.drop = drop,
};

MODULE(mam) = {
	IDENTITY(mam),
	.summary = "Archives messages",
	.xeps = XEPS({ 313, "1.1.3", XEP_COMPLETE, NULL },
		{ 59, "1.0", XEP_PARTIAL, "no pages by index" }, { 297, "1.0", XEP_COMPLETE, NULL },
		{ 359, "0.7.0", XEP_COMPLETE, NULL }, { 334, "1.0.0", XEP_COMPLETE, NULL },
		{ 424, "0.4.2", XEP_PARTIAL, "tombstones in archives" },
		{ 441, "0.2.0", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct mam_options),
	.features = FEATURES(NS_RETRACT),
	.account_features = FEATURES(
		NS_MAM, NS_MAM_EXTENDED, NS_SID, NS_RETRACT, NS_RETRACT "#tombstone"),
	.iqs =
		(const struct iq_handler[]){
			{ NS_MAM, "query", ON_SET, TO_SELF, query },
			{ NS_MAM, "query", ON_GET, TO_SELF, archive_query_form },
			{ NS_MAM, "metadata", ON_GET, TO_SELF, archive_query_metadata },
			{ NS_MAM, "prefs", ON_GET, TO_SELF, mam_prefs_get },
			{ NS_MAM, "prefs", ON_SET, TO_SELF, mam_prefs_set },
			{ NS_MAM, "query", ON_GET | ON_SET, TO_ACCOUNT | TO_NOBODY, refuse },
			{ NS_MAM, "metadata", ON_GET, TO_ACCOUNT | TO_NOBODY, refuse },
			{ NS_MAM, "prefs", ON_GET | ON_SET, TO_ACCOUNT | TO_NOBODY, refuse },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(message_sent, ORDER_STAMP, strip),
			ON(message_sent, ORDER_ARCHIVE, on_sent),
			ON(message_accepted, ORDER_ARCHIVE, on_accepted),
			ON(message_arrived, ORDER_STAMP, strip),
			ON(message_arrived, ORDER_ARCHIVE, on_arrived),
			ON(message_refused, ORDER_ARCHIVE, on_refused),
			ON(message_known, ORDER_ARCHIVE, on_known),
			ON(message_due, ORDER_FILTER, on_due),
			END_HOOKS,
		},
	.slot = &slot,
	.portable = &mam_portable,
	.queries = mam_prefs_queries,
};
