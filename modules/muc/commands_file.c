/*
 * commands_file.c -- many rooms at once, from a file with an address a line.
 *
 * The whole file is checked before anything is done; blank lines and lines that begin with # say
 * nothing.  What is done already is counted and no error, so that a file can be used again after
 * something broke off.
 *
 * Runs on: the worker where the call began; the rooms' homes.
 */
#include "modules/muc/commands.h"

#include <inttypes.h>

#define FILE_MAX ((size_t)1024 * 1024)

struct file_args {
	const char *file;
};

static const struct field file_fields[] = { CALL_FILE_FIELD(struct file_args), END_FIELDS };

struct batch {
	struct jid *rooms;
	size_t count, at;
	int64_t done, passed_over;
	step_fn *one; /* at a room, at rest */
	const char *told_done, *told_passed; /* before their numbers */
	/* The room that is being made. */
	struct arena *arena;
	struct room_config *config;
};

static step_fn next_room, at_room, rested, create_one, created, destroy_one, destroyed;
static call_text_fn with_text;

/* ---- Read ---------------------------------------------------------------------------------- */

static const char *
read_line(struct job *j, struct str line, struct batch *all)
{
	struct jid *room = &all->rooms[all->count];

	if (jid_parse(j->arena, line, room) != JID_OK || jid_is_full(*room) || room->local == 0)
		return "is not the address of a room";
	if (!muc_host_of(j->worker, jid_domain(*room)))
		return "is at a domain that has no rooms";
	all->count++;
	return NULL;
}

static size_t
lines_in(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static struct step
with_text(struct job *j, struct str text)
{
	struct batch *all = j->state;
	struct str rest = text, line;
	const char *wrong;

	all->rooms = ARENA_ARRAY(j->arena, struct jid, lines_in(text));
	for (size_t number = 1; rest.p; number++) {
		line = str_trim(str_cut(&rest, '\n'));
		if (line.n == 0 || *line.p == '#')
			continue;
		wrong = utf8_is_xml(line) ? read_line(j, line, all) : "is not UTF-8";
		if (wrong)
			return call_error(j, "bad_request", "line %zu %s", number, wrong);
	}
	return next_room(j);
}

static void
drop_config(void *p)
{
	struct batch *all = p;

	arena_free(&all->arena);
}

static struct step
start(struct job *j, step_fn *one, const char *told_done, const char *told_passed)
{
	struct batch *all = ARENA_NEW(j->arena, struct batch);

	all->one = one;
	all->told_done = told_done;
	all->told_passed = told_passed;
	arena_keep(j->arena, drop_config, all);
	j->state = all;
	return call_read_file(j, CALL_ARGS(j, struct file_args)->file, FILE_MAX, with_text);
}

/* ---- One after the other ----------------------------------------------------------------------- */

static struct step
next_room(struct job *j)
{
	struct batch *all = j->state;

	if (all->at < all->count)
		return job_go_to_home(j, at_room, &room_kind, all->rooms[all->at++]);
	call_line(j, "%s: %" PRId64, all->told_done, all->done);
	if (all->passed_over > 0)
		call_line(j, "%s: %" PRId64, all->told_passed, all->passed_over);
	return call_done(j);
}

static struct step
at_room(struct job *j)
{
	return room_enter(j, rested);
}

static struct step
rested(struct job *j)
{
	const struct batch *all = j->state;

	/* The service may be gone meanwhile. */
	return room_host(room_of(j->home)) ? all->one(j) : next_room(j);
}

static struct step
pass_over(struct job *j)
{
	struct batch *all = j->state;

	all->passed_over++;
	return next_room(j);
}

static struct step
create_file_run(struct job *j)
{
	return start(j, create_one, "Created rooms", "Rooms that were there");
}

static struct step
create_one(struct job *j)
{
	struct batch *all = j->state;
	struct room *room = room_of(j->home);
	struct ask *asks;
	size_t count;

	if (room->exists)
		return pass_over(j);
	room_make(room);
	arena_free(&all->arena);
	all->arena = arena_new(1024);
	all->config = config_copy(all->arena, room->config);
	count = room_write_asks(room, j->arena, &asks, all->config);
	return room_write(j, created, asks, count);
}

static struct step
created(struct job *j)
{
	struct batch *all = j->state;

	room_reconfigure(room_of(j->home), &all->arena, all->config);
	all->done++;
	return next_room(j);
}

static struct step
destroy_file_run(struct job *j)
{
	return start(j, destroy_one, "Destroyed rooms", "Rooms that were not there");
}

static struct step
destroy_one(struct job *j)
{
	const struct room *room = room_of(j->home);

	return room->exists && !room->locked ? room_destroy(j, destroyed) : pass_over(j);
}

static struct step
destroyed(struct job *j)
{
	struct batch *all = j->state;

	room_tell_destroyed(room_of(j->home), NULL, NULL, NULL);
	all->done++;
	return next_room(j);
}

/* ---- The table ------------------------------------------------------------------------------------ */

const struct command file_commands[] = {
	{ "create_rooms_file", MUC_TAG, COMMAND_WRITE, ARGS_OF(file), create_file_run, NULL,
		"Make the rooms whose addresses are in a file, one a line",
		"create_rooms_file rooms.txt" },
	{ "destroy_rooms_file", MUC_TAG, COMMAND_WRITE, ARGS_OF(file), destroy_file_run, NULL,
		"Destroy the rooms whose addresses are in a file, one a line",
		"destroy_rooms_file rooms.txt" },
	END_COMMANDS,
};
