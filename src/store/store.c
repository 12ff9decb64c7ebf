#include "store/store.h"

#include "store/schema.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATEMENTS = 48, BUSY_MS = 2000 };

struct store {
	sqlite3 *db;
	struct {
		const char *sql; /* by address: texts are literals */
		sqlite3_stmt *stmt;
	} prepared[STATEMENTS];
};

static int fail(struct store *s, struct err *reterr)
{
	int code = sqlite3_errcode(s->db);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(reterr, ENOSPC, "store.full",
			       "the disk of the data directory is full; make room and try again");
	case SQLITE_READONLY:
		return err_set(
			reterr, EROFS, "store.read_only",
			"the data directory cannot be written; give it back its permissions");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(reterr, EUCLEAN, "store.damaged",
			       "the state database is damaged (%s); restore it from a backup",
			       sqlite3_errmsg(s->db));
	default:
		return err_set(reterr, EIO, "store.failed", "the state database: %s",
			       sqlite3_errmsg(s->db));
	}
}

/* A statement that was prepared before, or is now; parameters are bound by `format`. */
static int prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *reterr)
{
	size_t i;

	for (i = 0; i < STATEMENTS && s->prepared[i].sql; i++)
		if (s->prepared[i].sql == sql) {
			*ret = s->prepared[i].stmt;
			return 0;
		}
	if (i == STATEMENTS)
		return err_set(reterr, ENOBUFS, "store.failed", "too many prepared statements");
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) != SQLITE_OK)
		return fail(s, reterr);
	s->prepared[i].sql = sql;
	s->prepared[i].stmt = *ret;
	return 0;
}

/* format: s text (NULL: null), i int64_t, b bytes (pointer, size_t). */
static void bind(sqlite3_stmt *q, const char *format, va_list ap)
{
	for (int i = 1; *format; format++, i++) {
		if (*format == 's') {
			sqlite3_bind_text(q, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else if (*format == 'i') {
			sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
		} else {
			const void *p = va_arg(ap, const void *);

			sqlite3_bind_blob64(q, i, p, va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
}

static void release(sqlite3_stmt *q)
{
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
}

/* Number of rows changed, -EEXIST for a row that is there already, or another error. */
static int change(struct store *s, struct err *reterr, const char *sql, const char *format, ...)
{
	sqlite3_stmt *q;
	va_list ap;
	int r = prepare(s, sql, &q, reterr);

	if (r < 0)
		return r;
	va_start(ap, format);
	bind(q, format, ap);
	va_end(ap);
	r = sqlite3_step(q);
	if (r == SQLITE_DONE)
		r = sqlite3_changes(s->db);
	else if (sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY ||
		 sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		r = -EEXIST;
	else if (sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
		r = -ENOENT; /* its tenant */
	else
		r = fail(s, reterr);
	release(q);
	return r;
}

static int one(int changed)
{
	return changed < 0 ? changed : changed == 0 ? -ENOENT : 0;
}

static const char *text(sqlite3_stmt *q, int column)
{
	const char *t = (const char *)sqlite3_column_text(q, column);

	return t ? t : "";
}

static int simple(struct store *s, const char *sql, struct err *reterr)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, reterr);
}

static int user_version(struct store *s)
{
	sqlite3_stmt *q = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return v;
}

static int migrate(struct store *s, struct err *reterr)
{
	int have = user_version(s), want = (int)ARRAY_SIZE(schema_versions), r = 0;

	if (have < 0)
		return fail(s, reterr);
	if (have > want)
		return err_set(reterr, EPROTONOSUPPORT, "store.newer",
			       "the state database has version %d, this program knows up to %d; "
			       "use the newer Cordon that wrote it",
			       have, want);
	for (; have < want && r == 0; have++) {
		char set[64];

		snprintf(set, sizeof(set), "PRAGMA user_version = %d; COMMIT", have + 1);
		r = simple(s, "BEGIN IMMEDIATE", reterr);
		if (r == 0)
			r = simple(s, schema_versions[have], reterr);
		if (r == 0)
			r = simple(s, set, reterr);
		if (r < 0)
			sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

int store_open(const char *directory, struct store **ret, struct err *reterr)
{
	_cleanup_free_ char *path = xasprintf("%s/state.db", directory);
	struct store *s = xcalloc(1, sizeof(*s));
	int r;

	if (sqlite3_open_v2(path, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
				    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			    NULL) != SQLITE_OK) {
		r = err_set(reterr, EIO, "store.open", "cannot open '%s': %s", path,
			    s->db ? sqlite3_errmsg(s->db) : "no memory");
		store_close(s);
		return r;
	}
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	r = simple(s,
		   "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		   "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
		   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA secure_delete = ON",
		   reterr);
	if (r == 0)
		r = migrate(s, reterr);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->prepared[i].stmt);
	sqlite3_close(s->db);
	free(s);
}

int store_begin(struct store *s, struct err *reterr)
{
	int r = change(s, reterr, "BEGIN IMMEDIATE", "");

	return r < 0 ? r : 0;
}

void store_rollback(struct store *s)
{
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_commit(struct store *s, struct err *reterr)
{
	int r = change(s, reterr, "COMMIT", "");

	if (r < 0)
		store_rollback(s);
	return r < 0 ? r : 0;
}

int store_tenant_add(struct store *s, const char *id, int64_t now, struct err *reterr)
{
	return one(change(s, reterr, "INSERT INTO tenants VALUES (?, 'active', ?)", "si", id, now));
}

int store_tenant_set_state(struct store *s, const char *id, const char *state, struct err *reterr)
{
	return one(change(s, reterr, "UPDATE tenants SET state = ? WHERE id = ?", "ss", state, id));
}

int store_tenant_delete(struct store *s, const char *id, struct err *reterr)
{
	return one(change(s, reterr, "DELETE FROM tenants WHERE id = ?", "s", id));
}

/* Steps through `q`; `row` is called for each. -ENOENT if there was none and `must` is set. */
#define EACH_ROW(q, must, row)                                                                     \
	do {                                                                                       \
		int step_, any_ = 0;                                                               \
		while ((step_ = sqlite3_step(q)) == SQLITE_ROW) {                                  \
			any_ = 1;                                                                  \
			row;                                                                       \
		}                                                                                  \
		if (step_ != SQLITE_DONE)                                                          \
			r = fail(s, reterr);                                                       \
		else if (!any_ && (must))                                                          \
			r = -ENOENT;                                                               \
		release(q);                                                                        \
	} while (0)

int store_tenants(struct store *s, const char *id, tenant_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = prepare(s,
			"SELECT id, state, created_ms FROM tenants"
			" WHERE ?1 IS NULL OR id = ?1 ORDER BY id",
			&q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
	EACH_ROW(q, id != NULL,
		 fn(arg, &(struct tenant_row){text(q, 0), text(q, 1), sqlite3_column_int64(q, 2)}));
	return r;
}

int store_key_add(struct store *s, const struct key_row *k, struct err *reterr)
{
	return one(change(s, reterr, "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, 0)", "ssssbii",
			  k->id, k->tenant, k->role, k->label, k->hash, (size_t)KEY_HASH_SIZE,
			  k->created_ms, k->expires_ms));
}

int store_key_revoke(struct store *s, const char *tenant, const char *id, int64_t now,
		     struct err *reterr)
{
	return one(change(s, reterr,
			  "UPDATE keys SET revoked_ms = CASE revoked_ms WHEN 0 THEN ? ELSE "
			  "revoked_ms END WHERE tenant = ? AND id = ?",
			  "iss", now, tenant, id));
}

int store_keys(struct store *s, const char *tenant, const char *id, key_fn *fn, void *arg,
	       struct err *reterr)
{
	sqlite3_stmt *q;
	int r = prepare(s,
			id ? "SELECT id, tenant, role, label, hash, created_ms, expires_ms, "
			     "revoked_ms FROM keys WHERE id = ?"
			   : "SELECT id, tenant, role, label, hash, created_ms, expires_ms, "
			     "revoked_ms FROM keys WHERE tenant = ? ORDER BY id",
			&q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, id ? id : tenant, -1, SQLITE_STATIC);
	EACH_ROW(q, id != NULL, {
		if (sqlite3_column_bytes(q, 4) == KEY_HASH_SIZE)
			fn(arg, &(struct key_row){
					text(q, 0), text(q, 1), text(q, 2), text(q, 3),
					sqlite3_column_blob(q, 4), sqlite3_column_int64(q, 5),
					sqlite3_column_int64(q, 6), sqlite3_column_int64(q, 7)});
	});
	return r;
}

struct newest {
	int64_t version;
	const char *digest;
	int same;
};

static void see_newest(void *arg, const struct profile_row *row)
{
	struct newest *n = arg;

	n->version = row->version;
	n->same = !strcmp(row->digest, n->digest);
}

int store_profile_put(struct store *s, const struct profile_row *p, int64_t *ret_version,
		      int *ret_added, struct err *reterr)
{
	struct newest n = {.digest = p->digest};
	int r = store_profiles(s, p->tenant, p->name, 0, see_newest, &n, reterr);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret_version = n.version + !n.same;
	*ret_added = !n.same;
	if (n.same)
		return 0;
	return one(change(s, reterr, "INSERT INTO profiles VALUES (?, ?, ?, ?, ?, ?)", "ssisbi",
			  p->tenant, p->name, *ret_version, p->digest, p->source, p->source_len,
			  p->created_ms));
}

#define PROFILE "SELECT tenant, name, digest, source, version, created_ms FROM profiles "
static const char profile_newest_of_all[] =
	PROFILE "AS p WHERE tenant = ?1 AND version = (SELECT max(version) FROM profiles"
		" WHERE tenant = p.tenant AND name = p.name) ORDER BY name";
static const char profile_all_of_name[] =
	PROFILE "WHERE tenant = ?1 AND name = ?2 ORDER BY version DESC";
static const char profile_newest[] =
	PROFILE "WHERE tenant = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1";
static const char profile_version[] = PROFILE "WHERE tenant = ?1 AND name = ?2 AND version = ?3";

int store_profiles(struct store *s, const char *tenant, const char *name, int64_t version,
		   profile_fn *fn, void *arg, struct err *reterr)
{
	const char *sql = !name		 ? profile_newest_of_all
			  : version < 0	 ? profile_all_of_name
			  : version == 0 ? profile_newest
					 : profile_version;
	sqlite3_stmt *q;
	int r = prepare(s, sql, &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	if (name)
		sqlite3_bind_text(q, 2, name, -1, SQLITE_STATIC);
	if (version > 0)
		sqlite3_bind_int64(q, 3, version);
	EACH_ROW(q, name != NULL,
		 fn(arg, &(struct profile_row){
				 text(q, 0), text(q, 1), text(q, 2), sqlite3_column_blob(q, 3),
				 (size_t)sqlite3_column_bytes(q, 3), sqlite3_column_int64(q, 4),
				 sqlite3_column_int64(q, 5)}));
	return r;
}

int store_run_add(struct store *s, const struct run_row *w, struct err *reterr)
{
	int named = *w->idempotency != '\0';

	return one(change(
		s, reterr,
		"INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"sssssssssbisssbbi", w->id, w->tenant, w->key, w->profile, w->policy, w->artifact,
		w->labels, w->trace, named ? w->idempotency : NULL, named ? w->body : NULL,
		named ? (size_t)KEY_HASH_SIZE : (size_t)0, w->created_ms, w->state, w->outcome,
		w->reason, w->result, w->result_len, w->events, w->events_len, w->ended_ms));
}

int store_run_end(struct store *s, const struct run_row *w, struct err *reterr)
{
	return one(change(s, reterr,
			  "UPDATE runs SET state = 'done', outcome = ?, reason = ?, result = ?, "
			  "events = ?, ended_ms = ? WHERE id = ? AND state = 'running'",
			  "ssbbis", w->outcome, w->reason, w->result, w->result_len, w->events,
			  w->events_len, w->ended_ms, w->id));
}

static const char runs_select[] =
	"SELECT id, tenant, key, profile, policy, artifact, labels, trace,"
	" coalesce(idempotency, ''), body, created_ms, state, outcome, reason, result,"
	" CASE WHEN ?14 THEN events END, ended_ms FROM runs"
	" WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR id = ?2)"
	" AND (?3 IS NULL OR key = ?3) AND (?4 IS NULL OR profile = ?4)"
	" AND (?5 IS NULL OR outcome = ?5) AND (?6 IS NULL OR reason = ?6)"
	" AND (?7 IS NULL OR idempotency = ?7)"
	" AND (?8 IS NULL OR EXISTS (SELECT 1 FROM json_each(labels) AS l"
	"  WHERE l.key = ?8 AND l.value = ?9))"
	" AND (?10 IS NULL OR id < ?10) AND created_ms >= ?11 AND created_ms <= ?12"
	" AND (NOT ?13 OR state = 'running') ORDER BY id DESC LIMIT ?15";
/* The same by its primary key, which the planner would not see through the conditions above. */
static const char run_select[] =
	"SELECT id, tenant, key, profile, policy, artifact, labels, trace,"
	" coalesce(idempotency, ''), body, created_ms, state, outcome, reason, result,"
	" CASE WHEN ?14 THEN events END, ended_ms FROM runs"
	" WHERE id = ?2 AND (?1 IS NULL OR tenant = ?1) AND (?3 IS NULL OR key = ?3)";
static const char run_by_idempotency[] =
	"SELECT id, tenant, key, profile, policy, artifact, labels, trace,"
	" coalesce(idempotency, ''), body, created_ms, state, outcome, reason, result,"
	" CASE WHEN ?14 THEN events END, ended_ms FROM runs"
	" WHERE tenant = ?1 AND key = ?3 AND idempotency = ?7";

static struct run_row row_of(sqlite3_stmt *q)
{
	return (struct run_row){.id = text(q, 0),
				.tenant = text(q, 1),
				.key = text(q, 2),
				.profile = text(q, 3),
				.policy = text(q, 4),
				.artifact = text(q, 5),
				.labels = text(q, 6),
				.trace = text(q, 7),
				.idempotency = text(q, 8),
				.body = sqlite3_column_blob(q, 9),
				.created_ms = sqlite3_column_int64(q, 10),
				.state = text(q, 11),
				.outcome = text(q, 12),
				.reason = text(q, 13),
				.result = sqlite3_column_blob(q, 14),
				.result_len = (size_t)sqlite3_column_bytes(q, 14),
				.events = sqlite3_column_blob(q, 15),
				.events_len = (size_t)sqlite3_column_bytes(q, 15),
				.ended_ms = sqlite3_column_int64(q, 16)};
}

int store_runs(struct store *s, const struct run_filter *f, run_fn *fn, void *arg,
	       struct err *reterr)
{
	const char *const texts[] = {f->tenant,	     f->id,	f->key,		f->profile,
				     f->outcome,     f->reason, f->idempotency, f->label_name,
				     f->label_value, f->before};
	const char *sql = f->id ? run_select : f->idempotency ? run_by_idempotency : runs_select;
	sqlite3_stmt *q;
	int r = prepare(s, sql, &q, reterr), most;

	if (r < 0)
		return r;
	most = sqlite3_bind_parameter_count(q);
	for (int i = 0; i < (int)ARRAY_SIZE(texts) && i < most; i++)
		sqlite3_bind_text(q, i + 1, texts[i], -1, SQLITE_STATIC);
	if (sql == runs_select) {
		sqlite3_bind_int64(q, 11, f->since_ms);
		sqlite3_bind_int64(q, 12, f->until_ms ? f->until_ms : INT64_MAX);
		sqlite3_bind_int(q, 13, f->running);
		sqlite3_bind_int(q, 15, f->limit ? f->limit : -1);
	}
	sqlite3_bind_int(q, 14, f->with_events);
	EACH_ROW(q, f->id || f->idempotency, {
		struct run_row row = row_of(q);

		fn(arg, &row);
	});
	return r;
}
