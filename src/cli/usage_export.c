/* `cordon usage export`: rows as they are, in a form that a check and other programs read. */
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/replace.h"
#include "cli/safe.h"
#include "cli/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPORT_MAX (256u << 20) /* what a check reads, too */

static const char *const tables[] = {"usage", "usage_detail", "usage_reasons"};

struct export
{
	struct buf *out;
	enum usage_table table;
	int any, whole; /* whole: the caller sees all rows */
};

/* ---- JSON ---- */

static int add_json(void *arg, const struct usage_item *item)
{
	struct export *x = arg;
	int r = buf_adds(x->out, x->any++ ? ",\n" : "\n");

	return r ? r : buf_add(x->out, item->json.p, item->json.len);
}

int usage_fetch(const struct client *c, enum usage_table t, const char *tenant,
		const struct usage_query *q, struct buf *out, struct err *reterr)
{
	struct export x = {.out = out, .table = t};
	struct usage_answer a = {0};
	int r;

	buf_addf(out, "{\"table\":\"%s\",\"tenant\":", tables[t]);
	json_quote_str(out, tenant ? tenant : "");
	buf_addf(out, ",\"from\":\"%s\",\"to\":\"%s\",\"rows\":[", q->from ? q->from : "0000-00-00",
		 q->to ? q->to : "9999-99-99");
	r = usage_each(c, t, tenant, q, add_json, &x, &a, reterr);
	if (r < 0)
		return r;
	buf_addf(out, "],\"entries\":%llu,\"zone\":",
		 c->key ? 0 : (unsigned long long)a.entries); /* a key does not see all */
	json_quote_str(out, a.zone);
	return buf_adds(out, "}\n") == 0 ? 0
					 : err_set(reterr, EFBIG, "usage",
						   "there are too many rows; ask for fewer days");
}

/* ---- CSV ---- */

static int has(enum usage_table t, int field)
{
	switch (t) {
	case USAGE_TOTALS:
		return field <= USAGE_currency;
	case USAGE_DETAIL:
		return field < USAGE_outcome;
	case USAGE_REASONS:
		return field == USAGE_day || field == USAGE_tenant || field == USAGE_profile ||
		       field == USAGE_tier || field == USAGE_class || field >= USAGE_outcome;
	}
	return 0;
}

static int has_sum(enum usage_table t, int sum)
{
	return t != USAGE_REASONS || sum == USAGE_receipts || sum >= USAGE_first;
}

static int add_header(struct export *x)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (has(x->table, f))
			csv_text(x->out, usage_fields[f]);
	for (int i = 0; i < USAGE_SUM_COUNT; i++)
		if (has_sum(x->table, i))
			csv_text(x->out, usage_sums[i]);
	csv_text(x->out, "digest");
	csv_text(x->out, "entries");
	return csv_end(x->out);
}

static void add_number(struct export *x, uint64_t n)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
	csv_number(x->out, number);
}

static int add_csv(void *arg, const struct usage_item *item)
{
	struct export *x = arg;

	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (has(x->table, f))
			csv_text(x->out, (const char *)item->field[f].data);
	for (int i = 0; i < USAGE_SUM_COUNT; i++)
		if (has_sum(x->table, i))
			add_number(x, item->sum[i]);
	csv_text(x->out, item->digest);
	add_number(x, x->whole ? item->entries : 0);
	return csv_end(x->out);
}

/* ---- the command ---- */

static int write_focus(const struct usage_options *o, const struct client *c, struct buf *out,
		       struct err *reterr)
{
	struct focus *f = focus_new(o->issuer, out);
	struct usage_answer a = {0};
	int r = usage_each(c, USAGE_DETAIL, o->shared.tenant, &o->query, focus_add, f, &a, reterr);

	if (r == 0)
		r = focus_write(f, a.zone, reterr);
	focus_free(f);
	return r;
}

static int write_rows(const struct usage_options *o, const struct client *c, struct buf *out,
		      struct err *reterr)
{
	/* A CSV has no place to say of what it is the whole. */
	struct export x = {.out = out,
			   .whole = !c->key && !o->shared.tenant && !o->query.from && !o->query.to};
	struct usage_answer a = {0};

	x.table = !strcmp(o->rows, "detail")	? USAGE_DETAIL
		  : !strcmp(o->rows, "reasons") ? USAGE_REASONS
						: USAGE_TOTALS;
	if (!strcmp(o->format, "focus"))
		return write_focus(o, c, out, reterr);
	if (!strcmp(o->format, "json"))
		return usage_fetch(c, x.table, o->shared.tenant, &o->query, out, reterr);
	add_header(&x);
	return usage_each(c, x.table, o->shared.tenant, &o->query, add_csv, &x, &a, reterr);
}

static int deliver(const struct usage_options *o, const struct buf *b)
{
	int r;

	if (o->output && strcmp(o->output, "-") != 0) {
		r = replace_file(o->output, b->data, b->len, 0600);
		if (r < 0)
			fprintf(stderr, "cordon usage export: '%s' cannot be written: %s\n",
				o->output, strerror(-r));
		return r < 0 ? EXIT_PLATFORM : 0;
	}
	if (!strcmp(o->format, "json"))
		safe_json(stdout, (const char *)b->data, b->len);
	else
		fwrite(b->data, 1, b->len, stdout);
	return fflush(stdout) == 0 ? 0 : EXIT_PLATFORM;
}

int usage_export(const struct call *call)
{
	const struct usage_options *o = call->options;
	_cleanup_buf_ struct buf b = BUF_INIT(EXPORT_MAX);
	_cleanup_client_ struct client c = {0};
	struct err e;

	if (o->shared.json)
		return api_refuse(call, "write --format json in place of --json");
	if (!strcmp(o->format, "focus") && options_given(call, "rows"))
		return api_refuse(call, "a bill has rows of its own: leave out --rows");
	if (usage_check_days(&o->query, &e) < 0 || client_init(&c, &o->shared, &e) < 0)
		return api_usage(call, &e);
	if (write_rows(o, &c, &b, &e) < 0)
		return client_complain(&e);
	return deliver(o, &b);
}
