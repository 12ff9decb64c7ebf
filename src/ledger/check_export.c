/*
 * An export of usage, read back (`cordon usage export`): as JSON, or as CSV (RFC 4180) with a
 * header. Whatever the file is, rows come of it or an error.
 */
#include "evidence/canonical.h"
#include "ledger/check.h"
#include "ledger/usage.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

enum { COLUMNS_MAX = 64 };
#define EXPORT_MAX (256u << 20)

static int bad(struct err *reterr, int64_t line, const char *what)
{
	return err_set(reterr, EINVAL, "check.export",
		       "the export is none of `cordon usage export`: row %lld: %s", (long long)line,
		       what);
}

static int is_number(const char *s)
{
	return *s && strlen(s) < 20 && !s[strspn(s, "0123456789")];
}

/* What is put into a row is its text until the row is in the sums. */
struct reading {
	struct sums *sums;
	enum usage_table table;
	int64_t line, entries; /* the least that a row was told with */
	struct usage_row row;
	char *texts[USAGE_FIELD_COUNT];
	uint64_t seen; /* columns: fields, sums, first, last, digest */
};

static void reading_clear(struct reading *x)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++) {
		free(x->texts[f]);
		x->texts[f] = NULL;
	}
	memset(&x->row, 0, sizeof(x->row));
	x->seen = 0;
}

enum { FIRST = USAGE_FIELD_COUNT + USAGE_SUM_COUNT, LAST, DIGEST };

/* A column's number, in the order of fields, sums, and those above; -1: no row of the table has it.
 */
static int column_of(enum usage_table t, const char *name)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (!strcmp(name, usage_fields[f]))
			return usage_has(t, (enum usage_field)f) ? f : -1;
	for (int i = 0; i < (t == USAGE_REASONS ? 1 : USAGE_SUM_COUNT); i++)
		if (!strcmp(name, usage_sums[i]))
			return USAGE_FIELD_COUNT + i;
	return !strcmp(name, "first")	 ? FIRST
	       : !strcmp(name, "last")	 ? LAST
	       : !strcmp(name, "digest") ? DIGEST
					 : -1;
}

static int is_whole(enum usage_table t, uint64_t seen)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (usage_has(t, (enum usage_field)f) && !(seen >> f & 1))
			return 0;
	for (int i = 0; i < (t == USAGE_REASONS ? 1 : USAGE_SUM_COUNT); i++)
		if (!(seen >> (USAGE_FIELD_COUNT + i) & 1))
			return 0;
	return (seen >> FIRST & 7) == 7;
}

/* -EINVAL: no row has such a column, or it comes twice, or is no such value. */
static int put(struct reading *x, const char *name, const char *value)
{
	int c = column_of(x->table, name);

	if (c < 0 || x->seen >> c & 1)
		return -EINVAL;
	x->seen |= (uint64_t)1 << c;
	if (c < USAGE_FIELD_COUNT) {
		x->row.field[c] = x->texts[c] = xstrdup(value);
		return 0;
	}
	if (c == DIGEST)
		return strlen(value) == (size_t)2 * USAGE_DIGEST &&
				       sodium_hex2bin(x->row.digest, USAGE_DIGEST, value,
						      (size_t)2 * USAGE_DIGEST, NULL, NULL,
						      NULL) == 0
			       ? 0
			       : -EINVAL;
	if (!is_number(value))
		return -EINVAL;
	if (c == FIRST)
		x->row.first = strtoll(value, NULL, 10);
	else if (c == LAST)
		x->row.last = strtoll(value, NULL, 10);
	else
		x->row.sum[c - USAGE_FIELD_COUNT] = strtoull(value, NULL, 10);
	return 0;
}

static int finish(struct reading *x, struct err *reterr)
{
	if (!is_whole(x->table, x->seen))
		return bad(reterr, x->line, "a column is missing");
	if (sums_export(x->sums, x->table, x->line, &x->row) < 0)
		return bad(reterr, x->line, "it comes twice");
	reading_clear(x);
	return 0;
}

/* ---- JSON ---- */

static int put_json(struct reading *x, const char *name, const json_t *value)
{
	_cleanup_buf_ struct buf canonical = BUF_INIT(USAGE_LABELS_MAX + 16);
	char number[24], *text;
	int r;

	if (json_is_string(value))
		return put(x, name, json_string_value(value));
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return put(x, name, number);
	}
	if (strcmp(name, "labels") != 0 || !json_is_object(value))
		return -EINVAL;
	text = json_dumps(value, JSON_COMPACT);
	r = text ? canonical_json(text, strlen(text), &canonical) : -EINVAL;
	free(text);
	return r < 0 ? -EINVAL : put(x, name, buf_str(&canonical));
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static int read_json(struct reading *x, const char *text, size_t len, struct err *reterr)
{
	json_t *all = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *rows, *row, *value;
	const char *table = text_of(all, "table"), *name;
	size_t i;
	int r = 0;

	rows = json_object_get(all, "rows");
	for (x->table = 0; x->table < USAGE_TABLE_COUNT; x->table++)
		if (!strcmp(table, usage_tables[x->table]))
			break;
	if (!json_is_array(rows) || x->table == USAGE_TABLE_COUNT)
		r = bad(reterr, 0, "it is no JSON object with 'table' and 'rows'");
	json_array_foreach(rows, i, row)
	{
		x->line = (int64_t)i + 1;
		json_object_foreach(row, name, value) if (r == 0 && put_json(x, name, value) < 0)
			r = bad(reterr, x->line, "it has a member that no row has");
		if (r == 0)
			r = finish(x, reterr);
		if (r < 0)
			break;
	}
	if (r == 0)
		sums_export_whole(x->sums, x->table,
				  json_integer_value(json_object_get(all, "entries")),
				  text_of(all, "tenant"), text_of(all, "from"), text_of(all, "to"));
	json_decref(all);
	return r;
}

/* ---- CSV ---- */

/* The next cell, in place; *ret_end: it was the last of its record. NULL: there is none. */
static char *next_cell(char **at, const char *end, int *ret_end)
{
	char *p = *at, *cell = p, *to = p;

	if (p >= end)
		return NULL;
	if (*p == '"') {
		for (p++; p < end && (*p != '"' || p[1] == '"'); *to++ = *p++)
			p += *p == '"';
		if (p++ >= end)
			return NULL;
	} else {
		while (p < end && *p != ',' && *p != '\r' && *p != '\n')
			p++;
		to = p;
	}
	*ret_end = *p != ',';
	if (*p == '\r' && p[1] == '\n')
		p++;
	*at = p + 1;
	*to = '\0';
	return cell;
}

/* The table of which these are the columns; USAGE_TABLE_COUNT: none. */
static enum usage_table table_of(char *const *names, size_t n)
{
	for (int t = USAGE_TABLE_COUNT - 1; t >= 0; t--) { /* what detail has, totals has */
		uint64_t seen = 0;

		for (size_t i = 0; i < n; i++) {
			int c = column_of((enum usage_table)t, names[i]);

			seen |= c < 0 ? 0 : (uint64_t)1 << c;
		}
		if (is_whole((enum usage_table)t, seen))
			return (enum usage_table)t;
	}
	return USAGE_TABLE_COUNT;
}

static int is_text(const char *name)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (!strcmp(name, usage_fields[f]))
			return 1;
	return 0;
}

/* An apostrophe before a text keeps spreadsheets from computing it. */
static int put_cell(struct reading *x, const char *name, const char *cell)
{
	if (!strcmp(name, "entries")) {
		if (!is_number(cell))
			return -EINVAL;
		/* Of all rows or of none: one that was changed to 0 would end the search. */
		if (x->line > 1 && !x->entries != !strtoll(cell, NULL, 10))
			return -EINVAL;
		x->entries = x->line == 1 ? strtoll(cell, NULL, 10)
					  : (int64_t)MIN_U64(x->entries, strtoull(cell, NULL, 10));
		return 0;
	}
	return put(x, name, is_text(name) && *cell == '\'' ? cell + 1 : cell);
}

static int read_csv(struct reading *x, char *text, size_t len, struct err *reterr)
{
	char *names[COLUMNS_MAX], *at = text, *cell;
	const char *end = text + len;
	size_t n = 0, i = 0;
	int last = 0, r = 0;

	while (!last && (cell = next_cell(&at, end, &last))) {
		if (n == COLUMNS_MAX)
			return bad(reterr, 0, "it has too many columns");
		names[n++] = cell;
	}
	x->table = table_of(names, n);
	if (x->table == USAGE_TABLE_COUNT)
		return bad(reterr, 0, "its first line does not name the columns of any table");
	x->line = 1;
	while (r == 0 && (cell = next_cell(&at, end, &last))) {
		if (i == n || put_cell(x, names[i], cell) < 0)
			return bad(reterr, x->line, "it has a column that no row has");
		i++;
		if (!last)
			continue;
		r = i == n ? finish(x, reterr) : bad(reterr, x->line, "it has too few columns");
		x->line++;
		i = 0;
	}
	if (r == 0 && (i || at < end))
		r = bad(reterr, x->line, "it ends in the middle");
	if (r == 0)
		sums_export_whole(x->sums, x->table, x->entries, "", "0000-00-00", "9999-99-99");
	return r;
}

int export_read(FILE *f, struct sums *s, struct err *reterr)
{
	_cleanup_buf_ struct buf text = BUF_INIT(EXPORT_MAX);
	struct reading x = {.sums = s};
	uint8_t *to;
	size_t n;
	int r;

	do {
		to = buf_reserve(&text, 1 << 20);
		if (!to)
			return bad(reterr, 0, "it is too large");
		n = fread(to, 1, 1 << 20, f);
		text.len += n;
	} while (n);
	buf_str(&text); /* a zero byte at its end, which no cell and no text goes past */
	if (memchr(text.data, '\0', text.len))
		r = bad(reterr, 0, "it has a zero byte");
	else if (text.len && text.data[0] == '{')
		r = read_json(&x, (const char *)text.data, text.len, reterr);
	else
		r = read_csv(&x, (char *)text.data, text.len, reterr);
	reading_clear(&x);
	return r;
}
