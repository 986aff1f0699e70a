/*
 * main.c -- bongsuctl: the command line, and what it prints.
 *
 * All commands, with their help, are the server's; check_web is the one of which most is done here.
 *
 * Runs on: its own process
 */
#include "ctl/ctl.h"

#include "base/buf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MAX 86400

static enum ctl_code
usage_error(const char *text, const char *what)
{
	(void)fprintf(
		stderr, "bongsuctl: %s%s; `bongsuctl --help` lists the options\n", text, what);
	return CTL_USAGE;
}

static void
print_usage(FILE *f)
{
	(void)fprintf(f,
		"usage: bongsuctl [OPTION...] COMMAND [ARGUMENT...]\n"
		"       bongsuctl help [COMMAND | TAG | PATTERN | tags | commands]\n"
		"       bongsuctl complete [WORD...]\n"
		"\n"
		"  --config FILE      the server's configuration; default %s\n"
		"  --socket PATH      its control socket, instead of --config\n"
		"  --json             print JSON\n"
		"  --timeout SECONDS  how long to wait for the answer; default: as long as it takes\n"
		"  --version          print the version\n"
		"  --help             print this\n"
		"\n"
		"A password given as - is read from standard input.\n"
		"Exit codes: 0 done, 1 error, 2 wrong command line, 3 cannot reach the server.\n",
		BONGSU_CONFIG);
}

/* ---- Output ------------------------------------------------------------------------ */

struct output {
	bool json;
	bool in_list; /* parts of a list were printed */
	bool is_empty; /* that list so far */
};

/* Items of a list whose end is still to come. */
static void
print_items(struct output *o, const json_t *list)
{
	const json_t *item;
	size_t i;

	if (!o->in_list)
		(void)putchar('[');
	o->in_list = true;
	json_array_foreach(list, i, item)
	{
		char *text = json_dumps(item, JSON_ENCODE_ANY | JSON_COMPACT);

		(void)printf("%s\n%s", o->is_empty ? "" : ",", text ? text : "null");
		free(text);
		o->is_empty = false;
	}
}

static void
print_json(struct output *o, const struct ctl_answer *a)
{
	char *text;

	if (a->is_part || (o->in_list && json_is_array(a->json)))
		print_items(o, a->json);
	if (a->is_part)
		return;
	if (o->in_list) {
		(void)printf("\n]\n");
		return;
	}
	text = json_dumps(a->json, JSON_ENCODE_ANY | JSON_INDENT(2));
	(void)printf("%s\n", text ? text : "null");
	free(text);
}

/* What went well goes to standard output, everything else to the other. */
static void
print_answer(const struct ctl_answer *a, void *ctx)
{
	struct output *o = ctx;
	bool good = a->is_part || a->code == CTL_OK;

	if (!good || !o->json)
		(void)fputs(a->text, good ? stdout : stderr);
	if (o->json)
		print_json(o, a);
}

/* ---- Run ----------------------------------------------------------------------------- */

static int
run(const struct ctl *c, char **words, int count)
{
	struct output o = { .json = c->json, .is_empty = true };
	struct err e;
	int code = CTL_USAGE;

	if (ctl_read_secrets(c, words[0], words + 1, count - 1, &e)) {
		e.text[0] = '\0';
		code = strcmp(words[0], "check_web") == 0
			       ? ctl_check_web(c, words + 1, count - 1, &e)
			       : ctl_ask(c, words[0], words + 1, count - 1, c->json, print_answer,
					 &o, &e);
		if (e.text[0] == '\0' && fflush(stdout) == 0)
			return code;
		if (e.text[0] == '\0') {
			(void)err_errno(&e, "standard output");
			code = CTL_ERROR;
		}
	}
	(void)fprintf(stderr, "bongsuctl: %s\n", e.text);
	if (strcmp(words[0], "help") == 0 && code == CTL_UNREACHABLE)
		print_usage(stderr);
	return code;
}

static bool
read_timeout(const char *text, int *timeout)
{
	uint64_t seconds;

	if (!str_uint(str_of(text), TIMEOUT_MAX, &seconds) || seconds == 0)
		return false;
	*timeout = (int)seconds * 1000;
	return true;
}

/* True: go on with c; false: end with *code. */
static bool
read_options(int argc, char **argv, struct ctl *c, int *code)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*code = CTL_OK;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:c:s:jh", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			c->config = optarg;
			break;
		case 's':
			c->socket = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 't':
			if (read_timeout(optarg, &c->timeout))
				break;
			*code = usage_error(
				"--timeout takes seconds, from 1 to 86400, not ", optarg);
			return false;
		case 'v':
			(void)printf("bongsuctl %s\n", PACKAGE_VERSION);
			return false;
		case 'h':
			print_usage(stdout);
			return false;
		case ':':
			*code = usage_error("no value for ", argv[optind - 1]);
			return false;
		default:
			*code = usage_error("unknown option ", argv[optind - 1]);
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .arena = arena_new(0), .config = BONGSU_CONFIG, .timeout = -1 };
	int code;

	if (read_options(argc, argv, &c, &code)) {
		if (optind == argc) {
			print_usage(stderr);
			code = CTL_USAGE;
		} else if (strcmp(argv[optind], "complete") == 0) {
			ctl_complete(&c, argv + optind + 1, argc - optind - 1);
		} else {
			code = run(&c, argv + optind, argc - optind);
		}
	}
	arena_free(&c.arena);
	return code;
}
