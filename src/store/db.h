/* What the files of this folder share: the connection, and statements on it. */
#pragma once

#include "store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

enum {
	STATEMENTS = 96,
	BUSY_MS = 2000, /* how long is waited for another process that has the file */
};

/* A database file, and what its tables are made with. */
struct db_file {
	const char *name, *what; /* "state.db", "the state database" */
	int application;	 /* in the file's header */
	const char *const *versions;
	size_t n_versions;    /* 0: opened for reading only, and not brought up to date */
	const char *settings; /* statements for each connection */
};

struct store {
	sqlite3 *db;
	const struct db_file *file;
	char *path;
	int log; /* the write-ahead log, to be synced; -1: not open */
	struct {
		const char *sql; /* by address: texts are literals */
		sqlite3_stmt *stmt;
	} prepared[STATEMENTS];
};

int db_open(const char *directory, const struct db_file *file, struct store **ret,
	    struct err *reterr);

/* What the database's last failure means, as a negative errno. */
int db_fail(struct store *s, struct err *reterr);
/* A statement that was prepared before, or is now. */
int db_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *reterr);
void db_release(sqlite3_stmt *q);
/*
 * Parameters by `format`: s text (NULL: null), i int64_t, b bytes (pointer, size_t). The number of
 * rows changed, -EEXIST for a row that is there already, -ENOENT for one that refers to nothing, or
 * another error.
 */
int db_change(struct store *s, struct err *reterr, const char *sql, const char *format, ...);
/* The same, where exactly one row is to be changed: 0, -ENOENT. */
int db_one(int changed);
/* A column's text, "" for null. */
const char *db_text(sqlite3_stmt *q, int column);

/* Steps through `q`; `row` is called for each. -ENOENT if there was none and `must` is set. */
#define EACH_ROW(q, must, ...)                                                                     \
	do {                                                                                       \
		int step_, any_ = 0;                                                               \
		while ((step_ = sqlite3_step(q)) == SQLITE_ROW) {                                  \
			any_ = 1;                                                                  \
			__VA_ARGS__;                                                               \
		}                                                                                  \
		if (step_ != SQLITE_DONE)                                                          \
			r = db_fail(s, reterr);                                                    \
		else if (!any_ && (must))                                                          \
			r = -ENOENT;                                                               \
		db_release(q);                                                                     \
	} while (0)
