/*
 * What runs used, as the ledger has added up their receipts (docs/usage.md). A key sees its
 * tenant's rows, a runner's those of its own runs.
 */
#include "base/json.h"
#include "control/body.h"
#include "control/ledger.h"
#include "control/run.h"
#include "control/tier.h"
#include "wire/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 200, PAGE_ROWS_MAX = 1000, VALUE_MAX = 512 };

static int add_text(struct request *q, const char *name, const char *value, struct buf *b)
{
	if (strlen(value) > VALUE_MAX) {
		http_problem(q, 400, "request.query", "'%s' has more than %d bytes", name,
			     VALUE_MAX);
		return -EINVAL;
	}
	buf_addf(b, ",\"%s\":", name);
	return json_quote_str(b, value);
}

/* "NAME=VALUE" */
static int add_label(struct request *q, const char *pair, struct buf *b)
{
	const char *equals = strchr(pair, '=');

	if (!equals || strlen(pair) > VALUE_MAX) {
		http_problem(q, 400, "request.query",
			     "'label' must be NAME=VALUE, of at most %d bytes", VALUE_MAX);
		return -EINVAL;
	}
	buf_adds(b, ",\"label\":{\"name\":");
	json_quote(b, pair, (size_t)(equals - pair));
	buf_adds(b, ",\"value\":");
	json_quote_str(b, equals + 1);
	return buf_addc(b, '}');
}

static int add_limit(struct request *q, struct buf *b)
{
	const char *text = http_query(q, "limit");
	long limit = text ? strtol(text, NULL, 10) : PAGE_ROWS;

	if (text && (!*text || strlen(text) > 9 || text[strspn(text, "0123456789")] || limit < 1 ||
		     limit > PAGE_ROWS_MAX)) {
		http_problem(q, 400, "request.query", "'limit' must be a whole number from 1 to %d",
			     PAGE_ROWS_MAX);
		return -EINVAL;
	}
	return buf_addf(b, ",\"limit\":%ld", limit);
}

/* Whose rows: what is another's does not exist. */
static int add_whose(struct request *q, struct buf *b)
{
	const char *tenant = http_query(q, "tenant"), *key = http_query(q, "key");

	if (q->caller.role != ROLE_LOCAL) {
		if (tenant && strcmp(tenant, q->caller.tenant) != 0) {
			http_problem(q, 404, "not_found", "there is no such tenant");
			return -ENOENT;
		}
		tenant = q->caller.tenant;
	}
	if (q->caller.role == ROLE_RUNNER) {
		if (key && strcmp(key, q->caller.key) != 0) {
			http_problem(q, 404, "not_found", "there is no such key");
			return -ENOENT;
		}
		key = q->caller.key;
	}
	if ((tenant && add_text(q, "tenant", tenant, b) < 0) ||
	    (key && add_text(q, "key", key, b) < 0))
		return -EINVAL;
	return 0;
}

static int read_conditions(struct request *q, const char *const *names, size_t n, struct buf *b)
{
	if (add_whose(q, b) < 0 || add_limit(q, b) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const char *value = http_query(q, names[i]);

		if (value && add_text(q, names[i], value, b) < 0)
			return -EINVAL;
	}
	return 0;
}

/* With the time zone in which its days are days. */
static void told(struct request *q, const struct msg_ledger_told *m)
{
	struct buf b = BUF_INIT(LIMIT_TOLD + 1024);

	buf_add(&b, m->body.data, m->body.len - 1);
	buf_adds(&b, ",\"zone\":");
	json_quote_str(&b, q->control->zone);
	buf_adds(&b, "}\n");
	http_answer(q, 200, "application/json", &b);
}

static void ask(struct request *q, struct buf *b)
{
	buf_addc(b, '}');
	ledger_ask(q, ASK_USAGE, 0, 0, (const char *)b->data, b->len, told);
}

/* GET /v1/usage */
void usage_list(struct request *q)
{
	static const char *const names[] = {"from",  "to",	 "team",     "profile", "tier",
					    "class", "currency", "artifact", "after"};
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_QUESTION);
	const char *rows = http_query(q, "rows"), *label = http_query(q, "label");

	if (rows && strcmp(rows, "totals") != 0 && strcmp(rows, "detail") != 0) {
		http_problem(q, 400, "request.query", "'rows' must be totals or detail");
		return;
	}
	if (!rows)
		rows = label || http_query(q, "artifact") ? "detail" : "totals";
	buf_addf(&b, "{\"rows\":\"%s\"", rows);
	if (read_conditions(q, names, ARRAY_SIZE(names), &b) < 0 ||
	    (label && add_label(q, label, &b) < 0))
		return;
	ask(q, &b);
}

/* GET /v1/usage/reasons: of a tenant's runs together, so not for runners. */
void usage_reasons(struct request *q)
{
	static const char *const names[] = {"from",  "to",	"profile", "tier",
					    "class", "outcome", "reason",  "after"};
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_QUESTION);

	if (http_query(q, "key")) {
		http_problem(q, 400, "request.query", "these rows are not told apart by 'key'");
		return;
	}
	buf_adds(&b, "{\"rows\":\"reasons\"");
	if (read_conditions(q, names, ARRAY_SIZE(names), &b) == 0)
		ask(q, &b);
}

/* ---- counters: what control told the ledger since it started ---- */

static struct counted {
	struct platform_usage used;
	uint64_t cost_nanos;
} counted[PLATFORM_TIERS][CLASS_COUNT];

void usage_count(const struct run *r)
{
	struct counted *t;
	uint8_t class = 0;

	if (words_class_parse(r->class_, &class) < 0)
		return;
	t = &counted[tier_named(r->tier)][class];
	t->used.runs += r->out->used.runs;
	t->used.cpu_us += r->out->used.cpu_us;
	t->used.egress_bytes += r->out->used.egress_bytes;
	t->used.tool_calls += r->out->used.tool_calls;
	t->used.stored_bytes += r->out->used.stored_bytes;
	t->cost_nanos += r->out->cost_nanos;
}

/* A counter of each tier and class that has used something. Values are of 10^-digits of the unit.
 */
static void show(struct buf *b, const char *name, const char *help, unsigned digits, size_t offset,
		 const char *more)
{
	uint64_t unit = 1;

	for (unsigned i = 0; i < digits; i++)
		unit *= 10;
	buf_addf(b, "# HELP cordon_%s %s\n# TYPE cordon_%s counter\n", name, help, name);
	for (int t = 0; t < PLATFORM_TIERS; t++)
		for (int c = 0; c < CLASS_COUNT; c++) {
			uint64_t v;

			memcpy(&v, (const char *)&counted[t][c] + offset, sizeof(v));
			if (!counted[t][c].used.runs)
				continue;
			buf_addf(b, "cordon_%s{tier=\"%s\",class=\"%s\"%s} %llu", name,
				 policy_tier_text((enum policy_tier)t), words_class((uint8_t)c),
				 more, (unsigned long long)(v / unit));
			if (digits)
				buf_addf(b, ".%0*llu", (int)digits, (unsigned long long)(v % unit));
			buf_addc(b, '\n');
		}
}

void usage_metrics(const struct control *c, struct buf *b)
{
	const char *currency = platform_currency(c->platform);
	char label[64] = "";

	show(b, "usage_runs_total", "Runs that receipts charge.", 0,
	     offsetof(struct counted, used.runs), "");
	show(b, "usage_cpu_seconds_total", "CPU time in these receipts.", 6,
	     offsetof(struct counted, used.cpu_us), "");
	show(b, "usage_egress_bytes_total", "Bytes to and from the network in them.", 0,
	     offsetof(struct counted, used.egress_bytes), "");
	show(b, "usage_tool_calls_total", "Calls of tools in them.", 0,
	     offsetof(struct counted, used.tool_calls), "");
	show(b, "usage_stored_bytes_total", "What their runs left behind.", 0,
	     offsetof(struct counted, used.stored_bytes), "");
	if (!*currency)
		return;
	snprintf(label, sizeof(label), ",currency=\"%.8s\"", currency);
	show(b, "usage_cost_total", "What they cost, in units of the currency.", 9,
	     offsetof(struct counted, cost_nanos), label);
}
