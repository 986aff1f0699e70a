/*
 * field.h -- field tables: how text becomes the members of a struct.
 *
 * A configuration option and an argument of an administrator's command are the same thing: a name,
 * a type, a default, bounds and a line of help.  One row says all of it, and the reader, the
 * checker, the reference pages and the command help come from the row.
 *
 *	struct example_conf {
 *		msec_t timeout;
 *		int64_t mode;
 *	};
 *	static const struct field example_fields[] = {
 *		DURATION_FIELD(struct example_conf, timeout, .dflt = "30s", .max = HOURS(1),
 *			.doc = "How long to wait"),
 *		ENUM_FIELD(struct example_conf, mode, .choices = CHOICES("fast", "careful"),
 *			.dflt = "fast", .doc = "What to prefer"),
 *		END_FIELDS,
 *	};
 *
 * The macros refuse at compile time a member that is not of the type named below.
 *
 * Runs on: any thread.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

enum field_type {
	FIELD_BOOL, /* bool: true, false, yes, no, on, off */
	FIELD_INT, /* int64_t */
	FIELD_SIZE, /* int64_t, bytes: 300, 64k, 10M, 1G (powers of 1024) */
	FIELD_DURATION, /* msec_t: 250ms, 30s, 5m, 12h, 1d, 2w, or 0 */
	FIELD_TEXT, /* const char *: UTF-8 without control characters but tab and line ends */
	FIELD_ENUM, /* int64_t: the index in .choices */
	FIELD_LIST, /* const char *const *: texts and a NULL; from one text: cut at commas */
	FIELD_TYPES
};

enum {
	FIELD_REQUIRED = 1, /* the reader complains if it is absent */
	FIELD_RELOAD = 2, /* a change applies without a restart */
	FIELD_SECRET = 4, /* never shown; wiped with its arena (FIELD_TEXT) */
	FIELD_PATH = 8, /* FIELD_TEXT: names a file or folder; the reader resolves relative ones */
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	size_t offset;
	const char *dflt; /* as it would be typed; NULL: 0, false or NULL */
	/* Numbers: least and greatest value; TEXT: bytes; LIST: texts.  max 0: no upper bound,
	 * unless min is negative. */
	int64_t min, max;
	const char *const *choices; /* ENUM; LIST: what each text may be, or NULL */
	unsigned flags;
	const char *doc; /* one line, no full stop */
};

#define FIELD_CHECK(T, member, ctype)                                                              \
	(0 * sizeof(char[__builtin_types_compatible_p(                                             \
				 __typeof__(((T *)NULL)->member), __typeof__(ctype))               \
				 ? 1                                                               \
				 : -1]))
#define FIELD_ROW(kind, ctype, T, member, ...)                                                     \
	{                                                                                          \
		.name = #member, .type = kind,                                                     \
		.offset = offsetof(T, member) + FIELD_CHECK(T, member, ctype), __VA_ARGS__         \
	}

/* XXX_FIELD(struct type, member, .dflt = ..., .doc = ...): the option is named as the member. */
#define BOOL_FIELD(T, member, ...) FIELD_ROW(FIELD_BOOL, bool, T, member, __VA_ARGS__)
#define INT_FIELD(T, member, ...) FIELD_ROW(FIELD_INT, int64_t, T, member, __VA_ARGS__)
#define SIZE_FIELD(T, member, ...) FIELD_ROW(FIELD_SIZE, int64_t, T, member, __VA_ARGS__)
#define DURATION_FIELD(T, member, ...) FIELD_ROW(FIELD_DURATION, msec_t, T, member, __VA_ARGS__)
#define TEXT_FIELD(T, member, ...) FIELD_ROW(FIELD_TEXT, const char *, T, member, __VA_ARGS__)
#define ENUM_FIELD(T, member, ...) FIELD_ROW(FIELD_ENUM, int64_t, T, member, __VA_ARGS__)
#define LIST_FIELD(T, member, ...)                                                                 \
	FIELD_ROW(FIELD_LIST, const char *const *, T, member, __VA_ARGS__)
#define CHOICES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define END_FIELDS                                                                                 \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* ----- Reading ----- */

/* Sets every member of the table to its default.  A default that its own row refuses aborts: the
 * table is wrong.  Texts live in a. */
void fields_default(const struct field *table, void *target, struct arena *a);
/* Sets one member from what somebody typed; texts are copied into a.  On failure the target is
 * untouched, and expected (n bytes) says what would have been right, as in «a duration such as 30s,
 * 5m or 1d, at most 1h». */
MUST_CHECK bool field_set(const struct field *f, void *target, struct arena *a, struct str text,
	char *expected, size_t n);
/* As field_set for a FIELD_LIST whose texts are already apart, for other types wrong. */
MUST_CHECK bool field_set_list(const struct field *f, void *target, struct arena *a,
	const struct str *texts, size_t count, char *expected, size_t n);

/* ----- Looking up ----- */

/* The row of that name, or NULL. */
const struct field *fields_find(const struct field *table, struct str name);
/* The row whose name looks most like this one, for «did you mean», or NULL if none comes near. */
const struct field *fields_nearest(const struct field *table, struct str name);
/* The same for a NULL-terminated list of names. */
const char *names_nearest(const char *const *names, struct str name);

/* ----- Showing ----- */

/* What field_set accepts: a phrase such as «true or false». */
void field_expect(const struct field *f, struct buf *out);
/* The member as it would be typed; a secret as «(secret)», an absent text as nothing. */
void field_write(const struct field *f, const void *target, struct buf *out);
/* Same value in two structs of the table. */
bool field_same(const struct field *f, const void *one, const void *other);

/* field_doc.c: a Markdown table of all rows; each name is led by prefix («c2s.», or ""). */
void fields_doc(const struct field *table, const char *prefix, struct buf *out);
/* The arguments in one line: required ones as <name>, others as [name]. */
void fields_usage(const struct field *table, struct buf *out);
/* One line a row, for help on a terminal: two spaces, the name, its help, type and default. */
void fields_help(const struct field *table, struct buf *out);

#endif
