/*
 * archive.c -- the history of a home: its owner's number, its rows.
 *
 * The number is random and unique in the database.  It is chosen when a home without one is loaded,
 * and written down by the first row that needs it: in a request of its own that runs before the
 * row's (requests of a home keep their order), and until that is answered also with each row, so
 * that no row is on disk whose owner is not.
 *
 * Runs on: main (init, fini), the home's worker.
 */
#include "home/archive_own.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "store/secret.h"
#include "xml/xml.h"

#include <assert.h>
#include <string.h>

/* Six bytes in a row of SQLite, and yet two of them are never the same. */
enum { NUMBER_BITS = 47, FOUND_AMONG = 1000 /* rows of a peer, as in archive_insert_once */ };

enum number_state {
	NUMBER_NEW, /* nobody knows it */
	NUMBER_ASKED, /* being written down */
	NUMBER_KEPT,
};

#define COLUMNS "owner, id, peer, flags, reference, dictionary, stanza"
#define SELECT_COLUMNS "SELECT id, flags, dictionary, stanza"
#define SELECT_ROWS SELECT_COLUMNS " FROM archive"
#define RANGE " WHERE owner = ? AND id > ? AND id < ?"
#define WITH_RANGE " WHERE owner = ? AND peer = ? AND id > ? AND id < ?"
/* The rows with one peer by their index, whatever a database guesses: the rows of the owner, in the
 * order of ids, are a long way when that peer seldom wrote. */
#define PEERS_SQLITE " FROM archive INDEXED BY archive_peer"
#define PEERS_MARIADB " FROM archive FORCE INDEX (archive_peer)"
#define OF_PEER(name, before, after)                                                               \
	{                                                                                          \
		name, before PEERS_SQLITE after, before PEERS_MARIADB after                        \
	}
#define TALK_ENDS_FROM(from)                                                                       \
	"SELECT (SELECT id" from " WHERE owner = ? AND peer = ? AND (flags & 2) <> 0"              \
	" ORDER BY id DESC LIMIT 1), (SELECT id" from " WHERE owner = ? AND peer = ?"              \
	" AND id > ? AND (flags & 1) <> 0 AND (flags & 18) <> 0 ORDER BY id DESC LIMIT 1)"
#define RECEIVED " AND (flags & 49) IN (0, 33)"
/* Among the last thousand with that peer: whoever floods an archive must not make this costly. */
#define IF_NEW(from)                                                                               \
	" WHERE NOT EXISTS (SELECT 1 FROM (SELECT id, flags, reference" from                       \
	" WHERE owner = ? AND peer = ? AND id > ? ORDER BY id DESC LIMIT 1000) AS latest"          \
	" WHERE id <> ? AND reference = ? AND (flags & 8) <> 0)"

_Static_assert(ARCHIVE_OUT == 1 && ARCHIVE_COUNTS == 2 && ARCHIVE_ORIGIN == 8 &&
		       ARCHIVE_RETRACTED == 16 && ARCHIVE_SELF == 32,
	"the numbers of the flags stand in the statements");

const struct query archive_queries[] = {
	[ARCHIVE_LOAD] = { "archive_load",
		"SELECT number, delivered, (SELECT MAX(id) FROM archive WHERE archive.owner = home_number.number)"
		" FROM home_number WHERE owner = ?",
		NULL },
	/* Not INSERT OR IGNORE: another owner's number is an error. */
	[NUMBER_INSERT] = { "home_number_insert",
		"INSERT INTO home_number (owner, number) SELECT ?, ? WHERE NOT EXISTS"
		" (SELECT 1 FROM home_number WHERE owner = ?)",
		"INSERT INTO home_number (owner, number) SELECT ?, ? FROM DUAL WHERE NOT EXISTS"
		" (SELECT 1 FROM home_number WHERE owner = ?)" },
	[NUMBER_RETIRE] = { "home_number_retire",
		"UPDATE home_number SET owner = ? WHERE owner = ?", NULL },
	[NUMBER_DELETE] = { "home_number_delete", "DELETE FROM home_number WHERE owner = ?", NULL },
	[ROWS_DELETE] = { "archive_delete", "DELETE FROM archive WHERE owner = ?", NULL },
	[ROW_INSERT] = { "archive_insert",
		"INSERT INTO archive (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)", NULL },
	[ROW_INSERT_ONCE] = { "archive_insert_once",
		"INSERT INTO archive (" COLUMNS ") SELECT ?, ?, ?, ?, ?, ?, ?" IF_NEW(PEERS_SQLITE),
		"INSERT INTO archive (" COLUMNS
		") SELECT ?, ?, ?, ?, ?, ?, ? FROM DUAL" IF_NEW(PEERS_MARIADB) },
	[ROW_REPLACE] = { "archive_replace",
		"UPDATE archive SET flags = ?, dictionary = ?, stanza = ? WHERE owner = ? AND id = ?",
		NULL },
	[ROW_GET] = { "archive_get", SELECT_ROWS " WHERE owner = ? AND id = ?", NULL },
	[PAGE_UP] = { "archive_page_up", SELECT_ROWS RANGE " ORDER BY id LIMIT ?", NULL },
	[PAGE_DOWN] = { "archive_page_down", SELECT_ROWS RANGE " ORDER BY id DESC LIMIT ?", NULL },
	[WITH_UP] = OF_PEER("archive_with_up", SELECT_COLUMNS, WITH_RANGE " ORDER BY id LIMIT ?"),
	[WITH_DOWN] = OF_PEER(
		"archive_with_down", SELECT_COLUMNS, WITH_RANGE " ORDER BY id DESC LIMIT ?"),
	[RECEIVED_UP] = { "archive_received_up", SELECT_ROWS RANGE RECEIVED " ORDER BY id LIMIT ?",
		NULL },
	[COUNT_ALL] = { "archive_count",
		"SELECT COUNT(*) FROM (SELECT 1 FROM archive" RANGE " LIMIT ?) AS counted", NULL },
	[COUNT_WITH] = OF_PEER("archive_count_with", "SELECT COUNT(*) FROM (SELECT 1",
		WITH_RANGE " LIMIT ?) AS counted"),
	[COUNT_RECEIVED] = { "archive_count_received",
		"SELECT COUNT(*) FROM (SELECT 1 FROM archive" RANGE RECEIVED " LIMIT ?) AS counted",
		NULL },
	[FIND_WITH] = OF_PEER("archive_find", "SELECT id, flags FROM (SELECT id, flags, reference",
		WITH_RANGE
		" ORDER BY id DESC LIMIT ?) AS looked_at WHERE reference = ? ORDER BY id DESC"),
	[REFERENCES] = { "archive_references",
		"SELECT reference, peer FROM archive" RANGE
		" AND (flags & 9) = 9 ORDER BY id DESC LIMIT ?",
		NULL },
	[ALL_REFERENCES] = { "archive_all_references",
		"SELECT reference, peer FROM archive" RANGE
		" AND (flags & 8) <> 0 ORDER BY id DESC LIMIT ?",
		NULL },
	[DELIVERED_SET] = { "archive_delivered",
		"UPDATE home_number SET delivered = ? WHERE owner = ?", NULL },
	[LEFT_PUT] = { "archive_leave",
		"INSERT OR IGNORE INTO archive_left (owner, id) VALUES (?, ?)",
		"INSERT IGNORE INTO archive_left (owner, id) VALUES (?, ?)" },
	[LEFT_PUT_ALL] = { "archive_leave_all",
		"INSERT OR IGNORE INTO archive_left (owner, id) SELECT owner, id FROM archive" RANGE
			RECEIVED,
		"INSERT IGNORE INTO archive_left (owner, id) SELECT owner, id FROM archive" RANGE
			RECEIVED },
	[LEFT_DONE] = { "archive_left_done", "DELETE FROM archive_left WHERE owner = ? AND id <= ?",
		NULL },
	[LEFT_PAGE] = { "archive_left_page",
		"SELECT a.id, a.flags, a.dictionary, a.stanza FROM archive_left AS l JOIN archive AS a"
		" ON a.owner = l.owner AND a.id = l.id WHERE l.owner = ? AND l.id > ?"
		" ORDER BY l.id LIMIT ?",
		NULL },
	[LEFT_COUNT] = { "archive_left_count", "SELECT COUNT(*) FROM archive_left WHERE owner = ?",
		NULL },
	[SEEN_PUT] = { "archive_seen_put",
		"INSERT INTO archive_seen (owner, peer, seen) VALUES (?, ?, ?)"
		" ON CONFLICT (owner, peer) DO UPDATE SET seen = MAX(seen, excluded.seen)",
		"INSERT INTO archive_seen (owner, peer, seen) VALUES (?, ?, ?)"
		" ON DUPLICATE KEY UPDATE seen = GREATEST(seen, VALUES(seen))" },
	[SEEN_LIST] = { "archive_seen_list",
		"SELECT peer, seen FROM archive_seen WHERE owner = ? ORDER BY peer", NULL },
	[SEEN_DELETE] = { "archive_seen_delete", "DELETE FROM archive_seen WHERE owner = ?", NULL },
	/* One step in the index for each peer; MariaDB does so only if it groups by the index's first
	 * columns, all of them. */
	[TALKS] = { "archive_talks",
		"WITH RECURSIVE talk(peer) AS (SELECT MIN(peer) FROM archive WHERE owner = ? UNION ALL"
		" SELECT (SELECT MIN(peer) FROM archive WHERE owner = ? AND peer > talk.peer) FROM talk"
		" WHERE talk.peer IS NOT NULL) SELECT peer, (SELECT MAX(id) FROM archive WHERE owner = ?"
		" AND archive.peer = talk.peer) AS last FROM talk WHERE peer IS NOT NULL AND ? IS NOT NULL"
		" ORDER BY last DESC LIMIT ?",
		"SELECT peer, MAX(id) AS last FROM archive FORCE INDEX (archive_peer) WHERE owner = ? AND"
		" owner = ? AND owner = ? AND owner = ? GROUP BY owner, peer ORDER BY last DESC LIMIT ?" },
	[TALK_ENDS] = { "archive_talk_ends", TALK_ENDS_FROM(PEERS_SQLITE),
		TALK_ENDS_FROM(PEERS_MARIADB) },
	[TALK_UNREAD] = OF_PEER("archive_talk_unread", "SELECT COUNT(*)",
		" WHERE owner = ? AND peer = ? AND id > ? AND (flags & 3) = 2"),
	[ROOM_ENDS] = OF_PEER("archive_room_ends",
		"SELECT (SELECT id FROM archive WHERE owner = ? AND (flags & 2) <> 0"
		" ORDER BY id DESC LIMIT 1), (SELECT id",
		" WHERE owner = ? AND peer = ? AND id > ? AND (flags & 18) <> 0"
		" ORDER BY id DESC LIMIT 1)"),
	[ROOM_UNREAD] = { "archive_room_unread",
		"SELECT COUNT(*) FROM archive WHERE owner = ? AND id > ? AND (flags & 2) <> 0 AND peer <> ?",
		NULL },
	[NUMBER_GET] = { "home_number_get", "SELECT number FROM home_number WHERE owner = ?",
		NULL },
	[CHUNK_ALL] = { "archive_chunk",
		"SELECT COUNT(*), MAX(id) FROM (SELECT id FROM archive" RANGE
		" ORDER BY id LIMIT ?) AS chunk",
		NULL },
	[CHUNK_WITH] = OF_PEER("archive_chunk_with", "SELECT COUNT(*), MAX(id) FROM (SELECT id",
		WITH_RANGE " ORDER BY id LIMIT ?) AS chunk"),
	[NUMBER_OWNER] = { "home_number_owner", "SELECT owner FROM home_number WHERE number = ?",
		NULL },
	[SEEN_ALL] = { "archive_seen_all",
		"INSERT INTO archive_seen (owner, peer, seen) SELECT owner, peer, MAX(id) FROM archive"
		" WHERE owner = ? GROUP BY owner, peer",
		NULL },
	[LEFT_IDS] = { "archive_left_ids",
		"SELECT id FROM archive_left WHERE owner = ? AND id > ? ORDER BY id LIMIT ?",
		NULL },
	END_QUERIES,
};

const struct query *const archive_load_query = &archive_queries[ARCHIVE_LOAD];

bool
archive_init(struct err *e)
{
	uint8_t secret[SECRET_SIZE];
	uint64_t seed;

	if (!secret_get("archive", secret, e))
		return false;
	memcpy(&seed, secret + 16, sizeof(seed));
	archive_id_init(secret, seed);
	archive_codec_init();
	mem_wipe(secret, sizeof(secret));
	return true;
}

void
archive_fini(void)
{
	archive_id_fini();
	archive_codec_fini();
}

/* ---- The owner's number ------------------------------------------------------------- */

static void
choose_number(struct home *h)
{
	h->number = (int64_t)(rand_u64() >> (64 - NUMBER_BITS));
	h->number += h->number == 0;
	h->number_state = NUMBER_NEW;
}

void
archive_loaded(struct home *h, const struct rows *rows)
{
	if (rows->count == 0) {
		choose_number(h);
		h->delivered = 0;
		return;
	}
	h->number = row_int(rows, 0, 0);
	h->number_state = NUMBER_KEPT;
	h->delivered = row_int(rows, 0, 1);
	home_id_floor(h, row_int(rows, 0, 2));
}

static void
number_answered(struct worker *w, void *ctx, enum store_result result,
	const struct rows *const *rows, size_t count)
{
	struct home *h = ctx;

	(void)w;
	(void)rows;
	(void)count;
	if (result == STORE_OK)
		h->number_state = NUMBER_KEPT;
	else if (result == STORE_DUPLICATE)
		choose_number(h);
	else
		h->number_state = NUMBER_NEW;
	home_unpin(h);
}

static struct ask
number_ask(const struct home *h, struct value args[3])
{
	args[0] = args[2] = of_jid(h->jid);
	args[1] = of_int(h->number);
	return (struct ask){ &archive_queries[NUMBER_INSERT], args, 3 };
}

/* Before the request that asks belongs to, and with it. */
void
archive_need_number(struct home *h, struct asks *asks)
{
	struct str bare = jid_bare_str(h->jid);
	struct value args[3];
	struct ask ask;

	if (h->number_state == NUMBER_KEPT)
		return;
	ask = number_ask(h, args);
	if (h->number_state == NUMBER_NEW) {
		h->number_state = NUMBER_ASKED;
		home_pin(h);
		store_ask(h->worker, hash_stable(bare.p, bare.n), &ask, 1, number_answered, h);
	}
	asks_add(asks, ask.query, args, ask.count);
}

struct home
archive_begin(const struct home *h, struct asks *asks, int64_t number)
{
	struct home begun = { .worker = h->worker, .jid = h->jid, .number = number };
	struct value args[3];
	struct ask ask;

	if (number == 0)
		choose_number(&begun);
	begun.number_state = NUMBER_KEPT;
	ask = number_ask(&begun, args);
	asks_add(asks, ask.query, ask.args, ask.count);
	return begun;
}

void
archive_delete(const struct home *h, struct asks *asks)
{
	struct value number = of_int(h->number), owner = of_jid(h->jid);

	struct value left[] = { number, of_int(INT64_MAX) };

	asks_add(asks, &archive_queries[LEFT_DONE], left, 2);
	asks_add(asks, &archive_queries[SEEN_DELETE], &number, 1);
	asks_add(asks, &archive_queries[ROWS_DELETE], &number, 1);
	asks_add(asks, &archive_queries[NUMBER_DELETE], &owner, 1);
}

/* What has a blank in it is no address. */
void
archive_retire(struct home *h, struct asks *asks)
{
	struct arena *a = asks_arena(asks);
	struct str bare = utf8_cut(jid_bare_str(h->jid), 1900);
	const char *name =
		arena_printf(a, "%.*s until %lld", STR_ARG(bare), (long long)clock_wall());
	struct value args[] = { of_text(name), of_jid(h->jid) };

	asks_add(asks, &archive_queries[NUMBER_RETIRE], args, COUNT(args));
}

void
archive_retired(struct home *h)
{
	choose_number(h);
	h->delivered = 0;
}

void
archive_deleted(struct home *h)
{
	struct str bare = jid_bare_str(h->jid);
	struct value number = of_int(h->number);
	struct ask rest = { &archive_queries[ROWS_DELETE], &number, 1 };

	/* Rows that were asked for while the deletion was under way. */
	store_ask(h->worker, hash_stable(bare.p, bare.n), &rest, 1, NULL, NULL);
	choose_number(h);
	h->delivered = 0;
}

/* ---- Write ----------------------------------------------------------------------------- */

void
archive_put(struct home *h, struct asks *asks, const struct archive_entry *e)
{
	struct archive_coded coded = archive_encode(asks_arena(asks), h, e->stanza);
	int64_t peer = archive_peer(e->peer);
	struct value args[] = { of_int(h->number), of_int(e->id), of_int(peer),
		of_int((int64_t)(e->flags | coded.flags)), of_int(e->reference),
		of_int(coded.dictionary), of_str(coded.bytes),
		/* Unless it is there. */
		of_int(h->number), of_int(peer), of_int(e->once_since), of_int(e->id),
		of_int(e->reference) };

	assert(h->number != 0 && e->id > 0);
	if (e->reference == 0)
		args[4] = (struct value){ VALUE_NULL, 0, STR_NONE };
	if (e->once_since > 0) {
		assert(e->reference != 0 && (e->flags & ARCHIVE_ORIGIN));
		asks_add_first(asks, &archive_queries[ROW_INSERT_ONCE], args, COUNT(args));
	} else {
		asks_add(asks, &archive_queries[ROW_INSERT], args, 7);
	}
	archive_need_number(h, asks);
}

void
archive_replace(
	struct home *h, struct asks *asks, int64_t id, unsigned flags, const struct stanza *s)
{
	struct archive_coded coded = archive_encode(asks_arena(asks), h, s);
	struct value args[] = { of_int((int64_t)(flags | coded.flags)), of_int(coded.dictionary),
		of_str(coded.bytes), of_int(h->number), of_int(id) };

	asks_add(asks, &archive_queries[ROW_REPLACE], args, COUNT(args));
}

/* ---- Read ------------------------------------------------------------------------------- */

/* The values of a range, then those of more. */
static struct ask
range_ask(struct arena *a, const struct home *h, const struct archive_range *r,
	enum archive_query all, enum archive_query with, const struct value *more)
{
	struct value *args = ARENA_ARRAY(a, struct value, 6);
	size_t count = 0;

	args[count++] = of_int(h->number);
	if (!jid_is_none(r->with))
		args[count++] = of_int(archive_peer(r->with));
	args[count++] = of_int(r->after);
	args[count++] = of_int(r->before);
	args[count++] = of_int(r->limit);
	if (more)
		args[count++] = *more;
	return (struct ask){ &archive_queries[jid_is_none(r->with) ? all : with], args, count };
}

struct ask
archive_page(struct arena *a, const struct home *h, const struct archive_range *r)
{
	assert(r->limit <= ARCHIVE_PAGE_MAX + 1);
	if (r->received)
		return range_ask(a, h, r, RECEIVED_UP, RECEIVED_UP, NULL);
	return range_ask(a, h, r, r->backwards ? PAGE_DOWN : PAGE_UP,
		r->backwards ? WITH_DOWN : WITH_UP, NULL);
}

struct ask
archive_count(struct arena *a, const struct home *h, const struct archive_range *r)
{
	return range_ask(a, h, r, r->received ? COUNT_RECEIVED : COUNT_ALL, COUNT_WITH, NULL);
}

struct ask
archive_chunk(struct arena *a, const struct home *h, const struct archive_range *r)
{
	return range_ask(a, h, r, CHUNK_ALL, CHUNK_WITH, NULL);
}

struct ask
archive_find(
	struct arena *a, const struct home *h, const struct archive_range *r, int64_t reference)
{
	struct value value = of_int(reference);

	assert(!jid_is_none(r->with));
	return range_ask(a, h, r, FIND_WITH, FIND_WITH, &value);
}

unsigned
archive_find_put(const struct home *h, struct asks *asks, const struct archive_entry *e)
{
	const struct archive_range range = { .after = e->once_since,
		.before = INT64_MAX,
		.with = jid_bare(e->peer),
		.limit = FOUND_AMONG };
	struct ask find;

	if (e->once_since == 0)
		return 0;
	find = archive_find(asks_arena(asks), h, &range, e->reference);
	asks_add(asks, find.query, find.args, find.count);
	return (unsigned)asks->count;
}

struct ask
archive_references(struct arena *a, const struct home *h, const struct archive_range *r, bool own)
{
	enum archive_query query = own ? REFERENCES : ALL_REFERENCES;

	assert(jid_is_none(r->with));
	return range_ask(a, h, r, query, query, NULL);
}

struct ask
archive_get(struct arena *a, const struct home *h, int64_t id)
{
	struct value *args = ARENA_ARRAY(a, struct value, 2);

	args[0] = of_int(h->number);
	args[1] = of_int(id);
	return (struct ask){ &archive_queries[ROW_GET], args, 2 };
}

bool
archive_read(struct arena *a, const struct home *h, const struct rows *rows, size_t row,
	struct archive_row *out)
{
	struct archive_coded coded = { .flags = (unsigned)row_int(rows, row, 1),
		.dictionary = (unsigned)row_int(rows, row, 2),
		.bytes = row_str(rows, row, 3) };

	out->id = row_int(rows, row, 0);
	out->flags = coded.flags & ~(unsigned)(ARCHIVE_CUT_TO | ARCHIVE_CUT_FROM);
	if (archive_decode(a, h, &coded, &out->bytes))
		return true;
	log_error(AREA_HOME, NULL, "row %lld of an archive is damaged or of a newer program",
		(long long)out->id);
	return false;
}

const struct stanza *
archive_row_stanza(const struct archive_row *r)
{
	return stanza_read(r->bytes);
}

bool
archive_row_is_with(const struct archive_row *r, struct jid with)
{
	AUTO(buf_fini) struct buf escaped = BUF_INIT;
	struct str value =
		archive_address(r->bytes, r->flags & ARCHIVE_OUT ? STR(" to='") : STR(" from='"));

	xml_escape_attr(&escaped, jid_full(with));
	if (!str_starts(value, buf_str(&escaped)))
		return false;
	return value.n == buf_len(&escaped) ||
	       (!jid_is_full(with) && value.p[buf_len(&escaped)] == '/');
}
