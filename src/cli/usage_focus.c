/*
 * Usage as a bill of FOCUS 1.2 (focus.finops.org/focus-specification/v1-2): one row for each meter
 * of each row of the detail table, whose BilledCost add up to that row's cost. docs/usage.md has
 * the mapping of its columns.
 */
#include "base/clock.h"
#include "base/json.h"
#include "cli/csv.h"
#include "cli/usage.h"
#include "control/day.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is measured, in the units of the platform document's prices. */
static const struct meter {
	const char *sku, *name, *unit, *consumed; /* units of prices; of what is measured */
	unsigned digits, binary;		  /* of a decimal; or 2^binary of them are a unit */
	enum usage_sum quantity, cost;
} meters[] = {
	{"cpuSecond", "CPU time", "Seconds", "Seconds", 6, 0, USAGE_cpu_us, USAGE_cpu_nanos},
	{"run", "Runs", "Runs", "Runs", 0, 0, USAGE_runs, USAGE_cost_nanos},
	{"egressGiB", "Egress", "GiB", "B", 0, 30, USAGE_egress_bytes, USAGE_egress_nanos},
	{"toolCall", "Tool calls", "Calls", "Calls", 0, 0, USAGE_tool_calls, USAGE_tools_nanos},
	{"storedGiB", "Stored results", "GiB", "B", 0, 30, USAGE_stored_bytes, USAGE_stored_nanos},
};

static const char *const columns[] = {"BilledCost",
				      "BillingAccountId",
				      "BillingAccountName",
				      "BillingAccountType",
				      "BillingCurrency",
				      "BillingPeriodEnd",
				      "BillingPeriodStart",
				      "ChargeCategory",
				      "ChargeClass",
				      "ChargeDescription",
				      "ChargeFrequency",
				      "ChargePeriodEnd",
				      "ChargePeriodStart",
				      "ConsumedQuantity",
				      "ConsumedUnit",
				      "ContractedCost",
				      "EffectiveCost",
				      "InvoiceIssuerName",
				      "ListCost",
				      "PricingCategory",
				      "PricingQuantity",
				      "PricingUnit",
				      "ProviderName",
				      "PublisherName",
				      "ResourceId",
				      "ResourceName",
				      "ResourceType",
				      "ServiceCategory",
				      "ServiceName",
				      "ServiceSubcategory",
				      "SkuId",
				      "SkuMeter",
				      "SkuPriceId",
				      "SubAccountId",
				      "SubAccountName",
				      "SubAccountType",
				      "Tags",
				      "x_BillingDay",
				      "x_Class",
				      "x_Key",
				      "x_Profile",
				      "x_Tier"};

struct line {
	char *text[USAGE_FIELD_COUNT];
	uint64_t sum[USAGE_SUM_COUNT];
};

struct focus {
	const char *issuer;
	struct buf *out;
	struct line *lines;
	size_t n, cap;
};

struct focus *focus_new(const char *issuer, struct buf *out)
{
	struct focus *f = xcalloc(1, sizeof(*f));

	f->issuer = issuer;
	f->out = out;
	return f;
}

void focus_free(struct focus *f)
{
	for (size_t i = 0; i < f->n; i++)
		for (int k = 0; k < USAGE_FIELD_COUNT; k++)
			free(f->lines[i].text[k]);
	free(f->lines);
	free(f);
}

int focus_add(void *focus, const struct usage_item *item)
{
	struct focus *f = focus;
	struct line *l;

	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 256;
		f->lines = xrealloc(f->lines, f->cap * sizeof(*f->lines));
	}
	l = &f->lines[f->n++];
	memcpy(l->sum, item->sum, sizeof(l->sum));
	for (int k = 0; k < USAGE_FIELD_COUNT; k++)
		l->text[k] = xstrdup((const char *)item->field[k].data);
	return f->n > (1u << 20) ? -E2BIG : 0;
}

/* ---- periods ---- */

/* The first moment of a day in the zone: days are 23 or 25 hours long where the clock is changed,
 * and some begin at 1 o'clock. Found by halving, since dates never go back. */
static int64_t begin_of(const char *day)
{
	int64_t low, high, days, y = atoi(day), m = atoi(day + 5), d = atoi(day + 8);
	char text[DAY_SIZE];

	/* Days since 1970 of a date (Hinnant, days_from_civil), in UTC: zones differ by less than a
	 * day.
	 */
	y -= m <= 2;
	days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d -
	       1 - 719468;
	low = (days - 1) * 86400;
	high = (days + 1) * 86400;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		day_of(middle * 1000, text);
		if (strcmp(text, day) < 0)
			low = middle;
		else
			high = middle;
	}
	return high * 1000;
}

struct periods {
	char day[DAY_SIZE];
	char begin[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];
	char month_begin[CLOCK_TEXT_SIZE], month_end[CLOCK_TEXT_SIZE];
};

static void write_moment(int64_t ms, char out[CLOCK_TEXT_SIZE])
{
	clock_text(ms, out);
	memcpy(out + strlen("2026-01-02T03:04:05"), "Z", 2); /* whole seconds */
}

static void take_periods(struct periods *p, const char *day)
{
	int month = atoi(day + 5), year = atoi(day);
	char other[64];

	if (!strcmp(p->day, day))
		return;
	snprintf(p->day, sizeof(p->day), "%s", day);
	write_moment(begin_of(day), p->begin);
	day_of(begin_of(day) + 36 * 3600000LL, other); /* somewhere in the next one */
	write_moment(begin_of(other), p->end);
	snprintf(other, sizeof(other), "%04d-%02d-01", year, month);
	write_moment(begin_of(other), p->month_begin);
	snprintf(other, sizeof(other), "%04d-%02d-01", month == 12 ? year + 1 : year,
		 month % 12 + 1);
	write_moment(begin_of(other), p->month_end);
}

/* ---- rows ---- */

/* What a meter's part of the cost is: the run's is what the others leave of it. */
static uint64_t cost_of(const struct line *l, const struct meter *m)
{
	uint64_t others = 0;

	if (m->cost != USAGE_cost_nanos)
		return l->sum[m->cost];
	for (size_t i = 0; i < ARRAY_SIZE(meters); i++)
		others += meters[i].cost != USAGE_cost_nanos ? l->sum[meters[i].cost] : 0;
	return others < l->sum[USAGE_cost_nanos] ? l->sum[USAGE_cost_nanos] - others : 0;
}

static uint64_t quantity_of(const struct line *l, const struct meter *m)
{
	/* A run that was denied is not billed. */
	return m->quantity == USAGE_runs ? l->sum[USAGE_runs] - l->sum[USAGE_denied]
					 : l->sum[m->quantity];
}

/* In units of prices; 12 digits of what has no end. */
static void write_quantity(const struct meter *m, uint64_t n, char out[USAGE_DECIMAL])
{
	unsigned __int128 scaled = n;

	if (!m->binary) {
		usage_decimal(n, m->digits, out);
		return;
	}
	scaled *= 1000000000000ULL;
	usage_decimal((scaled + ((unsigned __int128)1 << (m->binary - 1))) >> m->binary, 12, out);
}

/* In the order of `columns`. No value is an empty cell (FOCUS: null). */
static void text(struct buf *b, const char *value)
{
	if (*value)
		csv_text(b, value);
	else
		buf_addc(b, ',');
}

static int add_row(const struct focus *f, const struct line *l, const struct meter *m,
		   const struct periods *p)
{
	char *const *t = l->text;
	const char *currency = *t[USAGE_currency] ? t[USAGE_currency] : "XXX"; /* ISO 4217: none */
	char cost[USAGE_DECIMAL], consumed[USAGE_DECIMAL], priced[USAGE_DECIMAL], sku[128],
		what[256];
	struct buf *b = f->out;

	usage_decimal(cost_of(l, m), 9, cost);
	usage_decimal(quantity_of(l, m), m->binary ? 0 : m->digits, consumed);
	write_quantity(m, quantity_of(l, m), priced);
	snprintf(sku, sizeof(sku), "%s.%.60s", m->sku, t[USAGE_tier]);
	snprintf(what, sizeof(what), "%s, tier %.60s, profile %.63s", m->name, t[USAGE_tier],
		 t[USAGE_profile]);
	csv_number(b, cost);
	text(b, t[USAGE_tenant]);
	text(b, t[USAGE_tenant]);
	text(b, "Tenant");
	text(b, currency);
	text(b, p->month_end);
	text(b, p->month_begin);
	text(b, "Usage");
	text(b, ""); /* ChargeClass: no correction */
	text(b, what);
	text(b, "Usage-Based");
	text(b, p->end);
	text(b, p->begin);
	csv_number(b, consumed);
	text(b, m->consumed);
	csv_number(b, cost);
	csv_number(b, cost);
	text(b, f->issuer);
	csv_number(b, cost);
	text(b, "Standard");
	csv_number(b, priced);
	text(b, m->unit);
	text(b, f->issuer);
	text(b, "Cordon");
	text(b, t[USAGE_artifact]);
	text(b, ""); /* ResourceName: artifacts have none */
	text(b, *t[USAGE_artifact] ? "Artifact" : "");
	text(b, "Compute");
	text(b, "Cordon");
	text(b, "Serverless Compute");
	text(b, sku);
	text(b, m->name);
	text(b, sku);
	text(b, t[USAGE_team]);
	text(b, t[USAGE_team]);
	text(b, *t[USAGE_team] ? "Team" : "");
	text(b, strcmp(t[USAGE_labels], "{}") != 0 ? t[USAGE_labels] : "");
	text(b, t[USAGE_day]);
	text(b, t[USAGE_class]);
	text(b, t[USAGE_key]);
	text(b, t[USAGE_profile]);
	text(b, t[USAGE_tier]);
	return csv_end(b);
}

int focus_write(struct focus *f, const char *zone, struct err *reterr)
{
	struct periods p = {.day = ""};
	int r = day_zone(zone);

	if (r < 0)
		return err_set(reterr, -r, "usage.zone",
			       "the daemon bills days of the time zone '%s', which is not known "
			       "here; install the time zone database (tzdata)",
			       zone);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		csv_text(f->out, columns[i]);
	r = csv_end(f->out);
	for (size_t i = 0; r == 0 && i < f->n; i++) {
		const struct line *l = &f->lines[i];

		take_periods(&p, l->text[USAGE_day]);
		for (size_t k = 0; r == 0 && k < ARRAY_SIZE(meters); k++)
			if (quantity_of(l, &meters[k]) || cost_of(l, &meters[k]))
				r = add_row(f, l, &meters[k], &p);
	}
	return r == 0 ? 0
		      : err_set(reterr, EFBIG, "usage",
				"there are too many rows; ask for fewer days");
}
