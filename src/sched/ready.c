#include "sched/internal.h"

/* Of those that wait for a cap, so many wake at each search: enough to choose the right one from,
 * few enough that a tenant's thousand lanes behind one cap do not cost a thousand steps each run.
 */
enum { WAKE_AT_ONCE = 8 };

static int has_room(const struct cap *c)
{
	return !c->max || c->running < c->max;
}

static struct cap *full_cap(const struct sched_lane *l)
{
	if (l->hold && !has_room(&l->hold->cap))
		return &l->hold->cap;
	return has_room(&l->profile->cap) ? NULL : &l->profile->cap;
}

static enum sched_reason reason_of(const struct cap *c)
{
	switch (c->scope) {
	case CAP_TENANT:
		return SCHED_TENANT_CAP;
	case CAP_KEY:
		return SCHED_KEY_CAP;
	case CAP_PROFILE:
		return SCHED_PROFILE_CAP;
	case CAP_HOLD:
		return SCHED_LEASE;
	}
	return SCHED_NONE;
}

enum sched_reason ready_obstacle(const struct sched_lane *l)
{
	const struct cap *c = full_cap(l);

	if (!has_room(&lane_queue(l)->tenant->cap))
		c = &lane_queue(l)->tenant->cap;
	else if (!has_room(&l->principal->key->cap))
		c = &l->principal->key->cap;
	return c ? reason_of(c) : SCHED_NONE;
}

/* The states of queue, principal and lane follow from what they have; each of these may be called
 * at any time, and passes on upwards. */

static void refresh_queue(struct sched *s, struct queue *q)
{
	int some = q->turns.ready.count || (q->waiting && !list_empty(&q->tenant->roomy));

	if (!q->waiting)
		list_remove(&q->parked);
	if (q->waiting && some && list_empty(&q->parked))
		turns_ready(&q->class->turns, &q->flow, s->now);
	else
		turns_unready(&q->class->turns, &q->flow);
}

static void refresh_principal(struct sched *s, struct principal *p)
{
	if (!p->waiting)
		list_remove(&p->parked);
	if (p->lanes.count && list_empty(&p->parked))
		turns_ready(&p->queue->turns, &p->flow, s->now);
	else
		turns_unready(&p->queue->turns, &p->flow);
	refresh_queue(s, p->queue);
}

/* Keeps the caps with both room and waiters in their tenant's list. */
static void refresh_cap(struct tenant *t, struct cap *c)
{
	list_remove(&c->roomy);
	if (c->scope != CAP_TENANT && has_room(c) && !list_empty(&c->waiters))
		list_append(&t->roomy, &c->roomy);
}

static void unpark_lane(struct sched_lane *l)
{
	struct tenant *t = lane_queue(l)->tenant;

	list_remove(&l->parked);
	refresh_cap(t, &l->profile->cap);
	if (l->hold)
		refresh_cap(t, &l->hold->cap);
}

void ready_lane(struct sched *s, struct sched_lane *l)
{
	struct principal *p = l->principal;

	if (!l->waiting && !list_empty(&l->parked))
		unpark_lane(l);
	if (l->waiting && list_empty(&l->parked))
		heap_put(&p->lanes, &l->node,
			 list_entry(l->items.next, struct sched_item, in_lane)->seq, 0);
	else
		heap_take(&p->lanes, &l->node);
	refresh_principal(s, p);
}

static void waited(struct sched *s, struct wait *w, const struct cap *c)
{
	*w = (struct wait){.until_ns = s->now, .until_seq = ++s->seq, .reason = reason_of(c)};
}

/* The first of those that wait for the cap waits no longer. */
static void wake(struct sched *s, struct cap *c)
{
	struct list *first = c->waiters.next;
	struct sched_lane *l;
	struct principal *p;
	struct queue *q;

	list_remove(first);
	switch (c->scope) {
	case CAP_TENANT:
		q = list_entry(first, struct queue, parked);
		waited(s, &q->wait, c);
		refresh_queue(s, q);
		break;
	case CAP_KEY:
		p = list_entry(first, struct principal, parked);
		waited(s, &p->wait, c);
		refresh_principal(s, p);
		break;
	case CAP_PROFILE:
	case CAP_HOLD:
		l = list_entry(first, struct sched_lane, parked);
		waited(s, &l->wait, c);
		ready_lane(s, l);
		break;
	}
}

/* 0: there was none to wake. */
static int wake_some(struct sched *s, struct tenant *t)
{
	unsigned n = 0;

	for (; n < WAKE_AT_ONCE && !list_empty(&t->roomy); n++) {
		struct cap *c = list_entry(t->roomy.next, struct cap, roomy);

		wake(s, c);
		refresh_cap(t, c);
	}
	return n != 0;
}

/* The lane of the queue that is next, NULL: all that wait are parked; the queue is not ready then.
 */
static struct sched_lane *next_lane(struct sched *s, struct queue *q, int *ret_aged)
{
	struct class *c = q->class;

	wake_some(s, q->tenant);
	for (;;) {
		struct flow *f = turns_next(&q->turns, &c->rules, s->now, ret_aged);
		struct principal *p;
		struct sched_lane *l;
		struct cap *full;

		if (!f) {
			if (wake_some(s, q->tenant))
				continue;
			refresh_queue(s, q);
			return NULL;
		}
		p = container_of(f, struct principal, flow);
		l = container_of(heap_first(&p->lanes)->node, struct sched_lane, node);
		full = full_cap(l);
		if (!has_room(&p->key->cap)) {
			list_append(&p->key->cap.waiters, &p->parked);
			refresh_principal(s, p);
		} else if (full) {
			list_append(&full->waiters, &l->parked);
			ready_lane(s, l);
		} else {
			return l;
		}
	}
}

struct sched_lane *ready_next(struct sched *s, struct class *c, int *ret_aged_queue,
			      int *ret_aged_principal)
{
	struct sched_lane *l;
	struct flow *f;

	while ((f = turns_next(&c->turns, &c->rules, s->now, ret_aged_queue))) {
		struct queue *q = container_of(f, struct queue, flow);

		if (!has_room(&q->tenant->cap)) {
			list_append(&q->tenant->cap.waiters, &q->parked);
			refresh_queue(s, q);
		} else if ((l = next_lane(s, q, ret_aged_principal))) {
			return l;
		}
	}
	return NULL;
}

/* Room, or no room. Principals and queues that wait for it wake at once (they are one or two);
 * lanes when their tenant is searched, so it has to be. */
void ready_cap_changed(struct sched *s, struct tenant *t, struct cap *c)
{
	if (c->scope == CAP_TENANT || c->scope == CAP_KEY)
		while (has_room(c) && !list_empty(&c->waiters))
			wake(s, c);
	refresh_cap(t, c);
	for (unsigned i = 0; i < CLASS_COUNT && !list_empty(&t->roomy); i++)
		if (t->queues[i])
			refresh_queue(s, t->queues[i]);
}

static void each_cap(struct sched *s, struct sched_lane *l, int add)
{
	struct tenant *t = lane_queue(l)->tenant;
	struct cap *caps[] = {&t->cap, &l->principal->key->cap, &l->profile->cap,
			      l->hold ? &l->hold->cap : NULL};

	for (unsigned i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i]) {
			caps[i]->running += (uint32_t)add;
			ready_cap_changed(s, t, caps[i]);
		}
}

void ready_take(struct sched *s, struct sched_lane *l)
{
	each_cap(s, l, 1);
}

void ready_release(struct sched *s, struct sched_lane *l)
{
	each_cap(s, l, -1);
}
