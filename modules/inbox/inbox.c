/*
 * inbox.c -- XEP-0430: how far an account has read each of its conversations.
 *
 * A client says it by a displayed marker (XEP-0333) to whom it has read, or by publishing it for the
 * user's other devices (XEP-0490).  Both name a message; its place in the archive is found and kept,
 * if it is farther than what was known.  The list itself (list.c) follows from the archive.
 *
 * Runs on: the account's home.
 */
#include "modules/inbox/inbox.h"

#include "xep/content.h"

#include <string.h>

#define NS_MARKERS "urn:xmpp:chat-markers:0"
#define NS_DISPLAYED "urn:xmpp:mds:displayed:0"

/* Messages of a conversation among which a marker's is looked for, from the newest on: by reference, at
 * first among few, since it mostly names one of the last; and if its sender gave it an origin-id and
 * another id, by reading so many pages. */
enum { LOOK_FIRST = 50, LOOK_MORE = 1000, LOOK_BACK = 20000, CHUNK = 100, CHUNKS_MAX = 20 };

MODULE_OPTIONS(struct inbox_options)

static const struct field fields[] = {
	INT_FIELD(struct inbox_options, page, .dflt = "100", .min = 1, .max = 500,
		.flags = FIELD_RELOAD,
		.doc = "How many conversations are listed if the client does not say it"),
	INT_FIELD(struct inbox_options, page_max, .dflt = "250", .min = 1, .max = 500,
		.flags = FIELD_RELOAD, .doc = "How many may be listed at once"),
	END_FIELDS,
};

const struct inbox_options *
inbox_options(const struct host *h)
{
	return options(h);
}

/* Something was read. */
struct reading {
	struct jid with; /* bare: a contact or a room */
	const char *id; /* the message's own, or an archive's */
	struct archive_range range; /* what is still to be read */
	unsigned chunks;
};

static step_fn find, found, scan, scanned, ask_room, room_known, kept;

static struct reading *
reading_new(struct arena *a, struct jid with, const char *id)
{
	struct reading *r = ARENA_NEW(a, struct reading);

	r->with = jid_copy(a, jid_bare(with));
	r->id = arena_text(a, id);
	return r;
}

static struct step
keep(struct job *j, int64_t id)
{
	const struct reading *r = j->state;
	struct asks *asks = ARENA_NEW(j->arena, struct asks);
	struct step next;

	archive_seen(&j->account->home, asks, r->with, id);
	next = job_query_all(j, kept, asks->list, asks->count);
	asks_fini(asks);
	return next;
}

static struct step
kept(struct job *j)
{
	return job_done(j);
}

/* ---- By the sender's id (XEP-0333), in this account's archive ------------------------------- */

static struct step
find_among(struct job *j, unsigned limit)
{
	struct reading *r = j->state;
	struct ask ask;

	r->range = (struct archive_range){
		.before = INT64_MAX, .with = r->with, .limit = limit, .backwards = true
	};
	ask = archive_find(j->arena, &j->account->home, &r->range,
		archive_reference(r->id, j->account->home.jid));
	return job_query_all(j, found, &ask, 1);
}

static struct step
find(struct job *j)
{
	return find_among(j, LOOK_FIRST);
}

static struct step
found(struct job *j)
{
	const struct reading *r = j->state;

	for (size_t i = 0; i < j->rows->count; i++)
		if (!(row_int(j->rows, i, 1) & ARCHIVE_OUT))
			return keep(j, row_int(j->rows, i, 0));
	if (r->range.limit == LOOK_BACK)
		return scan(j);
	return find_among(j, r->range.limit == LOOK_FIRST ? LOOK_MORE : LOOK_BACK);
}

static struct step
scan(struct job *j)
{
	struct reading *r = j->state;
	struct ask ask;

	if (r->chunks++ == CHUNKS_MAX)
		return job_done(j);
	r->range.limit = CHUNK;
	ask = archive_page(j->arena, &j->account->home, &r->range);
	return job_query_all(j, scanned, &ask, 1);
}

static bool
has_id(const struct archive_row *row, const char *id)
{
	AUTO(stanza_unref) const struct stanza *s = NULL;

	if ((row->flags & ARCHIVE_OUT) || !memmem(row->bytes.p, row->bytes.n, id, strlen(id)))
		return false;
	s = archive_row_stanza(row);
	return s && text_eq(s->id, id);
}

static struct step
scanned(struct job *j)
{
	struct reading *r = j->state;
	const struct rows *rows = j->rows;
	struct archive_row row;

	for (size_t i = 0; i < rows->count; i++)
		if (archive_read(j->arena, &j->account->home, rows, i, &row) && has_id(&row, r->id))
			return keep(j, row.id);
	if (rows->count < CHUNK)
		return job_done(j);
	r->range.before = row_int(rows, rows->count - 1, 0);
	return scan(j);
}

/* ---- By the id in a room's archive ------------------------------------------------------------ */

static struct step
ask_room(struct job *j)
{
	const struct reading *r = j->state;
	struct ask ask = archive_number(j->arena, r->with);

	return job_query_all(j, room_known, &ask, 1);
}

static struct step
room_known(struct job *j)
{
	const struct reading *r = j->state;
	struct home room;
	int64_t id;

	if (j->rows->count == 0)
		return job_done(j);
	room = archive_elsewhere(&j->account->home, r->with, row_int(j->rows, 0, 0));
	return archive_id_read(&room, r->id, &id) ? keep(j, id) : job_done(j);
}

/* ---- What says it -------------------------------------------------------------------------------- */

/* XEP-0430 4: also by what XEP-0333 once had beside it. */
static const char *
marked(const struct stanza *s)
{
	const struct xml *x = stanza_child(s, NS_MARKERS, "displayed");
	const char *id = xml_get(x ? x : stanza_child(s, NS_MARKERS, "acknowledged"), "id");

	return id && *id ? id : NULL;
}

static enum verdict
on_accepted(struct message_event *ev)
{
	const struct stanza *s = ev->stanza;
	const char *id = marked(s);
	struct arena *arena;
	struct reading *r;

	if (!id || s->to.local == 0 || s->type == MESSAGE_ERROR || s->type == MESSAGE_HEADLINE)
		return PASS;
	arena = arena_new(0);
	r = reading_new(arena, s->to, id);
	job_start(ev->account, NULL, &arena, r, s->type == MESSAGE_GROUPCHAT ? ask_room : find);
	return PASS;
}

static step_fn take_own, own_known;

static struct step
take_own(struct job *j)
{
	const struct reading *r = j->state;
	struct ask ask;
	int64_t id;

	if (!archive_id_read(&j->account->home, r->id, &id))
		return job_done(j);
	ask = archive_get(j->arena, &j->account->home, id);
	return job_query_all(j, own_known, &ask, 1);
}

/* What is not in that conversation says nothing (XEP-0490 4). */
static struct step
own_known(struct job *j)
{
	const struct reading *r = j->state;
	struct archive_row row;

	if (j->rows->count == 0 || !archive_read(j->arena, &j->account->home, j->rows, 0, &row) ||
		!archive_row_is_with(&row, r->with))
		return job_done(j);
	return keep(j, row.id);
}

/* The archive that gave the id is this account's, or the room's. */
static enum verdict
on_published(struct pep_event *ev)
{
	const struct xml *sid = xml_child(ev->payload, NS_SID, "stanza-id");
	const char *by = xml_get(sid, "by"), *id = xml_get(sid, "id");
	struct arena *arena;
	struct reading *r;
	struct jid with;
	bool own;

	if (!text_eq(ev->node, NS_DISPLAYED) || !by || !id)
		return PASS;
	arena = arena_new(0);
	own = str_eq(str_of(by), jid_bare_str(ev->account->home.jid));
	if (jid_parse(arena, str_of(ev->item), &with) != JID_OK ||
		(!own && !str_eq(str_of(by), jid_bare_str(with)))) {
		arena_free(&arena);
		return PASS;
	}
	r = reading_new(arena, with, id);
	job_start(ev->account, NULL, &arena, r, own ? take_own : ask_room);
	return PASS;
}

MODULE(inbox) = {
	IDENTITY(inbox),
	.summary = "Lists conversations, with what is unread",
	.xeps = XEPS({ 430, "0.2.0", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct inbox_options),
	.account_features = FEATURES(NS_INBOX),
	.iqs =
		(const struct iq_handler[]){
			{ NS_INBOX, "inbox", ON_GET, TO_SELF, inbox_list },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(message_accepted, ORDER_OBSERVE, on_accepted),
			ON(pep_published, ORDER_NORMAL, on_published),
			END_HOOKS,
		},
};
