/* Capability profiles: kept as they were put, used as what they compile to. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/ledger.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 16 << 20, POLICIES_KEPT = 128 };

/* What every tenant has to begin with: profiles/transform.yaml, which is part of the program. */
extern const unsigned char transform_yaml[];
extern const size_t transform_yaml_size;

/* Compiles it and lets it pass its own tests. */
static int compile(const char *text, size_t len, struct policy **ret, struct policy_report *report,
		   struct err *reterr)
{
	int r = policy_compile(text, len, ret, reterr);

	if (r == 0) {
		r = policy_check(*ret, report, reterr);
		if (r < 0) {
			policy_free(*ret);
			*ret = NULL;
		}
	}
	return r;
}

int profile_defaults(struct control *c, const char *tenant, struct err *reterr)
{
	struct policy *p = NULL;
	struct policy_report report;
	int r = compile((const char *)transform_yaml, transform_yaml_size, &p, &report, reterr),
	    added;
	struct profile_row row;
	int64_t version;

	if (r < 0)
		return r;
	row = (struct profile_row){.tenant = tenant,
				   .name = "transform",
				   .digest = policy_digest(p),
				   .source = (const char *)transform_yaml,
				   .source_len = transform_yaml_size,
				   .created_ms = clock_wall_ms()};
	r = store_profile_put(c->store, &row, &version, &added, reterr);
	policy_free(p);
	return r;
}

/*
 * Compiled policies by digest. A digest says all of a profile, so what is in here never goes stale,
 * whoever's it is.
 */
static struct entry {
	char digest[POLICY_DIGEST_SIZE];
	struct policy *policy;
	uint64_t used;
} compiled[POLICIES_KEPT];
static uint64_t uses;

static struct policy *recall(const char *digest)
{
	for (size_t i = 0; i < POLICIES_KEPT; i++)
		if (compiled[i].policy && !strcmp(compiled[i].digest, digest)) {
			compiled[i].used = ++uses;
			return compiled[i].policy;
		}
	return NULL;
}

static void keep(struct policy *p)
{
	struct entry *oldest = compiled;

	for (size_t i = 0; i < POLICIES_KEPT; i++)
		if (compiled[i].used < oldest->used)
			oldest = &compiled[i];
	policy_free(oldest->policy);
	*oldest = (struct entry){.policy = p, .used = ++uses};
	snprintf(oldest->digest, sizeof(oldest->digest), "%s", policy_digest(p));
}

struct wanted {
	struct policy *policy;
	struct err *err;
	int r;
};

static void take_policy(void *arg, const struct profile_row *row)
{
	struct wanted *w = arg;

	w->policy = recall(row->digest);
	if (w->policy)
		return;
	w->r = policy_compile(row->source, row->source_len, &w->policy, w->err);
	if (w->r == 0)
		keep(w->policy);
}

int profile_policy(struct control *c, const char *tenant, const char *name, int64_t version,
		   const char *digest, struct policy **ret, struct err *reterr)
{
	struct wanted w = {.err = reterr};
	int r = digest ? store_profile_by_digest(c->store, tenant, name, digest, take_policy, &w,
						 reterr)
		       : store_profiles(c->store, tenant, name, version, take_policy, &w, reterr);

	if (r == 0)
		r = w.r;
	if (r == 0)
		*ret = w.policy;
	return r;
}

static int put(struct request *q, const struct profile_row *row, int64_t *ret_version,
	       int *ret_added, struct err *reterr)
{
	char version[24];
	int r = act_begin(q, reterr);

	if (r == 0)
		r = store_profile_put(q->control->store, row, ret_version, ret_added, reterr);
	if (r == 0 && *ret_added) {
		snprintf(version, sizeof(version), "%lld", (long long)*ret_version);
		r = act(q->control, q, "profile_put", row->tenant, reterr, "profile", row->name,
			"version", version, "policy", row->digest, NULL);
	}
	return act_commit(q, r, reterr);
}

void profile_put(struct request *q)
{
	struct policy *p = NULL;
	struct policy_report report;
	struct buf b = BUF_INIT(4096);
	struct profile_row row;
	int64_t version = 0, have = 0;
	char tenant[64];
	struct err e;
	int r, added = 0;

	if (auth_tenant(q, tenant) < 0)
		return;
	if (compile((const char *)q->body.data, q->body.len, &p, &report, &e) < 0) {
		http_problem_err(q, 422, &e);
		return;
	}
	row = (struct profile_row){.tenant = tenant,
				   .name = q->tail[0],
				   .digest = policy_digest(p),
				   .source = (const char *)q->body.data,
				   .source_len = q->body.len,
				   .created_ms = clock_wall_ms()};
	r = store_count(q->control->store, "profiles", tenant, &have, &e);
	if (r < 0) {
		http_problem_err(q, 503, &e);
	} else if (have >= PROFILES_MAX) {
		http_problem(q, 409, "profile.quota",
			     "the tenant has %d versions of profiles, which is the most",
			     PROFILES_MAX);
	} else if (strcmp(policy_name(p), q->tail[0]) != 0) {
		http_problem(q, 422, "profile.name",
			     "the profile is named '%s' in its metadata, but put as '%s'",
			     policy_name(p), q->tail[0]);
	} else if ((r = put(q, &row, &version, &added, &e)) < 0) {
		http_store_problem(q, r, &e, "tenant");
	} else {
		buf_addf(&b, "{\"name\":\"%s\",\"version\":%lld,\"digest\":\"%s\"}\n", row.name,
			 (long long)version, row.digest);
		http_answer(q, added ? 201 : 200, "application/json", &b);
	}
	policy_free(p);
}

static void add_brief(void *arg, const struct profile_row *row)
{
	struct buf *b = arg;

	if (b->data[b->len - 1] == '}')
		buf_addc(b, ',');
	buf_addf(b,
		 "{\"name\":\"%s\",\"version\":%lld,\"digest\":\"%s\",\"created_at\":", row->name,
		 (long long)row->version, row->digest);
	body_time(b, row->created_ms);
	buf_addc(b, '}');
}

static void add_whole(void *arg, const struct profile_row *row)
{
	struct buf *b = arg;

	add_brief(b, row);
	b->len--; /* the brace, for one member more */
	buf_adds(b, ",\"source\":");
	json_quote(b, row->source, row->source_len);
	buf_addc(b, '}');
}

static void show(struct request *q, const char *before, const char *name, int64_t version,
		 profile_fn *fn, const char *after)
{
	const char *digest = version == 0 && name ? http_query(q, "digest") : NULL;
	struct buf b = BUF_INIT(LIST_MAX);
	char tenant[64];
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return;
	buf_adds(&b, before);
	r = digest ? store_profile_by_digest(q->control->store, tenant, name, digest, fn, &b, &e)
		   : store_profiles(q->control->store, tenant, name, version, fn, &b, &e);
	buf_adds(&b, after);
	http_store_answer(q, r, &e, "profile", 200, &b);
}

void profile_list(struct request *q)
{
	show(q, "{\"profiles\":[", NULL, 0, add_brief, "]}\n");
}

void profile_versions(struct request *q)
{
	show(q, "{\"versions\":[", q->tail[0], -1, add_brief, "]}\n");
}

void profile_get(struct request *q)
{
	const char *version = http_query(q, "version");
	int64_t v = version ? strtoll(version, NULL, 10) : 0;

	if (version && (v <= 0 || version[strspn(version, "0123456789")]))
		http_problem(q, 400, "request.query", "'version' must be a whole number from 1");
	else if (version && http_query(q, "digest"))
		http_problem(q, 400, "request.query",
			     "'version' and 'digest' both name a version; give one");
	else
		show(q, " ", q->tail[0], v, add_whole, "\n");
}

void profile_check(struct request *q)
{
	struct buf b = BUF_INIT(4096);
	struct policy *p = NULL;
	struct policy_report report = {0};
	struct err e;

	if (compile((const char *)q->body.data, q->body.len, &p, &report, &e) < 0) {
		http_problem_err(q, 422, &e);
		return;
	}
	buf_addf(&b, "{\"name\":\"%s\",\"digest\":\"%s\",\"tests\":%u}\n", policy_name(p),
		 policy_digest(p), report.passed);
	http_answer(q, 200, "application/json", &b);
	policy_free(p);
}
