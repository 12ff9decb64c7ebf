/*
 * What policy_diff() is made of. Only for this folder.
 *
 * Everything is asked in one direction: what does `to` allow that `from` does not? The other way
 * round the same question finds what was taken away.
 */
#pragma once

#include "policy/internal.h"

enum { DIFF_SIDES = 2, DIFF_SLOTS = DIFF_SIDES * POLICY_LAYERS_MAX };

/*
 * Bounds. Work is counted in steps of some ten nanoseconds, so a comparison of hostile profiles
 * ends within seconds.
 */
enum {
	DIFF_WORK_MAX = 100000000,
	DIFF_STATES_MAX = 1 << 18,
	DIFF_PLACES_MAX = 1 << 23, /* of all states of one question */
	DIFF_PATTERNS_MAX = 1 << 15
};
enum { DIFF_FINDINGS_MAX = 64 };

/* The kinds of findings, the best example first. */
enum finding_kind { FOUND_REQUEST, FOUND_TOOL, FOUND_TERM, FOUND_BUDGET, FOUND_LIMIT };

struct finding {
	enum finding_kind kind;
	const char
		*name; /* what it is about; with the keys: a finding is reported once for these */
	const void *key, *key2;
	const char *method; /* NULL */
	char *url;	    /* NULL */
	const char *tool;   /* NULL */
	char what[160];
};

struct findings {
	const struct policy *from, *to;
	bool reverse; /* `from` is the newer one: texts say what was taken away */
	uint64_t work;
	size_t n;
	struct finding all[DIFF_FINDINGS_MAX];
};

void findings_done(struct findings *f);

/*
 * A new finding to fill, or NULL if there is one with these keys, or there are enough. It takes
 * `url`.
 */
struct finding *findings_add(struct findings *f, enum finding_kind kind, const char *name,
			     const void *key, const void *key2, char *url);

/* "NAME: OLD -> NEW", in the order of time also when reversed. */
void finding_change(struct finding *found, const struct findings *f, const char *from,
		    const char *to);

/* 0; -E2BIG: too complex. */
int diff_egress(struct findings *f);

/* Adds what is wider in the terms of a request that both allow, but for budgets. */
void diff_terms(struct findings *f, const char *method, const char *url,
		const struct policy_decision *from, const struct policy_decision *to);

/* The innermost layer's rule of a decision that allows. */
static inline const struct rule *diff_rule(const struct policy_decision *d)
{
	return d->budgets[d->n_budgets - 1].terms;
}

/*
 * One question about paths. Patterns belong to slots: layers of both sides. Every path ends in one
 * verdict for each slot: the first allow rule that matches, or that none does, or that a deny rule
 * does.
 */
struct diff_pattern {
	const struct path_pattern *pattern;
	unsigned slot;
	bool deny;
	unsigned rule; /* index in the layer */
};

enum { VERDICT_NONE = -1, VERDICT_DENIED = -2 };

struct diff_verdicts {
	int slots[DIFF_SLOTS]; /* index of the rule, or VERDICT_... */
};

struct diff_question {
	const struct diff_pattern *patterns;
	unsigned n_patterns;
	unsigned wanted; /* slots, as bits: paths that one of these does not allow are left out */
	uint64_t *work;
	/* Called once for each combination of verdicts that a path exists for, with the path. */
	int (*found)(void *user, const struct diff_verdicts *v, const char *path);
	void *user;
};

int diff_paths(const struct diff_question *q);
