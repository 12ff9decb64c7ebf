#include "store/ledger_strict.h"

#include "store/db.h"
#include "store/ledger_schema.h"

enum { VALUE_MAX = 16 << 20, COMPLAINTS_MAX = 20 };

/* How many, and the first that is below `low` or not below `high`. */
#define COUNT(table, key, low, high)                                                               \
	"SELECT count(*), coalesce((SELECT min(" key ") FROM " table " WHERE " key " < " low       \
	"), (SELECT min(" key ") FROM " table " WHERE " key " >= " high ")) FROM " table

/*
 * Columns: i integer, t text that is a C string, b bytes, h 32 bytes, s 64 bytes, w 256 hashes, n
 * bytes or null.
 */
#define COLUMN(name) ", " #name
#define USAGE(columns, table)                                                                      \
	"SELECT id, name, first, last, digest" columns " FROM " table " WHERE ?1 <= ?2 ORDER BY "  \
	"id"
#define TOTALS_COLUMNS USAGE_SUMS(COLUMN) ", day, tenant, team, key, profile, tier, class, currency"
#define TOTALS "ihiih" SUMS "tttttttt"
#define SUM(name) "i"
#define SUMS USAGE_SUMS(SUM)

static const struct {
	const char *sql, *columns, *count;
} rows[STRICT_ROWS] = {
	[STRICT_LOG] = {"SELECT name, value FROM log WHERE ?1 <= ?2 ORDER BY name", "tt",
			"SELECT count(*), NULL FROM log"},
	[STRICT_GENERATIONS] = {"SELECT number, first, statement, log, secret, from_ms, until_ms"
				" FROM generations WHERE ?1 <= ?2 ORDER BY number",
				"iihhnii", "SELECT count(*), NULL FROM generations"},
	[STRICT_ENTRIES] = {"SELECT idx, kind, generation, time_ms, subject, tenant, trace,"
			    " session, lease, artifact, profile, node, leaf, signature, statement,"
			    " journal FROM entries WHERE idx >= ?1 AND idx < ?2 ORDER BY idx",
			    "iiiitttttttihsbb", COUNT("entries", "idx", "0", "?1")},
	[STRICT_MARKS] = {"SELECT idx, line, event, destination, reason FROM marks"
			  " WHERE idx >= ?1 AND idx < ?2 ORDER BY idx, line",
			  "iittt", COUNT("marks", "idx", "0", "?1")},
	[STRICT_TILES] = {"SELECT id, hashes FROM tiles WHERE id >= ?1 AND id < ?2 ORDER BY id",
			  "iw", COUNT("tiles", "id", "0", "9223372036854775807")},
	[STRICT_CHECKPOINTS] = {"SELECT size, time_ms, note FROM checkpoints"
				" WHERE size > ?1 AND size <= ?2 ORDER BY size",
				"iib", COUNT("checkpoints", "size", "1", "?1 + 1")},
	[STRICT_USAGE] = {USAGE(TOTALS_COLUMNS, "usage"), TOTALS, NULL},
	[STRICT_USAGE_DETAIL] = {USAGE(TOTALS_COLUMNS ", labels, artifact", "usage_detail"),
				 TOTALS "tt", NULL},
	[STRICT_USAGE_REASONS] = {USAGE(", receipts, day, tenant, profile, tier, class, outcome,"
					" reason",
					"usage_reasons"),
				  "ihiihittttttt", NULL},
	[STRICT_USAGE_CURSOR] =
		{"SELECT id, entries, digest FROM usage_cursor WHERE ?1 <= ?2 ORDER BY id", "iih",
		 NULL},
};

int strict_open(const char *directory, struct store **ret, struct err *reterr)
{
	int r = ledger_open_to_read(directory, ret, reterr);

	if (r < 0)
		return r;
	sqlite3_limit((*ret)->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	/* Each page is needed once: room for many of them would only have to be cleared first. */
	sqlite3_exec((*ret)->db, "PRAGMA cache_size = -4096", NULL, NULL, NULL);
	return 0;
}

void strict_interrupt(struct store *s)
{
	sqlite3_interrupt(s->db);
}

/* ---- the schema ---- */

#define SCHEMA                                                                                     \
	"SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"

/* A database as the ledger makes it, in memory. */
static sqlite3 *pattern(void)
{
	sqlite3 *db = NULL;
	int r = sqlite3_open(":memory:", &db);

	for (size_t i = 0; r == SQLITE_OK && i < ARRAY_SIZE(ledger_versions); i++)
		r = sqlite3_exec(db, ledger_versions[i], NULL, NULL, NULL);
	if (r == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

static int same_row(sqlite3_stmt *a, sqlite3_stmt *b)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(db_text(a, i), db_text(b, i)) != 0)
			return 0;
	return 1;
}

static int compare(struct store *s, sqlite3_stmt *want, sqlite3_stmt *have, struct err *reterr)
{
	for (;;) {
		int w = sqlite3_step(want), h = sqlite3_step(have);

		if (h != SQLITE_ROW && h != SQLITE_DONE)
			return db_fail(s, reterr);
		if (w == SQLITE_DONE && h == SQLITE_DONE)
			return 0;
		if (w != h || !same_row(want, have))
			return err_set(reterr, EUCLEAN, "store.damaged",
				       "its tables, indexes and triggers are not those that the "
				       "ledger makes: see %s '%s'",
				       db_text(w == SQLITE_ROW ? want : have, 0),
				       db_text(w == SQLITE_ROW ? want : have, 1));
	}
}

static int version_fits(struct store *s, struct err *reterr)
{
	sqlite3_stmt *q;
	int64_t version = -1;
	int r = db_prepare(s, "SELECT user_version FROM pragma_user_version", &q, reterr);

	if (r == 0)
		EACH_ROW(q, 1, version = sqlite3_column_int64(q, 0));
	if (r < 0 || version == (int64_t)ARRAY_SIZE(ledger_versions))
		return r;
	return err_set(reterr, EUCLEAN, "store.damaged", "it has version %lld, and not %zu",
		       (long long)version, ARRAY_SIZE(ledger_versions));
}

int strict_schema(struct store *s, struct err *reterr)
{
	sqlite3 *db = pattern();
	sqlite3_stmt *want = NULL, *have = NULL;
	int r = version_fits(s, reterr);

	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	if (!db || sqlite3_prepare_v2(db, SCHEMA, -1, &want, NULL) != SQLITE_OK)
		r = err_set(reterr, ENOMEM, "store.failed", "no room for an empty database");
	else
		r = db_prepare(s, SCHEMA, &have, reterr);
	if (r == 0) {
		r = compare(s, want, have, reterr);
		db_release(have);
	}
	sqlite3_finalize(want);
	sqlite3_close(db);
	return r;
}

int strict_integrity(struct store *s, void (*fn)(void *arg, const char *text), void *arg,
		     struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "PRAGMA integrity_check(20)", &q, reterr);

	_Static_assert(COMPLAINTS_MAX == 20, "as the statement has it");
	if (r == 0)
		EACH_ROW(q, 1, {
			if (strcmp(db_text(q, 0), "ok") != 0)
				fn(arg, db_text(q, 0));
		});
	return r;
}

/* ---- rows ---- */

static int fits(sqlite3_stmt *q, int column, char kind)
{
	int type = sqlite3_column_type(q, column);
	const char *text;

	switch (kind) {
	case 'i':
		return type == SQLITE_INTEGER;
	case 't':
		text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(q, column) : NULL;
		return text && strlen(text) == (size_t)sqlite3_column_bytes(q, column);
	case 'h':
		return type == SQLITE_BLOB && sqlite3_column_bytes(q, column) == LEDGER_HASH;
	case 's':
		return type == SQLITE_BLOB && sqlite3_column_bytes(q, column) == LEDGER_SIGNATURE;
	case 'w':
		return type == SQLITE_BLOB && sqlite3_column_bytes(q, column) == 256 * LEDGER_HASH;
	case 'n':
		return type == SQLITE_BLOB || type == SQLITE_NULL;
	default:
		return type == SQLITE_BLOB;
	}
}

static const void *blob(sqlite3_stmt *q, int column, char kind)
{
	return fits(q, column, kind) ? sqlite3_column_blob(q, column) : NULL;
}

static struct usage_row usage_of(sqlite3_stmt *q, enum usage_table t)
{
	struct usage_row row = {.id = sqlite3_column_int64(q, 0),
				.name = blob(q, 1, 'h'),
				.first = sqlite3_column_int64(q, 2),
				.last = sqlite3_column_int64(q, 3)};
	const void *digest = blob(q, 4, 'h');
	int at = 5;

	if (digest)
		memcpy(row.digest, digest, sizeof(row.digest));
	for (int i = 0; i < (t == USAGE_REASONS ? 1 : USAGE_SUM_COUNT); i++)
		row.sum[i] = (uint64_t)sqlite3_column_int64(q, at++);
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		row.field[f] = usage_has(t, (enum usage_field)f) ? db_text(q, at++) : NULL;
	return row;
}

static void take(struct strict *c)
{
	sqlite3_stmt *q = c->query;

	switch (c->rows) {
	case STRICT_LOG:
		c->log = (struct log_row){db_text(q, 0), db_text(q, 1)};
		return;
	case STRICT_GENERATIONS:
		c->generation =
			(struct generation_row){.number = sqlite3_column_int64(q, 0),
						.first = sqlite3_column_int64(q, 1),
						.statement = blob(q, 2, 'h'),
						.log = blob(q, 3, 'h'),
						.secret = blob(q, 4, 'n'),
						.secret_len = (size_t)sqlite3_column_bytes(q, 4),
						.from_ms = sqlite3_column_int64(q, 5),
						.until_ms = sqlite3_column_int64(q, 6)};
		return;
	case STRICT_ENTRIES:
		c->entry = (struct entry_row){.index = sqlite3_column_int64(q, 0),
					      .kind = sqlite3_column_int64(q, 1),
					      .generation = sqlite3_column_int64(q, 2),
					      .time_ms = sqlite3_column_int64(q, 3),
					      .subject = db_text(q, 4),
					      .tenant = db_text(q, 5),
					      .trace = db_text(q, 6),
					      .session = db_text(q, 7),
					      .lease = db_text(q, 8),
					      .artifact = db_text(q, 9),
					      .profile = db_text(q, 10),
					      .node = sqlite3_column_int64(q, 11),
					      .leaf = blob(q, 12, 'h'),
					      .signature = blob(q, 13, 's'),
					      .statement = blob(q, 14, 'b'),
					      .statement_len = (size_t)sqlite3_column_bytes(q, 14),
					      .journal = blob(q, 15, 'b'),
					      .journal_len = (size_t)sqlite3_column_bytes(q, 15)};
		return;
	case STRICT_MARKS:
		c->mark = (struct mark_row){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
					    db_text(q, 2), db_text(q, 3), db_text(q, 4)};
		return;
	case STRICT_TILES:
		c->tile = (struct tile_row){sqlite3_column_int64(q, 0), blob(q, 1, 'w')};
		return;
	case STRICT_CHECKPOINTS:
		c->checkpoint = (struct checkpoint_row){sqlite3_column_int64(q, 0),
							sqlite3_column_int64(q, 1), blob(q, 2, 'b'),
							(size_t)sqlite3_column_bytes(q, 2)};
		return;
	case STRICT_USAGE:
	case STRICT_USAGE_DETAIL:
	case STRICT_USAGE_REASONS:
		c->usage = usage_of(q, (enum usage_table)(c->rows - STRICT_USAGE));
		return;
	case STRICT_USAGE_CURSOR:
		c->cursor = (struct cursor_row){sqlite3_column_int64(q, 0),
						sqlite3_column_int64(q, 1), blob(q, 2, 'h')};
		return;
	case STRICT_ROWS:
		return;
	}
}

int strict_begin(struct strict *c, struct store *s, enum strict_rows what, int64_t from, int64_t to,
		 struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, rows[what].sql, &q, reterr);

	*c = (struct strict){.store = s, .rows = what};
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, from);
	sqlite3_bind_int64(q, 2, to);
	c->query = q;
	return 0;
}

int strict_next(struct strict *c, struct err *reterr)
{
	const char *columns = rows[c->rows].columns;
	int step;

	if (!c->query)
		return 0;
	step = sqlite3_step(c->query);
	if (step != SQLITE_ROW) {
		int r = step == SQLITE_DONE ? 0 : db_fail(c->store, reterr);

		strict_end(c);
		return r;
	}
	c->odd = NULL;
	for (int i = 0; columns[i] && !c->odd; i++)
		if (!fits(c->query, i, columns[i]))
			c->odd = sqlite3_column_name(c->query, i);
	take(c);
	return 1;
}

void strict_end(struct strict *c)
{
	if (c->query)
		db_release(c->query);
	c->query = NULL;
}

int strict_count(struct store *s, enum strict_rows what, int64_t size, int64_t *ret,
		 int *ret_others, int64_t *ret_other, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, rows[what].count, &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, size);
	EACH_ROW(q, 1, {
		*ret = sqlite3_column_int64(q, 0);
		*ret_others = sqlite3_column_type(q, 1) != SQLITE_NULL;
		*ret_other = sqlite3_column_int64(q, 1);
	});
	return r;
}

int strict_last(struct store *s, int64_t *ret_index, int64_t *ret_size, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   "SELECT coalesce((SELECT max(idx) FROM entries), -1),"
			   " coalesce((SELECT max(size) FROM checkpoints), 0)",
			   &q, reterr);

	if (r < 0)
		return r;
	EACH_ROW(q, 1, {
		*ret_index = sqlite3_column_int64(q, 0);
		*ret_size = sqlite3_column_int64(q, 1);
	});
	return r;
}
