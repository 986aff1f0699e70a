/*
 * log.h -- one line an event.
 *
 * log_info(AREA_C2S, id, "authenticated %s with %s", ...): time, level, area, id and the message,
 * as text or JSON, in one write(2).  id is what the event is about ("c2s-1f" from accept to close,
 * a JID, or NULL).  Messages are past tense, without a full stop, and never hold bodies, passwords
 * or tokens; what a peer chose is escaped (control characters and line ends) by the writer.  The
 * same message of one area again within 5 seconds is counted, and the count is written once («last
 * message repeated 312 times»); errors and warnings that differ in nothing but id are the same,
 * info and debug lines are not; trace lines are never held back.
 *
 * error: wake someone; warn: look tomorrow; info: lifecycle; debug: decisions; trace: bytes.
 *
 * Runs on: any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum log_level {
	LOG_LEVEL_NONE,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_TRACE
};

/* AREA(symbol, "name", "what it covers") */
enum log_area {

#define AREA(symbol, name, doc) AREA_##symbol,
#include "base/log_areas.def"
#undef AREA
	AREA_COUNT
};

enum log_format { LOG_TEXT, LOG_JSON };

/* path NULL or "-": standard error.  Opens the file; false with e set if it cannot. */
MUST_CHECK bool log_open(const char *path, enum log_format format, struct err *e);
/* After the file was rotated away. */
MUST_CHECK bool log_reopen(struct err *e);
/* Writes pending repeat counts. */
void log_flush(void);
void log_set_level(enum log_area area, enum log_level level);
void log_set_all(enum log_level level);
enum log_level log_level_of(enum log_area area);
/* LOG_LEVEL_NONE and false for an unknown name. */
bool log_level_parse(const char *name, enum log_level *out);
const char *log_level_name(enum log_level level);
bool log_area_parse(const char *name, enum log_area *out);

extern unsigned char log_levels[AREA_COUNT]; /* read by the macros only */

void log_write(enum log_level level, enum log_area area, const char *id, const char *fmt, ...)
	PRINTF(4, 5);

#define log_at(level, area, ...)                                                                   \
	(__atomic_load_n(&log_levels[area], __ATOMIC_RELAXED) >= (level)                           \
			? log_write((level), (area), __VA_ARGS__)                                  \
			: (void)0)
#define log_error(area, ...) log_at(LOG_LEVEL_ERROR, area, __VA_ARGS__)
#define log_warn(area, ...) log_at(LOG_LEVEL_WARN, area, __VA_ARGS__)
#define log_info(area, ...) log_at(LOG_LEVEL_INFO, area, __VA_ARGS__)
#define log_debug(area, ...) log_at(LOG_LEVEL_DEBUG, area, __VA_ARGS__)
#define log_trace(area, ...) log_at(LOG_LEVEL_TRACE, area, __VA_ARGS__)

#endif
