/*
 * Latencies in logarithmic buckets: any number of them in a fixed room, each percentile at most
 * 1/256 (0.4 %) above the true one, and never below it. Microseconds; below 512 they are exact.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	LATENCY_STEPS_LOG2 = 9,
	LATENCY_MAX_LOG2 = 33, /* more than two hours; what is longer counts as that long */
	LATENCY_BUCKETS = (LATENCY_MAX_LOG2 - LATENCY_STEPS_LOG2 + 2) << (LATENCY_STEPS_LOG2 - 1),
};

struct latency {
	uint64_t count, max_us, sum_us;
	uint32_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, uint64_t us);
void latency_merge(struct latency *into, const struct latency *from);

/*
 * Nearest rank: the smallest latency that at least `per_100000` of them do not exceed; 99900 is
 * p99.9. 0 if there are none.
 */
uint64_t latency_at(const struct latency *l, uint32_t per_100000);
