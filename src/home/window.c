/*
 * window.c -- the counter of settled stanzas.
 *
 * A ring of bits holds what was settled out of order; when the gap before it closes, the counter
 * runs over it.
 *
 * Runs on: the session's home.
 */
#include "home/window.h"

#include <assert.h>

static uint64_t
bit_of(uint32_t number)
{
	return UINT64_C(1) << number % 64;
}

static uint64_t *
word_of(struct window *w, uint32_t number)
{
	return &w->ahead[number % WINDOW_MAX / 64];
}

uint32_t
window_begin(struct window *w)
{
	assert(window_open(w) < WINDOW_MAX);
	return ++w->begun;
}

bool
window_settle(struct window *w, uint32_t number)
{
	uint32_t was = w->settled;

	if (number - w->settled - 1 >= window_open(w))
		return false;
	*word_of(w, number) |= bit_of(number);
	while (window_open(w) > 0 && (*word_of(w, w->settled + 1) & bit_of(w->settled + 1))) {
		w->settled++;
		*word_of(w, w->settled) &= ~bit_of(w->settled);
	}
	return w->settled != was;
}
