/*
 * secret.c -- passwords that must not stand in the list of processes.
 *
 * Runs on: its own process
 */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_MAX ((size_t)512 * 1024)

/* Which arguments of the command are secret, from its help. */
struct wanted {
	const char *command;
	unsigned long bits;
	const char *names[64];
	struct arena *arena;
};

static void
take_help(const struct ctl_answer *a, void *ctx)
{
	struct wanted *w = ctx;
	const json_t *command, *arg;
	size_t i, k;

	if (a->code != 0)
		return;
	json_array_foreach(a->json, i, command)
	{
		const json_t *args = json_object_get(command, "args");
		const char *name = json_string_value(json_object_get(command, "name"));

		if (!name || strcmp(name, w->command) != 0)
			continue;
		json_array_foreach(args, k, arg)
		{
			if (k >= 64 || !json_is_true(json_object_get(arg, "secret")))
				continue;
			w->bits |= 1UL << k;
			w->names[k] = arena_text(
				w->arena, json_string_value(json_object_get(arg, "name")));
		}
	}
}

/* All of standard input, or one line of a terminal. */
static bool
read_all(struct buf *b, bool line_only, struct err *e)
{
	ssize_t n = 1;

	while (n > 0 && buf_len(b) <= SECRET_MAX) {
		n = read(STDIN_FILENO, buf_room(b, 4096), 4096);
		if (n > 0)
			buf_added(b, (size_t)n);
		if (line_only && memchr(buf_bytes(b), '\n', buf_len(b)))
			break;
	}
	if (n < 0)
		return err_errno(e, "standard input");
	if (buf_len(b) > SECRET_MAX)
		return err_set(e, "standard input has more than %zu bytes", SECRET_MAX);
	return true;
}

static bool
read_terminal(struct buf *b, const char *name, struct err *e)
{
	struct termios was, quiet;
	bool done, hidden = tcgetattr(STDIN_FILENO, &was) == 0;

	(void)fprintf(stderr, "%s: ", name);
	(void)fflush(stderr);
	if (hidden) {
		quiet = was;
		quiet.c_lflag &= (tcflag_t)~ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	done = read_all(b, true, e);
	if (hidden)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	(void)fputc('\n', stderr);
	return done;
}

static bool
read_secret(const struct ctl *c, const char *name, char **arg, struct err *e)
{
	struct buf b = BUF_INIT;
	bool done = isatty(STDIN_FILENO) ? read_terminal(&b, name, e) : read_all(&b, false, e);
	struct str text = buf_str(&b);

	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	if (done && text.n > 0 && memchr(text.p, '\0', text.n))
		done = err_set(e, "standard input is not text");
	if (done)
		*arg = arena_secret(c->arena, text.n > 0 ? text : STR(""));
	if (b.mem)
		mem_wipe(b.mem, b.cap);
	buf_fini(&b);
	return done;
}

bool
ctl_read_secrets(const struct ctl *c, const char *command, char **args, int count, struct err *e)
{
	struct wanted w = { .command = command, .arena = c->arena };
	char *topic[] = { (char *)(uintptr_t)command };
	bool is_read = false;
	int dashes = 0;

	for (int i = 0; i < count; i++)
		dashes += strcmp(args[i], "-") == 0;
	/* An unknown command is refused later. */
	if (dashes == 0 || ctl_ask(c, "help", topic, 1, true, take_help, &w, e) != CTL_OK)
		return true;
	for (int i = 0; i < count && i < 64; i++) {
		if (strcmp(args[i], "-") != 0 || !(w.bits & 1UL << i))
			continue;
		if (is_read)
			return err_set(e, "standard input cannot be two arguments");
		if (!read_secret(c, w.names[i], &args[i], e))
			return false;
		is_read = true;
	}
	return true;
}
