/*
 * archive_own.h -- between the archive_*.c files.
 *
 * Runs on: the home's worker, if not said otherwise.
 */
#ifndef HOME_ARCHIVE_OWN_H
#define HOME_ARCHIVE_OWN_H

#include "home/archive.h"

struct buf;

/* ---- archive.c, archive_left.c ------------------------------------------------------ */

extern const struct query archive_queries[];
/* Adds what writes the owner's number down, if nobody has yet. */
void archive_need_number(struct home *h, struct asks *asks);

enum archive_query {
	ARCHIVE_LOAD,
	NUMBER_INSERT,
	NUMBER_RETIRE,
	NUMBER_DELETE,
	ROWS_DELETE,
	ROW_INSERT,
	ROW_INSERT_ONCE,
	ROW_REPLACE,
	ROW_GET,
	PAGE_UP,
	PAGE_DOWN,
	WITH_UP,
	WITH_DOWN,
	RECEIVED_UP,
	COUNT_ALL,
	COUNT_WITH,
	COUNT_RECEIVED,
	FIND_WITH,
	REFERENCES,
	ALL_REFERENCES,
	DELIVERED_SET,
	LEFT_PUT,
	LEFT_PUT_ALL,
	LEFT_DONE,
	LEFT_PAGE,
	LEFT_COUNT,
	SEEN_PUT,
	SEEN_LIST,
	SEEN_DELETE,
	TALKS,
	TALK_ENDS,
	TALK_UNREAD,
	ROOM_ENDS,
	ROOM_UNREAD,
	NUMBER_GET,
	CHUNK_ALL,
	CHUNK_WITH,
	NUMBER_OWNER,
	SEEN_ALL,
	LEFT_IDS,
};

/* ---- archive_codec.c -------------------------------------------------------------- */

/* How a stanza lies in a row. */
struct archive_coded {
	unsigned dictionary; /* 0: as it is */
	unsigned flags; /* ARCHIVE_CUT_...: the owner's address is left out */
	struct str bytes; /* in the arena */
};

struct archive_coded archive_encode(
	struct arena *a, const struct home *owner, const struct stanza *s);
/* bytes of out are one element; false if damaged. */
MUST_CHECK bool archive_decode(
	struct arena *a, const struct home *owner, const struct archive_coded *in, struct str *out);
/* The value, as it is written, of an attribute of the element's start tag; lead: " to='". */
struct str archive_address(struct str element, struct str lead);
/* Without the UUIDs in it: their numbers, 16 bytes each, go to numbers (empty). */
void archive_pack(struct str text, struct buf *out, struct buf *numbers);
/* False if it is not what archive_pack made. */
MUST_CHECK bool archive_unpack(struct str text, struct str numbers, struct buf *out);
/* Main: what each worker needs. */
void archive_codec_init(void);
void archive_codec_fini(void);

/* src/home/dictionary, made by its embed at build time: in the order of their numbers. */
struct archive_dictionary {
	unsigned number;
	const unsigned char *bytes;
	size_t size;
};

extern const struct archive_dictionary archive_dictionaries[];
extern const size_t archive_dictionaries_count;

/* ---- archive_id.c ------------------------------------------------------------------- */

void archive_id_init(const uint8_t key[16], uint64_t seed);
void archive_id_fini(void);

#endif
