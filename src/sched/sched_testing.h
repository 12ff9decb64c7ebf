/* What the tests of the scheduler begin with: small queues whose time stands still. */
#pragma once

#include "base/clock.h"
#include "sched/internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS NS_PER_MS

static inline struct sched_config usual(void)
{
	struct sched_class_config c = {
		.floor = 1, .queue_max = 100, .tenant_max = 50, .age_ns = 3600 * NS_PER_S};

	return (struct sched_config){.classes = {c, c},
				     .limit = 2,
				     .limit_max = 4,
				     .quantum_us = 10000,
				     .debt_max_us = 60000000,
				     .age_every = 8};
}

static uint64_t now;

static inline int setup(void **state)
{
	(void)state;
	now = NS_PER_S;
	return 0;
}

static inline int try_add(struct sched *s, struct sched_item *i, enum task_class c,
			  const char *tenant, const char *principal, const char *profile,
			  uint64_t hold, uint64_t deadline, enum sched_refusal *ret_why,
			  struct sched_item **ret_evicted)
{
	struct sched_who who = {tenant, principal, profile, hold};
	uint32_t ms = 0;
	int r = sched_add(s, i, c, &who, deadline, 0, now, ret_why, &ms, ret_evicted);

	if (r < 0)
		assert_in_range(ms, 1, 60000);
	return r;
}

static inline void add_as(struct sched *s, struct sched_item *i, enum task_class c,
			  const char *tenant, const char *principal, const char *profile,
			  uint64_t hold)
{
	struct sched_item *evicted;
	enum sched_refusal why;

	*i = (struct sched_item){0};
	assert_int_equal(try_add(s, i, c, tenant, principal, profile, hold, 0, &why, &evicted), 0);
	assert_null(evicted);
}

static inline void add(struct sched *s, struct sched_item *i, enum task_class c, const char *tenant)
{
	add_as(s, i, c, tenant, "key", "profile", 0);
}

static inline struct sched_item *next(struct sched *s)
{
	enum sched_refusal why;
	struct sched_item *i;
	int shed;

	i = sched_next(s, now, &shed, &why);
	assert_false(shed);
	return i;
}

static inline void done(struct sched *s, struct sched_item *i, uint64_t cpu_us)
{
	assert_non_null(i->lane);
	sched_done(s, i, cpu_us, cpu_us, now);
	assert_null(i->lane);
}

/* Adds up what tenants owe, not their principals. */
static inline void sum(void *arg, enum task_class c, const char *tenant, const char *principal,
		       int64_t us)
{
	(void)c;
	(void)tenant;
	if (!*principal)
		*(int64_t *)arg += us;
}
