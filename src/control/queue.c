#include "control/queue.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/lease.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "control/run.h"
#include "control/shed.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
	QUANTUM_US = 1000,	/* of CPU time, a turn of a tenant of weight 100 */
	DEBT_MAX_US = 60000000, /* what anybody can owe: no burst is held against him for ever */
	AGE_EVERY = 8,
	TENANT_SHARE = 2, /* a tenant has room for one part in so many of a queue */
	KEEP_S = 10,	  /* between writes of debts */
	DEBTS_MAX = 2000, /* that are kept over a restart */
	TOP_TENANTS = 50, /* that are shown */
	TERMS_KEPT = 4096,
	SHED_AT_ONCE = 200, /* each is recorded */
};

#define INTERVAL_NS (500 * NS_PER_MS)
#define WINDOW_NS (250 * NS_PER_MS)

/* ---- terms: what a tenant's share is, and how much of it may run at once ---- */

static const enum quota_scope quota_scopes[] = {[SCHED_OF_TENANT] = QUOTA_OF_TENANT,
						[SCHED_OF_KEY] = QUOTA_OF_KEY,
						[SCHED_OF_PROFILE] = QUOTA_OF_PROFILE};

/* Asked for each tenant, key and profile that comes up again; the database has it. */
struct terms {
	UT_hash_handle hh;
	struct sched_terms terms;
	char name[1 + 2 * SCHED_NAME + 2];
};

static struct terms *known;

static void forget_terms(void)
{
	struct terms *t, *tmp;

	HASH_ITER (hh, known, t, tmp) {
		HASH_DELETE(hh, known, t);
		free(t);
	}
}

static void take_weight(void *arg, const struct tenant_row *row)
{
	struct sched_terms *t = arg;

	t->weight = (uint32_t)row->weight;
}

static struct sched_terms read_terms(struct control *c, enum sched_scope scope, const char *tenant,
				     const char *name)
{
	struct sched_terms t = {.weight = 100};
	struct err e;

	t.running_max = quota_running_max(c, quota_scopes[scope], tenant, name);
	if (scope == SCHED_OF_TENANT && store_tenants(c->store, tenant, take_weight, &t, &e) < 0)
		t.weight = 100;
	return t;
}

static struct sched_terms terms_of(void *arg, enum sched_scope scope, const char *tenant,
				   const char *name)
{
	char text[sizeof(known->name)];
	struct terms *t;
	int n = snprintf(text, sizeof(text), "%d %s %s", (int)scope, tenant, name);

	if (n < 0 || (size_t)n >= sizeof(text))
		return (struct sched_terms){.weight = 100};
	HASH_FIND_STR(known, text, t);
	if (t)
		return t->terms;
	if (HASH_COUNT(known) >= TERMS_KEPT)
		forget_terms();
	t = xcalloc(1, sizeof(*t));
	memcpy(t->name, text, (size_t)n + 1);
	t->terms = read_terms(arg, scope, tenant, name);
	HASH_ADD_STR(known, name, t);
	return t->terms;
}

void queue_terms_changed(struct control *c, const char *tenant)
{
	forget_terms();
	sched_terms_changed(c->queue->sched, tenant);
}

/* ---- debts, which a restart does not forgive ---- */

struct debts {
	struct control *control;
	struct debt_row *rows;
	size_t n;
};

static int by_size(const void *a, const void *b)
{
	int64_t x = llabs(((const struct debt_row *)a)->micros),
		y = llabs(((const struct debt_row *)b)->micros);

	return x < y ? 1 : x > y ? -1 : 0;
}

static void take_debt(void *arg, enum task_class c, const char *tenant, const char *principal,
		      int64_t us)
{
	struct debts *d = arg;
	struct debt_row *row;

	if (d->n == 2 * DEBTS_MAX) { /* the small ones are let go */
		qsort(d->rows, d->n, sizeof(*d->rows), by_size);
		d->n = DEBTS_MAX;
	}
	row = &d->rows[d->n++];
	memset(row, 0, sizeof(*row)); /* it is hashed, gaps and all */
	row->class_ = (int)c;
	row->micros = us;
	snprintf(row->tenant, sizeof(row->tenant), "%s", tenant);
	snprintf(row->principal, sizeof(row->principal), "%s", principal);
}

static int keep_debts(struct control *c, struct err *reterr)
{
	struct debts d = {.control = c,
			  .rows = xcalloc(2 * (size_t)DEBTS_MAX, sizeof(struct debt_row))};
	static const uint8_t key[crypto_shorthash_KEYBYTES];
	uint64_t digest;
	int r = 0;

	sched_debts(c->queue->sched, take_debt, &d);
	qsort(d.rows, d.n, sizeof(*d.rows), by_size);
	d.n = d.n < DEBTS_MAX ? d.n : DEBTS_MAX;
	crypto_shorthash((uint8_t *)&digest, (const uint8_t *)d.rows, d.n * sizeof(*d.rows), key);
	if (digest != c->queue->kept)
		r = batch_open(c, reterr);
	if (r == 0 && digest != c->queue->kept)
		r = store_debts_put(c->store, d.rows, d.n, reterr);
	if (r == 0)
		c->queue->kept = digest;
	free(d.rows);
	return r;
}

static void on_keep(struct loop_timer *t)
{
	struct queue *q = container_of(t, struct queue, keep);
	struct control *c = q->control;
	struct err e;

	batch_settle(c, NULL);
	if (keep_debts(c, &e) < 0) {
		log_line("what tenants owe in the queues could not be kept: %s", e.message);
		batch_abandon(c);
	}
	loop_arm(c->loop, t, clock_now_ns() + KEEP_S * NS_PER_S);
}

static void take_kept(void *arg, const struct debt_row *row)
{
	struct control *c = arg;

	if (row->class_ >= 0 && row->class_ < CLASS_COUNT)
		sched_set_debt(c->queue->sched, (enum task_class)row->class_, row->tenant,
			       row->principal, row->micros, clock_now_ns());
}

/* ---- start and end ---- */

static void on_timer(struct loop_timer *t)
{
	queue_pump(container_of(t, struct queue, timer)->control);
}

static void configure(const struct queue_settings *s, struct sched_config *sc,
		      struct limit_config *lc, struct retry_config *rc)
{
	*sc = (struct sched_config){.limit = s->limit_min,
				    .limit_max = s->limit_max,
				    .reserve = s->reserve,
				    .quantum_us = QUANTUM_US,
				    .debt_max_us = DEBT_MAX_US,
				    .age_every = AGE_EVERY};
	*rc = (struct retry_config){
		.burst = 10, .base_ns = 50 * NS_PER_MS, .cap_ns = 2 * NS_PER_S, .tenants = 4096};
	for (int i = 0; i < CLASS_COUNT; i++) {
		sc->classes[i] = (struct sched_class_config){
			.floor = s->floor[i],
			.queue_max = s->waiting[i],
			.tenant_max = MAX_U64(1, s->waiting[i] / TENANT_SHARE),
			.target_ns = i == CLASS_INTERACTIVE ? s->target_ms * NS_PER_MS : 0,
			.interval_ns = INTERVAL_NS,
			.age_ns = (i == CLASS_INTERACTIVE ? 1 : 10) * NS_PER_S};
		rc->attempts[i] = s->attempts[i];
		rc->ratio[i] = 0.1;
	}
	*lc = (struct limit_config){.min = s->limit_min,
				    .max = s->limit_max,
				    .start = s->limit_min,
				    .samples = 10,
				    .window_ns = WINDOW_NS,
				    .tolerance = 2};
}

int queue_open(struct control *c, struct err *reterr)
{
	struct queue *q = c->queue;
	struct sched_config sc;
	struct limit_config lc;
	struct retry_config rc;

	configure(&q->settings, &sc, &lc, &rc);
	q->control = c;
	q->timer.fire = on_timer;
	q->keep.fire = on_keep;
	q->sched = sched_new(&sc);
	q->retry = retry_new(&rc);
	limit_init(&q->limit, &lc);
	sched_on_terms(q->sched, terms_of, c);
	loop_arm(c->loop, &q->keep, clock_now_ns() + KEEP_S * NS_PER_S);
	return store_debts(c->store, take_kept, c, reterr);
}

void queue_close(struct control *c)
{
	struct err e;

	if (keep_debts(c, &e) == 0)
		batch_settle(c, NULL);
}

/* ---- entering and leaving ---- */

static void count(const struct queue *q, size_t *ret_waiting, uint32_t *ret_running)
{
	struct sched_view v;

	sched_view(q->sched, &v);
	*ret_waiting = 0;
	for (int i = 0; i < CLASS_COUNT; i++)
		*ret_waiting += v.classes[i].waiting;
	*ret_running = v.running;
}

static int refusal(enum sched_refusal why, const char *tenant, struct err *reterr)
{
	const char *code = sched_refusal_text(why);

	switch (why) {
	case SCHED_TENANT_FULL:
		return err_set(reterr, EAGAIN, code,
			       "the tenant '%s' has as many runs waiting as it may; try again "
			       "later",
			       tenant);
	case SCHED_DEADLINE:
		return err_set(reterr, EAGAIN, code,
			       "the run could not be done by its deadline any more; give it more "
			       "time, or try again later");
	case SCHED_EVICTED:
		return err_set(reterr, EAGAIN, code,
			       "the queue was full, and the tenant '%s' had most runs waiting: "
			       "this one made room for another tenant's; try again later",
			       tenant);
	case SCHED_OVERLOAD:
		return err_set(reterr, EAGAIN, code,
			       "runs have been waiting for too long for some time, and this one "
			       "was let go; try again later");
	case SCHED_FULL:
	case SCHED_REFUSAL_COUNT:
		break;
	}
	return err_set(reterr, EAGAIN, code, "the queue is full; try again later");
}

static void shed(struct run *r, enum sched_refusal why)
{
	struct err e;

	refusal(why, r->tenant, &e);
	run_deny(r, e.code, e.message, 0);
}

static enum task_class class_of(const struct run *r)
{
	uint8_t class = CLASS_INTERACTIVE;

	words_class_parse(r->class_, &class);
	return (enum task_class) class;
}

int queue_enter(struct run *r, uint64_t deadline_ns, struct err *reterr, uint32_t *ret_retry_ms)
{
	struct queue *q = r->control->queue;
	struct sched_who who = {.tenant = r->tenant,
				.principal = r->key,
				.profile = r->profile,
				.hold = r->lease ? r->lease->hold : 0};
	struct sched_item *evicted = NULL;
	uint64_t now = clock_now_ns();
	enum sched_refusal why;
	int again = r->attempts > 0;
	int e = sched_add(q->sched, &r->item, class_of(r), &who, deadline_ns, again, now, &why,
			  ret_retry_ms, &evicted);

	if (evicted)
		shed(container_of(evicted, struct run, item), SCHED_EVICTED);
	if (e < 0)
		return refusal(why, r->tenant, reterr);
	if (!again)
		retry_first(q->retry, class_of(r), r->tenant, now);
	r->waiting_ns = now;
	r->attempts++;
	q->attempts[class_of(r)]++;
	return 0;
}

int queue_is_full(struct control *c, const char *tenant, struct err *reterr, uint32_t *ret_retry_ms)
{
	enum sched_refusal why = SCHED_FULL;

	for (int i = 0; i < CLASS_COUNT; i++)
		if (!sched_is_full(c->queue->sched, (enum task_class)i, tenant, &why, ret_retry_ms))
			return 0;
	return refusal(why, tenant, reterr);
}

void queue_refuse(struct request *q, const char *tenant, const struct err *e, uint32_t retry_ms)
{
	q->control->limited++;
	shed_count(q->control, tenant, e->code);
	http_problem_err(q, 429, e);
	http_retry_after(q, (retry_ms + 999) / 1000);
}

void queue_waited(struct run *r)
{
	uint64_t now = clock_now_ns(), waited = now - MIN_U64(now, r->waiting_ns);

	if (!r->waiting_ns)
		return;
	r->waited_ns += waited;
	r->waiting_ns = 0;
	r->control->queue->waited_us[class_of(r)] += waited / NS_PER_US;
}

/* What is left of its deadline is all the time that it gets. */
static void shorten(struct run *r, uint64_t now)
{
	_cleanup_buf_ struct buf again = BUF_INIT(LIMIT_FRAME + FRAME_HEADER);
	uint64_t left = (r->deadline_ns - now) / NS_PER_US;
	struct msg m;
	size_t used;

	if (msg_decode(r->wire.data, r->wire.len, LIMIT_FRAME, &m, &used) != 1 ||
	    m.submit.wall_us <= left)
		return;
	m.submit.wall_us = MAX_U64(left, 1);
	if (msg_encode(&again, &m) < 0)
		return;
	r->wire.len = 0;
	buf_add(&r->wire, again.data, again.len);
}

static void go(struct run *r, uint64_t now)
{
	queue_waited(r);
	r->go = 1;
	if (r->deadline_ns)
		shorten(r, now);
	run_send(r);
}

void queue_pump(struct control *c)
{
	struct queue *q = c->queue;
	uint64_t now = clock_now_ns(), due;
	struct sched_item *i = NULL;
	size_t waiting;
	uint32_t running;
	enum sched_refusal why;
	int is_shed;

	if (c->batch) /* it could not be committed, and is tried again */
		return;
	/* Nothing is begun that nobody could do or record; deadlines pass all the same. */
	count(q, &waiting, &running);
	sched_pause(q->sched,
		    c->node.fd < 0 || !c->node_ready || c->run_count >= RUNS_MAX + waiting);
	sched_set_limit(q->sched, (uint32_t)q->limit.value);
	for (int n = 0; n < SHED_AT_ONCE && (i = sched_next(q->sched, now, &is_shed, &why));) {
		n += is_shed;
		if (is_shed)
			shed(container_of(i, struct run, item), why);
		else
			go(container_of(i, struct run, item), now);
	}
	due = i ? now : sched_due(q->sched, now); /* the rest, when others have had a turn */
	if (due == UINT64_MAX)
		loop_disarm(c->loop, &q->timer);
	else
		loop_arm(c->loop, &q->timer, due);
}

void queue_leave(struct run *r, const struct msg_run_done *m)
{
	struct queue *q = r->control->queue;
	uint64_t now;
	size_t waiting;
	uint32_t running;

	retry_cancel(r);
	if (!r->item.lane)
		return;
	now = clock_now_ns();
	if (!m || !r->go) {
		sched_remove(q->sched, &r->item, now);
		return;
	}
	if (m->run_us) {
		count(q, &waiting, &running);
		limit_ended(&q->limit, MAX_U64(m->active_us, m->cpu_us), m->cpu_us, running, now);
	}
	sched_done(q->sched, &r->item, m->cpu_us + r->out->judge_us, m->run_us, now);
}
