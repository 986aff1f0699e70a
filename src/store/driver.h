/*
 * driver.h -- what a database must be able to do for store.c.
 *
 * A driver blocks; it is used by one thread at a time.  It holds one connection and the statements
 * prepared on it, each known by the number it was prepared under.  It never retries: it says what
 * kind of failure it was, and store/lane.c decides.
 *
 * Runs on: storage threads; main (open, migrations).
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "store/rows.h"
#include "store/store.h"

enum outcome {
	DB_OK,
	/* The statement failed and left no trace; the transaction goes on. */
	DB_DUPLICATE,
	DB_REFUSED,
	/* The transaction failed: roll back, then try all of it again. */
	DB_AGAIN, /* at once: a deadlock, for example */
	DB_LATER, /* after a pause: the disk is full, for example */
	DB_LOST, /* on a new connection.  From commit, or from a statement outside a transaction: it may have happened */
};

enum intent { DB_READ, DB_WRITE };

struct db; /* a driver's connection */

struct driver {
	const char *name; /* of the folder under sql/ */
	/* patience: how long to wait for an answer before the connection counts as lost; 0: for
	 * ever */
	enum outcome (*open)(
		const struct config *c, msec_t patience, struct db **out, struct err *e);
	/* Accepts NULL; rolls back what is not committed. */
	void (*close)(struct db **db);
	/* A commit is there even after the machine failed.  False: why says which setting of the
	 * database is to blame. */
	bool (*is_durable)(struct db *db, struct err *why);
	/* Numbers from 0, without gaps. */
	enum outcome (*prepare)(struct db *db, unsigned number, const char *sql, struct err *e);
	/* Result must be empty. */
	enum outcome (*run)(struct db *db, unsigned number, const struct value *args, size_t count,
		struct result *out, struct err *e);
	/* One INSERT for many rows (args[i]: of row i); after anything but DB_OK the whole
	 * transaction has to be rolled back.  Outside of one, rows of many_at_once bytes at most
	 * (their requests') are inserted all or not at all.  NULL: not offered. */
	enum outcome (*run_many)(struct db *db, unsigned number, const struct value *const *args,
		size_t count, size_t rows, struct err *e);
	size_t (*many_at_once)(const struct db *db); /* NULL: only in a transaction */
	enum outcome (*begin)(struct db *db, enum intent intent, struct err *e);
	enum outcome (*commit)(struct db *db, struct err *e);
	/* Also after the database did it by itself. */
	enum outcome (*rollback)(struct db *db, struct err *e);
	/* Around a request of several statements: undo takes back what it did and keeps the rest
	 * of the transaction. */
	enum outcome (*mark)(struct db *db, struct err *e);
	enum outcome (*undo)(struct db *db, struct err *e);
	enum outcome (*forget)(struct db *db, struct err *e); /* NULL: not needed */
	/* Statements of migrations; their rows are ignored. */
	enum outcome (*script)(struct db *db, struct str sql, struct err *e);
	/* Nobody else migrates between these two, even in another process.  Ends with ok false:
	 * takes back what it can. */
	enum outcome (*migrate_begin)(struct db *db, struct err *e);
	enum outcome (*migrate_end)(struct db *db, bool ok, struct err *e);
};

extern const struct driver driver_sqlite, driver_mariadb;

#endif
