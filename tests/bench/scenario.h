/*
 * scenario.h -- the sub-commands.  Each returns the program's exit code and prints one line of
 * "key=value" words for each result on stdout.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include "options.h"

/* Make accounts by in-band registration (XEP-0077) and log in to each once. */
int scenario_register(const struct options *o);

/* Make every user a mutual contact of --contacts others (RFC 6121 3). */
int scenario_rosters(const struct options *o);

/* Memory per idle connection, and on the way the cost of the logins. */
int scenario_memory(const struct options *o);

/* Cost of a login. */
int scenario_logins(const struct options *o);

/* Messages between pairs of users that are online. */
int scenario_messages(const struct options *o);

/* Users with contacts log in and broadcast presence. */
int scenario_presence(const struct options *o);

/* Pages of archives (XEP-0313). */
int scenario_pages(const struct options *o);

/* Questions to long archives (XEP-0313). */
int scenario_history(const struct options *o);

/* From the connection to all that was missed. */
int scenario_sync(const struct options *o);

/* Messages in rooms, and joins (XEP-0045). */
int scenario_rooms(const struct options *o);

/* What the kernel's part of a message costs: a relay of bytes in a child process. */
int scenario_floor(const struct options *o);

#endif
