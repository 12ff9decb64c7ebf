/*
 * Whether a run that came to nothing may be tried again, and when. Pure code; time is an argument.
 *
 * Budgets keep retries from feeding an overload (Google SRE, "Handling Overload"; Finagle's
 * RetryBudget): each first attempt puts `ratio` of a token into its tenant's and its class's
 * budget, at most `burst` tokens; each retry takes one of both. The budget of a tenant that nobody
 * has heard of for long is full.
 *
 * The delay before attempt n is uniform between 0 and min(cap, base * 2^(n-1)) ("full jitter").
 */
#pragma once

#include "wire/words.h"

#include <stdint.h>

struct retry_config {
	unsigned attempts[CLASS_COUNT]; /* of one run, the first included */
	double ratio[CLASS_COUNT];
	double burst;
	uint64_t base_ns, cap_ns;
	unsigned tenants; /* whose budgets are known at once */
};

struct retry;
struct retry *retry_new(const struct retry_config *config);
void retry_free(struct retry *r);
void retry_first(struct retry *r, enum task_class c, const char *tenant, uint64_t now);

#define RETRY_REFUSALS(X)                                                                          \
	X(ALLOWED, "allowed")                                                                      \
	X(ATTEMPTS, "attempts") X(TENANT, "tenant_budget") X(CLASS, "class_budget")
#define X(U, t) RETRY_##U,
enum retry_verdict { RETRY_REFUSALS(X) RETRY_VERDICT_COUNT };
#undef X
const char *retry_verdict_text(enum retry_verdict v);
/* `done`: attempts so far. If allowed, a token is taken, and *ret_delay_ns says how long to wait;
 * `random`: any 64 bits, uniform. */
enum retry_verdict retry_ask(struct retry *r, enum task_class c, const char *tenant, unsigned done,
			     uint64_t random, uint64_t now, uint64_t *ret_delay_ns);
