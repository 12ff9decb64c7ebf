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
	int some = q->turns.ready.count || !list_empty(&q->roomy);

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

/* Keeps the caps with both room and lanes that wait in their queues' lists. */
static void refresh_cap(struct cap *cap)
{
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		const struct heap_entry *first = heap_first(&cap->lanes[c]);

		list_remove(&cap->roomy[c]);
		if (first && has_room(cap))
			list_append(&lane_queue(container_of(first->node, struct sched_lane, node))
					     ->roomy,
				    &cap->roomy[c]);
	}
}

static void park_lane(struct sched *s, struct sched_lane *l, struct cap *cap)
{
	struct principal *p = l->principal;

	heap_take(&p->lanes, &l->node);
	l->parked = cap;
	heap_put(&cap->lanes[class_of(s, p->queue)], &l->node, p->flow.key, ++s->seq);
	refresh_principal(s, p);
}

static void unpark_lane(struct sched *s, struct sched_lane *l)
{
	struct queue *q = lane_queue(l);
	struct cap *cap = TAKE_PTR(l->parked);

	heap_take(&cap->lanes[class_of(s, q)], &l->node);
	refresh_cap(cap);
}

void ready_lane(struct sched *s, struct sched_lane *l)
{
	struct principal *p = l->principal;

	if (!l->waiting && l->parked)
		unpark_lane(s, l);
	if (l->waiting && !l->parked)
		heap_put(&p->lanes, &l->node,
			 list_entry(l->items.next, struct sched_item, in_lane)->seq, 0);
	else if (!l->parked)
		heap_take(&p->lanes, &l->node);
	refresh_principal(s, p);
}

static void waited(struct sched *s, struct wait *w, const struct cap *c)
{
	*w = (struct wait){.until_ns = s->now, .until_seq = ++s->seq, .reason = reason_of(c)};
}

/* The queue or principal that waits for the cap waits no longer. */
static void wake(struct sched *s, struct cap *c)
{
	struct list *first = c->waiters.next;

	list_remove(first);
	if (c->scope == CAP_TENANT) {
		struct queue *q = list_entry(first, struct queue, parked);

		waited(s, &q->wait, c);
		refresh_queue(s, q);
	} else {
		struct principal *p = list_entry(first, struct principal, parked);

		waited(s, &p->wait, c);
		refresh_principal(s, p);
	}
}

/* Lanes whose caps have room, the next by turn of each. 0: there was none. */
static int wake_some(struct sched *s, struct queue *q)
{
	enum task_class c = class_of(s, q);
	unsigned n = 0;

	for (; n < WAKE_AT_ONCE && !list_empty(&q->roomy); n++) {
		struct cap *cap = list_entry(q->roomy.next, struct cap, roomy[c]);
		struct sched_lane *l =
			container_of(heap_first(&cap->lanes[c])->node, struct sched_lane, node);

		waited(s, &l->wait, cap);
		unpark_lane(s, l);
		ready_lane(s, l);
	}
	return n != 0;
}

/* The lane of the queue that is next, NULL: all that wait are parked; the queue is not ready then.
 */
static struct sched_lane *next_lane(struct sched *s, struct queue *q, int *ret_aged)
{
	struct class *c = q->class;

	wake_some(s, q);
	for (;;) {
		struct flow *f = turns_next(&q->turns, &c->rules, s->now, ret_aged);
		struct principal *p;
		struct sched_lane *l;
		struct cap *full;

		if (!f) {
			if (wake_some(s, q))
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
			park_lane(s, l, full);
		} else {
			return l;
		}
	}
}

struct sched_lane *ready_lane_of(struct sched *s, struct queue *q, int *ret_aged_principal)
{
	return has_room(&q->tenant->cap) ? next_lane(s, q, ret_aged_principal) : NULL;
}

/* Those before it have something running, so there are no more of them than items that run. */
struct queue *ready_stranded(const struct sched *s, const struct class *c, uint64_t *ret_due)
{
	*ret_due = UINT64_MAX;
	for (struct list *p = c->turns.age.next; p != &c->turns.age; p = p->next) {
		struct flow *f = list_entry(p, struct flow, age);
		struct queue *q = container_of(f, struct queue, flow);

		if (q->tenant->cap.running)
			continue;
		if (s->now >= f->since_ns && s->now - f->since_ns >= c->rules.age_ns)
			return q;
		*ret_due = f->since_ns + c->rules.age_ns;
		break;
	}
	return NULL;
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
 * lanes when their queue is searched, so it has to be. */
void ready_cap_changed(struct sched *s, struct tenant *t, struct cap *c)
{
	while (has_room(c) && !list_empty(&c->waiters))
		wake(s, c);
	refresh_cap(c);
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (!list_empty(&c->roomy[i]))
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
