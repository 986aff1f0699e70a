/*
 * commands_list.c -- which rooms there are, and which nobody uses.
 *
 * Lists are read from the store in pages; «global» stands for every service.
 *
 * Runs on: the worker where the call began.
 */
#include "modules/muc/commands.h"

#define PAGE 500
#define WAIT 20

struct service_args {
	const char *service;
};

static const struct field service_fields[] = {
	TEXT_FIELD(struct service_args, service, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Domain of the rooms, or global for all"),
	END_FIELDS,
};

struct unused_args {
	const char *service;
	int64_t days;
};

static const struct field unused_fields[] = {
	TEXT_FIELD(struct unused_args, service, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Domain of the rooms, or global for all"),
	INT_FIELD(struct unused_args, days, .min = 0, .max = 36500, .flags = FIELD_REQUIRED,
		.doc = "So many days without a message"),
	END_FIELDS,
};

/* A walk through the rooms of services. */
struct walk {
	const char **domains;
	size_t count, at; /* of domains */
	const char *last; /* the last room that was seen */
	int64_t before; /* rooms that were not used since; 0: all */
	bool empty; /* only those with no message in their archive */
	bool counts, destroys;
	int64_t found;
	const char **rooms; /* of this page, to be destroyed */
	size_t rooms_count, rooms_at;
	struct jid origin;
};

static step_fn page, wait, destroy_next, destroy_one, destroyed;

size_t
call_services(struct job *j, const char *service, const char ***domains, struct step *ended)
{
	const struct config *c = config_of(j->worker);
	const char **list = ARENA_ARRAY(j->arena, const char *, c->hosts_count + 1);
	size_t count = 0;

	*domains = list;
	if (!text_eq(service, "global")) {
		list[0] = call_service(j, service, ended);
		return list[0] != NULL;
	}
	for (size_t i = 0; i < c->hosts_count; i++)
		if (host_runs(c->hosts[i], muc_state.index))
			list[count++] = muc_domain(j->arena, c->hosts[i]);
	if (count == 0)
		*ended = call_error(j, "not_found", "no host has rooms");
	return count;
}

static struct step
ask(struct job *j)
{
	struct walk *w = j->state;

	if (w->at == w->count) {
		if (w->counts)
			call_number(j, w->found);
		return call_done(j);
	}
	if (w->before)
		return job_query(j, page, &room_queries[ROOM_UNUSED],
			ARGS(of_text(w->domains[w->at]), of_text(w->last), of_int(w->before),
				of_int(PAGE)));
	return job_query(j, page, &room_queries[w->empty ? ROOM_EMPTY : ROOM_LIST_ALL],
		ARGS(of_text(w->domains[w->at]), of_text(w->last), of_int(PAGE)));
}

/* The reader may have to catch up. */
static struct step
wait(struct job *j)
{
	return call_flush(j) ? job_sleep(j, wait, WAIT) : ask(j);
}

static struct step
page(struct job *j)
{
	struct walk *w = j->state;
	size_t count = j->rows->count;

	w->rooms = ARENA_ARRAY(j->arena, const char *, count + 1);
	w->rooms_count = count;
	w->rooms_at = 0;
	for (size_t i = 0; i < count; i++) {
		w->rooms[i] = arena_str(j->arena, row_str(j->rows, i, 0));
		if (!w->counts)
			CALL_ROW(j, w->rooms[i]);
	}
	w->found += (int64_t)count;
	w->last = count > 0 ? w->rooms[count - 1] : "";
	if (count < PAGE) {
		w->at++;
		w->last = "";
	}
	if (w->destroys)
		return destroy_next(j);
	return w->counts ? ask(j) : wait(j);
}

static struct step
start(struct job *j, const char *service, struct walk *w)
{
	struct step ended;

	w->last = "";
	w->count = call_services(j, service, &w->domains, &ended);
	if (w->count == 0)
		return ended;
	j->state = w;
	return ask(j);
}

static struct step
list_run(struct job *j)
{
	return start(
		j, CALL_ARGS(j, struct service_args)->service, ARENA_NEW(j->arena, struct walk));
}

static struct step
count_run(struct job *j)
{
	struct walk *w = ARENA_NEW(j->arena, struct walk);

	w->counts = true;
	return start(j, CALL_ARGS(j, struct service_args)->service, w);
}

static struct step
unused_run(struct job *j)
{
	const struct unused_args *a = CALL_ARGS(j, struct unused_args);
	struct walk *w = ARENA_NEW(j->arena, struct walk);

	w->before = clock_wall() - DAYS(a->days);
	return start(j, a->service, w);
}

static struct step
empty_run(struct job *j)
{
	struct walk *w = ARENA_NEW(j->arena, struct walk);

	w->empty = true;
	return start(j, CALL_ARGS(j, struct service_args)->service, w);
}

/* ---- Destroy those ------------------------------------------------------------------------------------------ */

static struct step
unused_destroy_run(struct job *j)
{
	const struct unused_args *a = CALL_ARGS(j, struct unused_args);
	struct walk *w = ARENA_NEW(j->arena, struct walk);

	w->before = clock_wall() - DAYS(a->days);
	w->destroys = true;
	return start(j, a->service, w);
}

static struct step
empty_destroy_run(struct job *j)
{
	struct walk *w = ARENA_NEW(j->arena, struct walk);

	w->empty = w->destroys = true;
	return start(j, CALL_ARGS(j, struct service_args)->service, w);
}

static struct step
destroy_next(struct job *j)
{
	struct walk *w = j->state;
	struct jid room;

	if (w->rooms_at == w->rooms_count)
		return ask(j);
	if (jid_parse(j->arena, str_of(w->rooms[w->rooms_at++]), &room) != JID_OK)
		return destroy_next(j);
	return job_go_to_home(j, destroy_one, &room_kind, room);
}

static struct step
destroy_rested(struct job *j)
{
	const struct room *room = room_of(j->home);

	/* Who is in it uses it. */
	if (!room->exists || room->locked || room->occupants.count > 0)
		return destroy_next(j);
	return room_destroy(j, destroyed);
}

static struct step
destroy_one(struct job *j)
{
	return room_enter(j, destroy_rested);
}

static struct step
destroyed(struct job *j)
{
	room_tell_destroyed(room_of(j->home), NULL, NULL, NULL);
	return destroy_next(j);
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

const struct command list_commands[] = {
	{ "muc_online_rooms", MUC_TAG, 0, ARGS_OF(service), list_run, "room",
		"List the rooms of a service", "muc_online_rooms conference.example.org" },
	{ "muc_online_rooms_count", MUC_TAG, 0, ARGS_OF(service), count_run, NULL,
		"Count the rooms of a service", "muc_online_rooms_count global" },
	{ "rooms_unused_list", MUC_TAG, 0, ARGS_OF(unused), unused_run, "room",
		"List the rooms in which nothing was said for so many days",
		"rooms_unused_list conference.example.org 365" },
	{ "rooms_unused_destroy", MUC_TAG, COMMAND_WRITE, ARGS_OF(unused), unused_destroy_run,
		"room", "Destroy the rooms that rooms_unused_list lists, but those with occupants",
		"rooms_unused_destroy conference.example.org 365" },
	{ "rooms_empty_list", MUC_TAG, 0, ARGS_OF(service), empty_run, "room",
		"List the rooms that have no message in their archive",
		"rooms_empty_list conference.example.org" },
	{ "rooms_empty_destroy", MUC_TAG, COMMAND_WRITE, ARGS_OF(service), empty_destroy_run,
		"room", "Destroy the rooms that rooms_empty_list lists, but those with occupants",
		"rooms_empty_destroy conference.example.org" },
	END_COMMANDS,
};
