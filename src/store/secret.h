/*
 * secret.h -- what the server itself keeps secret, by name.
 *
 * Each is made once, of random bytes, and lies in the store, so that it is the same after a restart
 * and on each node.
 *
 * Runs on: main.
 */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "store/store.h"

#define SECRET_SIZE 32

/* Blocking, after store_open and before workers start. */
MUST_CHECK bool secret_get(const char *name, uint8_t out[SECRET_SIZE], struct err *e);

/* Registered by store_open. */
extern const struct query secret_queries[];

#endif
