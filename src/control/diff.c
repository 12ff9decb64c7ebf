/* POST /v1/profiles/diff: what one version of a profile allows that another does not. */
#include "base/json.h"
#include "control/body.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NAME, or NAME@VERSION */
static int load(struct control *c, const char *tenant, const char *name, struct policy **ret,
		struct err *reterr)
{
	const char *at = strchr(name, '@');
	size_t len = at ? (size_t)(at - name) : strlen(name);
	char bare[64], *end;
	int64_t version = 0;

	if (len >= sizeof(bare))
		return -ENOENT;
	memcpy(bare, name, len);
	bare[len] = '\0';
	if (at) {
		errno = 0;
		version = strtoll(at + 1, &end, 10);
		if (at[1] < '1' || at[1] > '9' || *end || errno)
			return -ENOENT;
	}
	return profile_policy(c, tenant, bare, version, NULL, ret, reterr);
}

static const char *effect_text(enum policy_effect e)
{
	return e == POLICY_WIDENS ? "widens" : e == POLICY_NARROWS ? "narrows" : "changes";
}

/* {"wider","witness":{method,url}|{tool}|{what}|null,"differences":[{effect,text}]} */
static int diff_json(const struct policy *a, const struct policy *b, struct buf *out,
		     struct err *reterr)
{
	struct policy_diff d = {0};
	int r = policy_diff(a, b, &d, reterr);

	if (r < 0)
		return r;
	buf_addf(out, "{\"wider\":%s,\"witness\":", d.widens ? "true" : "false");
	if (!d.widens) {
		buf_adds(out, "null");
	} else if (d.url) {
		buf_addf(out, "{\"method\":\"%s\",\"url\":", d.method);
		json_quote_str(out, d.url);
	} else if (d.tool) {
		buf_adds(out, "{\"tool\":");
		json_quote_str(out, d.tool);
	} else {
		buf_adds(out, "{\"what\":");
		json_quote_str(out, d.what);
	}
	buf_adds(out, d.widens ? "},\"differences\":[" : ",\"differences\":[");
	for (size_t i = 0; i < d.n_items; i++) {
		buf_addf(out, "%s{\"effect\":\"%s\",\"text\":", i ? "," : "",
			 effect_text(d.items[i].effect));
		json_quote_str(out, d.items[i].text);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}\n");
	policy_diff_done(&d);
	return 0;
}

void profile_diff(struct request *q)
{
	json_t *body = body_object(q, " a b ");
	struct policy *a = NULL, *b = NULL;
	const char *name_a, *name_b, *missing;
	struct buf out = BUF_INIT(1 << 20);
	char tenant[64];
	struct err e;
	int failed = 0, r;

	if (!body)
		return;
	name_a = body_string(q, body, "a", &failed);
	name_b = failed ? NULL : body_string(q, body, "b", &failed);
	if (!failed && (!name_a || !name_b))
		http_problem(q, 400, "request.member",
			     "'a' and 'b' must name profiles: NAME or NAME@VERSION");
	else if (!failed && auth_tenant(q, tenant) == 0) {
		missing = name_a;
		r = load(q->control, tenant, name_a, &a, &e);
		if (r == 0) {
			missing = name_b;
			r = load(q->control, tenant, name_b, &b, &e);
		}
		if (r == 0)
			r = diff_json(a, b, &out, &e);
		if (r == -E2BIG)
			http_problem_err(q, 422, &e);
		else if (r == -ENOENT)
			http_problem(q, 404, "not_found", "there is no profile '%.100s'", missing);
		else if (r < 0)
			http_store_problem(q, r, &e, "profile");
		else
			http_answer(q, 200, "application/json", &out);
	}
	buf_done(&out);
	json_decref(body);
}
