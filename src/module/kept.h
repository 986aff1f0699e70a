/*
 * kept.h -- an element as it lies in the store, and back.
 *
 * For modules that keep what a client gave them and hand it out unchanged.
 *
 * Runs on: any thread.
 */
#ifndef MODULE_KEPT_H
#define MODULE_KEPT_H

#include "base/buf.h"
#include "xml/xml.h"

/* Appends x, which stands for itself: with its own xmlns. */
void kept_write(struct buf *out, const struct xml *x);
/* What kept_write wrote, in a.  NULL if damaged. */
const struct xml *kept_read(struct arena *a, struct str bytes);
/* The one element that somebody typed, with the declarations of its namespaces, in a.  NULL if it is
 * anything else. */
const struct xml *kept_typed(struct arena *a, struct str text);

#endif
