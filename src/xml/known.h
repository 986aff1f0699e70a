/*
 * known.h -- literals for frequent names and namespaces (known.def).
 *
 * Runs on: any thread.
 */
#ifndef XML_KNOWN_H
#define XML_KNOWN_H

#include "base/str.h"

/* The literal with this text, or NULL if it is not one of known.def. */
const char *known_text(struct str s);

#endif
