#include "cli/table.h"

#include "base/clock.h"
#include "cli/safe.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void table_init(struct table *t, const char *const *headers, size_t columns)
{
	*t = (struct table){.columns = columns, .cell_max = TABLE_CELL_MAX};
	for (size_t i = 0; i < columns; i++)
		t->headers[i] = headers[i];
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	t->cell = NULL;
	t->cells = 0;
}

/* At most `max` bytes, not cut within a character. */
static size_t shown(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	for (len = max; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

void table_add(struct table *t, const char *text, size_t len)
{
	_cleanup_buf_ struct buf b = BUF_INIT(t->cell_max * 4 + 8);
	size_t n = shown(text, len, t->cell_max);

	safe_cell(&b, text, n);
	if (n < len)
		buf_adds(&b, "…");
	if (!b.len)
		buf_adds(&b, "-");
	/* Grown by powers of two. */
	if ((t->cells & (t->cells - 1)) == 0)
		t->cell = xrealloc(t->cell, (t->cells ? t->cells * 2 : 1) * sizeof(*t->cell));
	t->cell[t->cells++] = xstrdup(buf_str(&b));
}

void table_add_view(struct table *t, struct jsonview v)
{
	_cleanup_buf_ struct buf b = BUF_INIT(v.len);

	jsonview_text(v, &b);
	table_add(t, buf_str(&b), b.len);
}

void table_add_time(struct table *t, struct jsonview v)
{
	int64_t ms = jsonview_i64(v, INT64_MIN);
	char text[CLOCK_TEXT_SIZE];

	/* Up to the year 9999: further ones clock_text() does not know. */
	if (ms < 0 || ms > 253402300799999LL) {
		table_add_view(t, v);
		return;
	}
	clock_text(ms, text);
	table_add(t, text, strlen(text));
}

/* Characters, not bytes: what follows a first byte in UTF-8 has no width. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_row(char *const *row, const size_t *widths, size_t columns)
{
	for (size_t i = 0; i < columns; i++) {
		fputs(row[i], stdout);
		if (i + 1 < columns)
			printf("%*s", (int)(widths[i] - width(row[i]) + 2), "");
	}
	putchar('\n');
}

void table_print(const struct table *t)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	if (!t->columns)
		return;
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = width(t->headers[i]);
	for (size_t i = 0; i < t->cells; i++)
		widths[i % t->columns] = MAX_U64(widths[i % t->columns], width(t->cell[i]));
	print_row((char *const *)t->headers, widths, t->columns);
	for (size_t i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t->cell + i, widths, t->columns);
}

void table_print_card(const struct table *t)
{
	size_t widest = 0;

	for (size_t i = 0; i < t->columns; i++)
		widest = MAX_U64(widest, width(t->headers[i]));
	for (size_t i = 0; i < t->columns && i < t->cells; i++)
		printf("%s%*s%s\n", t->headers[i], (int)(widest - width(t->headers[i]) + 2), "",
		       t->cell[i]);
}
