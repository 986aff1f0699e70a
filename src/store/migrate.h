/*
 * migrate.h -- bringing the schema up to date.
 *
 * Runs on: main.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/driver.h"

/* Of sql/, made by sql/embed at build time, in the order of their numbers. */
extern const struct migration core_migrations[];
extern const size_t core_migrations_count;

struct migration_set {
	const char *owner;
	const struct migration *list; /* numbers rise */
	size_t count;
};

/* Applies what the database lacks, on a connection of its own.  Safe against another process
 * doing the same. */
MUST_CHECK bool migrate_all(const struct driver *driver, const struct config *c,
	const struct migration_set *sets, size_t count, struct err *e);

#endif
