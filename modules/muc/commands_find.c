/*
 * commands_find.c -- rooms whose names match a pattern, with how many are in each.
 *
 * Names come from the store, page by page.  Who is in a room is known at its home: each worker is asked
 * for those of a page that are awake, in the others nobody is.
 *
 * Runs on: the worker where the call began; count_awake: every worker.
 */
#include "modules/muc/commands.h"

#include <inttypes.h>
#include <regex.h>
#include <string.h>

#define PAGE 500
#define WAIT 20

struct regex_args {
	const char *service, *regex;
};

static const struct field regex_fields[] = {
	TEXT_FIELD(struct regex_args, service, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Domain of the rooms, or global for all"),
	TEXT_FIELD(struct regex_args, regex, .min = 1, .max = 200, .flags = FIELD_REQUIRED,
		.doc = "Extended regular expression for the room's name, without {} and \\1"),
	END_FIELDS,
};

struct found {
	const char *room;
	bool listed;
	size_t occupants;
};

struct search {
	regex_t regex;
	const char **domains;
	size_t count, at; /* of domains */
	struct arena *arena; /* the page's */
	struct found *found;
	size_t found_count;
	const char *last; /* the last room of the page; "": begin */
};

static step_fn page, ask_page, counted;

static void
drop(void *p)
{
	struct search *s = p;

	regfree(&s->regex);
	arena_free(&s->arena);
}

/* Repetitions of repetitions take memory, and references back take time, without bound. */
static bool
is_harmless(const char *regex)
{
	for (const char *p = regex; *p; p++) {
		if (*p == '{' || (*p == '\\' && p[1] >= '1' && p[1] <= '9'))
			return false;
		if (*p == '\\' && p[1])
			p++;
	}
	return true;
}

static struct step
run(struct job *j)
{
	const struct regex_args *a = CALL_ARGS(j, struct regex_args);
	struct search *s = ARENA_NEW(j->arena, struct search);
	struct step ended;
	char why[200];
	int wrong;

	if (!is_harmless(a->regex))
		return call_error(j, "bad_request", "{} and \\1 are not understood");
	s->count = call_services(j, a->service, &s->domains, &ended);
	if (s->count == 0)
		return ended;
	wrong = regcomp(&s->regex, a->regex, REG_EXTENDED | REG_NOSUB);
	if (wrong != 0) {
		regerror(wrong, &s->regex, why, sizeof(why));
		return call_error(j, "bad_request", "'%s': %s", a->regex, why);
	}
	s->last = "";
	j->state = s;
	arena_keep(j->arena, drop, s);
	return ask_page(j);
}

static struct step
ask_page(struct job *j)
{
	const struct search *s = j->state;

	if (s->at == s->count)
		return call_done(j);
	return job_query(j, page, &room_queries[ROOM_LIST_ALL],
		ARGS(of_text(s->domains[s->at]), of_text(s->last), of_int(PAGE)));
}

/* The name, not the service, is meant. */
static bool
matches(const struct search *s, const char *room)
{
	AUTO(arena_free) struct arena *a = arena_new(128);
	struct str rest = str_of(room), name = str_cut(&rest, '@');

	return regexec(&s->regex, arena_str(a, name), 0, NULL, 0) == 0;
}

static void
count_awake(struct job *j)
{
	struct search *s = j->state;

	for (size_t i = 0; homes_open(j->worker) && i < s->found_count; i++) {
		struct home *h = home_find(j->worker, str_of(s->found[i].room));

		if (h && h->kind == &room_kind && h->state == HOME_WARM)
			s->found[i].occupants = room_of(h)->occupants.count;
	}
}

static struct step
page(struct job *j)
{
	struct search *s = j->state;
	size_t rows = j->rows->count;

	arena_free(&s->arena);
	s->arena = arena_new(0);
	s->found = ARENA_ARRAY(s->arena, struct found, rows + 1);
	s->found_count = 0;
	s->last = rows > 0 ? arena_str(s->arena, row_str(j->rows, rows - 1, 0)) : "";
	for (size_t i = 0; i < rows; i++) {
		const char *room = row_str(j->rows, i, 0).p;

		if (matches(s, room))
			s->found[s->found_count++] =
				(struct found){ .room = arena_text(s->arena, room),
					.listed = row_int(j->rows, i, 2) != 0 };
	}
	if (rows < PAGE) {
		s->at++;
		s->last = "";
	}
	return s->found_count > 0 ? job_visit(j, count_awake, counted) : ask_page(j);
}

static struct step
counted(struct job *j)
{
	const struct search *s = j->state;

	for (size_t i = 0; i < s->found_count; i++) {
		const struct found *f = &s->found[i];

		CALL_ROW(j, f->room, f->listed ? "true" : "false",
			arena_printf(s->arena, "%zu", f->occupants));
	}
	return call_flush(j) ? job_sleep(j, ask_page, WAIT) : ask_page(j);
}

/* ---- The table ------------------------------------------------------------------------------------ */

const struct command find_commands[] = {
	{ "muc_online_rooms_by_regex", MUC_TAG, 0, ARGS_OF(regex), run,
		"jid\tpublic\tparticipants:int",
		"List the rooms whose names match a regular expression",
		"muc_online_rooms_by_regex conference.example.org ^team-" },
	END_COMMANDS,
};
