/*
 * form.h -- data forms (XEP-0004), their FORM_TYPE (XEP-0068), what a field accepts (XEP-0122) and
 * pictures in a field (XEP-0221).
 *
 * Three ways to use it.  Read what somebody submitted:
 *
 *	if (!form_read(a, x, &form, &why) || !form_is(&form, NS_MAM))
 *		...
 *	with = form_value(&form, "with");
 *
 * Write one field by field:
 *
 *	x = form_new(a, FORM_RESULT, "http://jabber.org/network/serverinfo");
 *	form_add(a, x, FORM_LIST_MULTI, "abuse-addresses", "mailto:abuse@example.org");
 *
 * Or let one field table (base/field.h) say both, as for the configuration of a room or a node:
 *
 *	static const struct form_table table = { "…#roomconfig", "muc#roomconfig_", fields, NULL };
 *	x = form_of(a, &table, FORM_FORM, room);
 *	form_apply(&table, &form, room, a, &given, &why);
 *
 * Runs on: any thread.
 */
#ifndef XEP_FORM_H
#define XEP_FORM_H

#include "base/field.h"
#include "xml/xml.h"
#include "xmpp/cond.h"

/* More of them in one submitted form are refused. */
#define FORM_FIELDS_MAX 256
#define FORM_VALUES_MAX 4096

enum form_kind { FORM_FORM, FORM_SUBMIT, FORM_CANCEL, FORM_RESULT };

enum form_type {
	FORM_UNTYPED, /* none written: a text, or what the reader knows it to be */
	FORM_BOOLEAN,
	FORM_FIXED,
	FORM_HIDDEN,
	FORM_JID_MULTI,
	FORM_JID_SINGLE,
	FORM_LIST_MULTI,
	FORM_LIST_SINGLE,
	FORM_TEXT_MULTI,
	FORM_TEXT_PRIVATE,
	FORM_TEXT_SINGLE,
	FORM_TYPES
};

/* ---- Read ---------------------------------------------------------------- */

struct form_field {
	const char *var; /* NULL: fixed text */
	enum form_type type;
	const char *const *values; /* count of them, then NULL */
	size_t count;
};

struct form {
	enum form_kind kind;
	const char *form_type; /* NULL: none */
	struct form_field *fields; /* without FORM_TYPE, in order */
	size_t count;
};

/* The form x (an <x/> of jabber:x:data), in a; the values of a result's <item/> elements are not
 * part of it.  False (bad-request): an unknown kind, a field without or with the same name as
 * another, too many of them; *out is then unspecified. */
MUST_CHECK bool form_read(
	struct arena *a, const struct xml *x, struct form *out, struct problem *why);
/* As form_read of the first form below parent, which may be NULL. False (bad-request) if there is
 * none, or one that is neither a submission nor a cancellation. */
MUST_CHECK bool form_submitted(
	struct arena *a, const struct xml *parent, struct form *out, struct problem *why);
/* Its FORM_TYPE is this one. */
bool form_is(const struct form *f, const char *form_type);
const struct form_field *form_find(const struct form *f, const char *var);
/* The first value of that field, or NULL if the field is not there or is empty. */
const char *form_value(const struct form *f, const char *var);
/* «1» and «true», «0» and «false» (XEP-0004 3.3); false for anything else. */
MUST_CHECK bool form_bool(const char *text, bool *out);

/* ---- Write --------------------------------------------------------------- */

/* An <x/>; form_type (may be NULL) becomes the hidden field FORM_TYPE, except in a cancellation. */
struct xml *form_new(struct arena *a, enum form_kind kind, const char *form_type);
/* What people read above the fields. */
void form_head(struct arena *a, struct xml *x, const char *title, const char *instructions);
/* A new last field; value NULL adds none.  var is kept by pointer or NULL (fixed text). */
struct xml *form_add(
	struct arena *a, struct xml *x, enum form_type type, const char *var, const char *value);
void form_add_value(struct arena *a, struct xml *field, const char *value);
/* label may be NULL.  Options are written before form_add_value is next called, or after: clients
 * read both. */
void form_add_option(struct arena *a, struct xml *field, const char *label, const char *value);
void form_label(struct arena *a, struct xml *field, const char *label);
void form_require(struct arena *a, struct xml *field);
/* Values are of that datatype («xs:integer»), from min to max as texts, or NULL (XEP-0122 3.2). */
void form_validate(
	struct arena *a, struct xml *field, const char *datatype, const char *min, const char *max);
/* The options are suggestions: other values are taken too (XEP-0122 3.2.2). */
void form_open(struct arena *a, struct xml *field, const char *datatype);
/* A picture or sound beside the field (XEP-0221). */
void form_media(struct arena *a, struct xml *field, const char *type, const char *uri);
/* A <reported/> or <item/> of a table of results (XEP-0004 3.4); fields are added to it by
 * form_add. */
struct xml *form_row(struct arena *a, struct xml *x, const char *name);

/* ---- Field tables -------------------------------------------------------- */

/* A member whose field is not simply named prefix + member, or is of another type. */
struct form_name {
	const char *member; /* NULL: end */
	const char *var; /* NULL: the usual one; "": in no form */
	enum form_type type; /* FORM_UNTYPED: the usual one */
};

struct form_table {
	const char *form_type;
	const char *prefix; /* "pubsub#" */
	const struct field *fields; /* at most 64 */
	const struct form_name *names; /* or NULL */
};

/* What the struct holds.  A FORM_FORM has labels (.doc), options and bounds; a FORM_RESULT and a
 * FORM_SUBMIT only values.  Secrets (FIELD_SECRET) are written: the form is for whoever may set
 * them. */
struct xml *form_of(
	struct arena *a, const struct form_table *t, enum form_kind kind, const void *target);
/* The one field of the table for that name, or NULL. */
const struct field *form_table_find(const struct form_table *t, const char *var);
/* The name of a row; NULL if it is in no form. */
const char *form_var(struct arena *a, const struct form_table *t, const struct field *f);
/* Sets the members that the form names; unknown fields are passed over (XEP-0004 3.2), a field
 * without value empties texts and lists and leaves other members as they are.  Texts live in a.
 * False (not-acceptable): a value that its field does not take; the target may have changed then,
 * so give a copy.  given (may be NULL): bit i is set for the table's row i if the form had it. */
MUST_CHECK bool form_apply(const struct form_table *t, const struct form *f, void *target,
	struct arena *a, uint64_t *given, struct problem *why);

#endif
