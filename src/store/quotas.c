/* Limits, what was granted besides, and what somebody was told of them. */
#include "store/db.h"

int store_quota_set(struct store *s, const struct quota_row *w, struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT OR REPLACE INTO quotas VALUES (?, ?, ?, ?, ?)",
				"ssssi", w->tenant, w->scope, w->name, w->resource, w->amount));
}

int store_quota_remove(struct store *s, const struct quota_row *w, struct err *reterr)
{
	int r = db_one(db_change(s, reterr,
				 "DELETE FROM quotas WHERE tenant = ? AND scope = ? AND name = ?"
				 " AND resource = ?",
				 "ssss", w->tenant, w->scope, w->name, w->resource));

	if (r < 0)
		return r;
	r = db_change(s, reterr,
		      "DELETE FROM grants WHERE tenant = ? AND scope = ? AND name = ?"
		      " AND resource = ?",
		      "ssss", w->tenant, w->scope, w->name, w->resource);
	return r < 0 ? r : 0;
}

#define EACH_QUOTA(q, fn, arg)                                                                     \
	EACH_ROW(q, 0,                                                                             \
		 fn(arg, &(struct quota_row){.tenant = db_text(q, 0),                              \
					     .scope = db_text(q, 1),                               \
					     .name = db_text(q, 2),                                \
					     .resource = db_text(q, 3),                            \
					     .amount = sqlite3_column_int64(q, 4),                 \
					     .day = db_text(q, 5)}))

int store_quotas(struct store *s, const char *tenant, quota_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   "SELECT tenant, scope, name, resource, amount, '' FROM quotas"
			   " WHERE ?1 IS NULL OR tenant = ?1 ORDER BY tenant, scope, name",
			   &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	EACH_QUOTA(q, fn, arg);
	return r;
}

int store_quota_grant(struct store *s, const struct quota_row *w, struct err *reterr)
{
	return db_one(db_change(s, reterr,
				"INSERT OR REPLACE INTO grants VALUES (?, ?, ?, ?, ?, ?)", "sssssi",
				w->tenant, w->scope, w->name, w->resource, w->day, w->amount));
}

int store_quota_told(struct store *s, const struct quota_row *w, struct err *reterr)
{
	return db_one(
		db_change(s, reterr, "INSERT OR REPLACE INTO notices VALUES (?, ?, ?, ?, ?, ?)",
			  "sssssi", w->tenant, w->scope, w->name, w->resource, w->day, w->amount));
}

static int of_day(struct store *s, const char *sql, const char *day, quota_fn *fn, void *arg,
		  struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, sql, &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, day, -1, SQLITE_STATIC);
	EACH_QUOTA(q, fn, arg);
	return r;
}

int store_quota_grants(struct store *s, const char *day, quota_fn *fn, void *arg,
		       struct err *reterr)
{
	return of_day(s,
		      "SELECT tenant, scope, name, resource, amount, day FROM grants"
		      " WHERE day = ?",
		      day, fn, arg, reterr);
}

int store_quota_notices(struct store *s, const char *day, quota_fn *fn, void *arg,
			struct err *reterr)
{
	return of_day(s,
		      "SELECT tenant, scope, name, resource, level, day FROM notices"
		      " WHERE day = ?",
		      day, fn, arg, reterr);
}

int store_quota_sweep(struct store *s, const char *before, struct err *reterr)
{
	int r = db_change(s, reterr, "DELETE FROM grants WHERE day < ?", "s", before);

	if (r >= 0)
		r = db_change(s, reterr, "DELETE FROM notices WHERE day < ?", "s", before);
	return r < 0 ? r : 0;
}
