/*
 * commands.h -- what the files of a room's commands share.
 *
 * Runs on: the room's home, or the worker where the call began.
 */
#ifndef MUC_COMMANDS_H
#define MUC_COMMANDS_H

#include "modules/muc/muc.h"

struct room_args {
	const char *room, *service;
};

#define ROOM_FIELDS(T)                                                                             \
	TEXT_FIELD(T, room, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the room"),         \
		TEXT_FIELD(T, service, .min = 1, .flags = FIELD_REQUIRED,                          \
			.doc = "Domain of the rooms, such as conference.example.org")
#define USER_FIELDS(T)                                                                             \
	TEXT_FIELD(T, user, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the account"),      \
		TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Its host")

extern const struct field room_fields[];

/* Goes on at the room when it is at rest: with j->home the room, which exists; else the command
 * ends with an error. */
enum room_wanted { ROOM_THERE, ROOM_NOT_THERE };

MUST_CHECK struct step call_at_room(struct job *j, const char *room, const char *service,
	enum room_wanted wanted, step_fn *next);
/* The prepared domain of a service, in j->arena; NULL: the command ended with *ended. */
const char *call_service(struct job *j, const char *service, struct step *ended);

/* The prepared domains of the rooms of a service, or of all («global»): in *domains; returns how many.
 * 0: the command ended with *ended. */
size_t call_services(struct job *j, const char *service, const char ***domains, struct step *ended);

/* Checks and writes them, and ends the command. */
MUST_CHECK struct step call_write_changes(struct job *j, struct change_set *all);

#define MUC_TAG "rooms"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

/* The rows of each file: END_COMMANDS. */
extern const struct command room_commands[], list_commands[], member_commands[], file_commands[],
	find_commands[], nick_commands[];

#endif
