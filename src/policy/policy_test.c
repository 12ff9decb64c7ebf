#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char docs_reader[] =
	"apiVersion: cordon/v1\n"
	"kind: CapabilityProfile\n"
	"metadata: {name: docs-reader, owner: platform}\n"
	"spec:\n"
	"  class: interactive\n"
	"  tier: standard\n"
	"  minTrust: 0\n"
	"  limits: {cpu: 50ms, wall: 2s, memory: 64MiB, output: 256KiB, operations: 100}\n"
	"  egress:\n"
	"    - id: docs\n"
	"      host: docs.example.com          # exact\n"
	"      methods: [GET]                  # write methods need a `justification`\n"
	"      paths: [\"/api/**\"]\n"
	"      maxResponse: 1MiB\n"
	"      rate: 10/s\n"
	"      bytesPerDay: 50MiB\n"
	"      credential: docs-token\n"
	"  tools:\n"
	"    - {name: tickets.create, approval: required}\n"
	"  storage:\n"
	"    - {session: read-write, maxBytes: 1MiB}\n"
	"tests:\n"
	"  - {request: {method: POST, url: \"https://docs.example.com/api/x\"}, expect: deny, "
	"reason: egress.method}\n";

static struct policy *compile(const char *text)
{
	struct policy *p = NULL;
	struct err e;

	if (policy_compile(text, strlen(text), &p, &e) < 0)
		fail_msg("%s: %s", e.code, e.message);
	return p;
}

static struct policy_decision decide(const struct policy *p, const char *method, const char *url)
{
	struct policy_decision d;

	policy_decide_http(p, method, url, strlen(url), &d);
	return d;
}

static void the_example_of_the_design_compiles_and_decides(void **state)
{
	_cleanup_policy_ struct policy *p = compile(docs_reader);
	struct policy_report report;
	struct policy_decision d;
	struct err e;

	(void)state;
	assert_string_equal(policy_name(p), "docs-reader");
	assert_int_equal(policy_limits(p)->cpu_us, 50000);
	assert_int_equal(policy_limits(p)->memory_bytes, 64 << 20);
	assert_int_equal(policy_storage(p).mode, POLICY_STORAGE_READ_WRITE);
	assert_int_equal(policy_check(p, &report, &e), 0);
	assert_int_equal(report.passed, 1);
	d = decide(p, "GET", "https://docs.example.com/api/x");
	assert_true(d.allow);
	assert_string_equal(d.rule, "docs");
	assert_string_equal(d.credential, "docs-token");
	assert_int_equal(d.max_response, 1 << 20);
	assert_int_equal(d.budgets[0].rate.count, 10);
	d = decide(p, "GET", "https://docs.example.org/api/x");
	assert_false(d.allow);
	assert_int_equal(d.reason, POLICY_EGRESS_HOST);
	policy_decide_tool(p, "tickets.create", &d);
	assert_false(d.allow);
	assert_true(d.approval);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_design_compiles_and_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
