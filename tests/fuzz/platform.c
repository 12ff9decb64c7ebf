/*
 * Fuzz target: the platform document. Whatever is refused is refused with a code, a place and a
 * message; whatever is read has a canonical form that is read as the same, never weakens the tier
 * regulated, and gives costs that do not fall when more is used.
 */
#include "policy/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	must_be(sscanf(e->message, "%u:%u: ", &line, &column) == 2 && line && column);
}

static void check_tiers(const struct platform *p)
{
	const struct platform_tier *r = platform_tier(p, POLICY_REGULATED);

	must_be(r->synced && r->regulated_engine);
	for (int i = 0; i < PLATFORM_TIERS; i++) {
		const struct platform_tier *t = platform_tier(p, (enum policy_tier)i);

		must_be(t->nice <= PLATFORM_NICE_MAX && t->keep_days <= PLATFORM_KEEP_DAYS_MAX);
		must_be(t->n_tenants <= PLATFORM_TENANTS_MAX && !(t->roles & ~0xdu));
		for (unsigned k = 0; k < t->n_tenants; k++) {
			must_be(platform_tier_has(t, t->tenants[k]));
			must_be(!k || strcmp(t->tenants[k - 1], t->tenants[k]) < 0);
		}
		must_be(platform_tier_has(t, "Nobody") == !t->n_tenants);
	}
}

static void check_costs(const struct platform *p)
{
	struct platform_usage u = {1, 1, 1, 1, 1};

	for (int i = 0; i < PLATFORM_TIERS; i++) {
		uint64_t last = 0;

		for (int k = 0; k < 63; k++) {
			uint64_t cost;

			u = (struct platform_usage){1ull << k, 3ull << k, 5ull << k, 1ull << k,
						    7ull << k};
			if (k > 60)
				u = (struct platform_usage){UINT64_MAX, UINT64_MAX, UINT64_MAX,
							    UINT64_MAX, UINT64_MAX};
			cost = platform_cost(p, (enum policy_tier)i, &u);
			must_be(cost >= last);
			must_be(*platform_currency(p) || !cost);
			last = cost;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_platform_ struct platform *p = NULL, *again = NULL;
	size_t len, again_len;
	const char *text;
	struct err e = {0};
	int r = platform_read((const char *)data, size, &p, &e);

	if (r < 0) {
		check_refusal(r, &e);
		return 0;
	}
	check_tiers(p);
	check_costs(p);
	text = platform_canonical(p, &len);
	must_be(platform_read(text, len, &again, &e) == 0);
	must_be(!strcmp(platform_canonical(again, &again_len), text) && again_len == len);
	must_be(!strcmp(platform_digest(p), platform_digest(again)));
	return 0;
}
