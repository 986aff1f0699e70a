/*
 * str.h -- text with its length.
 *
 * A struct str is borrowed: it never owns its bytes and they need not end in NUL.
 *
 * Runs on: any thread.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })

/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

/* The str of a NUL-terminated text; NULL gives STR_NONE. */
struct str str_of(const char *text);

bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *text);
/* As str_is, ASCII letters compared without case. */
bool str_is_nocase(struct str a, const char *text);
bool str_starts(struct str a, struct str prefix);
bool str_ends(struct str a, struct str suffix);
/* Without leading and trailing XML white space. */
struct str str_trim(struct str a);
/* First occurrence of c, or NULL. */
const char *str_find(struct str a, char c);
/* Cuts the text before the first sep off *rest and returns it; without sep returns all and leaves
 * *rest as STR_NONE (p == NULL), so `while (rest.p)` walks a list. */
struct str str_cut(struct str *rest, char sep);

/* Decimal number, whole text, no sign (str_uint) or optional minus (str_int), in [min, max].
 * False (and *out untouched) for anything else. */
bool str_uint(struct str a, uint64_t max, uint64_t *out);
bool str_int(struct str a, int64_t min, int64_t max, int64_t *out);

/* Number of edits (insert, delete, replace, swap) between two short texts; for «did you mean».
 * Texts over 64 bytes count as 64 apart. */
unsigned str_distance(struct str a, struct str b);

/* Both NULL, or both the same text. */
bool text_eq(const char *a, const char *b);

#endif
