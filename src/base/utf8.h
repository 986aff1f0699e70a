/*
 * utf8.h -- UTF-8 and the characters XML 1.0 allows.
 *
 * Runs on: any thread.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* Well-formed UTF-8 (RFC 3629) of characters that XML 1.0 allows. */
bool utf8_is_xml(struct str s);
/* Code points in well-formed UTF-8. */
size_t utf8_count(struct str s);
/* The longest prefix of at most max bytes that does not cut a character. */
struct str utf8_cut(struct str s, size_t max);

#endif
