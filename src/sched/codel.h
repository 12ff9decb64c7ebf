/*
 * When to shed, and how often: CoDel's control law (RFC 8289, section 5.3 to 5.6). It is told how
 * long each item that starts has waited; while all of them have for `interval_ns` waited for
 * longer than `target_ns`, items are shed, the more often the longer it lasts. What comes in
 * excess, x a second, is all shed after 2 * x * interval² seconds.
 */
#pragma once

#include <stdint.h>

struct codel {
	uint64_t target_ns, interval_ns; /* target 0: never */
	uint64_t above_ns;		 /* since then, plus interval; 0: not above */
	uint64_t next_ns;		 /* of the next that is shed, while shedding */
	uint32_t count, last_count;
	int shedding;
};

/* One was started that had waited so long; `left`: how many wait still. */
void codel_started(struct codel *c, uint64_t waited_ns, uint32_t left, uint64_t now);
/* One is shed, because it was due. */
void codel_shed(struct codel *c, uint64_t now);
/* The queue is empty, or what waits has not waited for long. */
void codel_stop(struct codel *c);

/* When the next is to be shed; UINT64_MAX: none. */
static inline uint64_t codel_due(const struct codel *c)
{
	return c->shedding ? c->next_ns : UINT64_MAX;
}
