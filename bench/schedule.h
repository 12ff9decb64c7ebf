/*
 * When the requests of an open loop are due. Pure: nothing here reads a clock, and the same
 * configuration gives the same times again.
 */
#pragma once

#include <stdint.h>

enum schedule_law {
	SCHEDULE_UNIFORM, /* one each 1/rate; the first at the start */
	SCHEDULE_POISSON, /* gaps are exponential, as of callers who do not know of each other */
};

struct schedule_config {
	enum schedule_law law;
	double per_second;	   /* 0: none but those of the burst */
	uint64_t start_ns, end_ns; /* none is due before, or at the end or later */
	uint64_t burst, burst_ns;  /* so many besides, all at that time */
	uint64_t seed;
};

struct schedule {
	struct schedule_config config;
	uint64_t random, given;	  /* given: of the law */
	uint64_t bursts, next_ns; /* bursts: still to come */
};

void schedule_init(struct schedule *s, const struct schedule_config *config);

/* When the next request is due, without taking it; UINT64_MAX: there is none any more. */
uint64_t schedule_peek(const struct schedule *s);
void schedule_take(struct schedule *s);
