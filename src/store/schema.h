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
	" key TEXT NOT NULL, lease TEXT NOT NULL, session TEXT NOT NULL, profile TEXT NOT NULL,"
	" policy TEXT NOT NULL, artifact TEXT NOT NULL, labels TEXT NOT NULL,"
	" provenance TEXT NOT NULL, trace TEXT NOT NULL, idempotency TEXT, body BLOB,"
	" created_ms INTEGER NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL,"
	" reason TEXT NOT NULL, result BLOB, events BLOB, ended_ms INTEGER NOT NULL);"
	"CREATE UNIQUE INDEX runs_idempotency ON runs(tenant, key, idempotency)"
	" WHERE idempotency IS NOT NULL;"
	"CREATE INDEX runs_tenant ON runs(tenant, id);"
	"CREATE TABLE artifacts ("
	" tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, digest TEXT NOT NULL,"
	" language TEXT NOT NULL, main TEXT NOT NULL, fences INTEGER NOT NULL,"
	" modules BLOB NOT NULL, trust INTEGER NOT NULL, runs INTEGER NOT NULL,"
	" hits INTEGER NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY (tenant, digest));"
	"CREATE TABLE leases ("
	" id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,"
	" key TEXT NOT NULL, profile TEXT NOT NULL, policy TEXT NOT NULL, session TEXT NOT NULL,"
	" artifact TEXT NOT NULL, epoch INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX leases_tenant ON leases(tenant, id);"
	"CREATE INDEX leases_expires ON leases(expires_ms);"
	"CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX runs_running ON runs(state) WHERE state = 'running';",
	/* 2: the ledger has the journals; here is what stands beside them */
	"ALTER TABLE runs RENAME COLUMN events TO payloads;"
	"UPDATE runs SET payloads = NULL;"
	"CREATE TABLE outbox (id TEXT PRIMARY KEY, event BLOB NOT NULL) WITHOUT ROWID;"
	"ALTER TABLE tenants ADD COLUMN payload_days INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE tenants ADD COLUMN erased_until TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE runs ADD COLUMN erased_ms INTEGER NOT NULL DEFAULT 0;",
	/* 3: weights, quotas, and what tenants and principals owe in the queues */
	"ALTER TABLE keys ADD COLUMN team TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE leases ADD COLUMN team TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenants ADD COLUMN weight INTEGER NOT NULL DEFAULT 100;"
	"ALTER TABLE runs ADD COLUMN tier TEXT NOT NULL DEFAULT 'standard';"
	"ALTER TABLE runs ADD COLUMN class TEXT NOT NULL DEFAULT 'interactive';"
	/* scope: tenant, team, key, profile; name "" for the tenant itself */
	"CREATE TABLE quotas ("
	" tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, scope TEXT NOT NULL,"
	" name TEXT NOT NULL, resource TEXT NOT NULL, amount INTEGER NOT NULL,"
	" PRIMARY KEY (tenant, scope, name, resource)) WITHOUT ROWID;"
	/* more, for one day */
	"CREATE TABLE grants ("
	" tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, scope TEXT NOT NULL,"
	" name TEXT NOT NULL, resource TEXT NOT NULL, day TEXT NOT NULL, amount INTEGER NOT NULL,"
	" PRIMARY KEY (tenant, scope, name, resource, day)) WITHOUT ROWID;"
	/* what was told of a quota on a day */
	"CREATE TABLE notices ("
	" tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, scope TEXT NOT NULL,"
	" name TEXT NOT NULL, resource TEXT NOT NULL, day TEXT NOT NULL, level INTEGER NOT NULL,"
	" PRIMARY KEY (tenant, scope, name, resource, day, level)) WITHOUT ROWID;"
	"CREATE TABLE debts ("
	" tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, class INTEGER NOT NULL,"
	" principal TEXT NOT NULL, micros INTEGER NOT NULL,"
	" PRIMARY KEY (tenant, class, principal)) WITHOUT ROWID;",
};
