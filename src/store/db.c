#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int db_fail(struct store *s, struct err *reterr)
{
	int code = sqlite3_errcode(s->db) & 0xff, cause = sqlite3_system_errno(s->db);

	if (code == SQLITE_IOERR && (cause == ENOSPC || cause == EDQUOT))
		code = SQLITE_FULL;
	else if (code == SQLITE_IOERR && cause == EROFS)
		code = SQLITE_READONLY;
	switch (code) {
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
			       "%s is damaged (%s); restore it from a backup", s->file->what,
			       sqlite3_errmsg(s->db));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(reterr, EBUSY, "store.locked",
			       "another process has %s (%s) open; stop it and try again",
			       s->file->what, s->file->name);
	default:
		return err_set(reterr, EIO, "store.failed", "%s: %s", s->file->what,
			       sqlite3_errmsg(s->db));
	}
}

/* A statement that was prepared before, or is now; parameters are bound by `format`. */
int db_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *reterr)
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
		return db_fail(s, reterr);
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

void db_release(sqlite3_stmt *q)
{
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
}

/* Number of rows changed, -EEXIST for a row that is there already, or another error. */
int db_change(struct store *s, struct err *reterr, const char *sql, const char *format, ...)
{
	sqlite3_stmt *q;
	va_list ap;
	int r = db_prepare(s, sql, &q, reterr);

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
		r = db_fail(s, reterr);
	db_release(q);
	return r;
}

int db_one(int changed)
{
	return changed < 0 ? changed : changed == 0 ? -ENOENT : 0;
}

const char *db_text(sqlite3_stmt *q, int column)
{
	const char *t = (const char *)sqlite3_column_text(q, column);

	return t ? t : "";
}

static int simple(struct store *s, const char *sql, struct err *reterr)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(s, reterr);
}

static int number(struct store *s, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return v;
}

static int migrate(struct store *s, struct err *reterr)
{
	int have = number(s, "PRAGMA user_version"), want = (int)s->file->n_versions, r = 0;
	int owner = number(s, "PRAGMA application_id");
	int tables = number(s, "SELECT count(*) FROM sqlite_schema");

	if (have < 0 || owner < 0 || tables < 0)
		return db_fail(s, reterr);
	if (owner ? owner != s->file->application : tables != 0)
		return err_set(reterr, EUCLEAN, "store.foreign",
			       "%s is a database of another program; choose another data "
			       "directory",
			       s->file->name);
	if (have > want)
		return err_set(reterr, EPROTONOSUPPORT, "store.newer",
			       "%s has version %d, this program knows up to %d; use the newer "
			       "Cordon that wrote it",
			       s->file->what, have, want);
	for (; have < want && r == 0; have++) {
		char set[100];

		snprintf(set, sizeof(set),
			 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			 s->file->application, have + 1);
		r = simple(s, "BEGIN IMMEDIATE", reterr);
		if (r == 0)
			r = simple(s, s->file->versions[have], reterr);
		if (r == 0)
			r = simple(s, set, reterr);
		if (r < 0)
			sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

/* The lock comes with the first write: now, and not in the middle of work. */
static int take_lock(struct store *s, struct err *reterr)
{
	char write[64];
	int r = simple(s, "BEGIN IMMEDIATE", reterr);

	snprintf(write, sizeof(write), "PRAGMA application_id = %d", s->file->application);
	if (r == 0)
		r = simple(s, write, reterr);
	if (r == 0)
		return simple(s, "COMMIT", reterr);
	store_rollback(s);
	return r;
}

int db_open(const char *directory, const struct db_file *file, struct store **ret,
	    struct err *reterr)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, file->name);
	struct store *s = xcalloc(1, sizeof(*s));
	int write = file->n_versions != 0, r;

	s->file = file;
	s->log = -1;
	s->path = xstrdup(path);
	if (sqlite3_open_v2(
		    path, &s->db,
		    (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
			    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
		    NULL) != SQLITE_OK) {
		int cause = s->db ? sqlite3_system_errno(s->db) : ENOMEM;

		r = err_set(reterr, EIO, "store.open",
			    "cannot open '%s' (%s); it must be a regular file that belongs to the "
			    "user with ID %u",
			    path, cause ? strerror(cause) : sqlite3_errmsg(s->db),
			    (unsigned)geteuid());
		store_close(s);
		return r;
	}
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	r = simple(s, file->settings, reterr);
	if (r == 0 && write)
		r = migrate(s, reterr);
	if (r == 0 && write)
		r = take_lock(s, reterr);
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
	close_fd(&s->log);
	free(s->path);
	free(s);
}

int store_begin(struct store *s, struct err *reterr)
{
	int r = db_change(s, reterr, "BEGIN IMMEDIATE", "");

	return r < 0 ? r : 0;
}

void store_rollback(struct store *s)
{
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_in_transaction(struct store *s)
{
	return !sqlite3_get_autocommit(s->db);
}

/*
 * SQLite decides before a transaction whether it syncs, and who commits knows only afterwards that
 * something in it needs that. What was committed is in the write-ahead log, which is a file like
 * any other.
 */
int store_sync(struct store *s, struct err *reterr)
{
	_cleanup_free_ char *path = xasprintf("%s-wal", s->path);

	if (s->log < 0)
		s->log = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (s->log >= 0 && fdatasync(s->log) == 0)
		return 0;
	return err_set(reterr, errno, "store.failed", "%s cannot be synced to the disk: %s",
		       s->file->what, strerror(errno));
}

int store_erase_traces(struct store *s, struct err *reterr)
{
	return sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
			       SQLITE_OK
		       ? 0
		       : db_fail(s, reterr);
}

int store_commit(struct store *s, struct err *reterr)
{
	int r = db_change(s, reterr, "COMMIT", "");

	if (r < 0)
		store_rollback(s);
	return r < 0 ? r : 0;
}
