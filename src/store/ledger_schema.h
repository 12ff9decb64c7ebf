/* The ledger's tables. A change is a new version with the statements that lead to it. */
#pragma once

static const char *const ledger_versions[] = {
	/* 1 */
	"CREATE TABLE log (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE generations ("
	" number INTEGER PRIMARY KEY, first INTEGER NOT NULL, statement BLOB NOT NULL,"
	" log BLOB NOT NULL, secret BLOB, from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL);"
	"CREATE TABLE entries ("
	" idx INTEGER PRIMARY KEY, kind INTEGER NOT NULL, generation INTEGER NOT NULL,"
	" time_ms INTEGER NOT NULL, subject TEXT NOT NULL, tenant TEXT NOT NULL,"
	" trace TEXT NOT NULL, session TEXT NOT NULL, lease TEXT NOT NULL,"
	" artifact TEXT NOT NULL, profile TEXT NOT NULL, node INTEGER NOT NULL,"
	" leaf BLOB NOT NULL, signature BLOB NOT NULL, statement BLOB NOT NULL,"
	" journal BLOB NOT NULL);"
	"CREATE UNIQUE INDEX entries_subject ON entries(subject);"
	"CREATE INDEX entries_tenant ON entries(tenant);"
	"CREATE INDEX entries_trace ON entries(trace) WHERE trace <> '';"
	"CREATE INDEX entries_session ON entries(session) WHERE session <> '';"
	"CREATE INDEX entries_lease ON entries(lease) WHERE lease <> '';"
	"CREATE INDEX entries_artifact ON entries(artifact) WHERE artifact <> '';"
	"CREATE INDEX entries_profile ON entries(profile) WHERE profile <> '';"
	"CREATE TABLE marks ("
	" idx INTEGER NOT NULL REFERENCES entries(idx), line INTEGER NOT NULL,"
	" event TEXT NOT NULL, destination TEXT NOT NULL, reason TEXT NOT NULL,"
	" PRIMARY KEY (idx, line)) WITHOUT ROWID;"
	"CREATE INDEX marks_event ON marks(event);"
	"CREATE INDEX marks_destination ON marks(destination) WHERE destination <> '';"
	"CREATE INDEX marks_reason ON marks(reason) WHERE reason <> '';"
	/* id: level * 2^56 + number */
	"CREATE TABLE tiles (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL);"
	"CREATE TABLE checkpoints ("
	" size INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, note BLOB NOT NULL);"
	/* Whoever comes here by mistake is told. */
	"CREATE TRIGGER entries_stay BEFORE DELETE ON entries"
	" BEGIN SELECT raise(ABORT, 'the log only grows'); END;"
	"CREATE TRIGGER entries_keep BEFORE UPDATE ON entries"
	" BEGIN SELECT raise(ABORT, 'the log only grows'); END;"
	"CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles"
	" BEGIN SELECT raise(ABORT, 'the log only grows'); END;"
	"CREATE TRIGGER tiles_keep BEFORE UPDATE ON tiles"
	" BEGIN SELECT raise(ABORT, 'the log only grows'); END;",
};
