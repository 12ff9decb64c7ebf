/* Service tiers: what the platform document says, applied to runs and leases. */
#pragma once

#include "control/run.h"
#include "policy/policy.h"

/* Puts on record that the document or the billing zone is another than at the last start. */
int tier_start(struct control *c, struct err *reterr);

enum policy_tier tier_named(const char *name);
void tier_enter(struct run *r, enum policy_tier t);

/*
 * Whether somebody may use the tier; -EACCES (tier.denied): not this tenant, or not this role. What
 * is done with a lease's token is the lease's maker's, whose role was looked at when he made it:
 * with ROLE_LEASE only the tenant counts.
 */
int tier_refuses(struct control *c, enum policy_tier t, enum role role, const char *tenant,
		 struct err *reterr);

/* Erases what runs left whose tier keeps it no longer, a piece of it. 1: there is more to do now.
 */
int tier_erase_old(struct control *c);
