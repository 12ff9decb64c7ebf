/* Tenants and their keys. */
#include "store/db.h"

#include <errno.h>

int store_tenant_add(struct store *s, const char *id, int64_t now, struct err *reterr)
{
	return db_one(db_change(s, reterr,
				"INSERT INTO tenants VALUES (?, 'active', ?, 0, '', 100)", "si", id,
				now));
}

int store_tenant_set_state(struct store *s, const char *id, const char *state, struct err *reterr)
{
	return db_one(
		db_change(s, reterr, "UPDATE tenants SET state = ? WHERE id = ?", "ss", state, id));
}

int store_tenant_set_payload_days(struct store *s, const char *id, int64_t days, struct err *reterr)
{
	return db_one(db_change(s, reterr, "UPDATE tenants SET payload_days = ? WHERE id = ?", "is",
				days, id));
}

int store_tenant_set_weight(struct store *s, const char *id, int64_t weight, struct err *reterr)
{
	return db_one(db_change(s, reterr, "UPDATE tenants SET weight = ? WHERE id = ?", "is",
				weight, id));
}

int store_tenant_delete(struct store *s, const char *id, struct err *reterr)
{
	return db_one(db_change(s, reterr, "DELETE FROM tenants WHERE id = ?", "s", id));
}

int store_tenants(struct store *s, const char *id, tenant_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   "SELECT id, state, created_ms, payload_days, weight FROM tenants"
			   " WHERE ?1 IS NULL OR id = ?1 ORDER BY id",
			   &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	EACH_ROW(q, id != NULL,
		 fn(arg,
		    &(struct tenant_row){db_text(q, 0), db_text(q, 1), sqlite3_column_int64(q, 2),
					 sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4)}));
	return r;
}

int store_key_add(struct store *s, const struct key_row *k, struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
				"ssssbiis", k->id, k->tenant, k->role, k->label, k->hash,
				(size_t)KEY_HASH_SIZE, k->created_ms, k->expires_ms, k->team));
}

int store_key_revoke(struct store *s, const char *tenant, const char *id, int64_t now,
		     struct err *reterr)
{
	int r = db_change(s, reterr,
			  "UPDATE keys SET revoked_ms = ? WHERE tenant = ? AND id = ? AND "
			  "revoked_ms = 0",
			  "iss", now, tenant, id);

	if (r)
		return r < 0 ? r : 0;
	r = db_one(db_change(s, reterr,
			     "UPDATE keys SET revoked_ms = revoked_ms WHERE tenant = ? AND id = ?",
			     "ss", tenant, id));
	return r ? r : -EALREADY;
}

int store_keys(struct store *s, const char *tenant, const char *id, key_fn *fn, void *arg,
	       struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   id ? "SELECT id, tenant, role, label, hash, created_ms, expires_ms, "
				"revoked_ms, team FROM keys WHERE id = ?"
			      : "SELECT id, tenant, role, label, hash, created_ms, expires_ms, "
				"revoked_ms, team FROM keys WHERE tenant = ? ORDER BY id",
			   &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, id ? id : tenant, -1, SQLITE_STATIC);
	EACH_ROW(q, id != NULL, {
		if (sqlite3_column_bytes(q, 4) == KEY_HASH_SIZE)
			fn(arg, &(struct key_row){
					db_text(q, 0), db_text(q, 1), db_text(q, 2), db_text(q, 3),
					db_text(q, 8), sqlite3_column_blob(q, 4),
					sqlite3_column_int64(q, 5), sqlite3_column_int64(q, 6),
					sqlite3_column_int64(q, 7)});
	});
	return r;
}

int store_count(struct store *s, const char *table, const char *tenant, int64_t *ret,
		struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   !strcmp(table, "keys") ? "SELECT count(*) FROM keys WHERE tenant = ?"
			   : !strcmp(table, "quotas")
				   ? "SELECT count(*) FROM quotas WHERE tenant = ?"
				   : "SELECT count(*) FROM profiles WHERE tenant = ?",
			   &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	EACH_ROW(q, 1, *ret = sqlite3_column_int64(q, 0));
	return r;
}
