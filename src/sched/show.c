/* What the scheduler shows, and what it keeps over a restart. */
#include "sched/internal.h"

#include <string.h>

void sched_view(const struct sched *s, struct sched_view *ret)
{
	uint64_t floors = 0, free_slots;

	*ret = (struct sched_view){.limit = s->limit, .running = s->running};
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		floors += s->classes[c].floor;
	free_slots = s->limit > floors ? s->limit - floors : 0;
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		const struct class *c = &s->classes[i];
		struct sched_class_view *v = &ret->classes[i];

		*v = (struct sched_class_view){.waiting = c->waiting,
					       .running = c->running,
					       .floor = c->floor,
					       .tenants = c->tenants,
					       .started = c->started,
					       .shed = c->shed,
					       .refused = c->refused,
					       .evicted = c->evicted,
					       .aged = c->aged,
					       .overloaded = c->codel.shedding};
		if (c->running > c->floor + free_slots)
			v->borrowed = (uint32_t)(c->running - c->floor - free_slots);
		if (!list_empty(&c->items))
			v->oldest_ns =
				list_entry(c->items.next, struct sched_item, in_class)->added_ns;
	}
}

/* What is above zero is its part of this round, no savings. */
static int64_t debt(const struct turns *t, const struct flow *f)
{
	int64_t balance = turns_balance(t, f);

	return balance < 0 ? -balance : 0;
}

static void show(const struct sched *s, const struct queue *q, sched_tenant_fn *fn, void *arg)
{
	struct sched_tenant_view v = {.tenant = q->tenant->name,
				      .class_ = class_of(s, q),
				      .waiting = q->waiting,
				      .running = q->running,
				      .weight = q->tenant->weight,
				      .running_max = q->tenant->cap.max,
				      .debt_us = debt(&q->class->turns, &q->flow)};

	if (!list_empty(&q->items))
		v.oldest_ns = list_entry(q->items.next, struct sched_item, in_queue)->added_ns;
	fn(arg, &v);
}

/* One place in the heap of a class that was reached, but not shown yet. */
struct candidate {
	struct heap_node node;
	const struct heap *heap;
	uint32_t at;
};

static void reach(struct heap *reached, struct candidate *to, const struct heap *h, uint32_t at)
{
	if (at >= h->count)
		return;
	*to = (struct candidate){.heap = h, .at = at};
	heap_put(reached, &to->node, h->entries[at].key, (uint64_t)(uintptr_t)to);
}

void sched_tenants(const struct sched *s, const char *tenant, unsigned most, sched_tenant_fn *fn,
		   void *arg)
{
	uint32_t known = 0, n = 0;
	struct candidate *all;
	struct heap reached = {0};

	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		const struct queue *q =
			tenant ? known_find_queue(s, (enum task_class)c, tenant) : NULL;

		known += s->classes[c].most.count;
		if (q && most && most--)
			show(s, q, fn, arg);
	}
	if (tenant || !known || !most)
		return;
	if (most > known)
		most = known;
	/* The children of what was shown are the next that can be; so only those are looked at. */
	all = xcalloc(CLASS_COUNT + 2 * (size_t)most, sizeof(*all));
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		reach(&reached, &all[n++], &s->classes[c].most, 0);
	for (; most && reached.count; most--) {
		struct candidate *first =
			container_of(heap_first(&reached)->node, struct candidate, node);

		heap_take(&reached, &first->node);
		show(s, container_of(first->heap->entries[first->at].node, struct queue, most), fn,
		     arg);
		reach(&reached, &all[n++], first->heap, 2 * first->at + 1);
		reach(&reached, &all[n++], first->heap, 2 * first->at + 2);
	}
	heap_done(&reached);
	free(all);
}

void sched_debts(const struct sched *s, sched_debt_fn *fn, void *arg)
{
	for (const struct tenant *t = s->tenants; t; t = t->hh.next)
		for (unsigned c = 0; c < CLASS_COUNT; c++) {
			const struct queue *q = t->queues[c];
			int64_t us = q ? debt(&q->class->turns, &q->flow) : 0;

			if (us)
				fn(arg, (enum task_class)c, t->name, "", us);
		}
	for (const struct member *m = s->members; m; m = m->hh.next)
		for (unsigned c = 0; c < CLASS_COUNT; c++) {
			const struct principal *p = m->principals[c];
			int64_t us = p ? debt(&p->queue->turns, &p->flow) : 0;

			if (us && *known_member_name(m))
				fn(arg, (enum task_class)c, m->tenant->name, known_member_name(m),
				   us);
		}
}

void sched_set_debt(struct sched *s, enum task_class c, const char *tenant, const char *principal,
		    int64_t us, uint64_t now)
{
	uint64_t debt_us = us > 0 ? (uint64_t)us : 0;
	struct queue *q = known_queue(s, c, tenant);
	struct principal *p;

	s->now = MAX_U64(s->now, now);
	if (!*principal) {
		turns_set_debt(&q->class->turns, &q->flow, &q->class->rules, debt_us);
		known_drop_queue(s, q);
		return;
	}
	p = known_principal(s, q, principal);
	turns_set_debt(&q->turns, &p->flow, &q->class->rules, debt_us);
	known_wake(p);
	known_drop_principal(s, p);
}
