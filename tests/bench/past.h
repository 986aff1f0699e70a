/*
 * past.h -- a made-up past of a server: who wrote to whom when, and what.
 *
 * The same arguments give the same messages, whatever server they are for.  Account 0 owns `big`
 * rows; the others own the rest, some many and most few.  Rows come in the order of time, as they
 * would have been written, so those of one owner are scattered.
 */
#ifndef BENCH_PAST_H
#define BENCH_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAST_CONTACTS_BIG = 400, /* of account 0: accounts 1 to 400 */
	PAST_CONTACTS = 20, /* of the others: those that follow it */
	PAST_RARE_EACH = 16384, /* one of so many rows of account 0 is with the account "rare" */
	PAST_STANZA_MAX = 4096,
};

/* When it begins and ends: 2024-02-01 and 2026-11-01, in seconds since 1970. */
#define PAST_SINCE UINT64_C(1706745600)
#define PAST_UNTIL UINT64_C(1793491200)

struct past {
	uint64_t rows, big; /* in all, and of account 0 */
	unsigned owners;
	char *text; /* what people say: words with single blanks, in UTF-8 */
	size_t text_size;
	uint64_t state, row, big_rows;
};

struct past_row {
	unsigned owner; /* account u0, u1, ... */
	char peer[32]; /* bare: u17@localhost */
	uint64_t at_us; /* microseconds since 1970; grows */
	bool out; /* the owner wrote it */
	char id[40];
	const char *body; /* escaped for XML */
	const char *stanza; /* one <message/> with its namespace */
	size_t stanza_size;
};

/* The text is read from the files, in turn a line of each.  False, with a line on stderr, if there
 * is too little of it. */
bool past_open(struct past *p, uint64_t rows, uint64_t big, unsigned owners, char **files);
void past_close(struct past *p);
/* False at the end.  What *r points to lasts until the next call. */
bool past_next(struct past *p, struct past_row *r);

#endif
