/* Service tiers and prices, as the platform document has them. */
#include "control/tier.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/ledger.h"
#include "policy/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What was in force when control was started last. */
struct in_force {
	char digest[POLICY_DIGEST_SIZE], zone[DAY_ZONE_SIZE];
};

static void in_force(const struct platform *p, const char *zone, struct in_force *ret)
{
	*ret = (struct in_force){.digest = ""};
	snprintf(ret->digest, sizeof(ret->digest), "%s", platform_digest(p));
	snprintf(ret->zone, sizeof(ret->zone), "%s", zone);
}

/* Without a word about what was before, that was what holds without a document. */
static int last_time(struct control *c, struct in_force *ret, struct err *reterr)
{
	_cleanup_platform_ struct platform *defaults = NULL;
	int r = store_setting(c->store, "platform", ret, sizeof(*ret), reterr);

	if (r != -ENOENT)
		return r;
	r = platform_read(NULL, 0, &defaults, reterr);
	if (r == 0)
		in_force(defaults, "UTC", ret);
	return r;
}

int tier_start(struct control *c, struct err *reterr)
{
	struct in_force before, now;
	int erases = 0, r = last_time(c, &before, reterr);

	for (int t = 0; t < PLATFORM_TIERS; t++)
		erases |= platform_tier(c->platform, (enum policy_tier)t)->keep_days > 0;
	if (r == 0)
		r = store_run_erases_tiers(c->store, erases, reterr);
	in_force(c->platform, c->zone, &now);
	if (r < 0 || !memcmp(&before, &now, sizeof(now)))
		return r;
	r = batch_open(c, reterr);
	if (r == 0)
		r = store_setting_put(c->store, "platform", &now, sizeof(now), reterr);
	if (r == 0)
		r = act(c, NULL, "platform_configured", "default", reterr, "digest", now.digest,
			"currency", platform_currency(c->platform), "zone", now.zone, NULL);
	if (r == 0)
		return batch_settle(c, reterr);
	batch_abandon(c);
	return r;
}

/* ---- who gets what ---- */

enum policy_tier tier_named(const char *name)
{
	for (int t = 0; t < PLATFORM_TIERS; t++)
		if (!strcmp(policy_tier_text((enum policy_tier)t), name))
			return (enum policy_tier)t;
	return POLICY_STANDARD;
}

void tier_enter(struct run *r, enum policy_tier t)
{
	const struct platform_tier *p = platform_tier(r->control->platform, t);

	r->tier = policy_tier_text(t);
	r->synced = p->synced;
	r->nice = (uint8_t)p->nice;
}

/* The machine's administrator counts as an admin. */
static int has_role(const struct platform_tier *t, enum role role)
{
	return (t->roles & (role == ROLE_LOCAL ? ROLE_ADMIN : role)) != 0;
}

int tier_refuses(struct control *c, enum policy_tier t, enum role role, const char *tenant,
		 struct err *reterr)
{
	const struct platform_tier *p = platform_tier(c->platform, t);

	if (!platform_tier_has(p, tenant))
		return err_set(reterr, EACCES, "tier.denied",
			       "the tier '%s' is not for the tenant '%s'; use a profile of a tier "
			       "that `cordon tier list` shows as available",
			       policy_tier_text(t), tenant);
	if (role != ROLE_LEASE && !has_role(p, role))
		return err_set(reterr, EACCES, "tier.denied",
			       "the tier '%s' is not for the role '%s'; use a profile of another "
			       "tier, or a key of a role that `cordon tier list` shows for it",
			       policy_tier_text(t), auth_role_text(role));
	return 0;
}

/* ---- for how long ---- */

struct erased {
	struct control *control;
	const char *tier, *before;
	struct err *err;
	int r;
};

static void record_erased(void *arg, const char *tenant, int runs)
{
	struct erased *x = arg;
	char count[24];

	snprintf(count, sizeof(count), "%d", runs);
	if (x->r == 0)
		x->r = act(x->control, NULL, "payloads_erased", tenant, x->err, "runs", count,
			   "before", x->before, "tier", x->tier, NULL);
}

/* How many. */
static int erase_tier(struct control *c, enum policy_tier t, unsigned days, struct err *reterr)
{
	int64_t now = clock_wall_ms();
	char before[ID_SIZE];
	struct erased x = {c, policy_tier_text(t), before, reterr, 0};
	int n, r = batch_open(c, reterr);

	if (r < 0)
		return r;
	id_at("run", now - (int64_t)days * 86400000, before);
	n = store_run_erase_tier(c->store, x.tier, before, now, record_erased, &x, reterr);
	if (n <= 0 || x.r < 0) {
		batch_abandon(c);
		return n < 0 ? n : x.r;
	}
	r = batch_settle(c, reterr);
	if (r == 0)
		r = store_erase_traces(c->store, reterr);
	return r < 0 ? r : n;
}

int tier_erase_old(struct control *c)
{
	struct err e;
	int more = 0;

	for (int t = 0; t < PLATFORM_TIERS; t++) {
		unsigned days = platform_tier(c->platform, (enum policy_tier)t)->keep_days;
		int n = days ? erase_tier(c, (enum policy_tier)t, days, &e) : 0;

		if (n < 0)
			log_line("what the tier '%s' keeps no longer could not be erased: %s",
				 policy_tier_text((enum policy_tier)t), e.message);
		more |= n == STORE_ERASE_MOST;
	}
	return more;
}

/* ---- what the API shows ---- */

enum { ANSWER_MAX = 64 << 10 };

/* null: there is no ceiling. */
static void add_limits(struct buf *b, const struct policy_limits *l)
{
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"cpu_us", l->cpu_us},
		   {"wall_us", l->wall_us},
		   {"memory_bytes", l->memory_bytes},
		   {"output_bytes", l->output_bytes},
		   {"operations", l->operations},
		   {"log_lines", l->log_lines},
		   {"timers", l->timers}};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		buf_addf(b, "%s\"%s\":", i ? "," : "", all[i].name);
		if (all[i].value == UINT64_MAX)
			buf_adds(b, "null");
		else
			buf_addf(b, "%llu", (unsigned long long)all[i].value);
	}
}

static void add_word(struct buf *b, const char *word)
{
	buf_addf(b, "%s\"%s\"", b->data[b->len - 1] == '[' ? "" : ",", word);
}

/* Which other tenants there are is not everybody's to know: who has a key sees his own. */
static void add_tenants(struct buf *b, const struct platform_tier *t, const char *only)
{
	if (!t->n_tenants)
		add_word(b, "*");
	for (unsigned i = 0; i < t->n_tenants; i++)
		if (!only || !strcmp(t->tenants[i], only))
			add_word(b, t->tenants[i]);
}

/* The first of the times after which it is erased: the tier's, the tenant's, that of all runs. */
static unsigned keep_days(const struct control *c, const struct platform_tier *t, int64_t tenant)
{
	uint64_t days = c->keep_days;

	if (t->keep_days)
		days = MIN_U64(days, t->keep_days);
	if (tenant)
		days = MIN_U64(days, (uint64_t)tenant);
	return (unsigned)days;
}

static void take_payload_days(void *arg, const struct tenant_row *w)
{
	*(int64_t *)arg = w->payload_days;
}

static void add_tier(const struct request *q, enum policy_tier tier, const char *tenant,
		     int64_t payload_days, struct buf *b)
{
	const struct control *c = q->control;
	const struct platform_tier *t = platform_tier(c->platform, tier);
	int available = tier_refuses(q->control, tier, q->caller.role, tenant, NULL) == 0;

	buf_addf(b, "{\"tier\":\"%s\",\"available\":%s,\"limits\":{", policy_tier_text(tier),
		 available ? "true" : "false");
	add_limits(b, &t->limits);
	buf_addf(b,
		 "},\"nice\":%u,\"durability\":\"%s\",\"engine\":\"%s\",\"keep_days\":%u,"
		 "\"roles\":[",
		 t->nice, t->synced ? "synced" : "written",
		 t->regulated_engine ? "regulated" : "standard", keep_days(c, t, payload_days));
#define X(n, U, text)                                                                              \
	if (t->roles & ROLE_##U)                                                                   \
		add_word(b, text);
	ROLES(X)
#undef X
	buf_adds(b, "],\"tenants\":[");
	add_tenants(b, t, q->caller.role == ROLE_LOCAL ? NULL : tenant);
	buf_adds(b, "]}");
}

/* Of which document it is, and what its prices are in. */
static void add_head(const struct control *c, struct buf *b)
{
	buf_addf(b, "{\"digest\":\"%s\",\"zone\":", platform_digest(c->platform));
	json_quote_str(b, c->zone);
	buf_adds(b, ",\"currency\":");
	body_text(b, platform_currency(c->platform));
}

void tier_list(struct request *q)
{
	struct buf b = BUF_INIT(ANSWER_MAX);
	int64_t payload_days = 0;
	char tenant[64];
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return;
	r = store_tenants(q->control->store, tenant, take_payload_days, &payload_days, &e);
	add_head(q->control, &b);
	buf_adds(&b, ",\"tiers\":[");
	for (int t = 0; t < PLATFORM_TIERS; t++) {
		buf_adds(&b, t ? "," : "");
		add_tier(q, (enum policy_tier)t, tenant, payload_days, &b);
	}
	buf_adds(&b, "]}\n");
	http_store_answer(q, r, &e, "tenant", 200, &b);
}

void tier_prices(struct request *q)
{
	const struct platform_prices *p = platform_prices(q->control->platform);
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"cpu_second", p->cpu_second},
		   {"run", p->run},
		   {"egress_gib", p->egress_gib},
		   {"tool_call", p->tool_call},
		   {"stored_gib", p->stored_gib}};
	struct buf b = BUF_INIT(ANSWER_MAX);
	char text[PLATFORM_PRICE_TEXT];

	add_head(q->control, &b);
	buf_adds(&b, ",\"prices\":{");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		buf_addf(&b, "%s\"%s\":\"%s\"", i ? "," : "", all[i].name,
			 platform_price_text(all[i].value, text));
	buf_adds(&b, "},\"factors\":{");
	for (int t = 0; t < PLATFORM_TIERS; t++)
		buf_addf(&b, "%s\"%s\":\"%s\"", t ? "," : "", policy_tier_text((enum policy_tier)t),
			 platform_price_text(p->factors[t], text));
	buf_adds(&b, "}}\n");
	http_answer(q, 200, "application/json", &b);
}
