#include "latency.h"

#include "base/macros.h"

enum { STEPS = 1 << LATENCY_STEPS_LOG2 };

static const uint64_t LONGEST = (1ULL << LATENCY_MAX_LOG2) - 1;

/* The first STEPS buckets are one wide, the next STEPS / 2 two, the next STEPS / 2 four, … */
static size_t bucket_of(uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= STEPS)
		shift++;
	return (size_t)shift * (STEPS / 2) + (size_t)(us >> shift);
}

/* The longest that falls into it. */
static uint64_t bucket_end(size_t bucket)
{
	size_t shift = bucket < STEPS ? 0 : bucket / (STEPS / 2) - 1;

	return (((uint64_t)bucket - shift * (STEPS / 2) + 1) << shift) - 1;
}

void latency_add(struct latency *l, uint64_t us)
{
	us = MIN_U64(us, LONGEST);
	l->buckets[bucket_of(us)]++;
	l->count++;
	l->sum_us += us;
	l->max_us = MAX_U64(l->max_us, us);
}

void latency_merge(struct latency *into, const struct latency *from)
{
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->count += from->count;
	into->sum_us += from->sum_us;
	into->max_us = MAX_U64(into->max_us, from->max_us);
}

uint64_t latency_at(const struct latency *l, uint32_t per_100000)
{
	uint64_t rank = (l->count * per_100000 + 99999) / 100000, seen = 0;

	rank = MAX_U64(rank, 1);
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->buckets[i];
		if (seen >= rank)
			return MIN_U64(bucket_end(i), l->max_us);
	}
	return 0;
}
