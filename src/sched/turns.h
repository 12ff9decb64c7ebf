/*
 * Deficit round robin (Shreedhar and Varghese, 1995) among flows: a class's tenants, or a tenant's
 * principals. In each round a flow is given one turn's worth of CPU time; while its balance is
 * above zero it can be served, and what it is charged may leave it below. Flows of one round are
 * served in turn, item by item.
 *
 * Rounds pass lazily: a flow waits in a heap for the round in which its balance is above zero, and
 * the round becomes that of the flow that is served, however far away. A flow without work keeps
 * its debt, which rounds pay off, but is given no more than one turn: so it can be served at once
 * when it comes back, unless it has had its part of this round.
 *
 * A flow is ready (has work that can be started), at rest (without work, remembered for what it has
 * had), or neither.
 */
#pragma once

#include "base/list.h"
#include "sched/heap.h"

struct flow {
	struct heap_node node; /* in `ready` or in `resting` */
	int ready;
	uint64_t key; /* the round in which it can be served, if ready */
	uint64_t turn_us;
	uint64_t round; /* whose turn is in the balance */
	int64_t balance_us;
	uint64_t since_ns; /* ready, and not served */
	struct list age;
};

struct turns {
	struct heap ready, resting;
	struct list age; /* of the ready ones, the longest not served first */
	uint64_t round, order;
	uint64_t forgot; /* the round in which one was forgotten that was not to be; counted from 1
			  */
	uint32_t since_aged;
};

struct turns_rules {
	uint64_t quantum_us, debt_max_us;
	uint64_t age_ns;
	uint32_t age_every;
};

void turns_init(struct turns *t);
void turns_done(struct turns *t); /* flows are their owner's */
void flow_init(struct flow *f, const struct turns *t, const struct turns_rules *r, uint32_t weight);

void turns_ready(struct turns *t, struct flow *f, uint64_t now);
void turns_unready(struct turns *t, struct flow *f);
/* Which ready one is next, NULL: there is none; *ret_aged: out of turn, for it was not served for
 * too long. */
struct flow *turns_next(const struct turns *t, const struct turns_rules *r, uint64_t now,
			int *ret_aged);
/* The ready one is served, for so much. */
void turns_serve(struct turns *t, struct flow *f, const struct turns_rules *r, uint64_t us,
		 int aged, uint64_t now);
/*
 * It was charged so much, but used so much. What it gets back leaves it with no more than a turn
 * and two such charges to spend: rounds may have passed in the meantime without costing it
 * anything. (One would be better for others, but takes some per cent from those whose runs nobody
 * can foresee.)
 */
void turns_correct(struct turns *t, struct flow *f, const struct turns_rules *r, uint64_t charged,
		   uint64_t used);
void turns_reweigh(struct turns *t, struct flow *f, const struct turns_rules *r, uint32_t weight);

int64_t turns_balance(const struct turns *t, const struct flow *f);
void turns_set_debt(struct turns *t, struct flow *f, const struct turns_rules *r, uint64_t us);
/* One without work. 0: it has a whole turn, like one that comes for the first time, and need not be
 * remembered; 1: it rests. */
int turns_rest(struct turns *t, struct flow *f);
int turns_wake(struct turns *t, struct flow *f); /* 1: it rested, and does no more */
/* A resting one that need not be remembered any more, or, if `any`, the one that needs it least.
 * NULL: none. It rests no more. */
struct flow *turns_forget(struct turns *t, int any);
