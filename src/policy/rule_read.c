/* One egress rule of a profile: from the document to what decides. */
#include "policy/schema.h"

#include <errno.h>
#include <string.h>

enum { TERM_MAX = 64 << 20, REQUEST_DEFAULT = 256 << 10, RESPONSE_DEFAULT = 1 << 20 };
enum { RATE_MAX = 1000000, JUSTIFICATION_MAX = 512 };

static const struct schema_key allow_keys[] = {
	{"id", true},	   {"host", true},	   {"ports", false},	  {"schemes", false},
	{"methods", true}, {"paths", true},	   {"maxRequest", false}, {"maxResponse", false},
	{"rate", false},   {"bytesPerDay", false}, {"credential", false}, {"justification", false},
	{"cidrs", false},  {"deny", false},
};
static const struct schema_key deny_keys[] = {
	{"id", true},	    {"host", true},   {"ports", false},		{"schemes", false},
	{"methods", false}, {"paths", false}, {"justification", false}, {"deny", true},
};

/* A list of words into a set of bits; a word twice is an error. */
static int read_set(const struct node *n, const char *const *words, size_t count, unsigned *ret,
		    struct err *reterr)
{
	unsigned set = 0, bit;
	int r = schema_list(n, (unsigned)count, reterr);

	for (const struct node *c = n->first; r == 0 && c; c = c->next) {
		r = schema_choice(c, words, count, &bit, reterr);
		if (r == 0 && set & 1u << bit)
			return node_error(c, reterr, "profile.value", "\"%s\" stands twice",
					  words[bit]);
		if (r == 0)
			set |= 1u << bit;
	}
	if (r == 0)
		*ret = set;
	return r;
}

static int read_methods(const struct node *n, unsigned *ret, struct err *reterr)
{
	if (n->kind == NODE_LIST)
		for (const struct node *c = n->first; c; c = c->next)
			if (c->kind == NODE_STRING && strchr(c->string, '*'))
				return node_error(c, reterr, "profile.value",
						  "\"%.40s\" means every method; name the methods "
						  "that are needed",
						  c->string);
	return read_set(n, policy_method_names, METHOD_COUNT, ret, reterr);
}

static int read_schemes(const struct node *n, unsigned *ret, struct err *reterr)
{
	static const char *const words[] = {"http", "https"};

	return read_set(n, words, ARRAY_SIZE(words), ret, reterr);
}

static int read_ports(struct arena *a, const struct node *n, struct rule *rule, struct err *reterr)
{
	int r = schema_list(n, RULE_PORTS_MAX, reterr);
	uint64_t port;

	if (r < 0)
		return r;
	rule->port_kind = PORTS_LISTED;
	rule->ports = arena_new(a, uint16_t, n->count);
	for (const struct node *c = n->first; c; c = c->next) {
		unsigned at = rule->n_ports;

		r = schema_int(c, 1, UINT16_MAX, &port, reterr);
		if (r < 0)
			return r;
		for (; at && rule->ports[at - 1] >= port; at--) {
			if (rule->ports[at - 1] == port)
				return node_error(c, reterr, "profile.value", "%u stands twice",
						  (unsigned)port);
			rule->ports[at] = rule->ports[at - 1];
		}
		rule->ports[at] = (uint16_t)port;
		rule->n_ports++;
	}
	/* What is only the default spelled out, is the default: one canonical form. */
	if (!rule->deny && rule->n_ports == 1 &&
	    ((rule->schemes == 1 << URL_HTTPS && rule->ports[0] == 443) ||
	     (rule->schemes == 1 << URL_HTTP && rule->ports[0] == 80))) {
		rule->port_kind = PORTS_DEFAULT;
		rule->n_ports = 0;
	}
	return 0;
}

static int add_path(struct arena *a, const struct node *n, const char *text, size_t len,
		    struct rule *rule, struct err *reterr)
{
	struct path_pattern p = {0};
	unsigned at = rule->n_paths;
	const char *why;

	if (path_pattern_parse(a, text, len, &p, &why) < 0)
		return node_error(n, reterr, "profile.value", "\"%.120s\" %s", text, why);
	for (; at; at--) {
		int order = strcmp(rule->paths[at - 1].text, p.text);

		if (order == 0)
			return node_error(n, reterr, "profile.value", "\"%.120s\" stands twice",
					  p.text);
		if (order < 0)
			break;
		rule->paths[at] = rule->paths[at - 1];
	}
	rule->paths[at] = p;
	rule->n_paths++;
	rule->n_match = rule->n_paths;
	return 0;
}

/* The same pattern with a slash more, or less, at its end; none if it ends in `**` or is "/". */
static void add_twin(struct arena *a, struct rule *rule, unsigned of)
{
	struct path_pattern p = rule->paths[of];
	struct path_segment *copy = arena_new(a, struct path_segment, p.n + 1);
	const struct path_segment *last = &p.segments[p.n - 1];

	memcpy(copy, p.segments, p.n * sizeof(*copy));
	if (last->kind == SEGMENT_DEEP)
		return;
	if (last->kind == SEGMENT_LITERAL && !last->len) {
		if (p.n == 1)
			return;
		p.n--;
	} else {
		copy[p.n++] = (struct path_segment){.kind = SEGMENT_LITERAL, .bytes = ""};
	}
	p.segments = copy;
	p.text = "";
	rule->paths[rule->n_match++] = p;
}

static int read_paths(struct arena *a, const struct node *n, struct rule *rule, struct err *reterr)
{
	unsigned count = n ? n->count : 1;
	int r = n ? schema_list(n, RULE_PATHS_MAX, reterr) : 0;

	if (r < 0)
		return r;
	rule->paths = arena_new(a, struct path_pattern, (size_t)count * 2);
	if (!n)
		return add_path(a, NULL, "/**", 3, rule, reterr);
	for (const struct node *c = n->first; r == 0 && c; c = c->next) {
		const char *text;

		r = schema_string(c, PATTERN_MAX_BYTES, &text, reterr);
		if (r == 0)
			r = add_path(a, c, text, c->len, rule, reterr);
	}
	for (unsigned i = 0; r == 0 && rule->deny && i < rule->n_paths; i++)
		add_twin(a, rule, i);
	return r;
}

static int compare_cidr(const struct cidr *x, const struct cidr *y)
{
	int order = memcmp(x->first, y->first, 16);

	return order ? order : (int)x->prefix - (int)y->prefix;
}

static int read_cidrs(struct arena *a, const struct node *n, struct rule *rule, struct err *reterr)
{
	int r = schema_list(n, RULE_CIDRS_MAX, reterr);

	if (r < 0)
		return r;
	if (!n->count)
		return node_error(
			n, reterr, "profile.value",
			"is empty, so no address could be reached; remove the key, or the "
			"rule");
	rule->cidrs = arena_new(a, struct cidr, n->count);
	for (const struct node *c = n->first; c; c = c->next) {
		unsigned at = rule->n_cidrs;
		struct cidr block = {0};
		const char *text, *why;

		r = schema_string(c, 64, &text, reterr);
		if (r < 0)
			return r;
		if (cidr_parse(text, c->len, &block, &why) < 0)
			return node_error(c, reterr, "profile.value", "\"%.64s\" %s", text, why);
		for (; at && compare_cidr(&rule->cidrs[at - 1], &block) >= 0; at--) {
			if (!compare_cidr(&rule->cidrs[at - 1], &block))
				return node_error(c, reterr, "profile.value",
						  "\"%.64s\" stands twice", text);
			rule->cidrs[at] = rule->cidrs[at - 1];
		}
		rule->cidrs[at] = block;
		rule->n_cidrs++;
	}
	return 0;
}

static int read_rate(const struct node *n, struct policy_rate *ret, struct err *reterr)
{
	const char *text;
	int r;

	if (n->kind != NODE_STRING)
		return node_error(n, reterr, "profile.type",
				  "must be a rate such as 10/s, 100/m or 5/h, but is %s",
				  node_kind_text(n));
	text = n->string;
	r = amount_rate(text, ret);
	if (r == -EINVAL)
		return node_error(n, reterr, "profile.value",
				  "\"%.40s\" is not a rate such as 10/s, 100/m or 5/h", text);
	if (r < 0 || ret->count < 1 || ret->count > RATE_MAX)
		return node_error(n, reterr, "profile.range", "%.40s is not from 1 to %d", text,
				  RATE_MAX);
	return 0;
}

static int read_host(const struct node *n, struct host_pattern *ret, struct err *reterr)
{
	const char *text, *why;
	int r = schema_string(n, 512, &text, reterr);

	if (r < 0)
		return r;
	if (host_pattern_parse(text, n->len, ret, &why) < 0)
		return node_error(n, reterr, "profile.value", "\"%.120s\" %s", text, why);
	return 0;
}

static int read_term(const struct node *map, const char *key, uint64_t min, uint64_t max,
		     uint64_t *in_out, struct err *reterr)
{
	const struct node *n = node_get(map, key);

	return n ? schema_amount(n, AMOUNT_SIZE, min, max, in_out, reterr) : 0;
}

static int read_terms(struct arena *a, const struct node *n, struct rule *rule, struct err *reterr)
{
	const struct node *rate = node_get(n, "rate"), *credential = node_get(n, "credential"),
			  *cidrs = node_get(n, "cidrs");
	const char *text;
	int r = 0;

	rule->max_request = REQUEST_DEFAULT;
	rule->max_response = RESPONSE_DEFAULT;
	rule->bytes_per_day = POLICY_NO_LIMIT;
	r = read_term(n, "maxRequest", 0, TERM_MAX, &rule->max_request, reterr);
	if (r == 0)
		r = read_term(n, "maxResponse", 0, TERM_MAX, &rule->max_response, reterr);
	if (r == 0)
		r = read_term(n, "bytesPerDay", 1, AMOUNT_MAX, &rule->bytes_per_day, reterr);
	if (r == 0 && rate)
		r = read_rate(rate, &rule->rate, reterr);
	if (r == 0 && cidrs)
		r = read_cidrs(a, cidrs, rule, reterr);
	if (r == 0 && credential) {
		r = schema_name(credential, "._-", &text, reterr);
		if (r == 0)
			rule->credential = arena_strndup(a, text, credential->len);
	}
	return r;
}

static int read_justification(struct arena *a, const struct node *n, struct rule *rule,
			      struct err *reterr)
{
	const struct node *j = node_get(n, "justification");
	const char *text;
	int r;

	if (!j) {
		unsigned writes = rule->deny ? 0 : rule->methods & ~(unsigned)METHODS_READ;

		if (writes)
			return node_error(node_get(n, "methods"), reterr, "profile.missing",
					  "%s can change things; say why in \"justification\"",
					  policy_method_names[__builtin_ctz(writes)]);
		return 0;
	}
	r = schema_string(j, JUSTIFICATION_MAX, &text, reterr);
	if (r == 0)
		rule->justification = arena_strndup(a, text, j->len);
	return r;
}

/* Which keys are known depends on `deny`, so it is looked at first. */
static int read_deny(const struct node *n, bool *ret, struct err *reterr)
{
	const struct node *deny = n->kind == NODE_MAP ? node_get(n, "deny") : NULL;
	int r = deny ? schema_bool(deny, ret, reterr) : 0;

	if (r < 0)
		return r;
	if (!*ret)
		return schema_map(n, allow_keys, ARRAY_SIZE(allow_keys), reterr);
	for (const struct node *c = n->first; c; c = c->next) {
		static const char *const terms[] = {"maxRequest",  "maxResponse", "rate",
						    "bytesPerDay", "credential",  "cidrs"};

		for (size_t i = 0; i < ARRAY_SIZE(terms); i++)
			if (!strcmp(c->key, terms[i]))
				return node_error(c, reterr, "profile.unknown_key",
						  "a deny rule grants nothing, so it has no terms; "
						  "remove it");
	}
	return schema_map(n, deny_keys, ARRAY_SIZE(deny_keys), reterr);
}

/* An empty list grants nothing; where it would deny nothing, it can only be a mistake. */
static int check_deny_lists(const struct node *n, struct err *reterr)
{
	for (const struct node *c = n->first; c; c = c->next)
		if (c->kind == NODE_LIST && !c->count)
			return node_error(c, reterr, "profile.value",
					  "is empty, so the rule would deny nothing; remove the "
					  "key to deny all of them");
	return 0;
}

int rule_read(struct arena *a, const struct node *n, struct rule *ret, struct err *reterr)
{
	const struct node *schemes, *methods, *ports;
	const char *id = "";
	int r;

	*ret = (struct rule){0};
	r = read_deny(n, &ret->deny, reterr);
	if (r == 0 && ret->deny)
		r = check_deny_lists(n, reterr);
	if (r == 0)
		r = schema_name(node_get(n, "id"), "._-", &id, reterr);
	if (r == 0)
		r = read_host(node_get(n, "host"), &ret->host, reterr);
	if (r < 0)
		return r;
	ret->id = arena_strndup(a, id, strlen(id));
	/* What a deny rule leaves out, it denies in all forms; an allow rule gets the safe form. */
	ret->schemes = ret->deny ? SCHEMES_ALL : 1 << URL_HTTPS;
	ret->methods = ret->deny ? METHODS_ALL : 0;
	ret->port_kind = ret->deny ? PORTS_ANY : PORTS_DEFAULT;
	schemes = node_get(n, "schemes");
	methods = node_get(n, "methods");
	ports = node_get(n, "ports");
	if (schemes)
		r = read_schemes(schemes, &ret->schemes, reterr);
	if (r == 0 && methods)
		r = read_methods(methods, &ret->methods, reterr);
	if (r == 0 && ports)
		r = read_ports(a, ports, ret, reterr);
	if (r == 0)
		r = read_paths(a, node_get(n, "paths"), ret, reterr);
	if (r == 0 && !ret->deny)
		r = read_terms(a, n, ret, reterr);
	if (r == 0)
		r = read_justification(a, n, ret, reterr);
	return r;
}
