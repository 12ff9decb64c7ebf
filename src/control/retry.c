/* Runs that the platform failed, tried again: see queue.h. */
#include "base/clock.h"
#include "base/json.h"
#include "control/lease.h"
#include "control/run.h"

#include <sodium.h>
#include <string.h>

/* Nothing of what it did is known outside, or all of it may be done twice. */
static int is_safe(const struct run *r, const struct msg_run_done *m)
{
	int begun = m->outcome != OUTCOME_DENIED;

	if (!r->wire.len || r->cancelled || r->recovered || r->control->stopping)
		return 0;
	if (!begun)
		return 1;
	/* What its lease holds has a state, which is lost. */
	return r->idempotent && !(r->lease && r->lease->hold);
}

static void on_due(struct loop_timer *t)
{
	struct run *r = container_of(t, struct run_out, retry)->run;
	uint32_t retry_ms;
	struct err e;

	if (queue_enter(r, r->deadline_ns, &e, &retry_ms) < 0)
		run_deny(r, e.code, e.message, 0);
}

void retry_cancel(struct run *r)
{
	if (r->out)
		loop_disarm(r->control->loop, &r->out->retry);
}

int retry_run(struct run *r, const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf why = BUF_INIT(128);
	struct queue *q = r->control->queue;
	uint64_t delay, random, now = clock_now_ns();
	enum retry_verdict v;
	uint8_t class = 0;

	if (r->ended || !is_safe(r, m) || words_class_parse(r->class_, &class) < 0)
		return 0;
	randombytes_buf(&random, sizeof(random));
	v = retry_ask(q->retry, (enum task_class) class, r->tenant, r->attempts, random, now,
		      &delay);
	q->retries[class][v]++;
	if (v != RETRY_ALLOWED)
		return 0;
	queue_leave(r, m); /* what it has used so far is charged */
	r->go = r->sent = 0;
	r->out->logs.len = r->out->events.len = r->out->payloads.len = 0;
	r->item = (struct sched_item){0};
	buf_done(&r->out->judged); /* its node may have been lost while its value was judged */
	r->out->judge = r->out->judge_us = 0;
	buf_addf(&why, "{\"attempt\":%u,\"after_ms\":%llu}", r->attempts + 1,
		 (unsigned long long)(delay / NS_PER_MS));
	run_tell(r, "retry", why.data, why.len);
	r->out->retry.fire = on_due;
	loop_arm(r->control->loop, &r->out->retry, now + delay);
	return 1;
}
