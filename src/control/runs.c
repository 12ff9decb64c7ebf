/* Reading and cancelling runs. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "control/run.h"
#include "control/tier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 64 << 20, ANSWER_MAX = 256 << 20 };
/* Longer than a checkpoint is due; longer than a run lasts; how many are told again at most. */
enum { RETELL_MS = 70000, RETELL_CREATED_MS = 900000, RETELL_MAX = 5000 };

/* A runner sees the runs of its own key. */
static const char *own_key(const struct request *q)
{
	return q->caller.role == ROLE_RUNNER ? q->caller.key : NULL;
}

/* Who has a lease's token sees what was run with it. */
static const char *own_lease(const struct request *q)
{
	return q->caller.role == ROLE_LEASE ? q->lease.id : NULL;
}

static void add_brief(struct buf *b, const struct run_row *w)
{
	buf_addf(b, "{\"run\":\"%s\",\"state\":\"%s\",\"outcome\":", w->id, w->state);
	if (*w->outcome)
		json_quote_str(b, w->outcome);
	else
		buf_adds(b, "null");
	buf_adds(b, ",\"reason\":");
	if (*w->reason)
		json_quote_str(b, w->reason);
	else
		buf_adds(b, "null");
	buf_addf(b, ",\"tenant\":\"%s\",\"profile\":", w->tenant);
	json_quote_str(b, w->profile);
	buf_addf(b,
		 ",\"policy\":\"%s\",\"artifact\":\"%s\",\"key\":\"%s\",\"labels\":%s,\"trace\":",
		 w->policy, w->artifact, w->key, w->labels);
	json_quote_str(b, w->trace);
	buf_adds(b, ",\"lease\":");
	body_text(b, w->lease);
	buf_adds(b, ",\"session\":");
	body_text(b, w->session);
	buf_addf(b, ",\"provenance\":%s,\"created_at\":", w->provenance);
	body_time(b, w->created_ms);
	buf_adds(b, ",\"ended_at\":");
	body_time(b, w->ended_ms);
	buf_addc(b, '}');
}

struct page {
	struct buf b;
	int count, limit;
	char last[ID_SIZE];
	int more;
};

static void add_to_page(void *arg, const struct run_row *w)
{
	struct page *p = arg;

	if (p->count == p->limit) {
		p->more = 1;
		return;
	}
	if (p->count++)
		buf_addc(&p->b, ',');
	add_brief(&p->b, w);
	snprintf(p->last, sizeof(p->last), "%s", w->id);
}

static int query_number(struct request *q, const char *name, int64_t max, int64_t *ret)
{
	const char *text = http_query(q, name);

	if (!text)
		return 0;
	errno = 0;
	*ret = strtoll(text, NULL, 10);
	if (*text && !text[strspn(text, "0123456789")] && !errno && *ret <= max)
		return 0;
	http_problem(q, 400, "request.query", "'%s' must be a whole number from 0 to %lld", name,
		     (long long)max);
	return -EINVAL;
}

static int read_filter(struct request *q, struct run_filter *f, char label[LABEL_SIZE_MAX * 2])
{
	const char *pair = http_query(q, "label");
	int64_t limit = PAGE_DEFAULT;
	char *eq;

	*f = (struct run_filter){.key = own_key(q),
				 .profile = http_query(q, "profile"),
				 .outcome = http_query(q, "outcome"),
				 .reason = http_query(q, "reason"),
				 .lease = own_lease(q) ? own_lease(q) : http_query(q, "lease"),
				 .session = http_query(q, "session"),
				 .artifact = http_query(q, "artifact"),
				 .before = http_query(q, "cursor")};
	if (query_number(q, "since", INT64_MAX, &f->since_ms) < 0 ||
	    query_number(q, "until", INT64_MAX, &f->until_ms) < 0 ||
	    query_number(q, "limit", PAGE_MAX, &limit) < 0)
		return -EINVAL;
	f->limit = limit ? (int)limit : PAGE_DEFAULT;
	if (!pair)
		return 0;
	snprintf(label, LABEL_SIZE_MAX * 2, "%s", pair);
	eq = strchr(label, '=');
	if (!eq || strlen(pair) >= LABEL_SIZE_MAX * 2) {
		http_problem(q, 400, "request.query", "'label' must be NAME=VALUE");
		return -EINVAL;
	}
	*eq = '\0';
	f->label_name = label;
	f->label_value = eq + 1;
	return 0;
}

void runs_list(struct request *q)
{
	struct page p = {.b = BUF_INIT(LIST_MAX)};
	char tenant[64], label[LABEL_SIZE_MAX * 2];
	struct run_filter f;
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0 || read_filter(q, &f, label) < 0)
		return;
	f.tenant = tenant;
	p.limit = f.limit++; /* one more, to know whether there is a next page */
	buf_adds(&p.b, "{\"runs\":[");
	r = store_runs(q->control->store, &f, add_to_page, &p, &e);
	buf_adds(&p.b, "],\"next\":");
	if (p.more)
		buf_addf(&p.b, "\"%s\"}\n", p.last);
	else
		buf_adds(&p.b, "null}\n");
	http_store_answer(q, r, &e, "run", 200, &p.b);
}

struct one {
	struct buf b, payloads;
	int running;
};

static void one_init(struct one *o)
{
	*o = (struct one){.b = BUF_INIT(ANSWER_MAX), .payloads = BUF_INIT(ANSWER_MAX)};
}

static void one_done(struct one *o)
{
	buf_done(&o->b);
	buf_done(&o->payloads);
}

static void take_one(void *arg, const struct run_row *w)
{
	struct one *o = arg;

	o->running = !strcmp(w->state, "running");
	if (w->payloads)
		buf_add(&o->payloads, w->payloads, w->payloads_len);
	if (o->running)
		return;
	buf_add(&o->b, w->result, w->result_len);
	buf_addc(&o->b, '\n');
}

/* The row of the run in the path, if the caller may see it; else answered. */
static int look_up(struct request *q, struct one *o)
{
	char tenant[64];
	struct run_filter f = {.tenant = tenant,
			       .id = q->tail[0],
			       .key = own_key(q),
			       .lease = own_lease(q),
			       .with_payloads = 1};
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return -EACCES;
	r = store_runs(q->control->store, &f, take_one, o, &e);
	if (r < 0)
		http_store_problem(q, r, &e, "run");
	return r;
}

static void end_unwritten(struct request *q)
{
	http_problem(q, 503, "store.failed",
		     "the end of this run could not be written; it stands after the next start");
}

void runs_get(struct request *q)
{
	struct one o;

	one_init(&o);
	if (look_up(q, &o) == 0) {
		struct run *run = o.running ? run_find(q->control, q->tail[0]) : NULL;

		if (run) {
			run_json(run, NULL, &o.b);
			buf_addc(&o.b, '\n');
		}
		if (o.running && !run)
			end_unwritten(q);
		else
			http_answer(q, 200, "application/json", &o.b);
	}
	one_done(&o);
}

static void stream_lines(struct request *q, const struct buf *lines)
{
	char *p = (char *)lines->data, *end = p + lines->len;

	while (p < end) {
		char *nl = memchr(p, '\n', (size_t)(end - p));

		http_event(q, "journal", p, (size_t)(nl - p));
		p = nl + 1;
	}
}

/* A run that is over: the ledger has its journal, and we what stands beside it. */
static void told_journal(struct request *q, const struct msg_ledger_told *m)
{
	struct buf lines = BUF_INIT(ANSWER_MAX);
	struct one o;

	one_init(&o);
	if (look_up(q, &o) == 0) {
		run_show_events(m->body.data, m->body.len, o.payloads.data, o.payloads.len, &lines);
		if (http_wants_events(q)) {
			http_stream(q);
			stream_lines(q, &lines);
			http_event(q, "result", o.b.data, o.b.len ? o.b.len - 1 : 0);
			http_stream_end(q);
		} else {
			http_answer(q, 200, "application/x-ndjson", &lines);
		}
	}
	buf_done(&lines);
	one_done(&o);
}

void runs_events(struct request *q)
{
	struct buf lines = BUF_INIT(ANSWER_MAX);
	struct run *run;
	struct one o;

	one_init(&o);
	if (look_up(q, &o) < 0) {
		one_done(&o);
		return;
	}
	run = o.running ? run_find(q->control, q->tail[0]) : NULL;
	if (run && run->out)
		run_show_events(run->out->events.data, run->out->events.len,
				run->out->payloads.data, run->out->payloads.len, &lines);
	if (run && http_wants_events(q)) { /* what was, and then what comes */
		run_follow(run, q);
		stream_lines(q, &lines);
	} else if (run) {
		http_answer(q, 200, "application/x-ndjson", &lines);
	} else if (o.running) {
		end_unwritten(q);
	} else {
		ledger_ask(q, ASK_JOURNAL, 0, 0, q->tail[0], strlen(q->tail[0]), told_journal);
	}
	buf_done(&lines);
	one_done(&o);
}

/* Who cancels is on record; the run's own end says only that it was. */
static int record_cancel(struct request *q, const struct run *run)
{
	struct err e;
	int r = batch_open(q->control, &e);

	if (r == 0)
		r = act(q->control, q, "run_cancelled", run->tenant, &e, "run", run->id, NULL);
	r = act_commit(q, r, &e);
	if (r < 0)
		http_problem_err(q, 503, &e);
	return r;
}

void runs_cancel(struct request *q)
{
	struct one o;

	one_init(&o);
	if (look_up(q, &o) == 0) {
		struct run *run = o.running ? run_find(q->control, q->tail[0]) : NULL;

		if (!run) {
			http_problem(q, 409, "run.over", "this run is over");
		} else if (run->cancelled || record_cancel(q, run) == 0) {
			struct buf b = BUF_INIT(1 << 16);

			run_json(run, NULL, &b);
			buf_addc(&b, '\n');
			run_stop(run, REASON_CANCELLED);
			http_answer(q, 202, "application/json", &b);
		}
	}
	one_done(&o);
}

static void take_team(void *arg, const struct key_row *w)
{
	struct run *r = arg;

	run_text(&r->team, w->team);
}

/* Rows that say "running" although nothing runs: their control died. */
static struct run *restore(struct control *c, const struct run_row *w)
{
	struct run *r = run_new(c);

	tier_enter(r, tier_named(w->tier));
	if (!strcmp(w->class_, words_class(CLASS_BULK)))
		r->class_ = words_class(CLASS_BULK);
	r->created_ms = w->created_ms;
	day_of(r->created_ms, r->day);
	r->labels = xstrdup(w->labels);
	r->provenance = xstrdup(w->provenance);
	snprintf(r->id, sizeof(r->id), "%s", w->id);
	snprintf(r->tenant, sizeof(r->tenant), "%s", w->tenant);
	snprintf(r->key, sizeof(r->key), "%s", w->key);
	snprintf(r->lease_id, sizeof(r->lease_id), "%s", w->lease);
	run_text(&r->session, w->session);
	snprintf(r->profile, sizeof(r->profile), "%s", w->profile);
	snprintf(r->policy, sizeof(r->policy), "%s", w->policy);
	snprintf(r->artifact, sizeof(r->artifact), "%s", w->artifact);
	run_text(&r->trace, w->trace);
	/* A key's team stays; a lease has that of its maker's key, as its runs have its maker's
	 * key. */
	store_keys(c->store, NULL, r->key, take_team, r, NULL);
	r->recovered = 1;
	record_begin(r, NULL);
	run_enlist(r);
	return r;
}

static void take_lost(void *arg, const struct run_row *w)
{
	restore(arg, w);
}

/*
 * Runs whose end stood when the power went, or a file lost its tail: the ledger may have lost what
 * no checkpoint covered yet. They are told again, as they are known here; the ledger keeps what it
 * has.
 */
struct told_again {
	struct control *control;
	int64_t since_ms; /* 0: not known yet */
};

static void take_newest(void *arg, const struct run_row *w)
{
	struct told_again *t = arg;

	t->since_ms = MAX_I64(t->since_ms, MAX_I64(w->ended_ms, w->created_ms) - RETELL_MS);
}

static void take_ended(void *arg, const struct run_row *w)
{
	struct told_again *t = arg;
	_cleanup_buf_ struct buf error = BUF_INIT(1024);
	struct msg_run_done m = {.outcome = OUTCOME_TERMINATED, .reason = REASON_CRASHED};
	const char *at;
	struct run *r;
	size_t len;

	if (strcmp(w->state, "done") != 0 || w->ended_ms < t->since_ms)
		return;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (!strcmp(w->outcome, words_outcome((uint8_t)i)))
			m.outcome = (uint8_t)i;
	for (int i = 0; i < REASON_COUNT; i++)
		if (!strcmp(w->reason, words_reason((uint8_t)i)))
			m.reason = (uint8_t)i;
	buf_adds(&error, "{\"code\":");
	json_quote_str(&error, w->reason);
	buf_addc(&error, '}');
	m.error = WIRE_BUF(&error);
	r = restore(t->control, w);
	r->told_again = 1;
	t->control->run_count--;
	r->ended = 1;
	r->out->ended_ms = w->ended_ms;
	r->out->outcome = words_outcome(m.outcome);
	r->out->reason = "";
	r->out->kept_bytes = w->result_len + w->payloads_len;
	if (json_member(w->result, w->result_len, "usage", &at, &len) == 0)
		r->out->known_usage = (struct wire_bytes){at, len};
	if (json_member(w->result, w->result_len, "erased_at", &at, &len) < 0 &&
	    json_member(w->result, w->result_len, "value_kind", &at, &len) == 0 && len == 6 &&
	    json_member(w->result, w->result_len, "value", &at, &len) == 0) /* "json" */
		m.value = (struct wire_bytes){at, len};
	record_end(r, &m);
	r->out->known_usage = (struct wire_bytes){NULL, 0};
}

int runs_recover(struct control *c, struct err *reterr)
{
	struct run_filter running = {.running = 1}, newest = {.limit = 1}, ended = {0};
	struct told_again again = {.control = c};
	struct list *p, *tmp;
	int r = store_runs(c->store, &running, take_lost, c, reterr);

	/* They end when the ledger is there. */
	list_for_each_safe (p, tmp, &c->runs)
		run_lost(list_entry(p, struct run, link));
	if (r == 0)
		r = store_runs(c->store, &newest, take_newest, &again, reterr);
	ended.since_ms = again.since_ms - RETELL_CREATED_MS;
	ended.limit = RETELL_MAX;
	if (r == 0 && again.since_ms)
		r = store_runs(c->store, &ended, take_ended, &again, reterr);
	return r;
}

/* Each tenant's word on how long what its runs brought to light is kept. */
struct due {
	struct control *control;
	char tenant[16][64];
	int64_t days[16];
	size_t n;
};

static void take_due(void *arg, const struct tenant_row *t)
{
	struct due *d = arg;

	if (t->payload_days && d->n < ARRAY_SIZE(d->days) &&
	    strcmp(t->id, d->control->swept_tenant) > 0) {
		snprintf(d->tenant[d->n], sizeof(d->tenant[0]), "%s", t->id);
		d->days[d->n++] = t->payload_days;
	}
}

/* A few tenants at a time, each in its turn. 1: there is more to do now. */
static int erase_old(struct control *c)
{
	struct due d = {.control = c};
	int64_t now = clock_wall_ms();
	struct err e;
	int more = 0, r = store_tenants(c->store, NULL, take_due, &d, &e);

	for (size_t i = 0; r >= 0 && i < d.n; i++) {
		char before[ID_SIZE], count[24];

		id_at("run", now - d.days[i] * 86400000, before);
		r = batch_open(c, &e);
		if (r == 0)
			r = store_run_erase_before(c->store, d.tenant[i], before, now, &e);
		snprintf(count, sizeof(count), "%d", r);
		if (r > 0)
			more |= r == STORE_ERASE_MOST;
		if (r > 0 && act(c, NULL, "payloads_erased", d.tenant[i], &e, "runs", count,
				 "before", before, NULL) < 0)
			r = -EIO;
		if (r > 0)
			r = batch_settle(c, &e) < 0 ? -EIO : store_erase_traces(c->store, &e);
		else
			batch_abandon(c);
	}
	snprintf(c->swept_tenant, sizeof(c->swept_tenant), "%s",
		 d.n == ARRAY_SIZE(d.days) ? d.tenant[d.n - 1] : "");
	if (r < 0)
		log_line("what is kept no longer could not be erased: %s", e.message);
	return more || d.n == ARRAY_SIZE(d.days);
}

/* DELETE /v1/runs/{id}/payload */
void runs_erase(struct request *q)
{
	struct one o;
	char tenant[64];
	struct err e;
	int r;

	one_init(&o);
	if (auth_tenant(q, tenant) < 0 || look_up(q, &o) < 0) {
		one_done(&o);
		return;
	}
	r = o.running ? -EBUSY : batch_open(q->control, &e);
	if (r == 0)
		r = store_run_erase(q->control->store, tenant, q->tail[0], clock_wall_ms(), &e);
	if (r == 0)
		r = act(q->control, q, "payload_erased", tenant, &e, "run", q->tail[0], NULL);
	if (!o.running)
		r = act_commit(q, r, &e);
	if (r == 0)
		r = store_erase_traces(q->control->store, &e);
	if (o.running)
		http_problem(q, 409, "run.running", "this run is not over; cancel it first");
	else if (r < 0 && r != -EALREADY)
		http_store_problem(q, r, &e, "run");
	else
		http_answer(q, 204, NULL, NULL);
	one_done(&o);
}

static void on_sweep(struct loop_timer *t)
{
	struct control *c = container_of(t, struct control, sweep);
	int64_t before = clock_wall_ms() - (int64_t)c->keep_days * 86400000;
	char id[ID_SIZE], day[DAY_SIZE];
	struct err e;
	int r, more;

	batch_settle(c, NULL); /* what others have written is not taken back with ours */
	more = erase_old(c) | tier_erase_old(c);
	id_at("run", before, id);
	r = store_lease_sweep(c->store, clock_wall_ms() - LEASE_KEEP_DAYS * 86400000LL, &e);
	day_of(clock_wall_ms() - QUOTA_DAYS_KEPT * 86400000LL, day);
	if (r == 0)
		r = store_quota_sweep(c->store, day, &e);
	if (r == 0)
		r = store_run_sweep(c->store, id, SWEEP_RUNS, &e);
	if (r < 0)
		log_line("what is kept no longer could not be forgotten: %s", e.message);
	/* A piece at a time, so that nobody waits for it. */
	loop_arm(c->loop, t,
		 clock_now_ns() + (r == SWEEP_RUNS || more ? NS_PER_S / 20 : SWEEP_S * NS_PER_S));
}

void runs_sweep(struct control *c)
{
	c->sweep.fire = on_sweep;
	loop_arm(c->loop, &c->sweep, clock_now_ns() + NS_PER_S);
}
