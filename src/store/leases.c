/* Leases, settings of control's own, and acts on their way to the ledger. */
#include "store/db.h"

int store_lease_add(struct store *s, const struct lease_row *w, int64_t most, struct err *reterr)
{
	int r = db_change(
		s, reterr,
		"INSERT INTO leases SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?12"
		" WHERE (SELECT count(*) FROM leases WHERE tenant = ?2 AND revoked_ms = 0"
		" AND expires_ms > ?9) < ?11",
		"sssssssiiiis", w->id, w->tenant, w->key, w->profile, w->policy, w->session,
		w->artifact, w->epoch, w->created_ms, w->expires_ms, most, w->team);

	if (r == 0)
		return err_set(reterr, ENOSPC, "lease.quota",
			       "the tenant has %lld leases that are not over; let some expire, or "
			       "revoke them",
			       (long long)most);
	return r < 0 ? r : 0;
}

int store_lease_renew(struct store *s, const char *tenant, const char *id, int64_t epoch,
		      int64_t now, int64_t expires_ms, struct err *reterr)
{
	int r = db_change(s, reterr,
			  "UPDATE leases SET epoch = epoch + 1, expires_ms = ? WHERE tenant = ?"
			  " AND id = ? AND epoch = ? AND revoked_ms = 0 AND expires_ms > ?",
			  "issii", expires_ms, tenant, id, epoch, now);

	return r < 0 ? r : r == 0 ? -ESTALE : 0;
}

int store_lease_revoke(struct store *s, const char *tenant, const char *id, int64_t now,
		       struct err *reterr)
{
	return db_one(db_change(s, reterr,
				"UPDATE leases SET revoked_ms = CASE revoked_ms WHEN 0 THEN ? ELSE "
				"revoked_ms END WHERE tenant = ? AND id = ?",
				"iss", now, tenant, id));
}

int store_lease_sweep(struct store *s, int64_t ms, struct err *reterr)
{
	int r = db_change(s, reterr, "DELETE FROM leases WHERE expires_ms < ?", "i", ms);

	return r < 0 ? r : 0;
}

#define LEASE                                                                                      \
	"SELECT id, tenant, key, profile, policy, session, artifact, epoch, created_ms,"           \
	" expires_ms, revoked_ms, team FROM leases "

int store_leases(struct store *s, const char *tenant, const char *id, const char *key, int64_t now,
		 lease_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   id ? LEASE "WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)"
				      " AND (?3 IS NULL OR key = ?3)"
			      : LEASE "WHERE tenant = ?2 AND revoked_ms = 0 AND expires_ms > ?1"
				      " AND (?3 IS NULL OR key = ?3)"
				      " ORDER BY id DESC LIMIT 1000",
			   &q, reterr);

	if (r < 0)
		return r;
	if (id)
		sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	else
		sqlite3_bind_int64(q, 1, now);
	sqlite3_bind_text(q, 2, tenant, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 3, key, -1, SQLITE_STATIC);
	EACH_ROW(q, id != NULL,
		 fn(arg, &(struct lease_row){.id = db_text(q, 0),
					     .tenant = db_text(q, 1),
					     .key = db_text(q, 2),
					     .profile = db_text(q, 3),
					     .policy = db_text(q, 4),
					     .session = db_text(q, 5),
					     .artifact = db_text(q, 6),
					     .epoch = sqlite3_column_int64(q, 7),
					     .created_ms = sqlite3_column_int64(q, 8),
					     .expires_ms = sqlite3_column_int64(q, 9),
					     .revoked_ms = sqlite3_column_int64(q, 10),
					     .team = db_text(q, 11)}));
	return r;
}

int store_setting(struct store *s, const char *name, void *value, size_t len, struct err *reterr)
{
	sqlite3_stmt *q;
	int damaged = 0, r = db_prepare(s, "SELECT value FROM settings WHERE name = ?", &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	EACH_ROW(q, 1, {
		damaged = (size_t)sqlite3_column_bytes(q, 0) != len;
		if (!damaged)
			memcpy(value, sqlite3_column_blob(q, 0), len);
	});
	return damaged ? err_set(reterr, EUCLEAN, "store.damaged",
				 "the state database's setting '%s' is damaged; restore it from a "
				 "backup",
				 name)
		       : r;
}

int store_setting_put(struct store *s, const char *name, const void *value, size_t len,
		      struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT OR REPLACE INTO settings VALUES (?, ?)", "sb",
				name, value, len));
}

int store_outbox_add(struct store *s, const char *id, const void *event, size_t len,
		     struct err *reterr)
{
	return db_one(
		db_change(s, reterr, "INSERT INTO outbox VALUES (?, ?)", "sb", id, event, len));
}

int store_outbox_drop(struct store *s, const char *id, struct err *reterr)
{
	return db_one(db_change(s, reterr, "DELETE FROM outbox WHERE id = ?", "s", id));
}

int store_outbox(struct store *s, outbox_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT id, event FROM outbox ORDER BY id", &q, reterr);

	if (r == 0)
		EACH_ROW(q, 0,
			 fn(arg, db_text(q, 0), sqlite3_column_blob(q, 1),
			    (size_t)sqlite3_column_bytes(q, 1)));
	return r;
}
