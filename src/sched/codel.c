#include "sched/codel.h"

#include <math.h>

/* Whoever sheds again so soon goes on where he was (RFC 8289, section 5.6). */
enum { INTERVALS_REMEMBERED = 16 };

void codel_stop(struct codel *c)
{
	c->above_ns = 0;
	c->shedding = 0;
}

void codel_started(struct codel *c, uint64_t waited_ns, uint32_t left, uint64_t now)
{
	uint32_t delta = c->count - c->last_count;

	if (!c->target_ns || waited_ns < c->target_ns || !left) {
		codel_stop(c);
		return;
	}
	if (!c->above_ns)
		c->above_ns = now + c->interval_ns;
	if (c->shedding || now < c->above_ns)
		return;
	c->shedding = 1;
	if (delta <= 1 || now >= c->next_ns + INTERVALS_REMEMBERED * c->interval_ns)
		delta = 1;
	c->count = c->last_count = delta;
	c->next_ns = now;
}

void codel_shed(struct codel *c, uint64_t now)
{
	uint64_t step = (uint64_t)((double)c->interval_ns / sqrt(c->count ? c->count : 1));

	/* After a time in which nobody asked, not all at once that would have been due in it. */
	if (now > c->interval_ns && c->next_ns < now - c->interval_ns)
		c->next_ns = now - c->interval_ns;
	c->next_ns += step ? step : 1;
	if (c->count < UINT32_MAX)
		c->count++;
}
