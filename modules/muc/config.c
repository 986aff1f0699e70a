/*
 * config.c -- what a room can be told (XEP-0045 10.2): one table of fields for the form of owners,
 * the command line and the row in the store.
 *
 * The store gets only what differs from the defaults, as «name US value RS», so that a new field
 * needs no migration, and a changed default reaches old rooms that never chose.  Texts of fields
 * have no control characters but tab and line ends, so the separators are safe.
 *
 * Runs on: any thread; pure.
 */
#include "modules/muc/muc.h"

#define SEPARATOR '\x1f'
#define TERMINATOR '\x1e'

static const char *const whois[] = {
	[WHOIS_MODERATORS] = "moderators", [WHOIS_ANYONE] = "anyone", NULL
};

static const char *const allow[] = {
	[ALLOW_ANYONE] = "anyone",
	[ALLOW_PARTICIPANTS] = "participants",
	[ALLOW_MODERATORS] = "moderators",
	[ALLOW_NONE] = "none",
	NULL,
};

/* clang-format off */
#define T struct room_config

const struct field config_fields[] = {
	TEXT_FIELD(T, roomname, .max = 255, .doc = "Name of the room"),
	TEXT_FIELD(T, roomdesc, .max = 1000, .doc = "Description"),
	TEXT_FIELD(T, lang, .max = 35, .doc = "Language of the discussion"),
	BOOL_FIELD(T, persistentroom, .dflt = "true", .doc = "Stays when nobody is in it"),
	BOOL_FIELD(T, publicroom, .dflt = "true", .doc = "Is listed and found by search"),
	BOOL_FIELD(T, membersonly, .dflt = "false", .doc = "Only members may enter"),
	BOOL_FIELD(T, moderatedroom, .dflt = "false", .doc = "Only who was given voice may speak"),
	BOOL_FIELD(T, passwordprotectedroom, .dflt = "false", .doc = "Who enters needs a password"),
	TEXT_FIELD(T, roomsecret, .max = 255, .flags = FIELD_SECRET, .doc = "The password"),
	ENUM_FIELD(T, whois, .choices = whois, .dflt = "moderators", .doc = "Who sees real addresses"),
	INT_FIELD(T, maxusers, .dflt = "0", .min = 0, .max = 100000,
		.doc = "Most occupants; 0: as many as the service allows"),
	INT_FIELD(T, maxmembers, .dflt = "0", .min = 0, .max = 100000,
		.doc = "Most members, admins and owners together; 0: as many as the service allows"),
	BOOL_FIELD(T, changesubject, .dflt = "true", .doc = "Participants may change the subject"),
	BOOL_FIELD(T, allowinvites, .dflt = "true", .doc = "Participants may invite others"),
	BOOL_FIELD(T, allowmemberinvites, .dflt = "false",
		.doc = "Members may invite others to a members-only room, and so make them members"),
	ENUM_FIELD(T, allowpm, .choices = allow, .dflt = "anyone", .doc = "Who may send private messages"),
	ENUM_FIELD(T, getmemberlist, .choices = allow, .dflt = "moderators",
		.doc = "Which members may retrieve the list of members, where not all see real addresses"),
	BOOL_FIELD(T, presencevisitor, .dflt = "true", .doc = "Presence of visitors is shown"),
	BOOL_FIELD(T, presenceparticipant, .dflt = "true", .doc = "Presence of participants is shown"),
	BOOL_FIELD(T, presencemoderator, .dflt = "true", .doc = "Presence of moderators is shown"),
	BOOL_FIELD(T, enablearchiving, .dflt = "true", .doc = "Messages are archived"),
	INT_FIELD(T, maxhistoryfetch, .dflt = "50", .min = 0, .max = 1000,
		.doc = "Most messages of the past that are sent to who enters"),
	BOOL_FIELD(T, allowregister, .dflt = "true", .doc = "Others may register, to become members"),
	BOOL_FIELD(T, locknicks, .dflt = "false", .doc = "Members have no other nick than their registered one"),
	BOOL_FIELD(T, voicerequests, .dflt = "true", .doc = "Visitors may ask for voice"),
	INT_FIELD(T, slowmode, .dflt = "0", .min = 0, .max = 86400,
		.doc = "Seconds between two messages of a participant; 0: no limit"),
	INT_FIELD(T, reactions, .dflt = "0", .min = 0, .max = 100,
		.doc = "Most reactions of one occupant to a message; 0: no limit"),
	TEXT_FIELD(T, reactionset, .max = 1000,
		.doc = "The only reactions that are allowed, with blanks between them; empty: all"),
	TEXT_FIELD(T, contact, .max = 1000, .doc = "Addresses for questions about the room, with blanks between them"),
	END_FIELDS,
};

#undef T

static const struct form_name names[] = {
	{ "roomdesc", NULL, FORM_TEXT_SINGLE },
	{ "slowmode", "muc#roomconfig_slow_mode_duration", FORM_UNTYPED },
	{ "reactions", "muc#roomconfig_max_reactions_per_user", FORM_UNTYPED },
	{ "reactionset", "muc#roomconfig_reactions_allowlist", FORM_UNTYPED },
	{ "maxhistoryfetch", "muc#maxhistoryfetch", FORM_UNTYPED },
	{ "contact", "muc#roominfo_contactjid", FORM_UNTYPED },
	{ "presencevisitor", "", FORM_UNTYPED },
	{ "presenceparticipant", "", FORM_UNTYPED },
	{ "presencemoderator", "", FORM_UNTYPED },
	{ NULL, NULL, FORM_UNTYPED },
};

const struct form_table config_table = { FORM_CONFIG, "muc#roomconfig_", config_fields, names };

/* clang-format on */

void
config_default(const struct host *h, struct room_config *c, struct arena *a)
{
	const struct muc_options *o = muc_options(h);

	fields_default(config_fields, c, a);
	c->persistentroom = o->persistent;
	c->maxhistoryfetch = o->history;
}

/* ---- The store ---------------------------------------------------------------------- */

void
config_store(const struct room_config *c, struct buf *out)
{
	struct arena *a = arena_new(0);
	struct room_config *dflt = ARENA_NEW(a, struct room_config);

	fields_default(config_fields, dflt, a);
	for (const struct field *f = config_fields; f->name; f++) {
		const char *const *text = (const char *const *)((const char *)c + f->offset);

		if (field_same(f, c, dflt))
			continue;
		buf_printf(out, "%s%c", f->name, SEPARATOR);
		if (f->type == FIELD_TEXT)
			buf_put_text(out, *text ? *text : "");
		else
			field_write(f, c, out);
		buf_put_char(out, TERMINATOR);
	}
	arena_free(&a);
}

void
config_restore(struct room_config *c, struct arena *a, struct str stored)
{
	char expected[128];

	fields_default(config_fields, c, a);
	while (stored.n > 0) {
		struct str value = str_cut(&stored, TERMINATOR);
		struct str name = str_cut(&value, SEPARATOR);
		const struct field *f = fields_find(config_fields, name);

		/* What an older or newer version wrote and this one does not take stays the default. */
		if (f && value.p)
			(void)!field_set(f, c, a, value, expected, sizeof(expected));
	}
}

struct room_config *
config_copy(struct arena *a, const struct room_config *c)
{
	struct room_config *copy = ARENA_NEW(a, struct room_config);
	struct buf b = BUF_INIT;

	config_store(c, &b);
	config_restore(copy, a, buf_str(&b));
	buf_fini(&b);
	return copy;
}

/* ---- Checks -------------------------------------------------------------------------- */

static bool
is_empty(const char *text)
{
	return !text || !*text;
}

bool
config_check(const struct room_config *c, struct problem *why)
{
	if (c->passwordprotectedroom && is_empty(c->roomsecret))
		return problem(why, COND_NOT_ACCEPTABLE, "a protected room needs a password");
	return true;
}
