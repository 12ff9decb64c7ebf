/*
 * The state database: tenants, keys, profiles, artifacts, runs. One file, `state.db`, in the data
 * directory (SQLite, write-ahead log); one process, control, has it open.
 *
 * Functions return 0, or a negative errno with *reterr filled (code `store.*`) when the database
 * cannot do its work (full disk, read-only, damaged): nothing is then half done. -ENOENT: no such
 * row; -EEXIST: a row with that name is there; both leave *reterr alone.
 *
 * Text that a function hands to a callback lives until the callback returns. Times are milliseconds
 * since 1970.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

struct store;

int store_open(const char *directory, struct store **ret, struct err *reterr);
void store_close(struct store *s);

/* Writes between store_begin() and store_commit() are one transaction: all of it stands, or
 * nothing. */
int store_begin(struct store *s, struct err *reterr);
int store_commit(struct store *s, struct err *reterr);
void store_rollback(struct store *s);
/* What was committed is on the disk. */
int store_sync(struct store *s, struct err *reterr);
/* Outside of a transaction: nothing of what was erased is left in the write-ahead log either. */
int store_erase_traces(struct store *s, struct err *reterr);
/* 0: what was begun is gone; a failure may take a transaction with it. */
int store_in_transaction(struct store *s);

struct tenant_row {
	const char *id, *state; /* "active", "suspended" */
	int64_t created_ms;
	int64_t payload_days; /* how long results, logs and payloads are kept; 0: as long as runs */
	int64_t weight;	      /* of its share among the waiting; 100 is the usual */
};
int store_tenant_add(struct store *s, const char *id, int64_t now, struct err *reterr);
int store_tenant_set_state(struct store *s, const char *id, const char *state, struct err *reterr);
int store_tenant_set_payload_days(struct store *s, const char *id, int64_t days,
				  struct err *reterr);
int store_tenant_set_weight(struct store *s, const char *id, int64_t weight, struct err *reterr);
/* How many rows of a table ("keys", "profiles", "quotas") the tenant has. */
int store_count(struct store *s, const char *table, const char *tenant, int64_t *ret,
		struct err *reterr);
/* With its keys, profiles, artifacts and runs. */
int store_tenant_delete(struct store *s, const char *id, struct err *reterr);
typedef void tenant_fn(void *arg, const struct tenant_row *row);
/* id NULL: all. */
int store_tenants(struct store *s, const char *id, tenant_fn *fn, void *arg, struct err *reterr);

enum { KEY_HASH_SIZE = 32 };
struct key_row {
	const char *id, *tenant, *role, *label, *team;
	const uint8_t *hash;			    /* KEY_HASH_SIZE bytes */
	int64_t created_ms, expires_ms, revoked_ms; /* 0: never */
};
int store_key_add(struct store *s, const struct key_row *row, struct err *reterr);
/* -ENOENT: the tenant has no such key; -EALREADY: it was revoked before. */
int store_key_revoke(struct store *s, const char *tenant, const char *id, int64_t now,
		     struct err *reterr);
typedef void key_fn(void *arg, const struct key_row *row);
/* One key by id (tenant NULL), or all of a tenant (id NULL). */
int store_keys(struct store *s, const char *tenant, const char *id, key_fn *fn, void *arg,
	       struct err *reterr);

struct profile_row {
	const char *tenant, *name, *digest;
	const char *source; /* as it was put */
	size_t source_len;
	int64_t version, created_ms;
};
/*
 * A new version, the first being 1; *ret_version names it. If the newest version has that digest
 * already, nothing is added and *ret_added is 0.
 */
int store_profile_put(struct store *s, const struct profile_row *row, int64_t *ret_version,
		      int *ret_added, struct err *reterr);
typedef void profile_fn(void *arg, const struct profile_row *row);
/* version > 0: that one; 0: the newest; -1: all, newest first. name NULL: the newest of every name.
 */
int store_profiles(struct store *s, const char *tenant, const char *name, int64_t version,
		   profile_fn *fn, void *arg, struct err *reterr);

/* The version of a profile that has this digest. */
int store_profile_by_digest(struct store *s, const char *tenant, const char *name,
			    const char *digest, profile_fn *fn, void *arg, struct err *reterr);

/* Code that is kept under its digest. */
struct artifact_row {
	const char *tenant, *digest, *language, *main;
	const uint8_t *modules; /* wire/modmap.h */
	size_t modules_len;
	int64_t fences, trust, created_ms;
	int64_t runs, hits; /* of how many runs; in how many its transformed code was known */
};
/* What is there already stays as it is: *ret_added is 0 then. */
int store_artifact_put(struct store *s, const struct artifact_row *row, int *ret_added,
		       struct err *reterr);
int store_artifact_trust(struct store *s, const char *tenant, const char *digest, int64_t trust,
			 struct err *reterr);
int store_artifact_count(struct store *s, const char *tenant, const char *digest, int64_t hit,
			 struct err *reterr);
int store_artifact_delete(struct store *s, const char *tenant, const char *digest,
			  struct err *reterr);
typedef void artifact_fn(void *arg, const struct artifact_row *row);
/* digest NULL: all, without their modules. */
int store_artifacts(struct store *s, const char *tenant, const char *digest, artifact_fn *fn,
		    void *arg, struct err *reterr);
/* Bytes of all modules of a tenant's artifacts. */
int store_artifact_bytes(struct store *s, const char *tenant, int64_t *ret, struct err *reterr);

struct lease_row {
	const char *id, *tenant, *key, *team, *profile, *policy, *session;
	const char *artifact; /* of a held sandbox; else "" */
	int64_t epoch, created_ms, expires_ms, revoked_ms;
};
/* -ENOSPC (lease.quota): its tenant has `most` already. */
int store_lease_add(struct store *s, const struct lease_row *row, int64_t most, struct err *reterr);
/* -ESTALE: its epoch is another one, or it is over at `now`. */
int store_lease_renew(struct store *s, const char *tenant, const char *id, int64_t epoch,
		      int64_t now, int64_t expires_ms, struct err *reterr);
int store_lease_revoke(struct store *s, const char *tenant, const char *id, int64_t now,
		       struct err *reterr);
/* Forgets leases that were over before `ms`. */
int store_lease_sweep(struct store *s, int64_t ms, struct err *reterr);
typedef void lease_fn(void *arg, const struct lease_row *row);
/*
 * One (tenant NULL: of any tenant), or with id NULL those of a tenant that are not over at `now`,
 * the newest first. key not NULL: only what it made.
 */
int store_leases(struct store *s, const char *tenant, const char *id, const char *key, int64_t now,
		 lease_fn *fn, void *arg, struct err *reterr);

/* A limit, or what was granted for a day besides it; of a notice, `amount` is its level. */
struct quota_row {
	const char *tenant, *scope, *name, *resource;
	const char *day; /* "": a limit */
	int64_t amount;
};
int store_quota_set(struct store *s, const struct quota_row *row, struct err *reterr);
/* With what was granted. */
int store_quota_remove(struct store *s, const struct quota_row *row, struct err *reterr);
int store_quota_grant(struct store *s, const struct quota_row *row, struct err *reterr);
int store_quota_told(struct store *s, const struct quota_row *row, struct err *reterr);
typedef void quota_fn(void *arg, const struct quota_row *row);
/* Limits of a tenant, or of all (NULL), by tenant, scope and name. */
int store_quotas(struct store *s, const char *tenant, quota_fn *fn, void *arg, struct err *reterr);
int store_quota_grants(struct store *s, const char *day, quota_fn *fn, void *arg,
		       struct err *reterr);
int store_quota_notices(struct store *s, const char *day, quota_fn *fn, void *arg,
			struct err *reterr);
/* Forgets grants and notices of days before. */
int store_quota_sweep(struct store *s, const char *before, struct err *reterr);

/* Small values of control's own. -ENOENT; a value of another size than `len` is damage. */
int store_setting(struct store *s, const char *name, void *value, size_t len, struct err *reterr);
int store_setting_put(struct store *s, const char *name, const void *value, size_t len,
		      struct err *reterr);

/* Acts that the ledger has not confirmed: JSON objects, by ID. */
int store_outbox_add(struct store *s, const char *id, const void *event, size_t len,
		     struct err *reterr);
int store_outbox_drop(struct store *s, const char *id, struct err *reterr);
typedef void outbox_fn(void *arg, const char *id, const void *event, size_t len);
int store_outbox(struct store *s, outbox_fn *fn, void *arg, struct err *reterr);

/* What is owed in the queues (sched/sched.h); principal "": by the tenant itself. */
struct debt_row {
	char tenant[64], principal[ID_SIZE];
	int class_;
	int64_t micros;
};
/* All that there is; what was there before is gone. Of tenants that do not exist nothing is kept.
 */
int store_debts_put(struct store *s, const struct debt_row *rows, size_t n, struct err *reterr);
typedef void debt_fn(void *arg, const struct debt_row *row);
int store_debts(struct store *s, debt_fn *fn, void *arg, struct err *reterr);

/* What is known of a run when it is accepted. */
struct run_row {
	const char *id, *tenant, *key, *profile, *policy, *artifact, *tier, *class_;
	const char *lease, *session;	 /* "": none */
	const char *labels, *provenance; /* JSON objects */
	const char *trace;		 /* traceparent, or "" */
	const char *idempotency;	 /* "" or the caller's key */
	const uint8_t *body; /* KEY_HASH_SIZE bytes: digest of the request, with `idempotency` */
	int64_t created_ms;
	/* When it is over; state is "running" before. */
	const char *state, *outcome, *reason;
	const char *result; /* the answer, JSON */
	size_t result_len;
	const char *payloads; /* beside its journal, which the ledger has */
	size_t payloads_len;
	int64_t ended_ms;
};
/* -EEXIST: `idempotency` was used before by this key. */
int store_run_add(struct store *s, const struct run_row *row, struct err *reterr);
int store_run_end(struct store *s, const struct run_row *row, struct err *reterr);

/* Forgets runs that are over, with an ID below `before`: at most `most`. How many, or an error. */
int store_run_sweep(struct store *s, const char *before, int64_t most, struct err *reterr);

/*
 * Erases what a run brought to light: its value, error and logs, and what stands beside its
 * journal. How it ended stays, and digests of what is gone stand in its receipt. -ENOENT: no such
 * run, or it is not over; -EALREADY: that was done before.
 */
int store_run_erase(struct store *s, const char *tenant, const char *id, int64_t now,
		    struct err *reterr);
/* The same for a tenant's runs with an ID below `before`, the oldest first. How many; there may be
 * more if it is STORE_ERASE_MOST. */
enum { STORE_ERASE_MOST = 200 };
int store_run_erase_before(struct store *s, const char *tenant, const char *before, int64_t now,
			   struct err *reterr);
/* Whether store_run_erase_tier() will be called: it needs an index, which is dear to those who do
 * not. */
int store_run_erases_tiers(struct store *s, int erases, struct err *reterr);
/* The same for runs of a tier, whoever's they are: `fn` is told how many of each tenant. */
typedef void erased_fn(void *arg, const char *tenant, int runs);
int store_run_erase_tier(struct store *s, const char *tier, const char *before, int64_t now,
			 erased_fn *fn, void *arg, struct err *reterr);

struct run_filter {
	const char *tenant, *id, *key, *profile, *outcome, *reason, *idempotency;
	const char *label_name, *label_value;
	const char *lease, *session, *artifact;
	const char *before; /* runs with a smaller id: the cursor */
	int64_t since_ms, until_ms;
	int limit;	   /* 0: no limit */
	int running;	   /* only those that are not over */
	int with_payloads; /* else `payloads` is NULL */
};
typedef void run_fn(void *arg, const struct run_row *row);
/* Newest first. Members of the filter that are NULL or 0 do not restrict. */
int store_runs(struct store *s, const struct run_filter *f, run_fn *fn, void *arg,
	       struct err *reterr);
