/*
 * What rows of usage have (docs/usage.md): as the ledger's database, the API and exports name it.
 * `cordon usage check` compares the three, and so must not have a list of its own for each.
 */
#pragma once

/* What rows are told apart by. `class` of the API. */
#define USAGE_FIELDS(X)                                                                            \
	X(day)                                                                                     \
	X(tenant)                                                                                  \
	X(team)                                                                                    \
	X(key)                                                                                     \
	X(profile)                                                                                 \
	X(tier)                                                                                    \
	X(class)                                                                                   \
	X(currency)                                                                                \
	X(labels)                                                                                  \
	X(artifact)                                                                                \
	X(outcome)                                                                                 \
	X(reason)

/* Those after `receipts` that end in _nanos are parts of cost_nanos. */
#define USAGE_SUMS(X)                                                                              \
	X(receipts)                                                                                \
	X(runs)                                                                                    \
	X(completed)                                                                               \
	X(failed)                                                                                  \
	X(denied)                                                                                  \
	X(terminated)                                                                              \
	X(attempts)                                                                                \
	X(cached)                                                                                  \
	X(cpu_us)                                                                                  \
	X(wall_us)                                                                                 \
	X(run_us)                                                                                  \
	X(queue_us)                                                                                \
	X(egress_bytes)                                                                            \
	X(tool_calls)                                                                              \
	X(stored_bytes)                                                                            \
	X(output_bytes)                                                                            \
	X(cost_nanos)                                                                              \
	X(cpu_nanos)                                                                               \
	X(egress_nanos)                                                                            \
	X(tools_nanos)                                                                             \
	X(stored_nanos)
