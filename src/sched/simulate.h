/*
 * A machine in virtual time for the tests of the scheduler: sources that send runs, slots in which
 * runs take as long as they use CPU. Nothing is random but what `seed` says.
 */
#pragma once

#include "sched/sched.h"

struct sim;

/* Who sends runs. */
struct sim_source {
	enum task_class class_;
	const char *tenant, *principal, *profile; /* NULL: "key", "profile" */
	uint64_t hold;
	uint32_t weight, running_max; /* of the tenant; weight 0: the usual */
	uint32_t key_weight, profile_max;
	/* Of each run, in microseconds of CPU; one in `rare` takes rare_us instead. */
	uint32_t cost_us, rare, rare_us;
	uint32_t outstanding; /* so many are under way or waiting at all times, */
	uint64_t gap_ns;      /* or one comes each gap, */
	uint32_t burst;	      /* so many at once */
	uint64_t from_ns, to_ns;
	uint64_t think_ns;    /* between the end of one and its successor, with `outstanding` */
	uint64_t patience_ns; /* deadline, counted from when it comes; 0: none */
	uint32_t removed;     /* one in so many is removed while it waits or runs; 0: none */

	/* What came of them. */
	uint64_t cpu_us, sent, started, ended, refused, evicted, late, shed, wait_max_ns;
	uint64_t wait_sum_ns;
};

struct sim *sim_new(const struct sched_config *config, uint64_t seed);
void sim_free(struct sim *m);
struct sched *sim_sched(struct sim *m);
/* Another with the debts of this one, nothing else, which this is replaced by: a restart. */
void sim_restart(struct sim *m);
/* It stays the simulation's; the results stand in it. */
struct sim_source *sim_add(struct sim *m, struct sim_source source);
void sim_run(struct sim *m, uint64_t for_ns);
uint64_t sim_now(const struct sim *m);
uint64_t sim_idle_ns(const struct sim *m); /* time of slots below the limit that nobody used */
void sim_count_again(struct sim *m);	   /* results are set to 0 */
uint64_t sim_total(void);		   /* runs sent in all simulations */
