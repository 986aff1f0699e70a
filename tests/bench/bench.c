/*
 * bench.c -- a load generator for XMPP servers.
 *
 *	bench SCENARIO [OPTION...]
 *
 * It speaks plain XMPP to whatever listens at the port and knows nothing of the
 * server but its process id, which is needed to tell what the work cost there.
 * One thread does everything: on a machine with two processors the client must
 * leave the other one to the server.  docs/performance.md says how the figures
 * are to be read; tests/bench/compare runs everything.
 *
 * Runs on: the one thread of the load generator.
 */
#include "scenario.h"
#include "scram.h"
#include "wire.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int (*run)(const struct options *o);
	const char *doc;
} scenarios[] = {
	{ "register", scenario_register, "make --count accounts, log in to each once" },
	{ "rosters", scenario_rosters, "give --count users --contacts mutual contacts each" },
	{ "memory", scenario_memory, "memory of --count idle connections" },
	{ "logins", scenario_logins, "cost of --count logins" },
	{ "messages", scenario_messages, "messages between --count pairs" },
	{ "presence", scenario_presence, "--count users log in, then broadcast --rounds times" },
	{ "pages", scenario_pages, "--count users read pages of their archives (after --fill)" },
	{ "history", scenario_history,
		"--count readers ask all kinds of questions to long archives" },
	{ "sync", scenario_sync, "a device catches up: --fill messages in each of --count chats" },
	{ "rooms", scenario_rooms, "messages to --rooms rooms of --count occupants, then joins" },
	{ "floor", scenario_floor, "bytes relayed between --count pairs: the machine's bound" },
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

static int
help(void)
{
	printf("usage: bench SCENARIO [OPTION...]\n\n");
	for (size_t i = 0; i < SCENARIOS; i++)
		printf("  %-14s %s\n", scenarios[i].name, scenarios[i].doc);
	printf("\nOptions, with their defaults:\n");
	options_help();
	return 0;
}

static void
raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r); /* the run says what it could not open */
	}
}

static int
run(int (*scenario)(const struct options *o), const struct options *o)
{
	int code;

	if (!wire_init(o))
		return 2;
	scram_cache_load(o->cache);
	code = scenario(o);
	return scram_cache_save(o->cache) ? code : 2;
}

int
main(int argc, char **argv)
{
	struct options o;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
	raise_file_limit();
	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return help();
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (strcmp(argv[1], scenarios[i].name) != 0)
			continue;
		if (!options_read(argc - 2, argv + 2, &o))
			return 2;
		return run(scenarios[i].run, &o);
	}
	fprintf(stderr, "bench: no scenario '%s'; `bench help` lists them\n", argv[1]);
	return 2;
}
