/*
 * What the statement of a run adds to usage: by code that shares nothing with the ledger's own
 * (usage_read.c) but the names of the columns, so that a mistake would have to be made twice.
 */
#include "evidence/sha256.h"
#include "evidence/tokens.h"
#include "ledger/check.h"
#include "ledger/usage.h"

#include <string.h>

static const struct token *at(const struct tokens *t, const char *object, const char *member)
{
	uint32_t i = tokens_member(t, 0, "predicate");

	if (i)
		i = tokens_member(t, i, object);
	if (i && member)
		i = tokens_member(t, i, member);
	return i ? &t->t[i] : NULL;
}

static void copy_text(const struct tokens *t, const char *object, const char *member, char *to,
		      size_t size)
{
	const struct token *k = at(t, object, member);

	*to = '\0';
	if (k && (k->kind == TOKEN_STRING || k->kind == TOKEN_STRING_WIDE) && k->len < size) {
		memcpy(to, k->p, k->len);
		to[k->len] = '\0';
	}
}

/* Digits; all that has a sign or is no number is 0. */
static int copy_number(const struct token *k, uint64_t *to)
{
	char digits[24];

	*to = 0;
	if (!k || k->kind != TOKEN_PLAIN || k->len >= sizeof(digits))
		return 0;
	memcpy(digits, k->p, k->len);
	digits[k->len] = '\0';
	if (!*digits || digits[strspn(digits, "0123456789")])
		return 0;
	*to = strtoull(digits, NULL, 10);
	return 1;
}

static int looks_like_day(const char *s)
{
	for (int i = 0; i < USAGE_DAY; i++)
		if (i == 4 || i == 7 ? s[i] != '-' : s[i] < '0' || s[i] > '9')
			return 0;
	return 1;
}

static void copy_day(const struct tokens *t, char to[64])
{
	copy_text(t, "charge", "day", to, 64);
	if (strlen(to) == USAGE_DAY && looks_like_day(to))
		return;
	copy_text(t, "run", "created_at", to, 64);
	if (strlen(to) < USAGE_DAY || !looks_like_day(to))
		copy_text(t, "recorded", "time", to, 64);
	if (strlen(to) < USAGE_DAY || !looks_like_day(to))
		memcpy(to, "0000-00-00", USAGE_DAY + 1);
	to[USAGE_DAY] = '\0';
}

static void copy_labels(const struct tokens *t, char to[USAGE_LABELS_MAX + 1])
{
	const struct token *k = at(t, "run", "labels"), *end;

	memcpy(to, "{}", 3);
	if (!k || k->kind != TOKEN_OBJECT || k->len > USAGE_LABELS_MAX)
		return;
	end = &t->t[k->next];
	for (const struct token *x = k + 1; x < end; x++)
		if (x->kind == TOKEN_PLAIN || x->kind == TOKEN_OBJECT || x->kind == TOKEN_ARRAY)
			return;
	memcpy(to, k->p, k->len);
	to[k->len] = '\0';
}

void part_name(enum usage_table t, const char *const *field, uint8_t name[USAGE_NAME])
{
	_cleanup_buf_ struct buf key = BUF_INIT(USAGE_LABELS_MAX + 4096);

	buf_addf(&key, "%d", (int)t);
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (usage_has(t, (enum usage_field)f))
			buf_add(&key, field[f], strlen(field[f]) + 1);
	sha256(key.data, key.len, name);
}

static void read_names(struct part *p, const struct tokens *t, const char *outcome)
{
	static _Thread_local char labels[USAGE_LABELS_MAX + 1];
	char day[64], tenant[64], team[64], key[64], profile[64], tier[64], class[64], currency[8],
		artifact[80], reason[64], policy[80];
	const char *const field[USAGE_FIELD_COUNT] = {
		[USAGE_day] = day,	     [USAGE_tenant] = tenant,	  [USAGE_team] = team,
		[USAGE_key] = key,	     [USAGE_profile] = profile,	  [USAGE_tier] = tier,
		[USAGE_class] = class,	     [USAGE_currency] = currency, [USAGE_labels] = labels,
		[USAGE_artifact] = artifact, [USAGE_outcome] = outcome,	  [USAGE_reason] = reason,
	};

	copy_day(t, day);
	copy_labels(t, labels);
	copy_text(t, "run", "tenant", tenant, sizeof(tenant));
	copy_text(t, "run", "tier", tier, sizeof(tier));
	copy_text(t, "run", "class", class, sizeof(class));
	copy_text(t, "caller", "key", key, sizeof(key));
	copy_text(t, "charge", "team", team, sizeof(team));
	copy_text(t, "charge", "currency", currency, sizeof(currency));
	copy_text(t, "policy", "digest", policy, sizeof(policy));
	copy_text(t, "policy", "profile", profile, sizeof(profile));
	copy_text(t, "artifact", "digest", artifact, sizeof(artifact));
	copy_text(t, "result", "reason", reason, sizeof(reason));
	if (!*policy)
		*profile = '\0';
	for (int i = 0; i < USAGE_TABLE_COUNT; i++)
		part_name((enum usage_table)i, field, p->name[i]);
}

/* Of what costs: the parts of meters, unless they are more than the whole. */
static void read_parts(struct part *p, const struct tokens *t)
{
	static const char *const names[] = {"cpu", "egress", "tools", "stored"};
	const struct token *parts = at(t, "charge", "parts");
	uint64_t *to = &p->sum[USAGE_cpu_nanos], all = 0;

	copy_number(at(t, "charge", "cost_nanos"), &p->sum[USAGE_cost_nanos]);
	for (int i = 0; parts && i < 4; i++) {
		uint32_t k = tokens_member(t, (uint32_t)(parts - t->t), names[i]);

		if (k)
			copy_number(&t->t[k], &to[i]);
		all += to[i];
	}
	if (all > p->sum[USAGE_cost_nanos])
		memset(to, 0, 4 * sizeof(*to));
}

void part_act(struct part *p, const char *subject)
{
	memset(p, 0, sizeof(*p));
	sha256(subject, strlen(subject), p->digest);
}

void part_read(struct part *p, const struct tokens *t, const char *subject)
{
	const struct token *cached = at(t, "runtime", "cached");
	uint64_t *s = p->sum;
	uint64_t judging = 0;
	char outcome[64];

	memset(p, 0, sizeof(*p));
	p->is_run = 1;
	sha256(subject, strlen(subject), p->digest);
	copy_text(t, "result", "outcome", outcome, sizeof(outcome));
	read_names(p, t, outcome);
	read_parts(p, t);
	s[USAGE_receipts] = s[USAGE_runs] = 1;
	s[USAGE_completed] = !strcmp(outcome, "completed");
	s[USAGE_failed] = !strcmp(outcome, "failed");
	s[USAGE_denied] = !strcmp(outcome, "denied");
	s[USAGE_terminated] = !strcmp(outcome, "terminated");
	copy_number(at(t, "usage", "cpu_us"), &s[USAGE_cpu_us]);
	copy_number(at(t, "charge", "judge_cpu_us"), &judging);
	s[USAGE_cpu_us] += judging;
	copy_number(at(t, "usage", "wall_us"), &s[USAGE_wall_us]);
	copy_number(at(t, "usage", "run_us"), &s[USAGE_run_us]);
	copy_number(at(t, "usage", "queue_us"), &s[USAGE_queue_us]);
	copy_number(at(t, "usage", "egress_bytes"), &s[USAGE_egress_bytes]);
	copy_number(at(t, "usage", "tool_calls"), &s[USAGE_tool_calls]);
	copy_number(at(t, "usage", "output_bytes"), &s[USAGE_output_bytes]);
	copy_number(at(t, "charge", "stored_bytes"), &s[USAGE_stored_bytes]);
	if (!copy_number(at(t, "charge", "attempts"), &s[USAGE_attempts]))
		s[USAGE_attempts] = s[USAGE_denied] ? 0 : 1;
	s[USAGE_cached] = cached && cached->kind == TOKEN_PLAIN && *cached->p == 't';
}
