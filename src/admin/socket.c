/*
 * socket.c -- the control socket: where bongsuctl asks.
 *
 * A request is a line of JSON, {"command": "register", "args": ["alice", "example.org", "-"],
 * "json": false}, and so is its answer, {"code": 0, "text": "...", "json": null}, after any number
 * of parts, {"part": true, "text": "...", ...}, that go before it.  One request of a client runs at
 * a time; while it runs, its client is not read.  Lines, clients and output are bounded.
 *
 * Who can open the socket may do everything: that is root and the server's own user.
 *
 * Runs on: worker 0; control_socket_open: main.
 */
#include "admin/command_own.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/listener.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)1024 * 1024)
#define CLIENTS_MAX 64
#define WORDS_MAX 64
/* Output that may wait for a client before a long list takes a pause. */
#define OUTPUT_HIGH ((size_t)512 * 1024)

struct client {
	struct conn *conn; /* NULL: gone while a command ran */
	struct buf in;
	char who[64];
	bool busy; /* a command runs */
	bool reading; /* in read_lines */
};

static unsigned clients;
static char own_user[32];

static void read_lines(struct client *c);

/* ---- Answers ------------------------------------------------------------------------ */

static void
write_output(struct client *c, const struct call_answer *a)
{
	struct buf *out = conn_out(c->conn);

	buf_put_lit(out, "\"text\":");
	call_put_json(out, a->text);
	buf_put_lit(out, ",\"json\":");
	buf_put_str(out, a->json.p ? a->json : STR("null"));
	buf_put_lit(out, "}\n");
	conn_dirty(c->conn);
}

static void
write_answer(struct client *c, const struct call_answer *a)
{
	buf_printf(conn_out(c->conn), "{\"code\":%d,", a->code);
	write_output(c, a);
}

static void
client_free(struct client *c)
{
	buf_fini(&c->in);
	mem_free(&c);
	clients--;
}

static void
on_answer(struct worker *w, void *ctx, const struct call_answer *a)
{
	struct client *c = ctx;

	(void)w;
	c->busy = false;
	if (!c->conn) {
		client_free(c);
		return;
	}
	write_answer(c, a);
	if (c->reading)
		return;
	conn_resume(c->conn);
	read_lines(c);
}

static bool
on_part(struct worker *w, void *ctx, const struct call_answer *part)
{
	struct client *c = ctx;

	(void)w;
	if (!c->conn)
		return false;
	buf_put_lit(conn_out(c->conn), "{\"part\":true,");
	write_output(c, part);
	return conn_is_full(c->conn);
}

/* ---- Requests ----------------------------------------------------------------------- */

static void
refuse(struct client *c, const char *text)
{
	struct call_answer a = { 2, str_of(text), STR_NONE };

	write_answer(c, &a);
}

/* Passwords do not stay in memory that is given back. */
static void
wipe(json_t *args)
{
	for (size_t i = 0; i < json_array_size(args); i++) {
		json_t *word = json_array_get(args, i);

		if (json_is_string(word))
			mem_wipe((void *)(uintptr_t)json_string_value(word),
				json_string_length(word));
	}
}

static bool
read_words(json_t *args, const char **words, size_t *count)
{
	*count = json_array_size(args);
	if ((args && !json_is_array(args)) || *count > WORDS_MAX)
		return false;
	for (size_t i = 0; i < *count; i++) {
		words[i] = json_string_value(json_array_get(args, i));
		if (!words[i])
			return false;
	}
	return true;
}

static void
request(struct client *c, struct str line)
{
	json_t *root = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	json_t *args = json_object_get(root, "args");
	const char *name = json_string_value(json_object_get(root, "command"));
	const char *words[WORDS_MAX];
	struct call_taker taker = {
		.who = c->who,
		.json = json_is_true(json_object_get(root, "json")),
		.answer = on_answer,
		.part = on_part,
		.ctx = c,
	};
	size_t count;

	if (!name || !read_words(args, words, &count)) {
		refuse(c, "Error: not a request: expected {\"command\": NAME, \"args\": "
			  "[TEXT...], \"json\": true or false}\n");
	} else {
		c->busy = true;
		command_run(conn_worker(c->conn), name, words, count, &taker);
	}
	wipe(args);
	json_decref(root);
}

static void
read_lines(struct client *c)
{
	c->reading = true;
	while (!c->busy && c->conn) {
		struct str in = buf_str(&c->in), rest = in, line;
		const char *end = in.n > 0 ? str_find(in, '\n') : NULL;

		if (!end && in.n <= LINE_MAX_BYTES)
			break;
		if (!end || (size_t)(end - in.p) > LINE_MAX_BYTES) {
			refuse(c, "Error: the request is too long\n");
			conn_close(c->conn);
			break;
		}
		line = str_cut(&rest, '\n');
		request(c, line);
		mem_wipe((void *)(uintptr_t)line.p, line.n);
		buf_take(&c->in, line.n + 1);
	}
	buf_shrink(&c->in);
	c->reading = false;
	if (c->busy && c->conn)
		conn_pause(c->conn);
}

static void
on_bytes(struct conn *conn, void *owner, const char *bytes, size_t n)
{
	struct client *c = owner;

	(void)conn;
	buf_put(&c->in, bytes, n);
	read_lines(c);
}

static void
on_end(struct conn *conn, void *owner, enum conn_end end, const char *why)
{
	struct client *c = owner;

	(void)conn;
	(void)end;
	(void)why;
	c->conn = NULL;
	if (!c->busy)
		client_free(c);
}

static const struct conn_ops ops = { .on_bytes = on_bytes, .on_end = on_end };

/* ---- Open ---------------------------------------------------------------------------- */

static void
name_client(struct client *c)
{
	unsigned uid;

	if (!conn_uid(c->conn, &uid))
		(void)snprintf(c->who, sizeof(c->who), "somebody via control socket");
	else if (uid == 0 || uid == geteuid())
		(void)snprintf(c->who, sizeof(c->who), "%s via control socket",
			uid == 0 ? "root" : own_user);
	else
		(void)snprintf(c->who, sizeof(c->who), "uid %u via control socket", uid);
}

static void
on_accept(struct worker *w, struct conn *conn, const struct listen_conf *listen)
{
	struct client *c;

	(void)w;
	(void)listen;
	if (clients >= CLIENTS_MAX) {
		log_warn(AREA_ADMIN, NULL, "refused a client of the control socket: there are %u",
			clients);
		conn_close(conn);
		return;
	}
	c = MEM_NEW(struct client);
	c->conn = conn;
	clients++;
	name_client(c);
	conn_set_owner(conn, &ops, c);
	conn_set_max_output(conn, OUTPUT_HIGH);
}

bool
control_socket_open(const char *path, struct err *e)
{
	char text[1024];
	struct passwd row, *found = NULL;

	if (getpwuid_r(geteuid(), &row, text, sizeof(text), &found) == 0 && found)
		(void)snprintf(own_user, sizeof(own_user), "%s", found->pw_name);
	else
		(void)snprintf(own_user, sizeof(own_user), "uid %u", (unsigned)geteuid());
	return listener_open_unix(worker_at(0), path, on_accept, e) ||
	       err_wrap(e, "control socket");
}
