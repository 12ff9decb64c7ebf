/*
 * From a statement to what it adds. A statement is control's word: whatever stands in it, the
 * result is a few bounded texts and numbers.
 */
#include "evidence/tokens.h"
#include "ledger/usage.h"

#include <errno.h>
#include <string.h>

static struct usage_text none(void)
{
	return (struct usage_text){"", 0};
}

/* A string without escapes, of less than `size` bytes. */
static struct usage_text text(const struct tokens *t, uint32_t object, const char *name,
			      size_t size)
{
	uint32_t i = object ? tokens_member(t, object, name) : 0;

	if (!i || (t->t[i].kind != TOKEN_STRING && t->t[i].kind != TOKEN_STRING_WIDE) ||
	    t->t[i].len >= size)
		return none();
	return (struct usage_text){(const char *)t->t[i].p, t->t[i].len};
}

static int is(struct usage_text t, const char *s)
{
	return t.len == strlen(s) && !memcmp(t.p, s, t.len);
}

/* A whole number that is not negative; tokens_read() takes none above 2^53 - 1. */
static int number(const struct tokens *t, uint32_t object, const char *name, uint64_t *ret)
{
	uint32_t i = object ? tokens_member(t, object, name) : 0;
	uint64_t v = 0;

	*ret = 0;
	if (!i || t->t[i].kind != TOKEN_PLAIN)
		return 0;
	for (uint32_t k = 0; k < t->t[i].len; k++) {
		if (t->t[i].p[k] < '0' || t->t[i].p[k] > '9')
			return 0;
		v = v * 10 + (uint64_t)(t->t[i].p[k] - '0');
	}
	*ret = v;
	return 1;
}

static int is_day(struct usage_text d)
{
	static const char form[] = "dddd-dd-dd";

	if (d.len != USAGE_DAY)
		return 0;
	for (size_t i = 0; i < USAGE_DAY; i++)
		if (form[i] == 'd' ? d.p[i] < '0' || d.p[i] > '9' : d.p[i] != form[i])
			return 0;
	return 1;
}

/* Its billing day; of a receipt that has none, the day in UTC on which the run was accepted, and
 * at the worst that on which it was recorded. */
static void take_day(const struct tokens *t, uint32_t predicate, struct usage_charge *c)
{
	const struct {
		const char *object, *member;
	} places[] = {{"charge", "day"}, {"run", "created_at"}, {"recorded", "time"}};

	memcpy(c->day, "0000-00-00", sizeof(c->day));
	for (size_t i = 0; i < 3; i++) {
		struct usage_text d = text(t, tokens_member(t, predicate, places[i].object),
					   places[i].member, 64);

		d.len = i && d.len > USAGE_DAY ? USAGE_DAY : d.len;
		if (is_day(d)) {
			memcpy(c->day, d.p, USAGE_DAY);
			break;
		}
	}
	c->field[USAGE_day] = (struct usage_text){c->day, USAGE_DAY};
}

/* An object of strings, as canonical as the statement that it stands in. */
static struct usage_text labels(const struct tokens *t, uint32_t run)
{
	uint32_t i = run ? tokens_member(t, run, "labels") : 0;

	if (!i || t->t[i].kind != TOKEN_OBJECT || t->t[i].len > USAGE_LABELS_MAX)
		return (struct usage_text){"{}", 2};
	for (uint32_t k = i + 1; k < t->t[i].next; k++)
		if (t->t[k].kind < TOKEN_STRING)
			return (struct usage_text){"{}", 2};
	return (struct usage_text){(const char *)t->t[i].p, t->t[i].len};
}

static void take_fields(const struct tokens *t, uint32_t predicate, struct usage_charge *c)
{
	uint32_t run = tokens_member(t, predicate, "run");
	uint32_t policy = tokens_member(t, predicate, "policy");
	uint32_t charge = tokens_member(t, predicate, "charge");
	uint32_t result = tokens_member(t, predicate, "result");
	struct usage_text *f = c->field;

	f[USAGE_tenant] = text(t, run, "tenant", 64);
	f[USAGE_tier] = text(t, run, "tier", 64);
	f[USAGE_class] = text(t, run, "class", 64);
	f[USAGE_labels] = labels(t, run);
	f[USAGE_key] = text(t, tokens_member(t, predicate, "caller"), "key", 64);
	/* A profile that there is: others are names that whoever was denied made up. */
	if (text(t, policy, "digest", 80).len)
		f[USAGE_profile] = text(t, policy, "profile", 64);
	f[USAGE_artifact] = text(t, tokens_member(t, predicate, "artifact"), "digest", 80);
	f[USAGE_team] = text(t, charge, "team", 64);
	f[USAGE_currency] = text(t, charge, "currency", 8);
	f[USAGE_outcome] = text(t, result, "outcome", 64);
	f[USAGE_reason] = text(t, result, "reason", 64);
	take_day(t, predicate, c);
}

/* Parts that are more than the whole are none. */
static void take_cost(const struct tokens *t, uint32_t charge, uint64_t *sum)
{
	static const struct {
		const char *name;
		enum usage_sum sum;
	} parts[] = {{"cpu", USAGE_cpu_nanos},
		     {"egress", USAGE_egress_nanos},
		     {"tools", USAGE_tools_nanos},
		     {"stored", USAGE_stored_nanos}};
	uint32_t of = charge ? tokens_member(t, charge, "parts") : 0;
	uint64_t all = 0;

	number(t, charge, "cost_nanos", &sum[USAGE_cost_nanos]);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		number(t, of, parts[i].name, &sum[parts[i].sum]);
		all += sum[parts[i].sum];
	}
	for (size_t i = 0; all > sum[USAGE_cost_nanos] && i < ARRAY_SIZE(parts); i++)
		sum[parts[i].sum] = 0;
}

static void take_sums(const struct tokens *t, uint32_t predicate, struct usage_charge *c)
{
	static const struct {
		const char *name;
		enum usage_sum sum;
	} measured[] = {{"cpu_us", USAGE_cpu_us},
			{"wall_us", USAGE_wall_us},
			{"run_us", USAGE_run_us},
			{"queue_us", USAGE_queue_us},
			{"egress_bytes", USAGE_egress_bytes},
			{"tool_calls", USAGE_tool_calls},
			{"output_bytes", USAGE_output_bytes}};
	static const char *const outcomes[] = {"completed", "failed", "denied", "terminated"};
	uint32_t usage = tokens_member(t, predicate, "usage");
	uint32_t charge = tokens_member(t, predicate, "charge");
	uint32_t runtime = tokens_member(t, predicate, "runtime");
	uint32_t cached = runtime ? tokens_member(t, runtime, "cached") : 0;
	uint64_t *sum = c->sum, judging = 0;

	sum[USAGE_receipts] = sum[USAGE_runs] = 1;
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		sum[USAGE_completed + i] = is(c->field[USAGE_outcome], outcomes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(measured); i++)
		number(t, usage, measured[i].name, &sum[measured[i].sum]);
	if (!number(t, charge, "attempts", &sum[USAGE_attempts]))
		sum[USAGE_attempts] = !sum[USAGE_denied];
	number(t, charge, "judge_cpu_us", &judging);
	sum[USAGE_cpu_us] += judging; /* each is less than 2^53 */
	number(t, charge, "stored_bytes", &sum[USAGE_stored_bytes]);
	sum[USAGE_cached] = cached && t->t[cached].kind == TOKEN_PLAIN && t->t[cached].len == 4 &&
			    !memcmp(t->t[cached].p, "true", 4);
	take_cost(t, charge, sum);
}

int usage_read(const void *statement, size_t len, struct tokens *work, struct usage_charge *ret)
{
	uint32_t predicate;
	int r = tokens_read(work, statement, len);

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < USAGE_FIELD_COUNT; i++)
		ret->field[i] = none();
	if (r < 0)
		return -EBADMSG;
	predicate = tokens_member(work, 0, "predicate");
	if (!predicate)
		return -EBADMSG;
	take_fields(work, predicate, ret);
	take_sums(work, predicate, ret);
	return 0;
}
