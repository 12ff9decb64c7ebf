/* Runs. */
#include "store/db.h"

#include <stdio.h>
#include <string.h>

int store_run_add(struct store *s, const struct run_row *w, struct err *reterr)
{
	int named = *w->idempotency != '\0';

	return db_one(db_change(s, reterr,
				"INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
				"?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
				"ssssssssssssbisssbbiss", w->id, w->tenant, w->key, w->lease,
				w->session, w->profile, w->policy, w->artifact, w->labels,
				w->provenance, w->trace, named ? w->idempotency : NULL,
				named ? w->body : NULL, named ? (size_t)KEY_HASH_SIZE : (size_t)0,
				w->created_ms, w->state, w->outcome, w->reason, w->result,
				w->result_len, w->payloads, w->payloads_len, w->ended_ms, w->tier,
				w->class_));
}

int store_run_end(struct store *s, const struct run_row *w, struct err *reterr)
{
	return db_one(
		db_change(s, reterr,
			  "UPDATE runs SET state = 'done', outcome = ?, reason = ?, result = ?, "
			  "payloads = ?, ended_ms = ? WHERE id = ? AND state = 'running'",
			  "ssbbis", w->outcome, w->reason, w->result, w->result_len, w->payloads,
			  w->payloads_len, w->ended_ms, w->id));
}

/* What is taken out of the answer that was kept. */
#define ERASE                                                                                      \
	"UPDATE runs SET payloads = NULL, erased_ms = ?1, result ="                                \
	" CAST(json_set(CAST(result AS TEXT), '$.value', NULL, '$.error', NULL,"                   \
	" '$.logs', json_array(), '$.erased_at',"                                                  \
	" strftime('%Y-%m-%dT%H:%M:%fZ', ?1 / 1000.0, 'unixepoch')) AS BLOB) "

int store_run_erase(struct store *s, const char *tenant, const char *id, int64_t now,
		    struct err *reterr)
{
	int r = db_change(s, reterr,
			  ERASE
			  "WHERE id = ?2 AND tenant = ?3 AND state = 'done' AND erased_ms = 0",
			  "iss", now, id, tenant);
	sqlite3_stmt *q;

	if (r != 0)
		return r < 0 ? r : 0;
	r = db_prepare(s, "SELECT 1 FROM runs WHERE id = ? AND tenant = ? AND erased_ms <> 0", &q,
		       reterr);
	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, tenant, -1, SQLITE_STATIC);
	EACH_ROW(q, 1, {});
	return r ? r : -EALREADY;
}

int store_run_erase_before(struct store *s, const char *tenant, const char *before, int64_t now,
			   struct err *reterr)
{
	char ids[STORE_ERASE_MOST][ID_SIZE];
	sqlite3_stmt *q;
	int n = 0, r = db_prepare(s,
				  "SELECT r.id FROM tenants AS t JOIN runs AS r ON r.tenant = t.id"
				  " WHERE t.id = ? AND r.id > t.erased_until AND r.id < ?"
				  " AND r.state = 'done' ORDER BY r.id LIMIT ?",
				  &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, before, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 3, STORE_ERASE_MOST);
	EACH_ROW(q, 0, snprintf(ids[n++], ID_SIZE, "%s", db_text(q, 0)));
	for (int i = 0; r == 0 && i < n; i++) {
		r = store_run_erase(s, tenant, ids[i], now, reterr);
		if (r == -EALREADY)
			r = 0;
	}
	if (r == 0 && n)
		r = db_change(s, reterr, "UPDATE tenants SET erased_until = ? WHERE id = ?", "ss",
			      ids[n - 1], tenant);
	return r < 0 ? r : n;
}

int store_run_erases_tiers(struct store *s, int erases, struct err *reterr)
{
	int r = db_change(s, reterr,
			  erases ? "CREATE INDEX IF NOT EXISTS runs_unerased ON runs(tier, id)"
				   " WHERE state = 'done' AND erased_ms = 0"
				 : "DROP INDEX IF EXISTS runs_unerased",
			  "");

	return r < 0 ? r : 0;
}

int store_run_erase_tier(struct store *s, const char *tier, const char *before, int64_t now,
			 erased_fn *fn, void *arg, struct err *reterr)
{
	struct {
		char id[ID_SIZE], tenant[64];
		int runs; /* of its tenant: at the first of them, and 0 at the others */
	} all[STORE_ERASE_MOST];
	sqlite3_stmt *q;
	int n = 0, r = db_prepare(s,
				  "SELECT id, tenant FROM runs INDEXED BY runs_unerased"
				  " WHERE tier = ? AND id < ? AND state = 'done' AND erased_ms = 0"
				  " ORDER BY id LIMIT ?",
				  &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tier, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, before, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 3, STORE_ERASE_MOST);
	EACH_ROW(q, 0, {
		snprintf(all[n].id, sizeof(all[n].id), "%s", db_text(q, 0));
		snprintf(all[n].tenant, sizeof(all[n].tenant), "%s", db_text(q, 1));
		all[n++].runs = 0;
	});
	for (int i = 0, first; r == 0 && i < n; i++) {
		r = store_run_erase(s, all[i].tenant, all[i].id, now, reterr);
		for (first = 0; strcmp(all[first].tenant, all[i].tenant) != 0;)
			first++;
		all[first].runs++;
	}
	for (int i = 0; r == 0 && i < n; i++)
		if (all[i].runs)
			fn(arg, all[i].tenant, all[i].runs);
	return r < 0 ? r : n;
}

int store_run_sweep(struct store *s, const char *before, int64_t most, struct err *reterr)
{
	return db_change(s, reterr,
			 "DELETE FROM runs WHERE rowid IN (SELECT rowid FROM runs"
			 " WHERE id < ? AND state = 'done' ORDER BY id LIMIT ?)",
			 "si", before, most);
}

#define RUN                                                                                        \
	"SELECT id, tenant, key, lease, session, profile, policy, artifact, labels, provenance,"   \
	" trace, coalesce(idempotency, ''), body, created_ms, state, outcome, reason, result,"     \
	" CASE WHEN ?17 THEN payloads END, ended_ms, tier, class FROM runs "
static const char runs_select[] =
	RUN "WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR id = ?2)"
	    " AND (?3 IS NULL OR key = ?3) AND (?4 IS NULL OR profile = ?4)"
	    " AND (?5 IS NULL OR outcome = ?5) AND (?6 IS NULL OR reason = ?6)"
	    " AND (?7 IS NULL OR idempotency = ?7)"
	    " AND (?8 IS NULL OR EXISTS (SELECT 1 FROM json_each(labels) AS l"
	    "  WHERE l.key = ?8 AND l.value = ?9))"
	    " AND (?10 IS NULL OR id < ?10) AND (?11 IS NULL OR lease = ?11)"
	    " AND (?12 IS NULL OR session = ?12) AND (?13 IS NULL OR artifact = ?13)"
	    " AND created_ms >= ?14 AND created_ms <= ?15"
	    " AND (NOT ?16 OR state = 'running') ORDER BY id DESC LIMIT ?18";
/* The same by its primary key, which the planner would not see through the conditions above. */
static const char run_select[] =
	RUN "WHERE id = ?2 AND (?1 IS NULL OR tenant = ?1) AND (?3 IS NULL OR key = ?3)"
	    " AND (?11 IS NULL OR lease = ?11)";
static const char run_by_idempotency[] = RUN "WHERE tenant = ?1 AND key = ?3 AND idempotency = ?7";

static struct run_row row_of(sqlite3_stmt *q)
{
	return (struct run_row){.id = db_text(q, 0),
				.tenant = db_text(q, 1),
				.key = db_text(q, 2),
				.lease = db_text(q, 3),
				.session = db_text(q, 4),
				.profile = db_text(q, 5),
				.policy = db_text(q, 6),
				.artifact = db_text(q, 7),
				.labels = db_text(q, 8),
				.provenance = db_text(q, 9),
				.trace = db_text(q, 10),
				.idempotency = db_text(q, 11),
				.body = sqlite3_column_blob(q, 12),
				.created_ms = sqlite3_column_int64(q, 13),
				.state = db_text(q, 14),
				.outcome = db_text(q, 15),
				.reason = db_text(q, 16),
				.result = sqlite3_column_blob(q, 17),
				.result_len = (size_t)sqlite3_column_bytes(q, 17),
				.payloads = sqlite3_column_blob(q, 18),
				.payloads_len = (size_t)sqlite3_column_bytes(q, 18),
				.ended_ms = sqlite3_column_int64(q, 19),
				.tier = db_text(q, 20),
				.class_ = db_text(q, 21)};
}

int store_runs(struct store *s, const struct run_filter *f, run_fn *fn, void *arg,
	       struct err *reterr)
{
	const char *const texts[] = {f->tenant,	     f->id,	f->key,		f->profile,
				     f->outcome,     f->reason, f->idempotency, f->label_name,
				     f->label_value, f->before, f->lease,	f->session,
				     f->artifact};
	const char *sql = f->id ? run_select : f->idempotency ? run_by_idempotency : runs_select;
	sqlite3_stmt *q;
	int r = db_prepare(s, sql, &q, reterr), most;

	if (r < 0)
		return r;
	most = sqlite3_bind_parameter_count(q);
	for (int i = 0; i < (int)ARRAY_SIZE(texts) && i < most; i++)
		sqlite3_bind_text(q, i + 1, texts[i], -1, SQLITE_STATIC);
	if (sql == runs_select) {
		sqlite3_bind_int64(q, 14, f->since_ms);
		sqlite3_bind_int64(q, 15, f->until_ms ? f->until_ms : INT64_MAX);
		sqlite3_bind_int(q, 16, f->running);
		sqlite3_bind_int(q, 18, f->limit ? f->limit : -1);
	}
	sqlite3_bind_int(q, 17, f->with_payloads);
	EACH_ROW(q, f->id || f->idempotency, {
		struct run_row row = row_of(q);

		fn(arg, &row);
	});
	return r;
}
