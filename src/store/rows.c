/*
 * rows.c -- results: built by a driver, then read by whoever asked.
 *
 * The cells of all rows are one array, the texts live in an arena beside it.  Both are bounded: a
 * query that could return more than that must page.
 *
 * Runs on: storage threads (building), any thread (reading).
 */
#include "store/rows.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { CELLS_MAX = 8 * 1024 * 1024, BYTES_MAX = 256 * 1024 * 1024 };

void
result_clear(struct result *r)
{
	mem_free(&r->cells);
	arena_free(&r->texts);
	memset(r, 0, sizeof(*r));
}

struct value *
result_row(struct result *r, size_t columns)
{
	size_t used = r->rows.count * r->rows.columns;
	struct value *row;

	assert(columns > 0 && (r->rows.count == 0 || r->rows.columns == columns));
	if (used + columns > CELLS_MAX)
		return NULL;
	if (used + columns > r->room) {
		r->room = (used + columns) * 2;
		r->cells = mem_resize(r->cells, r->room * sizeof(*r->cells));
	}
	row = r->cells + used;
	memset(row, 0, columns * sizeof(*row));
	r->rows.columns = columns;
	r->rows.count++;
	r->rows.cells = r->cells;
	return row;
}

char *
result_text(struct result *r, size_t n)
{
	if (n > BYTES_MAX - r->bytes)
		return NULL;
	r->bytes += n;
	if (!r->texts)
		r->texts = arena_new(n + 256);
	return arena_alloc(r->texts, n + 1);
}

/* ---- Reading ----------------------------------------------------------------- */

static const struct value *
cell(const struct rows *r, size_t row, size_t column)
{
	assert(row < r->count && column < r->columns);
	return &r->cells[row * r->columns + column];
}

int64_t
row_int(const struct rows *r, size_t row, size_t column)
{
	const struct value *v = cell(r, row, column);

	return v->type == VALUE_INT ? v->i : 0;
}

struct str
row_str(const struct rows *r, size_t row, size_t column)
{
	const struct value *v = cell(r, row, column);

	return v->type == VALUE_BYTES ? v->s : STR_NONE;
}

bool
row_is_null(const struct rows *r, size_t row, size_t column)
{
	return cell(r, row, column)->type == VALUE_NULL;
}
