/*
 * datetime.h -- XEP-0082 timestamps.
 *
 * Runs on: any thread.
 */
#ifndef XMPP_DATETIME_H
#define XMPP_DATETIME_H

#include "base/clock.h"
#include "base/str.h"

#define DATETIME_SIZE 32
/* "2026-11-24T13:45:00.123Z" */
void datetime_write(char out[DATETIME_SIZE], msec_t wall);
/* Any valid XEP-0082 DateTime; false otherwise. */
bool datetime_parse(struct str text, msec_t *out);

#endif
