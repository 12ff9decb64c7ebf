/*
 * What requests does one policy allow that the other does not, or with wider terms?
 *
 * Hosts, schemes, ports and methods are split into finitely many classes, such that all patterns of
 * both policies treat the members of a class alike; then paths are compared within a class
 * (diff_paths.c).
 *
 * Hosts: every exact host is a class. Any other host that a wildcard matches has a longest base
 * that it lies below, one label or more. Below every shorter base it lies deeper than one label. So
 * it acts like FRESH.base or FRESH.FRESH.base, where no pattern names the label FRESH. What no
 * pattern matches is denied by all.
 *
 * Classes in which both policies have the same rules cannot differ in what is allowed, nor in
 * terms. They are looked at only for budgets, and only if a rule of theirs meets other rules
 * elsewhere.
 *
 * Ports: an allow rule lists its ports or has the scheme's own, so others are denied by all.
 */
#include "policy/diff.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 16, FRESH_SIZE = 16 };

struct key_set {
	unsigned char (*keys)[KEY_SIZE];
	bool *used;
	size_t n, size;
};

struct rules {
	const struct rule **all;
	unsigned n;
};

struct comparison {
	struct findings *f;
	struct rules host[DIFF_SLOTS];	/* those that match the host under comparison */
	struct rules class[DIFF_SLOTS]; /* and scheme, port and method too */
	unsigned slots;			/* that are in use, as bits */
	unsigned char (*digests[DIFF_SLOTS])[RULE_DIGEST];
	bool same; /* the second pass: over classes with the same rules on both sides */
	struct key_set hosts, classes; /* that were compared */
	char fresh[FRESH_SIZE];
	/* The class under comparison. */
	const char *host_text;
	enum url_scheme scheme;
	uint16_t port;
	int method;
	/* Which allow rules of `to` meet those of `from`, as bits; an example for each of the
	 * latter. */
	size_t first[DIFF_SLOTS], n_from, n_to;
	uint8_t *meet;
	struct example {
		const char *method;
		char *url;
	} * examples;
};

static const struct layer *layer_of(const struct findings *f, unsigned slot)
{
	const struct policy *p = slot < POLICY_LAYERS_MAX ? f->from : f->to;

	slot %= POLICY_LAYERS_MAX;
	return slot < p->n_layers ? &p->layers[slot] : NULL;
}

static bool spend(struct comparison *c, uint64_t work)
{
	c->f->work += work;
	return c->f->work <= DIFF_WORK_MAX;
}

/* Adds a key. False if it was there. */
static bool key_add(struct key_set *s, const void *data, size_t len)
{
	unsigned char key[KEY_SIZE];
	size_t slot;

	crypto_generichash(key, sizeof(key), data, len, NULL, 0);
	if ((s->n + 1) * 2 > s->size) {
		struct key_set grown = {.size = s->size ? s->size * 2 : 64};

		grown.keys = xcalloc(grown.size, KEY_SIZE);
		grown.used = xcalloc(grown.size, sizeof(bool));
		for (size_t i = 0; i < s->size; i++) {
			if (!s->used[i])
				continue;
			memcpy(&slot, s->keys[i], sizeof(slot));
			for (slot %= grown.size; grown.used[slot]; slot = (slot + 1) % grown.size)
				;
			memcpy(grown.keys[slot], s->keys[i], KEY_SIZE);
			grown.used[slot] = true;
		}
		grown.n = s->n;
		free(s->keys);
		free(s->used);
		*s = grown;
	}
	memcpy(&slot, key, sizeof(slot));
	for (slot %= s->size; s->used[slot]; slot = (slot + 1) % s->size)
		if (!memcmp(s->keys[slot], key, KEY_SIZE))
			return false;
	memcpy(s->keys[slot], key, KEY_SIZE);
	s->used[slot] = true;
	s->n++;
	return true;
}

static char *make_url(const struct comparison *c, const char *path)
{
	char port[8] = "";

	if (c->port != url_default_port(c->scheme))
		snprintf(port, sizeof(port), ":%u", c->port);
	return xasprintf("%s://%s%s%s", url_scheme_text(c->scheme), c->host_text, port, path);
}

static void add_request(struct comparison *c, const char *url, const struct policy_decision *from,
			const struct policy_decision *to)
{
	struct finding *found = findings_add(c->f, FOUND_REQUEST, policy_reason_text(from->reason),
					     diff_rule(to), from->rule, xstrdup(url));

	if (!found)
		return;
	found->method = policy_method_names[c->method];
	snprintf(found->what, sizeof(found->what), "%s %.60s%s: %s by \"%.30s\", %s %s",
		 found->method, url, strlen(url) > 60 ? "..." : "",
		 c->f->reverse ? "was allowed" : "allowed", to->rule,
		 c->f->reverse ? "is now" : "was", policy_reason_text(from->reason));
}

static bool has_budget(const struct rule *r)
{
	return r->rate.period_us || r->bytes_per_day != POLICY_NO_LIMIT;
}

/* The rules of both that decide the request meet. */
static void note_meeting(struct comparison *c, const struct diff_verdicts *v, const char *url)
{
	for (unsigned i = 0; i < POLICY_LAYERS_MAX; i++) {
		size_t from = c->first[i] + (size_t)v->slots[i];

		if (!(c->slots & 1u << i) || !has_budget(&layer_of(c->f, i)->rules[v->slots[i]]))
			continue;
		if (!c->examples[from].url)
			c->examples[from] =
				(struct example){policy_method_names[c->method], xstrdup(url)};
		for (unsigned k = POLICY_LAYERS_MAX; k < DIFF_SLOTS; k++) {
			size_t bit = from * c->n_to + c->first[k] + (size_t)v->slots[k];

			if (c->slots & 1u << k)
				c->meet[bit / 8] |= (uint8_t)(1u << bit % 8);
		}
	}
}

/* Whether the decisions are by the rules that the automaton found. */
static bool decided_alike(const struct comparison *c, const struct diff_verdicts *v,
			  const struct policy_decision *from, const struct policy_decision *to)
{
	bool denied = false;

	for (unsigned i = 0; i < DIFF_SLOTS; i++)
		if (c->slots & 1u << i && v->slots[i] < 0)
			denied = true;
	if (!to->allow || from->allow == denied)
		return false;
	for (unsigned i = 0; i < DIFF_SLOTS; i++) {
		const struct policy_decision *d = i < POLICY_LAYERS_MAX ? from : to;

		if (c->slots & 1u << i && d->allow &&
		    d->budgets[i % POLICY_LAYERS_MAX].terms !=
			    &layer_of(c->f, i)->rules[v->slots[i]])
			return false;
	}
	return true;
}

/*
 * A path of the class, allowed by `to`. Both policies decide the request itself, so what is
 * reported is true whatever the automaton thought. A request that is too long to be decided is a
 * sign that the patterns are out of bounds.
 */
static int compare_request(void *user, const struct diff_verdicts *v, const char *path)
{
	struct comparison *c = user;
	_cleanup_free_ char *url = make_url(c, path);
	const char *method = policy_method_names[c->method];
	struct policy_decision from, to;

	policy_decide_http(c->f->from, method, url, strlen(url), &from);
	policy_decide_http(c->f->to, method, url, strlen(url), &to);
	if (!decided_alike(c, v, &from, &to) || !spend(c, 200))
		return -E2BIG;
	if (!from.allow) {
		add_request(c, url, &from, &to);
		return 0;
	}
	diff_terms(c->f, method, url, &from, &to);
	note_meeting(c, v, url);
	return 0;
}

static int compare_paths(struct comparison *c)
{
	_cleanup_free_ struct diff_pattern *patterns = NULL;
	struct diff_question q = {.work = &c->f->work, .found = compare_request, .user = c};
	size_t n = 0;

	for (unsigned s = 0; s < DIFF_SLOTS; s++) {
		for (unsigned i = 0; i < c->class[s].n; i++)
			n += c->class[s].all[i]->n_match;
		if (s >= POLICY_LAYERS_MAX && c->slots & 1u << s)
			q.wanted |= 1u << s;
	}
	if (n >= DIFF_PATTERNS_MAX)
		return -E2BIG;
	patterns = xcalloc(n, sizeof(*patterns));
	for (unsigned s = 0; s < DIFF_SLOTS; s++)
		for (unsigned i = 0; i < c->class[s].n; i++) {
			const struct rule *r = c->class[s].all[i];

			for (unsigned k = 0; k < r->n_match; k++)
				patterns[q.n_patterns++] = (struct diff_pattern){
					&r->paths[k], s, r->deny,
					(unsigned)(r - layer_of(c->f, s)->rules)};
		}
	q.patterns = patterns;
	return diff_paths(&q);
}

static bool grants(const struct rules *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!r->all[i]->deny)
			return true;
	return false;
}

/* Whether every layer of `to` has an allow rule among these. */
static bool may_allow(const struct comparison *c, const struct rules *rules)
{
	for (unsigned s = POLICY_LAYERS_MAX; s < DIFF_SLOTS; s++)
		if (c->slots & 1u << s && !grants(&rules[s]))
			return false;
	return true;
}

/* A class is known if the same rules match; which host it has does not matter then. */
static bool class_is_new(struct comparison *c)
{
	uint16_t key[DIFF_SLOTS * (POLICY_RULES_MAX + 1)];
	size_t n = 0;

	for (unsigned s = 0; s < DIFF_SLOTS; s++) {
		for (unsigned i = 0; i < c->class[s].n; i++)
			key[n++] = (uint16_t)(c->class[s].all[i] - layer_of(c->f, s)->rules);
		key[n++] = UINT16_MAX;
	}
	return key_add(&c->classes, key, n * sizeof(*key));
}

static bool has_same_rules(const struct comparison *c)
{
	for (unsigned s = 0; s < POLICY_LAYERS_MAX; s++) {
		unsigned to = s + POLICY_LAYERS_MAX;

		if (c->class[s].n != c->class[to].n)
			return false;
		for (unsigned i = 0; i < c->class[s].n; i++) {
			size_t x = (size_t)(c->class[s].all[i] - layer_of(c->f, s)->rules),
			       y = (size_t)(c->class[to].all[i] - layer_of(c->f, to)->rules);

			if (memcmp(c->digests[s][x], c->digests[to][y], RULE_DIGEST) != 0)
				return false;
		}
	}
	return true;
}

/* Whether a rule of the class has a budget and meets rules in other classes. */
static bool may_share_budget(const struct comparison *c)
{
	for (unsigned s = 0; s < POLICY_LAYERS_MAX; s++)
		for (unsigned i = 0; i < c->class[s].n; i++)
			if (c->examples[c->first[s] +
					(size_t)(c->class[s].all[i] - layer_of(c->f, s)->rules)]
				    .url)
				return true;
	return false;
}

static int compare_class(struct comparison *c)
{
	uint64_t work = 0;

	for (unsigned s = 0; s < DIFF_SLOTS; s++) {
		c->class[s].n = 0;
		for (unsigned i = 0; i < c->host[s].n; i++) {
			const struct rule *r = c->host[s].all[i];

			if (r->schemes & 1u << c->scheme && r->methods & 1u << c->method &&
			    rule_has_port(r, c->scheme, c->port))
				c->class[s].all[c->class[s].n++] = r;
		}
		work += c->host[s].n;
	}
	if (!spend(c, work + 1))
		return -E2BIG;
	if (!may_allow(c, c->class) || has_same_rules(c) != c->same ||
	    (c->same && !may_share_budget(c)) || !class_is_new(c))
		return 0;
	return compare_paths(c);
}

static int compare_port(struct comparison *c, uint16_t port)
{
	int r = 0;

	c->port = port;
	for (int scheme = 0; r == 0 && scheme < URL_SCHEMES; scheme++)
		for (int method = 0; r == 0 && method < METHOD_COUNT; method++) {
			c->scheme = (enum url_scheme)scheme;
			c->method = method;
			r = compare_class(c);
		}
	return r;
}

static int compare_host(struct comparison *c, const char *host, size_t len, bool address)
{
	uint8_t done[(UINT16_MAX + 1) / 8] = {0};
	uint64_t work = 0;
	int r;

	if (!key_add(&c->hosts, host, len))
		return 0;
	for (unsigned s = 0; s < DIFF_SLOTS; s++) {
		const struct layer *l = layer_of(c->f, s);

		c->host[s].n = 0;
		for (unsigned i = 0; l && i < l->n_rules; i++)
			if (host_matches(&l->rules[i].host, host, len, address))
				c->host[s].all[c->host[s].n++] = &l->rules[i];
		work += l ? l->n_rules : 0;
	}
	if (!spend(c, work))
		return -E2BIG;
	if (!may_allow(c, c->host))
		return 0;
	c->host_text = host;
	r = compare_port(c, 443);
	if (r == 0)
		r = compare_port(c, 80);
	done[443 / 8] |= 1u << 443 % 8;
	done[80 / 8] |= 1u << 80 % 8;
	for (unsigned s = POLICY_LAYERS_MAX; s < DIFF_SLOTS; s++)
		for (unsigned i = 0; i < c->host[s].n; i++) {
			const struct rule *rule = c->host[s].all[i];

			for (unsigned k = 0; !rule->deny && r == 0 && k < rule->n_ports; k++) {
				uint16_t port = rule->ports[k];

				if (!(done[port / 8] & 1u << port % 8))
					r = compare_port(c, port);
				done[port / 8] |= (uint8_t)(1u << port % 8);
			}
		}
	return r;
}

static int compare_pattern(struct comparison *c, const struct host_pattern *p)
{
	char host[HOST_SIZE + 2 * FRESH_SIZE];
	int r;

	if (p->kind == HOST_EXACT)
		return compare_host(c, p->base, p->len, p->address);
	snprintf(host, sizeof(host), "%s.%s", c->fresh, p->base);
	r = compare_host(c, host, strlen(host), false);
	if (r < 0)
		return r;
	snprintf(host, sizeof(host), "%s.%s.%s", c->fresh, c->fresh, p->base);
	return compare_host(c, host, strlen(host), false);
}

static int compare_hosts(struct comparison *c)
{
	int r = 0;

	for (unsigned s = 0; r == 0 && s < DIFF_SLOTS; s++) {
		const struct layer *l = layer_of(c->f, s);

		for (unsigned i = 0; l && r == 0 && i < l->n_rules; i++)
			r = compare_pattern(c, &l->rules[i].host);
	}
	return r;
}

/* A label that no pattern names. */
static void pick_fresh(struct comparison *c)
{
	bool taken = true;

	for (unsigned n = 0; taken; n++) {
		snprintf(c->fresh, sizeof(c->fresh), n ? "any%u" : "any", n);
		taken = false;
		for (unsigned s = 0; !taken && s < DIFF_SLOTS; s++) {
			const struct layer *l = layer_of(c->f, s);

			for (unsigned i = 0; l && !taken && i < l->n_rules; i++)
				taken = strstr(l->rules[i].host.base, c->fresh) != NULL;
		}
	}
}

/* What rules of one layer of `to` let through in sum to the rule of `from`. */
struct sum {
	unsigned n;
	const struct rule *one;
	uint64_t bytes; /* POLICY_NO_LIMIT */
	uint64_t count, per_hour;
	bool rate;
};

static uint64_t per_hour(struct policy_rate r)
{
	return r.count * (3600000000 / r.period_us);
}

static struct sum sum_up(const struct comparison *c, size_t from, unsigned slot)
{
	const struct layer *l = layer_of(c->f, slot);
	struct sum s = {.rate = true};

	for (unsigned i = 0; i < l->n_rules; i++) {
		const struct rule *r = &l->rules[i];
		size_t bit = from * c->n_to + c->first[slot] + i;

		if (!(c->meet[bit / 8] & 1u << bit % 8))
			continue;
		s.n++;
		s.one = r;
		s.bytes = r->bytes_per_day == POLICY_NO_LIMIT || s.bytes == POLICY_NO_LIMIT
				  ? POLICY_NO_LIMIT
				  : s.bytes + r->bytes_per_day;
		s.rate = s.rate && r->rate.period_us;
		if (s.rate) {
			s.count += r->rate.count;
			s.per_hour += per_hour(r->rate);
		}
	}
	return s;
}

static void add_budget(struct comparison *c, size_t from, const char *name, const struct rule *rule,
		       const char *before, const char *after)
{
	struct example *e = &c->examples[from];
	struct finding *found = findings_add(c->f, FOUND_BUDGET, name, rule, NULL, xstrdup(e->url));

	if (!found)
		return;
	found->method = e->method;
	finding_change(found, c->f, before, after);
}

/*
 * Each rule's budget can be spent where it meets another rule. So `to` lets through, in the
 * requests that a rule of `from` decides, the sum over its own rules that meet them; with several
 * layers, at most what the strictest of them lets through.
 */
static void compare_budgets(struct comparison *c, size_t from, const struct rule *rule)
{
	bool bytes_held = rule->bytes_per_day == POLICY_NO_LIMIT, rate_held = !rule->rate.period_us;
	char before[AMOUNT_TEXT], after[AMOUNT_TEXT];
	struct sum s = {0};

	if (!c->examples[from].url)
		return; /* it meets nothing */
	for (unsigned slot = POLICY_LAYERS_MAX; slot < DIFF_SLOTS; slot++) {
		if (!(c->slots & 1u << slot))
			continue;
		s = sum_up(c, from, slot);
		bytes_held = bytes_held || s.bytes <= rule->bytes_per_day;
		rate_held = rate_held || (s.rate && s.count <= rule->rate.count &&
					  s.per_hour <= per_hour(rule->rate));
	}
	if (!bytes_held)
		add_budget(
			c, from, "bytesPerDay", rule, amount_size_text(rule->bytes_per_day, before),
			s.bytes == POLICY_NO_LIMIT ? "no limit" : amount_size_text(s.bytes, after));
	if (!rate_held)
		add_budget(c, from, "rate", rule, amount_rate_text(rule->rate, before),
			   !s.rate    ? "no limit"
			   : s.n == 1 ? amount_rate_text(s.one->rate, after)
				      : "more, by several rules together");
}

static void comparison_done(struct comparison *c)
{
	for (unsigned s = 0; s < DIFF_SLOTS; s++) {
		free(c->host[s].all);
		free(c->class[s].all);
		free(c->digests[s]);
	}
	free(c->hosts.keys);
	free(c->hosts.used);
	free(c->classes.keys);
	free(c->classes.used);
	for (size_t i = 0; i < c->n_from; i++)
		free(c->examples[i].url);
	free(c->examples);
	free(c->meet);
}

int diff_egress(struct findings *f)
{
	_cleanup_(comparison_done) struct comparison c = {.f = f};
	int r = 0;

	for (unsigned s = 0; s < DIFF_SLOTS; s++) {
		const struct layer *l = layer_of(f, s);
		size_t *n = s < POLICY_LAYERS_MAX ? &c.n_from : &c.n_to;

		c.first[s] = *n;
		if (!l)
			continue;
		c.slots |= 1u << s;
		*n += l->n_rules;
		c.host[s].all = xcalloc(l->n_rules, sizeof(*c.host[s].all));
		c.class[s].all = xcalloc(l->n_rules, sizeof(*c.class[s].all));
		c.digests[s] = xcalloc(l->n_rules, RULE_DIGEST);
		for (unsigned i = 0; i < l->n_rules; i++)
			rule_digest(&l->rules[i], c.digests[s][i]);
	}
	c.meet = xcalloc(c.n_from * c.n_to / 8 + 1, 1);
	c.examples = xcalloc(c.n_from, sizeof(*c.examples));
	pick_fresh(&c);
	r = compare_hosts(&c);
	c.same = true;
	c.hosts.n = 0;
	if (c.hosts.size)
		memset(c.hosts.used, 0, c.hosts.size * sizeof(bool));
	if (r == 0)
		r = compare_hosts(&c);
	for (unsigned s = 0; r == 0 && s < POLICY_LAYERS_MAX; s++) {
		const struct layer *l = layer_of(f, s);

		for (unsigned i = 0; l && i < l->n_rules; i++)
			if (!l->rules[i].deny && has_budget(&l->rules[i]))
				compare_budgets(&c, c.first[s] + i, &l->rules[i]);
	}
	return r;
}
