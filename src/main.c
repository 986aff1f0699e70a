/*
 * main.c -- the command line of bongsud.
 *
 * Runs on: main.
 */
#include "boot.h"

#include "admin/command.h"
#include "base/log.h"
#include "base/metric.h"
#include "module/registry.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_code { EXIT_OK, EXIT_ERROR, EXIT_USAGE };

struct options {
	const char *path;
	const char *print; /* NULL: nothing */
	bool check;
};

/* ---- References ------------------------------------------------------------------- */

static void
print_metrics(struct buf *out)
{
	buf_put_lit(out, "# Counters\n\n| Name | Meaning |\n|---|---|\n");
	for (int m = 0; m < METRIC_COUNT; m++)
		buf_printf(out, "| `%s` | %s |\n", metric_name((enum metric)m),
			metric_help((enum metric)m));
}

/* Those of modules too. */
static void
print_commands(struct buf *out)
{
	commands_init();
	registry_register();
	commands_print(out);
}

static const struct page {
	const char *name;
	void (*print)(struct buf *out);
} pages[] = {
	{ "config", config_print },
	{ "modules", registry_print_modules },
	{ "xeps", registry_print_xeps },
	{ "doap", registry_print_doap },
	{ "metrics", print_metrics },
	{ "commands", print_commands },
};

static enum exit_code
usage_error(const char *text, const char *what)
{
	(void)fprintf(stderr, "bongsud: %s%s; `bongsud --help` lists the options\n", text, what);
	return EXIT_USAGE;
}

static enum exit_code
print_page(const char *name)
{
	struct buf out = BUF_INIT;
	struct err e;
	bool written;

	for (size_t i = 0; i < COUNT(pages); i++) {
		if (strcmp(pages[i].name, name) != 0)
			continue;
		if (!boot_declare(NULL, &e)) {
			(void)fprintf(stderr, "bongsud: %s\n", e.text);
			return EXIT_ERROR;
		}
		pages[i].print(&out);
		written = fwrite(buf_bytes(&out), 1, buf_len(&out), stdout) == buf_len(&out) &&
			  fflush(stdout) == 0;
		buf_fini(&out);
		return written ? EXIT_OK : EXIT_ERROR;
	}
	for (size_t i = 0; i < COUNT(pages); i++)
		buf_printf(&out, "%s%s", i > 0 ? ", " : "", pages[i].name);
	(void)fprintf(stderr, "bongsud: --print=%s: expected one of %s\n", name, buf_text(&out));
	buf_fini(&out);
	return EXIT_USAGE;
}

static void
print_help(void)
{
	(void)printf("usage: bongsud [--config FILE] [--check]\n"
		     "       bongsud --print=PAGE\n"
		     "\n"
		     "  --config FILE   the configuration; default %s\n"
		     "  --check         check the configuration, report every fault, and end\n"
		     "  --print=PAGE    print a page of the reference:",
		BONGSU_CONFIG);
	for (size_t i = 0; i < COUNT(pages); i++)
		(void)printf("%s %s", i > 0 ? "," : "", pages[i].name);
	(void)printf("\n"
		     "  --version       print the version\n"
		     "  --help          print this\n");
}

/* ---- Check and run ------------------------------------------------------------------ */

static void
complain(const char *line, void *ctx)
{
	(void)ctx;
	(void)fprintf(stderr, "%s\n", line);
}

/* Before the log is open. */
static enum exit_code
fail(const struct err *e)
{
	(void)fprintf(stderr, "bongsud: %s\n", e->text);
	return EXIT_ERROR;
}

static enum exit_code
check(const char *path)
{
	struct config *c = boot_load(path, complain, NULL);

	if (!c)
		return EXIT_ERROR;
	(void)printf("%s: no faults\n", path);
	config_unref(&c);
	return EXIT_OK;
}

/* Signals are read by serve(); every thread that starts from here on inherits the mask. */
static void
block_signals(void)
{
	sigset_t set = serve_signals();

	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* After the log is open; people at a terminal see it too. */
static enum exit_code
fail_logged(const struct server *s, const struct err *e)
{
	log_error(AREA_SERVER, NULL, "could not start: %s", e->text);
	log_flush();
	return s->config->log.file ? fail(e) : EXIT_ERROR;
}

static enum exit_code
run(const char *path, bool *again)
{
	struct server s = { .path = path };
	enum exit_code code = EXIT_OK;
	struct err e;

	(void)umask(077);
	block_signals();
	s.config = boot_load(path, complain, NULL);
	if (!s.config)
		return EXIT_ERROR;
	if (!boot_log(&s.config->log, &e)) {
		code = fail(&e);
	} else if (!boot_start(&s, &e) || !serve(&s, &e)) {
		boot_stop(&s);
		code = fail_logged(&s, &e);
	} else {
		boot_stop(&s);
		log_info(AREA_SERVER, NULL, "stopped");
		log_flush();
		*again = s.again;
	}
	config_unref(&s.config);
	return code;
}

/* The program as it is on disk now, in this very process, so that whoever watches over it need not
 * know. */
static enum exit_code
execute_again(char **argv)
{
	struct err e;

	(void)execvp(argv[0], argv);
	(void)err_errno(&e, "could not execute %s again", argv[0]);
	return fail(&e);
}

/* True: go on with o; false: end with *code. */
static bool
read_options(int argc, char **argv, struct options *o, enum exit_code *code)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "print", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*o = (struct options){ .path = BONGSU_CONFIG };
	*code = EXIT_OK;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:h", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			o->path = optarg;
			break;
		case 'k':
			o->check = true;
			break;
		case 'p':
			o->print = optarg;
			break;
		case 'v':
			(void)printf("bongsud %s\n", PACKAGE_VERSION);
			return false;
		case 'h':
			print_help();
			return false;
		case ':':
			*code = usage_error("no value for ", argv[optind - 1]);
			return false;
		default:
			*code = usage_error("unknown option ", argv[optind - 1]);
			return false;
		}
	}
	if (optind < argc)
		*code = usage_error("unexpected argument ", argv[optind]);
	return optind == argc;
}

int
main(int argc, char **argv)
{
	struct options o;
	enum exit_code code;
	bool again = false;
	struct err e;

	if (!read_options(argc, argv, &o, &code))
		return code;
	if (o.print)
		return print_page(o.print);
	if (!boot_declare(o.path, &e))
		return fail(&e);
	if (o.check)
		return check(o.path);
	code = run(o.path, &again);
	return again ? execute_again(argv) : code;
}
