/* The comparison of policies, by example and against brute force over small universes. */
#include "policy/diff.h"
#include "policy/random_profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct policy *compile(const char *text)
{
	struct policy *p = NULL;
	struct err e;

	if (policy_compile(text, strlen(text), &p, &e) < 0)
		fail_msg("%s: %s\n%s", e.code, e.message, text);
	return p;
}

static struct policy *with_spec(const char *limits, const char *spec)
{
	_cleanup_free_ char *text = xasprintf(
		"apiVersion: cordon/v1\nkind: CapabilityProfile\nmetadata: {name: p, owner: o}\n"
		"spec:\n  class: bulk\n  tier: standard\n  minTrust: 1\n  limits: {cpu: 50ms, "
		"wall: 2s, memory: 64MiB, output: 256KiB, operations: 10%s}\n%s",
		limits, spec);

	return compile(text);
}

static struct policy *with_rules(const char *rules)
{
	_cleanup_free_ char *spec = xasprintf("  egress: [%s]\n", rules);

	return with_spec("", spec);
}

static bool public_reaches(const struct policy_decision *from, const struct policy_decision *to,
			   const char *what)
{
	const char *at = strstr(what, "with ");
	uint8_t bytes[16];
	char host[64];
	const char *why;
	struct host_pattern p;
	size_t n = at ? strcspn(at + 5, " ") : 0;

	if (!at)
		return false;
	snprintf(host, sizeof(host), memchr(at + 5, ':', n) ? "[%.*s]" : "%.*s", (int)n, at + 5);
	assert_int_equal(host_pattern_parse(host, strlen(host), &p, &why), 0);
	memcpy(bytes, p.bytes, 16);
	return policy_decide_address(to, bytes) && !policy_decide_address(from, bytes);
}

/* That the example is what it says it is. Budgets and limits are looked at by their tests. */
static void check_example(const struct policy *a, const struct policy *b,
			  const struct policy_diff *d)
{
	struct policy_decision from, to;

	assert_true(*d->what);
	if (d->tool) {
		policy_decide_tool(a, d->tool, &from);
		policy_decide_tool(b, d->tool, &to);
		assert_true((to.allow && !from.allow) ||
			    (to.approval && !from.allow && !from.approval));
		return;
	}
	assert_int_equal(*d->method != 0, d->url != NULL);
	if (!d->url)
		return;
	policy_decide_http(a, d->method, d->url, strlen(d->url), &from);
	policy_decide_http(b, d->method, d->url, strlen(d->url), &to);
	assert_true(to.allow);
	if (!from.allow)
		return;
	if (!strncmp(d->what, "bytesPerDay", 11) || !strncmp(d->what, "rate", 4))
		return;
	assert_true(to.max_request > from.max_request || to.max_response > from.max_response ||
		    (to.credential &&
		     (!from.credential || strcmp(to.credential, from.credential) != 0)) ||
		    public_reaches(&from, &to, d->what));
}

static struct policy_diff compare(const struct policy *a, const struct policy *b)
{
	struct policy_diff d;
	struct err e;

	if (policy_diff(a, b, &d, &e) < 0)
		fail_msg("%s: %s", e.code, e.message);
	if (d.widens)
		check_example(a, b, &d);
	else
		assert_true(!d.url && !d.tool && !*d.method && !*d.what);
	for (size_t i = 0; i < d.n_items; i++)
		assert_true(*d.items[i].text && !strchr(d.items[i].text, '\n'));
	return d;
}

/* Takes the policies. `wanted` stands in the words of the example; NULL: nothing widens. */
static void expect(struct policy *a, struct policy *b, const char *wanted)
{
	struct policy_diff d = compare(a, b);

	if (wanted && (!d.widens || !strstr(d.what, wanted)))
		fail_msg("wanted %s, got %s", wanted, d.widens ? d.what : "nothing");
	if (!wanted && d.widens)
		fail_msg("wanted nothing, got %s", d.what);
	policy_diff_done(&d);
	policy_free(a);
	policy_free(b);
}

#define RULE(id, keys) "{id: " id ", host: a.com, methods: [GET], " keys "}"

static void requests_are_compared_exactly(void **state)
{
	static const struct {
		const char *a, *b, *wanted;
	} rows[] = {
		{"", "", NULL},
		{"", RULE("r", "paths: [/x]"),
		 "GET https://a.com/x: allowed by \"r\", was egress.host"},
		{RULE("r", "paths: [/x]"), "", NULL},
		{RULE("r", "paths: [/x]"), RULE("s", "paths: [/x]"), NULL},
		{RULE("r", "paths: [/x, /y]"),
		 RULE("r", "paths: [/x]") "," RULE("s", "paths: [/y]"), NULL},
		{RULE("r", "paths: [/**]"), RULE("r", "paths: [/a*b*c/**/d, /**/e/]"), NULL},
		{RULE("r", "paths: [\"/*\"]"), RULE("r", "paths: [\"/a*\", \"/*b\"]"), NULL},
		{RULE("r", "paths: [\"/a*\", \"/*b\"]"), RULE("r", "paths: [\"/*\"]"),
		 "https://a.com/x"},
		{RULE("r", "paths: [\"/a*\"]"), RULE("r", "paths: [\"/a*b\", \"/ab*\", /a]"), NULL},
		{RULE("r", "paths: [\"/a*b\"]"), RULE("r", "paths: [\"/a*\"]"), "https://a.com/a:"},
		{RULE("r", "paths: [\"/*\", \"/*/**\"]"), RULE("r", "paths: [/**]"),
		 "https://a.com/:"},
		{RULE("r", "paths: [/, \"/*/**\"]"), RULE("r", "paths: [/**]"), NULL},
		{RULE("r", "paths: [/**/a/**]"), RULE("r", "paths: [/**/a/b/**]"), NULL},
		{RULE("r", "paths: [/**/a/b/**]"), RULE("r", "paths: [/**/a/**]"),
		 "https://a.com/a:"},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/...]"), "https://a.com/...:"},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [\"/..*\"]"), "https://a.com/..y:"},
		{RULE("r", "paths: [\"/.*x\"]"), RULE("r", "paths: [\"/.*;*x\"]"), NULL},
		{RULE("r", "paths: [/x, \"/.*x*\"]"), RULE("r", "paths: [\"/*;x*\"]"),
		 "https://a.com/;x:"},
		/* No path has a dot segment, so these two are the same. */
		{RULE("r", "paths: [\"/.*.\"]"), RULE("r", "paths: [\"/.*.\", \"/.*;\"]"),
		 "https://a.com/.x;"},
		{RULE("r", "paths: [\"/%3B*\", \"/*\"]"), RULE("r", "paths: [/**]"),
		 "https://a.com/:"},
		{RULE("r", "paths: [\"/*a*\", \"/*b*\"]"), RULE("r", "paths: [\"/\xc3\xa4*\"]"),
		 "https://a.com/%C3%A4"},
		{RULE("r", "paths: [/**]"), "{id: r, host: a.com, methods: [HEAD], paths: [/x]}",
		 "HEAD https://a.com/x"},
		{RULE("r", "paths: [/**]"), RULE("r", "paths: [/x], ports: [81]"),
		 "https://a.com:81/x"},
		{RULE("r", "paths: [/**]"), RULE("r", "paths: [/x], ports: [443]"), NULL},
		{RULE("r", "paths: [/**]"), RULE("r", "paths: [/x], schemes: [http, https]"),
		 "http://a.com/x"},
		{RULE("r", "paths: [/**]"), RULE("r", "paths: [/x], schemes: [http], ports: [443]"),
		 "http://a.com:443/x"},
		/* Denied before, and the deny rule is gone, or no longer covers. */
		{RULE("r", "paths: [/**]") ",{id: d, host: a.com, paths: [/x], deny: true}",
		 RULE("r", "paths: [/**]"), "https://a.com/x: allowed by \"r\", was egress.denied"},
		{RULE("r", "paths: [/**]") ",{id: d, host: a.com, paths: [/x], deny: true}",
		 RULE("r", "paths: [/**]") ",{id: d, host: a.com, paths: [\"/x*\"], deny: true}",
		 NULL},
		{RULE("r", "paths: [/**]") ",{id: d, host: a.com, paths: [/x, /x/], deny: true}",
		 RULE("r", "paths: [/**]") ",{id: d, host: a.com, paths: [/x], deny: true}", NULL},
		{RULE("r", "paths: [/**]") ",{id: d, host: a.com, paths: [/x], methods: [GET], "
					   "deny: true}",
		 RULE("r", "paths: [/**]") ",{id: d, host: \"**.com.a\", deny: true}",
		 "https://a.com/x"},
		/* Hosts. */
		{"{id: r, host: \"**.a.com\", methods: [GET], paths: [/**]}",
		 "{id: r, host: \"*.a.com\", methods: [GET], paths: [/x]}, {id: s, host: "
		 "b.c.a.com, methods: [GET], paths: [/x]}",
		 NULL},
		{"{id: r, host: \"*.a.com\", methods: [GET], paths: [/**]}",
		 "{id: r, host: \"**.a.com\", methods: [GET], paths: [/x]}",
		 "https://any.any.a.com/x"},
		{"{id: r, host: \"any.a.com\", methods: [GET], paths: [/**]}",
		 "{id: r, host: \"*.a.com\", methods: [GET], paths: [/x]}", "https://any1.a.com/x"},
		{"{id: r, host: \"*.a.com\", methods: [GET], paths: [/**]}, {id: d, host: b.a.com, "
		 "deny: true}",
		 "{id: r, host: \"*.a.com\", methods: [GET], paths: [/**]}", "https://b.a.com/"},
		{"{id: r, host: \"**.a.com\", methods: [GET], paths: [/**]}, {id: d, host: "
		 "\"**.b.a.com\", deny: true}",
		 "{id: r, host: \"*.a.com\", methods: [GET], paths: [/**]}, {id: s, host: "
		 "\"*.c.a.com\", methods: [GET], paths: [/**]}",
		 NULL},
		{"{id: r, host: \"**.a.com\", methods: [GET], paths: [/**]}",
		 "{id: r, host: \"[::1]\", methods: [GET], paths: [/**]}", "https://[::1]/"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(with_rules(rows[i].a), with_rules(rows[i].b), rows[i].wanted);
}

static void terms_of_the_first_rule_that_matches_count(void **state)
{
	static const struct {
		const char *a, *b, *wanted;
	} rows[] = {
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], maxResponse: 2MiB"),
		 "maxResponse: 1MiB -> 2MiB (https://a.com/x)"},
		{RULE("r", "paths: [/x], maxResponse: 2MiB"), RULE("r", "paths: [/x]"), NULL},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], maxRequest: 1MiB"),
		 "maxRequest: 256KiB -> 1MiB"},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], credential: k"),
		 "credential: none -> k"},
		{RULE("r", "paths: [/x], credential: j"), RULE("r", "paths: [/x], credential: k"),
		 "credential: j -> k"},
		{RULE("r", "paths: [/x], credential: k"), RULE("r", "paths: [/x]"), NULL},
		/* The order of rules decides which terms a request gets. */
		{RULE("r", "paths: [/x], maxResponse: 1KiB") "," RULE("s", "paths: [/**]"),
		 RULE("s", "paths: [/**]") "," RULE("r", "paths: [/x], maxResponse: 1KiB"),
		 "maxResponse: 1KiB -> 1MiB (https://a.com/x)"},
		{RULE("s", "paths: [/**]") "," RULE("r", "paths: [/x], maxResponse: 2MiB"),
		 RULE("s", "paths: [/**]"), NULL},
		{RULE("s", "paths: [/**]"),
		 RULE("s", "paths: [/**]") "," RULE("r", "paths: [/x], maxResponse: 2MiB"), NULL},
		/* Addresses. */
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], cidrs: [10.0.0.0/8]"),
		 "with 10.0.0.0"},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], cidrs: [8.0.0.0/8]"), NULL},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], cidrs: [192.0.0.0/16]"),
		 "with 192.0.0.0"},
		{RULE("r", "paths: [/x], cidrs: [8.0.0.0/8]"), RULE("r", "paths: [/x]"),
		 "addresses: without -> with"},
		{RULE("r", "paths: [/x], cidrs: [10.0.0.0/9, 10.128.0.0/9]"),
		 RULE("r", "paths: [/x], cidrs: [10.0.0.0/8]"), NULL},
		{RULE("r", "paths: [/x], cidrs: [10.0.0.0/9]"),
		 RULE("r", "paths: [/x], cidrs: [10.0.0.0/8]"), "with 10.128.0.0"},
		{RULE("r", "paths: [/x], cidrs: [10.0.0.0/9, \"fd00::/16\"]"),
		 RULE("r", "paths: [/x], cidrs: [10.1.0.0/16]"), NULL},
		/* Budgets: what a rule lets through in sum. */
		{RULE("r", "paths: [/x], rate: 1/s"), RULE("r", "paths: [/x], rate: 1/m"), NULL},
		{RULE("r", "paths: [/x], rate: 1/s"), RULE("r", "paths: [/x], rate: 2/m"),
		 "rate: 1/s -> 2/m"},
		{RULE("r", "paths: [/x], rate: 59/m"), RULE("r", "paths: [/x], rate: 1/s"),
		 "rate: 59/m -> 1/s"},
		{RULE("r", "paths: [/x], rate: 60/m"), RULE("r", "paths: [/x], rate: 1/s"), NULL},
		{RULE("r", "paths: [/x], rate: 1/s"), RULE("r", "paths: [/x]"),
		 "rate: 1/s -> no limit"},
		{RULE("r", "paths: [/x]"), RULE("r", "paths: [/x], rate: 1/s"), NULL},
		{RULE("r", "paths: [/x, /y], rate: 2/s"),
		 RULE("r", "paths: [/x], rate: 1/s") "," RULE("s", "paths: [/y], rate: 1/s"), NULL},
		{RULE("r", "paths: [/x, /y], rate: 2/s"),
		 RULE("r", "paths: [/x], rate: 2/s") "," RULE("s", "paths: [/y], rate: 1/s"),
		 "rate: 2/s -> more, by several rules together"},
		{RULE("r", "paths: [/x], bytesPerDay: 3KiB"),
		 RULE("r", "paths: [/x], bytesPerDay: 4KiB"), "bytesPerDay: 3KiB -> 4KiB"},
		{RULE("r", "paths: [/x, /y], bytesPerDay: 3KiB"),
		 RULE("r", "paths: [/x], bytesPerDay: 2KiB") "," RULE(
			 "s", "paths: [/y], bytesPerDay: 2KiB"),
		 "bytesPerDay: 3KiB -> 4KiB"},
		{RULE("r", "paths: [/x], bytesPerDay: 3KiB") "," RULE(
			 "s", "paths: [/y], bytesPerDay: 3KiB"),
		 RULE("r", "paths: [/x, /y], bytesPerDay: 3KiB"), NULL},
		{RULE("r", "paths: [/x], bytesPerDay: 3KiB"),
		 RULE("d", "paths: [/x], bytesPerDay: 3KiB") "," RULE(
			 "r", "paths: [/x], bytesPerDay: 9KiB"),
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(with_rules(rows[i].a), with_rules(rows[i].b), rows[i].wanted);
}

static void budgets_add_up_over_classes(void **state)
{
#define WIDE(more) "{id: r, host: \"*.a.com\", methods: [GET, HEAD], paths: [/x], rate: 1/s}" more
#define ONE "{id: s, host: b.a.com, methods: [GET], paths: [/x], rate: 1/s},"
	(void)state;
	/* At b.a.com the new rule decides, elsewhere still the old one: together twice as much. */
	expect(with_rules(WIDE("")), with_rules(ONE WIDE("")),
	       "rate: 1/s -> more, by several rules together");
	/* The old rule decides nothing any more, where both have the same rules neither. */
	expect(with_rules("{id: r, host: b.a.com, methods: [GET, HEAD], paths: [/x], rate: 1/s},"
			  "{id: d, host: b.a.com, methods: [HEAD], deny: true}"),
	       with_rules(ONE
			  "{id: r, host: b.a.com, methods: [GET, HEAD], paths: [/x], rate: 1/s},"
			  "{id: d, host: b.a.com, methods: [HEAD], deny: true}"),
	       NULL);
	expect(with_rules("{id: r, host: b.a.com, methods: [GET, HEAD], paths: [/x], rate: 1/s}"),
	       with_rules(ONE
			  "{id: r, host: b.a.com, methods: [GET, HEAD], paths: [/x], rate: 1/s}"),
	       "rate: 1/s -> more");
#undef WIDE
#undef ONE
}

static void the_rest_is_compared_part_by_part(void **state)
{
	static const struct {
		const char *limits_a, *a, *limits_b, *b, *wanted;
	} rows[] = {
		{"", "", ", timers: 1001", "", "limits.timers: 1000 -> 1001"},
		{"", "", ", timers: 999", "", NULL},
		{"", "", ", logLines: 2000", "", "limits.logLines: 1000 -> 2000"},
		{"", "", "", "  eval: true\n", "eval: false -> true"},
		{"", "", "", "  wasm: true\n", "wasm: false -> true"},
		{"", "  eval: true\n  wasm: true\n", "", "", NULL},
		{"", "", "", "  storage: [{session: read, maxBytes: 0}]\n",
		 "storage.session: none -> read"},
		{"", "  storage: [{session: read, maxBytes: 1}]\n", "",
		 "  storage: [{session: read, maxBytes: 2}]\n", "storage.maxBytes: 1B -> 2B"},
		{"", "  storage: [{session: read-write, maxBytes: 1}]\n", "",
		 "  storage: [{session: read, maxBytes: 1}]\n", NULL},
		{"", "", "", "  tools: [{name: t, approval: required}]\n",
		 "tool t: tool.unknown -> tool.approval"},
		{"", "  tools: [{name: t, approval: required}]\n", "",
		 "  tools: [{name: t, approval: none}]\n", "tool t: tool.approval -> tool.allow"},
		{"", "  tools: [{name: t, approval: none}]\n", "",
		 "  tools: [{name: t, approval: required}]\n", NULL},
		{"", "  tools: [{name: t, approval: none}, {name: t, deny: true}]\n", "",
		 "  tools: [{name: t, approval: none}]\n", "tool t: tool.denied -> tool.allow"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(with_spec(rows[i].limits_a, rows[i].a),
		       with_spec(rows[i].limits_b, rows[i].b), rows[i].wanted);
}

static bool has_item(const struct policy_diff *d, enum policy_effect effect, const char *text)
{
	for (size_t i = 0; i < d->n_items; i++)
		if (d->items[i].effect == effect && strstr(d->items[i].text, text))
			return true;
	return false;
}

static void every_difference_is_listed_with_its_effect(void **state)
{
	_cleanup_policy_ struct policy *a = with_spec(
		", timers: 5", "  egress: [" RULE("r", "paths: [/x], maxResponse: 1KiB") "," RULE(
				       "s", "paths: [/y]") "]\n");
	_cleanup_policy_ struct policy *b = with_spec(
		", timers: 4", "  egress: [" RULE("r", "paths: [/x], maxResponse: 2KiB") "," RULE(
				       "t", "paths: [/z]") "]\n");
	struct policy_diff d = compare(a, b);

	(void)state;
	assert_true(d.widens);
	assert_string_equal(d.method, "GET");
	assert_string_equal(d.url, "https://a.com/z");
	assert_true(has_item(&d, POLICY_WIDENS,
			     "GET https://a.com/z: allowed by \"t\", was egress.path"));
	assert_true(has_item(&d, POLICY_WIDENS, "maxResponse: 1KiB -> 2KiB (https://a.com/x)"));
	assert_true(has_item(&d, POLICY_NARROWS, "limits.timers: 5 -> 4"));
	assert_true(has_item(&d, POLICY_NARROWS,
			     "GET https://a.com/y: was allowed by \"s\", is now egress.path"));
	assert_true(has_item(&d, POLICY_CHANGES, "rule \"r\": changed"));
	assert_true(has_item(&d, POLICY_CHANGES, "rule \"s\": removed"));
	assert_true(has_item(&d, POLICY_CHANGES, "rule \"t\": added"));
	assert_int_equal(d.n_items, 7);
	policy_diff_done(&d);
	d = compare(a, a);
	assert_false(d.widens);
	assert_int_equal(d.n_items, 0);
	policy_diff_done(&d);
}

/* Many stars that must all be kept track of at once: the answer is a refusal, and it comes soon. */
static void what_is_too_complex_is_refused(void **state)
{
	_cleanup_buf_ struct buf x = BUF_INIT(1 << 20), y = BUF_INIT(1 << 20);
	_cleanup_policy_ struct policy *a = NULL, *b = NULL, *c = NULL, *f = NULL;
	struct policy_diff d = {.widens = true};
	struct err e;

	(void)state;
	for (int i = 0; i < 60; i++) {
		buf_addf(&x, "%s\"/*%c*%c*%c*%c*%c*%c*%c*\"", i ? ", " : "", 'a' + i % 26,
			 'a' + i * 7 % 26, 'a' + i * 5 % 26, 'b' + i * 3 % 25, 'a' + i * 11 % 26,
			 'a' + i * 17 % 26, 'a' + i / 4);
		buf_addf(&y, "%s\"/*%c*%c*%c*%c*%c*%c*%c*\"", i ? ", " : "", 'a' + i * 9 % 26,
			 'a' + i * 15 % 26, 'a' + i * 3 % 26, 'a' + i * 19 % 26, 'a' + i * 23 % 26,
			 'a' + i % 26, 'a' + i / 4);
	}
	{
		_cleanup_free_ char *rule_x = xasprintf(RULE("r", "paths: [%s]"), buf_str(&x)),
				    *rule_y = xasprintf(RULE("r", "paths: [%s]"), buf_str(&y));

		_cleanup_free_ char *egress = xasprintf("  egress: [%s]\n", rule_x),
				    *wider = xasprintf("%s," RULE("s", "paths: [/*/]"), rule_y);

		c = with_spec(", timers: 1001", egress);
		f = with_rules(wider);
		a = with_rules(rule_x);
		b = with_rules(rule_y);
	}
	assert_int_equal(policy_diff(a, b, &d, &e), -E2BIG);
	assert_string_equal(e.code, "policy.too_complex");
	assert_true(d.widens); /* untouched */
	/* Rules that are the same on both sides are no matter, and an example is an answer. */
	d = compare(a, c);
	assert_true(d.widens);
	assert_string_equal(d.what, "limits.timers: 1000 -> 1001");
	policy_diff_done(&d);
	d = compare(c, a);
	assert_false(d.widens);
	policy_diff_done(&d);
	d = compare(a, f);
	assert_true(d.widens);
	assert_string_equal(d.url, "https://a.com/0/");
	policy_diff_done(&d);
}

/* What brute force finds in the universe: a request that b allows and a does not, or with more. */
struct counterexample {
	const char *url;
	const char *why;
	int method;
};

static bool allowed(const struct policy *p, const struct url *u, int method)
{
	for (unsigned i = 0; i < p->n_layers; i++)
		if (layer_decide(&p->layers[i], u, method).reason != POLICY_EGRESS_ALLOW)
			return false;
	return true;
}

static const char *wider_terms(const struct policy_decision *x, const struct policy_decision *y)
{
	static const uint8_t tries[][5] = {
		{1, 10, 0, 0, 0},   {1, 10, 0, 0, 1},	  {1, 10, 0, 0, 2},
		{1, 10, 1, 0, 0},   {1, 10, 0, 255, 255}, {1, 9, 255, 255, 255},
		{1, 11, 0, 0, 0},   {1, 8, 0, 0, 0},	  {1, 8, 8, 8, 8},
		{1, 7, 255, 0, 0},  {1, 127, 0, 0, 1},	  {1, 1, 1, 1, 1},
		{0, 0x26, 0, 0, 0}, {0, 0x26, 1, 0, 0},	  {0, 0x24, 0, 0, 0},
		{0, 0xfd, 0, 0, 0}};

	if (y->max_request > x->max_request || y->max_response > x->max_response)
		return "size";
	if (y->credential && (!x->credential || strcmp(x->credential, y->credential) != 0))
		return "credential";
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		uint8_t address[16] = {0};

		if (tries[i][0]) {
			memset(address + 10, 0xff, 2);
			memcpy(address + 12, tries[i] + 1, 4);
		} else {
			memcpy(address, tries[i] + 1, 4);
		}
		if (policy_decide_address(y, address) && !policy_decide_address(x, address))
			return "address";
	}
	return NULL;
}

enum { RULES_MAX = 8 };

/* Of policies of one layer each: which rules meet, and whether sums grow. */
static const char *wider_sums(const struct policy *a, const struct policy *b,
			      bool meet[RULES_MAX][RULES_MAX])
{
	for (unsigned i = 0; i < a->layers->n_rules; i++) {
		const struct rule *x = &a->layers->rules[i];
		uint64_t bytes = 0, count = 0, per_hour = 0;
		bool all_bytes = false, all_rate = false;

		for (unsigned k = 0; k < b->layers->n_rules; k++) {
			const struct rule *y = &b->layers->rules[k];

			if (!meet[i][k])
				continue;
			all_bytes = all_bytes || y->bytes_per_day == POLICY_NO_LIMIT;
			all_rate = all_rate || !y->rate.period_us;
			bytes += all_bytes ? 0 : y->bytes_per_day;
			count += y->rate.count;
			per_hour += all_rate ? 0 : y->rate.count * 3600000000 / y->rate.period_us;
			if (x->bytes_per_day != POLICY_NO_LIMIT &&
			    (all_bytes || bytes > x->bytes_per_day))
				return "bytesPerDay";
			if (x->rate.period_us &&
			    (all_rate || count > x->rate.count ||
			     per_hour > x->rate.count * 3600000000 / x->rate.period_us))
				return "rate";
		}
	}
	return NULL;
}

static bool search(const struct policy *a, const struct policy *b, const struct universe *u,
		   bool terms, struct counterexample *ret)
{
	bool meet[RULES_MAX][RULES_MAX] = {0}, single = a->n_layers == 1 && b->n_layers == 1;

	for (size_t i = 0; i < u->n; i++)
		for (size_t m = 0; m < ARRAY_SIZE(universe_methods); m++) {
			int method = universe_methods[m];
			struct policy_decision x, y;
			struct layer_verdict v, w;

			*ret = (struct counterexample){u->texts[i], "request", method};
			if (!allowed(b, &u->urls[i], method))
				continue;
			if (!allowed(a, &u->urls[i], method))
				return true;
			if (!terms)
				continue;
			v = layer_decide(a->layers, &u->urls[i], method);
			w = layer_decide(b->layers, &u->urls[i], method);
			if (single) {
				bool *met =
					&meet[v.rule - a->layers->rules][w.rule - b->layers->rules];

				if (*met)
					continue;
				*met = true;
			}
			policy_decide_http(a, policy_method_names[method], u->texts[i],
					   strlen(u->texts[i]), &x);
			policy_decide_http(b, policy_method_names[method], u->texts[i],
					   strlen(u->texts[i]), &y);
			ret->why = wider_terms(&x, &y);
			if (ret->why)
				return true;
		}
	ret->why = terms && single ? wider_sums(a, b, meet) : NULL;
	return ret->why != NULL;
}

static const char *canonical(const struct policy *p)
{
	size_t len;

	return policy_canonical(p, &len);
}

/* `many` pairs; each other pair shares its first rules. Returns how many did not widen. */
static unsigned compare_many(uint64_t seed, unsigned many, struct random_options o, unsigned layers)
{
	struct universe u;
	unsigned narrow = 0;

	universe_init(&u, o.hosts);
	for (unsigned i = 0; i < many; i++) {
		struct chance c = {seed + i}, d = {i % 2 ? seed + i : seed + i + many};
		_cleanup_policy_ struct policy *a = random_policy(&c, &o), *b = NULL;
		struct random_options forked = o;
		struct counterexample found = {0};
		struct policy_diff diff;

		forked.fork = i % 2 ? 1 + i / 2 % o.rules : 0;
		b = random_policy(&d, &forked);
		for (unsigned k = 1; k < layers; k++) {
			_cleanup_policy_ struct policy *p = random_policy(&c, &o), *b_old = b,
						       *q = i % 3 ? random_policy(&d, &o)
								  : random_policy(&c, &o),
						       *a_old = a;
			struct err e;

			assert_int_equal(policy_intersect(a_old, p, &a, &e), 0);
			assert_int_equal(policy_intersect(b_old, i % 4 ? p : q, &b, &e), 0);
		}
		diff = compare(a, b);
		if (!diff.widens) {
			narrow++;
			if (search(a, b, &u, o.terms, &found))
				fail_msg("seed %u: %s %s: %s\nfrom %s\nto   %s", i,
					 policy_method_names[found.method], found.url, found.why,
					 canonical(a), canonical(b));
		} else if (diff.url && !o.terms) {
			/* Terms are the same, so an example is a request. */
			struct policy_decision x;

			policy_decide_http(a, diff.method, diff.url, strlen(diff.url), &x);
			assert_false(x.allow);
		}
		policy_diff_done(&diff);
	}
	universe_done(&u);
	return narrow;
}

static void paths_agree_with_brute_force(void **state)
{
	(void)state;
	assert_true(compare_many(1000, 9000, (struct random_options){.rules = 3, .hosts = 1}, 1) >
		    1000);
}

static void hosts_agree_with_brute_force(void **state)
{
	(void)state;
	assert_true(compare_many(200000, 6000, (struct random_options){.rules = 4, .hosts = 9}, 1) >
		    600);
}

static void terms_agree_with_brute_force(void **state)
{
	struct random_options o = {.rules = 3, .hosts = 1, .terms = true};

	(void)state;
	assert_true(compare_many(400000, 5000, o, 1) > 500);
}

static void intersections_agree_with_brute_force(void **state)
{
	struct random_options o = {.rules = 3, .hosts = 1};

	(void)state;
	assert_true(compare_many(600000, 2000, o, 2) > 200);
	o.terms = true;
	assert_true(compare_many(700000, 1000, o, 2) > 100);
}

/* Whether the rest of `b`, beside requests, is more than that of `a`. */
static bool rest_is_wider(const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < LIMIT_ROWS; i++)
		if (*limit_at(policy_limits(b), i) > *limit_at(policy_limits(a), i))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(universe_tools); i++) {
		struct policy_decision x, y;

		policy_decide_tool(a, universe_tools[i], &x);
		policy_decide_tool(b, universe_tools[i], &y);
		if ((y.allow && !x.allow) || (y.approval && !x.approval && !x.allow))
			return true;
	}
	return policy_class(b) < policy_class(a) || policy_tier(b) < policy_tier(a) ||
	       policy_min_trust(b) < policy_min_trust(a) || (policy_eval(b) && !policy_eval(a)) ||
	       (policy_wasm(b) && !policy_wasm(a)) ||
	       policy_storage(b).mode > policy_storage(a).mode ||
	       policy_storage(b).max_bytes > policy_storage(a).max_bytes;
}

static void the_rest_agrees_with_brute_force(void **state)
{
	const struct random_options o = {.rules = 0, .hosts = 1, .rest = true};
	unsigned narrow = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		struct chance c = {900000 + i};
		_cleanup_policy_ struct policy *a = random_policy(&c, &o),
					       *b = random_policy(&c, &o);
		struct policy_diff d = compare(a, b);

		assert_int_equal(d.widens, rest_is_wider(a, b));
		narrow += !d.widens;
		policy_diff_done(&d);
	}
	assert_true(narrow > 10);
}

static void an_intersection_never_widens_its_layers(void **state)
{
	const struct random_options o = {.rules = 4, .hosts = 9, .terms = true, .rest = true};
	unsigned wider = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct chance c = {800000 + i};
		_cleanup_policy_ struct policy *a = random_policy(&c, &o),
					       *b = random_policy(&c, &o), *both = NULL;
		struct policy_diff d;
		struct err e;

		assert_int_equal(policy_intersect(a, b, &both, &e), 0);
		d = compare(a, both);
		if (d.widens)
			fail_msg("seed %u: %s\nof %s\nand %s", i, d.what, canonical(a),
				 canonical(b));
		policy_diff_done(&d);
		d = compare(b, both);
		assert_false(d.widens);
		policy_diff_done(&d);
		d = compare(both, a);
		wider += d.widens;
		policy_diff_done(&d);
	}
	assert_true(wider > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_compared_exactly),
		cmocka_unit_test(terms_of_the_first_rule_that_matches_count),
		cmocka_unit_test(budgets_add_up_over_classes),
		cmocka_unit_test(the_rest_is_compared_part_by_part),
		cmocka_unit_test(every_difference_is_listed_with_its_effect),
		cmocka_unit_test(what_is_too_complex_is_refused),
		cmocka_unit_test(paths_agree_with_brute_force),
		cmocka_unit_test(hosts_agree_with_brute_force),
		cmocka_unit_test(terms_agree_with_brute_force),
		cmocka_unit_test(intersections_agree_with_brute_force),
		cmocka_unit_test(the_rest_agrees_with_brute_force),
		cmocka_unit_test(an_intersection_never_widens_its_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
