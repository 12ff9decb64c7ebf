/* The platform document: what it means, what is refused with which words, and what runs cost. */
#include "policy/platform.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { RUNNER = 1 << 0, OPERATOR = 1 << 2, ADMIN = 1 << 3, EVERYBODY = RUNNER | OPERATOR | ADMIN };

static const char head[] = "apiVersion: cordon/v1\nkind: Platform\nspec:\n";

static struct platform *read_text(const char *text)
{
	struct platform *p = NULL;
	struct err e = {0};

	if (platform_read(text, text ? strlen(text) : 0, &p, &e) < 0)
		fail_msg("%s %s\n%s", e.code, e.message, text);
	return p;
}

/* A document with these lines in spec. */
static struct platform *read_spec(const char *spec)
{
	char text[8192];

	snprintf(text, sizeof(text), "%s%s", head, spec);
	return read_text(text);
}

static void without_a_document_nothing_is_held_back(void **state)
{
	_cleanup_platform_ struct platform *p = read_text(NULL);

	(void)state;
	for (int i = 0; i < PLATFORM_TIERS; i++) {
		const struct platform_tier *t = platform_tier(p, (enum policy_tier)i);
		int regulated = i == POLICY_REGULATED;

		assert_true(t->limits.cpu_us == UINT64_MAX && t->limits.wall_us == UINT64_MAX &&
			    t->limits.memory_bytes == UINT64_MAX &&
			    t->limits.output_bytes == UINT64_MAX &&
			    t->limits.operations == UINT64_MAX && t->limits.timers == UINT64_MAX &&
			    t->limits.log_lines == UINT64_MAX);
		assert_int_equal(t->synced, regulated);
		assert_int_equal(t->regulated_engine, regulated);
		assert_int_equal(t->nice, i == POLICY_BATCH ? 5 : 0);
		assert_int_equal(t->keep_days, 0);
		assert_int_equal(t->roles, EVERYBODY);
		assert_int_equal(t->n_tenants, 0);
		assert_true(platform_tier_has(t, "anybody"));
	}
	assert_string_equal(platform_currency(p), "");
	assert_int_equal(platform_cost(p, POLICY_STANDARD,
				       &(struct platform_usage){UINT64_MAX, UINT64_MAX, UINT64_MAX,
								UINT64_MAX, UINT64_MAX}),
			 0);
}

static void every_key_is_read(void **state)
{
	_cleanup_platform_ struct platform *p = read_spec(
		"  tiers:\n"
		"    batch:\n"
		"      limits: {cpu: 10m, wall: 1h, memory: 1GiB, output: 32MiB,\n"
		"               operations: 100000, timers: 7, logLines: 9}\n"
		"      nice: 19\n"
		"      durability: synced\n"
		"      engine: regulated\n"
		"      keepDays: 7\n"
		"      roles: [admin, runner]\n"
		"      tenants: [zeta, default, a1]\n"
		"    standard: {roles: [], tenants: [\"*\"]}\n"
		"    regulated: {durability: synced, engine: regulated, limits: {cpu: 1s}}\n"
		"  prices:\n"
		"    currency: EUR\n"
		"    cpuSecond: \"0.000020\"\n"
		"    run: \"0.0000003\"\n"
		"    egressGiB: \"0.09\"\n"
		"    toolCall: \"1000000\"\n"
		"    storedGiB: \"0.02\"\n"
		"    tiers: {batch: \"0.5\", regulated: \"1000\"}\n");
	const struct platform_tier *b = platform_tier(p, POLICY_BATCH),
				   *s = platform_tier(p, POLICY_STANDARD),
				   *r = platform_tier(p, POLICY_REGULATED);
	const struct platform_prices *x = platform_prices(p);

	(void)state;
	assert_true(b->limits.cpu_us == 600000000 && b->limits.wall_us == 3600000000 &&
		    b->limits.memory_bytes == 1 << 30 && b->limits.output_bytes == 32 << 20 &&
		    b->limits.operations == 100000 && b->limits.timers == 7 &&
		    b->limits.log_lines == 9);
	assert_true(b->nice == 19 && b->synced && b->regulated_engine && b->keep_days == 7);
	assert_int_equal(b->roles, ADMIN | RUNNER);
	assert_int_equal(b->n_tenants, 3);
	assert_string_equal(b->tenants[0], "a1");
	assert_string_equal(b->tenants[2], "zeta");
	assert_true(platform_tier_has(b, "default") && !platform_tier_has(b, "defaul"));
	assert_int_equal(s->roles, 0);
	assert_int_equal(s->n_tenants, 0);
	assert_true(r->synced && r->regulated_engine && r->limits.cpu_us == 1000000 &&
		    r->limits.wall_us == UINT64_MAX);
	assert_string_equal(platform_currency(p), "EUR");
	assert_int_equal(x->cpu_second, 20000);
	assert_int_equal(x->run, 300);
	assert_int_equal(x->egress_gib, 90000000);
	assert_int_equal(x->tool_call, 1000000000000000);
	assert_int_equal(x->stored_gib, 20000000);
	assert_int_equal(x->factors[POLICY_BATCH], 500000000);
	assert_int_equal(x->factors[POLICY_STANDARD], 1000000000);
	assert_int_equal(x->factors[POLICY_REGULATED], 1000000000000);
}

static void what_is_in_doubt_is_refused(void **state)
{
	static const char *const rows[][3] = {
		{"  tier: {}\n", "profile.unknown_key",
		 "4:3: spec.tier: unknown key; did you mean \"tiers\"?"},
		{"  tiers: {}\n  tiers: {}\n", "document.duplicate", "5:3: "},
		{"  tiers: []\n", "profile.type", "4:10: spec.tiers: must be a mapping"},
		{"  tiers: {gold: {}}\n", "profile.unknown_key", "known here are batch, standard"},
		{"  tiers: {batch: {cpu: 1s}}\n", "profile.unknown_key", "spec.tiers.batch.cpu"},
		{"  tiers: {batch: {limits: {cpus: 1s}}}\n", "profile.unknown_key",
		 "spec.tiers.batch.limits.cpus: unknown key; did you mean \"cpu\"?"},
		{"  tiers: {batch: {limits: {cpu: 1}}}\n", "profile.value", "a duration"},
		{"  tiers: {batch: {limits: {cpu: 2h}}}\n", "profile.range", "from 1ms to 1h"},
		{"  tiers: {batch: {limits: {wall: 25h}}}\n", "profile.range", "to 24h"},
		{"  tiers: {batch: {limits: {memory: 1MiB}}}\n", "profile.range", "from 8MiB"},
		{"  tiers: {batch: {limits: {output: 1GiB}}}\n", "profile.range", "to 32MiB"},
		{"  tiers: {batch: {limits: {operations: -1}}}\n", "profile.range", "-1 is not"},
		{"  tiers: {batch: {limits: {timers: 10001}}}\n", "profile.range", "to 10000"},
		{"  tiers: {batch: {limits: {logLines: x}}}\n", "profile.type", "a whole number"},
		{"  tiers: {batch: {nice: 20}}\n", "profile.range",
		 "4:25: spec.tiers.batch.nice: 20 is not from 0 to 19"},
		{"  tiers: {batch: {nice: -1}}\n", "profile.range", "-1 is not from 0 to 19"},
		{"  tiers: {batch: {durability: fsync}}\n", "profile.value", "written, synced"},
		{"  tiers: {batch: {durability: true}}\n", "profile.type", "must be a string"},
		{"  tiers: {batch: {engine: fast}}\n", "profile.value", "standard, regulated"},
		{"  tiers: {regulated: {durability: written}}\n", "profile.value",
		 "spec.tiers.regulated.durability: the tier regulated is \"synced\" always"},
		{"  tiers: {regulated: {engine: standard}}\n", "profile.value",
		 "spec.tiers.regulated.engine: the tier regulated is \"regulated\" always"},
		{"  tiers: {batch: {keepDays: 36501}}\n", "profile.range", "to 36500"},
		{"  tiers: {batch: {keepDays: 7d}}\n", "profile.type", "a whole number"},
		{"  tiers: {batch: {roles: runner}}\n", "profile.type", "must be a list"},
		{"  tiers: {batch: {roles: [auditor]}}\n", "profile.value",
		 "\"auditor\" is unknown; use one of runner, operator, admin"},
		{"  tiers: {batch: {roles: [runner, runner]}}\n", "profile.value",
		 "spec.tiers.batch.roles[1]: \"runner\" stands twice"},
		{"  tiers: {batch: {tenants: []}}\n", "profile.value", "give it no roles"},
		{"  tiers: {batch: {tenants: [\"*\", a]}}\n", "profile.value", "stand alone"},
		{"  tiers: {batch: {tenants: [a, \"*\"]}}\n", "profile.value", "stand alone"},
		{"  tiers: {batch: {tenants: [b, a, b]}}\n", "profile.value",
		 "spec.tiers.batch.tenants[2]: \"b\" stands twice"},
		{"  tiers: {batch: {tenants: [\"a*\"]}}\n", "profile.value", "is not a name"},
		{"  tiers: {batch: {tenants: [Default]}}\n", "profile.value", "is not a name"},
		{"  tiers: {batch: {tenants: [1]}}\n", "profile.type", "put it in quotes"},
		{"  prices: {run: \"1\"}\n", "profile.missing", "the key \"currency\" is missing"},
		{"  prices: {currency: eur}\n", "profile.value", "ISO 4217"},
		{"  prices: {currency: EURO}\n", "profile.value", "ISO 4217"},
		{"  prices: {currency: \"\"}\n", "profile.value", "is empty"},
		{"  prices: {currency: EUR, runs: \"1\"}\n", "profile.unknown_key",
		 "did you mean \"run\"?"},
		{"  prices: {currency: EUR, run: 1}\n", "profile.type", "put it in quotes"},
		{"  prices: {currency: EUR, run: 0.5}\n", "document.ambiguous", "4:32: "},
		{"  prices: {currency: EUR, run: \"-1\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \"+1\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \"01\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \"1.\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \".5\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \"1,5\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \"1e-3\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \" 1\"}\n", "profile.value", "not a price"},
		{"  prices: {currency: EUR, run: \"0.0000000001\"}\n", "profile.value",
		 "at most 9 behind a point"},
		{"  prices: {currency: EUR, run: \"1000000.000000001\"}\n", "profile.range",
		 "from 0 to 1000000"},
		{"  prices: {currency: EUR, run: \"18446744073709551616\"}\n", "profile.range",
		 "from 0 to 1000000"},
		{"  prices: {currency: EUR, tiers: {gold: \"1\"}}\n", "profile.unknown_key",
		 "spec.prices.tiers.gold"},
		{"  prices: {currency: EUR, tiers: {batch: \"1000.1\"}}\n", "profile.range",
		 "from 0 to 1000"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform *p = NULL;
		struct err e = {0};
		unsigned line, column;
		char text[1024];

		snprintf(text, sizeof(text), "%s%s", head, rows[i][0]);
		if (platform_read(text, strlen(text), &p, &e) == 0)
			fail_msg("accepted:\n%s", text);
		assert_null(p);
		if (strcmp(e.code, rows[i][1]) != 0 || !strstr(e.message, rows[i][2]))
			fail_msg("%s\nwanted %s ... %s\ngot    %s %s", text, rows[i][1], rows[i][2],
				 e.code, e.message);
		assert_int_equal(sscanf(e.message, "%u:%u: ", &line, &column), 2);
	}
}

static void another_kind_of_document_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{"", "is empty"},
		{"apiVersion: cordon/v1\nkind: Platform\n", "\"spec\" is missing"},
		{"apiVersion: cordon/v1\nspec: {}\n", "\"kind\" is missing"},
		{"kind: Platform\nspec: {}\n", "\"apiVersion\" is missing"},
		{"apiVersion: cordon/v2\nkind: Platform\nspec: {}\n", "cordon/v1"},
		{"apiVersion: cordon/v1\nkind: CapabilityProfile\nspec: {}\n", "Platform"},
		{"apiVersion: cordon/v1\nkind: Platform\nspec: {}\nmetadata: {}\n", "unknown key"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform *p = NULL;
		struct err e = {0};

		assert_int_equal(platform_read(rows[i][0], strlen(rows[i][0]), &p, &e), -EINVAL);
		if (!strstr(e.message, rows[i][1]))
			fail_msg("wanted %s\ngot    %s", rows[i][1], e.message);
	}
}

static void too_many_tenants_are_refused(void **state)
{
	struct platform *p = NULL;
	char text[8192];
	struct err e = {0};
	int n = snprintf(text, sizeof(text), "%s  tiers: {batch: {tenants: [t0", head);

	(void)state;
	for (int i = 1; i <= PLATFORM_TENANTS_MAX; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ",t%d", i);
	snprintf(text + n, sizeof(text) - (size_t)n, "]}}\n");
	assert_int_equal(platform_read(text, strlen(text), &p, &e), -EINVAL);
	assert_non_null(strstr(e.message, "has 257 entries; at most 256"));
}

static void the_canonical_form_is_the_document(void **state)
{
	static const char spec[] = "  tiers:\n"
				   "    standard: {limits: {cpu: 2s}, tenants: [b, a], nice: 3}\n"
				   "  prices: {currency: USD, run: \"1.50\", toolCall: \"2\"}\n";
	static const char wanted[] =
		"{\"apiVersion\":\"cordon/v1\",\"kind\":\"Platform\",\"spec\":{\"prices\":{"
		"\"cpuSecond\":\"0\",\"currency\":\"USD\",\"egressGiB\":\"0\",\"run\":\"1.5\","
		"\"storedGiB\":\"0\",\"tiers\":{\"batch\":\"1\",\"regulated\":\"1\","
		"\"standard\":\"1\"},\"toolCall\":\"2\"},\"tiers\":{"
		"\"batch\":{\"durability\":\"written\",\"engine\":\"standard\",\"keepDays\":0,"
		"\"limits\":{},\"nice\":5,\"roles\":[\"runner\",\"operator\",\"admin\"],"
		"\"tenants\":[\"*\"]},"
		"\"regulated\":{\"durability\":\"synced\",\"engine\":\"regulated\",\"keepDays\":0,"
		"\"limits\":{},\"nice\":0,\"roles\":[\"runner\",\"operator\",\"admin\"],"
		"\"tenants\":[\"*\"]},"
		"\"standard\":{\"durability\":\"written\",\"engine\":\"standard\",\"keepDays\":0,"
		"\"limits\":{\"cpu\":2000000},\"nice\":3,"
		"\"roles\":[\"runner\",\"operator\",\"admin\"],\"tenants\":[\"a\",\"b\"]}}}}";
	_cleanup_platform_ struct platform *p = read_spec(spec), *other = read_text(NULL),
					   *again = NULL;
	size_t len;
	const char *text = platform_canonical(p, &len);

	(void)state;
	assert_string_equal(text, wanted);
	assert_int_equal(len, strlen(wanted));
	again = read_text(wanted);
	assert_string_equal(platform_canonical(again, &len), wanted);
	assert_string_equal(platform_digest(again), platform_digest(p));
	assert_int_equal(strncmp(platform_digest(p), "sha256:", 7), 0);
	assert_string_not_equal(platform_digest(other), platform_digest(p));
}

static void prices_are_written_as_short_as_they_can_be(void **state)
{
	static const struct {
		uint64_t billionths;
		const char *text;
	} rows[] = {{0, "0"},
		    {1, "0.000000001"},
		    {1000000000, "1"},
		    {1500000000, "1.5"},
		    {100000000000, "100"},
		    {1000000000000000, "1000000"},
		    {UINT64_MAX, "18446744073.709551615"}};
	char text[PLATFORM_PRICE_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(platform_price_text(rows[i].billionths, text), rows[i].text);
}

static void costs_are_rounded_once_at_the_end(void **state)
{
	_cleanup_platform_ struct platform *p =
		read_spec("  prices: {currency: EUR, cpuSecond: \"0.000000001\", run: \"1\",\n"
			  "           egressGiB: \"0.000000001\", storedGiB: \"0.000000001\",\n"
			  "           toolCall: \"0.25\", tiers: {batch: \"0.5\"}}\n");
	static const struct {
		struct platform_usage u;
		uint64_t standard, batch;
	} rows[] = {
		{{0}, 0, 0},
		{{.runs = 1}, 1000000000, 500000000},
		{{.tool_calls = 3}, 750000000, 375000000},
		{{.cpu_us = 499999}, 0, 0},
		{{.cpu_us = 500000}, 1, 0}, /* half of a billionth, upwards; a quarter, not */
		{{.cpu_us = 1000000}, 1, 1},
		{{.cpu_us = 1499999}, 1, 1},
		{{.cpu_us = 1500000}, 2, 1},
		{{.egress_bytes = (1 << 29) - 1}, 0, 0},
		{{.egress_bytes = 1 << 29}, 1, 0},
		/* Neither alone is half of one; together they are. */
		{{.cpu_us = 250000, .egress_bytes = 1 << 28}, 1, 0},
		{{.cpu_us = 250000, .egress_bytes = (1 << 28) - 1}, 0, 0},
		{{.egress_bytes = 1 << 28, .stored_bytes = 1 << 28}, 1, 0},
		{{.cpu_us = 500000, .egress_bytes = 1 << 29, .stored_bytes = 1 << 30}, 2, 1},
		{{.runs = 18446744073, .tool_calls = 2},
		 18446744073500000000u,
		 9223372036750000000u},
		{{.runs = 18446744074}, UINT64_MAX, 9223372037000000000u},
		{{.runs = UINT64_MAX, .tool_calls = UINT64_MAX}, UINT64_MAX, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t s = platform_cost(p, POLICY_STANDARD, &rows[i].u),
			 b = platform_cost(p, POLICY_BATCH, &rows[i].u);

		if (s != rows[i].standard || b != rows[i].batch)
			fail_msg("row %zu: %" PRIu64 " and %" PRIu64 ", not %" PRIu64
				 " and %" PRIu64,
				 i, s, b, rows[i].standard, rows[i].batch);
	}
}

/* As docs/platform.md has it. */
static void the_documented_example_costs_what_it_says(void **state)
{
	_cleanup_platform_ struct platform *p =
		read_spec("  prices: {currency: EUR, cpuSecond: \"0.00002\", run: \"0.0000003\",\n"
			  "           tiers: {batch: \"0.5\"}}\n");
	const struct platform_usage u = {.runs = 1, .cpu_us = 250000};

	(void)state;
	assert_int_equal(platform_cost(p, POLICY_BATCH, &u), 2650);
}

static void limits_are_the_least_of_tier_and_profile(void **state)
{
	_cleanup_platform_ struct platform *p =
		read_spec("  tiers: {batch: {limits: {cpu: 10ms, memory: 64MiB, timers: 5}}}\n");
	const struct policy_limits profile = {1000, 2000, 1 << 30, 4096, 7, 9, 11};
	struct policy_limits l;

	(void)state;
	platform_limits(platform_tier(p, POLICY_BATCH), &profile, &l);
	assert_true(l.cpu_us == 1000 && l.wall_us == 2000 && l.memory_bytes == 64 << 20 &&
		    l.output_bytes == 4096 && l.operations == 7 && l.timers == 5 &&
		    l.log_lines == 11);
}

/* Numbers of 384 bits, the slow way: what platform_cost() is compared with. */
enum { LIMBS = 12 };
struct big {
	uint32_t v[LIMBS];
};

static void big_add(struct big *a, const struct big *b)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += (uint64_t)a->v[i] + b->v[i];
		a->v[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

static void big_mul(struct big *a, uint32_t by)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		carry += (uint64_t)a->v[i] * by;
		a->v[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

static struct big big_product(uint64_t x, uint64_t y)
{
	struct big a = {{(uint32_t)x, (uint32_t)(x >> 32)}}, high = a;

	big_mul(&a, (uint32_t)y);
	big_mul(&high, (uint32_t)(y >> 32));
	memmove(high.v + 1, high.v, (LIMBS - 1) * sizeof(uint32_t));
	high.v[0] = 0;
	big_add(&a, &high);
	return a;
}

static void big_divide(struct big *a, uint32_t by)
{
	uint64_t rest = 0;

	for (int i = LIMBS; i--;) {
		rest = rest << 32 | a->v[i];
		a->v[i] = (uint32_t)(rest / by);
		rest %= by;
	}
}

/* Twice the cost and one more, over twice the denominator, rounded down: halves go up. */
static uint64_t slow_cost(const struct platform_prices *x, int tier, const struct platform_usage *u)
{
	struct big sum = {{0}}, term;
	uint64_t factor = x->factors[tier];
	const uint64_t amounts[][2] = {{u->cpu_us, x->cpu_second},
				       {u->runs, x->run},
				       {u->egress_bytes, x->egress_gib},
				       {u->tool_calls, x->tool_call},
				       {u->stored_bytes, x->stored_gib}};
	static const uint32_t scale[][2] = {
		{1 << 30, 1}, {1 << 30, 1000000}, {1000000, 1}, {1 << 30, 1000000}, {1000000, 1}};
	struct big one = {{1}}, low, high;

	for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
		term = big_product(amounts[i][0], amounts[i][1]);
		big_mul(&term, scale[i][0]);
		big_mul(&term, scale[i][1]);
		big_add(&sum, &term);
	}
	low = high = sum;
	big_mul(&low, (uint32_t)factor);
	big_mul(&high, (uint32_t)(factor >> 32));
	memmove(high.v + 1, high.v, (LIMBS - 1) * sizeof(uint32_t));
	high.v[0] = 0;
	big_add(&low, &high);
	big_mul(&low, 2);
	big_divide(&low, 1000000000);
	big_divide(&low, 1 << 30);
	big_divide(&low, 1000000);
	big_add(&low, &one);
	big_divide(&low, 2);
	for (int i = 2; i < LIMBS; i++)
		if (low.v[i])
			return UINT64_MAX;
	return low.v[0] | (uint64_t)low.v[1] << 32;
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of any size, small ones as often as large ones. */
static uint64_t random_amount(uint64_t *state, uint64_t max)
{
	uint64_t v = random64(state);

	v >>= random64(state) % 64;
	return v > max ? v % (max + 1) : v;
}

static void costs_are_exact(void **state)
{
	uint64_t seed = 88172645463325252u;
	int saturated = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const uint64_t most = (uint64_t)PLATFORM_PRICE_MAX * PLATFORM_BILLION;
		char spec[512], text[6][PLATFORM_PRICE_TEXT];
		struct platform_usage u = {
			random_amount(&seed, UINT64_MAX - 1), random_amount(&seed, UINT64_MAX - 1),
			random_amount(&seed, UINT64_MAX - 1), random_amount(&seed, UINT64_MAX - 1),
			random_amount(&seed, UINT64_MAX - 1)};
		uint64_t wanted, got;

		for (int k = 0; k < 5; k++)
			platform_price_text(random_amount(&seed, most), text[k]);
		platform_price_text(
			random_amount(&seed, (uint64_t)PLATFORM_FACTOR_MAX * PLATFORM_BILLION),
			text[5]);
		snprintf(spec, sizeof(spec),
			 "  prices: {currency: EUR, cpuSecond: \"%s\", run: \"%s\", egressGiB: "
			 "\"%s\", toolCall: \"%s\", storedGiB: \"%s\", tiers: {batch: \"%s\"}}\n",
			 text[0], text[1], text[2], text[3], text[4], text[5]);
		struct platform *p = read_spec(spec);

		got = platform_cost(p, POLICY_BATCH, &u);
		wanted = slow_cost(platform_prices(p), POLICY_BATCH, &u);
		saturated += wanted == UINT64_MAX;
		if (got != wanted)
			fail_msg("%s%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
				 " cost %" PRIu64 ", not %" PRIu64,
				 spec, u.runs, u.cpu_us, u.egress_bytes, u.tool_calls,
				 u.stored_bytes, got, wanted);
		platform_free(p);
	}
	assert_true(saturated > 100 && saturated < 19000); /* both are seen */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_document_nothing_is_held_back),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(what_is_in_doubt_is_refused),
		cmocka_unit_test(another_kind_of_document_is_refused),
		cmocka_unit_test(too_many_tenants_are_refused),
		cmocka_unit_test(the_canonical_form_is_the_document),
		cmocka_unit_test(prices_are_written_as_short_as_they_can_be),
		cmocka_unit_test(costs_are_rounded_once_at_the_end),
		cmocka_unit_test(the_documented_example_costs_what_it_says),
		cmocka_unit_test(limits_are_the_least_of_tier_and_profile),
		cmocka_unit_test(costs_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
