/*
 * The platform document: what an operator sets for all tenants. YAML or JSON, read strictly (as
 * profiles are); `cordon up --platform FILE` names it, and without one the defaults below hold.
 *
 *   apiVersion: cordon/v1
 *   kind: Platform
 *   spec:
 *     tiers:                    # what is left out stays as it is by default
 *       batch:
 *         limits: {cpu: 10m, wall: 1h, memory: 1GiB, output: 32MiB, operations: 100000}
 *         nice: 5               # 0 to 19: less of the CPU than others
 *         durability: written   # or synced: answered when it is on the disk
 *         engine: standard      # or regulated: no JIT, no executable memory
 *         keepDays: 7           # results, logs and payloads; receipts stay
 *         roles: [runner, operator, admin]
 *         tenants: ["*"]        # or names
 *       standard: …
 *       regulated: …            # engine regulated and durability synced, always
 *     prices:                   # decimal, in units of `currency` (ISO 4217)
 *       currency: EUR
 *       cpuSecond: "0.000020"
 *       run: "0.0000003"
 *       egressGiB: "0.09"
 *       toolCall: "0"
 *       storedGiB: "0.02"       # of what a run leaves: result, journal, payloads
 *       tiers: {batch: "0.5", standard: "1", regulated: "1.5"}   # factors
 *
 * Limits of a tier are ceilings over those of profiles: cpu, wall, memory, output, operations,
 * timers and logLines, in the ranges that profiles have. No roles: nobody may use the tier. Nothing
 * here does I/O.
 */
#pragma once

#include "policy/policy.h"

enum {
	PLATFORM_TIERS = 3,
	PLATFORM_TEXT_MAX = 1 << 20,
	PLATFORM_TENANTS_MAX = 256,
	PLATFORM_NICE_MAX = 19,
	PLATFORM_KEEP_DAYS_MAX = 36500,
	PLATFORM_PRICE_MAX = 1000000, /* units of the currency */
	PLATFORM_FACTOR_MAX = 1000,
	PLATFORM_BILLION = 1000000000, /* prices and factors are in billionths */
	PLATFORM_CURRENCY_SIZE = 4,
	PLATFORM_PRICE_TEXT = 24
};

struct platform_tier {
	struct policy_limits limits; /* UINT64_MAX: no ceiling */
	unsigned nice;
	bool synced, regulated_engine;
	unsigned keep_days;	    /* 0: as the tenant or the platform has it */
	unsigned roles;		    /* bit for each of: runner 0, auditor 1, operator 2, admin 3 */
	unsigned n_tenants;	    /* 0: all */
	const char *const *tenants; /* sorted */
};

/* In billionths, all of them. */
struct platform_prices {
	char currency[PLATFORM_CURRENCY_SIZE]; /* "": there are none */
	uint64_t cpu_second, run, egress_gib, tool_call, stored_gib;
	uint64_t factors[PLATFORM_TIERS];
};

/* What a run, or several, used. */
struct platform_usage {
	uint64_t runs, cpu_us, egress_bytes, tool_calls, stored_bytes;
};

struct platform;

/* text NULL: the defaults. Errors as policy_compile(). */
int platform_read(const char *text, size_t len, struct platform **ret, struct err *reterr);
void platform_free(struct platform *p);
static inline void platform_freep(struct platform **p)
{
	platform_free(*p);
}
#define _cleanup_platform_ _cleanup_(platform_freep)

const char *platform_digest(const struct platform *p); /* "sha256:…" of its canonical form */
const char *platform_canonical(const struct platform *p, size_t *ret_len);
const struct platform_tier *platform_tier(const struct platform *p, enum policy_tier t);
/* The least of both. */
void platform_limits(const struct platform_tier *t, const struct policy_limits *profile,
		     struct policy_limits *ret);
bool platform_tier_has(const struct platform_tier *t, const char *tenant);
const struct platform_prices *platform_prices(const struct platform *p);
/* As a document has it: 1500000000 is "1.5". */
const char *platform_price_text(uint64_t billionths, char out[PLATFORM_PRICE_TEXT]);

/* "" if there are no prices: then everything costs 0. */
const char *platform_currency(const struct platform *p);
/* In billionths of a unit of the currency, rounded to the nearest, halves up; saturating. */
uint64_t platform_cost(const struct platform *p, enum policy_tier t,
		       const struct platform_usage *u);
