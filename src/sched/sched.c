#include "base/clock.h"
#include "sched/internal.h"

#include <errno.h>
#include <string.h>

enum { USED_MAX_US = 1 << 30, RETRY_MAX_MS = 60000, RETRY_UNKNOWN_MS = 1000, RETRY_PART = 8 };

static const char *const reason_texts[] = {
#define X(U, t) [SCHED_##U] = (t),
	SCHED_REASONS(X)
#undef X
};
static const char *const refusal_texts[] = {
#define X(U, t) [SCHED_##U] = (t),
	SCHED_REFUSALS(X)
#undef X
};

const char *sched_reason_text(enum sched_reason r)
{
	return reason_texts[r];
}

const char *sched_refusal_text(enum sched_refusal r)
{
	return refusal_texts[r];
}

static void class_init(struct class *c, const struct sched_config *config,
		       const struct sched_class_config *own)
{
	c->config = *own;
	c->rules = (struct turns_rules){.quantum_us = MAX_U64(config->quantum_us, 1),
					.debt_max_us = config->debt_max_us,
					.age_ns = own->age_ns,
					.age_every = config->age_every};
	turns_init(&c->turns);
	list_init(&c->items);
	c->codel.target_ns = own->target_ns;
	c->codel.interval_ns = own->interval_ns;
	c->cpu_us.value = c->gap_ns.value = -1;
}

struct sched *sched_new(const struct sched_config *config)
{
	struct sched *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		class_init(&s->classes[c], config, &config->classes[c]);
	s->config.limit_max = (uint32_t)MAX_U64(config->limit_max, config->limit);
	sched_set_limit(s, config->limit);
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	known_free(s);
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		turns_done(&s->classes[c].turns);
		heap_done(&s->classes[c].most);
		heap_done(&s->classes[c].deadlines);
	}
	free(s);
}

/* Floors that are more than the limit get their part of it, at least one slot each: so the limit
 * is at least as many as there are floors. */
void sched_set_limit(struct sched *s, uint32_t limit)
{
	struct class *a = &s->classes[CLASS_INTERACTIVE], *b = &s->classes[CLASS_BULK];
	uint64_t both = (uint64_t)a->config.floor + b->config.floor;
	uint32_t least = (a->config.floor > 0) + (b->config.floor > 0);

	if (limit > s->config.limit_max)
		limit = s->config.limit_max;
	if (limit < least)
		limit = least;
	s->limit = limit ? limit : 1;
	a->floor = a->config.floor;
	b->floor = b->config.floor;
	if (both <= s->limit)
		return;
	a->floor = (uint32_t)(s->limit * (uint64_t)a->config.floor / both);
	if (!a->floor && a->config.floor)
		a->floor = 1;
	if (a->floor == s->limit && b->config.floor)
		a->floor--;
	b->floor = s->limit - a->floor;
}

void sched_pause(struct sched *s, int paused)
{
	s->paused = paused;
}

void sched_on_terms(struct sched *s, sched_terms_fn *fn, void *arg)
{
	s->terms = fn;
	s->terms_arg = arg;
}

void sched_terms_changed(struct sched *s, const char *tenant)
{
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		struct queue *q = known_find_queue(s, (enum task_class)c, tenant);

		if (q) {
			known_reread(s, q->tenant);
			return;
		}
	}
}

static void set_now(struct sched *s, uint64_t now)
{
	s->now = MAX_U64(s->now, now);
}

/* Within its floor the interactive class starts past the limit. */
static int floor_room(const struct sched *s, enum task_class c)
{
	return !s->paused && s->classes[c].running < s->classes[c].floor &&
	       s->running < (c == CLASS_INTERACTIVE ? s->config.limit_max : s->limit);
}

static int room(const struct sched *s, enum task_class c)
{
	return (!s->paused && s->running < s->limit) || floor_room(s, c);
}

static void set_waiting(struct class *c, struct queue *q, uint32_t waiting)
{
	c->tenants += (waiting > 0);
	c->tenants -= (q->waiting > 0);
	q->waiting = waiting;
	heap_put(&c->most, &q->most, UINT64_MAX - waiting, 0);
}

static void enter(struct sched *s, struct sched_lane *l, struct sched_item *i)
{
	struct queue *q = lane_queue(l);
	struct class *c = q->class;

	i->lane = l;
	i->seq = ++s->seq;
	list_append(&l->items, &i->in_lane);
	list_append(&q->items, &i->in_queue);
	list_append(&c->items, &i->in_class);
	if (i->deadline_ns)
		heap_put(&c->deadlines, &i->deadline, i->deadline_ns, i->seq);
	l->waiting++;
	l->principal->waiting++;
	set_waiting(c, q, q->waiting + 1);
	c->waiting++;
	if (l->waiting == 1)
		ready_lane(s, l);
}

/* It waits no longer, whatever becomes of it; the caller sees to its lane. */
static void leave(struct sched *s, struct sched_item *i)
{
	struct sched_lane *l = i->lane;
	struct queue *q = lane_queue(l);
	struct class *c = q->class;
	uint64_t from = MAX_U64(c->left_ns, i->added_ns);

	list_remove(&i->in_lane);
	list_remove(&i->in_queue);
	list_remove(&i->in_class);
	heap_take(&c->deadlines, &i->deadline);
	l->waiting--;
	l->principal->waiting--;
	set_waiting(c, q, q->waiting - 1);
	if (!--c->waiting)
		codel_stop(&c->codel);
	mean_add(&c->gap_ns, s->now - from);
	c->left_ns = s->now;
}

/* Out of the queue without having run. */
static struct sched_item *drop(struct sched *s, struct sched_item *i)
{
	struct sched_lane *l = i->lane;

	leave(s, i);
	i->lane = NULL;
	ready_lane(s, l);
	known_drop_lane(s, l);
	return i;
}

/* What the lane's runs take is more than is left: then none would ever run again and show that they
 * have become quicker, so the mean fades each time it is held against one. */
static int hopeless(struct sched_lane *l, const struct sched_item *i, uint64_t now)
{
	uint64_t left;

	if (!i->deadline_ns)
		return 0;
	if (now >= i->deadline_ns)
		return 1;
	left = (i->deadline_ns - now) / NS_PER_US;
	if (l->wall_us.value < 0 || l->wall_us.value <= (float)left)
		return 0;
	l->wall_us.value *= 7.0F / 8;
	return 1;
}

/* When the class will have moved on by a part of what waits. */
static uint32_t retry_ms(const struct class *c, uint32_t waiting, uint32_t share)
{
	uint32_t part = waiting / RETRY_PART + 1;
	double ms = (double)c->gap_ns.value / NS_PER_MS * part * share;

	if (c->gap_ns.value < 0)
		return RETRY_UNKNOWN_MS;
	return ms < 1 ? 1 : ms > RETRY_MAX_MS ? RETRY_MAX_MS : (uint32_t)ms;
}

/* The queue whose newest item would make room for another of `q`, NULL: none. Only what makes the
 * queues more even counts, or two tenants would evict each other in turn. */
static struct queue *evictable(const struct class *c, const struct queue *q)
{
	const struct heap_entry *first = heap_first(&c->most);
	uint64_t tenants = c->tenants + (q && q->waiting ? 0 : 1), waiting = q ? q->waiting : 0;
	struct queue *most;

	if (!first || waiting * tenants >= c->config.queue_max)
		return NULL;
	most = container_of(first->node, struct queue, most);
	return most->waiting > waiting + 1 ? most : NULL;
}

static int is_full(const struct class *c, const struct queue *q, enum sched_refusal *ret_refusal,
		   uint32_t *ret_retry_ms)
{
	uint32_t waiting = q ? q->waiting : 0;

	if (waiting >= c->config.tenant_max) {
		*ret_refusal = SCHED_TENANT_FULL;
		*ret_retry_ms = retry_ms(c, waiting, c->tenants ? c->tenants : 1);
		return -EAGAIN;
	}
	if (c->waiting >= c->config.queue_max && !evictable(c, q)) {
		*ret_refusal = SCHED_FULL;
		*ret_retry_ms = retry_ms(c, c->waiting, 1);
		return -EAGAIN;
	}
	return 0;
}

int sched_is_full(const struct sched *s, enum task_class c, const char *tenant,
		  enum sched_refusal *ret_refusal, uint32_t *ret_retry_ms)
{
	return is_full(&s->classes[c], known_find_queue(s, c, tenant), ret_refusal, ret_retry_ms);
}

int sched_add(struct sched *s, struct sched_item *i, enum task_class cl,
	      const struct sched_who *who, uint64_t deadline_ns, int forced, uint64_t now,
	      enum sched_refusal *ret_refusal, uint32_t *ret_retry_ms,
	      struct sched_item **ret_evicted)
{
	struct class *c = &s->classes[cl];
	struct queue *q = known_find_queue(s, cl, who->tenant), *most;
	struct sched_lane *l;

	set_now(s, now);
	*ret_evicted = NULL;
	if (!forced && is_full(c, q, ret_refusal, ret_retry_ms) < 0) {
		c->refused++;
		return -EAGAIN;
	}
	if (!q)
		q = known_queue(s, cl, who->tenant);
	l = known_lane(s, known_principal(s, q, who->principal), who);
	*i = (struct sched_item){.position = c->waiting,
				 .added_ns = s->now,
				 .deadline_ns = deadline_ns == UINT64_MAX ? 0 : deadline_ns};
	if (!forced && hopeless(l, i, s->now)) {
		c->refused++;
		*ret_refusal = SCHED_DEADLINE;
		*ret_retry_ms = retry_ms(c, c->waiting, 1);
		known_drop_lane(s, l);
		return -EAGAIN;
	}
	i->because = ready_obstacle(l);
	if (!i->because && !room(s, cl))
		i->because = SCHED_CONCURRENCY;
	most = forced || c->waiting < c->config.queue_max ? NULL : evictable(c, lane_queue(l));
	enter(s, l, i);
	if (most) {
		c->evicted++;
		*ret_evicted = drop(s, list_entry(most->items.prev, struct sched_item, in_queue));
	}
	return 0;
}

/* In the lane's, else the principal's, else the class's experience. */
static uint32_t estimate(const struct sched *s, const struct sched_lane *l)
{
	float us = l->cpu_us.value;

	if (us < 0)
		us = l->principal->cpu_us.value;
	if (us < 0)
		us = lane_queue(l)->class->cpu_us.value;
	if (us < 0)
		us = (float)s->config.quantum_us;
	return us < (float)s->config.debt_max_us ? (uint32_t)us : s->config.debt_max_us;
}

/* What happened last: that it came, that a cap had room again, or that a search ended without it.
 */
static enum sched_reason because(const struct sched_lane *l, const struct sched_item *i)
{
	const struct wait *waits[] = {&l->wait, &l->principal->wait, &lane_queue(l)->wait};
	const struct class *c = lane_queue(l)->class;
	enum sched_reason r = i->because; /* when it came */
	uint64_t last = i->seq;

	for (unsigned k = 0; k < ARRAY_SIZE(waits); k++)
		if (waits[k]->until_seq > last) {
			last = waits[k]->until_seq;
			r = waits[k]->reason;
		}
	if (c->stalled_seq > last)
		r = c->newest_seq > i->seq ? SCHED_FAIRNESS : SCHED_CONCURRENCY;
	return r;
}

enum sched_reason sched_because(const struct sched *s, const struct sched_item *i)
{
	enum sched_reason r;

	(void)s;
	if (!i->lane || i->running)
		return i->because;
	r = ready_obstacle(i->lane);
	return r ? r : because(i->lane, i);
}

/* How long it has waited though no cap was in its way. */
static uint64_t waited_ns(const struct sched *s, const struct sched_lane *l,
			  const struct sched_item *i)
{
	uint64_t from = MAX_U64(i->added_ns, l->wait.until_ns);

	from = MAX_U64(from, l->principal->wait.until_ns);
	from = MAX_U64(from, lane_queue(l)->wait.until_ns);
	return s->now - from;
}

static void count_running(struct sched *s, struct sched_lane *l, int add)
{
	l->running += (uint32_t)add;
	l->principal->running += (uint32_t)add;
	lane_queue(l)->running += (uint32_t)add;
	lane_queue(l)->class->running += (uint32_t)add;
	s->running += (uint32_t)add;
}

static struct sched_item *start(struct sched *s, struct sched_lane *l, int aged_queue,
				int aged_principal)
{
	struct sched_item *i = list_entry(l->items.next, struct sched_item, in_lane);
	struct principal *p = l->principal;
	struct queue *q = p->queue;
	struct class *c = q->class;

	i->because = because(l, i);
	i->started_ns = s->now;
	i->charged_us = estimate(s, l);
	i->running = 1;
	turns_serve(&c->turns, &q->flow, &c->rules, i->charged_us, aged_queue, s->now);
	turns_serve(&q->turns, &p->flow, &c->rules, i->charged_us, aged_principal, s->now);
	codel_started(&c->codel, waited_ns(s, l, i), c->waiting - 1, s->now);
	leave(s, i);
	c->newest_seq = MAX_U64(c->newest_seq, i->seq);
	c->started++;
	c->aged += (uint64_t)aged_queue;
	count_running(s, l, 1);
	ready_take(s, l);
	ready_lane(s, l);
	known_forget_paid(s, q);
	return i;
}

/* Starts one of the class; or sheds it, if it is too late for that. */
static struct sched_item *next_of(struct sched *s, enum task_class c, int *ret_shed,
				  enum sched_refusal *ret_refusal)
{
	struct class *class = &s->classes[c];
	int aged_queue = 0, aged_principal = 0;
	struct sched_lane *l = ready_next(s, class, &aged_queue, &aged_principal);
	struct sched_item *first;

	if (!l)
		return NULL;
	first = list_entry(l->items.next, struct sched_item, in_lane);
	if (!hopeless(l, first, s->now))
		return start(s, l, aged_queue, aged_principal);
	class->shed++;
	*ret_shed = 1;
	*ret_refusal = SCHED_DEADLINE;
	return drop(s, first);
}

static int reserve_room(const struct sched *s)
{
	return !s->paused && s->config.reserve &&
	       s->running < s->config.limit_max + s->config.reserve;
}

/* One of a tenant that has nothing, past all limits. */
static struct sched_item *start_stranded(struct sched *s, struct class *c)
{
	struct sched_lane *l;
	struct queue *q;
	uint64_t due;
	int aged = 0;

	if (!reserve_room(s))
		return NULL;
	q = ready_stranded(s, c, &due);
	l = q ? ready_lane_of(s, q, &aged) : NULL;
	return l ? start(s, l, 1, aged) : NULL;
}

/* What must not wait any more, whether there is a slot or not. */
static struct sched_item *overdue(struct sched *s, struct class *c, enum sched_refusal *ret_refusal)
{
	const struct heap_entry *first = heap_first(&c->deadlines);
	struct sched_item *i;
	struct queue *most;

	if (first && first->key <= s->now) {
		*ret_refusal = SCHED_DEADLINE;
		c->shed++;
		return drop(s, container_of(first->node, struct sched_item, deadline));
	}
	if (codel_due(&c->codel) > s->now || !c->waiting)
		return NULL;
	most = container_of(heap_first(&c->most)->node, struct queue, most);
	i = list_entry(most->items.next, struct sched_item, in_queue);
	if (s->now - i->added_ns < c->codel.target_ns) {
		codel_stop(&c->codel);
		return NULL;
	}
	codel_shed(&c->codel, s->now);
	*ret_refusal = SCHED_OVERLOAD;
	c->shed++;
	return drop(s, i);
}

struct sched_item *sched_next(struct sched *s, uint64_t now, int *ret_shed,
			      enum sched_refusal *ret_refusal)
{
	struct sched_item *i = NULL;

	set_now(s, now);
	*ret_shed = 0;
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		if ((i = overdue(s, &s->classes[c], ret_refusal))) {
			*ret_shed = 1;
			return i;
		}
	/* Floors first, the interactive one's before; then what is left, in the same order. */
	for (unsigned c = 0; !i && c < CLASS_COUNT; c++)
		if (floor_room(s, (enum task_class)c))
			i = next_of(s, (enum task_class)c, ret_shed, ret_refusal);
	for (unsigned c = 0; !i && c < CLASS_COUNT; c++)
		if (!s->paused && s->running < s->limit)
			i = next_of(s, (enum task_class)c, ret_shed, ret_refusal);
	for (unsigned c = 0; !i && c < CLASS_COUNT; c++)
		i = start_stranded(s, &s->classes[c]);
	for (unsigned c = 0; !i && c < CLASS_COUNT; c++)
		if (s->classes[c].waiting)
			s->classes[c].stalled_seq = ++s->seq;
	return i;
}

uint64_t sched_due(const struct sched *s, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	(void)now;
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		const struct heap_entry *first = heap_first(&s->classes[c].deadlines);

		if (first)
			due = MIN_U64(due, first->key);
		if (s->classes[c].waiting)
			due = MIN_U64(due, codel_due(&s->classes[c].codel));
		if (reserve_room(s)) {
			uint64_t stranded;

			ready_stranded(s, &s->classes[c], &stranded);
			due = MIN_U64(due, stranded);
		}
	}
	return due;
}

static void end(struct sched *s, struct sched_item *i, uint64_t used_us)
{
	struct sched_lane *l = i->lane;
	struct principal *p = l->principal;
	struct class *c = p->queue->class;

	count_running(s, l, -1);
	turns_correct(&c->turns, &p->queue->flow, &c->rules, i->charged_us, used_us);
	turns_correct(&p->queue->turns, &p->flow, &c->rules, i->charged_us, used_us);
	ready_release(s, l);
	i->running = 0;
	i->lane = NULL;
	known_drop_lane(s, l);
}

void sched_done(struct sched *s, struct sched_item *i, uint64_t cpu_us, uint64_t wall_us,
		uint64_t now)
{
	struct sched_lane *l = i->lane;

	set_now(s, now);
	if (!l || !i->running)
		return;
	cpu_us = MIN_U64(cpu_us, USED_MAX_US);
	mean_add(&l->cpu_us, cpu_us);
	mean_add(&l->principal->cpu_us, cpu_us);
	mean_add(&lane_queue(l)->class->cpu_us, cpu_us);
	mean_add(&l->wall_us, MIN_U64(wall_us, UINT32_MAX));
	end(s, i, cpu_us);
}

void sched_remove(struct sched *s, struct sched_item *i, uint64_t now)
{
	set_now(s, now);
	if (!i->lane)
		return;
	if (i->running)
		end(s, i, 0);
	else
		drop(s, i);
}
