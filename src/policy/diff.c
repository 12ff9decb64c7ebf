/*
 * Two policies compared. The parts of a policy are independent of each other, so each is compared
 * by itself: limits, switches and storage as numbers, tools by name, requests as diff_egress.c
 * says.
 *
 * Wider is what a layer could take away: so the intersection of a policy with any other never
 * widens it.
 */
#include "policy/diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->all[i].url);
	f->n = 0;
}

struct finding *findings_add(struct findings *f, enum finding_kind kind, const char *name,
			     const void *key, const void *key2, char *url)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *old = &f->all[i];

		if (old->kind == kind && !strcmp(old->name, name) && old->key == key &&
		    old->key2 == key2) {
			free(url);
			return NULL;
		}
	}
	if (f->n == DIFF_FINDINGS_MAX) {
		free(url);
		return NULL;
	}
	f->all[f->n] =
		(struct finding){.kind = kind, .name = name, .key = key, .key2 = key2, .url = url};
	return &f->all[f->n++];
}

void finding_change(struct finding *found, const struct findings *f, const char *from,
		    const char *to)
{
	char url[64] = "";

	if (found->url)
		snprintf(url, sizeof(url), " (%.55s%s)", found->url,
			 strlen(found->url) > 55 ? "..." : "");
	snprintf(found->what, sizeof(found->what), "%s: %.38s -> %.38s%s", found->name,
		 f->reverse ? to : from, f->reverse ? from : to, url);
}

static void add_change(struct findings *f, const char *name, const char *from, const char *to)
{
	struct finding *found = findings_add(f, FOUND_LIMIT, name, NULL, NULL, NULL);

	if (found)
		finding_change(found, f, from, to);
}

/* For each limit its name as in a profile. */
static const char *limit_name(size_t row)
{
	static const char *const names[LIMIT_ROWS] = {
		"limits.cpu",	     "limits.wall",   "limits.memory",	"limits.output",
		"limits.operations", "limits.timers", "limits.logLines"};

	return names[row];
}

static void compare_limits(struct findings *f)
{
	const struct policy_limits *x = policy_limits(f->from), *y = policy_limits(f->to);
	char from[AMOUNT_TEXT], to[AMOUNT_TEXT];

	for (size_t i = 0; i < LIMIT_ROWS; i++)
		if (*limit_at(y, i) > *limit_at(x, i))
			add_change(f, limit_name(i),
				   amount_text(limit_rows[i].kind, *limit_at(x, i), from),
				   amount_text(limit_rows[i].kind, *limit_at(y, i), to));
}

/* Class, tier and trust: what an intersection takes the larger one of. */
static void compare_switches(struct findings *f)
{
	const struct policy *x = f->from, *y = f->to;
	char from[AMOUNT_TEXT], to[AMOUNT_TEXT];

	if (policy_class(y) < policy_class(x))
		add_change(f, "class", policy_class_text(policy_class(x)),
			   policy_class_text(policy_class(y)));
	if (policy_tier(y) < policy_tier(x))
		add_change(f, "tier", policy_tier_text(policy_tier(x)),
			   policy_tier_text(policy_tier(y)));
	if (policy_min_trust(y) < policy_min_trust(x))
		add_change(f, "minTrust", amount_text(AMOUNT_COUNT, policy_min_trust(x), from),
			   amount_text(AMOUNT_COUNT, policy_min_trust(y), to));
	if (policy_eval(y) && !policy_eval(x))
		add_change(f, "eval", "false", "true");
	if (policy_wasm(y) && !policy_wasm(x))
		add_change(f, "wasm", "false", "true");
	if (policy_storage(y).mode > policy_storage(x).mode)
		add_change(f, "storage.session", policy_storage_names[policy_storage(x).mode],
			   policy_storage_names[policy_storage(y).mode]);
	if (policy_storage(y).max_bytes > policy_storage(x).max_bytes)
		add_change(f, "storage.maxBytes",
			   amount_size_text(policy_storage(x).max_bytes, from),
			   amount_size_text(policy_storage(y).max_bytes, to));
}

/* 2: at once; 1: with an approval; 0: not. */
static int tool_rank(const struct policy_decision *d)
{
	return d->allow ? 2 : d->approval ? 1 : 0;
}

static void compare_tools(struct findings *f)
{
	/* Every tool that all layers of `to` have is a tool of its first. */
	const struct layer *l = &f->to->layers[0];

	for (unsigned i = 0; i < l->n_tools; i++) {
		struct policy_decision from, to;
		const char *name = l->tools[i].name;
		struct finding *found;

		if (i && !strcmp(name, l->tools[i - 1].name))
			continue;
		policy_decide_tool(f->from, name, &from);
		policy_decide_tool(f->to, name, &to);
		if (tool_rank(&to) <= tool_rank(&from))
			continue;
		found = findings_add(f, FOUND_TOOL, "tool", name, NULL, NULL);
		if (!found)
			continue;
		found->tool = name;
		snprintf(found->what, sizeof(found->what), "tool %.90s: %s -> %s", name,
			 policy_reason_text(f->reverse ? to.reason : from.reason),
			 policy_reason_text(f->reverse ? from.reason : to.reason));
	}
}

static int find(struct findings *f)
{
	int r = diff_egress(f);

	compare_tools(f);
	compare_limits(f);
	compare_switches(f);
	return r;
}

static void add_item(struct policy_diff *d, enum policy_effect effect, char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	d->items = xrealloc(d->items, (d->n_items + 1) * sizeof(*d->items));
	d->items[d->n_items++] = (struct policy_difference){effect, text};
}

static void add_findings(struct policy_diff *d, enum policy_effect effect, const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		add_item(d, effect, xstrdup(f->all[i].what));
	if (f->n == DIFF_FINDINGS_MAX)
		add_item(d, effect, xstrdup("... and perhaps more of the same kind"));
}

static void take_example(struct policy_diff *d, struct findings *f)
{
	struct finding *best = &f->all[0];

	for (size_t i = 1; i < f->n; i++)
		if (f->all[i].kind < best->kind)
			best = &f->all[i];
	d->widens = true;
	snprintf(d->method, sizeof(d->method), "%s", best->method ? best->method : "");
	d->url = TAKE_PTR(best->url);
	d->tool = best->tool;
	memcpy(d->what, best->what, sizeof(d->what));
}

static const struct rule *find_rule(const struct layer *l, const char *id)
{
	for (unsigned i = 0; i < l->n_rules; i++)
		if (!strcmp(l->rules[i].id, id))
			return &l->rules[i];
	return NULL;
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	unsigned char x[RULE_DIGEST], y[RULE_DIGEST];

	rule_digest(a, x);
	rule_digest(b, y);
	return !memcmp(x, y, RULE_DIGEST);
}

static void compare_text(struct policy_diff *d, const char *name, const char *a, const char *b)
{
	a = a ? a : "";
	b = b ? b : "";
	if (strcmp(a, b) != 0)
		add_item(d, POLICY_CHANGES,
			 xasprintf("metadata.%s: \"%.60s\" -> \"%.60s\"", name, a, b));
}

/* What a reader of the document sees, of the innermost profiles. */
static void compare_documents(struct policy_diff *d, const struct policy *a, const struct policy *b)
{
	const struct layer *x = &a->layers[a->n_layers - 1], *y = &b->layers[b->n_layers - 1];

	compare_text(d, "name", x->name, y->name);
	compare_text(d, "owner", x->owner, y->owner);
	compare_text(d, "description", x->description, y->description);
	if (a->n_layers != b->n_layers)
		add_item(d, POLICY_CHANGES,
			 xasprintf("layers: %u -> %u", a->n_layers, b->n_layers));
	for (unsigned i = 0; i < x->n_rules; i++)
		if (!find_rule(y, x->rules[i].id))
			add_item(d, POLICY_CHANGES,
				 xasprintf("rule \"%s\": removed", x->rules[i].id));
	for (unsigned i = 0; i < y->n_rules; i++) {
		const struct rule *r = find_rule(x, y->rules[i].id);

		if (!r)
			add_item(d, POLICY_CHANGES,
				 xasprintf("rule \"%s\": added", y->rules[i].id));
		else if (!is_same(r, &y->rules[i]))
			add_item(d, POLICY_CHANGES,
				 xasprintf("rule \"%s\": changed", y->rules[i].id));
	}
	if (x->n_tests != y->n_tests)
		add_item(d, POLICY_CHANGES, xasprintf("tests: %u -> %u", x->n_tests, y->n_tests));
}

int policy_diff(const struct policy *a, const struct policy *b, struct policy_diff *ret,
		struct err *reterr)
{
	_cleanup_free_ struct findings *more = xcalloc(1, sizeof(*more)),
				       *less = xcalloc(1, sizeof(*less));
	struct policy_diff d = {0};
	int r;

	if (!strcmp(policy_digest(a), policy_digest(b))) {
		*ret = d;
		return 0;
	}
	*more = (struct findings){.from = a, .to = b};
	*less = (struct findings){.from = b, .to = a, .reverse = true};
	r = find(more);
	if (r == 0 || more->n) { /* an example is an answer, also from half the search */
		find(less); /* past the bounds the list is shorter; the answer does not hang on it
			     */
		add_findings(&d, POLICY_WIDENS, more);
		add_findings(&d, POLICY_NARROWS, less);
		compare_documents(&d, a, b);
		if (more->n)
			take_example(&d, more);
		*ret = d;
		r = 0;
	} else {
		r = err_set(reterr, E2BIG, "policy.too_complex",
			    "the paths of \"%.63s\" and \"%.63s\" interact in too many ways to be "
			    "compared; use fewer stars and rules for one host, and treat the "
			    "difference as wider until then",
			    policy_name(a), policy_name(b));
	}
	findings_done(more);
	findings_done(less);
	return r;
}

void policy_diff_done(struct policy_diff *d)
{
	for (size_t i = 0; i < d->n_items; i++)
		free(d->items[i].text);
	free(d->items);
	free(d->url);
	*d = (struct policy_diff){0};
}
