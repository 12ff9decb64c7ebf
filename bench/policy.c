/*
 * How long one decision takes: profiles of 1, 16 and 256 rules, each decision measured by itself.
 * Trusts and holds nothing; reads no input. Prints a table.
 *
 *   policy [--decisions N]
 *
 * "hosts": each rule has a host of its own, as profiles usually do. "one host": all rules are for
 * the same host, two glob patterns each, and requests come to all of them: every rule has to be
 * looked at, down to its paths. Every fourth rule denies. The clock's own cost, which is printed,
 * is in the figures.
 */
#include "policy/policy.h"
#include "base/buf.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum { DECISIONS = 200000, URLS_MAX = 1024 };

static void add_rule(struct buf *b, unsigned i, bool one_host)
{
	buf_addf(b, "%s{\"id\":\"r%u\",\"host\":\"", i ? "," : "", i);
	if (one_host)
		buf_addf(b, "api.example.com\",\"paths\":[\"/v1/s%u/*/items-*\",\"/v1/s%u/**/x\"]",
			 i, i);
	else
		buf_addf(b, "%ss%u.example.com\",\"paths\":[\"/v1/**\",\"/health\"]",
			 i % 3 ? "" : "**.", i);
	if (i % 4 == 3)
		buf_adds(b, ",\"deny\":true}");
	else
		buf_adds(b, ",\"methods\":[\"GET\",\"HEAD\"],\"rate\":\"10/s\"}");
}

static struct policy *make_policy(unsigned rules, bool one_host)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	struct policy *p;
	struct err e;

	buf_adds(&b,
		 "{\"apiVersion\":\"cordon/"
		 "v1\",\"kind\":\"CapabilityProfile\",\"metadata\":{\"name\":"
		 "\"bench\",\"owner\":\"o\"},\"spec\":{\"class\":\"bulk\",\"tier\":\"standard\","
		 "\"minTrust\":0,\"limits\":{\"cpu\":50000,\"wall\":2000000,\"memory\":67108864,"
		 "\"output\":262144,\"operations\":100},\"egress\":[");
	for (unsigned i = 0; i < rules; i++)
		add_rule(&b, i, one_host);
	buf_adds(&b, "]}}");
	if (policy_compile(buf_str(&b), b.len, &p, &e) < 0) {
		fprintf(stderr, "policy: %s\n", e.message);
		exit(1);
	}
	return p;
}

/* Requests to every rule that are allowed, denied by path, and to a host without a rule. */
static unsigned make_urls(unsigned rules, bool one_host, char urls[URLS_MAX][96])
{
	static const char *const tails[] = {"a/items-42?page=7", "b/c/d/e/x", "b/items", "q/r/s"};
	unsigned n = 0;

	for (unsigned i = 0; i < rules; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(tails); k++, n++)
			if (one_host)
				snprintf(urls[n], 96, "https://api.example.com/v1/s%u/%s", i,
					 tails[k]);
			else
				snprintf(urls[n], 96, "https://%s%u.example.com/v1/%s",
					 k == 3	 ? "t"
					 : i % 3 ? "s"
						 : "www.s",
					 i, tails[k]);
	return n;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(unsigned rules, bool one_host, size_t decisions, uint32_t *took)
{
	static char urls[URLS_MAX][96];
	_cleanup_policy_ struct policy *p = make_policy(rules, one_host);
	unsigned n = make_urls(rules, one_host, urls); /* four for each rule */
	size_t allowed = 0;

	if (!n || !decisions)
		return;
	for (size_t i = 0; i < decisions; i++) {
		const char *url =
			urls[i * 7919 % n]; /* a prime: no order for the caches to guess */
		struct policy_decision d;
		uint64_t begin = clock_now_ns();

		policy_decide_http(p, "GET", url, strlen(url), &d);
		took[i] = (uint32_t)(clock_now_ns() - begin);
		allowed += d.allow;
	}
	qsort(took, decisions, sizeof(*took), by_value);
	printf("| %u | %s | %zu %% | %u | %u | %u |\n", rules, one_host ? "one host" : "hosts",
	       allowed * 100 / decisions, took[decisions / 2], took[decisions / 100 * 99],
	       took[decisions / 1000 * 999]);
}

int main(int argc, char **argv)
{
	size_t decisions = argc == 3 && !strcmp(argv[1], "--decisions") ? strtoul(argv[2], NULL, 10)
									: DECISIONS;
	uint32_t *took;

	if (decisions < 1000 || decisions > 100000000 || (argc != 1 && argc != 3)) {
		fprintf(stderr, "usage: policy [--decisions N], at least 1000\n");
		return 2;
	}
	took = xcalloc(decisions, sizeof(*took));
	for (size_t i = 0; i < decisions; i++) {
		uint64_t begin = clock_now_ns();

		took[i] = (uint32_t)(clock_now_ns() - begin);
	}
	qsort(took, decisions, sizeof(*took), by_value);
	printf("The clock takes %u ns.\n\n| rules | layout | allowed | p50 ns | p99 ns | p99.9 ns "
	       "|\n"
	       "|---|---|---|---|---|---|\n",
	       took[decisions / 2]);
	for (int one_host = 0; one_host < 2; one_host++) {
		measure(1, one_host, decisions, took);
		measure(16, one_host, decisions, took);
		measure(256, one_host, decisions, took);
	}
	free(took);
	return 0;
}
