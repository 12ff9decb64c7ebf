/*
 * Which waiting run is next. Pure code: no clock, no I/O; the time is an argument (nanoseconds,
 * monotonic), so that a simulation can run years of it.
 *
 * Two classes (wire/words.h). In each: tenants, in a tenant its principals, in a principal lanes
 * (runs of one profile and one held sandbox), in a lane items in order of arrival. Among tenants,
 * and among a tenant's principals, deficit round robin (Shreedhar and Varghese, 1995) in units of
 * CPU time: each round gives quantum times weight; an item is charged an estimate when it starts,
 * the mean of what its lane has used, and the difference to what was measured when it is over. A
 * debt stays when the queue runs empty, and rounds pass while others are served: so who sends one
 * run at a time pays like who sends a thousand. Nobody saves up more than one turn (besides, what
 * two items were charged too much). Rounds that nobody uses are skipped, however many: a quantum of
 * no more than a short run costs nothing, and lets those whose runs come one by one have their
 * share.
 *
 * Slots. `limit` items run at once (limit.h moves it). A class has a floor: slots that it gets
 * whenever it has work. What a class leaves of its floor the other may borrow; it is given back as
 * items end. So that an interactive item does not wait for that, the interactive class may start
 * items within its floor at once, past `limit` but never past `limit_max`. Slots above the floors
 * are the interactive class's first.
 *
 * Who has none. Items may hold their slots for long and use little. So a tenant that has nothing
 * running and was not served for age_ns may start one item past all limits, while no more than
 * limit_max + reserve run.
 *
 * Ageing. A tenant that has work, could run, and was not served for `age_ns` is served out of turn,
 * at most one start in `age_every`: so the least weight waits no longer than
 * age_ns + age_every * (tenants with work) starts of its class. It is charged all the same. So it
 * is with the principals of a tenant, in its starts.
 *
 * Shedding. An item whose deadline has passed, or whose lane's runs take longer (mean) than what is
 * left of it, is shed instead of started. Besides, when the least time that an item has waited in
 * the class stood above `target_ns` for `interval_ns`, items are shed at growing frequency (CoDel,
 * RFC 8289, section 5), those first that have waited longest, of the tenant that has most waiting.
 *
 * Bounds. A class has room for queue_max items, and for tenant_max of one tenant. When it is full,
 * an item of a tenant that has less than its even share waiting takes the place of the newest one
 * of the tenant that has most.
 *
 * Every operation takes time that grows with the logarithm of the number of tenants at most; where
 * two caps of a tenant work against each other, with the number of its own lanes that wait.
 */
#pragma once

#include "base/list.h"
#include "sched/heap.h"
#include "wire/words.h"

#include <stddef.h>
#include <stdint.h>

enum { SCHED_NAME = 64 }; /* of tenants, principals and profiles, with NUL */

struct sched_class_config {
	uint32_t floor;
	uint32_t queue_max, tenant_max;
	uint64_t target_ns, interval_ns; /* target 0: nothing is shed for having waited */
	uint64_t age_ns;
};

struct sched_config {
	struct sched_class_config classes[CLASS_COUNT];
	uint32_t limit, limit_max; /* floors together are at most `limit` */
	uint32_t reserve;	   /* slots past all that, for who has none */
	uint32_t quantum_us;	   /* of CPU time, for weight 100: 1000 is usual */
	uint32_t debt_max_us;	   /* what a tenant or principal can owe */
	uint32_t age_every;
};

/* Why an item waited, or waits: the last thing that was in its way. */
#define SCHED_REASONS(X)                                                                           \
	X(NONE, "none")		      /* it did not */                                             \
	X(CONCURRENCY, "concurrency") /* all slots of its class were taken */                      \
	X(FAIRNESS, "fairness")	      /* besides, it was the turn of some that came later */       \
	X(TENANT_CAP, "tenant_cap")   /* as many runs of its tenant as may be were under way, */   \
	X(KEY_CAP, "key_cap")	      /* of its key, */                                            \
	X(PROFILE_CAP, "profile_cap") /* of its profile; */                                        \
	X(LEASE, "lease")	      /* or its held sandbox was busy */
#define X(U, t) SCHED_##U,
enum sched_reason { SCHED_REASONS(X) SCHED_REASON_COUNT };
#undef X
const char *sched_reason_text(enum sched_reason r);

/* Why an item is refused or shed. The text is a problem's code. */
#define SCHED_REFUSALS(X)                                                                          \
	X(FULL, "queue.full")		    /* its class is full */                                \
	X(TENANT_FULL, "queue.tenant_full") /* its tenant has its share of the queue waiting */    \
	X(EVICTED, "queue.evicted")	    /* it made room for a tenant that has less waiting */  \
	X(DEADLINE, "queue.deadline")	    /* it could not be done by its deadline any more */    \
	X(OVERLOAD, "queue.overload")	    /* its class has been waiting for too long */
#define X(U, t) SCHED_##U,
enum sched_refusal { SCHED_REFUSALS(X) SCHED_REFUSAL_COUNT };
#undef X
const char *sched_refusal_text(enum sched_refusal r);

/* In the caller's struct; zeroed before its first sched_add(). */
struct sched_item {
	/* From sched_add() on, to be read: */
	uint32_t position;	   /* how many of its class were waiting when it came */
	enum sched_reason because; /* once it runs; before, what was in its way when it came */
	uint64_t added_ns, started_ns;
	/* Its own: */
	struct sched_lane *lane; /* NULL: it is in none, neither waiting nor running */
	struct list in_lane, in_queue, in_class;
	struct heap_node deadline;
	uint64_t deadline_ns, seq;
	uint32_t charged_us;
	int running;
};

struct sched_who {
	const char *tenant, *principal, *profile;
	uint64_t hold; /* at most one of them at a time runs; 0: none */
};

struct sched;

struct sched *sched_new(const struct sched_config *config);
void sched_free(struct sched *s); /* items are their owner's */

/*
 * The item waits. -EAGAIN: it does not; *ret_refusal says why (FULL, TENANT_FULL, DEADLINE), and
 * *ret_retry_ms when there may be room, from how fast the class has moved lately (at least 1).
 * *ret_evicted, if not NULL, is an item that is out of the queue for it (EVICTED). `forced`: past
 * all bounds, for an item that was accepted before. deadline_ns 0: none. What is longer of a name
 * than SCHED_NAME is not looked at.
 */
int sched_add(struct sched *s, struct sched_item *i, enum task_class c, const struct sched_who *who,
	      uint64_t deadline_ns, int forced, uint64_t now, enum sched_refusal *ret_refusal,
	      uint32_t *ret_retry_ms, struct sched_item **ret_evicted);
/* Without adding: what sched_add() would refuse for (FULL, TENANT_FULL); 0: nothing. Cheap. */
int sched_is_full(const struct sched *s, enum task_class c, const char *tenant,
		  enum sched_refusal *ret_refusal, uint32_t *ret_retry_ms);

/*
 * The next item, which runs from now on; or an item that is out of the queue, *ret_shed then being
 * 1 and *ret_refusal saying why. NULL: none can be started now. To be called until it is NULL,
 * whenever an item was added or has ended, or a cap was changed.
 */
struct sched_item *sched_next(struct sched *s, uint64_t now, int *ret_shed,
			      enum sched_refusal *ret_refusal);
/* What is in the way of one that waits, now. */
enum sched_reason sched_because(const struct sched *s, const struct sched_item *i);
/* When sched_next() has something to say at the latest, though nothing else happens (a deadline,
 * ageing, CoDel); UINT64_MAX: never. */
uint64_t sched_due(const struct sched *s, uint64_t now);

/* It is over, and has used that much: wall time from its start besides, for what the lane expects.
 */
void sched_done(struct sched *s, struct sched_item *i, uint64_t cpu_us, uint64_t wall_us,
		uint64_t now);
/* It shall not run: out of the queue, or, if it runs, over without having used anything. */
void sched_remove(struct sched *s, struct sched_item *i, uint64_t now);

/* At most limit_max, at least one slot for each class that has a floor; floors that are more than
 * the limit get their part of it. */
void sched_set_limit(struct sched *s, uint32_t limit);
void sched_pause(struct sched *s, int paused); /* nothing is started; deadlines pass all the same */

/* Settings. They are forgotten when nothing else is known of the name: `reread` is asked when it is
 * known again. running_max 0: no cap. */
struct sched_terms {
	uint32_t weight; /* 1 to 10000; 100 is the usual */
	uint32_t running_max;
};
enum sched_scope { SCHED_OF_TENANT, SCHED_OF_KEY, SCHED_OF_PROFILE };
typedef struct sched_terms sched_terms_fn(void *arg, enum sched_scope scope, const char *tenant,
					  const char *name);
void sched_on_terms(struct sched *s, sched_terms_fn *fn, void *arg);
void sched_terms_changed(struct sched *s,
			 const char *tenant); /* all that is known of it is asked again */

/*
 * Debts, to be kept over a restart; above 0. principal "": the tenant's own, which is to be set
 * before those of its principals: they are known only as long as it. Of idle debtors a class
 * remembers 4096 tenants, 64 principals of each and 16384 in all: those whose debts will be paid
 * last.
 */
typedef void sched_debt_fn(void *arg, enum task_class c, const char *tenant, const char *principal,
			   int64_t us);
void sched_debts(const struct sched *s, sched_debt_fn *fn, void *arg);
void sched_set_debt(struct sched *s, enum task_class c, const char *tenant, const char *principal,
		    int64_t us, uint64_t now);

/* What people are shown. */
struct sched_class_view {
	uint32_t waiting, running, floor, borrowed; /* borrowed: running above its floor and the
						       slots that are nobody's */
	uint32_t tenants;			    /* with work waiting */
	uint64_t oldest_ns;			    /* since when the oldest waits; 0: none */
	uint64_t started, shed, refused, evicted, aged;
	int overloaded; /* CoDel is shedding */
};
struct sched_view {
	uint32_t limit, running;
	struct sched_class_view classes[CLASS_COUNT];
};
void sched_view(const struct sched *s, struct sched_view *ret);
struct sched_tenant_view {
	const char *tenant;
	enum task_class class_;
	uint32_t waiting, running, weight, running_max;
	int64_t debt_us;
	uint64_t oldest_ns; /* since when its oldest waits; 0: none */
};
typedef void sched_tenant_fn(void *arg, const struct sched_tenant_view *v);
/* Those with most waiting first, at most `most`; tenant not NULL: only it. */
void sched_tenants(const struct sched *s, const char *tenant, unsigned most, sched_tenant_fn *fn,
		   void *arg);
