#include "policy/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool holds(const struct embedded_test *t, const struct policy_decision *d)
{
	return d->allow == t->allow && (t->reason < 0 || (int)d->reason == t->reason) &&
	       (!t->rule || !strcmp(t->rule, d->rule));
}

static int explain(unsigned index, const struct embedded_test *t, const struct policy_decision *d,
		   struct err *reterr)
{
	char wanted[160] = "";

	if (t->reason >= 0)
		snprintf(wanted, sizeof(wanted), " (%s)",
			 policy_reason_text((enum policy_reason)t->reason));
	if (t->rule)
		snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), " by \"%.80s\"",
			 t->rule);
	return err_set(reterr, EINVAL, "profile.test",
		       "line %u: tests[%u]: %s %.160s: expected %s%s, got %s (%s)%s%s%s of \"%s\"; "
		       "change the rules or the expectation",
		       t->line, index, t->tool ? "tool" : t->method, t->tool ? t->tool : t->url,
		       t->allow ? "allow" : "deny", wanted, d->allow ? "allow" : "deny",
		       policy_reason_text(d->reason), *d->rule ? " by \"" : "", d->rule,
		       *d->rule ? "\"" : "", d->profile);
}

int policy_check(const struct policy *p, struct policy_report *ret, struct err *reterr)
{
	const struct layer *l = &p->layers[p->n_layers - 1];
	struct policy_report report = {0};
	int r = 0;

	for (unsigned i = 0; i < l->n_tests; i++) {
		const struct embedded_test *t = &l->tests[i];
		struct policy_decision d;

		if (t->tool)
			policy_decide_tool(p, t->tool, &d);
		else
			policy_decide_http(p, t->method, t->url, strlen(t->url), &d);
		if (holds(t, &d)) {
			report.passed++;
			continue;
		}
		if (!report.failed++) {
			report.line = t->line;
			r = explain(i, t, &d, reterr);
		}
	}
	*ret = report;
	return r;
}
