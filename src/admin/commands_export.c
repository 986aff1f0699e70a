/*
 * commands_export.c -- accounts into a file (XEP-0227).
 *
 * The server itself writes it, with mode 0600.  Each part of an account (home/portable.h) is read page
 * by page where the call began and gathers as text; chore threads put that into the file.  So memory
 * does not grow with the archive, and no home is held.
 *
 * Runs on: the worker where the call began; write_out, open_file, close_file: a chore thread.
 */
#include "admin/command_own.h"

#include "home/archive.h"
#include "home/portable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What gathers before it is written. */
#define GATHER ((size_t)256 * 1024)
#define USERS 1000

enum { USER_KNOWN, USERS_AFTER };

const struct query commands_export_queries[] = {
	[USER_KNOWN] = { "export_user", "SELECT 1 FROM account WHERE owner = ?", NULL },
	[USERS_AFTER] = { "export_users",
		"SELECT owner FROM account WHERE host = ? AND owner > ? ORDER BY owner LIMIT 1000",
		NULL },
	END_QUERIES,
};

/* ---- Arguments ----------------------------------------------------------------------- */

struct user_args {
	const char *user, *host, *file;
};

struct host_args {
	const char *host, *file;
};

#define HOST_FIELD(T) TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Virtual host")
#define FILE_FIELD(T)                                                                              \
	TEXT_FIELD(T, file, .min = 1, .max = 4000, .flags = FIELD_REQUIRED,                        \
		.doc = "New file, which the server writes; a relative path begins in its data_dir")

static const struct field user_fields[] = {
	TEXT_FIELD(struct user_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	HOST_FIELD(struct user_args),
	FILE_FIELD(struct user_args),
	END_FIELDS,
};

static const struct field host_fields[] = {
	HOST_FIELD(struct host_args),
	FILE_FIELD(struct host_args),
	END_FIELDS,
};

/* ---- The file -------------------------------------------------------------------------- */

struct export
{
	const char *path, *host; /* host: prepared */
	int fd; /* -1: not open */
	int error; /* errno */
	bool is_made; /* the file is ours: removed unless all went well */
	bool is_done;
	struct buf out;
	step_fn *next; /* after writing */
	/* Who: one account, or all of the host. */
	bool is_host;
	struct jid *users;
	size_t count, at;
	struct arena *names; /* of users */
	bool is_last; /* there are no more than these */
	/* The one that is being written. */
	struct leaving leaving;
	size_t part;
	unsigned long written;
};

static step_fn opened, user_begin, user_known, part_ask, part_read, part_next, users_ask,
	users_page, gathered, closed;

static void
drop(void *p)
{
	struct export *e = p;

	if (e->fd >= 0)
		(void)close(e->fd);
	if (e->is_made && !e->is_done)
		(void)unlink(e->path);
	buf_fini(&e->out);
	arena_free(&e->leaving.arena);
	arena_free(&e->names);
}

static void
open_file(struct job *j)
{
	struct export *e = j->state;

	e->fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	e->error = e->fd < 0 ? errno : 0;
	e->is_made = e->fd >= 0;
}

static void
write_out(struct job *j)
{
	struct export *e = j->state;

	while (buf_len(&e->out) > 0 && e->error == 0) {
		ssize_t n = write(e->fd, buf_bytes(&e->out), buf_len(&e->out));

		if (n > 0)
			buf_take(&e->out, (size_t)n);
		else if (n < 0 && errno != EINTR)
			e->error = errno;
	}
}

static void
close_file(struct job *j)
{
	struct export *e = j->state;

	write_out(j);
	if (e->error == 0 && fsync(e->fd) != 0)
		e->error = errno;
	if (close(e->fd) != 0 && e->error == 0)
		e->error = errno;
	e->fd = -1;
	e->is_done = e->error == 0;
}

static struct step
file_error(struct job *j)
{
	const struct export *e = j->state;

	return call_error(j, "file", "%s: %s", e->path, strerror(e->error));
}

static struct step
gathered(struct job *j)
{
	const struct export *e = j->state;

	return e->error != 0 ? file_error(j) : e->next(j);
}

/* Goes on at next, when there is not too much to write. */
static struct step
go_on(struct job *j, step_fn *next)
{
	struct export *e = j->state;

	e->next = next;
	return buf_len(&e->out) > GATHER ? job_chore(j, gathered, write_out) : next(j);
}

/* ---- Begin and end ----------------------------------------------------------------------- */

static struct export *
export_new(struct job *j, const char *host, const char *file, struct step *refused)
{
	const struct host *h = find_host(j, host);
	struct export *e = ARENA_NEW(j->arena, struct export);

	e->fd = -1;
	if (!h) {
		*refused = no_host(j, host);
		return NULL;
	}
	e->host = arena_text(j->arena, h->name);
	e->path = file_path(j, file);
	j->state = e;
	arena_keep(j->arena, drop, e);
	return e;
}

static struct step
export_user_run(struct job *j)
{
	const struct user_args *a = CALL_ARGS(j, struct user_args);
	struct step refused;
	struct export *e = export_new(j, a->host, a->file, &refused);

	if (!e)
		return refused;
	e->users = ARENA_NEW(j->arena, struct jid);
	e->count = 1;
	e->is_last = true;
	if (!*a->user ||
		jid_make(j->arena, str_of(a->user), str_of(e->host), STR_NONE, e->users) != JID_OK)
		return call_error(j, "invalid_jid", "'%s' cannot be the name of a user", a->user);
	return job_chore(j, opened, open_file);
}

static struct step
export_host_run(struct job *j)
{
	const struct host_args *a = CALL_ARGS(j, struct host_args);
	struct step refused;
	struct export *e = export_new(j, a->host, a->file, &refused);

	if (!e)
		return refused;
	e->is_host = true;
	return job_chore(j, opened, open_file);
}

static struct step
opened(struct job *j)
{
	struct export *e = j->state;

	if (e->error != 0)
		return file_error(j);
	buf_put_lit(&e->out, "<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='" NS_PIE
			     "'>\n<host jid='");
	xml_escape_attr(&e->out, str_of(e->host));
	buf_put_lit(&e->out, "'>\n");
	return e->is_host ? users_ask(j) : user_begin(j);
}

static struct step
finish(struct job *j)
{
	struct export *e = j->state;

	buf_put_lit(&e->out, "</host>\n</server-data>\n");
	return job_chore(j, closed, close_file);
}

static struct step
closed(struct job *j)
{
	const struct export *e = j->state;

	if (e->error != 0)
		return file_error(j);
	call_line(j, "Exported users: %lu", e->written);
	return call_done(j);
}

/* ---- Accounts of a host -------------------------------------------------------------------- */

static struct step
users_ask(struct job *j)
{
	const struct export *e = j->state;
	struct value after = e->count > 0 ? of_jid(e->users[e->count - 1]) : of_text("");

	return job_query(j, users_page, &commands_export_queries[USERS_AFTER],
		ARGS(of_text(e->host), after));
}

static struct step
users_page(struct job *j)
{
	struct export *e = j->state;

	arena_free(&e->names);
	e->names = arena_new(0);
	e->users = ARENA_ARRAY(e->names, struct jid, j->rows->count + 1);
	e->count = e->at = 0;
	for (size_t i = 0; i < j->rows->count; i++)
		e->count +=
			jid_parse(e->names, row_str(j->rows, i, 0), &e->users[e->count]) == JID_OK;
	e->is_last = j->rows->count < USERS;
	return user_begin(j);
}

/* ---- One account ------------------------------------------------------------------------------ */

static struct step
user_begin(struct job *j)
{
	struct export *e = j->state;
	struct value owner;

	if (e->at == e->count)
		return e->is_last ? finish(j) : users_ask(j);
	owner = of_jid(e->users[e->at]);
	return job_query_all(j, user_known,
		(const struct ask[]){ { &commands_export_queries[USER_KNOWN], &owner, 1 },
			{ archive_load_query, &owner, 1 } },
		2);
}

/* Rows of archive_load_query: number, delivered. */
static struct step
user_known(struct job *j)
{
	struct export *e = j->state;
	struct jid user = e->users[e->at];
	const struct rows *number = j->results[1];

	e->at++;
	if (j->results[0]->count == 0)
		return e->is_host ? user_begin(j)
				  : call_error(j, "not_found", "User %.*s does not exist",
					    STR_ARG(jid_full(user)));
	e->leaving.home = (struct home){ .worker = j->worker, .jid = user };
	e->leaving.out = &e->out;
	if (number->count > 0) {
		e->leaving.home.number = row_int(number, 0, 0);
		e->leaving.home.delivered = row_int(number, 0, 1);
	}
	buf_put_lit(&e->out, "<user name='");
	xml_escape_attr(&e->out, jid_local(user));
	buf_put_lit(&e->out, "'>\n");
	e->part = 0;
	return part_next(j);
}

static struct step
part_next(struct job *j)
{
	struct export *e = j->state;
	size_t count;
	const struct portable *const *parts = portables_all(&count);

	while (e->part < count && !parts[e->part]->ask)
		e->part++;
	if (e->part < count) {
		e->leaving.state = NULL;
		arena_free(&e->leaving.arena);
		e->leaving.arena = arena_new(0);
		return part_ask(j);
	}
	buf_put_lit(&e->out, "</user>\n");
	e->written++;
	return go_on(j, user_begin);
}

static struct step
part_ask(struct job *j)
{
	struct export *e = j->state;
	size_t count;
	struct asks asks = ASKS_NONE;
	struct step next;

	portables_all(&count)[e->part]->ask(&e->leaving, &asks);
	next = job_query_all(j, part_read, asks.list, asks.count);
	asks_fini(&asks);
	return next;
}

static struct step
part_read(struct job *j)
{
	struct export *e = j->state;
	size_t count;

	if (portables_all(&count)[e->part]->write(&e->leaving, j->results))
		return go_on(j, part_ask);
	e->part++;
	return go_on(j, part_next);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define TAG "backup"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_export[] = {
	{ "export_user", TAG, COMMAND_WRITE, ARGS_OF(user), export_user_run, NULL,
		"Write all that is kept for an account into a file (XEP-0227)",
		"export_user alice example.org alice.xml" },
	{ "export_host", TAG, COMMAND_WRITE, ARGS_OF(host), export_host_run, NULL,
		"Write all accounts of a host into a file (XEP-0227)",
		"export_host example.org example.xml" },
	END_COMMANDS,
};
