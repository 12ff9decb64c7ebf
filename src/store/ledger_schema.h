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
/* 2: what runs used, as their receipts add up: derived from the entries up to the cursor. name:
 * SHA-256 of what the row is told apart by, by which it is found */
#define USAGE_KEYS                                                                                 \
	" id INTEGER PRIMARY KEY, name BLOB NOT NULL, day TEXT NOT NULL, tenant TEXT NOT NULL,"
#define USAGE_WHO                                                                                  \
	" team TEXT NOT NULL, key TEXT NOT NULL, profile TEXT NOT NULL, tier TEXT NOT NULL,"       \
	" class TEXT NOT NULL, currency TEXT NOT NULL,"
#define USAGE_NUMBERS                                                                              \
	" receipts INTEGER NOT NULL, runs INTEGER NOT NULL, completed INTEGER NOT NULL,"           \
	" failed INTEGER NOT NULL, denied INTEGER NOT NULL, terminated INTEGER NOT NULL,"          \
	" attempts INTEGER NOT NULL, cached INTEGER NOT NULL, cpu_us INTEGER NOT NULL,"            \
	" wall_us INTEGER NOT NULL, run_us INTEGER NOT NULL, queue_us INTEGER NOT NULL,"           \
	" egress_bytes INTEGER NOT NULL, tool_calls INTEGER NOT NULL,"                             \
	" stored_bytes INTEGER NOT NULL, output_bytes INTEGER NOT NULL,"                           \
	" cost_nanos INTEGER NOT NULL, cpu_nanos INTEGER NOT NULL, egress_nanos INTEGER NOT NULL," \
	" tools_nanos INTEGER NOT NULL, stored_nanos INTEGER NOT NULL,"
#define USAGE_RECEIPTS " first INTEGER NOT NULL, last INTEGER NOT NULL, digest BLOB NOT NULL);"
#define USAGE_INDEXES(table)                                                                       \
	"CREATE UNIQUE INDEX " table "_name ON " table "(name);"                                   \
	"CREATE INDEX " table "_day ON " table "(day);"                                            \
	"CREATE INDEX " table "_tenant ON " table "(tenant, day);"
	"CREATE TABLE usage (" USAGE_KEYS USAGE_WHO USAGE_NUMBERS USAGE_RECEIPTS
	"CREATE TABLE usage_detail (" USAGE_KEYS USAGE_WHO
	" labels TEXT NOT NULL, artifact TEXT NOT NULL," USAGE_NUMBERS USAGE_RECEIPTS
	"CREATE TABLE usage_reasons (" USAGE_KEYS
	" profile TEXT NOT NULL, tier TEXT NOT NULL, class TEXT NOT NULL, outcome TEXT NOT NULL,"
	" reason TEXT NOT NULL, receipts INTEGER NOT NULL," USAGE_RECEIPTS USAGE_INDEXES("usage")
		USAGE_INDEXES("usage_detail") USAGE_INDEXES(
			"usage_reasons") "CREATE TABLE usage_cursor ("
					 " id INTEGER PRIMARY KEY, entries INTEGER NOT NULL, "
					 "digest BLOB NOT NULL);"
					 "INSERT INTO usage_cursor VALUES (1, 0, zeroblob(32));",
};
