#include "sched/turns.h"

enum { WEIGHT_USUAL = 100, KEPT_CHARGES = 2 };

void turns_init(struct turns *t)
{
	*t = (struct turns){0};
	list_init(&t->age);
}

void turns_done(struct turns *t)
{
	heap_done(&t->ready);
	heap_done(&t->resting);
}

static uint64_t turn_of(const struct turns_rules *r, uint32_t weight)
{
	uint64_t us = r->quantum_us * weight / WEIGHT_USUAL;

	return us ? us : 1;
}

void flow_init(struct flow *f, const struct turns *t, const struct turns_rules *r, uint32_t weight)
{
	*f = (struct flow){.turn_us = turn_of(r, weight), .round = t->round};
	/* It could be the one that was forgotten. Then rounds would never end if many took turns in
	 * being forgotten: so all that are new wait for the next one. */
	if (t->forgot != t->round + 1)
		f->balance_us = (int64_t)f->turn_us;
	list_init(&f->age);
}

/* How many rounds until a balance of nought or less is above it. */
static uint64_t rounds_until(const struct flow *f, int64_t balance)
{
	return (uint64_t)-balance / f->turn_us + 1;
}

/* How many rounds until it has a whole turn. */
static uint64_t rounds_until_whole(const struct flow *f, int64_t balance)
{
	int64_t turn = (int64_t)f->turn_us;

	return balance >= turn ? 0 : (uint64_t)(turn - balance - 1) / f->turn_us + 1;
}

int64_t turns_balance(const struct turns *t, const struct flow *f)
{
	uint64_t rounds = t->round - f->round;

	if (!rounds)
		return f->balance_us;
	/* A ready one is served in the round that brings it above zero, and no other is before. */
	if (!f->ready && rounds >= rounds_until_whole(f, f->balance_us))
		return (int64_t)f->turn_us;
	return f->balance_us + (int64_t)(rounds * f->turn_us);
}

static void settle(struct turns *t, struct flow *f)
{
	f->balance_us = turns_balance(t, f);
	f->round = t->round;
}

/* Where a settled ready flow stands: `again`, after the others of its round. */
static void place(struct turns *t, struct flow *f, int again)
{
	uint64_t key = t->round;

	if (f->balance_us <= 0)
		key += rounds_until(f, f->balance_us);
	if (heap_has(&f->node) && f->key == key && !again)
		return;
	f->key = key;
	heap_put(&t->ready, &f->node, key, ++t->order);
}

void turns_ready(struct turns *t, struct flow *f, uint64_t now)
{
	if (f->ready)
		return;
	turns_wake(t, f);
	settle(t, f);
	f->ready = 1;
	f->since_ns = now;
	list_append(&t->age, &f->age);
	place(t, f, 1);
}

void turns_unready(struct turns *t, struct flow *f)
{
	if (!f->ready)
		return;
	settle(t, f);
	f->ready = 0;
	list_remove(&f->age);
	heap_take(&t->ready, &f->node);
}

struct flow *turns_next(const struct turns *t, const struct turns_rules *r, uint64_t now,
			int *ret_aged)
{
	const struct heap_entry *first = heap_first(&t->ready);
	struct flow *oldest, *next;

	if (!first)
		return NULL;
	next = container_of(first->node, struct flow, node);
	oldest = list_entry(t->age.next, struct flow, age);
	*ret_aged = next != oldest && t->since_aged >= r->age_every && now > oldest->since_ns &&
		    now - oldest->since_ns >= r->age_ns;
	return *ret_aged ? oldest : next;
}

static void charge(struct turns *t, struct flow *f, const struct turns_rules *r, int64_t us,
		   int again)
{
	settle(t, f);
	f->balance_us = MAX_I64(f->balance_us - us, -(int64_t)r->debt_max_us);
	if (f->ready)
		place(t, f, again);
}

void turns_serve(struct turns *t, struct flow *f, const struct turns_rules *r, uint64_t us,
		 int aged, uint64_t now)
{
	if (!aged)
		t->round = MAX_U64(t->round, f->key);
	t->since_aged = aged ? 1 : t->since_aged + (t->since_aged < UINT32_MAX);
	f->since_ns = now;
	list_remove(&f->age);
	list_append(&t->age, &f->age);
	charge(t, f, r, (int64_t)us, 1);
}

void turns_correct(struct turns *t, struct flow *f, const struct turns_rules *r, uint64_t charged,
		   uint64_t used)
{
	int64_t most;

	if (used >= charged) {
		charge(t, f, r, (int64_t)(used - charged), 0);
		return;
	}
	settle(t, f);
	most = MAX_I64(f->balance_us, f->turn_us + KEPT_CHARGES * charged);
	f->balance_us += (int64_t)(charged - used);
	if (f->balance_us > most)
		f->balance_us = most;
	if (f->ready)
		place(t, f, 0);
}

static void lay_down(struct turns *t, struct flow *f)
{
	heap_put(&t->resting, &f->node, t->round + rounds_until_whole(f, f->balance_us),
		 ++t->order);
}

void turns_reweigh(struct turns *t, struct flow *f, const struct turns_rules *r, uint32_t weight)
{
	int rested = !f->ready && heap_has(&f->node);

	settle(t, f);
	f->turn_us = turn_of(r, weight);
	if (f->ready)
		place(t, f, 0);
	else if (rested)
		lay_down(t, f);
}

void turns_set_debt(struct turns *t, struct flow *f, const struct turns_rules *r, uint64_t us)
{
	int rested = !f->ready && heap_has(&f->node);

	settle(t, f);
	f->balance_us = us ? -(int64_t)MIN_U64(us, r->debt_max_us) : (int64_t)f->turn_us;
	if (f->ready)
		place(t, f, 0);
	else if (rested)
		lay_down(t, f);
}

int turns_rest(struct turns *t, struct flow *f)
{
	settle(t, f);
	if (f->balance_us >= (int64_t)f->turn_us) {
		heap_take(&t->resting, &f->node);
		return 0;
	}
	lay_down(t, f);
	return 1;
}

int turns_wake(struct turns *t, struct flow *f)
{
	if (f->ready || !heap_has(&f->node))
		return 0;
	heap_take(&t->resting, &f->node);
	return 1;
}

struct flow *turns_forget(struct turns *t, int any)
{
	const struct heap_entry *first = heap_first(&t->resting);
	struct flow *f;

	if (!first || (!any && first->key > t->round))
		return NULL;
	f = container_of(first->node, struct flow, node);
	if (first->key > t->round)
		t->forgot = t->round + 1;
	heap_take(&t->resting, &f->node);
	return f;
}
