/*
 * time.c -- XEP-0202: the time of the server and its offset from UTC.
 *
 * Runs on: the host's worker.
 */
#include "module/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Room for any two ints, though an offset is "+01:00". */
#define OFFSET_SIZE 32

static void
write_offset(char out[OFFSET_SIZE], msec_t wall)
{
	time_t seconds = (time_t)(wall / 1000);
	struct tm local = { 0 };
	int minutes = 0;

	if (localtime_r(&seconds, &local))
		minutes = (int)(local.tm_gmtoff / 60);
	(void)snprintf(out, OFFSET_SIZE, "%c%02d:%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60,
		abs(minutes) % 60);
}

static struct step
tell(struct job *j)
{
	struct xml *answer = xml_new(j->arena, NS_TIME, "time");
	char offset[OFFSET_SIZE], utc[DATETIME_SIZE];
	msec_t now = clock_wall();

	write_offset(offset, now);
	datetime_write(utc, now);
	xml_add_text(j->arena, answer, NS_TIME, "tzo", offset);
	xml_add_text(j->arena, answer, NS_TIME, "utc", utc);
	return iq_result(j, answer);
}

MODULE(time) = {
	IDENTITY(time),
	.summary = "Tells the time of the server",
	.xeps = XEPS({ 202, "2.0", XEP_COMPLETE, NULL }),
	.features = FEATURES(NS_TIME),
	.iqs =
		(const struct iq_handler[]){
			{ NS_TIME, "time", ON_GET, TO_HOST, tell },
			END_IQS,
		},
};
