/*
 * moderate.c -- messages that are taken back: by a moderator (XEP-0425), by their author (XEP-0424).
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

struct step
moderate_set(struct job *j)
{
	return iq_error(j, COND_SERVICE_UNAVAILABLE, NULL);
}
