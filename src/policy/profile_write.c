/*
 * The canonical document of a layer: what profile_read.c would read into the same layer again.
 * Everything with a default is written out, but for what stands for "none" or "any" by not being
 * there (rate, bytesPerDay, credential, ports that follow from the scheme).
 */
#include "policy/canonical.h"
#include "policy/internal.h"

#include <sodium.h>
#include <string.h>

static void write_terms(struct arena *a, struct node *n, const struct rule *r)
{
	char text[AMOUNT_TEXT], block[CIDR_TEXT];

	node_put_int(a, n, "maxRequest", r->max_request);
	node_put_int(a, n, "maxResponse", r->max_response);
	if (r->bytes_per_day != POLICY_NO_LIMIT)
		node_put_int(a, n, "bytesPerDay", r->bytes_per_day);
	if (r->rate.period_us)
		node_put_string(a, n, "rate", amount_rate_text(r->rate, text));
	node_put_string(a, n, "credential", r->credential);
	if (r->n_cidrs) {
		struct node *l = node_put_list(a, n, "cidrs");

		for (unsigned i = 0; i < r->n_cidrs; i++)
			node_add_string(a, l, cidr_text(&r->cidrs[i], block));
	}
}

static struct node *write_rule(struct arena *a, const struct rule *r)
{
	struct node *n = node_new(a, NODE_MAP), *l;
	char host[HOST_SIZE + 3];

	node_put_string(a, n, "id", r->id);
	node_put_bool(a, n, "deny", r->deny);
	node_put_string(a, n, "host", host_pattern_text(&r->host, host));
	l = node_put_list(a, n, "schemes");
	for (int i = 0; i < URL_SCHEMES; i++)
		if (r->schemes & 1u << i)
			node_add_string(a, l, url_scheme_text((enum url_scheme)i));
	if (r->port_kind == PORTS_LISTED) {
		l = node_put_list(a, n, "ports");
		for (unsigned i = 0; i < r->n_ports; i++)
			node_put(l, NULL, node_int(a, r->ports[i]));
	}
	l = node_put_list(a, n, "methods");
	for (int i = 0; i < METHOD_COUNT; i++)
		if (r->methods & 1u << i)
			node_add_string(a, l, policy_method_names[i]);
	l = node_put_list(a, n, "paths");
	for (unsigned i = 0; i < r->n_paths; i++)
		node_add_string(a, l, r->paths[i].text);
	node_put_string(a, n, "justification", r->justification);
	if (!r->deny)
		write_terms(a, n, r);
	return n;
}

void rule_digest(const struct rule *r, unsigned char out[RULE_DIGEST])
{
	_cleanup_arena_ struct arena scratch = {0};
	_cleanup_buf_ struct buf b = BUF_INIT(DOCUMENT_TEXT_MAX);

	canonical_write(&b, write_rule(&scratch, r)); /* it fits, as it did when it was compiled */
	crypto_hash_sha256(out, b.data, b.len);
}

static struct node *write_test(struct arena *a, const struct embedded_test *t)
{
	struct node *n = node_new(a, NODE_MAP), *request = node_new(a, NODE_MAP);

	node_put_string(a, request, "tool", t->tool);
	node_put_string(a, request, "method", t->method);
	node_put_string(a, request, "url", t->url);
	node_put(n, "request", request);
	node_put_string(a, n, "expect", t->allow ? "allow" : "deny");
	if (t->reason >= 0)
		node_put_string(a, n, "reason", policy_reason_text((enum policy_reason)t->reason));
	node_put_string(a, n, "rule", t->rule);
	return n;
}

static struct node *write_spec(struct arena *a, const struct layer *l)
{
	struct node *spec = node_new(a, NODE_MAP), *n;

	node_put_string(a, spec, "class", policy_class_names[l->class]);
	node_put_string(a, spec, "tier", policy_tier_names[l->tier]);
	node_put_int(a, spec, "minTrust", l->min_trust);
	node_put_bool(a, spec, "eval", l->eval);
	node_put_bool(a, spec, "wasm", l->wasm);
	n = node_new(a, NODE_MAP);
	for (size_t i = 0; i < LIMIT_ROWS; i++)
		node_put_int(a, n, limit_rows[i].key, *limit_at(&l->limits, i));
	node_put(spec, "limits", n);
	n = node_put_list(a, spec, "egress");
	for (unsigned i = 0; i < l->n_rules; i++)
		node_put(n, NULL, write_rule(a, &l->rules[i]));
	n = node_put_list(a, spec, "tools");
	for (unsigned i = 0; i < l->n_tools; i++) {
		struct node *t = node_new(a, NODE_MAP);

		node_put_string(a, t, "name", l->tools[i].name);
		node_put_bool(a, t, "deny", l->tools[i].deny);
		if (!l->tools[i].deny)
			node_put_string(a, t, "approval",
					l->tools[i].approval ? "required" : "none");
		node_put(n, NULL, t);
	}
	n = node_put_list(a, spec, "storage");
	if (l->storage.mode != POLICY_STORAGE_NONE) {
		struct node *s = node_new(a, NODE_MAP);

		node_put_string(a, s, "session", policy_storage_names[l->storage.mode]);
		node_put_int(a, s, "maxBytes", l->storage.max_bytes);
		node_put(n, NULL, s);
	}
	return spec;
}

struct node *layer_write(struct arena *a, const struct layer *l)
{
	struct node *n = node_new(a, NODE_MAP), *m = node_new(a, NODE_MAP);

	node_put_string(a, n, "apiVersion", "cordon/v1");
	node_put_string(a, n, "kind", "CapabilityProfile");
	node_put_string(a, m, "name", l->name);
	node_put_string(a, m, "owner", l->owner);
	node_put_string(a, m, "description", l->description);
	node_put(n, "metadata", m);
	node_put(n, "spec", write_spec(a, l));
	m = node_put_list(a, n, "tests");
	for (unsigned i = 0; i < l->n_tests; i++)
		node_put(m, NULL, write_test(a, &l->tests[i]));
	return n;
}
