/*
 * The log: the form of its lines, escaping, repeats, levels, rotation and threads.
 *
 * Runs on: the test process, and threads of its own
 */
#include "base/log.h"

#include "base/clock.h"
#include "tests/unit/suite.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static char text[1 << 20];

static void
begin(enum log_format format)
{
	struct err e;
	int fd;

	snprintf(path, sizeof(path), "/tmp/bongsu-log-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_msg(log_open(path, format, &e), "%s", e.text);
}

/* Reads the file into text. */
static void
slurp(void)
{
	FILE *f = fopen(path, "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
}

static void
end(void)
{
	struct err e;

	ck_assert(log_open(NULL, LOG_TEXT, &e));
	slurp();
	unlink(path);
}

/* The line of that number without its time, which must have its form. */
static const char *
line(int number)
{
	static char out[32768];
	const char *p = text;
	size_t n;

	while (number-- > 0) {
		p = strchr(p, '\n');
		ck_assert_msg(p && p[1], "too few lines in: %s", text);
		p++;
	}
	n = strcspn(p, "\n");
	ck_assert_uint_gt(n, 25);
	ck_assert_msg(p[4] == '-' && p[10] == 'T' && p[19] == '.' && p[23] == 'Z' && p[24] == ' ',
		"time in: %s", p);
	memcpy(out, p + 25, n - 25);
	out[n - 25] = '\0';
	return out;
}

static int
lines(void)
{
	int n = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

START_TEST(a_text_line_has_time_level_area_id_and_message)
{
	begin(LOG_TEXT);
	log_info(AREA_C2S, "c2s-1f", "authenticated %s", "alice");
	log_error(AREA_STORE, NULL, "lost %d connections", 2);
	end();
	ck_assert_str_eq(line(0), "info  c2s c2s-1f authenticated alice");
	ck_assert_str_eq(line(1), "error store - lost 2 connections");
	ck_assert_int_eq(lines(), 2);
}

END_TEST

START_TEST(what_a_peer_chose_cannot_end_a_line_or_steer_a_terminal)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "a\nb", "a\\nb" },
		{ "a\r\tb", "a\\r\\tb" },
		{ "\x1b[31m", "\\x1b[31m" },
		{ "\x7f", "\\x7f" },
		{ "\xc2\x9b", "\\x9b" }, /* a control sequence in 8-bit form */
		{ "caf\xc3\xa9 \xf0\x9f\x94\xa5", "caf\xc3\xa9 \xf0\x9f\x94\xa5" },
		{ "\xe2\x80\xae", "\\u202e" }, /* right-to-left override */
		{ "\xe2\x80\xa8", "\\u2028" },
		{ "\xff\xc0\x80", "\\xff\\xc0\\x80" },
		{ "\xe2\x82", "\\xe2\\x82" }, /* cut in the middle */
		{ "\\n \"q\"", "\\n \"q\"" },
	};

	char expect[200];

	begin(LOG_TEXT);
	for (size_t i = 0; i < COUNT(rows); i++)
		log_info(AREA_C2S, rows[i].in, "said %s", rows[i].in);
	end();
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(expect, sizeof(expect), "info  c2s %s said %s", rows[i].out, rows[i].out);
		ck_assert_str_eq(line((int)i), expect);
	}
}

END_TEST

START_TEST(json_lines_are_json)
{
	char nasty[256];
	size_t n = 0;
	char *save = text;

	for (int c = 1; c < 256; c++)
		nasty[n++] = (char)c;
	nasty[n] = '\0';
	begin(LOG_JSON);
	log_warn(AREA_NET, "c2s-\"2\\", "refused %s", "\"x\"\n\xc3\xa9");
	log_info(AREA_NET, NULL, "%s", nasty);
	end();
	for (int i = 0; i < 2; i++) {
		json_error_t error;
		char *next = strchr(save, '\n');
		json_t *object;

		*next = '\0';
		object = json_loads(save, 0, &error);
		ck_assert_msg(object != NULL, "%s in %s", error.text, save);
		ck_assert_str_eq(json_string_value(json_object_get(object, "area")), "net");
		ck_assert_uint_eq(strlen(json_string_value(json_object_get(object, "time"))), 24);
		if (i == 0) {
			ck_assert_str_eq(
				json_string_value(json_object_get(object, "level")), "warn");
			ck_assert_str_eq(
				json_string_value(json_object_get(object, "id")), "c2s-\"2\\");
			ck_assert_str_eq(json_string_value(json_object_get(object, "message")),
				"refused \"x\"\n\xc3\xa9");
		} else {
			ck_assert_ptr_null(json_object_get(object, "id"));
		}
		json_decref(object);
		save = next + 1;
	}
}

END_TEST

START_TEST(a_message_of_nothing_but_escapes_fits)
{
	char nasty[4000];
	size_t n;

	memset(nasty, 1, sizeof(nasty) - 1);
	nasty[sizeof(nasty) - 1] = '\0';
	begin(LOG_JSON);
	log_info(AREA_NET, nasty, "%s", nasty);
	end();
	n = strlen(text);
	ck_assert_str_eq(text + n - 6, "...\"}\n");
	ck_assert_int_eq(lines(), 1);
}

END_TEST

START_TEST(repeats_are_counted_until_something_else_happens)
{
	begin(LOG_TEXT);
	for (int i = 0; i < 10; i++) {
		char id[16];

		snprintf(id, sizeof(id), "db-%d", i); /* of a warning the id does not matter */
		log_warn(AREA_STORE, id, "could not connect to %s", "db");
	}
	log_info(AREA_C2S, "c2s-1", "another area does not matter");
	log_warn(AREA_STORE, NULL, "could not connect to %s", "other");
	log_warn(AREA_STORE, NULL, "could not connect to %s", "other");
	log_flush();
	log_flush();
	end();
	ck_assert_str_eq(line(0), "warn  store db-0 could not connect to db");
	ck_assert_str_eq(line(1), "info  c2s c2s-1 another area does not matter");
	ck_assert_str_eq(line(2), "warn  store db-0 last message repeated 9 times");
	ck_assert_str_eq(line(3), "warn  store - could not connect to other");
	ck_assert_str_eq(line(4), "warn  store - last message repeated 1 time");
	ck_assert_int_eq(lines(), 5);
}

END_TEST

START_TEST(each_connection_keeps_its_info_lines)
{
	begin(LOG_TEXT);
	log_info(AREA_C2S, "c2s-1", "closed");
	log_info(AREA_C2S, "c2s-2", "closed");
	log_info(AREA_C2S, "c2s-2", "closed");
	end(); /* opening another file writes what is pending */
	ck_assert_str_eq(line(0), "info  c2s c2s-1 closed");
	ck_assert_str_eq(line(1), "info  c2s c2s-2 closed");
	ck_assert_str_eq(line(2), "info  c2s c2s-2 last message repeated 1 time");
	ck_assert_int_eq(lines(), 3);
}

END_TEST

START_TEST(a_repeat_is_written_again_after_five_seconds)
{
	begin(LOG_TEXT);
	log_error(AREA_STORE, NULL, "disk full");
	log_error(AREA_STORE, NULL, "disk full");
	clock_shift(SECONDS(6), 0);
	log_info(AREA_NET, NULL, "hello"); /* any line shows what is over */
	log_error(AREA_STORE, NULL, "disk full");
	clock_shift(0, 0);
	end();
	ck_assert_str_eq(line(1), "error store - last message repeated 1 time");
	ck_assert_str_eq(line(2), "info  net - hello");
	ck_assert_str_eq(line(3), "error store - disk full");
	ck_assert_int_eq(lines(), 4);
}

END_TEST

START_TEST(levels_go_by_area)
{
	enum log_level level;
	enum log_area area;

	begin(LOG_TEXT);
	log_set_all(LOG_LEVEL_WARN);
	log_set_level(AREA_NET, LOG_LEVEL_TRACE);
	log_info(AREA_C2S, NULL, "not shown");
	log_warn(AREA_C2S, NULL, "shown");
	log_trace(AREA_NET, NULL, "byte");
	log_trace(AREA_NET, NULL, "byte"); /* trace lines are never held back */
	log_set_level(AREA_NET, LOG_LEVEL_NONE);
	log_error(AREA_NET, NULL, "not shown");
	ck_assert_int_eq(log_level_of(AREA_C2S), LOG_LEVEL_WARN);
	log_set_all(LOG_LEVEL_INFO);
	end();
	ck_assert_int_eq(lines(), 3);
	ck_assert_str_eq(line(2), "trace net - byte");
	for (int i = LOG_LEVEL_NONE; i <= LOG_LEVEL_TRACE; i++) {
		ck_assert(log_level_parse(log_level_name((enum log_level)i), &level));
		ck_assert_int_eq(level, i);
	}
	ck_assert(!log_level_parse("loud", &level) && level == LOG_LEVEL_NONE);
	ck_assert(log_area_parse("store", &area) && area == AREA_STORE);
	ck_assert(!log_area_parse("stor", &area));
}

END_TEST

START_TEST(reopening_follows_a_rotation_and_failures_change_nothing)
{
	char old[80];
	struct err e;
	struct stat st;

	begin(LOG_TEXT);
	log_info(AREA_NET, NULL, "first");
	snprintf(old, sizeof(old), "%s.1", path);
	ck_assert_int_eq(rename(path, old), 0);
	ck_assert(log_reopen(&e));
	log_info(AREA_NET, NULL, "second");
	ck_assert(!log_open("/nonexistent/dir/log", LOG_JSON, &e));
	ck_assert_str_eq(e.text, "open log file /nonexistent/dir/log: No such file or directory");
	log_info(AREA_NET, NULL, "third");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0007, 0); /* not for everybody to read */
	end();
	unlink(old);
	ck_assert_str_eq(line(0), "info  net - second");
	ck_assert_str_eq(line(1), "info  net - third");
}

END_TEST

enum { THREADS = 4, LINES = 500 };

static void *
chatter(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info(AREA_HOME, arg, "line %d of this thread", i);
	return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
	static char ids[THREADS][8] = { "t-0", "t-1", "t-2", "t-3" };
	pthread_t threads[THREADS];
	int next[THREADS] = { 0 };
	char *p = text;

	begin(LOG_TEXT);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, chatter, ids[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end();
	ck_assert_int_eq(lines(), THREADS * LINES);
	for (int i = 0; i < THREADS * LINES; i++) {
		int thread, number, used = 0;

		ck_assert_int_eq(sscanf(p + 25, "info home t-%d line %d of this thread%n", &thread,
					 &number, &used),
			2);
		ck_assert_int_eq(p[25 + used], '\n');
		ck_assert_int_eq(number, next[thread]++);
		p += 25 + used + 1;
	}
}

END_TEST

SUITE_OF(log, a_text_line_has_time_level_area_id_and_message,
	what_a_peer_chose_cannot_end_a_line_or_steer_a_terminal, json_lines_are_json,
	a_message_of_nothing_but_escapes_fits, repeats_are_counted_until_something_else_happens,
	each_connection_keeps_its_info_lines, a_repeat_is_written_again_after_five_seconds,
	levels_go_by_area, reopening_follows_a_rotation_and_failures_change_nothing,
	lines_of_threads_do_not_mix)
