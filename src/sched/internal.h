/*
 * What the scheduler knows. A tenant has a queue in each class where it has work or debts; a queue
 * has principals, a principal lanes, a lane items. Caps stand across classes: of a tenant, of a
 * key (which has a principal in each class), of a profile, of a held sandbox.
 *
 * A lane whose profile or sandbox has no room is parked with that cap, a principal with its key's,
 * a queue with its tenant's; parked ones are in no heap, so that looking for the next item never
 * passes by them. They are parked when the search meets them, and wake when there is room.
 */
#pragma once

#include "sched/codel.h"
#include "sched/names.h"
#include "sched/sched.h"
#include "sched/turns.h"

/* How many idle debtors are remembered; beyond, the one whose debt is paid first is forgotten. */
enum {
	RESTING_TENANTS_MAX = 4096,    /* of a class */
	RESTING_PRINCIPALS_MAX = 64,   /* of a tenant in a class */
	RESTING_PRINCIPALS_ALL = 16384 /* of a class */
};

/* The last wait for a cap: until when, and its place among all events. */
struct wait {
	uint64_t until_ns, until_seq;
	enum sched_reason reason;
};

/* A mean that forgets: each sample counts an eighth. */
struct mean {
	float value; /* < 0: none yet */
};

enum cap_scope { CAP_TENANT, CAP_KEY, CAP_PROFILE, CAP_HOLD };
struct cap {
	struct list waiters; /* of a tenant: queues, of a key: principals: their `parked` */
	/* Of profile and sandbox: lanes, in the order of their principals' turns, as they were when
	 * they were parked: */
	struct heap lanes[CLASS_COUNT];
	struct list roomy[CLASS_COUNT]; /* in the queue's, while it has room and such lanes */
	uint32_t running, max;
	enum cap_scope scope;
};

struct tenant {
	UT_hash_handle hh;
	struct cap cap;
	struct queue *queues[CLASS_COUNT];
	struct list members;
	uint32_t weight;
	char name[];
};

/* What a tenant has besides itself that is capped. */
struct member {
	UT_hash_handle hh;
	struct cap cap;
	struct tenant *tenant;
	struct list of_tenant;
	struct principal *principals[CLASS_COUNT]; /* a key's */
	uint32_t refs, weight;
	struct member_id *id;
};

struct queue {
	struct flow flow; /* among the class's tenants */
	struct turns turns;
	struct tenant *tenant;
	struct class *class;
	struct heap_node most;
	struct list items; /* as they came */
	struct list roomy; /* caps with room that lanes of it wait for */
	struct list parked;
	struct wait wait;
	uint32_t waiting, running, principals;
};

struct principal {
	struct flow flow; /* among the queue's principals */
	struct queue *queue;
	struct member *key;
	struct heap lanes; /* that may run, as their first items came */
	struct list parked;
	struct wait wait;
	struct mean cpu_us;
	uint32_t waiting, running, lane_count;
};

struct sched_lane {
	UT_hash_handle hh;
	struct principal *principal;
	struct member *profile, *hold; /* hold NULL: none */
	struct heap_node node; /* in its principal's lanes, or the cap's where it is parked */
	struct cap *parked;
	struct list items;
	struct wait wait;
	struct mean cpu_us, wall_us;
	uint32_t waiting, running;
	struct lane_id *id;
};

struct class
{
	struct sched_class_config config;
	struct turns_rules rules;
	uint32_t floor; /* as far as the limit has room for it */
	struct turns turns;
	struct heap most;      /* queues, with most waiting first */
	struct heap deadlines; /* of waiting items */
	struct list items;     /* all that wait, as they came */
	struct codel codel;
	struct mean cpu_us, gap_ns; /* gap: between two that leave the queue, while others wait */
	uint64_t left_ns;	    /* when the last left it */
	uint64_t newest_seq;	    /* of those that were started */
	uint64_t stalled_seq;	    /* when the search last ended with nothing, while some waited */
	uint32_t waiting, running, tenants, resting_principals;
	uint64_t started, shed, refused, evicted, aged;
};

struct sched {
	struct sched_config config;
	struct class classes[CLASS_COUNT];
	struct tenant *tenants;
	struct member *members;
	struct sched_lane *lanes;
	sched_terms_fn *terms;
	void *terms_arg;
	uint32_t limit, running;
	int paused;
	uint64_t now, seq; /* the latest time; events, in their order */
};

static inline void mean_add(struct mean *m, uint64_t sample)
{
	m->value += m->value < 0 ? (float)sample - m->value : ((float)sample - m->value) / 8;
}

static inline struct queue *lane_queue(const struct sched_lane *l)
{
	return l->principal->queue;
}

static inline enum task_class class_of(const struct sched *s, const struct queue *q)
{
	return (enum task_class)(q->class - s->classes);
}

/* known.c: who and what there is. Found or made; forgotten when nothing is known of it. */
struct queue *known_queue(struct sched *s, enum task_class c, const char *tenant);
struct queue *known_find_queue(const struct sched *s, enum task_class c, const char *tenant);
struct principal *known_principal(struct sched *s, struct queue *q, const char *name);
struct sched_lane *known_lane(struct sched *s, struct principal *p, const struct sched_who *who);
void known_wake(struct principal *p); /* neither it nor its queue rests any more */
const char *known_member_name(const struct member *m);
void known_drop_lane(struct sched *s, struct sched_lane *l); /* if it has neither items nor runs */
void known_drop_principal(struct sched *s, struct principal *p);
void known_drop_queue(struct sched *s, struct queue *q);
void known_forget_paid(struct sched *s, struct queue *q); /* some debtors, of its class and its */
void known_reread(struct sched *s, struct tenant *t);
void known_free(struct sched *s);

/* ready.c: what may run. */
void ready_lane(struct sched *s, struct sched_lane *l); /* its items, or its caps, have changed */
struct sched_lane *ready_next(struct sched *s, struct class *c, int *ret_aged_queue,
			      int *ret_aged_principal);
/* The queue that waits longest, at least age_ns, of a tenant that has nothing running; NULL. When
 * there will be one otherwise: *ret_due, UINT64_MAX: not as things are. */
struct queue *ready_stranded(const struct sched *s, const struct class *c, uint64_t *ret_due);
struct sched_lane *ready_lane_of(struct sched *s, struct queue *q, int *ret_aged_principal);
void ready_take(struct sched *s, struct sched_lane *l); /* one of it runs; or no more */
void ready_release(struct sched *s, struct sched_lane *l);
void ready_cap_changed(struct sched *s, struct tenant *t, struct cap *c);
enum sched_reason ready_obstacle(const struct sched_lane *l); /* a cap without room; NONE */
