#include "sched/internal.h"

#include <string.h>

enum { WEIGHT_MIN = 1, WEIGHT_USUAL = 100, WEIGHT_MAX = 10000 };

/* What tells members of one scheduler apart, as bytes: zeroed, then filled, `text` to its NUL. */
struct member_id {
	const struct tenant *tenant;
	uint64_t hold;
	uint64_t scope;
	char text[SCHED_NAME];
};

struct lane_id {
	const struct principal *principal;
	uint64_t hold;
	char profile[SCHED_NAME];
};

static size_t put_name(char to[SCHED_NAME], const char *name)
{
	size_t len = name ? strnlen(name, SCHED_NAME - 1) : 0;

	if (len)
		memcpy(to, name, len);
	to[len] = '\0';
	return len + 1;
}

static struct sched_terms ask(const struct sched *s, enum sched_scope scope, const char *tenant,
			      const char *name)
{
	struct sched_terms t = {.weight = WEIGHT_USUAL};

	if (s->terms)
		t = s->terms(s->terms_arg, scope, tenant, name);
	if (t.weight < WEIGHT_MIN)
		t.weight = WEIGHT_MIN;
	if (t.weight > WEIGHT_MAX)
		t.weight = WEIGHT_MAX;
	return t;
}

static void cap_init(struct cap *c, enum cap_scope scope)
{
	*c = (struct cap){.scope = scope};
	list_init(&c->waiters);
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		list_init(&c->roomy[i]);
}

static struct tenant *find_tenant(const struct sched *s, const char *name)
{
	struct tenant *t;

	HASH_FIND(hh, s->tenants, name, strnlen(name, SCHED_NAME - 1), t);
	return t;
}

static struct tenant *get_tenant(struct sched *s, const char *name)
{
	struct tenant *t = find_tenant(s, name);
	size_t len = strnlen(name, SCHED_NAME - 1);
	struct sched_terms terms;

	if (t)
		return t;
	t = xcalloc(1, sizeof(*t) + len + 1);
	memcpy(t->name, name, len);
	cap_init(&t->cap, CAP_TENANT);
	list_init(&t->members);
	terms = ask(s, SCHED_OF_TENANT, t->name, t->name);
	t->weight = terms.weight;
	t->cap.max = terms.running_max;
	HASH_ADD_KEYPTR(hh, s->tenants, t->name, len, t);
	return t;
}

struct queue *known_find_queue(const struct sched *s, enum task_class c, const char *tenant)
{
	struct tenant *t = find_tenant(s, tenant);

	return t ? t->queues[c] : NULL;
}

struct queue *known_queue(struct sched *s, enum task_class c, const char *tenant)
{
	struct tenant *t = get_tenant(s, tenant);
	struct class *class = &s->classes[c];
	struct queue *q = t->queues[c];

	if (q)
		return q;
	q = t->queues[c] = xcalloc(1, sizeof(*q));
	q->tenant = t;
	q->class = class;
	flow_init(&q->flow, &class->turns, &class->rules, t->weight);
	turns_init(&q->turns);
	list_init(&q->items);
	list_init(&q->roomy);
	list_init(&q->parked);
	heap_put(&class->most, &q->most, UINT64_MAX, 0);
	return q;
}

static void read_member(const struct sched *s, struct member *m)
{
	struct sched_terms terms = {.weight = WEIGHT_USUAL, .running_max = 1};

	if (m->cap.scope == CAP_KEY)
		terms = ask(s, SCHED_OF_KEY, m->tenant->name, m->id->text);
	else if (m->cap.scope == CAP_PROFILE)
		terms = ask(s, SCHED_OF_PROFILE, m->tenant->name, m->id->text);
	m->weight = terms.weight;
	m->cap.max = terms.running_max;
}

static struct member *get_member(struct sched *s, struct tenant *t, enum cap_scope scope,
				 const char *name, uint64_t hold)
{
	struct member_id id = {.tenant = t, .hold = hold, .scope = scope};
	size_t len = offsetof(struct member_id, text) + put_name(id.text, name);
	struct member *m;

	HASH_FIND(hh, s->members, &id, len, m);
	if (m)
		return m;
	m = xcalloc(1, sizeof(*m) + len);
	m->id = memcpy(m + 1, &id, len);
	m->tenant = t;
	cap_init(&m->cap, scope);
	list_init(&m->of_tenant);
	list_append(&t->members, &m->of_tenant);
	read_member(s, m);
	HASH_ADD_KEYPTR(hh, s->members, m->id, len, m);
	return m;
}

const char *known_member_name(const struct member *m)
{
	return m->id->text;
}

static void put_member(struct sched *s, struct member *m)
{
	if (!m || --m->refs)
		return;
	HASH_DEL(s->members, m);
	list_remove(&m->of_tenant);
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		heap_done(&m->cap.lanes[c]);
	free(m);
}

struct principal *known_principal(struct sched *s, struct queue *q, const char *name)
{
	struct member *key = get_member(s, q->tenant, CAP_KEY, name, 0);
	enum task_class c = class_of(s, q);
	struct principal *p = key->principals[c];

	if (p)
		return p;
	p = key->principals[c] = xcalloc(1, sizeof(*p));
	p->queue = q;
	p->key = key;
	p->cpu_us.value = -1;
	key->refs++;
	flow_init(&p->flow, &q->turns, &q->class->rules, key->weight);
	list_init(&p->parked);
	q->principals++;
	return p;
}

void known_wake(struct principal *p)
{
	struct queue *q = p->queue;

	if (turns_wake(&q->turns, &p->flow))
		q->class->resting_principals--;
	turns_wake(&q->class->turns, &q->flow);
}

struct sched_lane *known_lane(struct sched *s, struct principal *p, const struct sched_who *who)
{
	struct lane_id id = {.principal = p, .hold = who->hold};
	size_t len = offsetof(struct lane_id, profile) + put_name(id.profile, who->profile);
	struct tenant *t = p->queue->tenant;
	struct sched_lane *l;

	HASH_FIND(hh, s->lanes, &id, len, l);
	if (l)
		return l;
	l = xcalloc(1, sizeof(*l) + len);
	l->id = memcpy(l + 1, &id, len);
	l->principal = p;
	l->profile = get_member(s, t, CAP_PROFILE, who->profile, 0);
	l->profile->refs++;
	if (who->hold) {
		l->hold = get_member(s, t, CAP_HOLD, "", who->hold);
		l->hold->refs++;
	}
	l->cpu_us.value = l->wall_us.value = -1;
	list_init(&l->items);
	HASH_ADD_KEYPTR(hh, s->lanes, l->id, len, l);
	p->lane_count++;
	known_wake(p);
	return l;
}

static void free_lane(struct sched *s, struct sched_lane *l)
{
	HASH_DEL(s->lanes, l);
	if (!l->parked)
		heap_take(&l->principal->lanes, &l->node);
	l->principal->lane_count--;
	put_member(s, l->profile);
	put_member(s, l->hold);
	free(l);
}

static void free_principal(struct sched *s, struct principal *p)
{
	p->key->principals[class_of(s, p->queue)] = NULL;
	p->queue->principals--;
	list_remove(&p->parked);
	heap_done(&p->lanes);
	put_member(s, p->key);
	free(p);
}

static void free_queue(struct sched *s, struct queue *q)
{
	struct tenant *t = q->tenant;
	struct flow *f;

	while ((f = turns_forget(&q->turns, 1))) {
		q->class->resting_principals--;
		free_principal(s, container_of(f, struct principal, flow));
	}
	turns_done(&q->turns);
	heap_take(&q->class->most, &q->most);
	list_remove(&q->parked);
	t->queues[class_of(s, q)] = NULL;
	free(q);
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		if (t->queues[c])
			return;
	HASH_DEL(s->tenants, t);
	free(t);
}

void known_drop_lane(struct sched *s, struct sched_lane *l)
{
	struct principal *p = l->principal;

	if (l->waiting || l->running)
		return;
	free_lane(s, l);
	known_drop_principal(s, p);
}

void known_drop_principal(struct sched *s, struct principal *p)
{
	struct queue *q = p->queue;
	struct class *c = q->class;
	struct flow *f;

	if (p->lane_count)
		return;
	if (!turns_rest(&q->turns, &p->flow)) {
		free_principal(s, p);
	} else {
		c->resting_principals++;
		if (q->turns.resting.count > RESTING_PRINCIPALS_MAX ||
		    c->resting_principals > RESTING_PRINCIPALS_ALL) {
			f = turns_forget(&q->turns, 1);
			c->resting_principals--;
			free_principal(s, container_of(f, struct principal, flow));
		}
	}
	known_drop_queue(s, q);
}

void known_drop_queue(struct sched *s, struct queue *q)
{
	struct class *c = q->class;

	if (q->waiting || q->running)
		return;
	if (!turns_rest(&c->turns, &q->flow)) {
		free_queue(s, q);
		return;
	}
	if (c->turns.resting.count > RESTING_TENANTS_MAX)
		free_queue(s, container_of(turns_forget(&c->turns, 1), struct queue, flow));
}

/* Two at each start, so that no start has to pay for many: more are never put to rest by one. */
enum { FORGET_AT_ONCE = 2 };

void known_forget_paid(struct sched *s, struct queue *q)
{
	struct class *c = q->class;
	struct flow *f;

	for (unsigned i = 0; i < FORGET_AT_ONCE && (f = turns_forget(&q->turns, 0)); i++) {
		c->resting_principals--;
		free_principal(s, container_of(f, struct principal, flow));
	}
	for (unsigned i = 0; i < FORGET_AT_ONCE && (f = turns_forget(&c->turns, 0)); i++)
		free_queue(s, container_of(f, struct queue, flow));
}

static void reweigh(struct sched *s, struct tenant *t, struct member *key)
{
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		struct queue *q = t->queues[c];

		if (q && !key)
			turns_reweigh(&q->class->turns, &q->flow, &q->class->rules, t->weight);
		else if (q && key->principals[c])
			turns_reweigh(&q->turns, &key->principals[c]->flow, &q->class->rules,
				      key->weight);
	}
}

void known_reread(struct sched *s, struct tenant *t)
{
	struct sched_terms terms = ask(s, SCHED_OF_TENANT, t->name, t->name);

	t->weight = terms.weight;
	t->cap.max = terms.running_max;
	reweigh(s, t, NULL);
	ready_cap_changed(s, t, &t->cap);
	for (struct list *pos = t->members.next; pos != &t->members; pos = pos->next) {
		struct member *m = list_entry(pos, struct member, of_tenant);

		read_member(s, m);
		if (m->cap.scope == CAP_KEY)
			reweigh(s, t, m);
		ready_cap_changed(s, t, &m->cap);
	}
}

/* Whatever state it is in, items and runs included. */
void known_free(struct sched *s)
{
	struct sched_lane *l, *next_lane;
	struct member *m, *next_member;
	struct tenant *t, *next_tenant;

	HASH_ITER (hh, s->lanes, l, next_lane)
		free_lane(s, l);
	HASH_ITER (hh, s->members, m, next_member) {
		HASH_DEL(s->members, m);
		for (unsigned c = 0; c < CLASS_COUNT; c++)
			if (m->principals[c]) {
				heap_done(&m->principals[c]->lanes);
				free(m->principals[c]);
			}
		free(m);
	}
	HASH_ITER (hh, s->tenants, t, next_tenant) {
		HASH_DEL(s->tenants, t);
		for (unsigned c = 0; c < CLASS_COUNT; c++)
			if (t->queues[c]) {
				turns_done(&t->queues[c]->turns);
				free(t->queues[c]);
			}
		free(t);
	}
}
