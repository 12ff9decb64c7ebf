#include "store/ledger_usage.h"

#include "store/db.h"

const char *const usage_tables[USAGE_TABLE_COUNT] = {[USAGE_TOTALS] = "usage",
						     [USAGE_DETAIL] = "usage_detail",
						     [USAGE_REASONS] = "usage_reasons"};
#define X(name) #name,
const char *const usage_fields[USAGE_FIELD_COUNT] = {USAGE_FIELDS(X)};
const char *const usage_sums[USAGE_SUM_COUNT] = {USAGE_SUMS(X)};
#undef X

/* What a table has of fields, in their order, and how many of the sums. */
static const struct {
	unsigned fields, sums;
} shape[USAGE_TABLE_COUNT] = {
	[USAGE_TOTALS] = {(1 << USAGE_labels) - 1, USAGE_SUM_COUNT},
	[USAGE_DETAIL] = {(1 << USAGE_outcome) - 1, USAGE_SUM_COUNT},
	[USAGE_REASONS] = {1 << USAGE_day | 1 << USAGE_tenant | 1 << USAGE_profile |
				   1 << USAGE_tier | 1 << USAGE_class | 1 << USAGE_outcome |
				   1 << USAGE_reason,
			   1},
};

#define COLUMN(name) ", " #name
#define PLACE(name) ", ?"
#define SETS(name) ", " #name " = ?"
#define SUMS USAGE_SUMS(COLUMN)
#define TOTALS_FIELDS ", day, tenant, team, key, profile, tier, class, currency"
#define DETAIL_FIELDS TOTALS_FIELDS ", labels, artifact"
#define REASONS_FIELDS ", day, tenant, profile, tier, class, outcome, reason"

int usage_has(enum usage_table t, enum usage_field f)
{
	return shape[t].fields >> f & 1;
}

/* ---- arithmetic ---- */

void usage_sum_add(uint64_t *sum, uint64_t add)
{
	*sum = add > (uint64_t)INT64_MAX - *sum ? (uint64_t)INT64_MAX : *sum + add;
}

void usage_digest_add(uint8_t sum[USAGE_DIGEST], const uint8_t add[USAGE_DIGEST])
{
	unsigned carry = 0;

	for (int i = USAGE_DIGEST; i-- > 0; carry >>= 8) {
		carry += (unsigned)sum[i] + add[i];
		sum[i] = (uint8_t)carry;
	}
}

void usage_row_add(struct usage_row *to, const struct usage_row *add)
{
	for (int i = 0; i < USAGE_SUM_COUNT; i++)
		usage_sum_add(&to->sum[i], add->sum[i]);
	usage_digest_add(to->digest, add->digest);
	to->first = to->first < add->first ? to->first : add->first;
	to->last = MAX_I64(to->last, add->last);
}

/* ---- the cursor ---- */

int usage_cursor(struct store *s, struct usage_cursor *ret, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT entries, digest FROM usage_cursor WHERE id = 1", &q, reterr);

	*ret = (struct usage_cursor){0};
	if (r == 0)
		EACH_ROW(q, 0, {
			ret->entries = sqlite3_column_int64(q, 0);
			if (sqlite3_column_bytes(q, 1) == USAGE_DIGEST)
				memcpy(ret->digest, sqlite3_column_blob(q, 1), USAGE_DIGEST);
		});
	return r;
}

int usage_cursor_put(struct store *s, const struct usage_cursor *c, struct err *reterr)
{
	return db_one(
		db_change(s, reterr,
			  "INSERT INTO usage_cursor VALUES (1, ?, ?) ON CONFLICT (id)"
			  " DO UPDATE SET entries = excluded.entries, digest = excluded.digest",
			  "ib", c->entries, c->digest, (size_t)USAGE_DIGEST));
}

/* ---- rows ---- */

/* From column `at` on: first, last, digest, sums. A value of another kind counts as none: the check
 * says so. */
static int take_sums(sqlite3_stmt *q, int at, enum usage_table t, struct usage_row *row)
{
	const void *digest = sqlite3_column_blob(q, at + 2);

	row->first = sqlite3_column_int64(q, at);
	row->last = sqlite3_column_int64(q, at + 1);
	memset(row->digest, 0, sizeof(row->digest));
	if (sqlite3_column_bytes(q, at + 2) == USAGE_DIGEST)
		memcpy(row->digest, digest, USAGE_DIGEST);
	for (unsigned i = 0; i < shape[t].sums; i++) {
		int64_t v = sqlite3_column_int64(q, at + 3 + (int)i);

		row->sum[i] = v < 0 ? 0 : (uint64_t)v;
	}
	return at + 3 + (int)shape[t].sums;
}

static void bind_sums(sqlite3_stmt *q, enum usage_table t, const struct usage_row *row)
{
	sqlite3_bind_int64(q, 2, row->first);
	sqlite3_bind_int64(q, 3, row->last);
	sqlite3_bind_blob(q, 4, row->digest, USAGE_DIGEST, SQLITE_STATIC);
	for (unsigned i = 0; i < shape[t].sums; i++)
		sqlite3_bind_int64(q, 5 + (int)i, (int64_t)row->sum[i]);
}

static int step(struct store *s, sqlite3_stmt *q, struct err *reterr)
{
	int r = sqlite3_step(q) == SQLITE_DONE ? 0 : db_fail(s, reterr);

	db_release(q);
	return r;
}

/* The row of that name as it stands: -ENOENT. */
static int get(struct store *s, enum usage_table t, const uint8_t *name, struct usage_row *ret,
	       struct err *reterr)
{
	static const char *const sql[USAGE_TABLE_COUNT] = {
		[USAGE_TOTALS] =
			"SELECT id, first, last, digest" SUMS " FROM usage WHERE name = ?1",
		[USAGE_DETAIL] =
			"SELECT id, first, last, digest" SUMS " FROM usage_detail WHERE name = ?1",
		[USAGE_REASONS] = "SELECT id, first, last, digest, receipts FROM usage_reasons"
				  " WHERE name = ?1",
	};
	sqlite3_stmt *q;
	int r = db_prepare(s, sql[t], &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_blob(q, 1, name, USAGE_NAME, SQLITE_STATIC);
	EACH_ROW(q, 1, {
		ret->id = sqlite3_column_int64(q, 0);
		take_sums(q, 1, t, ret);
	});
	return r;
}

static int add(struct store *s, enum usage_table t, const struct usage_row *row, struct err *reterr)
{
	static const char *const sql[USAGE_TABLE_COUNT] = {
		[USAGE_TOTALS] =
			"INSERT INTO usage (name, first, last, digest" SUMS TOTALS_FIELDS
			") VALUES (?, ?, ?, ?" USAGE_SUMS(PLACE) ", ?, ?, ?, ?, ?, ?, ?, ?)",
		[USAGE_DETAIL] =
			"INSERT INTO usage_detail (name, first, last, digest" SUMS DETAIL_FIELDS
			") VALUES (?, ?, ?, ?" USAGE_SUMS(PLACE) ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		[USAGE_REASONS] =
			"INSERT INTO usage_reasons (name, first, last, digest, "
			"receipts" REASONS_FIELDS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	};
	sqlite3_stmt *q;
	int at, r = db_prepare(s, sql[t], &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_blob(q, 1, row->name, USAGE_NAME, SQLITE_STATIC);
	bind_sums(q, t, row);
	at = 5 + (int)shape[t].sums;
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (usage_has(t, f))
			sqlite3_bind_text(q, at++, row->field[f], -1, SQLITE_STATIC);
	return step(s, q, reterr);
}

static int set(struct store *s, enum usage_table t, const struct usage_row *row, struct err *reterr)
{
	static const char *const sql[USAGE_TABLE_COUNT] = {
		[USAGE_TOTALS] = "UPDATE usage SET first = ?2, last = ?3, digest = ?4" USAGE_SUMS(
			SETS) " WHERE id = ?1",
		[USAGE_DETAIL] =
			"UPDATE usage_detail SET first = ?2, last = ?3, digest = ?4" USAGE_SUMS(
				SETS) " WHERE id = ?1",
		[USAGE_REASONS] = "UPDATE usage_reasons SET first = ?2, last = ?3, digest = ?4,"
				  " receipts = ? WHERE id = ?1",
	};
	sqlite3_stmt *q;
	int r = db_prepare(s, sql[t], &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, row->id);
	bind_sums(q, t, row);
	return step(s, q, reterr);
}

int usage_put(struct store *s, enum usage_table t, const struct usage_row *row, struct err *reterr)
{
	struct usage_row have = {.id = 0};
	int r = get(s, t, row->name, &have, reterr);

	if (r == -ENOENT)
		return add(s, t, row, reterr);
	if (r < 0)
		return r;
	usage_row_add(&have, row);
	return set(s, t, &have, reterr);
}

/* ---- pages ---- */

/* Rows of one day, and of the days after it: each is in the order of an index. */
#define FIND(table, columns, where)                                                                \
	"SELECT id, name, first, last, digest" columns " FROM " table " WHERE " where
#define ONE_DAY "day = ?2 AND id > ?3 ORDER BY id"
#define LATER "day > ?2 AND day <= ?4 ORDER BY day, id"
#define FINDS(table, columns)                                                                      \
	{                                                                                          \
		{FIND(table, columns, ONE_DAY), FIND(table, columns, LATER)},                      \
		{                                                                                  \
			FIND(table, columns, "tenant = ?1 AND " ONE_DAY),                          \
				FIND(table, columns, "tenant = ?1 AND " LATER)                     \
		}                                                                                  \
	}

static int each(struct store *s, sqlite3_stmt *q, enum usage_table t, usage_fn *fn, void *arg,
		int *ret_enough, struct err *reterr)
{
	int code, r = 0;

	while ((code = sqlite3_step(q)) == SQLITE_ROW) {
		struct usage_row row = {.id = sqlite3_column_int64(q, 0),
					.name = sqlite3_column_blob(q, 1)};
		int at = take_sums(q, 2, t, &row);

		for (int f = 0; f < USAGE_FIELD_COUNT; f++)
			row.field[f] = usage_has(t, f) ? db_text(q, at++) : NULL;
		if (fn(arg, &row)) {
			*ret_enough = 1;
			break;
		}
	}
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		r = db_fail(s, reterr);
	db_release(q);
	return r;
}

int usage_find(struct store *s, enum usage_table t, const char *tenant, const char *from,
	       int64_t after, const char *to, usage_fn *fn, void *arg, struct err *reterr)
{
	static const char *const sql[USAGE_TABLE_COUNT][2][2] = {
		[USAGE_TOTALS] = FINDS("usage", SUMS TOTALS_FIELDS),
		[USAGE_DETAIL] = FINDS("usage_detail", SUMS DETAIL_FIELDS),
		[USAGE_REASONS] = FINDS("usage_reasons", ", receipts" REASONS_FIELDS),
	};
	int enough = strcmp(from, to) > 0, r = 0;

	for (int later = 0; r == 0 && !enough && later < 2; later++) {
		sqlite3_stmt *q;

		r = db_prepare(s, sql[t][tenant != NULL][later], &q, reterr);
		if (r < 0)
			return r;
		if (tenant)
			sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
		sqlite3_bind_text(q, 2, from, -1, SQLITE_STATIC);
		if (later)
			sqlite3_bind_text(q, 4, to, -1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(q, 3, after);
		r = each(s, q, t, fn, arg, &enough, reterr);
	}
	return r;
}
