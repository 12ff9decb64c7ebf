#include "control/quota.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/ledger.h"
#include "control/queue.h"
#include "control/run.h"
#include "policy/amount.h"
#include "policy/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NOTICES_MAX = 64, LOOK_S = 30, AGAIN_MS = 100, PATIENCE_S = 5 };

/*
 * What a run leaves: the answer that is kept, its journal, and what stands beside that. The answer
 * has its output, of which each byte that a sandbox sends may need six as JSON; each line of the
 * journal names the run, its tenant, lease, session and trace, which are bounded.
 */
enum {
	STORED_BASE = 96 << 10, /* what is said of any run, its labels among it; the first events */
	STORED_ESCAPED = 6,
	STORED_OPERATION = 16 << 10, /* what is asked for, the decision, the payload that is kept */
	STORED_LOG_LINE = 1 << 10,   /* its event; */
	STORED_LOG_FRAME = 128,	     /* what stands around it in the answer */
};

static struct quota_party party(const struct run *r)
{
	return (struct quota_party){r->tenant, r->team, r->key, r->profile};
}

/* ---- what a run may use, and has used ---- */

static uint64_t cost(const struct run *r, const struct quota_amounts *a)
{
	const struct platform_usage u = {.runs = a->of[QUOTA_RUNS],
					 .cpu_us = a->of[QUOTA_CPU],
					 .egress_bytes = a->of[QUOTA_EGRESS],
					 .tool_calls = a->of[QUOTA_TOOLS],
					 .stored_bytes = a->of[QUOTA_STORAGE]};
	enum policy_tier t = 0;

	while (t < PLATFORM_TIERS - 1 && strcmp(policy_tier_text(t), r->tier) != 0)
		t++;
	return platform_cost(r->control->platform, t, &u);
}

static struct quota_amounts most_of(const struct run *r, const struct msg_submit *m)
{
	uint64_t journal = (uint64_t)m->operations * STORED_OPERATION +
			   (uint64_t)m->log_lines * STORED_LOG_LINE;
	struct quota_amounts a = {0};

	a.of[QUOTA_RUNS] = 1;
	/* Judging its value has a ceiling of its own. */
	a.of[QUOTA_CPU] = m->cpu_us + (r->schema ? JUDGE_CPU_MS * 1000 : 0);
	a.of[QUOTA_STORAGE] = STORED_BASE + STORED_ESCAPED * m->output_bytes +
			      (uint64_t)m->log_lines * STORED_LOG_FRAME +
			      MIN_U64(journal, LIMIT_JOURNAL);
	/* Nothing gets out of a sandbox yet, and no tool is there to be called. */
	a.of[QUOTA_EGRESS] = a.of[QUOTA_TOOLS] = 0;
	a.of[QUOTA_MONEY] = cost(r, &a);
	return a;
}

/* As its receipt has it, and so the ledger's sums. */
static struct quota_amounts used_by(const struct run *r)
{
	const struct platform_usage *u = &r->out->used;
	struct quota_amounts a = {0};

	a.of[QUOTA_RUNS] = strcmp(r->out->outcome, words_outcome(OUTCOME_DENIED)) != 0;
	a.of[QUOTA_CPU] = u->cpu_us;
	a.of[QUOTA_EGRESS] = u->egress_bytes;
	a.of[QUOTA_TOOLS] = u->tool_calls;
	a.of[QUOTA_STORAGE] = u->stored_bytes;
	a.of[QUOTA_MONEY] = r->out->cost_nanos;
	return a;
}

/* ---- runs ---- */

int quota_reserve(struct run *r, const struct msg_submit *m, struct quota_refusal *ret)
{
	struct control *c = r->control;
	const struct quota_party p = party(r);
	const struct quota_amounts most = most_of(r, m);
	int e;

	e = quota_book_reserve(c->quotas->book, &p, r->day, &most, &r->hold, ret);
	if (e == -EDQUOT)
		c->quotas->refused[ret->resource]++;
	quota_tell(c);
	return e;
}

void quota_recorded(struct run *r, uint64_t number)
{
	struct control *c = r->control;
	const struct quota_amounts used = used_by(r);
	struct quota_party p = party(r);

	/* As the ledger's sums have it: a profile that there is not has no account, or whoever is
	 * denied could make as many as he can name. */
	if (!*r->policy)
		p.profile = "";
	if (r->hold.accounts[0])
		quota_book_settle(c->quotas->book, &r->hold, &used);
	else
		quota_book_recorded(c->quotas->book, &p, r->day, number, &used);
	quota_tell(c);
}

void quota_release(struct run *r)
{
	static const struct quota_amounts nothing;

	if (r->hold.accounts[0])
		quota_book_settle(r->control->quotas->book, &r->hold, &nothing);
}

unsigned quota_retry_s(const struct run *r)
{
	int64_t left = day_end(r->created_ms) - clock_wall_ms();

	return left > 0 ? (unsigned)((left + 999) / 1000) : 1;
}

/* As people write it. */
static const char *amount_text(const struct control *c, enum quota_resource r, uint64_t v,
			       char out[64])
{
	char text[AMOUNT_TEXT], price[PLATFORM_PRICE_TEXT];

	switch (r) {
	case QUOTA_CPU:
		snprintf(out, 64, "%s", amount_duration_text(v, text));
		break;
	case QUOTA_EGRESS:
	case QUOTA_STORAGE:
		snprintf(out, 64, "%s", amount_size_text(v, text));
		break;
	case QUOTA_MONEY:
		snprintf(out, 64, "%s %s", platform_price_text(v, price),
			 platform_currency(c->platform));
		break;
	case QUOTA_RUNS:
	case QUOTA_TOOLS:
	case QUOTA_RUNNING:
	case QUOTA_RESOURCE_COUNT:
		snprintf(out, 64, "%llu", (unsigned long long)v);
		break;
	}
	return out;
}

void quota_explain(const struct run *r, const struct quota_refusal *f, struct err *ret,
		   struct buf *members)
{
	const struct control *c = r->control;
	const char *scope = quota_scope_text(f->scope), *what = quota_resource_text(f->resource);
	const char *name = *f->name ? f->name : r->tenant;
	char limit[64], used[64], reserved[64], asked[64], code[48], reset[CLOCK_TEXT_SIZE];

	clock_text(day_end(r->created_ms), reset);
	snprintf(code, sizeof(code), "quota.%s", what);
	err_set(ret, EDQUOT, code,
		"the %s '%s' has no room for this run on %s: %s: of %s, %s are used and %s "
		"reserved "
		"by runs under way; this one could use %s. The next day begins at %s",
		scope, name, r->day, what, amount_text(c, f->resource, f->limit, limit),
		amount_text(c, f->resource, f->used, used),
		amount_text(c, f->resource, f->reserved, reserved),
		amount_text(c, f->resource, f->asked, asked), reset);
	buf_addf(members, ",\"scope\":\"%s\"", scope);
	body_member(members, "name", name);
	body_member(members, "resource", what);
	buf_addf(members, ",\"limit\":%llu,\"used\":%llu,\"reserved\":%llu,\"asked\":%llu",
		 (unsigned long long)f->limit, (unsigned long long)f->used,
		 (unsigned long long)f->reserved, (unsigned long long)f->asked);
	body_member(members, "reset_at", reset);
	buf_addf(members, ",\"retry_after_s\":%u", quota_retry_s(r));
}

/* ---- how many at once ---- */

unsigned quota_running_max(struct control *c, enum quota_scope scope, const char *tenant,
			   const char *name)
{
	const struct quota_who who = {scope, tenant, scope == QUOTA_OF_TENANT ? "" : name};
	uint64_t limit = quota_book_limit_of(c->quotas->book, &who, QUOTA_RUNNING);

	return limit == QUOTA_NONE ? 0 : (unsigned)limit;
}

void quota_tenant_gone(struct control *c, const char *tenant)
{
	quota_book_forget_terms(c->quotas->book, tenant);
	queue_terms_changed(c, tenant);
}

/* ---- telling ---- */

/* One act for each, and the mark that it was told, or neither. */
static int record(struct control *c, const struct quota_notice *n, struct err *reterr)
{
	const char *scope = quota_scope_text(n->scope), *what = quota_resource_text(n->resource);
	const struct quota_row row = {n->tenant, scope, n->name, what, n->day, n->level};
	char limit[24], used[24], reserved[24], reset[CLOCK_TEXT_SIZE] = "";
	int64_t now = clock_wall_ms();
	char today[DAY_SIZE];
	int r = store_quota_told(c->store, &row, reterr);

	day_of(now, today);
	if (!strcmp(today, n->day))
		clock_text(day_end(now), reset);
	snprintf(limit, sizeof(limit), "%llu",
		 (unsigned long long)MIN_U64(n->view.limit + n->view.granted, QUOTA_MAX));
	snprintf(used, sizeof(used), "%llu", (unsigned long long)n->view.used);
	snprintf(reserved, sizeof(reserved), "%llu", (unsigned long long)n->view.reserved);
	if (r < 0)
		return r;
	return act(c, NULL, n->level == QUOTA_WARNED ? "quota_warned" : "quota_exhausted",
		   n->tenant, reterr, "scope", scope, "name", *n->name ? n->name : n->tenant,
		   "resource", what, "day", n->day, "limit", limit, "used", used, "reserved",
		   reserved, "reset_at", reset, NULL);
}

static void on_tell(struct loop_timer *t)
{
	struct quotas *s = container_of(t, struct quotas, tell);
	struct quota_notice all[NOTICES_MAX];
	struct err e;
	size_t n;
	int r;

	batch_settle(s->control, NULL); /* what others have written is not taken back with ours */
	n = quota_book_notices(s->book, all, NOTICES_MAX);
	if (!n)
		return;
	r = batch_open(s->control, &e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = record(s->control, &all[i], &e);
	if (r == 0)
		r = batch_settle(s->control, &e);
	else
		batch_abandon(s->control);
	for (size_t i = 0; r == 0 && i < n; i++)
		quota_book_told(s->book,
				&(struct quota_who){all[i].scope, all[i].tenant, all[i].name},
				all[i].day, all[i].resource, all[i].level);
	if (r < 0)
		log_line("that a quota is used up could not be recorded: %s", e.message);
	if (r < 0 || n == NOTICES_MAX)
		loop_arm(s->control->loop, t, clock_now_ns() + (r < 0 ? NS_PER_S : 0));
}

void quota_tell(struct control *c)
{
	struct quota_notice any;

	if (!c->quotas->tell.slot && quota_book_notices(c->quotas->book, &any, 1))
		loop_arm(c->loop, &c->quotas->tell, clock_now_ns());
}

/* ---- days ---- */

static void day_before(int64_t now, const char *today, char out[DAY_SIZE])
{
	do
		day_of(now -= 3600000, out);
	while (!strcmp(out, today));
}

/* Yesterday for what is still under way, tomorrow so that midnight finds it known. */
void quota_look(struct control *c)
{
	struct quotas *s = c->quotas;
	int64_t now = clock_wall_ms();
	char before[DAY_SIZE], today[DAY_SIZE], after[DAY_SIZE];
	const char *days[] = {before, today, after};
	int unknown = 0;

	day_of(now, today);
	day_before(now, today, before);
	day_of(day_end(now), after);
	if (strcmp(today, s->day) != 0)
		quota_book_keep(s->book, days, ARRAY_SIZE(days));
	memcpy(s->day, today, sizeof(s->day));
	for (size_t i = 0; i < ARRAY_SIZE(days); i++)
		unknown |= quota_book_day(s->book, days[i]) == QUOTA_DAY_UNKNOWN;
	loop_arm(c->loop, &s->turn, clock_now_ns() + LOOK_S * NS_PER_S);
	if (unknown && !s->load)
		quota_load(c, days, ARRAY_SIZE(days));
}

static void on_turn(struct loop_timer *t)
{
	quota_look(container_of(t, struct quotas, turn)->control);
}

int quota_is_ready(struct control *c)
{
	struct quotas *s = c->quotas;

	char today[DAY_SIZE];

	day_of(clock_wall_ms(), today);
	if (strcmp(today, s->day) != 0)
		quota_look(c);
	return quota_book_day(s->book, s->day) == QUOTA_DAY_KNOWN;
}

/* Who waits for the sums is handled anew, or told to come again. */
static void end_waiting(struct quotas *s, int known)
{
	struct list *p, *tmp;

	loop_disarm(s->control->loop, &s->patience);
	list_for_each_safe (p, tmp, &s->waiting) {
		struct request *q = list_entry(p, struct request, waiting);
		struct err e;

		list_remove(p);
		if (known || ledger_refuses(s->control, &e) < 0) { /* which says why */
			http_again(q);
			continue;
		}
		q->again = 0;
		http_problem(q, 503, "quota.loading",
			     "what was used today is still being added up; try again");
	}
}

static void on_patience(struct loop_timer *t)
{
	end_waiting(container_of(t, struct quotas, patience), 0);
}

int quota_wait(struct request *q)
{
	struct quotas *s = q->control->quotas;
	struct err e;

	if (quota_is_ready(q->control) || ledger_refuses(q->control, &e) < 0)
		return 0;
	/* However silent the ledger is. */
	if (!s->patience.slot)
		loop_arm(q->control->loop, &s->patience, clock_now_ns() + PATIENCE_S * NS_PER_S);
	list_append(&s->waiting, &q->waiting);
	http_wait(q);
	return 1;
}

void quota_loaded(struct control *c, int r)
{
	struct quotas *s = c->quotas;
	struct err e;

	if (r < 0) {
		loop_arm(c->loop, &s->turn, clock_now_ns() + AGAIN_MS * NS_PER_MS);
		if (ledger_refuses(c, &e) < 0)
			end_waiting(s, 0);
	} else if (quota_is_ready(c)) {
		end_waiting(s, 1);
	} else {
		quota_look(c); /* the day has changed meanwhile */
	}
	quota_tell(c);
	control_announce(c);
}

static void take_limit(void *arg, const struct quota_row *w)
{
	struct quotas *s = arg;
	struct quota_who who = {.tenant = w->tenant, .name = w->name};
	enum quota_resource r;

	if (quota_scope_parse(w->scope, &who.scope) == 0 &&
	    quota_resource_parse(w->resource, &r) == 0)
		quota_book_limit(s->book, &who, r, (uint64_t)w->amount);
}

int quota_start(struct control *c, struct err *reterr)
{
	struct quotas *s = c->quotas = xcalloc(1, sizeof(*s));

	s->control = c;
	s->book = quota_book_new();
	s->patience.fire = on_patience;
	list_init(&s->waiting);
	s->tell.fire = on_tell;
	s->turn.fire = on_turn;
	return store_quotas(c->store, NULL, take_limit, s, reterr);
}

/* ---- metrics ---- */

void quota_metrics(struct control *c, struct buf *b)
{
	struct quota_fullness f[QUOTA_SERIES_MAX];
	size_t n = quota_book_fullest(c->quotas->book, c->quotas->day, f, ARRAY_SIZE(f));

	buf_addf(
		b,
		"# HELP cordon_quota_used_ratio What is used and reserved today, to its limit: the "
		"%d fullest.\n# TYPE cordon_quota_used_ratio gauge\n",
		QUOTA_SERIES_MAX);
	for (size_t i = 0; i < n; i++)
		buf_addf(b,
			 "cordon_quota_used_ratio{tenant=\"%s\",scope=\"%s\",name=\"%s\","
			 "resource=\"%s\"} %.6f\n",
			 f[i].tenant, quota_scope_text(f[i].scope),
			 *f[i].name ? f[i].name : f[i].tenant, quota_resource_text(f[i].resource),
			 f[i].ratio);
	buf_adds(b, "# HELP cordon_quota_refused_total Runs that a quota had no room for.\n"
		    "# TYPE cordon_quota_refused_total counter\n");
	for (enum quota_resource r = 0; r < QUOTA_DAILY; r++)
		buf_addf(b, "cordon_quota_refused_total{resource=\"%s\"} %llu\n",
			 quota_resource_text(r), (unsigned long long)c->quotas->refused[r]);
}
