/*
 * call.c -- one run of a command: from words to an answer.
 *
 * A call lives as long as its job's arena and moves with the job, so its output needs no lock.
 * Output gathers as text for people or as JSON for machines, never as both; what a command may
 * print at once is bounded, and a long list leaves in parts where the caller takes them.  However
 * the job ends, the caller gets one answer, and the log says who changed what.
 *
 * Runs on: the worker of the job.
 */
#include "admin/command_own.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/router.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Output of one call that may wait in memory. */
#define OUTPUT_MAX ((size_t)64 * 1024 * 1024)
/* A part is worth sending from this size on. */
#define PART_MIN 16384

struct call {
	const struct command *command;
	struct arena *arena; /* args and this */
	void *args;
	size_t argc;
	struct worker *worker; /* where it began */
	struct call_taker taker;
	struct buf text; /* lines; with columns, rows for people */
	struct buf rows; /* with columns, for machines: «[», objects, commas */
	bool full; /* printed more than OUTPUT_MAX */
	bool parted; /* some of it has left */
	bool is_number;
	int64_t number;
	json_t *json; /* instead of the lines, or NULL */
	const char *error; /* code, or NULL */
	char *reason;
	bool answered;
};

/* ---- JSON text ------------------------------------------------------------------------ */

/* What a byte becomes inside a string; NULL: itself. */
static const char *
json_escape(unsigned char c, char room[8])
{
	if (c >= 0x20 && c != '"' && c != '\\')
		return NULL;
	if (c == '\n')
		return "\\n";
	(void)snprintf(room, 8, c < 0x20 ? "\\u%04x" : "\\%c", c);
	return room;
}

void
call_put_json(struct buf *out, struct str s)
{
	const char *run = s.p, *end = s.p + s.n, *escape;
	char room[8];

	buf_put_char(out, '"');
	for (const char *p = run; p < end; p++) {
		escape = json_escape((unsigned char)*p, room);
		if (!escape)
			continue;
		buf_put(out, run, (size_t)(p - run));
		buf_put_text(out, escape);
		run = p + 1;
	}
	buf_put(out, run, (size_t)(end - run));
	buf_put_char(out, '"');
}

static void
put_json_list(struct buf *out, const char *items)
{
	struct str rest = items && *items ? str_of(items) : STR_NONE;
	const char *comma = "";

	buf_put_char(out, '[');
	while (rest.p) {
		buf_put_text(out, comma);
		call_put_json(out, str_cut(&rest, '\n'));
		comma = ",";
	}
	buf_put_char(out, ']');
}

static void
put_json_cell(struct buf *out, enum cell_kind kind, const char *cell)
{
	switch (kind) {
	case CELL_TEXT:
		call_put_json(out, cell ? str_of(cell) : STR(""));
		break;
	case CELL_INT:
		buf_put_text(out, cell && *cell ? cell : "null");
		break;
	case CELL_LIST:
		put_json_list(out, cell);
		break;
	}
}

/* A row with one column is a value, others are objects. */
static void
put_json_row(struct call *c, const char *const *cells, size_t count)
{
	enum cell_kind kind;
	struct str name;

	if (!(c->command->flags & COMMAND_ONE_ROW))
		buf_put_char(&c->rows, buf_len(&c->rows) == 0 ? '[' : ',');
	if (count > 1)
		buf_put_char(&c->rows, '{');
	for (size_t i = 0; command_column(c->command, i, &name, &kind); i++) {
		if (count > 1) {
			buf_put_text(&c->rows, i > 0 ? "," : "");
			call_put_json(&c->rows, name);
			buf_put_char(&c->rows, ':');
		}
		put_json_cell(&c->rows, kind, cells[i]);
	}
	if (count > 1)
		buf_put_char(&c->rows, '}');
}

/* ---- Text ------------------------------------------------------------------------------ */

/* What a peer chose may not break the line, nor talk to the terminal: what stands for the character at p, NULL: itself. */
static const char *
safe(const char *p, enum cell_kind kind)
{
	unsigned char c = (unsigned char)p[0], next;

	if (c == '\n' && kind == CELL_LIST)
		return ",";
	if (c < 0x20 || c == 0x7f)
		return " ";
	next = c == 0xc2 ? (unsigned char)p[1] : 0;
	return next >= 0x80 && next < 0xa0 ? "?" : NULL; /* U+0080 to U+009F */
}

static void
put_cell(struct buf *out, enum cell_kind kind, const char *cell)
{
	const char *run = cell, *p = cell, *as;

	for (; p && *p; p++) {
		as = safe(p, kind);
		if (!as)
			continue;
		buf_put(out, run, (size_t)(p - run));
		buf_put_text(out, as);
		p += *as == '?';
		run = p + 1;
	}
	if (p)
		buf_put(out, run, (size_t)(p - run));
}

static void
put_text_row(struct call *c, const char *const *cells)
{
	enum cell_kind kind;
	struct str name;

	for (size_t i = 0; command_column(c->command, i, &name, &kind); i++) {
		if (i > 0)
			buf_put_char(&c->text, '\t');
		put_cell(&c->text, kind, cells[i]);
	}
	buf_put_char(&c->text, '\n');
}

/* ---- In steps --------------------------------------------------------------------------- */

const void *
call_args(const struct job *j, size_t size)
{
	assert(j->call && j->call->command->args_size == size);
	return j->call->args;
}

static bool
has_room(struct call *c)
{
	if (buf_len(&c->text) + buf_len(&c->rows) > OUTPUT_MAX)
		c->full = true;
	return !c->full;
}

void
call_row(struct job *j, const char *const *cells, size_t count)
{
	struct call *c = j->call;
	enum cell_kind kind;
	struct str name;

	assert(c->command->columns && !command_column(c->command, count, &name, &kind) &&
		command_column(c->command, count - 1, &name, &kind));
	if (!has_room(c))
		return;
	if (c->taker.json)
		put_json_row(c, cells, count);
	else
		put_text_row(c, cells);
}

void
call_line(struct job *j, const char *fmt, ...)
{
	struct call *c = j->call;
	char small[256], *large = NULL;
	va_list ap;
	int n;

	if (!has_room(c))
		return;
	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		large = mem_new((size_t)n + 1);
		va_start(ap, fmt);
		(void)vsnprintf(large, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	buf_put_text(&c->text, large ? large : small);
	buf_put_char(&c->text, '\n');
	mem_free(&large);
}

void
call_number(struct job *j, int64_t n)
{
	call_line(j, "%" PRId64, n);
	j->call->is_number = true;
	j->call->number = n;
}

void
call_json(struct job *j, json_t *json)
{
	json_decref(j->call->json);
	j->call->json = json;
}

/* What gathered as a list for machines. */
static void
close_rows(struct call *c)
{
	if (c->command->flags & COMMAND_ONE_ROW)
		buf_put_text(&c->rows, buf_len(&c->rows) == 0 ? "null" : "");
	else
		buf_put_text(&c->rows, buf_len(&c->rows) == 0 ? "[]" : "]");
}

bool
call_flush(struct job *j)
{
	struct call *c = j->call;
	struct call_answer part = { 0, STR_NONE, STR_NONE };
	bool wait;

	assert(j->worker == c->worker && c->command->columns);
	if (!c->taker.part || buf_len(&c->text) + buf_len(&c->rows) < PART_MIN)
		return false;
	if (c->taker.json) {
		close_rows(c);
		part.json = buf_str(&c->rows);
	}
	part.text = buf_str(&c->text);
	wait = c->taker.part(c->worker, c->taker.ctx, &part);
	c->parted = true;
	buf_clear(&c->text);
	buf_clear(&c->rows);
	return wait;
}

static void PRINTF(3, 0) set_error(struct call *c, const char *code, const char *fmt, va_list ap)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	c->error = code;
	mem_free(&c->reason);
	c->reason = mem_copy_text(text);
}

static void PRINTF(3, 4) fail(struct call *c, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(c, code, fmt, ap);
	va_end(ap);
}

struct step
call_done(struct job *j)
{
	if (j->call->full)
		fail(j->call, "too_large", "the command prints more than %zu bytes", OUTPUT_MAX);
	return job_done(j);
}

struct step
call_error(struct job *j, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(j->call, code, fmt, ap);
	va_end(ap);
	return job_done(j);
}

/* ---- The answer --------------------------------------------------------------------------- */

static void
put_json_lines(struct buf *out, struct str text)
{
	if (text.n == 0) {
		buf_put_lit(out, "null");
		return;
	}
	text.n--; /* the last line end */
	call_put_json(out, text);
}

static void
put_json_value(struct call *c, struct buf *out)
{
	char *custom;

	if (c->error) {
		buf_put_lit(out, "{\"error\":");
		call_put_json(out, str_of(c->error));
		buf_put_lit(out, ",\"message\":");
		call_put_json(out, str_of(c->reason));
		buf_put_char(out, '}');
	} else if (c->json) {
		custom = json_dumps(c->json, JSON_COMPACT);
		buf_put_text(out, custom ? custom : "null");
		free(custom);
	} else if (c->is_number) {
		buf_printf(out, "%" PRId64, c->number);
	} else if (c->command->columns) {
		close_rows(c);
		buf_put_str(out, buf_str(&c->rows));
	} else {
		put_json_lines(out, buf_str(&c->text));
	}
}

static void
log_call(const struct call *c)
{
	struct buf line = BUF_INIT;

	command_write_args(c->command, c->args, c->argc, &line);
	if (c->command->flags & COMMAND_WRITE)
		log_info(AREA_ADMIN, NULL, "%s ran %s: %s%s%s", c->taker.who, buf_text(&line),
			c->error ? c->error : "ok", c->error ? ": " : "",
			c->error ? c->reason : "");
	else
		log_debug(AREA_ADMIN, NULL, "%s ran %s: %s", c->taker.who, buf_text(&line),
			c->error ? c->error : "ok");
	buf_fini(&line);
}

static void
answer(struct call *c)
{
	struct call_answer a = { c->error ? 1 : 0, STR_NONE, STR_NONE };
	struct buf json = BUF_INIT;

	c->answered = true;
	log_call(c);
	if (c->taker.json) {
		put_json_value(c, &json);
		a.json = buf_str(&json);
	}
	if (c->error)
		buf_printf(&c->text, "Error: %s: %s\n", c->error, c->reason);
	a.text = buf_str(&c->text);
	c->taker.answer(c->worker, c->taker.ctx, &a);
	buf_fini(&json);
}

static void
ended(struct worker *w, struct call *c, const char *failure)
{
	(void)w;
	if (failure)
		fail(c, "unavailable", "%s", failure);
	answer(c);
}

/* With the job's arena. */
static void
drop(void *object)
{
	struct call *c = object;
	struct arena *a = c->arena;

	if (!c->answered) {
		fail(c, "unavailable", "the server stops");
		answer(c);
	}
	buf_fini(&c->text);
	buf_fini(&c->rows);
	json_decref(c->json);
	mem_free(&c->reason);
	arena_free(&a);
}

/* ---- Begin ------------------------------------------------------------------------------ */

const struct host *
find_host(const struct job *j, const char *name)
{
	const char *domain = jid_prep_domain(j->arena, str_of(name));

	return domain ? config_host(config_of(j->worker), str_of(domain)) : NULL;
}

struct step
no_host(struct job *j, const char *name)
{
	return call_error(j, "not_found", "host %s is not served here", name);
}

static struct step
arrived(struct job *j)
{
	const struct command *c = j->call->command;

	if (c->flags & COMMAND_MUST_EXIST && !j->account->exists)
		return call_error(
			j, "not_found", "User %.*s does not exist", STR_ARG(jid_full(j->owner)));
	return c->run(j);
}

static const char *
text_arg(const struct call *c, size_t i)
{
	return *(const char *const *)(const void *)((const char *)c->args +
						    c->command->args[i].offset);
}

static struct step
go(struct job *j)
{
	const char *user = text_arg(j->call, 0), *name = text_arg(j->call, 1);
	const struct host *host = find_host(j, name);
	struct jid bare;

	if (!host)
		return no_host(j, name);
	if (!*user ||
		jid_make(j->arena, str_of(user), str_of(host->name), STR_NONE, &bare) != JID_OK)
		return call_error(j, "invalid_jid", "'%s' cannot be the name of a user", user);
	return job_go_to(j, arrived, bare);
}

static struct step
begin(struct job *j)
{
	struct call *c = j->call;

	arena_keep(j->arena, drop, c);
	return c->command->flags & COMMAND_AT_ACCOUNT ? go(j) : c->command->run(j);
}

/* ---- Run -------------------------------------------------------------------------------- */

/* The caller's mistake: no job. */
static void
refuse(struct worker *w, const struct call_taker *taker, const struct command *c, const char *text)
{
	struct call_answer a = { 2, STR_NONE, STR_NONE };
	struct buf out = BUF_INIT, json = BUF_INIT;

	if (c) {
		command_help(c, &out);
		buf_put_char(&out, '\n');
	}
	buf_printf(&out, "Error: %s\n", text);
	if (taker->json) {
		buf_put_lit(&json, "{\"error\":\"usage\",\"message\":");
		call_put_json(&json, str_of(text));
		buf_put_char(&json, '}');
		a.json = buf_str(&json);
	}
	a.text = buf_str(&out);
	taker->answer(w, taker->ctx, &a);
	buf_fini(&out);
	buf_fini(&json);
}

static void
refuse_unknown(struct worker *w, const struct call_taker *taker, const char *name)
{
	const struct command *nearest = command_nearest(name);
	struct err why;

	if (nearest)
		(void)err_set(
			&why, "unknown command '%s'. Did you mean '%s'?", name, nearest->name);
	else
		(void)err_set(&why, "unknown command '%s'. `help` lists all of them.", name);
	refuse(w, taker, NULL, why.text);
}

void
command_run(struct worker *w, const char *name, const char *const *argv, size_t argc,
	const struct call_taker *taker)
{
	const struct command *command = command_find(name);
	struct arena *a = arena_new(0);
	struct call *c = ARENA_NEW(a, struct call);
	struct err why;

	c->arena = a;
	c->command = command;
	c->argc = argc;
	c->worker = w;
	c->taker = *taker;
	c->taker.who = arena_text(a, taker->who);
	if (command && command_read_args(command, a, argv, &c->argc, &c->args, &why)) {
		job_start_call(w, NULL, c, begin, ended);
		return;
	}
	if (command)
		refuse(w, taker, command, why.text);
	else
		refuse_unknown(w, taker, name);
	arena_free(&a);
}
