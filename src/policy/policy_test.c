/* Profiles as a whole: reading, canonical form, decisions, intersections, embedded tests. */
#include "policy/random_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

/* One egress rule on the lines from 9 on; key after key. */
static struct policy *with_rule(const char *keys)
{
	char spec[2048];

	snprintf(spec, sizeof(spec), "  egress:\n    - {id: r, %s}\n", keys);
	return compile(with(spec, ""));
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

/* The reason of a decision, or NULL if its rule is not the one. */
static const char *reason(const struct policy *p, const char *method, const char *url,
			  const char *rule)
{
	struct policy_decision d = decide(p, method, url);

	assert_int_equal(d.allow, d.reason == POLICY_EGRESS_ALLOW);
	return strcmp(d.rule, rule) ? NULL : policy_reason_text(d.reason);
}

static void a_decision_says_how_far_a_rule_followed(void **state)
{
	_cleanup_policy_ struct policy *p =
		with_rule("host: a.com, methods: [GET], paths: [/x/**], ports: [443, 8443]");

	(void)state;
	assert_string_equal(reason(p, "GET", "https://a.com:8443/x/y", "r"), "egress.allow");
	assert_string_equal(reason(p, "GET", "https://a.com/y", "r"), "egress.path");
	assert_string_equal(reason(p, "PUT", "https://a.com/x", "r"), "egress.method");
	assert_string_equal(reason(p, "get", "https://a.com/x", "r"), "egress.method");
	assert_string_equal(reason(p, "", "https://a.com/x", "r"), "egress.method");
	assert_string_equal(reason(p, "GET", "https://a.com:80/x", "r"), "egress.port");
	assert_string_equal(reason(p, "GET", "http://a.com/x", "r"), "egress.scheme");
	assert_string_equal(reason(p, "GET", "https://b.com/x", ""), "egress.host");
	assert_string_equal(reason(p, "GET", "ftp://a.com/x", ""), "egress.scheme");
	assert_string_equal(reason(p, "GET", "https://a.com/x/../y", ""), "egress.path");
	assert_string_equal(reason(p, "GET", "https://x@a.com/x", ""), "egress.url");
	assert_string_equal(reason(p, "GET", "", ""), "egress.url");
}

static void deny_beats_allow_in_every_order_and_with_every_slash(void **state)
{
	static const char *const orders[] = {
		"  egress:\n"
		"    - {id: all, host: a.com, methods: [GET], paths: [/**], ports: [80, 443, 81],"
		" schemes: [http, https]}\n"
		"    - {id: never, host: \"a.com\", paths: [/x, /y/, /z/*], deny: true}\n",
		"  egress:\n"
		"    - {id: never, host: \"a.com\", paths: [/x, /y/, /z/*], deny: true}\n"
		"    - {id: all, host: a.com, methods: [GET], paths: [/**], ports: [80, 443, 81],"
		" schemes: [http, https]}\n"};
	static const char *const denied[] = {"https://a.com/x",	  "https://a.com/x/",
					     "http://a.com/y",	  "https://a.com:81/y/",
					     "https://a.com/z/q", "https://a.com/z/q/",
					     "https://a.com/%78", "HTTPS://A.COM.:443/x?y"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		_cleanup_policy_ struct policy *p = compile(with(orders[i], ""));

		for (size_t k = 0; k < ARRAY_SIZE(denied); k++)
			assert_string_equal(reason(p, "GET", denied[k], "never"), "egress.denied");
		assert_string_equal(reason(p, "GET", "https://a.com/x/y", "all"), "egress.allow");
		assert_string_equal(reason(p, "GET", "https://a.com/z/", "all"), "egress.allow");
	}
}

static void the_first_allow_rule_gives_the_terms(void **state)
{
	_cleanup_policy_ struct policy *p = compile(with(
		"  egress:\n"
		"    - {id: one, host: a.com, methods: [GET], paths: [/x/*], maxResponse: 1KiB}\n"
		"    - {id: two, host: \"**.com.a\", methods: [GET], paths: [/**]}\n"
		"    - {id: rest, host: a.com, methods: [GET], paths: [/**], credential: k}\n",
		""));
	struct policy_decision d;

	(void)state;
	d = decide(p, "GET", "https://a.com/x/y");
	assert_string_equal(d.rule, "one");
	assert_int_equal(d.max_response, 1024);
	assert_int_equal(d.max_request, 256 << 10);
	assert_null(d.credential);
	assert_true(d.budgets[0].bytes_per_day == UINT64_MAX);
	assert_int_equal(d.budgets[0].rate.period_us, 0);
	d = decide(p, "GET", "https://a.com/y");
	assert_string_equal(d.rule, "rest");
	assert_int_equal(d.max_response, 1 << 20);
	assert_string_equal(d.credential, "k");
}

static bool reaches(const struct policy *p, const char *url, const char *address)
{
	struct policy_decision d = decide(p, "GET", url);
	struct host_pattern host;
	char text[64];
	const char *why;

	snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]" : "%s", address);
	assert_int_equal(host_pattern_parse(text, strlen(text), &host, &why), 0);
	return policy_decide_address(&d, host.bytes);
}

static void addresses_are_decided_after_resolution(void **state)
{
	_cleanup_policy_ struct policy *p =
		compile(with("  egress:\n"
			     "    - {id: open, host: a.com, methods: [GET], paths: [/**]}\n"
			     "    - {id: in, host: b.com, methods: [GET], paths: [/**], cidrs: "
			     "[10.0.0.0/8, \"fd00::/16\"]}\n"
			     "    - {id: ip, host: 127.0.0.1, methods: [GET], paths: [/**]}\n",
			     ""));

	(void)state;
	assert_true(reaches(p, "https://a.com/", "8.8.8.8"));
	assert_true(reaches(p, "https://a.com/", "2606:4700::1"));
	assert_false(reaches(p, "https://a.com/", "10.0.0.1"));
	assert_false(reaches(p, "https://a.com/", "169.254.169.254"));
	assert_false(reaches(p, "https://a.com/", "::1"));
	assert_true(reaches(p, "https://b.com/", "10.0.0.1"));
	assert_true(reaches(p, "https://b.com/", "fd00::1"));
	assert_false(reaches(p, "https://b.com/", "8.8.8.8"));
	assert_true(reaches(p, "https://127.0.0.1/", "127.0.0.1"));
	assert_false(reaches(p, "https://127.0.0.1/", "127.0.0.2"));
	assert_false(reaches(p, "https://c.com/", "8.8.8.8")); /* was not allowed at all */
}

static void tools_are_named_exactly(void **state)
{
	_cleanup_policy_ struct policy *p = compile(with(
		"  tools:\n    - {name: b, approval: none}\n    - {name: c, approval: required}\n"
		"    - {name: d, approval: none}\n    - {name: d, deny: true}\n"
		"    - {name: a, deny: true}\n",
		""));
	static const struct {
		const char *name;
		enum policy_reason reason;
	} rows[] = {{"a", POLICY_TOOL_DENIED},	 {"b", POLICY_TOOL_ALLOW},
		    {"c", POLICY_TOOL_APPROVAL}, {"d", POLICY_TOOL_DENIED},
		    {"e", POLICY_TOOL_UNKNOWN},	 {"B", POLICY_TOOL_UNKNOWN},
		    {"", POLICY_TOOL_UNKNOWN},	 {"bb", POLICY_TOOL_UNKNOWN}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy_decision d;

		policy_decide_tool(p, rows[i].name, &d);
		assert_int_equal(d.reason, rows[i].reason);
		assert_int_equal(d.allow, d.reason == POLICY_TOOL_ALLOW);
		assert_int_equal(d.approval, d.reason == POLICY_TOOL_APPROVAL);
	}
}

static void an_empty_profile_grants_nothing(void **state)
{
	_cleanup_policy_ struct policy *p = compile(with("", ""));
	struct policy_decision d = decide(p, "GET", "https://a.com/");

	(void)state;
	assert_false(d.allow);
	policy_decide_tool(p, "t", &d);
	assert_false(d.allow);
	assert_int_equal(policy_storage(p).mode, POLICY_STORAGE_NONE);
	assert_false(policy_eval(p));
	assert_false(policy_wasm(p));
	assert_int_equal(policy_limits(p)->timers, 1000);
}

static void recompiles(const struct policy *p)
{
	size_t len, again_len;
	const char *text = policy_canonical(p, &len), *again;
	struct policy *q;
	struct err e;

	if (policy_compile(text, len, &q, &e) < 0)
		fail_msg("%s %s\n%s", e.code, e.message, text);
	again = policy_canonical(q, &again_len);
	assert_string_equal(policy_digest(q), policy_digest(p));
	assert_int_equal(again_len, len);
	assert_memory_equal(again, text, len);
	policy_free(q);
}

static void the_canonical_form_is_a_fixed_point(void **state)
{
	const struct random_options o = {.rules = 4, .hosts = 9, .terms = true, .rest = true};
	struct chance c = {1};

	(void)state;
	for (int i = 0; i < 500; i++) {
		_cleanup_policy_ struct policy *p = random_policy(&c, &o);

		recompiles(p);
	}
}

static void spelling_and_order_do_not_change_the_digest(void **state)
{
	_cleanup_policy_ struct policy *a = compile(
		with("  egress:\n"
		     "    - id: r\n      host: A.com.\n      methods: [HEAD, GET]\n"
		     "      paths: [\"/b\", \"/%61\", \"/\xc3\xa4\"]\n      ports: [81, 80]\n"
		     "      cidrs: [10.1.0.0/16, 10.0.0.0/16]\n      maxResponse: 1024KiB\n"
		     "  tools: [{name: u, approval: none}, {name: t, approval: none}]\n"
		     "  storage: []\n  eval: false\n",
		     "tests: []\n"));
	_cleanup_policy_ struct policy *b = compile(
		with("  tools:\n  - {name: t, approval: none}\n  - {name: u, approval: none}\n"
		     "  egress:\n"
		     "    - {host: a.com, id: r, paths: [\"/a\", /b, \"/%C3%A4\"], methods: [GET, "
		     "HEAD],\n"
		     "       ports: [80, 81], cidrs: [10.0.0.0/16, 10.1.0.0/16], deny: false,\n"
		     "       maxRequest: 256KiB, schemes: [https]}\n",
		     ""));
	_cleanup_policy_ struct policy *json = compile(
		"{\"spec\":{\"minTrust\":0,\"tools\":[{\"name\":\"t\",\"approval\":\"none\"},"
		"{\"name\":\"u\",\"approval\":\"none\"}],\"egress\":[{\"id\":\"r\",\"host\":"
		"\"a\\u002ecom\",\"paths\":[\"/a\",\"/b\",\"/"
		"\\u00e4\"],\"methods\":[\"GET\",\"HEAD\"],"
		"\"ports\":[80,81],\"cidrs\":[\"10.0.0.0/16\",\"10.1.0.0/"
		"16\"],\"maxResponse\":1048576}],"
		"\"class\":\"interactive\",\"tier\":\"standard\",\"limits\":{\"cpu\":50000,"
		"\"wall\":\"2000ms\",\"memory\":67108864,\"output\":262144,\"operations\":1}},"
		"\"metadata\":{\"owner\":\"o\",\"name\":\"p\"},\"kind\":\"CapabilityProfile\","
		"\"apiVersion\":\"cordon/v1\"}");
	size_t len;

	(void)state;
	assert_string_equal(policy_digest(a), policy_digest(b));
	assert_string_equal(policy_digest(a), policy_digest(json));
	assert_string_equal(
		policy_canonical(a, &len),
		"{\"apiVersion\":\"cordon/"
		"v1\",\"kind\":\"CapabilityProfile\",\"metadata\":{\"name\":"
		"\"p\",\"owner\":\"o\"},\"spec\":{\"class\":\"interactive\",\"egress\":[{\"cidrs\":"
		"["
		"\"10.0.0.0/16\",\"10.1.0.0/16\"],\"deny\":false,\"host\":\"a.com\",\"id\":\"r\","
		"\"maxRequest\":262144,\"maxResponse\":1048576,\"methods\":[\"GET\",\"HEAD\"],"
		"\"paths\":"
		"[\"/%C3%A4\",\"/a\",\"/"
		"b\"],\"ports\":[80,81],\"schemes\":[\"https\"]}],\"eval\":false,"
		"\"limits\":{\"cpu\":50000,\"logLines\":1000,\"memory\":67108864,\"operations\":1,"
		"\"output\":262144,\"timers\":1000,\"wall\":2000000},\"minTrust\":0,\"storage\":[],"
		"\"tier\":\"standard\",\"tools\":[{\"approval\":\"none\",\"deny\":false,\"name\":"
		"\"t\"},"
		"{\"approval\":\"none\",\"deny\":false,\"name\":\"u\"}],\"wasm\":false},\"tests\":["
		"]}");
	assert_int_equal(strncmp(policy_digest(a), "sha256:", 7), 0);
	assert_int_equal(strlen(policy_digest(a)), 71);
}

static void a_port_that_the_scheme_implies_is_left_out(void **state)
{
	static const char *const keys[][3] = {
		{"", ", ports: [443]", ", ports: [80]"},
		{", schemes: [http]", ", schemes: [http], ports: [80]",
		 ", schemes: [http], ports: [443]"},
		{", schemes: [http, https], ports: [80, 443]",
		 ", schemes: [https, http], ports: [443, 80]", ", schemes: [http, https]"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct policy *p[3];

		for (size_t k = 0; k < 3; k++) {
			char text[256];

			snprintf(text, sizeof(text), "host: a.com, methods: [GET], paths: [/x]%s",
				 keys[i][k]);
			p[k] = with_rule(text);
		}
		assert_string_equal(policy_digest(p[0]), policy_digest(p[1]));
		assert_string_not_equal(policy_digest(p[0]), policy_digest(p[2]));
		for (size_t k = 0; k < 3; k++)
			policy_free(p[k]);
	}
}

static struct policy *intersect(const struct policy *a, const struct policy *b)
{
	struct policy *p = NULL;
	struct err e;

	if (policy_intersect(a, b, &p, &e) < 0)
		fail_msg("%s: %s", e.code, e.message);
	return p;
}

static bool allowed(const struct policy *p, const struct url *u, int method)
{
	for (unsigned i = 0; i < p->n_layers; i++)
		if (layer_decide(&p->layers[i], u, method).reason != POLICY_EGRESS_ALLOW)
			return false;
	return true;
}

/* That `both` allows what `a` and `b` allow, and with the stricter terms. */
static void check_intersection(const struct policy *a, const struct policy *b,
			       const struct policy *both, const struct universe *u, size_t step)
{
	for (size_t i = 0; i < u->n; i += step) {
		const char *m = policy_method_names[universe_methods[i / step % 2]];
		struct policy_decision x = decide(a, m, u->texts[i]), y = decide(b, m, u->texts[i]),
				       z = decide(both, m, u->texts[i]);

		assert_int_equal(z.allow, x.allow && y.allow);
		assert_int_equal(z.allow,
				 allowed(both, &u->urls[i], universe_methods[i / step % 2]));
		if (!z.allow)
			continue;
		assert_int_equal(z.max_response, MIN_U64(x.max_response, y.max_response));
		assert_int_equal(z.max_request, MIN_U64(x.max_request, y.max_request));
		assert_int_equal(z.n_budgets, both->n_layers);
		if (z.credential) {
			assert_string_equal(z.credential, x.credential);
			assert_string_equal(z.credential, y.credential);
		} else {
			assert_true(!x.credential || !y.credential ||
				    strcmp(x.credential, y.credential));
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(universe_tools); i++) {
		struct policy_decision x, y, z;

		policy_decide_tool(a, universe_tools[i], &x);
		policy_decide_tool(b, universe_tools[i], &y);
		policy_decide_tool(both, universe_tools[i], &z);
		assert_int_equal(z.allow, x.allow && y.allow);
		assert_int_equal(z.approval,
				 (x.allow || x.approval) && (y.allow || y.approval) && !z.allow);
	}
	for (size_t i = 0; i < LIMIT_ROWS; i++)
		assert_int_equal(
			*limit_at(policy_limits(both), i),
			MIN_U64(*limit_at(policy_limits(a), i), *limit_at(policy_limits(b), i)));
	assert_int_equal(policy_eval(both), policy_eval(a) && policy_eval(b));
	assert_int_equal(policy_min_trust(both), MAX_U64(policy_min_trust(a), policy_min_trust(b)));
	assert_int_equal(policy_tier(both), MAX_U64(policy_tier(a), policy_tier(b)));
	assert_int_equal(policy_wasm(both),
			 policy_wasm(a) && policy_wasm(b) && policy_tier(both) != POLICY_REGULATED);
	assert_int_equal(policy_storage(both).mode,
			 MIN_U64(policy_storage(a).mode, policy_storage(b).mode));
	assert_int_equal(policy_storage(both).max_bytes,
			 MIN_U64(policy_storage(a).max_bytes, policy_storage(b).max_bytes));
}

static void an_intersection_allows_what_all_layers_allow(void **state)
{
	const struct random_options o = {.rules = 4, .hosts = 9, .terms = true, .rest = true};
	struct chance c = {2};
	struct universe u;

	(void)state;
	universe_init(&u, 9);
	for (int i = 0; i < 300; i++) {
		_cleanup_policy_ struct policy *a = random_policy(&c, &o),
					       *b = random_policy(&c, &o),
					       *d = random_policy(&c, &o);
		_cleanup_policy_ struct policy *ab = intersect(a, b), *abd = intersect(ab, d),
					       *again = intersect(ab, b), *same = intersect(a, a),
					       *twice = intersect(abd, abd);

		check_intersection(a, b, ab, &u, 7);
		check_intersection(ab, d, abd, &u, 7);
		assert_string_equal(policy_digest(again), policy_digest(ab));
		assert_string_equal(policy_digest(same), policy_digest(a));
		assert_string_equal(policy_digest(twice), policy_digest(abd));
		assert_string_equal(policy_name(abd), policy_name(d));
		recompiles(abd);
	}
	universe_done(&u);
}

static void an_intersection_has_bounded_layers(void **state)
{
	struct policy *p = NULL;
	struct err e;

	(void)state;
	for (int i = 0; i <= POLICY_LAYERS_MAX; i++) {
		char text[1024], *at;
		_cleanup_policy_ struct policy *q = NULL;
		struct policy *both;

		snprintf(text, sizeof(text), "%s", with("", ""));
		at = strstr(text, "name: p");
		at[6] = (char)('a' + i);
		q = compile(text);
		if (i == POLICY_LAYERS_MAX) {
			assert_int_equal(policy_intersect(p, q, &both, &e), -E2BIG);
			assert_string_equal(e.code, "profile.layers");
			break;
		}
		both = p ? intersect(p, q) : intersect(q, q);
		policy_free(p);
		p = both;
		assert_int_equal(policy_layers(p), i + 1);
	}
	policy_free(p);
	{
		_cleanup_policy_ struct policy *q = compile(with("", ""));
		_cleanup_free_ char *twice = NULL;
		size_t len;

		twice = xasprintf(
			"{\"apiVersion\":\"cordon/v1\",\"kind\":\"CapabilityIntersection\","
			"\"of\":[%s,%s]}",
			policy_canonical(q, &len), policy_canonical(q, &len));
		refuses(twice, "profile.value", "of[1]: stands twice");
	}
	refuses("{\"apiVersion\":\"cordon/v1\",\"kind\":\"CapabilityIntersection\",\"of\":[]}",
		"profile.range", "an intersection has two or more");
	refuses("{\"apiVersion\":\"cordon/v1\",\"kind\":\"CapabilityIntersection\",\"of\":[1,2]}",
		"profile.type", "of[0]: must be a mapping");
}

static void a_test_that_does_not_hold_is_reported(void **state)
{
	_cleanup_policy_ struct policy *p = compile(with(
		"  egress:\n    - {id: r, host: a.com, methods: [GET], paths: [/x]}\n",
		"tests:\n"
		"  - {request: {method: GET, url: \"https://a.com/x\"}, expect: allow, rule: r}\n"
		"  - {request: {method: GET, url: \"https://a.com/y\"}, expect: allow}\n"
		"  - {request: {method: GET, url: \"https://a.com/y\"}, expect: deny, reason: "
		"egress.host}\n"
		"  - {request: {method: GET, url: \"https://a.com/x\"}, expect: allow, rule: s}\n"
		"  - {request: {tool: t}, expect: deny, reason: tool.unknown}\n"));
	struct policy_report report;
	struct err e;

	(void)state;
	assert_int_equal(policy_check(p, &report, &e), -EINVAL);
	assert_int_equal(report.passed, 2);
	assert_int_equal(report.failed, 3);
	assert_int_equal(report.line, 13);
	assert_string_equal(e.code, "profile.test");
	assert_string_equal(e.message,
			    "line 13: tests[1]: GET https://a.com/y: expected allow, got "
			    "deny (egress.path) by \"r\" of \"p\"; change the rules or "
			    "the expectation");
}

static void the_library_of_profiles_holds_its_tests(void **state)
{
	static const char *const names[] = {"transform", "docs-reader", "api-caller",
					    "bulk-summarise", "regulated"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_policy_ struct policy *p = NULL;
		char path[512], text[16384];
		struct policy_report report;
		struct err e;
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "%s/%s.yaml", PROFILES, names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		assert_true(n > 0 && n < (ssize_t)sizeof(text) - 1);
		close(fd);
		text[n] = '\0';
		p = compile(text);
		assert_string_equal(policy_name(p), names[i]);
		if (policy_check(p, &report, &e) < 0)
			fail_msg("%s: %s", names[i], e.message);
		assert_true(report.passed >= 5);
		assert_int_equal(text[0], '#');
		recompiles(p);
	}
}

static void a_failed_compilation_leaves_nothing_behind(void **state)
{
	/* Truncated anywhere, a profile is refused or compiled, but never half. */
	(void)state;
	for (size_t len = 0; len < sizeof(docs_reader) - 1; len++) {
		struct policy *p = NULL;
		struct err e = {0};

		if (policy_compile(docs_reader, len, &p, &e) < 0) {
			assert_null(p);
			assert_true(*e.code && *e.message);
		}
		policy_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_design_compiles_and_decides),
		cmocka_unit_test(a_decision_says_how_far_a_rule_followed),
		cmocka_unit_test(deny_beats_allow_in_every_order_and_with_every_slash),
		cmocka_unit_test(the_first_allow_rule_gives_the_terms),
		cmocka_unit_test(addresses_are_decided_after_resolution),
		cmocka_unit_test(tools_are_named_exactly),
		cmocka_unit_test(an_empty_profile_grants_nothing),
		cmocka_unit_test(the_canonical_form_is_a_fixed_point),
		cmocka_unit_test(spelling_and_order_do_not_change_the_digest),
		cmocka_unit_test(a_port_that_the_scheme_implies_is_left_out),
		cmocka_unit_test(an_intersection_allows_what_all_layers_allow),
		cmocka_unit_test(an_intersection_has_bounded_layers),
		cmocka_unit_test(a_test_that_does_not_hold_is_reported),
		cmocka_unit_test(the_library_of_profiles_holds_its_tests),
		cmocka_unit_test(a_failed_compilation_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
