#include "sched/simulate.h"
#include "base/clock.h"
#include "base/list.h"
#include "sched/names.h"

#include <string.h>

enum { SOURCES_MAX = 20000 };

enum what { ARRIVES, ENDS, IS_REMOVED };

struct event {
	struct heap_node node;
	enum what what;
};

struct arrival {
	struct event event;
	struct source *source;
};

struct source {
	struct sim_source is; /* what callers hold */
	struct arrival arrival;
	UT_hash_handle hh; /* of the first of its tenant */
	struct source *next_of_tenant;
};

struct run {
	struct sched_item item;
	struct list all;
	struct event event;
	struct source *source;
	uint32_t cost_us;
};

struct sim {
	struct sched *sched;
	struct sched_config config;
	struct heap events;
	struct source **sources;
	struct source *tenants;
	struct list runs;
	uint32_t count;
	uint64_t now, order, random, idle_ns;
};

static uint64_t total;

static uint64_t next_random(struct sim *m) /* splitmix64 */
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static struct sched_terms terms(void *arg, enum sched_scope scope, const char *tenant,
				const char *name)
{
	const struct sim *m = arg;
	struct sched_terms t = {.weight = 100};
	struct source *s;

	HASH_FIND(hh, m->tenants, tenant, strlen(tenant), s);
	for (; s; s = s->next_of_tenant) {
		if (scope == SCHED_OF_TENANT) {
			t.weight = s->is.weight ? s->is.weight : t.weight;
			t.running_max = s->is.running_max;
			break;
		}
		if (scope == SCHED_OF_PROFILE && strcmp(s->is.profile, name) == 0)
			t.running_max = s->is.profile_max;
		if (scope == SCHED_OF_KEY && strcmp(s->is.principal, name) == 0 && s->is.key_weight)
			t.weight = s->is.key_weight;
	}
	return t;
}

static void start_sched(struct sim *m)
{
	m->sched = sched_new(&m->config);
	sched_on_terms(m->sched, terms, m);
}

struct sim *sim_new(const struct sched_config *config, uint64_t seed)
{
	struct sim *m = xcalloc(1, sizeof(*m));

	m->config = *config;
	m->now = NS_PER_S;
	m->random = seed;
	m->sources = xcalloc(SOURCES_MAX, sizeof(*m->sources));
	list_init(&m->runs);
	start_sched(m);
	return m;
}

struct sched *sim_sched(struct sim *m)
{
	return m->sched;
}

uint64_t sim_now(const struct sim *m)
{
	return m->now;
}

uint64_t sim_idle_ns(const struct sim *m)
{
	return m->idle_ns;
}

uint64_t sim_total(void)
{
	return total;
}

static void at(struct sim *m, struct event *e, enum what what, uint64_t when)
{
	e->what = what;
	heap_put(&m->events, &e->node, when, ++m->order);
}

struct sim_source *sim_add(struct sim *m, struct sim_source source)
{
	struct source *s = xcalloc(1, sizeof(*s)), *first;

	if (m->count == SOURCES_MAX)
		abort();
	s->is = source;
	s->is.tenant = xstrdup(source.tenant);
	s->is.principal = source.principal ? source.principal : "key";
	s->is.profile = source.profile ? source.profile : "profile";
	s->is.to_ns = source.to_ns ? source.to_ns : UINT64_MAX;
	HASH_FIND(hh, m->tenants, s->is.tenant, strlen(s->is.tenant), first);
	if (first) {
		s->next_of_tenant = first->next_of_tenant;
		first->next_of_tenant = s;
	} else {
		HASH_ADD_KEYPTR(hh, m->tenants, s->is.tenant, strlen(s->is.tenant), s);
	}
	s->arrival.source = s;
	m->sources[m->count++] = s;
	for (uint32_t i = 0; i < (source.outstanding ? source.outstanding : 1); i++) {
		struct arrival *a = i ? xcalloc(1, sizeof(*a)) : &s->arrival;

		a->source = s;
		at(m, &a->event, ARRIVES, m->now + source.from_ns);
	}
	return &s->is;
}

static struct run *new_run(struct sim *m, struct source *s)
{
	struct run *r = xcalloc(1, sizeof(*r));

	list_append(&m->runs, &r->all);
	r->source = s;
	r->cost_us = s->is.cost_us;
	if (s->is.rare && next_random(m) % s->is.rare == 0)
		r->cost_us = s->is.rare_us;
	return r;
}

/* It will not come back: the next one of a source that keeps so many under way. */
static void over(struct sim *m, struct run *r, uint64_t pause_ns)
{
	struct source *s = r->source;
	struct arrival *a;

	heap_take(&m->events, &r->event.node);
	list_remove(&r->all);
	free(r);
	if (!s->is.outstanding || m->now >= s->is.to_ns)
		return;
	a = xcalloc(1, sizeof(*a));
	a->source = s;
	at(m, &a->event, ARRIVES, m->now + s->is.think_ns + pause_ns);
}

static void send(struct sim *m, struct source *s)
{
	struct sched_who who = {s->is.tenant, s->is.principal, s->is.profile, s->is.hold};
	struct run *r = new_run(m, s), *out;
	struct sched_item *evicted;
	enum sched_refusal why;
	uint32_t ms;

	total++;
	s->is.sent++;
	if (sched_add(m->sched, &r->item, s->is.class_, &who,
		      s->is.patience_ns ? m->now + s->is.patience_ns : 0, 0, m->now, &why, &ms,
		      &evicted) < 0) {
		s->is.refused++;
		over(m, r, NS_PER_MS); /* or it would ask again in the same moment, for ever */
		return;
	}
	if (s->is.removed && next_random(m) % s->is.removed == 0)
		at(m, &r->event, IS_REMOVED, m->now + next_random(m) % NS_PER_S);
	if (evicted) {
		out = container_of(evicted, struct run, item);
		out->source->is.evicted++;
		over(m, out, NS_PER_MS);
	}
}

static void arrive(struct sim *m, struct event *e)
{
	struct arrival *a = container_of(e, struct arrival, event);
	struct source *s = a->source;

	if (m->now < s->is.to_ns) {
		for (uint32_t i = 0; i < (s->is.burst ? s->is.burst : 1); i++)
			send(m, s);
		if (!s->is.outstanding)
			at(m, e, ARRIVES, m->now + s->is.gap_ns);
	}
	if (a != &s->arrival)
		free(a);
}

static void drain(struct sim *m)
{
	enum sched_refusal why;
	struct sched_item *i;
	int shed;

	while ((i = sched_next(m->sched, m->now, &shed, &why))) {
		struct run *r = container_of(i, struct run, item);
		struct sim_source *s = &r->source->is;
		uint64_t waited = m->now - i->added_ns;

		if (shed) {
			s->late += why == SCHED_DEADLINE;
			s->shed += why == SCHED_OVERLOAD;
			over(m, r, NS_PER_MS);
			continue;
		}
		s->started++;
		s->wait_sum_ns += waited;
		s->wait_max_ns = MAX_U64(s->wait_max_ns, waited);
		if (!heap_has(&r->event.node))
			at(m, &r->event, ENDS, m->now + r->cost_us * NS_PER_US);
	}
}

static void end(struct sim *m, struct run *r, int removed)
{
	struct sim_source *s = &r->source->is;

	if (removed) {
		sched_remove(m->sched, &r->item, m->now);
	} else {
		s->cpu_us += r->cost_us;
		s->ended++;
		sched_done(m->sched, &r->item, r->cost_us, r->cost_us, m->now);
	}
	over(m, r, 0);
}

static void handle(struct sim *m, struct event *e)
{
	switch (e->what) {
	case ARRIVES:
		arrive(m, e);
		break;
	case ENDS:
		end(m, container_of(e, struct run, event), 0);
		break;
	case IS_REMOVED:
		end(m, container_of(e, struct run, event), 1);
		break;
	}
}

void sim_run(struct sim *m, uint64_t for_ns)
{
	uint64_t until = m->now + for_ns;

	for (;;) {
		const struct heap_entry *first = heap_first(&m->events);
		uint64_t next = MIN_U64(sched_due(m->sched, m->now), until);
		struct sched_view v;

		if (first)
			next = MIN_U64(next, first->key);
		next = MAX_U64(next, m->now);
		sched_view(m->sched, &v);
		if (v.running < v.limit)
			m->idle_ns += (next - m->now) * (v.limit - v.running);
		m->now = next;
		if (next >= until)
			return;
		/* All of one moment, then the search, as a loop of events would have it. */
		while ((first = heap_first(&m->events)) && first->key <= m->now) {
			struct event *e = container_of(first->node, struct event, node);

			heap_take(&m->events, &e->node);
			handle(m, e);
		}
		drain(m);
	}
}

static void keep(void *arg, enum task_class c, const char *tenant, const char *principal,
		 int64_t us)
{
	struct sched *to = arg;

	sched_set_debt(to, c, tenant, principal, us, 1);
}

static void drop_runs(struct sim *m)
{
	struct list *pos, *next;

	while (m->events.count) {
		struct event *e = container_of(heap_first(&m->events)->node, struct event, node);
		struct arrival *a = container_of(e, struct arrival, event);

		heap_take(&m->events, &e->node);
		if (e->what == ARRIVES && a != &a->source->arrival)
			free(a);
	}
	list_for_each_safe (pos, next, &m->runs) {
		free(list_entry(pos, struct run, all));
	}
	list_init(&m->runs);
}

void sim_restart(struct sim *m)
{
	struct sched *old = m->sched;

	start_sched(m);
	sched_debts(old, keep, m->sched);
	sched_free(old);
	drop_runs(m);
}

void sim_count_again(struct sim *m)
{
	m->idle_ns = 0;
	for (uint32_t i = 0; i < m->count; i++) {
		struct sim_source *s = &m->sources[i]->is;

		s->cpu_us = s->sent = s->started = s->ended = s->refused = s->evicted = 0;
		s->late = s->shed = s->wait_max_ns = s->wait_sum_ns = 0;
	}
}

void sim_free(struct sim *m)
{
	sched_free(m->sched);
	drop_runs(m);
	HASH_CLEAR(hh, m->tenants);
	for (uint32_t i = 0; i < m->count; i++) {
		free((char *)(uintptr_t)m->sources[i]->is.tenant);
		free(m->sources[i]);
	}
	free(m->sources);
	heap_done(&m->events);
	free(m);
}
