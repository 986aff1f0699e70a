/*
 * ask.c -- one request to the control socket.
 *
 * Lines of JSON both ways; src/admin/socket.c has their form.
 *
 * Runs on: its own process
 */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_AT_ONCE 65536

static int
connect_to(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(un.sun_path)) {
		(void)err_set(e, "%s is too long for a socket", path);
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	(void)err_errno(e, "cannot reach the server at %s", path);
	if (errno == ENOENT || errno == ECONNREFUSED)
		(void)err_set(e,
			"cannot reach the server at %s: it does not run, or its log says why",
			path);
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static char *
request_line(const char *command, char *const *args, int count, bool json, struct err *e)
{
	json_t *words = json_array(), *root;
	char *line;

	for (int i = 0; i < count; i++) {
		if (json_array_append_new(words, json_string(args[i])) == 0)
			continue;
		json_decref(words);
		(void)err_set(e, "argument %d is not UTF-8", i + 1);
		return NULL;
	}
	root = json_pack("{s:s, s:o, s:b}", "command", command, "args", words, "json", (int)json);
	line = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!line)
		(void)err_set(e, "the command is not UTF-8");
	return line;
}

static bool
send_line(int fd, const char *line, struct err *e)
{
	struct buf out = BUF_INIT;
	bool sent = true;

	buf_put_text(&out, line);
	buf_put_char(&out, '\n');
	while (sent && buf_len(&out) > 0) {
		ssize_t n = send(fd, buf_bytes(&out), buf_len(&out), MSG_NOSIGNAL);

		if (n > 0)
			buf_take(&out, (size_t)n);
		else if (errno != EINTR)
			sent = err_errno(e, "the server does not listen");
	}
	mem_wipe(out.mem, out.cap);
	buf_fini(&out);
	return sent;
}

/* More bytes in b.  False: none will come. */
static bool
receive(int fd, struct buf *b, msec_t until, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	msec_t left = until - clock_mono();
	ssize_t n;
	int ready = poll(&p, 1, until < 0 ? -1 : left > 0 ? (int)left : 0);

	if (ready == 0)
		return err_set(e, "no answer from the server in time");
	n = ready < 0 ? -1 : recv(fd, buf_room(b, READ_AT_ONCE), READ_AT_ONCE, 0);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0)
		return err_errno(e, "no answer from the server");
	if (n == 0)
		return err_set(e, "the server closed the connection without an answer");
	buf_added(b, (size_t)n);
	return true;
}

static bool
read_answer(json_t *root, struct ctl_answer *a)
{
	const json_t *code = json_object_get(root, "code");

	a->is_part = json_is_true(json_object_get(root, "part"));
	a->code = (int)json_integer_value(code);
	a->text = json_string_value(json_object_get(root, "text"));
	a->json = json_object_get(root, "json");
	return a->text && (a->is_part || json_is_integer(code));
}

/* Takes lines until the answer; its code. */
static int
take_lines(int fd, msec_t until, void (*take)(const struct ctl_answer *a, void *ctx), void *ctx,
	struct err *e)
{
	struct buf in = BUF_INIT;
	struct ctl_answer a = { .is_part = true };
	size_t looked = 0;

	while (a.is_part) {
		const char *end = memchr(buf_bytes(&in) + looked, '\n', buf_len(&in) - looked);
		json_t *root;

		looked = buf_len(&in);
		if (!end && receive(fd, &in, until, e))
			continue;
		root = end ? json_loadb(buf_bytes(&in), (size_t)(end - buf_bytes(&in)),
				     JSON_DECODE_ANY, NULL)
			   : NULL;
		if (!end || !read_answer(root, &a)) {
			if (end)
				(void)err_set(e, "the server's answer makes no sense");
			a.is_part = false;
			a.code = CTL_UNREACHABLE;
		} else {
			take(&a, ctx);
			buf_take(&in, (size_t)(end - buf_bytes(&in)) + 1);
			looked = 0;
		}
		json_decref(root);
	}
	buf_fini(&in);
	return a.code;
}

int
ctl_ask(const struct ctl *c, const char *command, char *const *args, int count, bool json,
	void (*take)(const struct ctl_answer *a, void *ctx), void *ctx, struct err *e)
{
	const char *path = c->socket ? c->socket : config_control_socket(c->arena, c->config, e);
	msec_t until = c->timeout < 0 ? -1 : clock_mono() + c->timeout;
	int fd = path ? connect_to(path, e) : -1, code = CTL_UNREACHABLE;
	char *line = fd >= 0 ? request_line(command, args, count, json, e) : NULL;

	if (fd >= 0 && !line)
		code = CTL_USAGE;
	if (line && send_line(fd, line, e))
		code = take_lines(fd, until, take, ctx, e);
	if (line)
		mem_wipe(line, strlen(line));
	free(line);
	if (fd >= 0)
		(void)close(fd);
	return code;
}
