/*
 * commands.c -- what administrators do with one room.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/commands.h"

#include <string.h>

/* ---- To the room ------------------------------------------------------------------------------------- */

const struct field room_fields[] = { ROOM_FIELDS(struct room_args), END_FIELDS };

struct going {
	enum room_wanted wanted;
	step_fn *next;
};

static step_fn arrived, rested;

const char *
call_service(struct job *j, const char *service, struct step *ended)
{
	const char *domain = jid_prep_domain(j->arena, str_of(service));

	if (domain && muc_host_of(j->worker, str_of(domain)))
		return domain;
	*ended = call_error(j, "not_found", "there are no rooms at %s", service);
	return NULL;
}

struct step
call_at_room(struct job *j, const char *room, const char *service, enum room_wanted wanted,
	step_fn *next)
{
	struct going *g = ARENA_NEW(j->arena, struct going);
	struct step ended;
	struct jid jid;

	if (!call_service(j, service, &ended))
		return ended;
	if (jid_make(j->arena, str_of(room), str_of(service), STR_NONE, &jid) != JID_OK)
		return call_error(j, "invalid_jid", "'%s' is not the name of a room", room);
	g->wanted = wanted;
	g->next = next;
	j->commit = g;
	return job_go_to_home(j, arrived, &room_kind, jid);
}

static struct step
arrived(struct job *j)
{
	return room_enter(j, rested);
}

static struct step
rested(struct job *j)
{
	const struct going *g = j->commit;
	const struct room *room = room_of(j->home);

	if (room->exists && g->wanted == ROOM_NOT_THERE)
		return call_error(j, "conflict", "the room exists already");
	if ((!room->exists || room->locked) && g->wanted == ROOM_THERE)
		return call_error(j, "not_found", "there is no such room");
	return g->next(j);
}

/* ---- Options ------------------------------------------------------------------------------------------- */

/* Names that others know, of fields of the configuration. */
static const struct {
	const char *name, *field;
} aliases[] = {
	{ "title", "roomname" },
	{ "description", "roomdesc" },
	{ "persistent", "persistentroom" },
	{ "public", "publicroom" },
	{ "members_only", "membersonly" },
	{ "moderated", "moderatedroom" },
	{ "password_protected", "passwordprotectedroom" },
	{ "password", "roomsecret" },
	{ "max_users", "maxusers" },
	{ "allow_change_subj", "changesubject" },
	{ "allow_user_invites", "allowinvites" },
	{ "allow_private_messages", "allowpm" },
	{ "allow_voice_requests", "voicerequests" },
	{ "mam", "enablearchiving" },
};

static const struct field *
option_find(const char *name)
{
	for (size_t i = 0; i < COUNT(aliases); i++) {
		if (text_eq(name, aliases[i].name))
			name = aliases[i].field;
	}
	return fields_find(config_fields, str_of(name));
}

static const char *
option_name(const struct field *f)
{
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (text_eq(f->name, aliases[i].field))
			return aliases[i].name;
	return f->name;
}

struct setting {
	struct arena *arena; /* the configuration's */
	struct room_config *config;
};

static void
drop_setting(void *p)
{
	struct setting *s = p;

	arena_free(&s->arena);
}

static struct setting *
setting_new(struct job *j, const struct room *room)
{
	struct setting *s = ARENA_NEW(j->arena, struct setting);

	s->arena = arena_new(1024);
	arena_keep(j->arena, drop_setting, s);
	s->config = config_copy(s->arena, room->config);
	j->state = s;
	return s;
}

/* NULL: done; else what was wrong. */
static const char *
set_option(struct job *j, struct setting *s, const char *name, const char *value)
{
	const struct field *f = option_find(name);
	char expected[200];

	if (text_eq(name, "anonymous")) {
		s->config->whois = text_eq(value, "false") ? WHOIS_ANYONE : WHOIS_MODERATORS;
		return NULL;
	}
	if (!f)
		return arena_printf(j->arena, "there is no option %s", name);
	if (!field_set(f, s->config, s->arena, str_of(value), expected, sizeof(expected)))
		return arena_printf(j->arena, "%s wants %s", name, expected);
	return NULL;
}

struct option_args {
	const char *room, *service, *option, *value;
};

static const struct field option_fields[] = {
	ROOM_FIELDS(struct option_args),
	TEXT_FIELD(struct option_args, option, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the option"),
	TEXT_FIELD(struct option_args, value, .flags = FIELD_REQUIRED, .doc = "Its new value"),
	END_FIELDS,
};

static step_fn option_change, option_changed;

static struct step
change_option_run(struct job *j)
{
	const struct option_args *a = CALL_ARGS(j, struct option_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, option_change);
}

static struct step
option_change(struct job *j)
{
	const struct option_args *a = CALL_ARGS(j, struct option_args);
	const struct room *room = room_of(j->home);
	struct setting *s = setting_new(j, room);
	const char *wrong = set_option(j, s, a->option, a->value);
	struct problem why = { COND_NONE, NULL };
	struct ask ask;

	if (wrong)
		return call_error(j, "bad_request", "%s", wrong);
	/* A password may be set before or after it is asked for. */
	if (!text_eq(a->option, "password_protected") && !config_check(s->config, &why))
		return call_error(j, "bad_request", "%s", why.text);
	ask = room_config_ask(room, j->arena, s->config);
	return room_write(j, option_changed, &ask, 1);
}

static struct step
option_changed(struct job *j)
{
	struct setting *s = j->state;

	room_reconfigure(room_of(j->home), &s->arena, s->config);
	return call_done(j);
}

static step_fn options_list;

static struct step
options_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, options_list);
}

static struct step
options_list(struct job *j)
{
	const struct room *room = room_of(j->home);

	for (const struct field *f = config_fields; f->name; f++) {
		struct buf b = BUF_INIT;

		field_write(f, room->config, &b);
		CALL_ROW(j, option_name(f), buf_text(&b));
		buf_fini(&b);
	}
	return call_done(j);
}

/* ---- Make and destroy -------------------------------------------------------------------------------------- */

struct create_args {
	const char *room, *service, *host;
	const char *const *options;
};

static const struct field create_fields[] = {
	ROOM_FIELDS(struct create_args),
	TEXT_FIELD(struct create_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "The host that the service belongs to"),
	END_FIELDS,
};

static const struct field create_with_fields[] = {
	ROOM_FIELDS(struct create_args),
	TEXT_FIELD(struct create_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "The host that the service belongs to"),
	LIST_FIELD(struct create_args, options, .max = 64, .flags = FIELD_REQUIRED,
		.doc = "Options as name:value, with commas between them"),
	END_FIELDS,
};

static step_fn create, created;

static struct step
create_run(struct job *j)
{
	const struct create_args *a = CALL_ARGS(j, struct create_args);

	return call_at_room(j, a->room, a->service, ROOM_NOT_THERE, create);
}

static const char *
set_options(struct job *j, struct setting *s, const char *const *options)
{
	const char *wrong = NULL;

	for (size_t i = 0; options && options[i] && !wrong; i++) {
		struct str value = str_of(options[i]), name = str_cut(&value, ':');

		if (!value.p)
			return arena_printf(j->arena, "'%s' is not name:value", options[i]);
		wrong = set_option(j, s, arena_str(j->arena, name), arena_str(j->arena, value));
	}
	return wrong;
}

static struct step
create(struct job *j)
{
	const struct create_args *a = CALL_ARGS(j, struct create_args);
	struct room *room = room_of(j->home);
	struct problem why = { COND_NONE, NULL };
	struct setting *s;
	const char *wrong;
	struct ask *asks;
	size_t count;

	room_make(room);
	s = setting_new(j, room);
	wrong = set_options(j, s, a->options);
	if (!wrong && !config_check(s->config, &why))
		wrong = why.text;
	if (wrong) {
		room_reset(room);
		return call_error(j, "bad_request", "%s", wrong);
	}
	count = room_write_asks(room, j->arena, &asks, s->config);
	return room_write(j, created, asks, count);
}

static struct step
created(struct job *j)
{
	struct setting *s = j->state;

	room_reconfigure(room_of(j->home), &s->arena, s->config);
	return call_done(j);
}

static step_fn destroy, destroyed;

static struct step
destroy_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, destroy);
}

static struct step
destroy(struct job *j)
{
	return room_destroy(j, destroyed);
}

static struct step
destroyed(struct job *j)
{
	room_tell_destroyed(room_of(j->home), NULL, NULL, NULL);
	return call_done(j);
}

/* ---- Who is there ---------------------------------------------------------------------------------------------- */

static step_fn occupants_list, occupants_count;

static struct step
occupants_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, occupants_list);
}

static struct step
occupants_list(struct job *j)
{
	for_each_occupant(o, room_of(j->home))
	{
		for_each_visit(v, o)
			CALL_ROW(j, jid_text(j->arena, v->full), o->nick, role_name(o->role));
	}
	return call_done(j);
}

static struct step
occupants_number_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, occupants_count);
}

static struct step
occupants_count(struct job *j)
{
	call_number(j, (int64_t)room_of(j->home)->occupants.count);
	return call_done(j);
}

/* ---- History ------------------------------------------------------------------------------------------------------ */

#define HISTORY_MAX 100

static step_fn history_ask, history_list;

static struct step
history_run(struct job *j)
{
	const struct room_args *a = CALL_ARGS(j, struct room_args);

	return call_at_room(j, a->room, a->service, ROOM_THERE, history_ask);
}

static struct step
history_ask(struct job *j)
{
	struct archive_range range = {
		.before = INT64_MAX, .backwards = true, .limit = HISTORY_MAX
	};
	struct ask ask = archive_page(j->arena, j->home, &range);

	return job_query_all(j, history_list, &ask, 1);
}

static struct step
history_list(struct job *j)
{
	for (size_t i = j->rows->count; i > 0; i--) {
		struct archive_row row;
		char stamp[DATETIME_SIZE];

		if (!archive_read(j->arena, j->home, j->rows, i - 1, &row))
			continue;
		datetime_write(stamp, archive_time(row.id));
		CALL_ROW(j, stamp, arena_str(j->arena, row.bytes));
	}
	return call_done(j);
}

/* ---- The table ----------------------------------------------------------------------------------------------------- */

const struct command room_commands[] = {
	{ "create_room", MUC_TAG, COMMAND_WRITE, ARGS_OF(create), create_run, NULL,
		"Make a room that nobody owns yet",
		"create_room tea conference.example.org example.org" },
	{ "create_room_with_opts", MUC_TAG, COMMAND_WRITE, create_with_fields,
		sizeof(struct create_args), create_run, NULL, "Make a room with these options",
		"create_room_with_opts tea conference.example.org example.org "
		"members_only:true,title:Tea" },
	{ "destroy_room", MUC_TAG, COMMAND_WRITE, ARGS_OF(room), destroy_run, NULL,
		"Destroy a room", "destroy_room tea conference.example.org" },
	{ "change_room_option", MUC_TAG, COMMAND_WRITE, ARGS_OF(option), change_option_run, NULL,
		"Change an option of a room",
		"change_room_option tea conference.example.org members_only true" },
	{ "get_room_options", MUC_TAG, 0, ARGS_OF(room), options_run, "name\tvalue",
		"List the options of a room", "get_room_options tea conference.example.org" },
	{ "get_room_occupants", MUC_TAG, 0, ARGS_OF(room), occupants_run, "jid\tnick\trole",
		"List the devices that are in a room",
		"get_room_occupants tea conference.example.org" },
	{ "get_room_occupants_number", MUC_TAG, 0, ARGS_OF(room), occupants_number_run, NULL,
		"Count the occupants of a room",
		"get_room_occupants_number tea conference.example.org" },
	{ "get_room_history", MUC_TAG, 0, ARGS_OF(room), history_run, "timestamp\tmessage",
		"Show the last 100 messages of a room",
		"get_room_history tea conference.example.org" },
	END_COMMANDS,
};
