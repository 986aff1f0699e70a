/*
 * Commands: every row of the table is whole; wrong words are told apart from wrong requests; output
 * comes as lines or as JSON, in parts if it is long, and never unbounded; the log says who changed
 * what, and no secret.
 *
 * Runs on: its own process
 */
#include "admin/command.h"
#include "tests/unit/home/job_test.h"
#include "tests/unit/suite.h"

#include "base/log.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Commands of the tests ---------------------------------------------------------------- */

struct word_args {
	const char *word;
	int64_t times;
};

static const struct field word_fields[] = {
	TEXT_FIELD(struct word_args, word, .min = 1, .flags = FIELD_REQUIRED | FIELD_SECRET,
		.doc = "What to say"),
	INT_FIELD(
		struct word_args, times, .dflt = "1", .min = 1, .max = 1000000, .doc = "How often"),
	END_FIELDS,
};

struct person_args {
	const char *user, *host;
};

static const struct field person_fields[] = {
	TEXT_FIELD(struct person_args, user, .flags = FIELD_REQUIRED, .doc = "Who"),
	TEXT_FIELD(struct person_args, host, .flags = FIELD_REQUIRED, .doc = "Where"),
	END_FIELDS,
};

static struct step
say_run(struct job *j)
{
	const struct word_args *a = CALL_ARGS(j, struct word_args);

	for (int64_t i = 0; i < a->times; i++)
		call_line(j, "%s", a->word);
	return call_done(j);
}

static struct step
rows_run(struct job *j)
{
	CALL_ROW(j, "plain", "7", "one\ntwo");
	CALL_ROW(j, "tab\tline\nbell\x07 \"quoted\\\" \xc2\x9b[2J \xc3\xa9", "-1", "");
	CALL_ROW(j, NULL, NULL, NULL);
	return call_done(j);
}

static struct step
names_run(struct job *j)
{
	const struct word_args *a = CALL_ARGS(j, struct word_args);

	for (int64_t i = 0; i < a->times; i++)
		CALL_ROW(j, a->word);
	return call_done(j);
}

static struct step
one_run(struct job *j)
{
	CALL_ROW(j, "left", "right");
	return call_done(j);
}

static struct step
nothing_run(struct job *j)
{
	return call_done(j);
}

static struct step
number_run(struct job *j)
{
	call_number(j, 42);
	return call_done(j);
}

static struct step
fail_run(struct job *j)
{
	call_line(j, "so far");
	return call_error(j, "broken", "%s", "the \"bell\" is");
}

static struct step
who_run(struct job *j)
{
	ck_assert(j->account && jid_eq(j->account->home.jid, j->owner));
	call_line(j, "%.*s %s", STR_ARG(jid_full(j->owner)), j->account->exists ? "is" : "is not");
	return call_done(j);
}

static const struct query queries[] = {
	{ "test_wrong", "INSERT INTO account (owner, host, created) VALUES (?, NULL, 0)", NULL },
	END_QUERIES,
};

static struct step
wrong_run(struct job *j)
{
	return job_query(j, nothing_run, &queries[0], ARGS(of_text("x")));
}

static struct step
sleep_run(struct job *j)
{
	return job_sleep(j, nothing_run, HOURS(1));
}

/* Pages of 1000 names. */
static step_fn pages_run, pages_more;

static struct step
pages_run(struct job *j)
{
	j->state = ARENA_NEW(j->arena, int);
	return pages_more(j);
}

static struct step
pages_more(struct job *j)
{
	int *page = j->state;

	for (int i = 0; i < 1000; i++)
		CALL_ROW(j, "a name that is not short at all");
	if (++*page == 5)
		return call_done(j);
	return call_flush(j) ? job_sleep(j, pages_more, 1) : pages_more(j);
}

#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

static const struct command test_commands[] = {
	{ "say", "test", COMMAND_WRITE | COMMAND_SECRET, ARGS_OF(word), say_run, NULL, "Say it",
		"say hello 3" },
	{ "rows", "test", 0, NULL, 0, rows_run, "name\tage:int\tfriends:list", "Rows", NULL },
	{ "names", "test", 0, ARGS_OF(word), names_run, "name", "Names", NULL },
	{ "one", "test", COMMAND_ONE_ROW, NULL, 0, one_run, "this\tthat", "One", NULL },
	{ "none", "test", COMMAND_ONE_ROW, NULL, 0, nothing_run, "this\tthat", "None", NULL },
	{ "empty", "test", 0, NULL, 0, nothing_run, "name", "No rows", NULL },
	{ "nothing", "test", COMMAND_WRITE, NULL, 0, nothing_run, NULL, "Nothing", NULL },
	{ "number", "test", 0, NULL, 0, number_run, NULL, "A number", NULL },
	{ "fail", "test", COMMAND_WRITE, NULL, 0, fail_run, NULL, "Fail", NULL },
	{ "who", "test", COMMAND_AT_ACCOUNT, ARGS_OF(person), who_run, NULL, "Who", NULL },
	{ "who_must", "test", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, ARGS_OF(person), who_run,
		NULL, "Who", NULL },
	{ "wrong", "test", 0, NULL, 0, wrong_run, NULL, "A bad query", NULL },
	{ "sleep", "test", 0, NULL, 0, sleep_run, NULL, "Sleep", NULL },
	{ "pages", "test", 0, NULL, 0, pages_run, "name", "Pages", NULL },
	END_COMMANDS,
};

/* ---- Calling ------------------------------------------------------------------------------- */

static struct {
	const char *words[8];
	size_t count;
	struct call_taker taker;
	/* answer */
	int code, answers, parts;
	struct buf text, json;
	sem_t done;
} said;

static void
on_answer(struct worker *w, void *ctx, const struct call_answer *a)
{
	ck_assert(worker_is_here(w) && ctx == &said);
	said.code = a->code;
	said.answers++;
	buf_put_str(&said.text, a->text);
	if (a->json.p)
		buf_put_str(&said.json, a->json);
	sem_post(&said.done);
}

/* The first asks to wait. */
static bool
on_part(struct worker *w, void *ctx, const struct call_answer *a)
{
	ck_assert(worker_is_here(w) && ctx == &said && said.answers == 0);
	buf_put_str(&said.text, a->text);
	if (a->json.p)
		buf_put_str(&said.json, a->json);
	return ++said.parts == 1;
}

static void
start_call(struct worker *w, void *arg)
{
	(void)arg;
	command_run(w, said.words[0], said.words + 1, said.count - 1, &said.taker);
}

/* Runs the words up to NULL. */
#define run(...) run_words(false, NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define run_json(...) run_words(true, NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void
begin_words(bool json, bool (*part)(struct worker *w, void *ctx, const struct call_answer *part),
	const char *const *words)
{
	buf_fini(&said.text);
	buf_fini(&said.json);
	memset(&said, 0, sizeof(said));
	sem_init(&said.done, 0, 0);
	said.taker = (struct call_taker){ "tester", json, on_answer, part, &said };
	for (; words[said.count]; said.count++)
		said.words[said.count] = words[said.count];
	job_test_on(worker_at(0), start_call, NULL);
}

static void
run_words(bool json, bool (*part)(struct worker *w, void *ctx, const struct call_answer *part),
	const char *const *words)
{
	begin_words(json, part, words);
	job_test_wait(&said.done);
	ck_assert_int_eq(said.answers, 1);
}

#define says(expected_code, expected)                                                              \
	do {                                                                                       \
		ck_assert_str_eq(buf_text(&said.text), expected);                                  \
		ck_assert_int_eq(said.code, expected_code);                                        \
	} while (0)
#define json_is(expected) ck_assert_str_eq(buf_text(&said.json), expected)

static void
start(void)
{
	commands_init();
	for (const struct command *c = test_commands; c->name; c++)
		command_add(c);
	job_test_start(2, NULL, queries);
}

/* ---- The table ------------------------------------------------------------------------------ */

static size_t
count_words(const char *example)
{
	size_t n = 1;
	bool quoted = false;

	for (; *example; example++) {
		quoted ^= *example == '\'';
		n += *example == ' ' && !quoted;
	}
	return n;
}

static void
check_args(const struct command *c)
{
	bool optional = false, secret = false;
	size_t required = 0, n = 0;

	for (const struct field *f = c->args; f && f->name; f++, n++) {
		ck_assert_msg(f->doc != NULL, "%s: %s has no doc", c->name, f->name);
		ck_assert_msg(!(f->flags & FIELD_REQUIRED) || !optional,
			"%s: %s stands behind an optional argument", c->name, f->name);
		optional |= !(f->flags & FIELD_REQUIRED);
		secret |= (f->flags & FIELD_SECRET) != 0;
		required += !optional;
	}
	ck_assert_msg(secret == ((c->flags & COMMAND_SECRET) != 0),
		"%s: COMMAND_SECRET goes with FIELD_SECRET", c->name);
	if (c->flags & COMMAND_AT_ACCOUNT) {
		ck_assert_uint_ge(required, 2);
		ck_assert(c->args[0].type == FIELD_TEXT && c->args[1].type == FIELD_TEXT);
	}
	if (!c->example)
		return;
	ck_assert_msg(
		strncmp(c->example, c->name, strlen(c->name)) == 0, "%s: %s", c->name, c->example);
	ck_assert_msg(count_words(c->example) >= required + 1 && count_words(c->example) <= n + 1,
		"%s: the example has other arguments: %s", c->name, c->example);
}

START_TEST(rows_are_whole)
{
	size_t count;
	const struct command *const *all;

	commands_init();
	all = commands_all(&count);
	ck_assert_uint_gt(count, 35);
	for (size_t i = 0; i < count; i++) {
		const struct command *c = all[i];

		ck_assert_ptr_eq(command_find(c->name), c);
		ck_assert_msg(c->doc && c->doc[strlen(c->doc) - 1] != '.', "%s", c->name);
		ck_assert_msg(c->example != NULL, "%s has no example", c->name);
		ck_assert_msg(c->columns || !(c->flags & COMMAND_ONE_ROW), "%s", c->name);
		check_args(c);
		if (i > 0)
			ck_assert_int_le(strcmp(all[i - 1]->tag, c->tag), 0);
	}
}

END_TEST

/* ---- Words ---------------------------------------------------------------------------------- */

START_TEST(wrong_words)
{
	start();
	run("says", "x");
	says(2, "Error: unknown command 'says'. Did you mean 'say'?\n");
	run("something_else_entirely");
	says(2, "Error: unknown command 'something_else_entirely'. `help` lists all of them.\n");
	run("say");
	ck_assert_int_eq(said.code, 2);
	ck_assert_ptr_nonnull(strstr(buf_text(&said.text), "Usage: bongsuctl say word [times]\n"));
	ck_assert_ptr_nonnull(strstr(
		buf_text(&said.text), "\nError: the command 'say' requires 1 more argument.\n"));
	run("say", "a", "2", "3", "4");
	ck_assert_ptr_nonnull(strstr(
		buf_text(&said.text), "\nError: the command 'say' requires 2 less arguments.\n"));
	run("say", "a", "many");
	ck_assert_int_eq(said.code, 2);
	ck_assert_ptr_nonnull(strstr(buf_text(&said.text),
		"\nError: the argument 'times' of 'say' must be a whole number from 1 to 1000000.\n"));
	run_json("say");
	json_is("{\"error\":\"usage\",\"message\":\"the command 'say' requires 1 more argument.\"}");
	job_test_stop();
}

END_TEST

START_TEST(help_topics)
{
	static const struct {
		const char *topic, *has, *lacks;
	} rows[] = {
		{ "register", "Usage: bongsuctl register user host password\n", "unregister" },
		{ "regist*", "  registered_users host ", "unban_account" },
		{ "accounts", "  ban_account user host reason ", "kick_user" },
		{ "tags", "\nroster: add_rosteritem delete_rosteritem ", "Usage" },
		{ "commands", "\n  kick_user user host ", "roster:" },
	};

	json_t *list;

	start();
	run("help");
	ck_assert_int_eq(said.code, 0);
	ck_assert_ptr_nonnull(strstr(buf_text(&said.text), "\nsessions:\n"));
	for (size_t i = 0; i < COUNT(rows); i++) {
		run("help", rows[i].topic);
		ck_assert_int_eq(said.code, 0);
		ck_assert_msg(strstr(buf_text(&said.text), rows[i].has), "row %zu: %s", i,
			buf_text(&said.text));
		ck_assert_msg(!strstr(buf_text(&said.text), rows[i].lacks), "row %zu: %s", i,
			buf_text(&said.text));
	}
	run("help", "registr");
	says(1, "Error: not_found: no command or tag is called 'registr'. Did you mean "
		"'register'?\n");
	run_json("help", "say");
	list = json_loads(buf_text(&said.json), 0, NULL);
	ck_assert_uint_eq(json_array_size(list), 1);
	ck_assert(json_is_true(json_object_get(
		json_array_get(json_object_get(json_array_get(list, 0), "args"), 0), "secret")));
	json_decref(list);
	job_test_stop();
}

END_TEST

/* ---- Output --------------------------------------------------------------------------------- */

START_TEST(lines_and_rows)
{
	start();
	run("say", "hello", "2");
	says(0, "hello\nhello\n");
	run("rows");
	says(0, "plain\t7\tone,two\n"
		"tab line bell  \"quoted\\\" ?[2J \xc3\xa9\t-1\t\n"
		"\t\t\n");
	run("one");
	says(0, "left\tright\n");
	run("number");
	says(0, "42\n");
	run("nothing");
	says(0, "");
	run("fail");
	says(1, "so far\nError: broken: the \"bell\" is\n");
	job_test_stop();
}

END_TEST

START_TEST(json_values)
{
	start();
	run_json("say", "he\"llo", "2");
	json_is("\"he\\\"llo\\nhe\\\"llo\"");
	run_json("rows");
	json_is("[{\"name\":\"plain\",\"age\":7,\"friends\":[\"one\",\"two\"]},"
		"{\"name\":\"tab\\u0009line\\nbell\\u0007 \\\"quoted\\\\\\\" \xc2\x9b[2J \xc3\xa9\","
		"\"age\":-1,\"friends\":[]},"
		"{\"name\":\"\",\"age\":null,\"friends\":[]}]");
	run_json("names", "x", "3");
	json_is("[\"x\",\"x\",\"x\"]");
	run_json("empty");
	json_is("[]");
	run_json("one");
	json_is("{\"this\":\"left\",\"that\":\"right\"}");
	run_json("none");
	json_is("null");
	run_json("nothing");
	json_is("null");
	run_json("number");
	json_is("42");
	run_json("fail");
	json_is("{\"error\":\"broken\",\"message\":\"the \\\"bell\\\" is\"}");
	job_test_stop();
}

END_TEST

START_TEST(long_lists_leave_in_parts)
{
	static const char *const words[] = { "pages", NULL };
	const char *line = "a name that is not short at all\n";
	size_t lists = 0;

	start();
	run_words(false, on_part, words);
	ck_assert_int_eq(said.code, 0);
	ck_assert_int_eq(said.parts, 4);
	ck_assert_uint_eq(buf_len(&said.text), 5000 * strlen(line));
	run_words(true, on_part, words);
	ck_assert_int_eq(said.parts, 4);
	/* Each a list of its own. */
	for (const char *p = buf_text(&said.json); p; p = strchr(p + 1, '['))
		lists++;
	ck_assert_uint_eq(lists, 5);
	/* Who takes no parts gets all at once. */
	run("pages");
	ck_assert_int_eq(said.parts, 0);
	ck_assert_uint_eq(buf_len(&said.text), 5000 * strlen(line));
	job_test_stop();
}

END_TEST

START_TEST(output_is_bounded)
{
	char word[10001];

	memset(word, 'x', 10000);
	word[10000] = '\0';
	start();
	run("names", word, "10000");
	ck_assert_int_eq(said.code, 1);
	ck_assert_uint_lt(buf_len(&said.text), 65 * 1024 * 1024);
	ck_assert_ptr_nonnull(strstr(buf_text(&said.text), "\nError: too_large: "));
	job_test_stop();
}

END_TEST

/* ---- Where
 * ------------------------------------------------------------------------------------ */

START_TEST(accounts)
{
	start();
	run("who", "Alice", "A.test");
	says(0, "alice@a.test is not\n");
	run("who", "alice", "c.test");
	says(1, "Error: not_found: host c.test is not served here\n");
	run("who", "al ice", "a.test");
	says(1, "Error: invalid_jid: 'al ice' cannot be the name of a user\n");
	run("who", "", "a.test");
	says(1, "Error: invalid_jid: '' cannot be the name of a user\n");
	run("who_must", "alice", "a.test");
	says(1, "Error: not_found: User alice@a.test does not exist\n");
	run("register", "alice", "a.test", "secret");
	says(0, "User alice@a.test successfully registered\n");
	run("register", "alice", "a.test", "other");
	says(1, "Error: conflict: User alice@a.test already registered\n");
	run("who_must", "alice", "a.test");
	says(0, "alice@a.test is\n");
	run("registered_users", "a.test");
	says(0, "alice\n");
	run("registered_users", "b.test");
	says(0, "");
	job_test_stop();
}

END_TEST

START_TEST(engine_failures_are_answers)
{
	start();
	run("wrong");
	says(1, "Error: unavailable: an internal error: the log of the server says more\n");
	job_test_stop();
}

END_TEST

START_TEST(the_end_answers_what_waits)
{
	static const char *const words[] = { "sleep", NULL };

	start();
	begin_words(false, NULL, words);
	ck_assert_int_eq(said.answers, 0);
	job_test_stop();
	ck_assert_int_eq(said.answers, 1);
	says(1, "Error: unavailable: the server stops\n");
}

END_TEST

/* ---- Log
 * --------------------------------------------------------------------------------------- */

START_TEST(changes_are_logged_without_secrets)
{
	static char path[] = "/tmp/bongsu-admin-XXXXXX";
	char text[4096];
	struct err e;
	int fd = mkstemp(path);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	start();
	ck_assert(log_open(path, LOG_TEXT, &e));
	log_set_all(LOG_LEVEL_INFO);
	run("say", "hunter2", "3");
	run("fail");
	run("number");
	log_flush();
	n = pread(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "admin - tester ran say (secret) 3: ok\n"));
	ck_assert_ptr_nonnull(strstr(text, "tester ran fail: broken: the \"bell\" is\n"));
	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_ptr_null(strstr(text, "number"));
	job_test_stop();
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
}

END_TEST

SUITE_OF(command, rows_are_whole, wrong_words, help_topics, lines_and_rows, json_values,
	long_lists_leave_in_parts, output_is_bounded, accounts, engine_failures_are_answers,
	the_end_answers_what_waits, changes_are_logged_without_secrets)
