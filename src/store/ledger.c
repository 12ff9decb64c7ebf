#include "store/ledger.h"

#include "store/db.h"
#include "store/ledger_schema.h"

#include <stdio.h>

#define WHAT "the ledger's database"

int ledger_open(const char *directory, struct store **ret, struct err *reterr)
{
	static const struct db_file file = {
		.name = "ledger.db",
		.what = WHAT,
		.application = 0x436f7245, /* "CorE", in the file's header */
		.versions = ledger_versions,
		.n_versions = ARRAY_SIZE(ledger_versions),
		.settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;"
			    "PRAGMA secure_delete = ON;"
			    "PRAGMA wal_autocheckpoint = 8000"};

	return db_open(directory, &file, ret, reterr);
}

int ledger_open_to_read(const char *directory, struct store **ret, struct err *reterr)
{
	static const struct db_file file = {.name = "ledger.db",
					    .what = WHAT,
					    .settings = "PRAGMA temp_store = MEMORY;"
							"PRAGMA cache_size = -65536"};
	int r = db_open(directory, &file, ret, reterr);

	if (r == 0 && sqlite3_exec((*ret)->db, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL,
				   NULL, NULL) != SQLITE_OK) {
		r = (sqlite3_errcode((*ret)->db) & 0xff) == SQLITE_CANTOPEN
			    ? err_set(reterr, EIO, "store.open",
				      "what belongs to '%s/ledger.db' cannot be opened, or made "
				      "beside "
				      "it",
				      directory)
			    : db_fail(*ret, reterr);
		store_close(*ret);
	}
	return r;
}

int ledger_sync(struct store *s, int on, struct err *reterr)
{
	return sqlite3_exec(s->db, on ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
			    NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : db_fail(s, reterr);
}

int ledger_erase_traces(struct store *s, struct err *reterr)
{
	int r;

	sqlite3_busy_timeout(s->db, 0); /* whoever reads is not waited for */
	r = store_erase_traces(s, reterr);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return r;
}

int ledger_origin(struct store *s, char *out, size_t size, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT value FROM log WHERE name = 'origin'", &q, reterr);

	if (r == 0)
		EACH_ROW(q, 1, snprintf(out, size, "%s", db_text(q, 0)));
	return r;
}

int ledger_origin_put(struct store *s, const char *origin, struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT INTO log VALUES ('origin', ?)", "s", origin));
}

int ledger_probe(struct store *s, struct err *reterr)
{
	int r = db_change(s, reterr, "INSERT OR REPLACE INTO log VALUES ('probe', zeroblob(65536))",
			  "");

	if (r > 0)
		r = db_change(s, reterr, "DELETE FROM log WHERE name = 'probe'", "");
	return r < 0 ? r : 0;
}

/* A blob of exactly `len` bytes, or NULL. */
static const uint8_t *bytes(sqlite3_stmt *q, int column, int len)
{
	const uint8_t *p = sqlite3_column_blob(q, column);

	return sqlite3_column_bytes(q, column) == len ? p : NULL;
}

int ledger_generations(struct store *s, generation_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s,
			   "SELECT number, first, statement, log, secret, from_ms, until_ms"
			   " FROM generations ORDER BY number",
			   &q, reterr);

	if (r < 0)
		return r;
	EACH_ROW(q, 0, {
		struct generation_row row = {.number = sqlite3_column_int64(q, 0),
					     .first = sqlite3_column_int64(q, 1),
					     .statement = bytes(q, 2, LEDGER_HASH),
					     .log = bytes(q, 3, LEDGER_HASH),
					     .secret = sqlite3_column_blob(q, 4),
					     .secret_len = (size_t)sqlite3_column_bytes(q, 4),
					     .from_ms = sqlite3_column_int64(q, 5),
					     .until_ms = sqlite3_column_int64(q, 6)};

		fn(arg, &row);
	});
	return r;
}

int ledger_generation_add(struct store *s, const struct generation_row *w, struct err *reterr)
{
	int r = db_change(s, reterr,
			  "UPDATE generations SET secret = NULL, until_ms = ? WHERE until_ms = 0",
			  "i", w->from_ms);

	if (r < 0)
		return r;
	return db_one(db_change(s, reterr, "INSERT INTO generations VALUES (?, ?, ?, ?, ?, ?, 0)",
				"iibbbi", w->number, w->first, w->statement, (size_t)LEDGER_HASH,
				w->log, (size_t)LEDGER_HASH, w->secret, w->secret_len, w->from_ms));
}

int ledger_entry_add(struct store *s, const struct entry_row *w, struct err *reterr)
{
	return db_one(db_change(
		s, reterr,
		"INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"iiiisssssssibbbb", w->index, w->kind, w->generation, w->time_ms, w->subject,
		w->tenant, w->trace, w->session, w->lease, w->artifact, w->profile, w->node,
		w->leaf, (size_t)LEDGER_HASH, w->signature, (size_t)LEDGER_SIGNATURE, w->statement,
		w->statement_len, w->journal, w->journal_len));
}

#define BUT_JOURNAL                                                                                \
	"SELECT idx, kind, generation, time_ms, subject, tenant, trace, session, lease, artifact," \
	" profile, node, leaf, signature, statement,"
#define COLUMNS BUT_JOURNAL " journal FROM "
#define ENTRY COLUMNS "entries "

static struct entry_row entry_of(sqlite3_stmt *q)
{
	return (struct entry_row){.index = sqlite3_column_int64(q, 0),
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
				  .leaf = bytes(q, 12, LEDGER_HASH),
				  .signature = bytes(q, 13, LEDGER_SIGNATURE),
				  .statement = sqlite3_column_blob(q, 14),
				  .statement_len = (size_t)sqlite3_column_bytes(q, 14),
				  .journal = sqlite3_column_blob(q, 15),
				  .journal_len = (size_t)sqlite3_column_bytes(q, 15)};
}

static int each_entry(struct store *s, sqlite3_stmt *q, int must, entry_fn *fn, void *arg,
		      struct err *reterr)
{
	int step, any = 0, r = 0;

	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		struct entry_row row = entry_of(q);

		any = 1;
		if (fn(arg, &row)) {
			step = SQLITE_DONE;
			break;
		}
	}
	if (step != SQLITE_DONE)
		r = db_fail(s, reterr);
	else if (!any && must)
		r = -ENOENT;
	db_release(q);
	return r;
}

int ledger_entry(struct store *s, const char *subject, entry_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, ENTRY "WHERE subject = ?", &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, subject, -1, SQLITE_STATIC);
	return each_entry(s, q, 1, fn, arg, reterr);
}

int ledger_entry_at(struct store *s, int64_t index, entry_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, ENTRY "WHERE idx = ?", &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, index);
	return each_entry(s, q, 1, fn, arg, reterr);
}

int ledger_entries(struct store *s, int64_t from, entry_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, BUT_JOURNAL " NULL FROM entries WHERE idx >= ? ORDER BY idx", &q,
			   reterr);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, from);
	return each_entry(s, q, 0, fn, arg, reterr);
}

int ledger_time(struct store *s, int64_t index, int64_t *ret, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT time_ms FROM entries WHERE idx = ?", &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, index);
	EACH_ROW(q, 1, *ret = sqlite3_column_int64(q, 0));
	return r;
}

int ledger_size(struct store *s, int64_t *ret, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT coalesce(max(idx) + 1, 0) FROM entries", &q, reterr);

	if (r == 0)
		EACH_ROW(q, 1, *ret = sqlite3_column_int64(q, 0));
	return r;
}

int ledger_mark_add(struct store *s, const struct mark_row *w, struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT INTO marks VALUES (?, ?, ?, ?, ?)", "iisss",
				w->index, w->line, w->event, w->destination, w->reason));
}

int ledger_marks(struct store *s, mark_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int stop = 0, r = db_prepare(s,
				     "SELECT idx, line, event, destination, reason FROM marks"
				     " ORDER BY idx, line",
				     &q, reterr);

	if (r < 0)
		return r;
	EACH_ROW(q, 0, {
		struct mark_row row = {.index = sqlite3_column_int64(q, 0),
				       .line = sqlite3_column_int64(q, 1),
				       .event = db_text(q, 2),
				       .destination = db_text(q, 3),
				       .reason = db_text(q, 4)};

		if (!stop)
			stop = fn(arg, &row);
	});
	return r;
}

/*
 * By the one condition that an index serves, in order and without a sort: a reader that has enough
 * stops, and nothing was looked at in vain.
 */
int ledger_find(struct store *s, enum ledger_by by, const char *value, int64_t from, entry_fn *fn,
		void *arg, struct err *reterr)
{
/* An entry may have thousands of marks, and comes once; CROSS: in this order, so one by one. */
#define MARKED(condition)                                                                          \
	COLUMNS "(SELECT DISTINCT idx FROM marks WHERE " condition                                 \
		" AND idx >= ?2 ORDER BY idx) CROSS JOIN entries USING (idx)"
	static const char *const sql[] = {
		[LEDGER_BY_INDEX] = ENTRY "WHERE ?1 IS NULL AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_SUBJECT] = ENTRY "WHERE subject = ?1 AND idx >= ?2",
		[LEDGER_BY_TENANT] = ENTRY "WHERE tenant = ?1 AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_TRACE] =
			ENTRY "WHERE trace = ?1 AND trace <> '' AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_SESSION] =
			ENTRY "WHERE session = ?1 AND session <> '' AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_LEASE] =
			ENTRY "WHERE lease = ?1 AND lease <> '' AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_ARTIFACT] =
			ENTRY "WHERE artifact = ?1 AND artifact <> '' AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_PROFILE] =
			ENTRY "WHERE profile = ?1 AND profile <> '' AND idx >= ?2 ORDER BY idx",
		[LEDGER_BY_EVENT] = MARKED("event = ?1"),
		[LEDGER_BY_DESTINATION] = MARKED("destination = ?1 AND destination <> ''"),
		[LEDGER_BY_REASON] = MARKED("reason = ?1 AND reason <> ''"),
	};
	sqlite3_stmt *q;
	int r = db_prepare(s, sql[by], &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, value, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, from);
	return each_entry(s, q, 0, fn, arg, reterr);
}

static int64_t tile_id(unsigned level, int64_t n)
{
	return (int64_t)level << 56 | n;
}

int ledger_tile_add(struct store *s, unsigned level, int64_t n, const void *hashes,
		    struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT INTO tiles VALUES (?, ?)", "ib",
				tile_id(level, n), hashes, (size_t)256 * LEDGER_HASH));
}

int ledger_tile(struct store *s, unsigned level, int64_t n, void *hashes, struct err *reterr)
{
	sqlite3_stmt *q;
	int damaged = 0, r = db_prepare(s, "SELECT hashes FROM tiles WHERE id = ?", &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, tile_id(level, n));
	EACH_ROW(q, 1, {
		const uint8_t *p = bytes(q, 0, 256 * LEDGER_HASH);

		if (p)
			memcpy(hashes, p, 256 * LEDGER_HASH);
		else
			damaged = 1;
	});
	if (r == 0 && damaged)
		return err_set(reterr, EUCLEAN, "store.damaged",
			       "tile %lld of level %u has not its size; restore " WHAT
			       " from a backup",
			       (long long)n, level);
	return r;
}

int ledger_tiles_count(struct store *s, int64_t *ret, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT count(*) FROM tiles", &q, reterr);

	if (r == 0)
		EACH_ROW(q, 1, *ret = sqlite3_column_int64(q, 0));
	return r;
}

int ledger_checkpoint_add(struct store *s, const struct checkpoint_row *w, struct err *reterr)
{
	return db_one(db_change(s, reterr, "INSERT INTO checkpoints VALUES (?, ?, ?)", "iib",
				w->size, w->time_ms, w->note, w->note_len));
}

int ledger_checkpoint_cosign(struct store *s, const struct checkpoint_row *w, struct err *reterr)
{
	return db_one(db_change(s, reterr, "UPDATE checkpoints SET note = ? WHERE size = ?", "bi",
				w->note, w->note_len, w->size));
}

static int each_checkpoint(struct store *s, const char *sql, int must, checkpoint_fn *fn, void *arg,
			   struct err *reterr)
{
	sqlite3_stmt *q;
	int stop = 0, r = db_prepare(s, sql, &q, reterr);

	if (r < 0)
		return r;
	EACH_ROW(q, must, {
		struct checkpoint_row row = {.size = sqlite3_column_int64(q, 0),
					     .time_ms = sqlite3_column_int64(q, 1),
					     .note = sqlite3_column_blob(q, 2),
					     .note_len = (size_t)sqlite3_column_bytes(q, 2)};

		if (!stop)
			stop = fn(arg, &row);
	});
	return r;
}

int ledger_checkpoint(struct store *s, checkpoint_fn *fn, void *arg, struct err *reterr)
{
	return each_checkpoint(
		s, "SELECT size, time_ms, note FROM checkpoints ORDER BY size DESC LIMIT 1", 1, fn,
		arg, reterr);
}

int ledger_checkpoints(struct store *s, checkpoint_fn *fn, void *arg, struct err *reterr)
{
	return each_checkpoint(s, "SELECT size, time_ms, note FROM checkpoints ORDER BY size", 0,
			       fn, arg, reterr);
}
