/* The member "limits" of a submission: less than what is given, not more. */
#pragma once

#include "control/body.h"
#include "policy/policy.h"

struct limits_asked {
	struct request *q;
	const json_t *body;
	const char *profile, *tier;		/* names */
	const struct policy_limits *of_profile; /* for the words of a refusal: */
	const struct policy_limits *given;	/* the least of profile and tier */
};

/*
 * Fills the limits of *m. -EINVAL: answered. What asks for more gets *denied (limits.exceeded),
 * unless that has a code already.
 */
int limits_take(const struct limits_asked *a, struct msg_submit *m, struct err *denied);
