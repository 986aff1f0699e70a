/*
 * data_dir.h -- the folder that belongs to one server process.
 *
 * Runs on: main.
 */
#ifndef RUN_DATA_DIR_H
#define RUN_DATA_DIR_H

#include "base/err.h"

/* Makes the folder (and those above it) if it is missing, checks that it can be written, and
 * locks it.  False if another process has it.  The lock goes with the process, however that
 * ends. */
MUST_CHECK bool data_dir_take(const char *path, struct err *e);
void data_dir_release(void);

#endif
