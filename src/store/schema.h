/* The state database's tables. A change is a new version with the statements that lead to it. */
#pragma once

static const char *const schema_versions[] = {
	/* 1 */
	"CREATE TABLE tenants ("
	" id TEXT PRIMARY KEY, state TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE keys ("
	" id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,"
	" role TEXT NOT NULL, label TEXT NOT NULL, hash BLOB NOT NULL, created_ms INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX keys_tenant ON keys(tenant);"
	"CREATE TABLE profiles ("
	" tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, name TEXT NOT NULL,"
	" version INTEGER NOT NULL, digest TEXT NOT NULL, source BLOB NOT NULL,"
	" created_ms INTEGER NOT NULL, PRIMARY KEY (tenant, name, version)) WITHOUT ROWID;"
	"CREATE TABLE runs ("
	" id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,"
	" key TEXT NOT NULL, profile TEXT NOT NULL, policy TEXT NOT NULL, artifact TEXT NOT NULL,"
	" labels TEXT NOT NULL, trace TEXT NOT NULL, idempotency TEXT, body BLOB,"
	" created_ms INTEGER NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL,"
	" reason TEXT NOT NULL, result BLOB, events BLOB, ended_ms INTEGER NOT NULL);"
	"CREATE UNIQUE INDEX runs_idempotency ON runs(tenant, key, idempotency);"
	"CREATE INDEX runs_tenant ON runs(tenant, id);"
	"CREATE INDEX runs_running ON runs(state) WHERE state = 'running';",
};
