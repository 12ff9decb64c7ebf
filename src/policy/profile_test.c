/* Profiles that are refused: each with its code, the place, and the remedy. */
#include "policy/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A profile with these lines in spec, after the required ones. */
static const char *with(const char *spec, const char *tests)
{
	static char text[8192];

	snprintf(text, sizeof(text),
		 "apiVersion: cordon/v1\nkind: CapabilityProfile\n"
		 "metadata: {name: p, owner: o}\nspec:\n  class: interactive\n  tier: standard\n"
		 "  minTrust: 0\n"
		 "  limits: {cpu: 50ms, wall: 2s, memory: 64MiB, output: 256KiB, operations: 1}\n"
		 "%s%s",
		 spec, tests);
	return text;
}

static void refuses(const char *text, const char *code, const char *message)
{
	struct policy *p = NULL;
	struct err e = {0};
	unsigned line, column;

	if (policy_compile(text, strlen(text), &p, &e) == 0)
		fail_msg("accepted:\n%s", text);
	assert_null(p);
	if (strcmp(e.code, code) != 0 || !strstr(e.message, message))
		fail_msg("%s\nwanted %s ... %s\ngot    %s %s", text, code, message, e.code,
			 e.message);
	assert_int_equal(sscanf(e.message, "%u:%u: ", &line, &column), 2);
	assert_true(line >= 1 && column >= 1);
}

static void profiles_in_doubt_are_refused(void **state)
{
	static const char *const rows[][3] = {
		{"  egres: []\n", "profile.unknown_key",
		 "9:3: spec.egres: unknown key; did you mean \"egress\"?"},
		{"  egres:\n    - x\n", "profile.unknown_key", "9:3: spec.egres: unknown key"},
		{"  zzzzzzz: 1\n", "profile.unknown_key", "known here are class, tier"},
		{"  egress: {}\n", "profile.type", "9:11: spec.egress: must be a list"},
		{"  egress: [x]\n", "profile.type", "spec.egress[0]: must be a mapping"},
		{"  eval: \"true\"\n", "profile.type", "must be true or false"},
		{"  wasm: 1\n", "profile.type", "must be true or false"},
		{"  tools: [{name: t}]\n", "profile.missing", "\"approval\" is missing"},
		{"  tools: [{name: t, approval: yes please}]\n", "profile.value", "none, required"},
		{"  tools: [{name: \"t*\", approval: none}]\n", "profile.value", "no patterns"},
		{"  tools: [{name: t, approval: none}, {name: t, approval: required}]\n",
		 "profile.value", "stands twice"},
		{"  tools: [{name: t, deny: true, approval: none}]\n", "profile.unknown_key",
		 "approval"},
		{"  storage: [{session: all, maxBytes: 1}]\n", "profile.value", "read, read-write"},
		{"  storage: [{session: read}]\n", "profile.missing", "maxBytes"},
		{"  storage: [{session: read, maxBytes: 2GiB}]\n", "profile.range",
		 "2GiB is not from 0B to 1GiB"},
		{"  storage: [{session: read, maxBytes: 1}, {session: read, maxBytes: 1}]\n",
		 "profile.range", "at most 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refuses(with(rows[i][0], ""), rows[i][1], rows[i][2]);
	refuses("[]", "profile.type", "1:1: document: must be a mapping");
	refuses("x", "profile.type", "must be a mapping, but is a string");
	refuses("{}", "profile.missing",
		"1:1: document: the key \"apiVersion\" is missing; add it");
	refuses("apiVersion: cordon/v2\nkind: CapabilityProfile\nmetadata: {}\nspec: {}\n",
		"profile.value",
		"1:13: apiVersion: \"cordon/v2\" is unknown; did you mean \"cordon/v1\"?");
	refuses(with("", "tests: [{request: {tool: t}, expect: maybe}]\n"), "profile.value",
		"deny, allow");
	refuses(with("", "tests: [{request: {tool: t, url: x}, expect: deny}]\n"),
		"profile.unknown_key", "url");
	refuses(with("", "tests: [{request: {url: x}, expect: deny}]\n"), "profile.missing",
		"method");
	refuses(with("", "tests: [{request: {tool: t}, expect: deny, reason: x.y}]\n"),
		"profile.value", "egress.allow");
}

static void limits_have_units_and_ranges(void **state)
{
	static const char *const rows[][3] = {
		{"cpu: 50ms", "cpu: 50", "50 is not a duration"},
		{"cpu: 50ms", "cpu: \"50\"", "is not a duration such as 50ms"},
		{"cpu: 50ms", "cpu: 0ms", "0ms is not from 1ms to 1h"},
		{"cpu: 50ms", "cpu: 999us", "999us is not from 1ms to 1h"},
		{"cpu: 50ms", "cpu: 2h", "2h is not from 1ms to 1h"},
		{"cpu: 50ms", "cpu: 99999999999999999999h", "is not from 1ms to 1h"},
		{"cpu: 50ms", "cpu: [1]", "must be a duration"},
		{"cpu: 50ms", "cpu: -5", "-5 is not a duration"},
		{"memory: 64MiB", "memory: 7MiB", "7MiB is not from 8MiB to 64GiB"},
		{"memory: 64MiB", "memory: 64MB", "is not a size such as 64MiB"},
		{"memory: 64MiB", "memory: -1", "-1 is not a size"},
		{"operations: 1", "operations: -1", "-1 is not from 0 to 1000000"},
		{"operations: 1", "operations: 1000001", "1000001 is not from 0 to 1000000"},
		{"operations: 1", "operations: \"1\"", "must be a whole number"},
		{"operations: 1", "operations: 1, timers: 10001", "not from 0 to 10000"},
		{", operations: 1", "", "the key \"operations\" is missing; add it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = with("", ""), *at = strstr(text, rows[i][0]);
		char changed[1024];
		struct policy *p;
		struct err e;

		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, rows[i][1],
			 at + strlen(rows[i][0]));
		assert_int_equal(policy_compile(changed, strlen(changed), &p, &e), -EINVAL);
		if (!strstr(e.message, rows[i][2]) || strncmp(e.message, "8:", 2) != 0)
			fail_msg("%s: %s", rows[i][1], e.message);
	}
}

static void rules_in_doubt_are_refused(void **state)
{
	static const char *const rows[][3] = {
		{"host: a.com, methods: [GET]", "profile.missing", "\"paths\""},
		{"host: a.com, paths: [/x]", "profile.missing", "\"methods\""},
		{"host: \"*\", methods: [GET], paths: [/x]", "profile.value", "every host"},
		{"host: \"**\", methods: [GET], paths: [/x]", "profile.value", "every host"},
		{"host: \"*.com\", methods: [GET], paths: [/x]", "profile.value", "top-level"},
		{"host: \"**.com\", deny: true", "profile.value", "top-level"},
		{"host: a.com, methods: [\"*\"], paths: [/x]", "profile.value",
		 "means every method"},
		{"host: a.com, methods: [get], paths: [/x]", "profile.value",
		 "did you mean \"GET\"?"},
		{"host: a.com, methods: [CONNECT], paths: [/x]", "profile.value",
		 "use one of DELETE, GET"},
		{"host: a.com, methods: [GET, GET], paths: [/x]", "profile.value", "stands twice"},
		{"host: a.com, methods: [POST], paths: [/x]", "profile.missing",
		 "POST can change things; say why"},
		{"host: a.com, methods: [GET, DELETE], paths: [/x]", "profile.missing",
		 "DELETE can change things"},
		{"host: a.com, methods: [PUT], paths: [/x], justification: \" \"", "profile.value",
		 "is empty"},
		{"host: a.com, methods: [GET], paths: [\"**\"]", "profile.value",
		 "must begin with /"},
		{"host: a.com, methods: [GET], paths: [/a, /%61]", "profile.value", "stands twice"},
		{"host: a.com, methods: [GET], paths: [/x], ports: [0]", "profile.range",
		 "0 is not from 1 to 65535"},
		{"host: a.com, methods: [GET], paths: [/x], ports: [65536]", "profile.range",
		 "65536"},
		{"host: a.com, methods: [GET], paths: [/x], ports: [80, 80]", "profile.value",
		 "stands twice"},
		{"host: a.com, methods: [GET], paths: [/x], ports: [\"*\"]", "profile.type",
		 "whole number"},
		{"host: a.com, methods: [GET], paths: [/x], schemes: [gopher]", "profile.value",
		 "http, https"},
		{"host: a.com, methods: [GET], paths: [/x], rate: 0/s", "profile.range",
		 "0/s is not from 1"},
		{"host: a.com, methods: [GET], paths: [/x], rate: 10", "profile.type",
		 "must be a rate"},
		{"host: a.com, methods: [GET], paths: [/x], rate: 10/d", "profile.value",
		 "is not a rate"},
		{"host: a.com, methods: [GET], paths: [/x], maxResponse: 65MiB", "profile.range",
		 "to 64MiB"},
		{"host: a.com, methods: [GET], paths: [/x], bytesPerDay: 0", "profile.range",
		 "0 is not from 1B"},
		{"host: a.com, methods: [GET], paths: [/x], credential: \"A b\"", "profile.value",
		 "is not a name"},
		{"host: a.com, methods: [GET], paths: [/x], cidrs: []", "profile.value",
		 "no address could be reached"},
		{"host: a.com, methods: [GET], paths: [/x], cidrs: [0.0.0.0/0]", "profile.value",
		 "too wide"},
		{"host: a.com, methods: [GET], paths: [/x], cidrs: [10.0.0.0/8, 10.0.0.0/8]",
		 "profile.value", "stands twice"},
		{"host: a.com, deny: true, rate: 1/s", "profile.unknown_key", "has no terms"},
		{"host: a.com, deny: true, paths: []", "profile.value", "would deny nothing"},
		{"host: a.com, deny: maybe", "profile.type", "true or false"},
		{"host: \"127.1\", methods: [GET], paths: [/x]", "profile.value", "is not a host"},
		{"host: \"[::ffff:10.0.0.1]\", deny: true", "profile.value", "is not a host"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char spec[512];

		snprintf(spec, sizeof(spec), "  egress:\n    - {id: r, %s}\n", rows[i][0]);
		refuses(with(spec, ""), rows[i][1], rows[i][2]);
	}
	refuses(with("  egress:\n    - {id: r, host: a.com, deny: true}\n"
		     "    - {id: r, host: b.com, deny: true}\n",
		     ""),
		"profile.value",
		"11:12: spec.egress[1].id: \"r\" is the id of spec.egress[0] already");
}

static void the_tier_regulated_has_no_wasm(void **state)
{
	const char *text = with("  wasm: true\n", ""), *tier = strstr(text, "standard");
	char changed[1024];

	(void)state;
	snprintf(changed, sizeof(changed), "%.*sregulated%s", (int)(tier - text), text, tier + 8);
	refuses(changed, "profile.value",
		"9:9: spec.wasm: the tier regulated has no executable memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_in_doubt_are_refused),
		cmocka_unit_test(limits_have_units_and_ranges),
		cmocka_unit_test(rules_in_doubt_are_refused),
		cmocka_unit_test(the_tier_regulated_has_no_wasm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
