/*
 * archive.h -- the history of a home: an account's or a room's messages, for ever.
 *
 * An archive is the rows of one owner in the order of their ids.  The owner is a number that its
 * home has; ids are given by the home (home_next_id) and carry the time, so there is no other
 * column for it.  A row is written by an ask that its home's gate commits before the message goes
 * on (home/gate.h); it is read by one range scan, of all rows or of those with one peer.
 *
 * Peer: of an account's row the other side of the conversation, of a room's the sender; its bare
 * JID is kept as a keyed hash, so who looks for one must compare the address in the row, too
 * (archive_row_is_with).
 *
 * On the wire an id is an opaque text (XEP-0359 6: it must not tell how many there are): a block
 * cipher over the id and the owner, so the ids of other archives are recognised without a query.
 *
 * Runs on: the home's worker, if not said otherwise.
 */
#ifndef HOME_ARCHIVE_H
#define HOME_ARCHIVE_H

#include "home/home.h"
#include "store/asks.h"

enum archive_flags {
	ARCHIVE_OUT = 1, /* sent by the owner */
	ARCHIVE_COUNTS =
		2, /* somebody wrote something: it can be unread, if it was not the owner */
	ARCHIVE_GROUPCHAT = 4,
	ARCHIVE_ORIGIN = 8, /* reference is of the sender's origin-id, else of the message's id */
	ARCHIVE_RETRACTED = 16, /* a tombstone is in its place (XEP-0424) */
	ARCHIVE_SELF = 32, /* with ARCHIVE_OUT: to the owner itself, so it was received, too */
	/* The codec's. */
	ARCHIVE_CUT_TO = 64,
	ARCHIVE_CUT_FROM = 128,
};

/* Main, after store_open and before workers start: reads the deployment's secret. */
MUST_CHECK bool archive_init(struct err *e);
/* Main, after workers_stop. */
void archive_fini(void);

/* ---- Load and delete ------------------------------------------------------------ */

/* For who loads a home: a query of one parameter, the home's bare JID, and what takes its rows.
 * From then on the home gives ids greater than those in the archive. */
extern const struct query *const archive_load_query;
void archive_loaded(struct home *h, const struct rows *rows);
/* For who fills the archive of a home that does not exist yet: adds what writes the number of its
 * owner down (0: a new one), and returns what stands for the home in archive_put and others. */
struct home archive_begin(const struct home *h, struct asks *asks, int64_t number);
/* (owner) who has that number. */
struct ask archive_number_owner(struct arena *a, int64_t number);
/* Adds what deletes the archive and the number of its owner; next h gets another one. */
void archive_delete(const struct home *h, struct asks *asks);
/* Adds what keeps the archive, but under no address any more: whoever has the address next does not
 * see it.  archive_retired when that is committed. */
void archive_retire(struct home *h, struct asks *asks);
void archive_retired(struct home *h);
/* The home's rows were deleted (and that is committed). */
void archive_deleted(struct home *h);

/* ---- Ids ------------------------------------------------------------------------- */

#define ARCHIVE_ID_SIZE 23
/* As it goes on the wire: the id of a stanza-id and of a result. */
void archive_id_write(const struct home *h, int64_t id, char out[ARCHIVE_ID_SIZE]);
/* The id and the owner's number in an id of any archive of this deployment; any text of the right
 * form gives some two numbers. */
MUST_CHECK bool archive_id_open(
	const struct worker *w, const char *text, int64_t *id, int64_t *number);
/* False if it is not an id of this home's archive. */
MUST_CHECK bool archive_id_read(const struct home *h, const char *text, int64_t *id);
/* The first id of that millisecond, and the time of an id. */
int64_t archive_id_at(msec_t wall);
msec_t archive_time(int64_t id);
/* s with this archive's <stanza-id/> beside it; every one that claims to be of this home was
 * taken away.  id 0: only that. */
const struct stanza *archive_stamp(const struct home *h, const struct stanza *s, int64_t id);

/* ---- Write ------------------------------------------------------------------------ */

struct archive_entry {
	int64_t id; /* home_next_id */
	struct jid peer; /* bare or full */
	unsigned flags; /* enum archive_flags */
	int64_t reference; /* archive_reference; 0: none */
	/* Only if no row since then, of the last thousand with that peer, has the same reference, both with
	 * ARCHIVE_ORIGIN. */
	int64_t once_since; /* id; 0: in any case */
	const struct stanza *stanza;
};

/* Adds one row.  The first ask of the list, if e->once_since (struct passage, `once`). */
void archive_put(struct home *h, struct asks *asks, const struct archive_entry *e);
/* Adds what finds the row that keeps e from being put, if e->once_since: (id, flags).  1 + its number
 * among the asks (struct passage, `found`), or 0. */
unsigned archive_find_put(const struct home *h, struct asks *asks, const struct archive_entry *e);
/* Of an origin-id or id of a message to a bare JID; never 0. */
int64_t archive_reference(const char *id, struct jid to);
/* Another stanza in an old row's place (XEP-0424, 0425); flags are all of them. */
void archive_replace(
	struct home *h, struct asks *asks, int64_t id, unsigned flags, const struct stanza *s);

/* ---- Read -------------------------------------------------------------------------- */

#define ARCHIVE_PAGE_MAX 1000

struct archive_range {
	int64_t after, before; /* both exclusive; 0, INT64_MAX: open */
	struct jid with; /* JID_NONE: everybody */
	bool backwards; /* the last rows of the range; newest first */
	bool received; /* forwards, of everybody: without what the owner sent, and tombstones */
	unsigned limit; /* rows, at most ARCHIVE_PAGE_MAX */
};

/* One statement; values in a. */
struct ask archive_page(struct arena *a, const struct home *h, const struct archive_range *r);
/* Number of rows, counted up to limit; ignores backwards. */
struct ask archive_count(struct arena *a, const struct home *h, const struct archive_range *r);
/* (number, greatest id) of the first rows of the range, at most limit: to count any number in pieces
 * that are quick.  Ignores backwards and received. */
struct ask archive_chunk(struct arena *a, const struct home *h, const struct archive_range *r);
/* That one row, or none. */
struct ask archive_get(struct arena *a, const struct home *h, int64_t id);
/* (id, flags) of rows with this reference, newest first, among those of the range. */
struct ask archive_find(
	struct arena *a, const struct home *h, const struct archive_range *r, int64_t reference);

/* (reference, peer) of what has origin-ids, newest first; own: only what the owner sent.  The range is
 * of everybody. */
struct ask archive_references(
	struct arena *a, const struct home *h, const struct archive_range *r, bool own);

/* ---- Conversations ------------------------------------------------------------------ */

/* The owner has seen what the peer (or the room; then id is one of the room's) sent up to that id. */
void archive_seen(struct home *h, struct asks *asks, struct jid with, int64_t id);
/* All that is in the archive. */
void archive_seen_all(const struct home *h, struct asks *asks);
/* (peer, id): how far; in the order of the peers. */
struct ask archive_seen_list(struct arena *a, const struct home *h);
/* The keyed hash of a bare JID, as the column `peer` holds it. */
int64_t archive_peer(struct jid j);
/* (peer, id of the newest row) of each conversation, newest first. */
struct ask archive_talks(struct arena *a, const struct home *h, unsigned limit);
/* One row: ids of the newest message that somebody wrote, and of the newest that the owner did since
 * `seen`, retracted or not; either may be NULL. */
struct ask archive_talk_ends(struct arena *a, const struct home *h, int64_t peer, int64_t seen);
/* The number of messages that the peer wrote after that one. */
struct ask archive_talk_unread(struct arena *a, const struct home *h, int64_t peer, int64_t after);
/* The same two of a room's archive, for one who is in the room. */
struct ask archive_room_ends(struct arena *a, const struct home *room, struct jid me, int64_t seen);
struct ask archive_room_unread(
	struct arena *a, const struct home *room, struct jid me, int64_t after);
/* The number that another home has (one row, or none), and what stands for that home when its ids
 * and rows are read here. */
struct ask archive_number(struct arena *a, struct jid owner);
struct home archive_elsewhere(const struct home *here, struct jid owner, int64_t number);

struct archive_row {
	int64_t id;
	unsigned flags;
	struct str bytes; /* one <message xmlns='jabber:client'/>, in the arena */
};

/* Of the rows of archive_page and archive_get; false if it is damaged (logged). */
MUST_CHECK bool archive_read(struct arena *a, const struct home *h, const struct rows *rows,
	size_t row, struct archive_row *out);
/* The row's other side (to if ARCHIVE_OUT, else from) is that address; a bare one stands for all
 * its resources. */
bool archive_row_is_with(const struct archive_row *r, struct jid with);
/* NULL if damaged. */
const struct stanza *archive_row_stanza(const struct archive_row *r);

/* ---- What nobody got yet ------------------------------------------------------------- */

/* Received rows up to h->delivered went to a client, but for pointers to those that were left.  Both
 * are read and written by who delivers late (modules/offline). */

/* Writes h->delivered down as `id`. */
void archive_delivered(const struct home *h, struct asks *asks, int64_t id);
/* A pointer to that row, or to all received ones between two ids (both exclusive). */
void archive_leave(const struct home *h, struct asks *asks, int64_t id);
void archive_leave_all(const struct home *h, struct asks *asks, int64_t after, int64_t before);
/* Forgets the pointers up to id. */
void archive_left_done(const struct home *h, struct asks *asks, int64_t id);
/* Rows (archive_read) that were left after that one, oldest first; their ids alone; their number. */
struct ask archive_left_page(struct arena *a, const struct home *h, int64_t after, unsigned limit);
struct ask archive_left_ids(struct arena *a, const struct home *h, int64_t after, unsigned limit);
struct ask archive_left_count(struct arena *a, const struct home *h);
/* The id that archive_stamp gave it; 0: none. */
int64_t archive_id_of(const struct home *h, const struct stanza *s);

#endif
