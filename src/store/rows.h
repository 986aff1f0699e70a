/*
 * rows.h -- how a driver builds the result of one statement.
 *
 * Runs on: storage threads.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/store.h"

/* All zero: empty. */
struct result {
	struct rows rows; /* what the asker sees */
	struct value *cells;
	size_t room; /* cells allocated */
	size_t bytes; /* of all texts */
	struct arena *texts;
};

/* Gives all memory back; empty again, and usable again. */
void result_clear(struct result *r);
/* A new row of `columns` cells, all NULL; the same number in each call.  The cells are good
 * until the next row.  NULL: the result has more rows than any query should ask for. */
MUST_CHECK struct value *result_row(struct result *r, size_t columns);
/* Memory for a text of n bytes and the NUL behind it (zeroed); NULL: the result is larger than
 * any query should ask for. */
MUST_CHECK char *result_text(struct result *r, size_t n);

#endif
