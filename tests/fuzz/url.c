/*
 * Fuzz target: the URL of a request, as agent code spells it. What is allowed has one reading: its
 * parts, spelled anew, are decided the same.
 */
#include "policy/url.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char profile[] =
	"apiVersion: cordon/v1\nkind: CapabilityProfile\nmetadata: {name: p, owner: o}\n"
	"spec:\n  class: bulk\n  tier: standard\n  minTrust: 1\n"
	"  limits: {cpu: 20ms, wall: 2s, memory: 64MiB, output: 256KiB, operations: 100}\n"
	"  egress:\n"
	"    - {id: a, host: a.com, methods: [GET], paths: [/x, \"/a*b/*/**\"]}\n"
	"    - {id: b, host: \"**.a.com\", methods: [GET], paths: [/**], ports: [80, 443, 8080],"
	" schemes: [http, https]}\n"
	"    - {id: c, host: 10.0.0.1, methods: [GET], paths: [/**]}\n"
	"    - {id: d, host: \"[::1]\", methods: [GET], paths: [/**]}\n"
	"    - {id: e, host: \"**.a.com\", paths: [\"/**/secret/**\"], deny: true}\n";

static void must_be(bool fact)
{
	if (!fact)
		abort();
}

static void spell(const struct url *u, struct buf *out)
{
	buf_addf(out, "%s://%.*s:%u", url_scheme_text(u->scheme), (int)u->host_len, u->host,
		 u->port);
	for (unsigned i = 0; i < u->path.n; i++) {
		buf_addc(out, '/');
		path_encode(out, u->path.bytes + u->path.segments[i].at, u->path.segments[i].len);
	}
	buf_add(out, u->query, u->query_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	_cleanup_buf_ struct buf again = BUF_INIT(1 << 16);
	struct policy_decision d, e;
	struct url u;

	if (!policy && policy_compile(profile, strlen(profile), &policy, NULL) < 0)
		abort();
	policy_decide_http(policy, "GET", (const char *)data, size, &d);
	must_be(d.allow == (d.reason == POLICY_EGRESS_ALLOW));
	if (url_parse((const char *)data, size, &u) != URL_OK) {
		must_be(!d.allow);
		return 0;
	}
	must_be(u.port > 0 && u.host_len > 0 && u.host_len < HOST_SIZE && u.path.n > 0);
	for (unsigned i = 0; i < u.path.n; i++) {
		const char *s = u.path.bytes + u.path.segments[i].at;
		size_t n = u.path.segments[i].len;

		must_be(!memchr(s, '/', n) && !memchr(s, 0, n) && !memchr(s, '\\', n));
		must_be(!(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.'));
		must_be(n > 0 || i + 1 == u.path.n);
	}
	spell(&u, &again);
	if (again.len > URL_MAX_BYTES)
		return 0; /* %XX where the text had a character */
	policy_decide_http(policy, "GET", buf_str(&again), again.len, &e);
	must_be(d.allow == e.allow && d.reason == e.reason && !strcmp(d.rule, e.rule));
	return 0;
}
