/* Service tiers and prices, as the platform document has them. */
#include "control/control.h"
#include "control/ledger.h"
#include "policy/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What was in force when control was started last. */
struct in_force {
	char digest[POLICY_DIGEST_SIZE], zone[DAY_ZONE_SIZE];
};

static void in_force(const struct platform *p, const char *zone, struct in_force *ret)
{
	*ret = (struct in_force){.digest = ""};
	snprintf(ret->digest, sizeof(ret->digest), "%s", platform_digest(p));
	snprintf(ret->zone, sizeof(ret->zone), "%s", zone);
}

/* Without a word about what was before, that was what holds without a document. */
static int last_time(struct control *c, struct in_force *ret, struct err *reterr)
{
	_cleanup_platform_ struct platform *defaults = NULL;
	int r = store_setting(c->store, "platform", ret, sizeof(*ret), reterr);

	if (r != -ENOENT)
		return r;
	r = platform_read(NULL, 0, &defaults, reterr);
	if (r == 0)
		in_force(defaults, "UTC", ret);
	return r;
}

int tier_start(struct control *c, struct err *reterr)
{
	struct in_force before, now;
	int r = last_time(c, &before, reterr);

	in_force(c->platform, c->zone, &now);
	if (r < 0 || !memcmp(&before, &now, sizeof(now)))
		return r;
	r = batch_open(c, reterr);
	if (r == 0)
		r = store_setting_put(c->store, "platform", &now, sizeof(now), reterr);
	if (r == 0)
		r = act(c, NULL, "platform_configured", "default", reterr, "digest", now.digest,
			"currency", platform_currency(c->platform), "zone", now.zone, NULL);
	if (r == 0)
		return batch_settle(c, reterr);
	batch_abandon(c);
	return r;
}
