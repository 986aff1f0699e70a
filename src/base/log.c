/*
 * log.c -- one line an event.
 *
 * A line is built on the stack and leaves in one write(2), so that lines of several threads, and of
 * several processes on one file, do not mix.  One lock keeps the repeat counts, the file and the
 * order of the lines.
 *
 * Repeats: each area remembers its last line.  The same line again within REPEAT_TIME is only
 * counted; the count is written before the area's next different line, when the time is over, or by
 * log_flush. Errors and warnings that differ only in their id count as the same, since they have
 * one cause; of info and debug lines the id is a part, because each connection's life is to be
 * seen.  Trace lines are never held back.
 *
 * Runs on: any thread.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REPEAT_TIME = 5000, ID_SIZE = 128, MESSAGE_SIZE = 2048, LINE_SIZE = 16384 };

/* The last line of an area. */
struct last {
	enum log_level level;
	char id[ID_SIZE];
	const char *fmt;
	uint64_t hash; /* of the message and, where it counts, of the id */
	msec_t since;
	unsigned repeats;
};

struct line {
	char text[LINE_SIZE];
	size_t n;
	enum log_format format;
};

unsigned char log_levels[AREA_COUNT] = { [0 ... AREA_COUNT - 1] = LOG_LEVEL_INFO };

static const char *const level_names[] = {
	[LOG_LEVEL_NONE] = "none",
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_TRACE] = "trace",
};

static const char *const area_names[AREA_COUNT] = {
#define AREA(symbol, name, doc) name,
#include "base/log_areas.def"
#undef AREA
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = STDERR_FILENO;
static char *log_path; /* NULL: standard error */
static enum log_format log_format = LOG_TEXT;
static struct last lasts[AREA_COUNT];

/* ----- lines ----- */

/* LINE_SIZE holds a message and an id of nothing but escapes; the test is a safety net, which keeps
 * room for the end of the line. */
static void
put(struct line *l, const char *bytes, size_t n)
{
	if (n < sizeof(l->text) - 4 - l->n) {
		memcpy(l->text + l->n, bytes, n);
		l->n += n;
	}
}

static void
put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

/* The well-formed UTF-8 character at p: its length and code, or 0. */
static size_t
character(const unsigned char *p, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	*code = n == 1 ? p[0] : n == 0 ? 0 : p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3fu);
	}
	if (n == 0 || *code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

/* What could end a line, steer a terminal or turn the reading direction. */
static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void
put_escape(struct line *l, uint32_t code)
{
	char escape[16];
	int n;

	if (code == '\n' || code == '\r' || code == '\t')
		n = snprintf(escape, sizeof(escape), "\\%c",
			code == '\n'   ? 'n'
			: code == '\r' ? 'r'
				       : 't');
	else if (code < 0x100 && l->format == LOG_TEXT)
		n = snprintf(escape, sizeof(escape), "\\x%02x", code);
	else
		n = snprintf(escape, sizeof(escape), "\\u%04x", code);
	put(l, escape, (size_t)n);
}

/* Text that a peer may have chosen. */
static void
put_escaped(struct line *l, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		uint32_t code;
		size_t n = character(p, &code);

		if (n == 0)
			put_escape(l, l->format == LOG_JSON ? 0xfffd : *p);
		else if (is_control(code))
			put_escape(l, code);
		else if (l->format == LOG_JSON && (code == '"' || code == '\\'))
			put(l, code == '"' ? "\\\"" : "\\\\", 2);
		else
			put(l, (const char *)p, n);
		p += n > 0 ? n : 1;
	}
}

static void
put_time(struct line *l, msec_t now)
{
	time_t seconds = (time_t)(now / 1000);
	char text[40];
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(now % 1000));
	put_text(l, text);
}

static void
build_text(struct line *l, enum log_level level, enum log_area area, const char *id,
	const char *message)
{
	put_time(l, clock_wall());
	put_text(l, " ");
	put_text(l, level_names[level]);
	put_text(l, &"      "[strlen(level_names[level])]);
	put_text(l, area_names[area]);
	put_text(l, " ");
	put_escaped(l, id[0] ? id : "-");
	put_text(l, " ");
	put_escaped(l, message);
}

static void
build_json(struct line *l, enum log_level level, enum log_area area, const char *id,
	const char *message)
{
	put_text(l, "{\"time\":\"");
	put_time(l, clock_wall());
	put_text(l, "\",\"level\":\"");
	put_text(l, level_names[level]);
	put_text(l, "\",\"area\":\"");
	put_text(l, area_names[area]);
	if (id[0]) {
		put_text(l, "\",\"id\":\"");
		put_escaped(l, id);
	}
	put_text(l, "\",\"message\":\"");
	put_escaped(l, message);
	/* These were kept back, so they always fit. */
	memcpy(l->text + l->n, "\"}", 2);
	l->n += 2;
}

static void
emit_locked(enum log_level level, enum log_area area, const char *id, const char *message)
{
	struct line l;
	ssize_t done;

	l.n = 0;
	l.format = log_format;
	if (log_format == LOG_JSON)
		build_json(&l, level, area, id, message);
	else
		build_text(&l, level, area, id, message);
	l.text[l.n++] = '\n';
	do
		done = write(log_fd, l.text, l.n);
	while (done < 0 && errno == EINTR);
	/* A log that cannot be written (full disk) must not stop the server: the line is lost. */
}

/* ----- repeats ----- */

static void
flush_locked(enum log_area area)
{
	struct last *last = &lasts[area];
	char message[64];

	if (last->repeats > 0) {
		snprintf(message, sizeof(message), "last message repeated %u time%s", last->repeats,
			last->repeats > 1 ? "s" : "");
		emit_locked(last->level, area, last->id, message);
	}
	last->repeats = 0;
	last->fmt = NULL;
}

static uint64_t
line_hash(enum log_level level, const char *id, const char *message)
{
	uint64_t hash = hash_bytes(message, strlen(message));

	return level <= LOG_LEVEL_WARN ? hash : hash ^ hash_bytes(id, strlen(id)) * 3;
}

/* Counts the line if it is the area's last one again; else remembers it, and false. */
static bool
is_repeat_locked(
	enum log_level level, enum log_area area, const char *id, const char *fmt, uint64_t hash)
{
	struct last *last = &lasts[area];
	msec_t now = clock_mono();

	for (int i = 0; i < AREA_COUNT; i++) {
		if (lasts[i].repeats > 0 && now - lasts[i].since >= REPEAT_TIME)
			flush_locked((enum log_area)i);
	}
	if (last->fmt == fmt && last->level == level && last->hash == hash &&
		now - last->since < REPEAT_TIME) {
		last->repeats++;
		return true;
	}
	flush_locked(area);
	*last = (struct last){ .level = level, .fmt = fmt, .hash = hash, .since = now };
	snprintf(last->id, sizeof(last->id), "%s", id);
	return false;
}

void
log_flush(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < AREA_COUNT; i++)
		flush_locked((enum log_area)i);
	pthread_mutex_unlock(&lock);
}

void
log_write(enum log_level level, enum log_area area, const char *id, const char *fmt, ...)
{
	char message[MESSAGE_SIZE], short_id[ID_SIZE];
	int saved = errno; /* the caller may still want it */
	va_list args;
	uint64_t hash;
	int n;

	va_start(args, fmt);
	n = vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (n >= (int)sizeof(message))
		memcpy(message + sizeof(message) - 4, "...", 4);
	snprintf(short_id, sizeof(short_id), "%s", id ? id : "");
	hash = line_hash(level, short_id, message);
	pthread_mutex_lock(&lock);
	if (level >= LOG_LEVEL_TRACE || !is_repeat_locked(level, area, short_id, fmt, hash))
		emit_locked(level, area, short_id, message);
	pthread_mutex_unlock(&lock);
	errno = saved;
}

/* ----- where lines go ----- */

/* Puts a new file in the place of the present one; path NULL is standard error. */
static bool
open_locked(const char *path, struct err *e)
{
	int fd = STDERR_FILENO;

	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
		if (fd < 0)
			return err_errno(e, "open log file %s", path);
	}
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd = fd;
	return true;
}

bool
log_open(const char *path, enum log_format format, struct err *e)
{
	bool opened;

	if (path && strcmp(path, "-") == 0)
		path = NULL;
	log_flush();
	pthread_mutex_lock(&lock);
	opened = open_locked(path, e);
	if (opened) {
		char *copy = mem_copy_text(path);

		mem_free(&log_path);
		log_path = copy;
		log_format = format;
	}
	pthread_mutex_unlock(&lock);
	return opened;
}

bool
log_reopen(struct err *e)
{
	bool opened;

	pthread_mutex_lock(&lock);
	opened = open_locked(log_path, e);
	pthread_mutex_unlock(&lock);
	return opened;
}

/* ----- levels ----- */

void
log_set_level(enum log_area area, enum log_level level)
{
	__atomic_store_n(&log_levels[area], (unsigned char)level, __ATOMIC_RELAXED);
}

void
log_set_all(enum log_level level)
{
	for (int i = 0; i < AREA_COUNT; i++)
		log_set_level((enum log_area)i, level);
}

enum log_level
log_level_of(enum log_area area)
{
	return (enum log_level)__atomic_load_n(&log_levels[area], __ATOMIC_RELAXED);
}

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < COUNT(level_names); i++) {
		if (strcmp(level_names[i], name) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	*out = LOG_LEVEL_NONE;
	return false;
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

bool
log_area_parse(const char *name, enum log_area *out)
{
	for (int i = 0; i < AREA_COUNT; i++) {
		if (strcmp(area_names[i], name) == 0) {
			*out = (enum log_area)i;
			return true;
		}
	}
	return false;
}
