#include "base/clock.h"
#include "control/control.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "control/run.h"
#include "control/shed.h"
#include "wire/words.h"

#include <stdio.h>
#include <string.h>

/* Where the time of runs goes: by phase, tier and class. */
#define PHASES(X) X(queue) X(spawn) X(run) X(total)
enum phase {
#define X(name) PHASE_##name,
	PHASES(X)
#undef X
		PHASE_COUNT
};
static const char *const phase_names[] = {
#define X(name) #name,
	PHASES(X)
#undef X
};
static const char *const tiers[] = {"batch", "standard", "regulated"};

static const uint32_t bounds_us[] = {100,     250,     500,	1000,	  2500,	    5000,
				     10000,   25000,   50000,	100000,	  250000,   500000,
				     1000000, 2500000, 5000000, 10000000, 30000000, 60000000};

struct histogram {
	uint64_t count[ARRAY_SIZE(bounds_us) + 1], sum_us;
};

static struct histogram phases[PHASE_COUNT][ARRAY_SIZE(tiers)][CLASS_COUNT];

static void observe(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(bounds_us) && us > bounds_us[i])
		i++;
	h->count[i]++;
	h->sum_us += us;
}

void metrics_run(const struct run *r, const struct msg_run_done *m)
{
	uint64_t waited = r->waited_ns / NS_PER_US; /* before the node had it */
	const uint64_t us[PHASE_COUNT] = {waited + m->queue_us, m->spawn_us, m->run_us,
					  waited + m->wall_us};
	uint8_t class = 0;
	size_t tier = 0;

	if (words_class_parse(r->class_, &class) < 0)
		return;
	while (tier < ARRAY_SIZE(tiers) && strcmp(tiers[tier], r->tier) != 0)
		tier++;
	for (size_t i = 0; i < PHASE_COUNT && tier < ARRAY_SIZE(tiers); i++)
		observe(&phases[i][tier][class], us[i]);
}

/*
 * How runs ended, of each tier and class apart: one tier's trouble is not in another's numbers. A
 * denial has a code, and those are words of a program; one past the end, or that is no such word,
 * counts as "other".
 */
enum { DENIALS_MAX = 64 };
static struct tier_ends {
	uint64_t outcomes[OUTCOME_COUNT], reasons[REASON_COUNT], denials[DENIALS_MAX];
} ends[ARRAY_SIZE(tiers)][CLASS_COUNT];
static char denials[DENIALS_MAX][sizeof(((struct run_out *)0)->denial)] = {"other"};

static size_t denial_index(const char *code)
{
	size_t i = 1;

	if (!*code || code[strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789._")])
		return 0;
	while (i < DENIALS_MAX && *denials[i] && strcmp(denials[i], code) != 0)
		i++;
	if (i == DENIALS_MAX)
		return 0;
	snprintf(denials[i], sizeof(denials[i]), "%s", code);
	return i;
}

void metrics_end(const struct run *r, const struct msg_run_done *m)
{
	struct tier_ends *e;
	uint8_t class = 0;
	size_t tier = 0;

	while (tier < ARRAY_SIZE(tiers) && strcmp(tiers[tier], r->tier) != 0)
		tier++;
	if (tier == ARRAY_SIZE(tiers) || words_class_parse(r->class_, &class) < 0 ||
	    m->outcome >= OUTCOME_COUNT)
		return;
	e = &ends[tier][class];
	e->outcomes[m->outcome]++;
	if (m->outcome == OUTCOME_TERMINATED && m->reason < REASON_COUNT)
		e->reasons[m->reason]++;
	if (m->outcome == OUTCOME_DENIED)
		e->denials[denial_index(r->out->reason)]++;
}

/* One counter of each tier and class, where something was counted. */
static void show_ends(struct buf *b, const char *name, const char *label, size_t offset, size_t n,
		      const char *(*word)(size_t i))
{
	for (size_t t = 0; t < ARRAY_SIZE(tiers); t++)
		for (size_t c = 0; c < CLASS_COUNT; c++)
			for (size_t i = 0; i < n; i++) {
				const char *at = (const char *)&ends[t][c] + offset;
				uint64_t v = ((const uint64_t *)(const void *)at)[i];

				if (v)
					buf_addf(b,
						 "cordon_%s{tier=\"%s\",class=\"%s\",%s=\"%s\"} "
						 "%llu\n",
						 name, tiers[t], words_class((uint8_t)c), label,
						 word(i), (unsigned long long)v);
			}
}

static const char *outcome_word(size_t i)
{
	return words_outcome((uint8_t)i);
}

static const char *reason_word(size_t i)
{
	return words_reason((uint8_t)i);
}

static const char *denial_word(size_t i)
{
	return denials[i];
}

static void show_histogram(struct buf *b, const struct histogram *h, const char *labels)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bounds_us); i++) {
		sum += h->count[i];
		buf_addf(b, "cordon_run_phase_seconds_bucket{%s,le=\"%g\"} %llu\n", labels,
			 bounds_us[i] / 1e6, (unsigned long long)sum);
	}
	sum += h->count[ARRAY_SIZE(bounds_us)];
	buf_addf(b,
		 "cordon_run_phase_seconds_bucket{%s,le=\"+Inf\"} %llu\n"
		 "cordon_run_phase_seconds_sum{%s} %.6f\ncordon_run_phase_seconds_count{%s} %llu\n",
		 labels, (unsigned long long)sum, labels, (double)h->sum_us / 1e6, labels,
		 (unsigned long long)sum);
}

/* Only what has happened: a tier that nobody uses is no series. */
static void show_phases(struct buf *b)
{
	char labels[128];

	for (size_t p = 0; p < PHASE_COUNT; p++)
		for (size_t t = 0; t < ARRAY_SIZE(tiers); t++)
			for (int c = 0; c < CLASS_COUNT; c++) {
				const struct histogram *h = &phases[p][t][c];
				uint64_t any = 0;

				for (size_t i = 0; i < ARRAY_SIZE(h->count); i++)
					any += h->count[i];
				if (!any)
					continue;
				snprintf(labels, sizeof(labels),
					 "phase=\"%s\",tier=\"%s\",class=\"%s\"", phase_names[p],
					 tiers[t], words_class((uint8_t)c));
				show_histogram(b, h, labels);
			}
}

void health(struct request *q)
{
	struct buf b = BUF_INIT(64);

	buf_adds(&b, "{\"status\":\"ok\"}\n");
	http_answer(q, 200, "application/json", &b);
}

void ready(struct request *q)
{
	if (q->control->stopping)
		http_problem(q, 503, "platform.stopping", "the platform is ending");
	else if (!q->control->node_ready)
		http_problem(q, 503, "platform.no_node", "no node is ready; one is being started");
	else if (ledger_refuses_request(q) < 0)
		return;
	else
		health(q);
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP cordon_%s %s\n# TYPE cordon_%s %s\n", name, help, name, type);
}

/* Of the runs that are over: those whose end the ledger has. */
static double completeness(const struct control *c)
{
	uint64_t sealed = c->sealed[0] + c->sealed[1];
	uint64_t over = sealed;
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, (struct list *)&c->runs) {
		const struct run *r = list_entry(p, struct run, link);

		over += r->ended && !*r->out->receipt;
	}
	return over ? (double)sealed / (double)over : 1;
}

/* Prometheus text format 0.0.4. */
void metrics(struct request *q)
{
	const struct control *c = q->control;
	struct buf b = BUF_INIT(1 << 20);

	/* They are of all tenants together. */
	if (q->caller.role != ROLE_LOCAL && strcmp(q->caller.tenant, "default") != 0) {
		http_problem(q, 403, "auth.role",
			     "the platform's metrics are for keys of the tenant 'default'");
		return;
	}

	head(&b, "http_requests_total", "counter", "HTTP requests begun.");
	buf_addf(&b, "cordon_http_requests_total %llu\n", (unsigned long long)c->requests);
	head(&b, "http_refused_total", "counter",
	     "HTTP requests answered with status 400 or more.");
	buf_addf(&b, "cordon_http_refused_total %llu\n", (unsigned long long)c->refused);
	head(&b, "runs_active", "gauge", "Runs that were accepted and are not over.");
	buf_addf(&b, "cordon_runs_active %zu\n", c->run_count);
	head(&b, "node_ready", "gauge", "1 if the node takes runs.");
	buf_addf(&b, "cordon_node_ready %d\n", c->node_ready);
	head(&b, "runs_total", "counter", "Runs that are over, by outcome.");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		buf_addf(&b, "cordon_runs_total{outcome=\"%s\"} %llu\n", words_outcome((uint8_t)i),
			 (unsigned long long)c->outcomes[i]);
	head(&b, "runs_terminated_total", "counter", "Terminated runs, by reason.");
	for (int i = 0; i < REASON_COUNT; i++)
		buf_addf(&b, "cordon_runs_terminated_total{reason=\"%s\"} %llu\n",
			 words_reason((uint8_t)i), (unsigned long long)c->reasons[i]);
	head(&b, "run_cpu_seconds_total", "counter", "CPU time of all runs.");
	buf_addf(&b, "cordon_run_cpu_seconds_total %.6f\n", (double)c->cpu_us / 1e6);
	head(&b, "run_wall_seconds_total", "counter", "Wall time of all runs.");
	buf_addf(&b, "cordon_run_wall_seconds_total %.6f\n", (double)c->wall_us / 1e6);
	head(&b, "http_limited_total", "counter", "HTTP requests answered with status 429.");
	buf_addf(&b, "cordon_http_limited_total %llu\n", (unsigned long long)c->limited);
	shed_metrics(c, &b);
	quota_metrics(q->control, &b);
	head(&b, "code_cache_hits_total", "counter",
	     "Runs whose transformed code was known, and not parsed again.");
	buf_addf(&b, "cordon_code_cache_hits_total %llu\n", (unsigned long long)c->cache_hits);
	head(&b, "runs_accepted_total", "counter",
	     "Runs that were accepted, denied ones included, since control started.");
	buf_addf(&b, "cordon_runs_accepted_total %llu\n", (unsigned long long)c->accepted);
	head(&b, "runs_sealed_total", "counter",
	     "Runs that the ledger has with a gap-free journal, by who sealed it: the node, or "
	     "control "
	     "for what no node finished.");
	buf_addf(&b, "cordon_runs_sealed_total{by=\"node\"} %llu\n",
		 (unsigned long long)c->sealed[1]);
	buf_addf(&b, "cordon_runs_sealed_total{by=\"control\"} %llu\n",
		 (unsigned long long)c->sealed[0]);
	head(&b, "trace_completeness_ratio", "gauge",
	     "Sealed runs to accepted runs that are over; 1 unless the ledger is behind.");
	buf_addf(&b, "cordon_trace_completeness_ratio %.6f\n", completeness(c));
	head(&b, "ledger_ready", "gauge", "1 if the ledger takes entries.");
	buf_addf(&b, "cordon_ledger_ready %d\n", c->ledger.fd >= 0 && !*c->ledger_error.code);
	head(&b, "ledger_entries", "gauge", "Entries of the log.");
	buf_addf(&b, "cordon_ledger_entries %llu\n", (unsigned long long)c->ledger_size);
	head(&b, "ledger_signed_entries", "gauge", "Entries that the newest checkpoint covers.");
	buf_addf(&b, "cordon_ledger_signed_entries %llu\n", (unsigned long long)c->ledger_signed);
	head(&b, "leases_held", "gauge", "Leases that hold a sandbox.");
	buf_addf(&b, "cordon_leases_held %u\n", c->holds);
	head(&b, "tier_runs_total", "counter", "Runs that are over, by tier, class and outcome.");
	show_ends(&b, "tier_runs_total", "outcome", offsetof(struct tier_ends, outcomes),
		  OUTCOME_COUNT, outcome_word);
	head(&b, "tier_terminated_total", "counter", "The terminated of them, by reason.");
	show_ends(&b, "tier_terminated_total", "reason", offsetof(struct tier_ends, reasons),
		  REASON_COUNT, reason_word);
	head(&b, "tier_denied_total", "counter",
	     "The denied of them, by the denial's code. One that was denied before its profile was "
	     "known counts as standard.");
	show_ends(&b, "tier_denied_total", "code", offsetof(struct tier_ends, denials), DENIALS_MAX,
		  denial_word);
	queue_metrics(c, &b);
	head(&b, "run_phase_seconds", "histogram",
	     "Where the time of runs goes: waiting for a place (queue), for a sandbox (spawn), "
	     "running (run), all of it (total).");
	show_phases(&b);
	http_answer(q, 200, "text/plain; version=0.0.4", &b);
}
