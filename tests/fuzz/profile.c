/*
 * Fuzz target: a profile that somebody uploads. Whatever is refused is refused with a code, a place
 * and a message; whatever compiles has a canonical form that compiles to the same policy, decides,
 * and is never widened by another layer.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMPARED_MAX = 16384 }; /* longer ones take the comparison too long for a fuzzer */

static const char other_text[] =
	"apiVersion: cordon/v1\nkind: CapabilityProfile\nmetadata: {name: other, owner: o}\n"
	"spec:\n  class: bulk\n  tier: standard\n  minTrust: 1\n"
	"  limits: {cpu: 20ms, wall: 2s, memory: 64MiB, output: 256KiB, operations: 100}\n"
	"  egress:\n"
	"    - {id: a, host: \"**.example.com\", methods: [GET], paths: [\"/a*/**\"], rate: 5/s,"
	" credential: docs-token, bytesPerDay: 1MiB}\n"
	"    - {id: b, host: \"**.example.com\", methods: [GET, POST], paths: [/**],"
	" ports: [80, 443], schemes: [http, https], justification: x, cidrs: [10.0.0.0/8]}\n"
	"    - {id: c, host: docs.example.com, paths: [\"/**/secret\"], deny: true}\n"
	"  tools: [{name: t, approval: none}]\n";

static struct policy *must_compile(const char *text, size_t len)
{
	struct policy *p;
	struct err e;

	if (policy_compile(text, len, &p, &e) < 0) {
		fprintf(stderr, "%s %s\n%.*s\n", e.code, e.message, (int)len, text);
		abort();
	}
	return p;
}

static void must_be(bool fact)
{
	if (!fact)
		abort();
}

static void check_refusal(int r, const struct err *e)
{
	unsigned line = 0, column = 0;

	must_be(r == -EINVAL || r == -E2BIG);
	must_be(!strncmp(e->code, "document.", 9) || !strncmp(e->code, "profile.", 8));
	must_be((r == -E2BIG) == !strcmp(e->code, "document.too_large"));
	must_be(!strpbrk(e->message, "\n\r\x1b"));
	if (strstr(e->message, "canonical form"))
		return; /* which has no place */
	must_be(sscanf(e->message, "%u:%u: ", &line, &column) == 2 && line && column);
}

static void check_decisions(const struct policy *p)
{
	static const char *const urls[] = {"https://docs.example.com/api/x", "http://10.0.0.1/",
					   "https://a.b.example.com:8443/a/secret/",
					   "https://x@y/"};
	static const uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct policy_decision d;

		policy_decide_http(p, i % 2 ? "POST" : "GET", urls[i], strlen(urls[i]), &d);
		must_be(d.allow == (d.reason == POLICY_EGRESS_ALLOW));
		must_be(d.n_budgets == (d.allow ? policy_layers(p) : 0));
		must_be(d.allow || !policy_decide_address(&d, address));
		must_be(*policy_reason_text(d.reason) && d.profile && d.rule);
		policy_decide_tool(p, "t", &d);
		must_be(d.allow == (d.reason == POLICY_TOOL_ALLOW));
	}
}

static void check_comparison(const struct policy *p, const struct policy *q, bool may_widen)
{
	struct policy_diff d;
	struct err e;
	int r = policy_diff(p, q, &d, &e);

	must_be(r == 0 || r == -E2BIG);
	if (r < 0)
		return;
	must_be(may_widen || !d.widens);
	if (d.widens && d.url) {
		struct policy_decision to;

		policy_decide_http(q, d.method, d.url, strlen(d.url), &to);
		must_be(to.allow);
	}
	policy_diff_done(&d);
}

static void check_policy(const struct policy *p)
{
	size_t len, again_len;
	const char *text = policy_canonical(p, &len), *again_text;
	_cleanup_policy_ struct policy *again = must_compile(text, len), *other = NULL,
				       *both = NULL;
	struct policy_report report;
	struct err e;

	again_text = policy_canonical(again, &again_len);
	must_be(again_len == len && !memcmp(again_text, text, len));
	must_be(!strcmp(policy_digest(p), policy_digest(again)));
	policy_check(p, &report, &e);
	check_decisions(p);
	check_comparison(p, again, false);
	if (len > COMPARED_MAX)
		return;
	other = must_compile(other_text, strlen(other_text));
	if (policy_intersect(other, p, &both, &e) < 0)
		return;
	check_decisions(both);
	check_comparison(p, both, false);
	check_comparison(other, both, false);
	check_comparison(both, p, true);
	check_comparison(other, p, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_policy_ struct policy *p = NULL;
	struct err e = {0};
	int r = policy_compile((const char *)data, size, &p, &e);

	if (r < 0)
		check_refusal(r, &e);
	else
		check_policy(p);
	return 0;
}
