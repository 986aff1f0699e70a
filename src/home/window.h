/*
 * window.h -- which stanzas of a session are settled, as a counter without gaps.
 *
 * Receipts come in any order; what is told to a client is how many of its stanzas are settled
 * with none missing before.  Numbers count modulo 2^32.
 *
 * Runs on: the session's home.
 */
#ifndef HOME_WINDOW_H
#define HOME_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* Stanzas from the oldest that is not settled to the newest; a power of two. */
#define WINDOW_MAX 256

/* Zero: nothing has come yet. */
struct window {
	uint32_t begun; /* number of the last stanza that came */
	uint32_t settled; /* all up to this one are settled */
	uint64_t ahead[WINDOW_MAX / 64]; /* settled behind a gap: bit number % WINDOW_MAX */
};

/* From the first that is not settled. */
static inline uint32_t
window_open(const struct window *w)
{
	return w->begun - w->settled;
}

/* The number of a stanza that came; there must be room (window_open below WINDOW_MAX). */
uint32_t window_begin(struct window *w);
/* Settles one; true: the counter moved.  One that is settled already changes nothing. */
bool window_settle(struct window *w, uint32_t number);

#endif
