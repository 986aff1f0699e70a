/*
 * codec.c -- the table behind codec.h.
 *
 * Runs on: any thread.
 */
#include "xep/codec.h"

const struct codec codecs[] = {
#define CODEC(name, xep) { #name, xep, name##_again },
#include "xep/codecs.def"
#undef CODEC
	{ NULL, 0, NULL },
};
