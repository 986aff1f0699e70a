/*
 * codec.h -- the list of codecs (codecs.def), for their common tests.
 *
 * Runs on: any thread.
 */
#ifndef XEP_CODEC_H
#define XEP_CODEC_H

#include "xml/xml.h"

/* Reads x and writes what it understood, in a; NULL if x is not of this format. */
typedef struct xml *codec_again_fn(struct arena *a, const struct xml *x);

struct codec {
	const char *name; /* NULL: end */
	unsigned xep;
	codec_again_fn *again;
};

#define CODEC(name, xep) codec_again_fn name##_again;
#include "xep/codecs.def"
#undef CODEC

extern const struct codec codecs[];

#endif
