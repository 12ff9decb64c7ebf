/* Artifacts. */
#include "store/db.h"

int store_artifact_put(struct store *s, const struct artifact_row *w, int *ret_added,
		       struct err *reterr)
{
	int r = db_change(s, reterr,
			  "INSERT INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)"
			  " ON CONFLICT DO NOTHING",
			  "ssssibii", w->tenant, w->digest, w->language, w->main, w->fences,
			  w->modules, w->modules_len, w->trust, w->created_ms);

	*ret_added = r > 0;
	return r < 0 ? r : 0;
}

int store_artifact_trust(struct store *s, const char *tenant, const char *digest, int64_t trust,
			 struct err *reterr)
{
	return db_one(db_change(s, reterr,
				"UPDATE artifacts SET trust = ? WHERE tenant = ? AND digest = ?",
				"iss", trust, tenant, digest));
}

int store_artifact_count(struct store *s, const char *tenant, const char *digest, int64_t hit,
			 struct err *reterr)
{
	return db_one(db_change(s, reterr,
				"UPDATE artifacts SET runs = runs + 1, hits = hits + ?"
				" WHERE tenant = ? AND digest = ?",
				"iss", hit, tenant, digest));
}

int store_artifact_delete(struct store *s, const char *tenant, const char *digest,
			  struct err *reterr)
{
	return db_one(db_change(s, reterr, "DELETE FROM artifacts WHERE tenant = ? AND digest = ?",
				"ss", tenant, digest));
}

#define ARTIFACT(modules)                                                                          \
	"SELECT tenant, digest, language, main, " modules                                          \
	", length(modules), fences, trust, runs, hits, created_ms FROM artifacts WHERE tenant = "  \
	"?1 "

int store_artifacts(struct store *s, const char *tenant, const char *digest, artifact_fn *fn,
		    void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   digest ? ARTIFACT("modules") "AND digest = ?2"
				  : ARTIFACT("NULL") "ORDER BY created_ms DESC, digest LIMIT 1000",
			   &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	if (digest)
		sqlite3_bind_text(q, 2, digest, -1, SQLITE_STATIC);
	EACH_ROW(q, digest != NULL,
		 fn(arg, &(struct artifact_row){.tenant = db_text(q, 0),
						.digest = db_text(q, 1),
						.language = db_text(q, 2),
						.main = db_text(q, 3),
						.modules = sqlite3_column_blob(q, 4),
						.modules_len = (size_t)sqlite3_column_int64(q, 5),
						.fences = sqlite3_column_int64(q, 6),
						.trust = sqlite3_column_int64(q, 7),
						.runs = sqlite3_column_int64(q, 8),
						.hits = sqlite3_column_int64(q, 9),
						.created_ms = sqlite3_column_int64(q, 10)}));
	return r;
}

int store_artifact_bytes(struct store *s, const char *tenant, int64_t *ret, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(
		s, "SELECT coalesce(sum(length(modules)), 0) FROM artifacts WHERE tenant = ?", &q,
		reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	EACH_ROW(q, 1, *ret = sqlite3_column_int64(q, 0));
	return r;
}
