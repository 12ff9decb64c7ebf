/* A table for people: a header, aligned columns, text from outside made harmless. */
#pragma once

#include "cli/jsonview.h"

enum { TABLE_COLUMNS_MAX = 16, TABLE_CELL_MAX = 200, TABLE_CARD_CELL_MAX = 8192 };

struct table {
	size_t columns, cells;
	size_t cell_max; /* bytes of a cell that are shown: what is longer must not push the table
			    off the screen */
	const char *headers[TABLE_COLUMNS_MAX];
	char **cell; /* row by row */
};

/* The headers live as long as the table. Cells are cut at TABLE_CELL_MAX unless cell_max is set. */
void table_init(struct table *t, const char *const *headers, size_t columns);
void table_done(struct table *t);
#define _cleanup_table_ _cleanup_(table_done)

/* The next cell; rows fill up from left to right. Empty text is shown as "-". */
void table_add(struct table *t, const char *text, size_t len);
void table_add_view(struct table *t, struct jsonview v);
/* A moment: milliseconds since 1970 or text, whichever the daemon gave. */
void table_add_time(struct table *t, struct jsonview v);

/* On standard output: columns under a header. */
void table_print(const struct table *t);
/* On standard output: "header: cell" for each cell of the first row. */
void table_print_card(const struct table *t);
