/*
 * Runs the unit suites of suites.def: all of them, or those named as arguments. Each suite gets a
 * line with its counts, and its failures before it; the last line adds up. CK_FORK=no in the
 * environment keeps a suite in this process, for a debugger.
 *
 * Runs on: its own process
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *suite_##name(void);
#include "tests/unit/suites.def"
#undef SUITE

struct entry {
	const char *name;
	Suite *(*make)(void);
};

static const struct entry suites[] = {
#define SUITE(name) { #name, suite_##name },
#include "tests/unit/suites.def"
#undef SUITE
	{ NULL, NULL },
};

static int passed, failed;

static void
run(const struct entry *e)
{
	SRunner *sr = srunner_create(e->make());
	int total, bad;

	srunner_run_all(sr, CK_SILENT);
	total = srunner_ntests_run(sr);
	bad = srunner_ntests_failed(sr);
	if (bad > 0)
		srunner_print(sr, CK_NORMAL);
	srunner_free(sr);
	printf("%s %s: %d passed, %d failed\n", bad > 0 ? "FAIL" : "ok  ", e->name, total - bad,
		bad);
	fflush(stdout);
	passed += total - bad;
	failed += bad;
}

static bool
run_named(const char *name)
{
	for (const struct entry *e = suites; e->name != NULL; e++) {
		if (strcmp(e->name, name) == 0) {
			run(e);
			return true;
		}
	}
	fprintf(stderr, "unit: no suite is called \"%s\"\n", name);
	return false;
}

int
main(int argc, char **argv)
{
	/* A bound for hangs, not a measure of speed: sanitizers on a busy machine take their time. */
	(void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	bool known = true;

	if (argc < 2) {
		for (const struct entry *e = suites; e->name != NULL; e++)
			run(e);
	}
	for (int i = 1; i < argc; i++)
		known = run_named(argv[i]) && known;
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed == 0 && known ? EXIT_SUCCESS : EXIT_FAILURE;
}
