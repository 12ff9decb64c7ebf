#include "schedule.h"

#include "base/clock.h"
#include "base/macros.h"

#include <math.h>

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Above 0, at most 1: its logarithm is finite. */
static double next_unit(uint64_t *state)
{
	return ((double)(next_random(state) >> 11) + 1) / 9007199254740992.0;
}

/* Sums of gaps would drift by their rounding; the n-th of even gaps is where n of them end. */
static void advance(struct schedule *s)
{
	const struct schedule_config *c = &s->config;
	switch (c->law) {
	case SCHEDULE_UNIFORM:
		s->next_ns = c->start_ns +
			     (uint64_t)((double)s->given * (double)NS_PER_S / c->per_second);
		break;
	case SCHEDULE_POISSON:
		s->next_ns +=
			(uint64_t)(-log(next_unit(&s->random)) * (double)NS_PER_S / c->per_second);
		break;
	}
	s->given++;
	if (s->next_ns >= c->end_ns)
		s->next_ns = UINT64_MAX;
}

void schedule_init(struct schedule *s, const struct schedule_config *config)
{
	*s = (struct schedule){.config = *config,
			       .random = config->seed,
			       .bursts = config->burst,
			       .next_ns = config->start_ns};
	if (config->per_second > 0)
		advance(s);
	else
		s->next_ns = UINT64_MAX;
}

uint64_t schedule_peek(const struct schedule *s)
{
	return s->bursts > 0 ? MIN_U64(s->config.burst_ns, s->next_ns) : s->next_ns;
}

void schedule_take(struct schedule *s)
{
	if (s->bursts > 0 && s->config.burst_ns <= s->next_ns)
		s->bursts--;
	else if (s->next_ns != UINT64_MAX)
		advance(s);
}
