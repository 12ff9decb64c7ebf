#include "policy/internal.h"

#include <string.h>

#define X(U, t) [POLICY_##U] = t,
static const char *const reason_texts[] = {POLICY_REASONS(X)};
#undef X
#define X(U, t) t,
const char *const policy_method_names[METHOD_COUNT] = {POLICY_METHODS(X)};
#undef X

const char *policy_reason_text(enum policy_reason r)
{
	return reason_texts[r];
}

int policy_method(const char *name)
{
	for (int i = 0; i < METHOD_COUNT; i++)
		if (!strcmp(name, policy_method_names[i]))
			return i;
	return -1;
}

bool rule_has_port(const struct rule *r, enum url_scheme scheme, uint16_t port)
{
	switch (r->port_kind) {
	case PORTS_DEFAULT:
		return port == url_default_port(scheme);
	case PORTS_LISTED:
		for (unsigned i = 0; i < r->n_ports; i++)
			if (r->ports[i] == port)
				return true;
		return false;
	case PORTS_ANY:
		return true;
	}
	return false;
}

bool rule_has_path(const struct rule *r, const struct path *path)
{
	for (unsigned i = 0; i < r->n_match; i++)
		if (path_matches(&r->paths[i], path))
			return true;
	return false;
}

bool rule_has_address(const struct rule *r, const uint8_t address[16])
{
	if (r->n_cidrs) {
		for (unsigned i = 0; i < r->n_cidrs; i++)
			if (cidr_has(&r->cidrs[i], address))
				return true;
		return false;
	}
	if (r->host.address)
		return !memcmp(r->host.bytes, address, 16);
	return cidr_public(address);
}

/*
 * How far a rule follows a request for its host: the reason why it stops, or POLICY_EGRESS_ALLOW if
 * it matches.
 */
static enum policy_reason follow(const struct rule *r, const struct url *u, int method)
{
	if (!(r->schemes & 1u << u->scheme))
		return POLICY_EGRESS_SCHEME;
	if (!rule_has_port(r, u->scheme, u->port))
		return POLICY_EGRESS_PORT;
	if (method < 0 || !(r->methods & 1u << method))
		return POLICY_EGRESS_METHOD;
	if (!rule_has_path(r, &u->path))
		return POLICY_EGRESS_PATH;
	return POLICY_EGRESS_ALLOW;
}

struct layer_verdict layer_decide(const struct layer *l, const struct url *u, int method)
{
	/* The reasons stand in the order of the steps, so the larger one came further. */
	struct layer_verdict v = {.reason = POLICY_EGRESS_HOST};
	const struct rule *allow = NULL;
	unsigned last_host = UINT32_MAX; /* rules for one host tend to stand together */
	bool is_host = false;

	_Static_assert(POLICY_EGRESS_HOST < POLICY_EGRESS_SCHEME &&
			       POLICY_EGRESS_SCHEME < POLICY_EGRESS_PORT &&
			       POLICY_EGRESS_PORT < POLICY_EGRESS_METHOD &&
			       POLICY_EGRESS_METHOD < POLICY_EGRESS_PATH,
		       "steps of follow()");
	for (unsigned i = 0; i < l->n_rules; i++) {
		const struct rule *r = &l->rules[i];
		enum policy_reason step;

		if (allow && !r->deny)
			continue; /* only a deny rule can still change the outcome */
		if (r->host_id != last_host) {
			last_host = r->host_id;
			is_host = host_matches(&r->host, u->host, u->host_len, u->address);
		}
		if (!is_host)
			continue; /* the reason is EGRESS_HOST until a rule has the host */
		step = follow(r, u, method);
		if (step == POLICY_EGRESS_ALLOW && r->deny)
			return (struct layer_verdict){POLICY_EGRESS_DENIED, r};
		if (step == POLICY_EGRESS_ALLOW)
			allow = r;
		else if (!r->deny && step > v.reason)
			v = (struct layer_verdict){step, r};
	}
	return allow ? (struct layer_verdict){POLICY_EGRESS_ALLOW, allow} : v;
}

static void deny(struct policy_decision *d, enum policy_reason reason, const char *rule,
		 const char *profile)
{
	d->allow = d->approval = false;
	d->reason = reason;
	d->rule = rule;
	d->profile = profile;
	d->n_budgets = 0;
	d->max_request = d->max_response = 0;
	d->credential = NULL;
}

static void add_terms(struct policy_decision *d, const struct layer *l, const struct rule *r)
{
	bool same = d->credential && r->credential && !strcmp(d->credential, r->credential);

	d->max_request = MIN_U64(d->max_request, r->max_request);
	d->max_response = MIN_U64(d->max_response, r->max_response);
	d->credential = !d->n_budgets || same ? r->credential : NULL;
	d->budgets[d->n_budgets++] = (struct policy_budget){.profile = l->name,
							    .rule = r->id,
							    .rate = r->rate,
							    .bytes_per_day = r->bytes_per_day,
							    .terms = r};
	d->rule = r->id;
	d->profile = l->name;
}

void policy_decide_http(const struct policy *p, const char *method, const char *url, size_t len,
			struct policy_decision *ret)
{
	struct url u;
	int m = policy_method(method);

	deny(ret, POLICY_EGRESS_URL, "", policy_name(p));
	switch (url_parse(url, len, &u)) {
	case URL_OK:
		break;
	case URL_BAD:
		return;
	case URL_BAD_SCHEME:
		ret->reason = POLICY_EGRESS_SCHEME;
		return;
	case URL_BAD_PATH:
		ret->reason = POLICY_EGRESS_PATH;
		return;
	}
	ret->max_request = ret->max_response = UINT64_MAX;
	for (unsigned i = 0; i < p->n_layers; i++) {
		struct layer_verdict v = layer_decide(&p->layers[i], &u, m);

		if (v.reason != POLICY_EGRESS_ALLOW) {
			deny(ret, v.reason, v.rule ? v.rule->id : "", p->layers[i].name);
			return;
		}
		add_terms(ret, &p->layers[i], v.rule);
	}
	ret->allow = true;
	ret->reason = POLICY_EGRESS_ALLOW;
}

bool policy_decide_address(const struct policy_decision *d, const uint8_t address[16])
{
	for (unsigned i = 0; i < d->n_budgets; i++)
		if (!rule_has_address(d->budgets[i].terms, address))
			return false;
	return d->allow && d->n_budgets > 0;
}

/* The first of the name: deny stands before allow. */
static const struct tool *find_tool(const struct layer *l, const char *name)
{
	unsigned low = 0, high = l->n_tools;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (strcmp(l->tools[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n_tools && !strcmp(l->tools[low].name, name) ? &l->tools[low] : NULL;
}

void policy_decide_tool(const struct policy *p, const char *name, struct policy_decision *ret)
{
	const struct layer *asks = NULL;
	const char *known = "";

	for (unsigned i = 0; i < p->n_layers; i++) {
		const struct layer *l = &p->layers[i];
		const struct tool *t = find_tool(l, name);

		if (!t || t->deny) {
			deny(ret, t ? POLICY_TOOL_DENIED : POLICY_TOOL_UNKNOWN, t ? t->name : "",
			     l->name);
			return;
		}
		if (t->approval && !asks)
			asks = l;
		known = t->name;
	}
	deny(ret, POLICY_TOOL_APPROVAL, known, asks ? asks->name : policy_name(p));
	if (asks) {
		ret->approval = true;
	} else {
		ret->allow = true;
		ret->reason = POLICY_TOOL_ALLOW;
	}
}
