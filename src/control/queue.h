/*
 * Where runs wait. A run that was admitted takes a place in the queue of its class (src/sched),
 * before its row is written, so that a full queue is answered at once and leaves no trace; it goes
 * to the node when the scheduler says so, and its row stands. What it used is charged when it is
 * over. How many run at once follows what the machine does well (sched/limit.h).
 *
 * What the platform itself failed is tried again (retry.c), where that is safe: the node says that
 * the run was never begun, or it can be run twice without harm, because its profile gives it
 * nothing that has effects outside, or its caller said so.
 */
#pragma once

#include "control/control.h"
#include "sched/limit.h"
#include "sched/retry.h"
#include "sched/sched.h"

struct run;
struct msg_run_done;

struct queue_settings { /* by class */
	uint32_t waiting[CLASS_COUNT], floor[CLASS_COUNT], attempts[CLASS_COUNT];
	uint32_t limit_min, limit_max, reserve;
	uint32_t target_ms; /* of waiting, for interactive runs; 0: as long as it takes */
};

struct queue {
	struct control *control;
	struct queue_settings settings;
	struct sched *sched;
	struct limit limit;
	struct retry *retry;
	struct loop_timer timer, keep;
	uint64_t kept; /* a digest of the debts that the database has */
	uint64_t attempts[CLASS_COUNT], retries[CLASS_COUNT][RETRY_VERDICT_COUNT];
	uint64_t waited_us[CLASS_COUNT];
};

int queue_open(struct control *c, struct err *reterr); /* debts of the last control are owed on */
void queue_close(struct control *c);

/* It waits from now on. -EAGAIN: it does not, and *reterr and *ret_retry_ms are filled. */
int queue_enter(struct run *r, uint64_t deadline_ns, struct err *reterr, uint32_t *ret_retry_ms);
/* Before its class is known: neither would have room. */
int queue_is_full(struct control *c, const char *tenant, struct err *reterr,
		  uint32_t *ret_retry_ms);
/* 429 with Retry-After; it is counted (shed.h). */
void queue_refuse(struct request *q, const char *tenant, const struct err *e, uint32_t retry_ms);
/* Who may start does; at the end of each turn, when rows stand. */
void queue_pump(struct control *c);
/* It waits no longer, whatever becomes of it. */
void queue_waited(struct run *r);
/* It is over, or will not run. m NULL: without having used anything. */
void queue_leave(struct run *r, const struct msg_run_done *m);
/* What a weight, or a cap, is of has changed. */
void queue_terms_changed(struct control *c, const char *tenant);

/* Members of a JSON object: "queue":{…},"attempts":N */
void queue_json(const struct run *r, struct buf *b);

void queue_show(struct request *q); /* GET /v1/queue */
void queue_metrics(const struct control *c, struct buf *b);

/* retry.c: 1: the run is tried again; it is not over. */
int retry_run(struct run *r, const struct msg_run_done *m);
void retry_cancel(struct run *r);
